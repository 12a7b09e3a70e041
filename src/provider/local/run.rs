//! From a started command to its outcome: its input and output, its time
//! limit, and the signals that are passed on to it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Child;
use tokio::sync::mpsc::UnboundedSender;

use super::launch::{Progress, Running, Signals, exit_code};
use crate::provider::{ExecIo, ExecOutcome, ProviderError, ProviderErrorKind};
use crate::tty;

/// The exit code of a command that ran out of time, as of `timeout`.
pub const TIMED_OUT: i32 = 124;

type Input = Box<dyn AsyncRead + Send + Unpin>;
type Output = Box<dyn AsyncWrite + Send + Unpin>;
type Ended = io::Result<(ExitStatus, Vec<u8>, Vec<u8>)>;

/// Returns which standard streams a command needs.
pub fn stdio(io: &ExecIo) -> [Stdio; 3] {
    match io {
        ExecIo::Inherit => [Stdio::inherit(), Stdio::inherit(), Stdio::inherit()],
        ExecIo::Capture(_) => [Stdio::null(), Stdio::piped(), Stdio::piped()],
        ExecIo::Feed(_) | ExecIo::Stream { .. } => [Stdio::piped(), Stdio::piped(), Stdio::piped()],
    }
}

/// Waits for a command; when its time ends, nothing of it lives on.
pub async fn finish(
    mut running: Running,
    io: ExecIo,
    limit: Option<Duration>,
) -> Result<ExecOutcome, ProviderError> {
    let (ended, timed_out) = within(&mut running, io, limit).await;
    let (status, stdout, stderr) = ended.map_err(lost)?;
    if timed_out {
        return Ok(ExecOutcome { code: TIMED_OUT, stdout, stderr });
    }
    judge(running.progress(), ExecOutcome { code: exit_code(status), stdout, stderr })
}

async fn within(running: &mut Running, io: ExecIo, limit: Option<Duration>) -> (Ended, bool) {
    let passes_signals = matches!(io, ExecIo::Inherit);
    let signals = &running.signals;
    let transfer = transfer(&mut running.child, io);
    let elapsed = elapse(limit);
    tokio::pin!(transfer, elapsed);
    let mut timed_out = false;
    loop {
        tokio::select! {
            ended = &mut transfer => return (ended, timed_out),
            () = &mut elapsed, if !timed_out => { timed_out = true; signals.kill(); }
            never = pass_on(signals), if passes_signals => match never {},
        }
    }
}

/// Tells a failure of the jail from one of the command.
fn judge(progress: Progress, outcome: ExecOutcome) -> Result<ExecOutcome, ProviderError> {
    let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
    match progress {
        Progress::Command => Ok(outcome),
        Progress::NoDirectory => Err(ProviderError::new(
            ProviderErrorKind::Rejected,
            format!("The directory to start in does not exist in the sandbox ({said})."),
        )),
        Progress::NoJail => {
            Err(ProviderError::new(ProviderErrorKind::Unavailable, super::account::explain(&said)))
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

/// Passes on what a terminal or a supervisor sends to this process.
async fn pass_on(signals: &Signals) -> std::convert::Infallible {
    let Ok(mut received) = tty::Signals::listen() else { return std::future::pending().await };
    loop {
        signals.forward(received.next().await);
    }
}

/// Moves input and output until the command has ended. Its end closes all of
/// its pipes, for its pid namespace ends with it.
async fn transfer(child: &mut Child, io: ExecIo) -> Ended {
    let (input, output, lines): (Option<Input>, Option<Output>, _) = match io {
        ExecIo::Inherit => (None, None, None),
        ExecIo::Capture(lines) => (None, None, lines),
        ExecIo::Feed(bytes) => (Some(Box::new(io::Cursor::new(bytes))), None, None),
        ExecIo::Stream { input, output } => (Some(input), Some(output), None),
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feeding = async move {
        if let (Some(mut input), Some(mut stdin)) = (input, stdin) {
            // A command need not read all of its input.
            let _ = tokio::io::copy(&mut input, &mut stdin).await;
        }
        // Input that has ended must not end the command.
        std::future::pending::<std::convert::Infallible>().await
    };
    let receiving = async {
        let (stdout, stderr, status) = tokio::join!(
            receive(stdout, output, lines.clone()),
            receive(stderr, None, lines.clone()),
            child.wait()
        );
        io::Result::Ok((status?, stdout?, stderr?))
    };
    tokio::select! {
        ended = receiving => ended,
        never = feeding => match never {},
    }
}

async fn receive(
    pipe: Option<impl AsyncRead + Unpin>,
    copy: Option<Output>,
    lines: Option<UnboundedSender<String>>,
) -> io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    if let Some(mut copy) = copy {
        tokio::io::copy(&mut pipe, &mut copy).await?;
        copy.shutdown().await?;
        return Ok(Vec::new());
    }
    let mut collected = Vec::new();
    let mut told = 0;
    while pipe.read_buf(&mut collected).await? > 0 {
        told += tell(&collected[told..], lines.as_ref());
    }
    if let (Some(lines), true) = (lines, told < collected.len()) {
        let _ = lines.send(String::from_utf8_lossy(&collected[told..]).into_owned());
    }
    Ok(collected)
}

/// Sends on the whole lines and returns their length.
fn tell(bytes: &[u8], lines: Option<&UnboundedSender<String>>) -> usize {
    let Some(lines) = lines else { return bytes.len() };
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return 0 };
    for line in bytes[..end].split(|byte| *byte == b'\n') {
        let _ = lines.send(String::from_utf8_lossy(line).into_owned());
    }
    end + 1
}

fn lost(error: io::Error) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Unavailable,
        format!("The connection to a command in the sandbox broke: {error}."),
    )
}
