//! From what came of a call to what is written, said and started next.

use std::sync::Arc;

use tokio::task::JoinError;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Failure};
use crate::event::Event;
use crate::object::{
    Object, ObjectKey, OperationId, RemoteId, RemoteObject, Status, StepFailure, StepRecord,
};
use crate::plan::{Action, Change, Planned};
use crate::provider::sandbox::Sandbox;
use crate::provider::{Committed, ProviderError, ProviderErrorKind, ProvisionOutcome};
use crate::state::{Ending, OperationKind};
use crate::value::Value;

use super::OnFailure;
use super::attributes::{merge, with_all, without_unknown};
use super::call::{Answer, refusal, verb};
use super::prepare::with_status;
use super::run::{Flight, Run};
use super::world::current_key;
use super::writes::Write;

impl<'a> Run<'a> {
    /// Takes in what came of a call.
    pub(super) fn settle(
        &mut self,
        operation: OperationId,
        flight: Flight,
        answer: Result<Answer, JoinError>,
    ) {
        match answer {
            Ok(Answer::Made(Ok(remote))) => self.made(operation, flight, remote),
            Ok(Answer::Deleted(Ok(()))) => self.deleted(operation, flight),
            Ok(Answer::Deleted(Err(error))) if error.kind == ProviderErrorKind::NotFound => {
                self.deleted(operation, flight);
            }
            Ok(Answer::Provisioned(Ok(ProvisionOutcome::Ready))) => {
                self.provisioned(operation, flight);
            }
            Ok(Answer::Provisioned(Ok(ProvisionOutcome::Failed(failure)))) => {
                self.not_ready(operation, flight, failure);
            }
            Ok(Answer::Made(Err(error)) | Answer::Deleted(Err(error)))
            | Ok(Answer::Provisioned(Err(error))) => self.refused(operation, flight, error),
            Err(crash) => self.refused(operation, flight, crashed(&crash)),
        }
    }

    fn made(&mut self, operation: OperationId, flight: Flight, remote: RemoteObject) {
        let Some((change, planned)) = self.change_of(&flight) else { return };
        let reported = identified(&flight.wanted, &remote);
        let provider = self.inputs.providers.get(&change.provider);
        let schema = provider.and_then(|provider| provider.schema(change.address.kind()));
        let merged = merge(&flight.wanted, &reported, schema);
        let object = self.object(&flight, change, planned);
        let object =
            Object { remote_id: remote.remote_id, attributes: merged.attributes, ..object };
        let status = self.status_after(&flight, object.status);
        self.next.writes.push(Write::End(operation, Ending::Succeeded));
        self.keep(with_status(object, status));
        if flight.kind == OperationKind::Create {
            self.made.insert(change.address.clone());
        }
        if merged.inconsistent.is_empty() {
            self.count(&flight);
            self.complete(&flight, true);
        } else {
            self.problem(inconsistent(&change.address, &merged.inconsistent));
            self.complete(&flight, false);
        }
    }

    /// Starts from the row that there is, or from a new one, and takes over what
    /// the plan says beside the attributes.
    fn object(&self, flight: &Flight, change: &Change, planned: &Planned) -> Object {
        let before = self.world.object(&flight.key).cloned();
        let before = before.filter(|_| flight.kind != OperationKind::Create);
        Object {
            address: change.address.clone(),
            deposed: None,
            version: 0,
            provider: change.provider.clone(),
            remote_id: flight.remote_id.clone().unwrap_or_else(|| RemoteId::from("")),
            status: before.as_ref().map_or(Status::Ready, |object| object.status),
            schema_version: planned.schema_version,
            attributes: without_unknown(&flight.wanted),
            depends_on: planned.depends_on.clone(),
            steps: before.as_ref().map(|object| object.steps.clone()).unwrap_or_default(),
            failure: before.and_then(|object| object.failure),
            create_before_destroy: planned.create_before_destroy,
        }
    }

    fn status_after(&self, flight: &Flight, before: Status) -> Status {
        let step = flight.step.map(|id| self.step(id));
        match step.is_some_and(|step| self.is_provisioned_after(step)) {
            true => Status::Provisioning,
            false => before,
        }
    }

    fn deleted(&mut self, operation: OperationId, flight: Flight) {
        self.world.remove(&flight.key);
        self.next.writes.push(Write::End(operation, Ending::Succeeded));
        self.next.writes.push(Write::Remove(flight.key.clone()));
        if flight.step.is_none() {
            self.bring_back(&flight.key.address);
        }
        self.count(&flight);
        self.complete(&flight, true);
    }

