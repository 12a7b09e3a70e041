//! The loop: starts what is ready, commits, waits for news, and again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream, Verb};
use crate::object::{DeposedKey, ObjectKey, OperationId, ProviderRef, RemoteId};
use crate::plan::{Change, Operation, Step, StepId, Summary};
use crate::provider::{Provider, Report};
use crate::state::{OperationKind, StateError};
use crate::value::Value;

use super::attributes::with_all;
use super::call::{Answer, Call, verb};
use super::lanes::{Class, Lane, Lanes};
use super::outputs::settle_outputs;
use super::ready::Readiness;
use super::world::World;
use super::writes::Write;
use super::{ApplyInputs, OnFailure, Outcome, Stop};

/// How long a step may be silent before it is said that it still runs.
const SILENCE: Duration = Duration::from_secs(10);

/// How long news wait for company before they are committed: a commit costs a sync
/// and whole pages, whether it brings one result or ten.
const COMPANY: Duration = Duration::from_millis(10);

/// An apply under way.
pub(super) struct Run<'a> {
    pub inputs: ApplyInputs<'a>,
    pub readiness: Readiness,
    pub lanes: Lanes,
    pub world: World,
    pub flights: HashMap<OperationId, Flight>,
    /// Addresses at which an earlier create may have made an object.
    pub unsettled: BTreeSet<Address>,
    /// Addresses whose objects this run made, and what it moved aside for them.
    pub made: BTreeSet<Address>,
    pub deposed: BTreeMap<Address, DeposedKey>,
    /// The changes, by index, that a provisioning step belongs to.
    pub provisioned: BTreeSet<u32>,
    pub tally: Tally,
    pub next: Next,
    pub reports: UnboundedSender<(OperationId, Report)>,
    news: UnboundedReceiver<(OperationId, Report)>,
    tasks: JoinSet<Answer>,
    operations: HashMap<Id, OperationId>,
    stop: Stop,
    /// Nobody can ask for a stop any more.
    unstoppable: bool,
}

/// A call in flight.
pub(super) struct Flight {
    /// The step that it is; a clean-up is none.
    pub step: Option<StepId>,
    pub kind: OperationKind,
    pub key: ObjectKey,
    pub lane: Lane,
    /// The attributes that were asked for; what only the platform knows is unknown.
    pub wanted: Value,
    pub remote_id: Option<RemoteId>,
    pub started: Instant,
    pub heard: Instant,
    pub phase: String,
}

/// What the next commit writes, and what follows it.
#[derive(Default)]
pub(super) struct Next {
    pub writes: Vec<Write>,
    pub events: Vec<Event>,
    pub launches: Vec<(OperationId, Arc<dyn Provider>, Call)>,
    /// Operations whose remote id is known and not written yet.
    pub identified: Vec<OperationId>,
}

/// What was done so far.
#[derive(Default)]
pub(super) struct Tally {
    pub summary: Summary,
    /// Changes, by index, that were counted as changed.
    pub changed: BTreeSet<u32>,
    pub failed: BTreeSet<u32>,
    pub skipped: BTreeSet<u32>,
    pub diagnostics: Diagnostics,
}

/// What came in between two commits.
#[derive(Default)]
struct News {
    answers: Vec<(OperationId, Result<Answer, JoinError>)>,
    reports: Vec<(OperationId, Report)>,
}

type Refused<'a> = (&'a mut EventStream, Diagnostics);

