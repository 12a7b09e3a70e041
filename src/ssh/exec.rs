//! Runs one command over a session, from its first byte of input to its exit code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::SetOnce;

use super::channel::{Ends, OnDrop, Session};
use super::link::Link;
use super::script::{self, Start};
use super::streams::{Input, Sink, Streams};
use crate::provider::{Committed, ExecIo, ExecOutcome, ProviderError, ProviderErrorKind, shell};
use crate::tty;

/// The exit code of a command that ran out of time, as of `timeout`.
const TIMED_OUT: i32 = 124;
/// How long a command that was ended may take to be gone.
const DYING: Duration = Duration::from_secs(5);
/// After so long a silence of a command that has exited, the server is asked
/// whether there is more: what it left running may keep its output open for ever.
const SILENCE: Duration = Duration::from_millis(200);

/// A command to run on a machine.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The command and its arguments; never empty.
    pub argv: Vec<String>,
    /// Added to the machine's own environment; on no command line.
    pub env: BTreeMap<String, String>,
    /// The directory to start in; the home directory when absent.
    pub workdir: Option<String>,
}

impl Command {
    /// Checks what cannot be handed to a process.
    pub fn check(&self) -> Result<(), ProviderError> {
        shell::check(&self.argv, &self.env)?;
        if self.workdir.as_ref().is_some_and(|directory| directory.contains('\0')) {
            let message = "The directory to start in contains a NUL character.";
            return Err(ProviderError::new(ProviderErrorKind::Rejected, message));
        }
        Ok(())
    }
}

/// Runs a command and waits for it. Dropping this ends the command.
pub async fn run(
    mut session: Session,
    command: &Command,
    io: ExecIo,
    limit: Option<Duration>,
) -> Result<ExecOutcome, ProviderError> {
    let Streams { input, stdout, stderr, inherited } = Streams::of(io).map_err(|error| {
        broken(format!("The standard streams of this process cannot be used: {error}."))
    })?;
    let link = session.link.clone();
    let group = session.group.clone();
    let Some(Ends { read, write, start, .. }) = session.ends() else {
        return Err(link.lost(Committed::No));
    };
    let mark = script::new_mark();
    *start = Start::new(mark.clone());
    let line = script::line(&mark, command);
    write.exec(true, line).await.map_err(|_| link.lost(Committed::Unknown))?;
    let target = Target { link: &link, group: &group, write };
    let mut output = Output { target, start, stdout, stderr, inherited, end: None };
    let ended = {
        let feeding = feed(write, script::preamble(&command.env), input);
        let receiving = output.receive(read);
        // Whatever happens from here on, nothing may run on by itself.
        supervise(feeding, receiving, Limits { limit, inherited, target }).await
    };
    let Output { stdout, stderr, end, .. } = output;
    let (stdout, stderr) = (stdout.into_bytes(), stderr.into_bytes());
    let verdict = match ended {
        Ok(Ended::TimedOut) => Ok(ExecOutcome { code: TIMED_OUT, stdout, stderr }),
        Ok(Ended::Itself) => judge(start, end, ExecOutcome { code: 0, stdout, stderr }),
        Err(error) => Err(error),
    };
    session.on_drop = match end {
        Some(End { is_closed: true, .. }) => OnDrop::Nothing,
        Some(_) => OnDrop::Close,
        None => OnDrop::Kill,
    };
    verdict
}

/// Who is to be signalled, and how.
#[derive(Clone, Copy)]
struct Target<'a> {
    link: &'a Arc<Link>,
    group: &'a Arc<SetOnce<String>>,
    write: &'a ChannelWriteHalf<Msg>,
}

impl Target<'_> {
    /// Sends a signal, once it is known whom to: the line that says so may still
    /// be under way while the command has written elsewhere.
    async fn signal(&self, signal: &'static str) {
        if self.group.get().is_some_and(String::is_empty) {
            let _ = self.write.signal(named(signal)).await;
            return;
        }
        let (link, group) = (self.link.clone(), self.group.clone());
        // What this waits for must not hold up the output.
        tokio::spawn(async move {
            let known = tokio::time::timeout(DYING, group.wait()).await;
            if let Ok(group) = known
                && !group.is_empty()
            {
                link.signal(group, signal).await;
            }
        });
    }
}

