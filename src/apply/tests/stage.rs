//! A stage for one apply: a platform, a state, and a plan that is built by hand.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::address::Address;
use crate::apply::{
    ApplyInputs, ApplySettings, Lookup, Outcome, Providers, RecoverInputs, Stop, apply, recover,
};
use crate::deferred::Deferred;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream, Stamped, Subscriber};
use crate::object::{DeposedKey, Object, ObjectKey, OperationId, ProviderRef, State, Status};
use crate::plan::{Action, Change, FORMAT, Mode, Operation, Plan, Planned, Reason, Step, StepId};
use crate::provider::Provider;
use crate::state::{Failpoint, LockInfo, Locked, OpenOperation, Store};
use crate::value::{AttributePath, Type, Value};

use super::fake::{Fake, Fault, Platform, ownership};

pub struct Stage {
    directory: tempfile::TempDir,
    pub platform: Arc<Mutex<Platform>>,
    pub providers: Providers,
    pub plan: Plan,
    pub settings: ApplySettings,
    pub failpoint: Option<Failpoint>,
    pub stop: watch::Sender<Stop>,
    ids: Cell<u32>,
}

#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Subscriber for Recorder {
    fn receive(&mut self, event: &Stamped) {
        self.0.lock().unwrap().push(event.event.clone());
    }
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey { address: address(text), deposed: None }
}

pub fn deposed(text: &str, key: &str) -> ObjectKey {
    ObjectKey { address: address(text), deposed: Some(key.into()) }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

impl Stage {
    pub fn new() -> Self {
        let platform = Arc::new(Mutex::new(Platform::default()));
        let name = ProviderRef::of("fake");
        let fake = Fake { name: name.clone(), platform: platform.clone(), parallel: 100 };
        Self {
            directory: tempfile::tempdir().unwrap(),
            platform,
            providers: BTreeMap::from([(name, Arc::new(fake) as Arc<dyn Provider>)]),
            plan: empty_plan(),
            settings: ApplySettings::default(),
            failpoint: None,
            stop: watch::Sender::new(Stop::No),
            ids: Cell::new(0),
        }
    }

    pub fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap()
    }

    /// Adds a second platform under another name.
    pub fn add_provider(&mut self, name: &str, parallel: usize) -> Arc<Mutex<Platform>> {
        let platform = Arc::new(Mutex::new(Platform::default()));
        let name = ProviderRef::of(name);
        let fake = Fake { name: name.clone(), platform: platform.clone(), parallel };
        self.providers.insert(name, Arc::new(fake));
        platform
    }

    pub fn fault(&self, verb: &'static str, at: &str, fault: Fault) {
        self.platform().faults.insert((verb, address(at)), fault);
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("state.db")
    }

    pub fn locked(&self) -> Locked {
        let store = Store::open_or_create(&self.path(), &"l".into()).unwrap();
        // A process that another test forks holds a copy of a lock until it execs.
        let patience = Duration::from_secs(10);
        store.lock(LockInfo::of_this_process("apply", now()), patience).unwrap()
    }

    pub fn state(&self) -> State {
        self.locked().read().unwrap()
    }

    pub fn open_operations(&self) -> Vec<OpenOperation> {
        self.locked().open_operations().unwrap()
    }

    pub fn object(&self, at: &str) -> Option<Object> {
        self.state().current(&address(at)).cloned()
    }

    /// Puts an object on the platform and into the state.
    pub fn existing(&mut self, at: &str) -> Object {
        let asked = wanted(at);
        let owner = ownership(&address(at), &format!("made {at}"));
        let remote = self.platform().make(address(at).kind(), &owner, &asked);
        let object = Object {
            address: address(at),
            deposed: None,
            version: 0,
            provider: ProviderRef::of("fake"),
            remote_id: remote.remote_id,
            status: Status::Ready,
            schema_version: 1,
            attributes: remote.attributes,
            depends_on: vec![],
            steps: vec![],
            failure: None,
            create_before_destroy: false,
        };
        self.locked().transaction(|batch| batch.put(&object)).unwrap();
        let object = self.object(at).unwrap();
        self.plan.based_on.push((object.key(), object.version));
        object
    }

    fn change(&mut self, at: &str, action: Action) -> u32 {
        let before = self.object(at).map(Box::new);
        let gone = matches!(action, Action::Delete | Action::Forget);
        let after = (!gone).then(|| Box::new(planned(at)));
        let address = address(at);
        let provider = ProviderRef::of("fake");
        self.plan.changes.push(Change {
            price: None,
            address,
            deposed: None,
            provider,
            action,
            reason: Reason::New,
            before,
            after,
            changed: vec![],
            replace_because: vec![],
            provision: vec![],
            notes: vec![],
            ttl: None,
        });
        self.plan.changes.len() as u32 - 1
    }

    pub fn planned(&mut self, step: StepId) -> &mut Planned {
        let change = self.plan.steps[step.0 as usize].change.unwrap();
        self.plan.changes[change as usize].after.as_mut().unwrap()
    }

    pub fn push(&mut self, change: Option<u32>, operation: Operation, after: &[StepId]) -> StepId {
        let id = StepId(self.plan.steps.len() as u32);
        self.plan.steps.push(Step { id, change, operation, waits_for: after.to_vec() });
        id
    }

    pub fn create(&mut self, at: &str, after: &[StepId]) -> StepId {
        let change = self.change(at, Action::Create);
        self.push(Some(change), Operation::Create { deposes: None }, after)
    }

    /// Creates, and provisions after it; returns the second step.
    pub fn provisioned(&mut self, at: &str, after: &[StepId]) -> StepId {
        let create = self.create(at, after);
        self.push(self.plan.steps[create.0 as usize].change, Operation::Provision, &[create])
    }

    pub fn provision(&mut self, at: &str) -> StepId {
        let change = self.change(at, Action::Update);
        self.push(Some(change), Operation::Provision, &[])
    }

    pub fn update(&mut self, at: &str, after: &[StepId]) -> StepId {
        let change = self.change(at, Action::Update);
        let step = self.push(Some(change), Operation::Update, after);
        let planned = self.planned(step);
        planned.attributes = planned.attributes.with("ttl", Value::from("9h"));
        step
    }

    /// Gives the same object a disk of another image.
    pub fn rebuild(&mut self, at: &str) -> StepId {
        let change = self.change(at, Action::Rebuild);
        let image = AttributePath::attribute("image");
        self.plan.changes[change as usize].replace_because = vec![image];
        let step = self.push(Some(change), Operation::Update, &[]);
        let planned = self.planned(step);
        planned.attributes = planned.attributes.with("image", Value::from("new"));
        step
    }

    pub fn delete(&mut self, at: &str, after: &[StepId]) -> StepId {
        let change = self.change(at, Action::Delete);
        self.push(Some(change), Operation::Delete(key(at)), after)
    }

    pub fn forget(&mut self, at: &str) -> StepId {
        let change = self.change(at, Action::Forget);
        self.push(Some(change), Operation::Forget(key(at)), &[])
    }

    /// Deletes, then creates.
    pub fn replace(&mut self, at: &str, after: &[StepId]) -> StepId {
        let change = Some(self.change(at, Action::Replace));
        let delete = self.push(change, Operation::Delete(key(at)), after);
        self.push(change, Operation::Create { deposes: None }, &[delete])
    }

    /// Creates, then deletes what was deposed under `old`.
    pub fn replace_create_first(&mut self, at: &str, after: &[StepId]) -> StepId {
        let change = Some(self.change(at, Action::ReplaceCreateFirst));
        let old = DeposedKey::from("old");
        let create = self.push(change, Operation::Create { deposes: Some(old) }, after);
        self.push(change, Operation::Delete(deposed(at, "old")), &[create])
    }

    pub async fn apply(&mut self) -> (Outcome, Vec<Event>) {
        let mut store = self.locked();
        store.failpoint = self.failpoint.take();
        let (recorder, mut events) = stream();
        let outcome = apply(ApplyInputs {
            plan: &self.plan,
            store: &mut store,
            providers: &self.providers,
            events: &mut events,
            evaluate: &evaluate,
            clock: &now,
            new_id: &|| self.new_id(),
            stop: self.stop.subscribe(),
            settings: &self.settings,
        })
        .await;
        (outcome, recorder.events())
    }

    pub async fn recover(&mut self) -> (Diagnostics, Vec<Event>) {
        let mut store = self.locked();
        let (recorder, mut events) = stream();
        let (providers, clock) = (&self.providers, &now);
        let inputs = RecoverInputs { store: &mut store, providers, events: &mut events, clock };
        (recover(inputs).await.unwrap(), recorder.events())
    }

    fn new_id(&self) -> OperationId {
        self.ids.set(self.ids.get() + 1);
        OperationId::from(format!("op{}", self.ids.get()))
    }
}

