//! An interactive shell on a terminal of the caller's.

use std::fs::File;
use std::io;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use rustix::process::Signal;

use super::channel::{Ends, Session};
use super::exec::number;
use super::link::Link;
use crate::provider::{Committed, ProviderError, ProviderErrorKind};
use crate::tty::{Raw, Signals, Terminal, Typed};

/// Opens a login shell and joins it to a terminal until it ends; returns its exit
/// code. The terminal is then as it was before, whatever happened.
pub async fn run(
    mut session: Session,
    terminal: &Terminal,
    term: &str,
) -> Result<i32, ProviderError> {
    let link = session.link.clone();
    let Some(Ends { read, write, .. }) = session.ends() else {
        return Err(link.lost(Committed::No));
    };
    let (columns, rows) = size(terminal);
    let asked = async {
        write.request_pty(true, term, columns, rows, 0, 0, &[(russh::Pty::IUTF8, 1)]).await?;
        granted(read).await?;
        write.request_shell(true).await?;
        granted(read).await
    };
    asked.await.map_err(|_| refused(&link))?;
    let typed = terminal.input.try_clone().and_then(Typed::from).map_err(no_terminal)?;
    let output = terminal.output.try_clone().map_err(no_terminal)?;
    let mut signals = Signals::listen().map_err(no_terminal)?;
    let _raw = Raw::enter(&terminal.input).map_err(no_terminal)?;
    let showing = show(read, output.into(), &link);
    let typing = type_in(write, typed);
    tokio::pin!(showing, typing);
    loop {
        tokio::select! {
            ended = &mut showing => return ended,
            never = &mut typing => match never {},
            signal = signals.next() => match signal {
                Signal::WINCH => {
                    let (columns, rows) = size(terminal);
                    let _ = write.window_change(columns, rows, 0, 0).await;
                }
                // Typed keys are no signals here: somebody wants this to end.
                other => return Ok(128 + other.as_raw()),
            }
        }
    }
}

/// Waits for the answer to a request.
async fn granted(read: &mut ChannelReadHalf) -> Result<(), russh::Error> {
    loop {
        match read.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure | ChannelMsg::Close) | None => {
                return Err(russh::Error::RequestDenied);
            }
            Some(_) => {}
        }
    }
}

/// Shows what comes until the shell has ended.
async fn show(read: &mut ChannelReadHalf, output: File, link: &Link) -> Result<i32, ProviderError> {
    use tokio::io::AsyncWriteExt;
    let mut output = tokio::fs::File::from_std(output);
    let mut code = None;
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => {
                let shown = async {
                    output.write_all(&data).await?;
                    output.flush().await
                };
                link.written(shown).await.map_err(no_terminal)?;
            }
            ChannelMsg::ExitStatus { exit_status } => {
                code = Some(i32::try_from(exit_status).unwrap_or(i32::MAX));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => code = Some(128 + number(&signal_name)),
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    code.ok_or_else(|| link.lost(Committed::Unknown))
}

async fn type_in(write: &ChannelWriteHalf<Msg>, mut typed: Typed) -> std::convert::Infallible {
    while let Some(bytes) = typed.next().await {
        if write.data_bytes(bytes).await.is_err() {
            break;
        }
    }
    let _ = write.eof().await;
    std::future::pending().await
}

/// The columns and rows of a terminal; the usual ones where it does not say.
fn size(terminal: &Terminal) -> (u32, u32) {
    let size = terminal.size().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((80, 24), |size| (u32::from(size.ws_col), u32::from(size.ws_row)))
}

fn refused(link: &Link) -> ProviderError {
    match link.is_open() {
        true => ProviderError::new(
            ProviderErrorKind::Rejected,
            "The server refused a terminal or a shell.",
        ),
        false => link.lost(Committed::Unknown),
    }
}

fn no_terminal(error: io::Error) -> ProviderError {
    let message = format!("The terminal could not be joined to the sandbox: {error}.");
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}
