//! From a step that is ready to a call that is about to be made, with the
//! intent that is written down before it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::address::{Address, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, Verb};
use crate::object::{DeposedKey, Object, ObjectKey, OperationId, Ownership, ProviderRef, Status};
use crate::plan::{Action, Change, Operation, Planned, Step, StepId};
use crate::provider::{
    CreateRequest, DeleteRequest, Provider, ProvisionRequest, Reporter, UpdateRequest,
};
use crate::state::{Intent, NewOperation, OperationKind};
use crate::value::{AttributePath, Value};

use super::attributes::{intended, resolve, without_unknown};
use super::call::{Call, verb};
use super::lanes::Class;
use super::run::{Flight, Run, malformed, step_verb};
use super::world::current_key;
use super::writes::Write;

/// A call with what goes into the journal before it.
pub(super) struct Departure {
    pub step: Option<StepId>,
    pub operation: NewOperation,
    pub class: Class,
    pub wanted: Value,
    pub call: Call,
}

/// What stands in the state for the image of a disk that is being made anew.
const REBUILDING: &str = "(being rebuilt)";

impl Run<'_> {
    /// Starts a step: it becomes a call, or is done at once, or fails before any call.
    pub(super) fn start(&mut self, id: StepId) {
        let step = self.step(id);
        match self.departure(step) {
            Ok(Some(departure)) => {
                if let Err(problem) = self.depart(departure) {
                    self.refuse(id, problem);
                }
            }
            Ok(None) => self.pass(id),
            Err(problems) => self.refuse(id, problems),
        }
    }

    fn departure(&mut self, step: &Step) -> Result<Option<Departure>, Diagnostics> {
        match &step.operation {
            Operation::Gate | Operation::Forget(_) => Ok(None),
            Operation::Delete(key) => Ok(self.deletion(Some(step.id), key)),
            Operation::Create { deposes } => self.creation(step, deposes.as_ref()).map(Some),
            Operation::Update => self.update(step).map(Some),
            Operation::Provision => self.provisioning(step).map(Some),
        }
    }

    /// A step that reaches no platform: a row is forgotten, or was gone already.
    fn pass(&mut self, id: StepId) {
        let step = self.step(id);
        if let Operation::Forget(key) = &step.operation
            && self.world.object(key).is_some()
        {
            self.world.remove(key);
            self.next.writes.push(Write::Remove(key.clone()));
            self.next.events.push(Event::ApplyComplete {
                address: key.address.clone(),
                verb: Verb::Forget,
                id: None,
                seconds: 0.0,
            });
            self.tally.summary.forget += 1;
        }
        let ready = self.readiness.done(id);
        self.queue(ready);
    }

    /// A step that fails before any call.
    fn refuse(&mut self, id: StepId, problems: Diagnostics) {
        let step = self.step(id);
        let address = self.change(step).map(|change| change.address.clone());
        if let Some(address) = address.clone() {
            let verb = step_verb(&step.operation);
            self.next.events.push(Event::ApplyErrored { address, verb, seconds: 0.0 });
        }
        for problem in problems {
            let named = match (&problem.address, &address) {
                (None, Some(address)) => problem.address(address),
                _ => problem,
            };
            self.problem(named);
        }
        self.fail(id);
    }

    /// Puts a call on its way: into the journal with the next commit, out after it.
    pub(super) fn depart(&mut self, departure: Departure) -> Result<(), Diagnostics> {
        let Departure { step, operation, class, wanted, call } = departure;
        let provider = self.provider(&operation.provider, &operation.key.address)?.clone();
        let lane = (class, operation.provider.clone());
        self.lanes.hold(lane.clone());
        self.move_aside(&operation);
        self.begin_rebuild(step, &operation.key);
        let now = Instant::now();
        let key = match operation.kind {
            OperationKind::Create => current_key(&operation.key.address),
            _ => operation.key.clone(),
        };
        self.next.events.push(Event::ApplyStart {
            address: key.address.clone(),
            verb: verb(operation.kind),
            id: operation.remote_id.clone(),
        });
        let flight = Flight {
            step,
            kind: operation.kind,
            key,
            lane,
            wanted,
            remote_id: operation.remote_id.clone(),
            started: now,
            heard: now,
            phase: String::new(),
        };
        self.flights.insert(operation.id.clone(), flight);
        self.next.launches.push((operation.id.clone(), provider, call));
        self.next.writes.push(Write::Begin(Box::new(operation)));
        Ok(())
    }

    /// Changes the rows that a beginning changes: what a create deposes, and that
    /// what is provisioned is not ready.
    fn move_aside(&mut self, operation: &NewOperation) {
        let address = &operation.key.address;
        match (operation.kind, &operation.key.deposed) {
            (OperationKind::Create, Some(key)) => {
                self.world.depose(address, key);
                self.deposed.insert(address.clone(), key.clone());
                self.next.writes.push(Write::Depose(address.clone(), key.clone()));
            }
            (OperationKind::Provision, _) => {
                let object = self.world.current(address).cloned();
                if let Some(object) = object.filter(|o| o.status != Status::Provisioning) {
                    let object = Object { failure: None, ..object };
                    self.keep(with_status(object, Status::Provisioning));
                }
            }
            _ => {}
        }
    }

    /// From here on nobody knows what is on the disk: whatever the configuration
    /// says when the next run looks, the disk is made anew.
    fn begin_rebuild(&mut self, step: Option<StepId>, key: &ObjectKey) {
        let Some(step) = step.map(|id| self.step(id)) else { return };
        let change = self.change(step).filter(|change| change.action == Action::Rebuild);
        let (Some(change), Operation::Update) = (change, &step.operation) else { return };
        let Some(object) = self.world.object(key).cloned() else { return };
        let mark =
            |all: Value, path: &AttributePath| all.with(path.root(), Value::from(REBUILDING));
        let attributes = change.replace_because.iter().fold(object.attributes, mark);
        self.keep(Object { attributes, steps: Vec::new(), failure: None, ..object });
    }

    /// Writes an object down, here and in the state.
    pub(super) fn keep(&mut self, object: Object) {
        self.world.put(object.clone());
        self.next.writes.push(Write::Put(Box::new(object)));
    }

    fn provider(
        &self,
        name: &ProviderRef,
        address: &Address,
    ) -> Result<&Arc<dyn Provider>, Diagnostics> {
        self.inputs.providers.get(name).ok_or_else(|| {
            Diagnostic::error("provider-missing", "Provider is not configured")
                .detail(format!(
                    "The object of `{address}` belongs to provider `{name}`, which is not \
                     configured. Add `provider \"{}\" {{ … }}`, or remove the object from the \
                     state with `sandplan state rm`.",
                    name.platform
                ))
                .address(address)
                .into()
        })
    }

    fn creation(
        &mut self,
        step: &Step,
        deposes: Option<&DeposedKey>,
    ) -> Result<Departure, Diagnostics> {
        let (change, planned) = self.planned(step)?;
        if self.unsettled.contains(&change.address) {
            return Err(unsettled(&change.address).into());
        }
        if self.world.current(&change.address).is_some() && deposes.is_none() {
            return Err(occupied(&change.address).into());
        }
        let wanted = self.resolved(planned)?;
        let attributes = without_unknown(&wanted);
        if let Some(secret) = lost_secret(&attributes) {
            return Err(secret.into());
        }
        let id = (self.inputs.new_id)();
        let now = (self.inputs.clock)();
        let key = ObjectKey { address: change.address.clone(), deposed: deposes.cloned() };
        let intent = Intent {
            attributes: intended(&wanted),
            depends_on: planned.depends_on.clone(),
            schema_version: planned.schema_version,
            create_before_destroy: planned.create_before_destroy,
            provision: self.is_provisioned_after(step),
        };
        let request = CreateRequest {
            operation: id.clone(),
            kind: change.address.kind(),
            ownership: self.ownership(change, &id, expiry(&wanted, None, now)),
            attributes,
            reporter: self.reporter(&id),
        };
        let operation = NewOperation {
            id,
            kind: OperationKind::Create,
            key,
            provider: change.provider.clone(),
            remote_id: None,
            intent: Some(intent),
            begun_at: now,
        };
        let (step, class, call) = (Some(step.id), Class::Call, Call::Create(request));
        Ok(Departure { step, operation, class, wanted, call })
    }

    fn update(&mut self, step: &Step) -> Result<Departure, Diagnostics> {
        let (change, planned) = self.planned(step)?;
        let wanted = self.resolved(planned)?;
        let object = self.existing(&change.address)?.clone();
        let operation = self.operation(OperationKind::Update, &object);
        let expires_at = expiry(&wanted, Some(&object), operation.begun_at);
        let request = UpdateRequest {
            operation: operation.id.clone(),
            kind: change.address.kind(),
            remote_id: object.remote_id,
            ownership: self.ownership(change, &operation.id, expires_at),
            attributes: filled(&wanted, &object.attributes),
            before: object.attributes,
            changed: change.changed.clone(),
            reporter: self.reporter(&operation.id),
        };
        let (step, class, call) = (Some(step.id), Class::Call, Call::Update(request));
        Ok(Departure { step, operation, class, wanted, call })
    }

    fn provisioning(&mut self, step: &Step) -> Result<Departure, Diagnostics> {
        let (change, planned) = self.planned(step)?;
        let object = self.existing(&change.address)?.clone();
        let resolved = self.resolved(planned)?;
        // What the platform alone knew at planning time is known by now.
        let known = self.world.value(&change.address).cloned();
        let known = known.filter(|_| self.made.contains(&change.address));
        let known = known.unwrap_or_else(|| object.attributes.clone());
        let wanted = filled(&resolved, &known);
        let operation = self.operation(OperationKind::Provision, &object);
        let request = ProvisionRequest {
            operation: operation.id.clone(),
            remote_id: object.remote_id,
            attributes: wanted.clone(),
            done: object.steps,
            base_dir: self.inputs.settings.base_dir.clone(),
            reporter: self.reporter(&operation.id),
        };
        let (step, class, call) = (Some(step.id), Class::Call, Call::Provision(request));
        Ok(Departure { step, operation, class, wanted, call })
    }

    /// Prepares the deletion of a row's object; nothing when there is no such row.
    pub(super) fn deletion(&self, step: Option<StepId>, key: &ObjectKey) -> Option<Departure> {
        let object = self.world.object(key)?;
        let operation = self.operation(OperationKind::Delete, object);
        let request = DeleteRequest {
            operation: operation.id.clone(),
            kind: key.address.kind(),
            remote_id: object.remote_id.clone(),
            reporter: self.reporter(&operation.id),
        };
        let (class, call) = (Class::Call, Call::Delete(request));
        Some(Departure { step, operation, class, wanted: Value::null(), call })
    }

    fn operation(&self, kind: OperationKind, object: &Object) -> NewOperation {
        NewOperation {
            id: (self.inputs.new_id)(),
            kind,
            key: object.key(),
            provider: object.provider.clone(),
            remote_id: Some(object.remote_id.clone()),
            intent: None,
            begun_at: (self.inputs.clock)(),
        }
    }

    fn planned(&self, step: &Step) -> Result<(&Change, &Planned), Diagnostics> {
        let change = step.change.and_then(|n| self.inputs.plan.changes.get(n as usize));
        let planned = change.and_then(|change| Some((change, change.after.as_deref()?)));
        planned.ok_or_else(|| malformed().into())
    }

    fn resolved(&self, planned: &Planned) -> Result<Value, Diagnostics> {
        resolve(planned, self.inputs.evaluate, &|block| self.world.block(block))
    }

    fn existing(&self, address: &Address) -> Result<&Object, Diagnostics> {
        self.world.current(address).ok_or_else(|| {
            Diagnostic::error("object-gone", "Object is not in the state")
                .detail(format!("`{address}` was to be changed, but it is in the state no longer."))
                .address(address)
                .into()
        })
    }

    fn ownership(
        &self,
        change: &Change,
        operation: &OperationId,
        expires_at: Option<Timestamp>,
    ) -> Ownership {
        Ownership {
            project: self.inputs.plan.project.clone(),
            lineage: self.inputs.plan.lineage.clone(),
            address: change.address.clone(),
            operation: operation.clone(),
            expires_at,
        }
    }

    fn reporter(&self, operation: &OperationId) -> Reporter {
        Reporter::new(operation.clone(), self.reports.clone())
    }

    /// Tells whether provisioning of the same change follows a step.
    pub(super) fn is_provisioned_after(&self, step: &Step) -> bool {
        step.operation != Operation::Provision
            && step.change.is_some_and(|change| self.provisioned.contains(&change))
    }
}

