//! Runs pending steps in a sandbox, in order, and stops at the first that fails.
//!
//! Decides nothing about what is to run. An `Err` means that the sandbox could
//! not be reached; a step that failed is an outcome.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::access;
use super::boot;
use super::journal::{DIRECTORY, Journal, log_path};
use super::pending::{PendingStep, Work};
use super::secrets::Secrets;
use super::setup::Setup;
use super::sync;
use crate::object::{StepFailure, StepRecord};
use crate::provider::sandbox::{File, Probe};
use crate::provider::{
    Exec, ExecIo, ExecOutcome, ExecRequest, Machine, ProviderError, ProvisionOutcome, Report,
    Reporter,
};

/// How many lines of a log are kept of a failed step.
const TAIL: usize = 40;
/// A line is cut after so many bytes.
const LONGEST_LINE: usize = 64 * 1024;
/// How long to wait between two tries of a probe, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
const TIMED_OUT: i32 = 124;

const WRITE_FILE: &str = r#"set -e; umask 022
dir=$(dirname -- "$1"); mkdir -p -- "$dir"; umask 077
new=$(mktemp "$dir/.sandplan-XXXXXX"); trap 'rm -f -- "$new"' EXIT
cat >"$new"; chmod "$2" "$new"; mv -fT -- "$new" "$1"; trap - EXIT"#;
const WRITE_LOG: &str = r#"mkdir -p "$(dirname "$1")" && cat >"$1""#;
/// Both outputs in one, in the order in which they were written.
const MERGED: &str = r#"exec "$@" 2>&1"#;

/// Where steps run, and who is told.
pub struct Run<'a> {
    pub exec: &'a dyn Exec,
    /// The sandbox, reached as its own user.
    pub machine: &'a Machine,
    /// The steps that ended before, in order.
    pub done: &'a [StepRecord],
    /// The directory that relative host paths (of `sync`) start from.
    pub base_dir: &'a Path,
    pub reporter: &'a Reporter,
    pub clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// What must not be in a report or log.
    pub secrets: Secrets,
    /// How long all probes together may take.
    pub ready_within: Duration,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    pub rc: i32,
    /// The last lines that it wrote.
    pub tail: Vec<String>,
    /// Its log is in the sandbox already.
    pub logged: bool,
}

impl End {
    /// Makes the end of a step that failed before anything ran.
    pub fn failed(why: String) -> Self {
        Self { rc: 1, tail: last(why.lines().map(str::to_owned)), logged: false }
    }

    /// Makes the end of a step that was one command.
    pub fn of(outcome: &ExecOutcome) -> Self {
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        Self { rc: outcome.code, ..Self::failed(said) }
    }
}

/// Runs steps in order. Each one that ended goes to the reporter at once.
pub async fn run(
    run: &Run<'_>,
    pending: &[PendingStep],
) -> Result<ProvisionOutcome, ProviderError> {
    if pending.is_empty() {
        return Ok(ProvisionOutcome::Ready);
    }
    let (setup, pending) = split(pending);
    if let Some(failure) = boot::set_up(run, &setup, run.done).await? {
        return Ok(ProvisionOutcome::Failed(failure));
    }
    let mut journal = Journal::default();
    let mut probes_end = None;
    for (number, step) in (1..).zip(pending) {
        if matches!(step.work, Work::Probe(_)) {
            probes_end.get_or_insert_with(|| Instant::now() + run.ready_within);
        }
        run.reporter.phase(format!("step {}", step.name));
        let (end, record) = timed(run, step, probes_end).await?;
        journal.note(&record);
        run.reporter.send(Report::Step(record));
        if end.rc != 0 {
            let failure = failure(run, step, end).await?;
            journal.conclude(run, Some(&failure)).await?;
            return Ok(ProvisionOutcome::Failed(failure));
        }
        if matches!(step.work, Work::Run(_)) && number < pending.len() {
            journal.write(run).await?;
        }
    }
    journal.conclude(run, None).await?;
    Ok(ProvisionOutcome::Ready)
}

/// Parts the setup steps, which come first, from the others.
fn split(pending: &[PendingStep]) -> (Vec<Setup>, &[PendingStep]) {
    let setup = |step: &PendingStep| match &step.work {
        Work::Setup(setup) => Some(setup.clone()),
        _ => None,
    };
    let setups: Vec<_> = pending.iter().map_while(setup).collect();
    let rest = &pending[setups.len()..];
    (setups, rest)
}

