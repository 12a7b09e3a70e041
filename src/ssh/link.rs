//! One connection that is logged in, shared by everything that one user does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg};
use tokio::sync::{Semaphore, watch};

use super::HostKey;
use super::dial::{Dialled, Verifier};
use crate::provider::{Committed, ProviderError, ProviderErrorKind};

/// OpenSSH allows ten sessions over a connection unless told otherwise (`MaxSessions`
/// of sshd_config(5)). One is kept back, by which the others can be ended.
pub const SESSIONS: usize = 9;
/// A server that does not answer by then is gone, whatever TCP thinks.
const OPENING: Duration = Duration::from_secs(15);
/// How long a refused session is asked for again, while others are open.
const REFUSED: Duration = Duration::from_secs(30);
/// An output that nobody reads for that long holds up the whole connection.
const STALLING: Duration = Duration::from_millis(500);

/// One connection that is logged in.
pub struct Link {
    handle: Handle<Verifier>,
    pub host_key: HostKey,
    ended: Arc<Mutex<Option<String>>>,
    /// How many more sessions it takes.
    pub slots: Arc<Semaphore>,
    /// How many of its channels wait for who reads them.
    stalled: AtomicUsize,
    /// How many sessions have ended.
    served: AtomicUsize,
    /// How many commands are being ended, over all connections of the pool.
    pub ending: watch::Sender<usize>,
}

/// Why no channel was opened.
pub enum NotOpened {
    /// The connection is gone, and nothing was begun over it.
    Lost(ProviderError),
    Refused(ProviderError),
}

impl NotOpened {
    /// Forgets which it was.
    pub fn into_error(self) -> ProviderError {
        match self {
            Self::Lost(error) | Self::Refused(error) => error,
        }
    }
}

impl Link {
    /// Takes on a fresh connection.
    pub fn new(dialled: Dialled, ending: watch::Sender<usize>) -> Self {
        let Dialled { handle, host_key, ended } = dialled;
        let slots = Arc::new(Semaphore::new(SESSIONS));
        let (stalled, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { handle, host_key, ended, slots, stalled, served, ending }
    }

    /// Whether something can be begun over it, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.handle.is_closed()
    }

    /// Whether somebody who does not read holds it up.
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed) > 0
    }

    /// How many sessions have ended.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    /// Counts a session that has ended.
    pub fn has_served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// Opens a session; asks again while it is refused and others are open.
    pub async fn session(&self) -> Result<Channel<Msg>, NotOpened> {
        let asked = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            match self.opened(self.handle.channel_open_session()).await {
                Err(NotOpened::Refused(error)) => {
                    let alone = self.slots.available_permits() + 1 >= SESSIONS;
                    if asked.elapsed() > if alone { REFUSED / 10 } else { REFUSED } {
                        return Err(NotOpened::Refused(error));
                    }
                }
                other => return other,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Opens a way to a port of the machine.
    pub async fn port(
        &self,
        port: u16,
        from: std::net::SocketAddr,
    ) -> Result<Channel<Msg>, NotOpened> {
        let address = from.ip().to_string();
        let opening = self.handle.channel_open_direct_tcpip(
            "localhost",
            u32::from(port),
            address,
            u32::from(from.port()),
        );
        self.opened(opening).await
    }

    async fn opened(
        &self,
        opening: impl Future<Output = Result<Channel<Msg>, russh::Error>>,
    ) -> Result<Channel<Msg>, NotOpened> {
        match tokio::time::timeout(OPENING, opening).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(NotOpened::Refused(
                unavailable(format!("The server refused a channel ({reason:?})."), Committed::No),
            )),
            Ok(Err(_)) => Err(NotOpened::Lost(self.lost(Committed::No))),
            Err(_) => {
                let message = "The server does not answer any more.".to_owned();
                Err(NotOpened::Lost(unavailable(message, Committed::No)))
            }
        }
    }

    /// Waits for an answer of the server's, which comes after all that it sent before.
    pub async fn ping(&self) {
        let _ = self.handle.send_ping().await;
    }

    /// Sends a signal to a process group, by the machine's own `kill`: servers
    /// before OpenSSH 9.8 do not pass on signals where root has logged in.
    pub async fn signal(&self, group: &str, signal: &str) -> bool {
        let Ok(mut channel) = self.session().await else { return false };
        let kill = format!("kill -s {signal} -- -{group}");
        if channel.exec(false, kill).await.is_err() {
            return false;
        }
        let mut code = None;
        let waiting = async {
            while let Some(message) = channel.wait().await {
                if let ChannelMsg::ExitStatus { exit_status } = message {
                    code = Some(exit_status);
                }
            }
        };
        let _ = tokio::time::timeout(OPENING, waiting).await;
        code == Some(0)
    }

    /// Waits for something to be written, and lets others know if that takes long.
    pub async fn written<T>(&self, writing: impl Future<Output = T>) -> T {
        tokio::pin!(writing);
        if let Ok(written) = tokio::time::timeout(STALLING, &mut writing).await {
            return written;
        }
        let _stalled = Counted::of(&self.stalled);
        writing.await
    }

    /// Makes the error of something that was under way when the connection ended.
    pub fn lost(&self, committed: Committed) -> ProviderError {
        let why = self.ended.lock().ok().and_then(|ended| ended.clone()).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        unavailable(format!("The SSH connection was lost{why}."), committed)
    }
}

fn unavailable(message: String, committed: Committed) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Unavailable, message).committed(committed)
}

/// Counts itself as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