/// Sets how far an object has come, also where expressions read it.
pub(super) fn with_status(object: Object, status: Status) -> Object {
    let attributes = match object.address.kind() {
        ResourceType::Sandbox => object.attributes.with("status", Value::from(status.as_str())),
        _ => object.attributes,
    };
    Object { status, attributes, ..object }
}

/// Returns when an object is to expire: as planned, or as before unless the time
/// that it may live changes, or that time after its creation.
fn expiry(wanted: &Value, before: Option<&Object>, now: Timestamp) -> Option<Timestamp> {
    let planned = wanted.get("expires_at").and_then(Value::as_str);
    if let Some(planned) = planned.and_then(|text| text.parse().ok()) {
        return Some(planned);
    }
    let span = lifetime(wanted);
    if let Some(before) = before
        && lifetime(&before.attributes) == span
    {
        return before.expires_at();
    }
    let created = before.and_then(|object| object.text("created_at")?.parse().ok());
    created.unwrap_or(now).checked_add(crate::duration::parse(span?)?).ok()
}

/// Returns how long a sandbox or a snapshot may live.
fn lifetime(attributes: &Value) -> Option<&str> {
    let spans = ["ttl", "expires_in"].into_iter();
    spans.filter_map(|name| attributes.get(name)?.as_str()).next()
}