/// Runs one step that is no probe, and leaves the sandbox's own journal alone.
/// Returns how it failed, if it did.
pub async fn run_one(
    run: &Run<'_>,
    step: &PendingStep,
) -> Result<Option<StepFailure>, ProviderError> {
    run.reporter.phase(format!("step {}", step.name));
    let (end, record) = timed(run, step, None).await?;
    run.reporter.send(Report::Step(record));
    match end.rc {
        0 => Ok(None),
        _ => failure(run, step, end).await.map(Some),
    }
}

/// Makes a request to run a command in the sandbox, as its own user.
pub fn command(run: &Run<'_>, argv: &[&str], io: ExecIo) -> ExecRequest {
    ExecRequest {
        machine: run.machine.clone(),
        argv: argv.iter().map(|word| word.to_string()).collect(),
        env: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        workdir: None,
        timeout: None,
        io,
    }
}

async fn timed(
    run: &Run<'_>,
    step: &PendingStep,
    probes_end: Option<Instant>,
) -> Result<(End, StepRecord), ProviderError> {
    let started = Instant::now();
    let (end, hash) = match &step.work {
        Work::Sync(sync) => sync::sync(run, sync).await?,
        _ => (perform(run, step, probes_end).await?, step.hash.clone()),
    };
    let record = StepRecord {
        name: step.name.clone(),
        hash,
        rc: end.rc,
        seconds: started.elapsed().as_secs_f64(),
        ended_at: (run.clock)(),
    };
    Ok((end, record))
}

async fn perform(
    run: &Run<'_>,
    step: &PendingStep,
    probes_end: Option<Instant>,
) -> Result<End, ProviderError> {
    match &step.work {
        Work::Setup(_) => Ok(End::failed("setup steps come before all others".to_owned())),
        Work::Env(env) => access::write_env(run, env).await,
        Work::AuthorizedKeys(keys) => access::write_keys(run, keys).await,
        Work::Write(file) => write(run, file).await,
        Work::RemoveFile(path) => simple(run, path, &["rm", "-f", "--", path]).await,
        Work::RemoveSync(to) => sync::remove(run, to).await,
        Work::Run(provision) => logged(run, step, &provision.run, provision.timeout).await,
        Work::Probe(probe) => retried(run, probe, probes_end).await,
        Work::Sync(sync) => sync::sync(run, sync).await.map(|(end, _)| end),
    }
}

/// Makes a request to run a command that changes a path: as root where the
/// sandbox's own user cannot.
pub fn command_at(run: &Run<'_>, path: &str, argv: &[&str], io: ExecIo) -> ExecRequest {
    ExecRequest { machine: owner_of(run, path), ..command(run, argv, io) }
}

/// Returns the sandbox, reached as whoever may write at a path.
pub fn owner_of(run: &Run<'_>, path: &str) -> Machine {
    if is_of_user(path) { run.machine.clone() } else { run.machine.as_root() }
}

