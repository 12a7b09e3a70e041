//! Makes the plan: desired and prior in, changes and steps out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::diff::Comparison;
use super::{Action, Change, FORMAT, Mode, OutputChange, Plan, Reason, Selector, limits, order};
use crate::address::{Address, BlockAddress, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, did_you_mean};
use crate::graph::{Desired, DesiredResource, Expanded, Expr, Trigger};
use crate::object::{Object, ObjectKey, Prior, ProviderRef};
use crate::provider::{Provider, ResourceConfig};
use crate::redact::redact;
use crate::schema::ResourceSchema;
use crate::value::{Type, Value};

/// The configured providers, of which the planner uses the pure half.
pub type ProviderSet = BTreeMap<ProviderRef, Arc<dyn Provider>>;

/// What a plan is asked to be.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    pub mode: Mode,
    /// Only these, and what they depend on.
    pub targets: Vec<Selector>,
    /// All but these, and what depends on them.
    pub excludes: Vec<Selector>,
    /// Replace these whatever their arguments say.
    pub replace: Vec<Selector>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { mode: Mode::Normal, targets: Vec::new(), excludes: Vec::new(), replace: Vec::new() }
    }
}

/// All that a plan is made from.
pub struct PlanInputs<'a> {
    pub desired: &'a Desired,
    pub prior: &'a Prior,
    pub providers: &'a ProviderSet,
    pub options: &'a PlanOptions,
    pub now: Timestamp,
}

/// Makes the plan. The same inputs give the same plan.
pub fn plan(inputs: &PlanInputs<'_>) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(inputs);
    if inputs.options.mode != Mode::Destroy {
        planner.desired();
    }
    if inputs.options.mode == Mode::Normal {
        planner.leftover();
    }
    if inputs.options.mode == Mode::Destroy {
        planner.everything();
    }
    planner.finish()
}

struct Planner<'a> {
    inputs: &'a PlanInputs<'a>,
    current: BTreeMap<&'a Address, &'a Object>,
    gone: BTreeSet<&'a ObjectKey>,
    /// Blocks whose objects are made before the old ones are deleted.
    create_first: BTreeSet<BlockAddress>,
    changes: Vec<Change>,
    seen: BTreeSet<Address>,
    outputs: Vec<OutputChange>,
    problems: Diagnostics,
}

impl<'a> Planner<'a> {
    fn new(inputs: &'a PlanInputs<'a>) -> Self {
        let current = inputs.prior.objects.iter().filter(|object| object.deposed.is_none());
        let drift = inputs.prior.drift.iter();
        Self {
            inputs,
            current: current.map(|object| (&object.address, object)).collect(),
            gone: drift.filter(|d| d.after.is_none()).map(|d| &d.key).collect(),
            create_first: create_first(inputs.desired),
            changes: Vec::new(),
            seen: BTreeSet::new(),
            outputs: Vec::new(),
            problems: Diagnostics::new(),
        }
    }

    /// Evaluates every block in order and compares its instances with what is there.
    fn desired(&mut self) {
        let inputs = self.inputs;
        let schema_of = |provider: &ProviderRef, kind: ResourceType| {
            inputs.providers.get(provider)?.schema(kind)
        };
        let mut evaluation = inputs.desired.evaluate(&schema_of);
        while let Some(expanded) = evaluation.next_block() {
            let Some(expanded) = self.problems.absorb(expanded) else { return };
            let first = self.changes.len();
            for instance in &expanded.instances {
                self.instance(&expanded, instance);
            }
            if evaluation.is_referenced(&expanded.resource.address) {
                let value = self.block_value(&expanded, &self.changes[first..]);
                evaluation.set(&expanded.resource.address, value);
            }
        }
        let outputs = evaluation.outputs();
        let outputs = self.problems.absorb(outputs);
        self.outputs = outputs.map(|outputs| self.output_changes(outputs)).unwrap_or_default();
    }

    fn instance(&mut self, expanded: &Expanded<'_>, instance: &DesiredResource) {
        let Some(provider) = self.inputs.providers.get(&instance.provider) else { return };
        let Some(schema) = provider.schema(instance.address.kind()) else { return };
        self.seen.insert(instance.address.clone());
        let problems = provider.validate(&ResourceConfig {
            address: &instance.address,
            kind: instance.address.kind(),
            attributes: &instance.decoded.attributes,
            range_of: &|name| instance.range_of(name),
        });
        let failed = problems.has_errors();
        self.problems.extend(problems);
        if failed {
            return;
        }
        let mut change = self.compare(expanded, instance, (&**provider, schema));
        if self.inputs.options.mode == Mode::RefreshOnly {
            change.action = Action::NoOp;
            change.reason = Reason::Unchanged;
        }
        self.changes.push(change);
    }