/// Returns the wanted attributes with the unknown ones as they are known by now.
fn filled(wanted: &Value, known: &Value) -> Value {
    let attributes = wanted.as_attributes().into_iter().flat_map(|a| a.iter());
    let fill = |name: &str, value: &Value| match value.is_unknown() {
        true => known.get(name).cloned().unwrap_or_else(|| without_unknown(value)),
        false => without_unknown(value),
    };
    Value::object(attributes.map(|(name, value)| (name.clone(), fill(name, value))))
}

/// Finds an argument of which only the fingerprint is left.
fn lost_secret(attributes: &Value) -> Option<Diagnostic> {
    fn is_lost(value: &Value) -> bool {
        matches!(value, Value::Redacted(_)) || value.children().any(is_lost)
    }
    let (name, _) = attributes.as_attributes()?.iter().find(|(_, value)| is_lost(value))?;
    Some(Diagnostic::error("secret-not-available", "Secret is not available").detail(format!(
        "`{name}` is sensitive, so the plan file and the state hold only its fingerprint. Apply \
         without a plan file, so that the value is read again."
    )))
}

fn unsettled(address: &Address) -> Diagnostic {
    Diagnostic::error("operation-open", "An earlier create has not been settled")
        .detail(format!(
            "An earlier run began to create `{address}`, and the platform could not be asked what \
             became of it. Making it now might make a second one. Try again when the platform \
             answers."
        ))
        .address(address)
}

fn occupied(address: &Address) -> Diagnostic {
    Diagnostic::error("stale-plan", "Saved plan is stale")
        .detail(format!("`{address}` exists already. Run `sandplan plan` again."))
        .address(address)
}