    /// Makes what a create had moved aside the current object again.
    fn bring_back(&mut self, address: &Address) {
        if let Some(key) = self.deposed.remove(address) {
            let deposed = ObjectKey { address: address.clone(), deposed: Some(key.clone()) };
            if self.world.object(&deposed).is_some() {
                self.world.restore(address, &key);
                self.next.writes.push(Write::Restore(address.clone(), key));
            }
        }
    }

    fn provisioned(&mut self, operation: OperationId, flight: Flight) {
        self.end_provisioning(&flight, None);
        self.next.writes.push(Write::End(operation, Ending::Succeeded));
        self.count(&flight);
        self.complete(&flight, true);
    }

    fn not_ready(&mut self, operation: OperationId, flight: Flight, failure: StepFailure) {
        let address = flight.key.address.clone();
        let destroy = self.is_destroyed_on_failure(&flight);
        self.end_provisioning(&flight, Some(failure.clone()));
        let ending = Ending::Failed(format!("{} ended with {}", failure.step, failure.rc));
        self.next.writes.push(Write::End(operation, ending));
        let problem = step_failed(&address, &failure, destroy);
        self.next.events.push(Event::StepFailed { address: address.clone(), failure });
        self.complete(&flight, false);
        self.problem(problem);
        if destroy {
            self.discard(&current_key(&address));
        }
    }

    /// Writes down how far the object came. The attributes are the planned ones even
    /// after a failure: the records say which steps of them were carried out.
    fn end_provisioning(&mut self, flight: &Flight, failure: Option<StepFailure>) {
        let Some((change, planned)) = self.change_of(flight) else { return };
        let object = self.object(flight, change, planned);
        let status = if failure.is_some() { Status::Failed } else { Status::Ready };
        self.keep(with_status(Object { failure, ..object }, status));
    }

    /// Only what has never been ready is destroyed for a failure: what was once, may
    /// hold somebody's work, and the plan did not say that it would be lost.
    fn is_destroyed_on_failure(&self, flight: &Flight) -> bool {
        let address = &flight.key.address;
        let made = self.made.contains(address);
        let wanted = Sandbox::from_value(&flight.wanted).ready.destroy_on_failure;
        made && (wanted || self.inputs.settings.on_failure == OnFailure::DestroyNew)
    }

    /// Deletes what this run made and could not complete.
    fn discard(&mut self, key: &ObjectKey) {
        if let Some(departure) = self.deletion(None, key)
            && let Err(problems) = self.depart(departure)
        {
            problems.into_iter().for_each(|problem| self.problem(problem));
        }
    }

    fn refused(&mut self, operation: OperationId, flight: Flight, error: ProviderError) {
        self.complete(&flight, false);
        self.problem(refusal(&error, &flight.key.address));
        if error.committed == Committed::No {
            self.not_rebuilt(&flight);
        }
        let ending = match &error.committed {
            Committed::Unknown if flight.kind != OperationKind::Provision => {
                if let Some(id) = flight.remote_id.clone() {
                    self.next.writes.push(Write::RemoteId(operation.clone(), id));
                }
                Ending::Unknown(error.message.clone())
            }
            _ => Ending::Failed(error.message.clone()),
        };
        self.next.writes.push(Write::End(operation, ending));
        if flight.kind == OperationKind::Create {
            self.not_made(&flight, error.committed);
        }
    }

    /// A rebuild that was refused: the disk is as it was.
    fn not_rebuilt(&mut self, flight: &Flight) {
        let change = flight.step.and_then(|id| self.change(self.step(id)));
        let change = change.filter(|change| change.action == Action::Rebuild);
        let before = change.and_then(|change| change.before.as_deref());
        if let Some(before) = before.filter(|_| flight.kind == OperationKind::Update) {
            self.keep(before.clone());
        }
    }

    /// A create that failed: what was moved aside comes back, or what is there is tainted.
    fn not_made(&mut self, flight: &Flight, committed: Committed) {
        match committed {
            Committed::No => self.bring_back(&flight.key.address),
            Committed::Partially(id) => {
                let Some((change, planned)) = self.change_of(flight) else { return };
                let object = Object { remote_id: id, ..self.object(flight, change, planned) };
                self.keep(with_status(object, Status::Tainted));
                if self.inputs.settings.on_failure == OnFailure::DestroyNew {
                    self.discard(&flight.key);
                }
            }
            Committed::Unknown => {}
        }
    }

