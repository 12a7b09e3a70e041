//! Makes the plan: desired and prior in, changes and steps out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::diff::{Compared, Comparison};
use super::left::Leaving;
use super::once::once;
use super::removal::{Removal, reached};
use super::selection::Selection;
use super::stays::{self, Placement};
use super::triggers::Triggers;
use super::{
    Action, Change, FORMAT, Mode, OutputChange, Plan, Planned, Reason, Selector, limits, order,
    outputs,
};
use crate::address::{Address, BlockAddress, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, did_you_mean};
use crate::graph::{Desired, DesiredResource, Expanded, Repetition};
use crate::object::{Object, ObjectKey, Prior, ProviderRef};
use crate::provider::{Provider, Refusal, ResourceConfig, TtlEnforcement};
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
    /// The platforms were asked for their prices; otherwise no limit on them is checked.
    pub has_prices: bool,
}

impl Default for PlanOptions {
    fn default() -> Self {
        let (targets, excludes, replace) = Default::default();
        Self { mode: Mode::Normal, targets, excludes, replace, has_prices: true }
    }
}

impl PlanOptions {
    /// Tells whether `-target` and `-exclude` leave an address in by itself.
    pub(super) fn means(&self, address: &Address, attributes: &Value) -> bool {
        let is_any = |all: &[Selector]| all.iter().any(|s| s.matches(address, Some(attributes)));
        (self.targets.is_empty() || is_any(&self.targets)) && !is_any(&self.excludes)
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
    let removal = Removal::of(&inputs.prior.state.objects, inputs.desired.all_dependencies());
    let mut placement = Placement::of(&inputs.prior.objects);
    loop {
        let selection = Selection {
            options: inputs.options,
            dependencies: inputs.desired.all_dependencies(),
            removal: &removal,
        };
        let mut planner = Planner::new(inputs, selection, &placement);
        planner.plan();
        if planner.freed.is_empty() {
            return planner.finish();
        }
        // Each time there are fewer that could be.
        let freed = planner.freed;
        placement.free(freed);
    }
}

struct Planner<'a> {
    inputs: &'a PlanInputs<'a>,
    selection: Selection<'a>,
    /// Blocks that are not evaluated, for the plan is not to have them.
    left_out: BTreeSet<BlockAddress>,
    current: BTreeMap<&'a Address, &'a Object>,
    gone: BTreeSet<&'a ObjectKey>,
    /// Blocks whose objects are made before the old ones are deleted.
    create_first: BTreeSet<BlockAddress>,
    changes: Vec<Change>,
    triggers: Triggers,
    seen: BTreeSet<Address>,
    outputs: Vec<OutputChange>,
    problems: Diagnostics,
    placement: &'a Placement,
    /// Sandboxes that are replaced, and so need not stay where they are.
    freed: BTreeMap<Address, Reason>,
    leaving: Leaving<'a>,
}

impl<'a> Planner<'a> {
    fn new(inputs: &'a PlanInputs<'a>, selection: Selection<'a>, placement: &'a Placement) -> Self {
        let current = inputs.prior.objects.iter().filter(|object| object.deposed.is_none());
        let drift = inputs.prior.drift.iter();
        Self {
            inputs,
            left_out: selection.left_out(),
            selection,
            current: current.map(|object| (&object.address, object)).collect(),
            gone: drift.filter(|d| d.after.is_none()).map(|d| &d.key).collect(),
            create_first: create_first(inputs.desired),
            changes: Vec::new(),
            triggers: Triggers::default(),
            seen: BTreeSet::new(),
            outputs: Vec::new(),
            problems: Diagnostics::new(),
            placement,
            freed: BTreeMap::new(),
            leaving: Leaving::new(&inputs.prior.outages, inputs.options),
        }
    }

    fn plan(&mut self) {
        match self.inputs.options.mode {
            Mode::Normal => {
                self.desired();
                self.leftover();
            }
            Mode::RefreshOnly => self.desired(),
            Mode::Destroy => self.everything(),
        }
    }

