//! Carries connections to a port of this machine on to a port of the other.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Endpoint;
use super::link::{Link, NotOpened};
use super::pool::Connections;
use crate::provider::{Committed, ProviderError, ProviderErrorKind};

const CHUNK: usize = 32 * 1024;

/// Carries every connection that a listener accepts on to a port of a machine.
///
/// Runs until it is dropped, which ends all of them, or the listener fails. What
/// ends a single connection is reported, and the rest goes on.
pub async fn run(
    connections: &Connections,
    endpoint: &Endpoint,
    listener: TcpListener,
    port: u16,
    report: &(dyn Fn(ProviderError) + Send + Sync),
) -> ProviderError {
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let (connections, endpoint) = (connections.clone(), endpoint.clone());
                    carried.spawn(async move { carry(&connections, &endpoint, stream, (port, from)).await });
                }
                Err(error) if is_of_one(&error) => {}
                Err(error) => return cannot_accept(&error),
            },
            Some(ended) = carried.join_next() => {
                if let Ok(Err(error)) = ended {
                    report(error);
                }
            }
        }
    }
}

/// Whether an error of `accept` concerns only the connection that was to be accepted.
fn is_of_one(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn cannot_accept(error: &std::io::Error) -> ProviderError {
    let message = format!("Connections to be forwarded cannot be accepted any more: {error}.");
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}

async fn carry(
    connections: &Connections,
    endpoint: &Endpoint,
    stream: TcpStream,
    (port, from): (u16, SocketAddr),
) -> Result<(), ProviderError> {
    let (link, channel) = match connections.port(endpoint, port, from).await {
        Ok(opened) => opened,
        Err(NotOpened::Lost(error)) => return Err(error),
        Err(NotOpened::Refused(error)) => {
            let message = format!(
                "Port {port} of the sandbox takes no connection: is something listening there? \
                 ({})",
                error.message
            );
            return Err(ProviderError { message, ..error });
        }
    };
    let _ = stream.set_nodelay(true);
    let (from_here, to_here) = stream.into_split();
    let (read, write) = channel.split();
    let closing = CloseOnDrop(Arc::new(write));
    let sending = send(from_here, closing.0.clone());
    let receiving = receive(read, to_here, &link);
    tokio::pin!(sending, receiving);
    let mut is_sending = true;
    loop {
        tokio::select! {
            ended = &mut receiving => return ended,
            sent = &mut sending, if is_sending => match sent {
                Ok(()) => is_sending = false,
                // It was torn down here; dropping the channel does so over there.
                Err(_) => return Ok(()),
            }
        }
    }
}

/// Closes a channel on whichever way its use ends.
struct CloseOnDrop(Arc<ChannelWriteHalf<Msg>>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let write = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// Sends what comes from here; the end of it is passed on, and is not the end of the rest.
async fn send(
    mut from: OwnedReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
) -> Result<(), std::io::Error> {
    loop {
        let mut bytes = Vec::with_capacity(CHUNK);
        let sent = match from.read_buf(&mut bytes).await? {
            0 => return write.eof().await.map_err(std::io::Error::other),
            _ => write.data_bytes(bytes).await,
        };
        sent.map_err(std::io::Error::other)?;
    }
}

/// Receives what comes from there, until both directions are closed.
async fn receive(
    mut read: ChannelReadHalf,
    mut to: OwnedWriteHalf,
    link: &Link,
) -> Result<(), ProviderError> {
    let mut is_here = true;
    while let Some(message) = read.wait().await {
        let written = match message {
            ChannelMsg::Data { data } if is_here => link.written(to.write_all(&data)).await,
            ChannelMsg::Eof => to.shutdown().await,
            ChannelMsg::Close => return Ok(()),
            _ => Ok(()),
        };
        is_here &= written.is_ok();
        if !is_here {
            return Ok(());
        }
    }
    Err(link.lost(Committed::Unknown))
}