/// How the waiting for a command ended.
enum Ended {
    Itself,
    TimedOut,
}

/// What else may end a command, or reach it.
struct Limits<'a> {
    limit: Option<Duration>,
    inherited: bool,
    target: Target<'a>,
}

/// Waits for a command, for its time to end, and for signals of this process.
async fn supervise(
    feeding: impl Future<Output = ProviderError>,
    receiving: impl Future<Output = Result<(), ProviderError>>,
    limits: Limits<'_>,
) -> Result<Ended, ProviderError> {
    let Limits { limit, inherited, target } = limits;
    let mut signals = if inherited { tty::Signals::listen().ok() } else { None };
    let elapsed = elapse(limit);
    tokio::pin!(feeding, receiving, elapsed);
    loop {
        tokio::select! {
            ended = &mut receiving => return ended.map(|()| Ended::Itself),
            failed = &mut feeding => return Err(failed),
            () = &mut elapsed => {
                target.signal("KILL").await;
                // What it said until then is worth having.
                let _ = tokio::time::timeout(DYING, receiving).await;
                return Ok(Ended::TimedOut);
            }
            signal = next(&mut signals) => target.signal(signal).await,
        }
    }
}

/// Never ends when there is no limit.
async fn elapse(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Returns the next signal that a command is to get; without a terminal of its
/// own it has no use for a change of size.
async fn next(signals: &mut Option<tty::Signals>) -> &'static str {
    use rustix::process::Signal;
    let Some(signals) = signals else { return std::future::pending().await };
    loop {
        match signals.next().await {
            Signal::INT => return "INT",
            Signal::TERM => return "TERM",
            Signal::QUIT => return "QUIT",
            Signal::HUP => return "HUP",
            _ => {}
        }
    }
}

/// Sends the environment and then the input. Ends only if the input cannot be
/// read: a command need not read it, and input that has ended must not end it.
async fn feed(write: &ChannelWriteHalf<Msg>, preamble: String, mut input: Input) -> ProviderError {
    let mut sent = write.data_bytes(preamble.into_bytes()).await;
    while sent.is_ok() {
        match input.next().await {
            Ok(Some(bytes)) => sent = write.data_bytes(bytes).await,
            Ok(None) => {
                let _ = write.eof().await;
                break;
            }
            Err(error) => {
                return broken(format!("The input of a command cannot be read: {error}."));
            }
        }
    }
    std::future::pending().await
}

/// What comes from the server, and where it goes.
struct Output<'a> {
    target: Target<'a>,
    start: &'a mut Start,
    stdout: Sink,
    stderr: Sink,
    inherited: bool,
    end: Option<End>,
}

/// What the server said of the end.
#[derive(Clone, Copy)]
struct End {
    code: i32,
    /// The session is over; otherwise something that was left running holds it open.
    is_closed: bool,
    by_signal: bool,
}

