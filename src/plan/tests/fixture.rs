//! A platform that exists only in thought, and an apply that is a function:
//! plan and prior in, the next state out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::address::{Address, ResourceType};
use crate::apply::pure::{World, merge, resolve};
use crate::config::check::check_all;
use crate::config::{BlockBody, Config};
use crate::deferred::Deferred;
use crate::diagnostic::{Diagnostics, Source};
use crate::evaluate::{Surroundings, evaluate_deferred, parse_body};
use crate::graph::{Context, Desired, Overrides};
use crate::object::{
    Lineage, Object, ObjectKey, OutputValue, Prior, ProviderRef, RemoteId, RemoteObject, State,
    Status, StepRecord,
};
use crate::plan::{
    Change, Operation, Plan, PlanInputs, PlanOptions, ProviderSet, Selector, Step, StepId, plan,
};
use crate::provider::sandbox::Sandbox;
use crate::provider::*;
use crate::provision::pending;
use crate::redact::redact;
use crate::schema::{PLATFORMS, ResourceSchema};
use crate::value::Value;

/// The moment at which everything here is planned.
pub const NOW: &str = "2026-01-01T00:00:00Z";

pub fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// A platform whose pure half is complete and whose other half is never called.
pub struct Thought(pub ProviderRef);

/// An object at this address is not where an unchanged configuration wants it.
pub const ASTRAY: &str = "fd00::bad";

fn moved(before: Option<&Value>) -> Vec<AttributePath> {
    let is_astray = |before: &&Value| before.get("ipv6").and_then(Value::as_str) == Some(ASTRAY);
    before.filter(is_astray).map(|_| AttributePath::attribute("ipv6")).into_iter().collect()
}

#[async_trait]
impl Provider for Thought {
    fn name(&self) -> &ProviderRef {
        &self.0
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        let has_it = of == ResourceType::Sandbox || &*self.0.platform == "hetzner";
        has_it.then(|| portable::schema(of))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: vec![], ttl: TtlEnforcement::Provider, default_parallel: 4 }
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        portable::check(config, None)
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        let pending = match change.kind {
            ResourceType::Sandbox => pending(&Sandbox::from_value(change.after), None, change.done),
            _ => vec![],
        };
        let schema = &portable::schema(change.kind).block;
        let replaces = |path: &&AttributePath| {
            schema.attribute(path.root()).is_some_and(|a| a.requires_replace)
        };
        let changes = |name: &str| change.changed.iter().any(|path| path.root() == name);
        let expiry = changes("ttl") || changes("expires_in");
        PlannedChange {
            requires_replace: change.changed.iter().filter(replaces).cloned().collect(),
            drifted: moved(change.before),
            update: !change.changed.is_empty(),
            provision: pending.into_iter().map(|step| step.name).collect(),
            unknown: if expiry { vec!["expires_at".into()] } else { vec![] },
            ..PlannedChange::default()
        }
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        Ok(Account::default())
    }

    async fn list(&self, _: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        Ok(vec![])
    }

    async fn read(
        &self,
        _: ResourceType,
        _: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        Ok(None)
    }

    async fn create(&self, _: CreateRequest) -> Result<RemoteObject, ProviderError> {
        Err(unreachable())
    }

    async fn update(&self, _: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        Err(unreachable())
    }

    async fn delete(&self, _: DeleteRequest) -> Result<(), ProviderError> {
        Err(unreachable())
    }

    async fn provision(&self, _: ProvisionRequest) -> Result<ProvisionOutcome, ProviderError> {
        Err(unreachable())
    }
}

use crate::value::AttributePath;

fn unreachable() -> ProviderError {
    ProviderError::new(ProviderErrorKind::Unavailable, "This platform is only thought of.")
}

/// The providers that configurations of tests may name.
pub fn providers() -> ProviderSet {
    ["local", "local.b", "hetzner", "hetzner.eu"]
        .map(|name| name.parse::<ProviderRef>().expect("a provider"))
        .map(|name| (name.clone(), Arc::new(Thought(name)) as Arc<dyn Provider>))
        .into()
}