    /// Evaluates every block in order and compares its instances with what is there.
    fn desired(&mut self) {
        let inputs = self.inputs;
        let schema_of = |provider: &ProviderRef, kind: ResourceType| {
            inputs.providers.get(provider)?.schema(kind)
        };
        let evaluation = inputs.desired.evaluate(&schema_of).without(&self.left_out);
        let mut evaluation = evaluation.staying(self.placement.stays.clone());
        while let Some(expanded) = evaluation.next_block() {
            let Some(expanded) = self.problems.absorb(expanded) else { continue };
            let block = &expanded.resource.address;
            self.problems.extend(made_nowhere(inputs.desired, &expanded));
            let triggered = &expanded.resource.lifecycle.replace_triggered_by;
            self.triggers.start(block, triggered);
            let values =
                expanded.instances.iter().map(|instance| self.instance(&expanded, instance));
            let values: Vec<Value> = values.collect();
            if evaluation.is_referenced(block) {
                evaluation.set(block, expanded.value(values));
            }
        }
        if self.problems.has_errors() || !self.is_whole() {
            return;
        }
        let outputs = evaluation.outputs();
        if let Some(outputs) = self.problems.absorb(outputs) {
            self.outputs = outputs::changes(outputs, &inputs.prior.state, inputs.options.mode);
        }
    }

    /// Plans one instance, and returns its value for the expressions that refer to it.
    fn instance(&mut self, expanded: &Expanded<'_>, instance: &DesiredResource) -> Value {
        self.seen.insert(instance.address.clone());
        if self.leaves(instance) {
            return self.left_value(instance);
        }
        let change = match self.inputs.options.mode {
            Mode::RefreshOnly => self.unchanged(instance),
            _ => self.planned(expanded, instance),
        };
        let Some(change) = change else { return Value::Unknown(Type::Dynamic) };
        if self.leaving.lacks(&change) {
            return self.left_value(instance);
        }
        let value = self.value(&change);
        self.triggers.note(&change, &self.inputs.prior.state.lineage);
        self.changes.push(change);
        value
    }

    /// Tells whether nothing is left out of the plan.
    fn is_whole(&self) -> bool {
        self.selection.is_everything() && self.leaving.is_empty()
    }

    /// Leaves an instance alone where a provider is in the way.
    fn leaves(&mut self, instance: &DesiredResource) -> bool {
        let object = self.current.get(&instance.address).copied();
        if object.is_none() && self.inputs.options.mode == Mode::RefreshOnly {
            return false;
        }
        let needed = self.inputs.desired.dependencies(&instance.address.block);
        self.leaving.leaves(instance, object, needed)
    }

    /// What an instance is that is left alone: as the state remembers it.
    fn left_value(&self, instance: &DesiredResource) -> Value {
        let Some(object) = self.current.get(&instance.address) else {
            return Value::Unknown(Type::Dynamic);
        };
        let provider = self.inputs.providers.get(&object.provider);
        match provider.and_then(|provider| provider.schema(instance.address.kind())) {
            Some(schema) => schema.block.with_nulls(&object.value()),
            None => object.value(),
        }
    }

    fn planned(&mut self, expanded: &Expanded<'_>, instance: &DesiredResource) -> Option<Change> {
        let provider = self.inputs.providers.get(&instance.provider)?;
        let schema = provider.schema(instance.address.kind())?;
        let problems = provider.validate(&ResourceConfig {
            address: &instance.address,
            kind: instance.address.kind(),
            attributes: &instance.decoded.attributes,
            range_of: &|name| instance.range_of(name),
        });
        let failed = problems.has_errors();
        let holds = self.placement.holds(instance, self.inputs.desired);
        let default = &self.inputs.desired.default_provider;
        self.problems.extend(problems.into_iter().map(|problem| match holds {
            true => stays::advice(problem, &instance.provider, default),
            false => problem,
        }));
        if failed {
            return None;
        }
        let (change, refused) = self.compare(expanded, instance, (&**provider, schema));
        if holds && change.action.is_replace() {
            self.freed.insert(instance.address.clone(), change.reason.clone());
        }
        self.problems.extend(refused.into_iter().map(|refusal| placed(refusal, instance)));
        Some(change)
    }