impl Output<'_> {
    /// Takes everything until the command has ended.
    async fn receive(&mut self, read: &mut ChannelReadHalf) -> Result<(), ProviderError> {
        while let Some(message) = self.next(read).await {
            match message {
                ChannelMsg::Data { data } => self.write(false, &data).await?,
                ChannelMsg::ExtendedData { data, ext: 1 } => self.write(true, &data).await?,
                ChannelMsg::ExitStatus { exit_status } => {
                    let code = i32::try_from(exit_status).unwrap_or(i32::MAX);
                    self.end = Some(End { code, is_closed: false, by_signal: false });
                }
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    let code = 128 + number(&signal_name);
                    self.end = Some(End { code, is_closed: false, by_signal: true });
                }
                ChannelMsg::Failure => {
                    return Err(broken("The server refused to run a command.".to_owned()));
                }
                ChannelMsg::Close => {
                    self.end = self.end.map(|end| End { is_closed: true, ..end });
                    break;
                }
                _ => {}
            }
        }
        if self.end.is_none() {
            return Err(self.target.link.lost(Committed::Unknown));
        }
        let finished = self.stdout.finish().await.and(self.stderr.finish().await);
        finished.or_else(|error| self.unwritable(&error))
    }

    /// Returns the next message; nothing once a command that has exited is silent.
    async fn next(&mut self, read: &mut ChannelReadHalf) -> Option<ChannelMsg> {
        if self.end.is_none() {
            return read.wait().await;
        }
        if let Ok(message) = tokio::time::timeout(SILENCE, read.wait()).await {
            return message;
        }
        tokio::select! {
            biased;
            message = read.wait() => return message,
            () = self.target.link.ping() => {}
        }
        // What came before the answer is here by now.
        tokio::time::timeout(Duration::ZERO, read.wait()).await.ok().flatten()
    }

    async fn write(&mut self, is_error: bool, bytes: &[u8]) -> Result<(), ProviderError> {
        let link = self.target.link.clone();
        let written = match is_error {
            false => link.written(self.stdout.take(bytes)).await,
            true => {
                let own = self.start.take(bytes);
                if self.start.ran() && !self.target.group.initialized() {
                    let group = self.start.group().unwrap_or_default();
                    let _ = self.target.group.set(group.to_owned());
                }
                if own.is_empty() {
                    return Ok(());
                }
                link.written(self.stderr.take(&own)).await
            }
        };
        match written {
            Ok(()) => Ok(()),
            Err(error) => {
                let gone = self.unwritable(&error);
                *(if is_error { &mut self.stderr } else { &mut self.stdout }) = Sink::Gone;
                if gone.is_ok() {
                    self.target.signal("PIPE").await;
                }
                gone
            }
        }
    }

    /// Tells whether output that nobody takes is an error: where the reader of
    /// this process's own output has gone, the command gets to know instead.
    fn unwritable(&self, error: &std::io::Error) -> Result<(), ProviderError> {
        if self.inherited && error.kind() == std::io::ErrorKind::BrokenPipe {
            return Ok(());
        }
        Err(broken(format!("The output of a command cannot be written: {error}.")))
    }
}

/// Tells a failure to begin from one of the command.
fn judge(
    start: &Start,
    end: Option<End>,
    outcome: ExecOutcome,
) -> Result<ExecOutcome, ProviderError> {
    let Some(end) = end else { return Ok(outcome) };
    let said = start.said();
    if start.began() || end.by_signal {
        return Ok(ExecOutcome { code: end.code, ..outcome });
    }
    let (kind, message) = if start.ran() {
        (
            ProviderErrorKind::Rejected,
            format!("The directory to start in does not exist in the sandbox ({said})."),
        )
    } else {
        (
            ProviderErrorKind::Unavailable,
            format!(
                "The login shell could not run a command: it exited with {} ({said}).",
                end.code
            ),
        )
    };
    Err(ProviderError::new(kind, message))
}

fn broken(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Unavailable, message).committed(Committed::Unknown)
}

/// The numbers of signal(7), as they are on all machines that run sandboxes.
const NUMBERS: [(&str, i32); 15] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
];

/// Returns a signal's number; 127 for one that servers do not name.
pub fn number(signal: &Sig) -> i32 {
    let name = match signal {
        Sig::Custom(name) => name.split('@').next().unwrap_or_default().to_owned(),
        known => format!("{known:?}"),
    };
    NUMBERS.iter().find(|(known, _)| *known == name).map_or(127, |(_, number)| *number)
}

fn named(signal: &str) -> Sig {
    match signal {
        "INT" => Sig::INT,
        "QUIT" => Sig::QUIT,
        "HUP" => Sig::HUP,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        _ => Sig::TERM,
    }
}