/// Tells whether the sandbox's own user may write at a path.
fn is_of_user(path: &str) -> bool {
    let inside = |place: &str| {
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ["/home/agent", access::WORKSPACE, "/tmp"].into_iter().any(inside)
}

async fn write(run: &Run<'_>, file: &File) -> Result<End, ProviderError> {
    let mode = format!("{:o}", file.mode);
    let argv = ["/bin/sh", "-c", WRITE_FILE, "sh", &file.path, &mode];
    let content = ExecIo::Feed(file.content.clone().into_bytes());
    let request = command_at(run, &file.path, &argv, content);
    run.exec.exec(request).await.map(|outcome| End::of(&outcome))
}

async fn simple(run: &Run<'_>, path: &str, argv: &[&str]) -> Result<End, ProviderError> {
    let outcome = run.exec.exec(command_at(run, path, argv, ExecIo::Capture(None))).await?;
    Ok(End::of(&outcome))
}

/// Makes a request to run a user's command with its outputs merged.
fn merged(run: &Run<'_>, argv: &[String], limit: Duration, io: ExecIo) -> ExecRequest {
    let words = ["/bin/sh", "-c", MERGED, "sh"].into_iter();
    let argv: Vec<_> = words.chain(argv.iter().map(String::as_str)).collect();
    let request = command(run, &argv, io);
    ExecRequest { env: Default::default(), timeout: Some(limit), ..request }
}

/// Runs a step while its output goes, line by line, to the reporter and the log.
async fn logged(
    run: &Run<'_>,
    step: &PendingStep,
    argv: &[String],
    limit: Duration,
) -> Result<End, ProviderError> {
    let (output, lines) = tokio::io::duplex(LONGEST_LINE);
    let (log, log_input) = tokio::io::duplex(LONGEST_LINE);
    let stream = |input, output| ExecIo::Stream { input, output };
    let running = stream(Box::new(tokio::io::empty()), Box::new(output));
    let logging = stream(Box::new(log_input), Box::new(tokio::io::sink()));
    let log_argv = ["/bin/sh", "-c", WRITE_LOG, "sh", &log_path(&step.name)];
    let name = step.name.strip_prefix("provision:").unwrap_or(&step.name);
    let (ended, mut tail, log_written) = tokio::join!(
        run.exec.exec(merged(run, argv, limit, running)),
        follow(run, name, lines, log),
        run.exec.exec(command_at(run, DIRECTORY, &log_argv, logging)),
    );
    let rc = ended?.code;
    if rc == TIMED_OUT {
        tail.push(format!("(ended after {} s)", limit.as_secs()));
    }
    Ok(End { rc, tail, logged: log_written.is_ok_and(|outcome| outcome.code == 0) })
}

/// Passes on lines until there are no more, and returns the last ones.
async fn follow(
    run: &Run<'_>,
    step: &str,
    mut output: DuplexStream,
    mut log: DuplexStream,
) -> Vec<String> {
    let mut tail = VecDeque::new();
    let mut rest = Vec::new();
    loop {
        let more = output.read_buf(&mut rest).await.is_ok_and(|length| length > 0);
        for line in take_lines(&mut rest, !more) {
            let line = run.secrets.hide(&line);
            // A log that cannot be written is no reason to stop.
            let _ = log.write_all(format!("{line}\n").as_bytes()).await;
            run.reporter.send(Report::Output { step: step.to_owned(), line: line.clone() });
            tail.push_back(line);
            keep_tail(&mut tail);
        }
        if !more {
            return tail.into();
        }
    }
}

/// Drops all but the last lines that are kept of a log.
pub fn keep_tail(lines: &mut VecDeque<String>) {
    while lines.len() > TAIL {
        lines.pop_front();
    }
}

/// Takes the whole lines out of a buffer; all of it at the end or when it is full.
pub fn take_lines(buffer: &mut Vec<u8>, all: bool) -> Vec<String> {
    let end = buffer.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
    let end = match end {
        _ if all => buffer.len(),
        None if buffer.len() >= LONGEST_LINE => buffer.len(),
        end => end.unwrap_or(0),
    };
    let text: Vec<u8> = buffer.drain(..end).collect();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// Tries a probe until it passes or its time ends.
async fn retried(
    run: &Run<'_>,
    probe: &Probe,
    all_end: Option<Instant>,
) -> Result<End, ProviderError> {
    let mut until = all_end.unwrap_or_else(|| Instant::now() + run.ready_within);
    if let Some(limit) = probe.timeout {
        until = until.min(Instant::now() + limit);
    }
    let mut pause = PAUSES.0;
    let mut seen = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let request = merged(run, &probe.exec, left, ExecIo::Capture(None));
        let outcome = run.exec.exec(request).await?;
        let passed = outcome.code == 0;
        // What a try that was cut off says, says less than one that ended.
        if passed || seen.is_none() || outcome.code != TIMED_OUT {
            seen = Some(outcome);
        }
        let left = until.saturating_duration_since(Instant::now());
        if let (true, Some(seen)) = (passed || left.is_zero(), &seen) {
            return Ok(probed(run, seen));
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn probed(run: &Run<'_>, outcome: &ExecOutcome) -> End {
    let said = String::from_utf8_lossy(&outcome.stdout);
    let tail = last(said.lines().map(|line| run.secrets.hide(line)));
    End { rc: outcome.code, tail, logged: false }
}

/// Says what is kept of a failed step, and sees that its log exists.
async fn failure(
    run: &Run<'_>,
    step: &PendingStep,
    end: End,
) -> Result<StepFailure, ProviderError> {
    let log_path = log_path(&step.name);
    let log_tail = last(end.tail.iter().map(|line| run.secrets.hide(line)));
    if !end.logged {
        let text = log_tail.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        let argv = ["/bin/sh", "-c", WRITE_LOG, "sh", &log_path];
        run.exec.exec(command_at(run, DIRECTORY, &argv, ExecIo::Feed(text.into()))).await?;
    }
    Ok(StepFailure { step: step.name.clone(), rc: end.rc, log_tail, log_path })
}

fn last(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut tail: VecDeque<_> = lines.collect();
    keep_tail(&mut tail);
    tail.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_or_cut_when_too_long() {
        let mut buffer = b"a\nb\nc".to_vec();
        assert_eq!(take_lines(&mut buffer, false), ["a", "b"]);
        assert_eq!(take_lines(&mut buffer, true), ["c"]);
        let mut long = vec![b'x'; LONGEST_LINE];
        assert_eq!(take_lines(&mut long, false).len(), 1);
        assert!(long.is_empty());
    }
}
