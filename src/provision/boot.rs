//! Sets a machine up: follows the step runner that cloud-init started, or starts
//! it, and tells of each step and line as it comes.
//!
//! The runner works in the machine and needs no connection; what is told here is
//! read from its files, so a connection that breaks loses nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::guest::{DIRECTORY, installer};
use super::poll::{Place, Seen, State, as_root, look, persistently};
use super::runner::{Run, keep_tail, take_lines};
use super::setup::Setup;
use crate::object::{StepFailure, StepRecord};
use crate::provider::{ExecIo, ProviderError, Report};

/// The step that stands for what cloud-init does before the first step.
const CLOUD_INIT: &str = "setup:cloud-init";
/// How often the runner is started again when it vanished.
const STARTS: usize = 3;
/// How long cloud-init may take until it starts the runner, and the slack of it all.
const SLACK: Duration = Duration::from_secs(900);

/// What is printed of a cloud-init that failed; says nothing of one that did not.
const CLOUD_INIT_FAILURE: &str = r#"command -v cloud-init >/dev/null || exit 0
status=$(cloud-init status --long 2>&1)
case $status in *'status: error'*) ;; *) exit 0 ;; esac
tail -n 30 /var/log/cloud-init-output.log 2>/dev/null
printf '%s\n' "$status""#;

/// A line of `steps.jsonl`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Line {
    step: String,
    rc: i32,
    seconds: f64,
    /// Steps that run over the connection have none here.
    #[serde(default)]
    hash: String,
    #[serde(default)]
    skipped: bool,
}

/// How a run of the step runner ended.
enum Ending {
    /// Every step that is wanted has been done.
    Done,
    Failed(StepRecord, StepFailure),
    /// It is not at work, and something is still to be done.
    Left(State),
    OutOfTime,
}

/// Brings setup steps to their end. Returns the failure of one, if one failed.
/// `done` tells which failures were told before.
pub async fn set_up(
    run: &Run<'_>,
    steps: &[Setup],
    done: &[StepRecord],
) -> Result<Option<StepFailure>, ProviderError> {
    let limit: Duration = steps.iter().map(|step| step.timeout).sum();
    let until = Instant::now() + limit + SLACK;
    let mut follower = Follower::new(run, steps);
    let mut ending = follower.follow(until).await?;
    if let Ending::Left(State::Unstarted) = ending
        && let Some(failure) = cloud_init_failure(run, done).await?
    {
        return Ok(Some(failure));
    }
    // A failure that was told before is a reason to try again.
    if let Ending::Failed(record, _) = &ending
        && done.iter().any(|old| is_same_failure(old, record))
    {
        ending = Ending::Left(State::Ended);
    }
    for _ in 0..STARTS {
        let Ending::Left(_) = ending else { break };
        start(run, steps).await?;
        follower.restart();
        ending = follower.follow(until).await?;
    }
    Ok(follower.conclude(ending))
}

fn is_same_failure(old: &StepRecord, new: &StepRecord) -> bool {
    old.name == new.name && old.hash == new.hash && old.rc != 0
}

async fn start(run: &Run<'_>, steps: &[Setup]) -> Result<(), ProviderError> {
    let script = installer(steps);
    let request = || as_root(run, &["/bin/sh", "-s"], ExecIo::Feed(script.clone().into()));
    persistently(run, request).await.map(|_| ())
}

/// Says why cloud-init failed before it came to the runner; nothing when that has
/// been said before, since the steps can do without it.
async fn cloud_init_failure(
    run: &Run<'_>,
    done: &[StepRecord],
) -> Result<Option<StepFailure>, ProviderError> {
    if done.iter().any(|record| record.name == CLOUD_INIT) {
        return Ok(None);
    }
    let argv = ["/bin/sh", "-c", CLOUD_INIT_FAILURE];
    let outcome = persistently(run, || as_root(run, &argv, ExecIo::Capture(None))).await?;
    let said = String::from_utf8_lossy(&outcome.stdout);
    let mut tail: VecDeque<_> = said.lines().map(|line| run.secrets.hide(line)).collect();
    if tail.is_empty() {
        return Ok(None);
    }
    keep_tail(&mut tail);
    let line =
        Line { step: CLOUD_INIT.into(), rc: 1, seconds: 0.0, hash: "".into(), skipped: false };
    run.reporter.send(Report::Step(record(run, &line)));
    Ok(Some(StepFailure {
        step: CLOUD_INIT.to_owned(),
        rc: 1,
        log_tail: tail.into(),
        log_path: "/var/log/cloud-init-output.log".to_owned(),
    }))
}

fn record(run: &Run<'_>, line: &Line) -> StepRecord {
    StepRecord {
        name: line.step.clone(),
        hash: line.hash.clone(),
        rc: line.rc,
        seconds: line.seconds,
        ended_at: (run.clock)(),
    }
}

/// Reads along with the step runner, step by step.
struct Follower<'a> {
    run: &'a Run<'a>,
    steps: &'a [Setup],
    /// Which of the steps is read now.
    at: usize,
    place: Place,
    /// What is not a whole line yet, of `steps.jsonl` and of the log.
    rest: (Vec<u8>, Vec<u8>),
    ended: BTreeMap<String, Line>,
    /// Those that are done as they are wanted, by their place among the steps.
    told: BTreeSet<usize>,
    tail: VecDeque<String>,
    phase: Option<String>,
}