    /// Writes down a provisioning step that ended on the machine.
    pub(super) fn keep_record(&mut self, address: Address, record: StepRecord) {
        let Some(object) = self.world.current(&address) else { return };
        let mut steps = object.steps.clone();
        steps.retain(|step| step.name != record.name);
        steps.push(record.clone());
        self.world.put(Object { steps, ..object.clone() });
        self.next.writes.push(Write::Step(current_key(&address), record.clone()));
        self.next.events.push(Event::StepComplete { address, step: record });
    }

    /// Writes down computed attributes that became known while a call was running.
    pub(super) fn learn(&mut self, address: &Address, known: &[(Arc<str>, Value)]) {
        let Some(object) = self.world.current(address).cloned() else { return };
        let attributes = with_all(&object.attributes, known);
        self.keep(Object { attributes, ..object });
    }

    fn change_of(&self, flight: &Flight) -> Option<(&'a Change, &'a Planned)> {
        let change = self.change(self.step(flight.step?))?;
        Some((change, change.after.as_deref()?))
    }

    /// Says that a call is over, and lets go on, or not, what waited for it.
    fn complete(&mut self, flight: &Flight, done: bool) {
        let (address, verb) = (flight.key.address.clone(), verb(flight.kind));
        let seconds = flight.seconds();
        self.next.events.push(match done {
            true => {
                let id = self.world.object(&flight.key).map(|object| object.remote_id.clone());
                Event::ApplyComplete { address, verb, id: id.or(flight.remote_id.clone()), seconds }
            }
            false => Event::ApplyErrored { address, verb, seconds },
        });
        match (flight.step, done) {
            (Some(step), true) => {
                let ready = self.readiness.done(step);
                self.queue(ready);
            }
            (Some(step), false) => self.fail(step),
            (None, _) => {}
        }
    }

    fn count(&mut self, flight: &Flight) {
        let Some(step) = flight.step.map(|id| self.step(id)) else { return };
        let summary = &mut self.tally.summary;
        match flight.kind {
            OperationKind::Create => summary.add += 1,
            OperationKind::Delete => summary.remove += 1,
            OperationKind::Update | OperationKind::Provision => {
                let change = step.change.and_then(|n| self.inputs.plan.changes.get(n as usize));
                let changes = change.is_some_and(|change| {
                    matches!(change.action, Action::Update | Action::Rebuild)
                });
                if changes && step.change.is_some_and(|n| self.tally.changed.insert(n)) {
                    summary.change += 1;
                }
            }
        }
    }
}

/// Adds the id and the name to what was reported, where the plan left them open.
fn identified(wanted: &Value, remote: &RemoteObject) -> Value {
    let known = [("id", remote.remote_id.as_str()), ("name", &*remote.name)];
    known.into_iter().fold(remote.attributes.clone(), |reported, (name, text)| {
        let open = wanted.get(name).is_some_and(Value::is_unknown);
        match open && !text.is_empty() && reported.get(name).is_none() {
            true => reported.with(name, Value::from(text)),
            false => reported,
        }
    })
}

fn crashed(crash: &JoinError) -> ProviderError {
    let message = format!("The provider crashed: {crash}. This is a bug; please report it.");
    ProviderError::new(ProviderErrorKind::Unavailable, message).committed(Committed::Unknown)
}

fn inconsistent(address: &Address, arguments: &[Arc<str>]) -> Diagnostic {
    let names = arguments.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Diagnostic::error("provider-inconsistent", "Provider made something else than was asked for")
        .detail(format!(
            "{names} of `{address}` came back with another value than was planned. The object is \
             in the state as the provider reports it. This is a bug in the provider."
        ))
        .address(address)
}

fn step_failed(address: &Address, failure: &StepFailure, destroyed: bool) -> Diagnostic {
    let StepFailure { step, rc, log_path, .. } = failure;
    let after = match destroyed {
        true => "The sandbox is destroyed, as `on_failure` asks.".to_owned(),
        false => format!(
            "The sandbox is kept under its TTL, and the next apply goes on at this step. The \
             whole log is at `{log_path}` in the sandbox; `sandplan logs` shows it."
        ),
    };
    let code = if *rc == 124 { "124 (timed out)".to_owned() } else { rc.to_string() };
    Diagnostic::error("not-ready", "Provisioning failed")
        .detail(format!("Step `{step}` of `{address}` ended with {code}. {after}"))
        .address(address)
        .failure(Failure::NotReady)
}
