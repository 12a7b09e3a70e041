//! One look at how the step runner of a machine is getting on.

use std::time::{Duration, Instant};

use super::guest::DIRECTORY;
use super::runner::{Run, TIMED_OUT, command};
use crate::provider::{ExecIo, ExecOutcome, ExecRequest, ProviderError, ProviderErrorKind};

const POLL: &str = include_str!("guest/poll.sh");
/// How long a machine may be out of reach: sshd restarts, the machine reboots.
const SILENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(2);
/// A look takes a few seconds; a connection that hangs is given up.
const LOOK: Duration = Duration::from_secs(60);
/// How many times a look tries again while there is no news, each a fifth of a second.
const TRIES: u32 = 20;

/// What the step runner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    /// It has come to its end, and said so.
    Ended,
    /// It began, and is gone without a result: killed, or the machine rebooted.
    Dead,
    /// cloud-init is at work and has not started it yet.
    Waiting,
    /// Nobody has started it, and nobody is about to.
    Unstarted,
}

/// From where to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// In `steps.jsonl`, in bytes; where the run begins when not known yet.
    pub steps_at: Option<u64>,
    /// The file name of a log.
    pub log: String,
    /// In that log, in bytes.
    pub log_at: u64,
    /// Whether to wait a moment for news.
    pub patient: bool,
}

/// What one look has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub state: State,
    /// Where in `steps.jsonl` the run begins.
    pub from: Option<u64>,
    pub steps: Vec<u8>,
    pub log: Vec<u8>,
}

/// Looks once, and again when the machine was out of reach, though not for ever.
pub async fn look(run: &Run<'_>, place: &Place) -> Result<Seen, ProviderError> {
    let steps_at = place.steps_at.map_or("-".to_owned(), |at| at.to_string());
    let log_at = place.log_at.to_string();
    let tries = if place.patient { TRIES } else { 0 }.to_string();
    let argv = ["/bin/sh", "-c", POLL, "sh", DIRECTORY, &steps_at, &place.log, &log_at, &tries];
    let outcome = persistently(run, || as_root(run, &argv, ExecIo::Capture(None))).await?;
    seen(&outcome).ok_or_else(|| {
        let said = String::from_utf8_lossy(&outcome.stderr);
        let message = format!("The machine does not say how its setup is getting on: {said}");
        ProviderError::new(ProviderErrorKind::Unavailable, message.trim_end())
    })
}

/// Makes a request to run a command as root.
pub fn as_root(run: &Run<'_>, argv: &[&str], io: ExecIo) -> ExecRequest {
    let request = command(run, argv, io);
    ExecRequest { machine: run.machine.as_root(), timeout: Some(LOOK), ..request }
}

/// Runs a command that may run twice, until the machine has been out of reach, or too
/// busy to answer in time, for too long.
pub async fn persistently(
    run: &Run<'_>,
    request: impl Fn() -> ExecRequest,
) -> Result<ExecOutcome, ProviderError> {
    let until = Instant::now() + SILENCE;
    loop {
        let done = run.exec.exec(request()).await;
        let is_silent = match &done {
            Ok(outcome) => outcome.code == TIMED_OUT,
            Err(error) => error.kind == ProviderErrorKind::Unavailable,
        };
        if !is_silent || Instant::now() >= until {
            return done;
        }
        run.reporter.phase("waiting for the machine to answer again");
        tokio::time::sleep(PAUSE).await;
    }
}

fn seen(outcome: &ExecOutcome) -> Option<Seen> {
    let end = outcome.stdout.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = (&outcome.stdout[..end], &outcome.stdout[end + 1..]);
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let state = match words.next()? {
        "running" => State::Running,
        "ended" => State::Ended,
        "dead" => State::Dead,
        "waiting" => State::Waiting,
        "unstarted" => State::Unstarted,
        _ => return None,
    };
    let from = words.next()?.parse().ok();
    let steps: usize = words.next()?.parse().ok()?;
    let log: usize = words.next()?.parse().ok()?;
    let (steps, log) = (rest.get(..steps)?.to_vec(), rest.get(steps..steps + log)?.to_vec());
    Some(Seen { state, from, steps, log })
}