/// Reads one file.
pub fn config(text: &str) -> Result<Config, Diagnostics> {
    let source = Source::new("sandboxes.hcl", text);
    let body = parse_body(&source)?;
    let mut config = Config::default();
    let mut problems = config.add_file(&BlockBody::new(&body, &source));
    problems.extend(check_all(&config, portable::schema, &PLATFORMS));
    problems.into_result(config)
}

/// Reads one file and the defaults of its variables.
pub fn desired(text: &str) -> Result<Desired, Diagnostics> {
    desired_with(text, &[])
}

/// Reads one file with some variables given.
pub fn desired_with(text: &str, given: &[(&str, Value)]) -> Result<Desired, Diagnostics> {
    let config = config(text)?;
    let mut variables: BTreeMap<Arc<str>, Value> = config
        .variables
        .iter()
        .map(|(name, variable)| {
            let unknown = || Value::Unknown(variable.constraint.kind.clone());
            let value = variable.default.clone().unwrap_or_else(unknown);
            (name.clone(), value.sensitive_if(variable.sensitive))
        })
        .collect();
    for (name, value) in given {
        let sensitive = config.variables[*name].sensitive;
        variables.insert((*name).into(), value.clone().sensitive_if(sensitive));
    }
    let context = Context {
        base_dir: "/thought".into(),
        now: now(),
        digest: Arc::new(|from, _| Ok(format!("digest of {from}"))),
        lenient: false,
    };
    Desired::build(config, variables, &Overrides::default(), context)
}

/// A prior with nothing in it.
pub fn nothing() -> Prior {
    Prior::unrefreshed(State::empty(Lineage::from("lineage")))
}

/// Plans a file against a prior.
pub fn plan_with(text: &str, prior: &Prior, options: &PlanOptions) -> Result<Plan, Diagnostics> {
    plan_desired(&desired(text)?, prior, options)
}

/// Plans what is desired against a prior.
pub fn plan_desired(
    desired: &Desired,
    prior: &Prior,
    options: &PlanOptions,
) -> Result<Plan, Diagnostics> {
    let providers = providers();
    plan(&PlanInputs { desired, prior, providers: &providers, options, now: now() })
}