impl Recorder {
    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

fn stream() -> (Recorder, EventStream) {
    let recorder = Recorder::default();
    let mut events = EventStream::new(now);
    events.subscribe(Box::new(recorder.clone()));
    (recorder, events)
}

fn empty_plan() -> Plan {
    Plan {
        format: FORMAT,
        version: "0".to_owned(),
        mode: Mode::Normal,
        created_at: now(),
        project: "p".to_owned(),
        lineage: "l".into(),
        based_on: vec![],
        changes: vec![],
        steps: vec![],
        drift: vec![],
        outputs: vec![],
        variables: BTreeMap::new(),
        warnings: Diagnostics::new(),
        outages: Default::default(),
        left: vec![],
    }
}

/// The arguments of every object of the tests.
pub fn wanted(at: &str) -> Value {
    Value::object([("name", Value::from(at)), ("ttl", Value::from("8h"))])
}

fn planned(at: &str) -> Planned {
    let unknown = || Value::Unknown(Type::String);
    let attributes = wanted(at).with("id", unknown()).with("ipv4", unknown());
    Planned {
        attributes: attributes.with("ipv6", unknown()),
        deferred: vec![],
        depends_on: vec![],
        schema_version: 1,
        create_before_destroy: false,
    }
}

/// Makes an expression `BLOCK.ATTRIBUTE`, which is all that the tests evaluate.
pub fn reference(block: &str, attribute: &str) -> Deferred {
    Deferred {
        expression: format!("{block}.{attribute}"),
        captures: BTreeMap::new(),
        references: vec![block.parse().unwrap()],
        taker: None,
    }
}

/// Plans an argument as an expression of another block.
pub fn deferred(planned: &mut Planned, argument: &str, expression: Deferred) {
    planned.attributes = planned.attributes.with(argument, Value::Unknown(Type::String));
    planned.deferred.push((AttributePath::attribute(argument), expression));
}

fn evaluate(deferred: &Deferred, lookup: Lookup<'_>) -> Result<Value, Diagnostics> {
    let attribute = deferred.expression.rsplit('.').next().unwrap_or_default();
    let block = lookup(&deferred.references[0]);
    let value = block.as_ref().and_then(|block| block.get(attribute)).cloned();
    value.ok_or_else(|| Diagnostic::error("unknown-attribute", "No such attribute").into())
}