impl<'a> Run<'a> {
    /// Reads what there is; the plan was accepted before.
    pub(super) fn new(inputs: ApplyInputs<'a>) -> Result<Self, Refused<'a>> {
        let Some(mut readiness) = Readiness::of(&inputs.plan.steps) else {
            return Err((inputs.events, malformed().into()));
        };
        let read = inputs.store.read().and_then(|s| Ok((s, inputs.store.open_operations()?)));
        let (state, open) = match read {
            Ok(read) => read,
            Err(error) => return Err((inputs.events, error.diagnostic().into())),
        };
        let (reports, news) = unbounded_channel();
        let first = readiness.first();
        let provisions = inputs.plan.steps.iter().filter(|s| s.operation == Operation::Provision);
        let stop = *inputs.stop.borrow();
        let creates = open.into_iter().filter(|o| o.kind == OperationKind::Create);
        let mut run = Self {
            lanes: Lanes::new(inputs.settings.parallelism, limits(&inputs)),
            world: World::new(state, inputs.plan, inputs.providers),
            unsettled: creates.map(|operation| operation.key.address).collect(),
            provisioned: provisions.filter_map(|step| step.change).collect(),
            stop,
            inputs,
            readiness,
            flights: HashMap::new(),
            made: BTreeSet::new(),
            deposed: BTreeMap::new(),
            tally: Tally::default(),
            next: Next::default(),
            reports,
            news,
            tasks: JoinSet::new(),
            operations: HashMap::new(),
            unstoppable: false,
        };
        run.queue(first);
        Ok(run)
    }

    /// Executes all that can be executed.
    pub(super) async fn finish(mut self) -> Outcome {
        let committed = self.work().await;
        self.tasks.abort_all();
        if let Err(error) = committed {
            self.problem(error.diagnostic());
            return self.close(false);
        }
        let orderly = self.stop != Stop::Now;
        self.close(orderly)
    }

    async fn work(&mut self) -> Result<(), StateError> {
        loop {
            self.start_ready();
            self.commit()?;
            if self.flights.is_empty() {
                return Ok(());
            }
            let news = self.listen().await;
            self.take_in(news);
            if self.stop == Stop::Now {
                return self.commit();
            }
        }
    }

    /// Returns a step of the plan.
    pub(super) fn step(&self, id: StepId) -> &'a Step {
        &self.inputs.plan.steps[id.0 as usize]
    }