    fn compare(
        &self,
        expanded: &Expanded<'_>,
        instance: &DesiredResource,
        (provider, schema): (&dyn Provider, &ResourceSchema),
    ) -> Change {
        let block = &instance.address.block;
        let before = self.current.get(&instance.address).copied();
        let depends_on = self.inputs.desired.dependencies(block);
        let key = ObjectKey { address: instance.address.clone(), deposed: None };
        let comparison = Comparison {
            desired: instance,
            before,
            provider,
            schema,
            lineage: &self.inputs.prior.state.lineage,
            ignore: &expanded.resource.lifecycle.ignore_changes,
            depends_on: depends_on.into_iter().flatten().cloned().collect(),
            create_before_destroy: self.create_first.contains(block),
            forced: before.and_then(|before| self.forced(before, instance, expanded)),
            is_gone: self.gone.contains(&key),
        };
        let mut change = comparison.change();
        let has_ttl = change.after_attributes().is_some_and(|a| a.get("ttl").is_some());
        change.ttl = has_ttl.then(|| provider.capabilities().ttl);
        change
    }

    /// Returns a reason to replace that does not lie in the arguments.
    fn forced(
        &self,
        before: &Object,
        instance: &DesiredResource,
        expanded: &Expanded<'_>,
    ) -> Option<Reason> {
        if before.status == crate::object::Status::Tainted {
            return Some(Reason::Tainted);
        }
        if before.provider != instance.provider {
            return Some(Reason::ProviderChanged {
                from: before.provider.clone(),
                to: instance.provider.clone(),
            });
        }
        let is_asked = |selector: &Selector| {
            selector.matches(&instance.address, Some(&instance.decoded.attributes))
        };
        if self.inputs.options.replace.iter().any(is_asked) {
            return Some(Reason::ByRequest);
        }
        if let Some(expires_at) = before.expires_at()
            && expires_at <= self.inputs.now
        {
            return Some(Reason::Expired(expires_at));
        }
        expanded
            .resource
            .lifecycle
            .replace_triggered_by
            .iter()
            .find_map(|expr| self.triggered(expr))
    }

    fn triggered(&self, expr: &Expr) -> Option<Reason> {
        let trigger = Trigger::of(expr)?;
        let fires = self.changes.iter().any(|change| {
            change.address.block == trigger.block
                && trigger.key.as_ref().is_none_or(|key| change.address.key.as_ref() == Some(key))
                && match &trigger.attribute {
                    None => change.action != Action::NoOp,
                    Some(name) => {
                        change.action.is_replace()
                            || change.changed.iter().any(|path| path.root() == name)
                    }
                }
        });
        fires.then(|| Reason::TriggeredBy(expr.text().to_owned()))
    }

    /// What a block's instances become, for the expressions that refer to it.
    fn block_value(&self, expanded: &Expanded<'_>, changes: &[Change]) -> Value {
        let value = |change: &Change| {
            let provider = self.inputs.providers.get(&change.provider);
            let schema = provider.and_then(|p| p.schema(change.address.kind()));
            let known = matches!(change.action, Action::NoOp | Action::Update);
            let status = match (&change.before, known && change.provision.is_empty()) {
                (Some(before), true) => Value::from(before.status.as_str()),
                _ => Value::Unknown(Type::String),
            };
            let attributes = change.after_attributes().cloned().unwrap_or_else(Value::null);
            let attributes = attributes.with("status", status);
            schema.map_or(attributes.clone(), |schema| schema.block.with_nulls(&attributes))
        };
        expanded.value(changes.iter().map(value).collect())
    }

    fn output_changes(&self, outputs: Vec<crate::graph::DesiredOutput>) -> Vec<OutputChange> {
        let before = &self.inputs.prior.state.outputs;
        let lineage = &self.inputs.prior.state.lineage;
        let names: BTreeSet<Arc<str>> = outputs.iter().map(|output| output.name.clone()).collect();
        let gone = before.iter().filter(|(name, _)| !names.contains(*name));
        let gone = gone.map(|(name, output)| OutputChange {
            name: name.clone(),
            sensitive: output.sensitive,
            before: Some(output.value.clone()),
            after: None,
            deferred: None,
        });
        let mut changes: Vec<OutputChange> = gone.collect();
        changes.extend(outputs.into_iter().map(|output| {
            let before = before.get(&output.name).map(|output| output.value.clone());
            let unchanged = before.as_ref().is_some_and(|before| {
                output.value.is_wholly_known() && *before == redact(&output.value, lineage)
            });
            let after = match (&before, unchanged) {
                (Some(before), true) => before.clone(),
                _ => output.value,
            };
            OutputChange {
                name: output.name,
                sensitive: output.sensitive,
                before,
                after: Some(after),
                deferred: output.deferred,
            }
        }));
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        changes
    }

