//! Holds one resource instance as desired against the object that is there.

use std::sync::Arc;

use super::{Action, Change, Planned, Reason};
use crate::address::BlockAddress;
use crate::graph::{DesiredResource, IgnoreChanges};
use crate::object::{Lineage, Object};
use crate::provider::{PlannedChange, ProposedChange, Provider, Refusal};
use crate::redact::redact;
use crate::schema::{BlockSchema, ResourceSchema};
use crate::value::{AttributePath, Attributes, Value};

/// What is compared, and what a replacement is decided by.
pub struct Comparison<'a> {
    pub desired: &'a DesiredResource,
    pub before: Option<&'a Object>,
    pub provider: &'a dyn Provider,
    pub schema: &'a ResourceSchema,
    pub lineage: &'a Lineage,
    pub ignore: &'a IgnoreChanges,
    pub depends_on: Vec<BlockAddress>,
    pub create_before_destroy: bool,
    /// A reason to replace that does not lie in the arguments.
    pub forced: Option<Reason>,
    /// It was in the state, and refresh did not find it.
    pub is_gone: bool,
}

/// What has to happen, and why the platform cannot do it.
pub type Compared = (Change, Vec<Refusal>);

impl Comparison<'_> {
    /// Returns what has to happen.
    pub fn change(self) -> Compared {
        let Some(before) = self.before else {
            let reason = if self.is_gone { Reason::Gone } else { Reason::New };
            return self.creation(Action::Create, reason);
        };
        if let Some(reason) = self.forced.clone() {
            return self.creation(self.replacement(), reason);
        }
        let (after, changed) = self.merged(before);
        let planned = self.provider.plan(&ProposedChange {
            kind: self.desired.address.kind(),
            before: Some(&before.attributes),
            after: &after,
            changed: &changed,
            done: &before.steps,
        });
        let changed = [changed, planned.drifted.clone()].concat();
        if !planned.requires_replace.is_empty() && !planned.rebuild {
            let (mut change, refused) = self.creation(self.replacement(), Reason::CannotUpdate);
            change.changed = changed;
            change.replace_because = planned.requires_replace;
            change.notes.extend(planned.notes);
            return (change, refused);
        }
        self.update(after, changed, planned)
    }

    fn replacement(&self) -> Action {
        match self.create_before_destroy {
            true => Action::ReplaceCreateFirst,
            false => Action::Replace,
        }
    }

    /// A new object, in place of one or of none.
    fn creation(&self, action: Action, reason: Reason) -> Compared {
        let after = &self.desired.decoded.attributes;
        let planned = self.provider.plan(&ProposedChange {
            kind: self.desired.address.kind(),
            before: None,
            after,
            changed: &[],
            done: &[],
        });
        let after = self.with_computed(configured(after), &planned);
        let shell = self.shell(action, reason, after);
        let PlannedChange { provision, notes, price, refused, .. } = planned;
        (Change { provision, notes, price, ..shell }, refused)
    }

    /// Adds what a new object's computed attributes will be.
    fn with_computed(&self, mut attributes: Attributes, planned: &PlannedChange) -> Value {
        let all = planned.unknown.is_empty();
        for attribute in self.schema.block.attributes.iter().filter(|a| a.computed) {
            if all || planned.unknown.contains(&attribute.name) {
                let unknown = || Value::Unknown(attribute.kind.clone());
                attributes.entry(attribute.name.clone()).or_insert_with(unknown);
            }
        }
        attributes.extend(planned.known.iter().cloned());
        Value::Object(Arc::new(attributes))
    }

    fn update(
        &self,
        after: Value,
        changed: Vec<AttributePath>,
        planned: PlannedChange,
    ) -> Compared {
        let Some(before) = self.before else {
            return self.creation(Action::Create, Reason::New);
        };
        let failed = before.failure.as_ref().map(|failure| failure.step.clone());
        let (action, reason) = if planned.rebuild {
            (Action::Rebuild, Reason::CannotUpdate)
        } else if !changed.is_empty() {
            (Action::Update, Reason::Changed)
        } else if !planned.provision.is_empty() {
            (Action::Update, Reason::ProvisioningIncomplete { failed })
        } else {
            (Action::NoOp, Reason::Unchanged)
        };
        let mut after = after;
        for name in &planned.unknown {
            let kind = self.schema.block.attribute(name).map(|a| a.kind.clone());
            after = after
                .with(name.clone(), Value::Unknown(kind.unwrap_or(crate::value::Type::Dynamic)));
        }
        for (name, value) in &planned.known {
            after = after.with(name.clone(), value.clone());
        }
        let calls_update = planned.update || !changed.is_empty();
        let mut change = self.shell(action, reason, after);
        change.provision = planned.provision;
        change.notes = planned.notes;
        change.price = planned.price;
        change.replace_because = planned.requires_replace;
        change.changed = if calls_update { changed } else { Vec::new() };
        (change, planned.refused)
    }

    fn shell(&self, action: Action, reason: Reason, after: Value) -> Change {
        let planned = Planned {
            attributes: after,
            deferred: self.desired.decoded.deferred.clone(),
            depends_on: self.depends_on.clone(),
            schema_version: self.schema.version,
            create_before_destroy: self.create_before_destroy,
        };
        let (address, provider) = (self.desired.address.clone(), self.desired.provider.clone());
        Change {
            reason,
            before: self.before.cloned().map(Box::new),
            after: Some(Box::new(planned)),
            ..Change::new(address, provider, action)
        }
    }

    /// Lays the desired arguments over the object that is there, and lists the
    /// top-level arguments that differ.
    fn merged(&self, before: &Object) -> (Value, Vec<AttributePath>) {
        let was = configured(&before.attributes);
        let mut after = configured(&self.desired.decoded.attributes);
        let mut changed = Vec::new();
        for name in names(&self.schema.block) {
            let attribute = self.schema.block.attribute(name);
            let computed = attribute.is_some_and(|a| a.computed);
            let configurable = attribute.is_none_or(|a| a.configurable);
            let keep = computed && !after.contains_key(name);
            if keep || !configurable {
                copy(name, &was, &mut after);
                continue;
            }
            self.ignore_changes(name, &was, &mut after);
            if differs(was.get(name), after.get(name), self.lineage) {
                changed.push(AttributePath::attribute(name.clone()));
            } else if !after.get(name).is_some_and(Value::contains_sensitive) {
                // The same in other clothes, such as an object for a map.
                copy(name, &was, &mut after);
            }
        }
        (Value::Object(Arc::new(after)), changed)
    }

    fn ignore_changes(&self, name: &Arc<str>, was: &Attributes, after: &mut Attributes) {
        match self.ignore {
            IgnoreChanges::None => {}
            IgnoreChanges::All => self.keep(name, was, after),
            IgnoreChanges::These(these) => {
                for ignored in these.iter().filter(|ignored| ignored.argument == *name) {
                    match &ignored.key {
                        None => self.keep(name, was, after),
                        Some(key) => keep_key(name, key, (was, after)),
                    }
                }
            }
        }
    }

    /// Keeps an argument as it was. One that is the same anyway stays as it is
    /// desired, for of a secret only that can be read.
    fn keep(&self, name: &Arc<str>, was: &Attributes, after: &mut Attributes) {
        if differs(was.get(name), after.get(name), self.lineage) {
            copy(name, was, after);
        }
    }
}