    /// Returns the change that a step belongs to.
    pub(super) fn change(&self, step: &Step) -> Option<&'a Change> {
        self.inputs.plan.changes.get(step.change? as usize)
    }

    /// Puts steps that became ready where they wait for room.
    pub(super) fn queue(&mut self, steps: Vec<StepId>) {
        for id in steps {
            let lane = self.lane(self.step(id));
            self.lanes.queue(id, lane);
        }
    }

    /// Returns which slots a step needs; nothing where it reaches no platform.
    fn lane(&self, step: &Step) -> Option<Lane> {
        match &step.operation {
            Operation::Forget(_) | Operation::Gate => None,
            Operation::Delete(key) => {
                self.world.object(key).map(|object| (Class::Call, object.provider.clone()))
            }
            Operation::Create { .. } | Operation::Update | Operation::Provision => {
                Some((Class::Call, self.change(step)?.provider.clone()))
            }
        }
    }

    fn start_ready(&mut self) {
        while self.stop == Stop::No
            && let Some(id) = self.lanes.next()
        {
            self.start(id);
        }
    }

    /// Writes down everything that came together, in one transaction; then says so,
    /// and makes the calls that were waiting for it.
    fn commit(&mut self) -> Result<(), StateError> {
        let mut next = std::mem::take(&mut self.next);
        for operation in next.identified.drain(..) {
            if let Some(id) = self.flights.get(&operation).and_then(|f| f.remote_id.clone()) {
                next.writes.push(Write::RemoteId(operation, id));
            }
        }
        if !next.writes.is_empty() {
            let now = (self.inputs.clock)();
            self.inputs.store.transaction(|batch| {
                next.writes.iter().try_for_each(|write| write.apply(batch, now))
            })?;
        }
        next.events.into_iter().for_each(|event| self.inputs.events.emit(event));
        for (operation, provider, call) in next.launches {
            let task = self.tasks.spawn(call.make(provider));
            self.operations.insert(task.id(), operation);
        }
        Ok(())
    }

    /// Waits until something happens, and then a moment longer for what else does.
    async fn listen(&mut self) -> News {
        let mut news = News::default();
        let silence = self.flights.values().map(|f| f.heard + SILENCE).min();
        let silence = silence.unwrap_or_else(|| Instant::now() + SILENCE);
        if !self.hear_one(&mut news, silence).await {
            self.break_silence();
        }
        let company = Instant::now() + COMPANY;
        while self.stop == Stop::No
            && news.answers.len() < self.flights.len()
            && self.hear_one(&mut news, company).await
        {}
        // Answers first: what a call reported before it ended is there by then.
        while let Some(done) = self.tasks.try_join_next_with_id() {
            self.note(done, &mut news);
        }
        while let Ok(report) = self.news.try_recv() {
            news.reports.push(report);
        }
        news
    }

    /// Waits for one thing to happen; false when nothing did in time.
    async fn hear_one(&mut self, news: &mut News, until: Instant) -> bool {
        tokio::select! {
            Some(done) = self.tasks.join_next_with_id() => self.note(done, news),
            Some(report) = self.news.recv() => news.reports.push(report),
            changed = self.inputs.stop.changed(), if !self.unstoppable => {
                self.hear_stop(changed.is_ok());
            }
            () = tokio::time::sleep_until(until) => return false,
        }
        true
    }

    fn note(&mut self, done: Result<(Id, Answer), JoinError>, news: &mut News) {
        let (id, answer) = match done {
            Ok((id, answer)) => (id, Ok(answer)),
            Err(error) => (error.id(), Err(error)),
        };
        if let Some(operation) = self.operations.remove(&id) {
            news.answers.push((operation, answer));
        }
    }

    fn hear_stop(&mut self, asked: bool) {
        self.unstoppable = !asked;
        let stop = *self.inputs.stop.borrow_and_update();
        if stop > self.stop {
            self.stop = stop;
            let in_flight = self.flights.len();
            self.inputs.events.emit(Event::Stopping { in_flight });
        }
    }

    fn break_silence(&mut self) {
        let now = Instant::now();
        for flight in self.flights.values_mut().filter(|f| f.heard + SILENCE <= now) {
            flight.heard = now;
            self.inputs.events.emit(flight.progress());
        }
    }

    fn take_in(&mut self, news: News) {
        news.reports.into_iter().for_each(|(operation, report)| self.hear(operation, report));
        for (operation, answer) in news.answers {
            if let Some(flight) = self.flights.remove(&operation) {
                self.lanes.release(&flight.lane);
                self.settle(operation, flight, answer);
            }
        }
    }

    fn hear(&mut self, operation: OperationId, report: Report) {
        let Some(flight) = self.flights.get_mut(&operation) else { return };
        flight.heard = Instant::now();
        let address = flight.key.address.clone();
        match report {
            Report::RemoteId(id) => {
                flight.remote_id = Some(id);
                self.next.identified.push(operation);
            }
            Report::Phase(phase) => {
                flight.phase = phase;
                self.next.events.push(flight.progress());
            }
            Report::Step(record) => self.keep_record(address, record),
            Report::Output { step, line } => {
                self.next.events.push(Event::StepOutput { address, step, line });
            }
            Report::Attributes(known) => {
                flight.wanted = with_all(&flight.wanted, &known);
                self.learn(&address, &known);
            }
            Report::Waiting => self.lanes.turn_into_wait(&mut flight.lane),
        }
    }

    /// Notes a problem, for the outcome and for the subscribers.
    pub(super) fn problem(&mut self, diagnostic: Diagnostic) {
        self.tally.diagnostics.push(diagnostic.clone());
        self.next.events.push(Event::Diagnostic { diagnostic });
    }

    /// Notes that a step failed, and that what depends on it will not be tried.
    pub(super) fn fail(&mut self, step: StepId) {
        let failed = self.step(step).change;
        self.tally.failed.extend(failed);
        let because = self.change(self.step(step)).map(|change| change.address.clone());
        for id in self.readiness.failed(step) {
            let skipped = self.step(id);
            let (Some(change), Some(number)) = (self.change(skipped), skipped.change) else {
                continue;
            };
            if !self.tally.failed.contains(&number) && self.tally.skipped.insert(number) {
                let because = because.iter().cloned().collect();
                let verb = step_verb(&skipped.operation);
                let address = change.address.clone();
                self.next.events.push(Event::Skipped { address, verb, because });
            }
        }
        if self.inputs.settings.on_failure == OnFailure::Stop {
            self.lanes.clear();
            self.stop = self.stop.max(Stop::Gently);
        }
    }

    /// Says how it ended, and stores the outputs unless the state is out of reach.
    fn close(mut self, orderly: bool) -> Outcome {
        let not_started = self.readiness.pending().count();
        if not_started > 0 && self.stop == Stop::No && orderly {
            self.problem(malformed());
        } else if not_started > 0 {
            self.problem(stopped(not_started, self.flights.len()));
        }
        let outputs = settle_outputs(&mut self, orderly);
        let left: BTreeSet<u32> =
            self.readiness.pending().filter_map(|id| self.step(id).change).collect();
        let Tally { summary, failed, skipped, .. } = &self.tally;
        let skipped = skipped.union(&left).filter(|change| !failed.contains(change)).count();
        let (summary, failed, mode) = (*summary, failed.len(), self.inputs.plan.mode);
        self.next.events.push(Event::ApplySummary { summary, mode, failed, skipped });
        self.next.events.push(Event::Outputs { outputs: outputs.clone() });
        let events = std::mem::take(&mut self.next.events);
        events.into_iter().for_each(|event| self.inputs.events.emit(event));
        let diagnostics = self.tally.diagnostics;
        Outcome { summary, failed, skipped, not_started, outputs, diagnostics }
    }
}