    /// Deletes what is in the state and no longer in the configuration.
    fn leftover(&mut self) {
        let blocks = &self.inputs.desired.config.resources;
        for object in &self.inputs.prior.objects {
            let reason = if object.deposed.is_some() {
                Reason::Deposed
            } else if self.seen.contains(&object.address) {
                continue;
            } else if blocks.contains_key(&object.address.block) {
                Reason::NoSuchInstance
            } else {
                Reason::NotInConfiguration
            };
            self.delete(object, reason);
        }
    }

    fn everything(&mut self) {
        for object in &self.inputs.prior.objects {
            let reason = if object.deposed.is_some() { Reason::Deposed } else { Reason::Destroy };
            self.delete(object, reason);
        }
        let outputs = &self.inputs.prior.state.outputs;
        self.outputs = outputs
            .iter()
            .map(|(name, output)| OutputChange {
                name: name.clone(),
                sensitive: output.sensitive,
                before: Some(output.value.clone()),
                after: None,
                deferred: None,
            })
            .collect();
    }

    fn delete(&mut self, object: &Object, reason: Reason) {
        self.changes.push(Change {
            address: object.address.clone(),
            deposed: object.deposed.clone(),
            provider: object.provider.clone(),
            action: Action::Delete,
            reason,
            before: Some(Box::new(object.clone())),
            after: None,
            changed: Vec::new(),
            replace_because: Vec::new(),
            provision: Vec::new(),
            notes: Vec::new(),
            ttl: None,
        });
    }

    fn finish(mut self) -> Result<Plan, Diagnostics> {
        let options = self.inputs.options;
        if !self.problems.has_errors() {
            let unmatched = self.unmatched();
            self.problems.extend(unmatched);
        }
        self.select();
        self.protect();
        if options.mode == Mode::Normal && !self.problems.has_errors() {
            let limits = &self.inputs.desired.config.settings.limits;
            self.problems.extend(limits::check(limits, &self.changes));
        }
        let warnings = std::mem::take(&mut self.problems).into_errors_or_warnings()?;
        self.changes.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        let steps = order::steps(&self.changes, self.inputs.desired.all_dependencies());
        let based_on = self.rows_read();
        Ok(Plan {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: options.mode,
            created_at: self.inputs.now,
            project: self.inputs.desired.project.clone(),
            lineage: self.inputs.prior.state.lineage.clone(),
            based_on,
            changes: self.changes,
            steps,
            drift: self.inputs.prior.drift.clone(),
            outputs: self.outputs,
            variables: self.inputs.desired.variables.clone(),
            warnings,
        })
    }

    /// Leaves out what `-target` and `-exclude` leave out.
    fn select(&mut self) {
        let options = self.inputs.options;
        if options.targets.is_empty() && options.excludes.is_empty() {
            return;
        }
        let matches = |selectors: &[Selector], change: &Change| {
            selectors.iter().any(|selector| is_meant(selector, change))
        };
        let mut needs = self.dependencies();
        let mut needed_by = reversed(&needs);
        if options.mode == Mode::Destroy {
            // What depends on it goes before it, and what stays keeps what it needs.
            std::mem::swap(&mut needs, &mut needed_by);
        }
        if !options.targets.is_empty() {
            let (hit, needed) = self.closure(|change| matches(&options.targets, change), &needs);
            self.changes.retain(|c| hit.contains(&c.key()) || needed.contains(&c.address.block));
        }
        if !options.excludes.is_empty() {
            let (hit, users) =
                self.closure(|change| matches(&options.excludes, change), &needed_by);
            self.changes.retain(|c| !hit.contains(&c.key()) && !users.contains(&c.address.block));
        }
        self.outputs.clear();
        self.problems.push(
            Diagnostic::warning("targeting", "Resource targeting is in effect").detail(
                "The plan covers only a part of the configuration, so the result may not be all that the file says. Run `sandplan plan` without `-target` and `-exclude` afterwards.",
            ),
        );
    }