fn configured(attributes: &Value) -> Attributes {
    attributes.as_attributes().map(|a| (**a).clone()).unwrap_or_default()
}

fn names(schema: &BlockSchema) -> impl Iterator<Item = &Arc<str>> {
    let attributes = schema.attributes.iter().map(|a| &a.name);
    attributes.chain(schema.blocks.iter().map(|b| &b.name))
}

fn copy(name: &Arc<str>, from: &Attributes, to: &mut Attributes) {
    match from.get(name) {
        Some(value) => to.insert(name.clone(), value.clone()),
        None => to.remove(name),
    };
}

/// Keeps one key of a map as it was. Of a map of which only the fingerprint is
/// left nobody knows the keys: then nothing is kept.
fn keep_key(name: &Arc<str>, key: &Arc<str>, (from, to): (&Attributes, &mut Attributes)) {
    let (was, is) = (from.get(name), to.get(name));
    let is_lost = was.is_some_and(|was| matches!(was, Value::Redacted(_)));
    let old = was.and_then(|map| map.get(key));
    if is_lost || old == is.and_then(|map| map.get(key)) {
        return;
    }
    let empty = || Value::Map(crate::value::Type::String, Arc::default());
    let map = is.cloned().unwrap_or_else(empty);
    let is_marked = map.unmark().1;
    let map = map.revealed();
    let map = match old {
        Some(old) => map.with(key.clone(), old.clone()),
        None => without(map, key),
    };
    to.insert(name.clone(), map.sensitive_if(is_marked));
}

fn without(map: &Value, key: &str) -> Value {
    let mut attributes = configured(map);
    attributes.remove(key);
    match map {
        Value::Map(kind, _) => Value::Map(kind.clone(), Arc::new(attributes)),
        _ => Value::Object(Arc::new(attributes)),
    }
}

/// Tells whether two arguments differ; sensitive parts compare by fingerprint,
/// unset equals null equals empty.
pub fn differs(before: Option<&Value>, after: Option<&Value>, lineage: &Lineage) -> bool {
    let nothing = Value::null();
    let before = before.unwrap_or(&nothing);
    let after = after.unwrap_or(&nothing);
    if !before.contains_sensitive() && !after.contains_sensitive() {
        return !crate::object::same(before, after);
    }
    !crate::object::same(&redact(before, lineage), &redact(after, lineage))
}