    /// Leaves an object as refresh found it.
    fn unchanged(&self, instance: &DesiredResource) -> Option<Change> {
        let object = *self.current.get(&instance.address)?;
        let planned = Planned {
            attributes: object.attributes.clone(),
            deferred: Vec::new(),
            depends_on: object.depends_on.clone(),
            schema_version: object.schema_version,
            create_before_destroy: object.create_before_destroy,
        };
        let provider = object.provider.clone();
        let change = Change::new(instance.address.clone(), provider, Action::NoOp);
        Some(Change {
            before: Some(Box::new(object.clone())),
            after: Some(Box::new(planned)),
            ..change
        })
    }

    fn compare(
        &self,
        expanded: &Expanded<'_>,
        instance: &DesiredResource,
        (provider, schema): (&dyn Provider, &ResourceSchema),
    ) -> Compared {
        let block = &instance.address.block;
        let before = self.current.get(&instance.address).copied();
        let key = ObjectKey { address: instance.address.clone(), deposed: None };
        let comparison = Comparison {
            desired: instance,
            before,
            provider,
            schema,
            lineage: &self.inputs.prior.state.lineage,
            ignore: &expanded.resource.lifecycle.ignore_changes,
            depends_on: self.closure(block),
            create_before_destroy: self.create_first.contains(block),
            forced: before.and_then(|before| self.forced(before, instance, expanded)),
            is_gone: self.gone.contains(&key),
        };
        let (mut change, refused) = comparison.change();
        change.notes.extend(moved(&change));
        let has = |name| change.after_attributes().is_some_and(|a| a.get(name).is_some());
        change.ttl = match instance.address.kind() {
            ResourceType::Sandbox if has("ttl") => Some(provider.capabilities().ttl),
            ResourceType::Snapshot if has("expires_in") => Some(TtlEnforcement::Expire),
            _ => None,
        };
        (change, refused)
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
            return Some(self.placement.reason(before, &instance.provider));
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
        let triggers = &expanded.resource.lifecycle.replace_triggered_by;
        self.triggers.fired(triggers, instance.address.key.as_ref())
    }

    /// Lists all that a block depends on, directly or not.
    fn closure(&self, block: &BlockAddress) -> Vec<BlockAddress> {
        let found = reached(self.inputs.desired.all_dependencies(), [block]);
        found.into_iter().cloned().collect()
    }

    /// What an instance becomes, for the expressions that refer to it.
    fn value(&self, change: &Change) -> Value {
        let provider = self.inputs.providers.get(&change.provider);
        let schema = provider.and_then(|p| p.schema(change.address.kind()));
        let attributes = change.after_attributes().cloned().unwrap_or_else(Value::null);
        let attributes = match change.address.kind() {
            ResourceType::Sandbox => attributes.with("status", status(change)),
            _ => attributes,
        };
        match schema {
            Some(schema) => schema.block.with_nulls(&attributes),
            None => attributes,
        }
    }