impl Flight {
    /// Returns for how long the call has been running.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn progress(&self) -> Event {
        Event::ApplyProgress {
            address: self.key.address.clone(),
            verb: verb(self.kind),
            phase: self.phase.clone(),
            seconds: self.seconds(),
        }
    }
}

/// Returns the verb that users see for a step.
pub(super) fn step_verb(operation: &Operation) -> Verb {
    match operation {
        Operation::Create { .. } => Verb::Create,
        Operation::Update | Operation::Gate => Verb::Update,
        Operation::Provision => Verb::Provision,
        Operation::Delete(_) => Verb::Delete,
        Operation::Forget(_) => Verb::Forget,
    }
}

fn limits(inputs: &ApplyInputs<'_>) -> BTreeMap<ProviderRef, usize> {
    let asked = &inputs.settings.provider_parallel;
    let limit = |name: &ProviderRef, provider: &Arc<dyn Provider>| {
        asked.get(name).copied().unwrap_or_else(|| provider.capabilities().default_parallel)
    };
    inputs.providers.iter().map(|(name, p)| (name.clone(), limit(name, p))).collect()
}

pub(super) fn malformed() -> Diagnostic {
    Diagnostic::error("plan-malformed", "Malformed plan").detail(
        "The plan's steps do not fit together: one waits for itself or for a step that is not \
         there, or lacks its change. This is a bug in sandplan; please report it with the plan.",
    )
}

fn stopped(steps: usize, in_flight: usize) -> Diagnostic {
    let open = match in_flight {
        0 => "Nothing was left half-way".to_owned(),
        n => format!("{n} calls were dropped; the next command finds out what became of them"),
    };
    Diagnostic::error("apply-stopped", "Apply stopped early").detail(format!(
        "{steps} steps of the plan were not carried out. {open}. Run `sandplan apply` to go on."
    ))
}