/// Plans a file that must be sound.
#[track_caller]
pub fn plan_of(text: &str, prior: &Prior) -> Plan {
    plan_with(text, prior, &PlanOptions::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Plans and applies a file on an empty state.
#[track_caller]
pub fn applied(text: &str) -> Prior {
    let prior = nothing();
    Prior::unrefreshed(apply(&plan_of(text, &prior), &prior, 0))
}

/// Returns the problems that a file has, one a line.
#[track_caller]
pub fn problems_of(text: &str) -> String {
    match plan_with(text, &nothing(), &PlanOptions::default()) {
        Ok(plan) => panic!("no problem in {text}: {:?}", plan.changes),
        Err(problems) => {
            problems.iter().map(|p| format!("{}: {p}", p.code)).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Options that aim at these.
pub fn targeting(targets: &[&str]) -> PlanOptions {
    PlanOptions { targets: selectors(targets), ..PlanOptions::default() }
}

/// Options that leave these out.
pub fn excluding(excludes: &[&str]) -> PlanOptions {
    PlanOptions { excludes: selectors(excludes), ..PlanOptions::default() }
}

pub fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// Lists what a plan does, as `+ sandbox.a`.
pub fn summary(plan: &Plan) -> Vec<String> {
    let done = plan.changes.iter().filter(|change| change.action != crate::plan::Action::NoOp);
    done.map(|change| {
        let deposed = change.deposed.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
        format!("{} {}{deposed}", change.action.symbol(), change.address)
    })
    .collect()
}

/// Lists the steps in one order in which they may be executed; `seed` chooses.
pub fn execution(plan: &Plan, seed: u64) -> Vec<&Step> {
    let mut done = BTreeSet::new();
    let mut order = Vec::new();
    let mut dice = seed;
    while order.len() < plan.steps.len() {
        let is_ready =
            |s: &&Step| !done.contains(&s.id) && s.waits_for.iter().all(|id| done.contains(id));
        let ready: Vec<&Step> = plan.steps.iter().filter(is_ready).collect();
        assert!(!ready.is_empty(), "the steps wait for each other: {:#?}", plan.steps);
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let next = ready[(dice >> 33) as usize % ready.len()];
        done.insert(next.id);
        order.push(next);
    }
    order
}

/// Applies a plan.
pub fn apply(plan: &Plan, prior: &Prior, seed: u64) -> State {
    let state = State { objects: prior.objects.clone(), ..prior.state.clone() };
    let mut apply = Apply {
        plan,
        world: World::new(state.clone(), plan, &providers()),
        rows: state.objects.iter().map(|object| (object.key(), object.clone())).collect(),
        serial: state.serial + 1,
    };
    for step in execution(plan, seed) {
        apply.step(step);
    }
    apply.finish(state)
}

struct Apply<'a> {
    plan: &'a Plan,
    world: World,
    rows: BTreeMap<ObjectKey, Object>,
    serial: u64,
}

impl<'a> Apply<'a> {
    fn step(&mut self, step: &Step) {
        let change = step.change.map(|index| &self.plan.changes[index as usize]);
        match (&step.operation, change) {
            (Operation::Gate, None) => {}
            (Operation::Create { deposes }, Some(change)) => {
                if let Some(key) = deposes {
                    let object = self.rows.remove(&change.key()).expect("an object to depose");
                    let object = Object { deposed: Some(key.clone()), ..object };
                    self.rows.insert(object.key(), object);
                    self.world.depose(&change.address, key);
                }
                assert!(!self.rows.contains_key(&change.key()), "{} exists", change.address);
                self.put(change, None);
            }
            (Operation::Update, Some(change)) => {
                let before = self.rows.get(&change.key()).cloned();
                assert!(before.is_some(), "{} does not exist", change.address);
                self.put(change, before);
            }
            (Operation::Provision, Some(change)) => self.provision(change),
            (Operation::Delete(key) | Operation::Forget(key), Some(_)) => {
                assert!(self.rows.remove(key).is_some(), "{key:?} does not exist");
                self.world.remove(key);
            }
            other => panic!("a step of no change: {other:?}"),
        }
    }

    fn resolved(&self, change: &Change) -> Value {
        let planned = change.after.as_deref().expect("something planned");
        let resolved = resolve(planned, &evaluate, &|block| self.world.block(block));
        resolved.unwrap_or_else(|e| panic!("{}: {e}", change.address))
    }

    fn put(&mut self, change: &Change, before: Option<Object>) {
        let planned = change.after.as_deref().expect("something planned");
        let wanted = self.resolved(change);
        let id = match &before {
            Some(object) => object.remote_id.clone(),
            None => RemoteId::from(format!("id-{}-{}", change.address, self.serial)),
        };
        let reported = reported(&change.address, &id, &wanted);
        let merged = merge(&wanted, &reported, Some(portable::schema(change.address.kind())));
        assert_eq!(merged.inconsistent, Vec::<Arc<str>>::new());
        let object = Object {
            address: change.address.clone(),
            deposed: None,
            version: self.serial,
            provider: change.provider.clone(),
            remote_id: id,
            status: Status::Ready,
            schema_version: planned.schema_version,
            attributes: merged.attributes,
            depends_on: planned.depends_on.clone(),
            steps: before.map(|object| object.steps).unwrap_or_default(),
            failure: None,
            create_before_destroy: planned.create_before_destroy,
        };
        self.world.put(object.clone());
        self.rows.insert(object.key(), object);
    }

    fn provision(&mut self, change: &Change) {
        let wanted = self.resolved(change);
        let object = self.rows.get_mut(&change.key()).expect("an object to provision");
        for step in pending(&Sandbox::from_value(&wanted), None, &object.steps) {
            object.steps.retain(|done| done.name != step.name);
            object.steps.push(StepRecord {
                name: step.name,
                hash: step.hash,
                rc: 0,
                seconds: 1.0,
                ended_at: now(),
            });
        }
        object.status = Status::Ready;
        object.failure = None;
    }

    fn finish(self, before: State) -> State {
        let mut outputs = before.outputs;
        for output in &self.plan.outputs {
            let value = match &output.deferred {
                Some(deferred) => {
                    let value = evaluate(deferred, &|block| self.world.block(block));
                    Some(value.unwrap_or_else(|e| panic!("output {}: {e}", output.name)))
                }
                None => output.after.clone(),
            };
            let Some(value) = value else {
                outputs.remove(&output.name);
                continue;
            };
            assert!(value.is_wholly_known(), "output {} is {value:?}", output.name);
            let value = redact(&value.sensitive_if(output.sensitive), &before.lineage);
            outputs.insert(output.name.clone(), OutputValue { value, sensitive: output.sensitive });
        }
        let redacted = |object: Object| Object {
            attributes: redact(&object.attributes, &before.lineage),
            ..object
        };
        let mut objects: Vec<Object> = self.rows.into_values().map(redacted).collect();
        objects.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        State { lineage: before.lineage, serial: self.serial, objects, outputs }
    }
}

/// Evaluates what waited for apply.
pub fn evaluate(
    deferred: &Deferred,
    block: &dyn Fn(&crate::address::BlockAddress) -> Option<Value>,
) -> Result<Value, Diagnostics> {
    let base_dir = std::path::Path::new("/thought");
    evaluate_deferred(deferred, &Surroundings { block, base_dir, now: now() })
}

/// What the platform says of an object.
fn reported(address: &Address, id: &RemoteId, wanted: &Value) -> Value {
    let name = wanted.get("name").filter(|name| !name.is_null() && !name.is_unknown());
    let always = Value::object([
        ("id", Value::from(id.as_str())),
        ("name", name.cloned().unwrap_or_else(|| Value::from(address.to_string()))),
    ]);
    let dated = || {
        let both = always.with("created_at", Value::from(NOW));
        both.with("expires_at", expiry(wanted))
    };
    match address.kind() {
        ResourceType::SshKey => always.with("fingerprint", Value::from("f")),
        ResourceType::Network => always,
        ResourceType::Snapshot => dated().with("bytes", Value::from(4096)),
        ResourceType::Sandbox => dated()
            .with("ipv4", Value::from(format!("ip of {id}")))
            .with("hourly_cost", Value::from("0")),
    }
}

fn expiry(wanted: &Value) -> Value {
    let span = wanted.get("ttl").or(wanted.get("expires_in"));
    let span = span.and_then(Value::as_str).and_then(crate::duration::parse);
    let at = span.and_then(|span| now().checked_add(span).ok());
    at.map_or_else(Value::null, |at| Value::from(at.to_string()))
}

/// Finds the change of an address.
#[track_caller]
pub fn change<'a>(plan: &'a Plan, address: &str) -> &'a Change {
    let address: Address = address.parse().expect("an address");
    let found = plan.changes.iter().find(|c| c.address == address && c.deposed.is_none());
    found.unwrap_or_else(|| panic!("nothing happens to {address}"))
}

/// Tells which steps a step waits for, directly or not.
pub fn waits(plan: &Plan) -> Vec<BTreeSet<StepId>> {
    let mut all: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for step in execution(plan, 0) {
        let mut waits: BTreeSet<StepId> = step.waits_for.iter().copied().collect();
        for id in &step.waits_for {
            waits.extend(all[id].iter().copied());
        }
        all.insert(step.id, waits);
    }
    all.into_values().collect()
}