    /// Deletes what is in the state and no longer in the configuration.
    fn leftover(&mut self) {
        let blocks = &self.inputs.desired.config.resources;
        for object in &self.inputs.prior.objects {
            let reason = if object.deposed.is_some() {
                Reason::Deposed
            } else if self.seen.contains(&object.address)
                || self.left_out.contains(&object.address.block)
            {
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
        if self.is_whole() {
            self.outputs = outputs::removals(&self.inputs.prior.state.outputs);
        }
    }

    fn delete(&mut self, object: &Object, reason: Reason) {
        if self.leaving.keeps(object) {
            return;
        }
        let provider = object.provider.clone();
        let change = Change::new(object.address.clone(), provider, Action::Delete);
        self.changes.push(Change {
            deposed: object.deposed.clone(),
            reason,
            before: Some(Box::new(object.clone())),
            ..change
        });
    }

    /// Refuses to delete what is to be kept.
    fn check_prevented(&mut self) {
        let resources = &self.inputs.desired.config.resources;
        for change in self.changes.iter().filter(|change| change.deposed.is_none()) {
            let resource = resources.get(&change.address.block);
            if let Some(resource) = resource.filter(|r| r.lifecycle.prevent_destroy)
                && (change.action == Action::Delete || change.action.is_replace())
            {
                self.problems.push(prevented(&change.address).at(resource.range.clone()));
            }
        }
    }

    /// Lists the living objects that the plan does not speak of.
    fn untouched(&self) -> Vec<&'a Object> {
        let touched: BTreeSet<&Address> =
            self.changes.iter().map(|change| &change.address).collect();
        let objects = self.current.values().copied();
        objects.filter(|object| !touched.contains(&object.address)).collect()
    }

    fn finish(mut self) -> Result<Plan, Diagnostics> {
        let options = self.inputs.options;
        if !self.problems.has_errors() {
            let unmatched = self.unmatched();
            self.problems.extend(unmatched);
        }
        self.select();
        self.leaving.spare(&mut self.changes, self.selection.removal, &self.inputs.prior.objects);
        self.check_prevented();
        if options.mode == Mode::Normal && !self.problems.has_errors() {
            let mut limits = self.inputs.desired.config.settings.limits.clone();
            if !options.has_prices {
                limits.max_hourly_cost = None;
            }
            self.problems.extend(limits::check(&limits, &self.changes, &self.untouched()));
            self.problems.extend(self.placement.warnings(&self.changes, self.inputs.desired));
        }
        let problems = once(std::mem::take(&mut self.problems));
        let warnings = problems.into_errors_or_warnings()?;
        self.changes.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        let based_on = self.rows_read();
        let left = self.leaving.finish();
        let Selection { dependencies, removal, .. } = self.selection;
        let steps = order::steps(&self.changes, dependencies, removal);
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
            outages: self.inputs.prior.outages.clone(),
            left,
        })
    }

    /// Leaves out what `-target` and `-exclude` leave out.
    fn select(&mut self) {
        if self.selection.is_everything() {
            return;
        }
        self.selection.apply(&mut self.changes);
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
            .filter(|(_, selector)| !self.selection.matches_any(selector, &self.changes))
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
}

/// Says where the argument stands that a platform refuses.
fn placed(refusal: Refusal, instance: &DesiredResource) -> Diagnostic {
    let range = instance.range_of(&refusal.argument);
    Diagnostic { range, ..refusal.problem }.address(&instance.address)
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

/// How far a sandbox will have come, if that is known.
fn status(change: &Change) -> Value {
    let known = matches!(change.action, Action::NoOp | Action::Update);
    match (&change.before, known && change.provision.is_empty()) {
        (Some(before), true) => Value::from(before.status.as_str()),
        _ => Value::Unknown(Type::String),
    }
}

/// Warns of an SSH key or a network that nothing is made of.
fn made_nowhere(desired: &Desired, expanded: &Expanded<'_>) -> Option<Diagnostic> {
    let resource = expanded.resource;
    let is_unused = expanded.repetition == Repetition::PerProvider
        && expanded.instances.is_empty()
        && !desired.is_used(&resource.address);
    is_unused.then(|| {
        Diagnostic::warning("unused-resource", "Nothing is made of this block")
            .detail(format!(
                "No sandbox uses {}, and the default provider `{}` cannot make {}.",
                resource.address,
                desired.default_provider,
                resource.address.kind.with_article()
            ))
            .at(resource.range.clone())
            .address(&resource.address)
    })
}

/// Says that a sandbox moves, where that is not the reason for its replacement.
fn moved(change: &Change) -> Option<String> {
    let from = &change.before.as_ref()?.provider;
    let is_reason = matches!(change.reason, Reason::ProviderChanged { .. });
    let to = &change.provider;
    (from != to && !is_reason).then(|| format!("it moves from {from} to {to}"))
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