impl<'a> Follower<'a> {
    fn new(run: &'a Run<'a>, steps: &'a [Setup]) -> Self {
        let mut follower = Self {
            run,
            steps,
            at: 0,
            place: Place::default(),
            rest: Default::default(),
            ended: BTreeMap::new(),
            told: BTreeSet::new(),
            tail: VecDeque::new(),
            phase: None,
        };
        follower.begin(0);
        follower
    }

    /// Forgets the run that ended, but not which steps have been told of.
    fn restart(&mut self) {
        self.ended.clear();
        self.place.steps_at = None;
        self.rest.0.clear();
        self.begin(0);
    }

    fn begin(&mut self, at: usize) {
        self.at = at;
        self.tail.clear();
        self.rest.1.clear();
        self.place.log = self.steps.get(at).map(Setup::file).unwrap_or_default();
        self.place.log_at = 0;
    }

    /// Reads until every step is done, one failed, or the runner is not at work.
    async fn follow(&mut self, until: Instant) -> Result<Ending, ProviderError> {
        let mut state = State::Ended;
        while let Some(step) = self.steps.get(self.at) {
            let line = self.ended.get(&step.name).cloned();
            if self.told.contains(&self.at) {
                self.begin(self.at + 1);
                continue;
            }
            if line.as_ref().is_some_and(|line| line.skipped) {
                self.tell(line.as_ref());
                continue;
            }
            self.place.patient = line.is_none();
            let seen = look(self.run, &self.place).await?;
            let is_quiet = seen.log.is_empty();
            state = seen.state;
            self.take(seen);
            match line {
                Some(_) if !is_quiet => {}
                Some(line) if line.rc == 0 => self.tell(Some(&line)),
                Some(line) if line.hash == step.hash => return Ok(self.failed(&line)),
                Some(_) => return Ok(Ending::Left(state)),
                None if self.has_left(state, is_quiet) => return Ok(Ending::Left(state)),
                None if Instant::now() > until => return Ok(Ending::OutOfTime),
                None => self.announce(state),
            }
        }
        let is_done = self.told.len() == self.steps.len();
        Ok(if is_done { Ending::Done } else { Ending::Left(state) })
    }

    /// Whether nothing more is to come of the step that is read now.
    fn has_left(&self, state: State, is_quiet: bool) -> bool {
        let is_gone = matches!(state, State::Ended | State::Dead | State::Unstarted);
        is_gone && is_quiet && !self.is_over()
    }

    fn announce(&mut self, state: State) {
        let phase = match state {
            State::Waiting => "waiting for cloud-init".to_owned(),
            _ => format!("step {}", self.steps[self.at].name),
        };
        if self.phase.as_ref() != Some(&phase) {
            self.run.reporter.phase(phase.clone());
            self.phase = Some(phase);
        }
    }

    fn take(&mut self, seen: Seen) {
        let from = self.place.steps_at.or(seen.from);
        self.place.steps_at = from.map(|at| at + seen.steps.len() as u64);
        self.place.log_at += seen.log.len() as u64;
        self.rest.0.extend(seen.steps);
        for text in take_lines(&mut self.rest.0, false) {
            if let Ok(line) = serde_json::from_str::<Line>(&text) {
                self.ended.insert(line.step.clone(), line);
            }
        }
        let is_last = seen.log.is_empty() && self.is_over();
        self.rest.1.extend(seen.log);
        for line in take_lines(&mut self.rest.1, is_last) {
            self.output(&line);
        }
    }

    /// Whether the step that is read now has ended.
    fn is_over(&self) -> bool {
        self.steps.get(self.at).is_some_and(|step| self.ended.contains_key(&step.name))
    }

    fn output(&mut self, line: &str) {
        let line = self.run.secrets.hide(line);
        let step = self.steps[self.at].name.clone();
        self.run.reporter.send(Report::Output { step, line: line.clone() });
        self.tail.push_back(line);
        keep_tail(&mut self.tail);
    }

    /// Tells of the step that ended, if it is the one that was wanted, and goes on
    /// to the next.
    fn tell(&mut self, line: Option<&Line>) {
        let wanted = line.filter(|line| line.hash == self.steps[self.at].hash);
        if let Some(line) = wanted {
            self.run.reporter.send(Report::Step(record(self.run, line)));
            self.told.insert(self.at);
        }
        self.begin(self.at + 1);
    }

    fn failed(&mut self, line: &Line) -> Ending {
        let failure = StepFailure {
            step: line.step.clone(),
            rc: line.rc,
            log_tail: self.tail.drain(..).collect(),
            log_path: format!("{DIRECTORY}/log/{}", self.place.log),
        };
        Ending::Failed(record(self.run, line), failure)
    }

    /// Says how it all ended.
    fn conclude(&mut self, ending: Ending) -> Option<StepFailure> {
        let why = match ending {
            Ending::Done => return None,
            Ending::Failed(record, failure) => {
                self.run.reporter.send(Report::Step(record));
                return Some(failure);
            }
            Ending::Left(_) => "The step runner has ended without a result, again and again.",
            Ending::OutOfTime => "The time for all steps together is over.",
        };
        let step = &self.steps[self.at.min(self.steps.len() - 1)];
        let (name, hash) = (step.name.clone(), step.hash.clone());
        let line = Line { step: name, rc: 1, seconds: 0.0, hash, skipped: false };
        self.tail.push_back(format!("({why})"));
        let Ending::Failed(record, failure) = self.failed(&line) else { return None };
        self.run.reporter.send(Report::Step(record));
        Some(failure)
    }
}

#[cfg(test)]
#[path = "boot/tests.rs"]
mod tests;