    /// Warns of selectors that mean nothing.
    fn unmatched(&self) -> Diagnostics {
        let options = self.inputs.options;
        let flags = [
            ("-target", &options.targets),
            ("-exclude", &options.excludes),
            ("-replace", &options.replace),
        ];
        let given = flags
            .into_iter()
            .flat_map(|(flag, selectors)| selectors.iter().map(move |selector| (flag, selector)));
        let known: Vec<String> = self.changes.iter().map(|c| c.address.to_string()).collect();
        given
            .filter(|(_, selector)| !self.changes.iter().any(|c| is_meant(selector, c)))
            .map(|(flag, selector)| {
                let text = selector.to_string();
                Diagnostic::warning("unmatched-target", "Nothing matches")
                    .detail(format!(
                        "`{flag}={text}` matches nothing in the configuration or in the state."
                    ))
                    .hint(did_you_mean(&text, known.iter().map(String::as_str)))
            })
            .collect()
    }

    /// Returns what each block depends on: by the configuration, and by the state
    /// for what is no longer in it.
    fn dependencies(&self) -> BTreeMap<BlockAddress, BTreeSet<BlockAddress>> {
        let mut edges = self.inputs.desired.all_dependencies().clone();
        for object in &self.inputs.prior.objects {
            let targets = edges.entry(object.address.block.clone()).or_default();
            targets.extend(object.depends_on.iter().cloned());
        }
        edges
    }

    /// Refuses to destroy what is protected.
    fn protect(&mut self) {
        let resources = &self.inputs.desired.config.resources;
        let protected = self.changes.iter().filter_map(|change| {
            let is_destroyed = change.action == Action::Delete || change.action.is_replace();
            let resource = resources.get(&change.address.block)?;
            (is_destroyed && change.deposed.is_none() && resource.lifecycle.prevent_destroy)
                .then(|| prevented(&change.address).at(resource.range.clone()))
        });
        self.problems.extend(protected.collect::<Vec<_>>());
    }

    /// Lists the rows that the plan is made from: those of its changes, and those
    /// whose drift it carries. What was left out may move on.
    fn rows_read(&self) -> Vec<(ObjectKey, u64)> {
        let changes = self.changes.iter().map(Change::key);
        let drift = self.inputs.prior.drift.iter().map(|drift| drift.key.clone());
        let read: BTreeSet<ObjectKey> = changes.chain(drift).collect();
        let rows = self.inputs.prior.state.objects.iter();
        let rows = rows.map(|object| (object.key(), object.version));
        rows.filter(|(key, _)| read.contains(key)).collect()
    }

    /// Finds the rows that are meant, and the blocks reached from theirs.
    fn closure(
        &self,
        is_meant: impl Fn(&Change) -> bool,
        edges: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
    ) -> (BTreeSet<ObjectKey>, BTreeSet<BlockAddress>) {
        let meant: Vec<&Change> = self.changes.iter().filter(|c| is_meant(c)).collect();
        let mut reached = BTreeSet::new();
        let mut open: Vec<&BlockAddress> = meant.iter().map(|c| &c.address.block).collect();
        while let Some(block) = open.pop() {
            for next in edges.get(block).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        (meant.into_iter().map(Change::key).collect(), reached)
    }
}

fn is_meant(selector: &Selector, change: &Change) -> bool {
    let attributes = change.after_attributes().or(change.before_attributes());
    selector.matches(&change.address, attributes)
}

fn reversed(
    edges: &BTreeMap<BlockAddress, BTreeSet<BlockAddress>>,
) -> BTreeMap<BlockAddress, BTreeSet<BlockAddress>> {
    let mut reversed: BTreeMap<BlockAddress, BTreeSet<BlockAddress>> = BTreeMap::new();
    for (from, targets) in edges {
        for to in targets {
            reversed.entry(to.clone()).or_default().insert(from.clone());
        }
    }
    reversed
}

/// A block whose dependants are made before the old ones go has to be, too.
fn create_first(desired: &Desired) -> BTreeSet<BlockAddress> {
    let resources = &desired.config.resources;
    let own = resources.values().filter(|r| r.lifecycle.create_before_destroy);
    let mut found: BTreeSet<BlockAddress> = own.map(|r| r.address.clone()).collect();
    let mut open: Vec<BlockAddress> = found.iter().cloned().collect();
    while let Some(block) = open.pop() {
        for needed in desired.dependencies(&block).into_iter().flatten() {
            if found.insert(needed.clone()) {
                open.push(needed.clone());
            }
        }
    }
    found
}

fn prevented(address: &Address) -> Diagnostic {
    Diagnostic::error("prevent-destroy", "Instance cannot be destroyed")
        .detail(format!(
            "The plan would destroy {address}, which `lifecycle {{ prevent_destroy = true }}` \
             forbids. Remove the setting, change what forces it, or leave the resource out with \
             `-exclude`."
        ))
        .address(address)
        .failure(Failure::Refused)
}
