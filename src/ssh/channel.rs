//! A session over a connection: whatever happens to who uses it, the server
//! hears of its end, and its place is taken by another only then.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, SetOnce};

use super::link::{Link, NotOpened};
use super::script::Start;

/// How long a command that was given up may take to say its process group.
const STARTING: Duration = Duration::from_secs(5);
/// How long a server may take to close what was given up.
const CLOSING: Duration = Duration::from_secs(10);

/// What is done to a session that is dropped before it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDrop {
    /// Its processes are ended.
    Kill,
    /// It is closed; what it left running runs on.
    Close,
    /// It has ended.
    Nothing,
}

/// A session over a connection.
pub struct Session {
    pub link: Arc<Link>,
    /// The process group of its command, once that is known; empty where the
    /// machine does not say.
    pub group: Arc<SetOnce<String>>,
    pub on_drop: OnDrop,
    ends: Option<Ends>,
}

/// Both directions of a session, and its place among those that a server allows.
pub struct Ends {
    pub read: ChannelReadHalf,
    pub write: ChannelWriteHalf<Msg>,
    /// How far its command came; unused where there is none.
    pub start: Start,
    _slot: OwnedSemaphorePermit,
}

impl Session {
    /// Opens a session in a place that is free.
    ///
    /// A task of its own does, so that one that was opened for nobody is closed.
    pub async fn open(link: Arc<Link>, slot: OwnedSemaphorePermit) -> Result<Self, NotOpened> {
        let lost = link.clone();
        let opening = tokio::spawn(async move {
            let channel = link.session().await?;
            let (read, write) = channel.split();
            let start = Start::new(super::script::new_mark());
            let ends = Some(Ends { read, write, start, _slot: slot });
            Ok(Self { link, group: Arc::default(), on_drop: OnDrop::Close, ends })
        });
        let no = crate::provider::Committed::No;
        opening.await.unwrap_or_else(|_| Err(NotOpened::Lost(lost.lost(no))))
    }

    /// Returns both directions; there are none only in a session that is being dropped.
    pub fn ends(&mut self) -> Option<&mut Ends> {
        self.ends.as_mut()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.link.has_served();
        let (Some(ends), Ok(runtime)) = (self.ends.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        if self.on_drop == OnDrop::Nothing {
            return;
        }
        let (link, group, kills) = (self.link.clone(), self.group.get().cloned(), self.on_drop);
        let ending = link.ending.clone();
        ending.send_modify(|count| *count += 1);
        runtime.spawn(async move {
            leave(&link, ends, (kills == OnDrop::Kill).then_some(group)).await;
            ending.send_modify(|count| *count -= 1);
        });
    }
}

/// Ends what runs, if that is wanted, and closes.
async fn leave(link: &Link, mut ends: Ends, kill: Option<Option<String>>) {
    if let Some(known) = kill {
        let group = match known {
            Some(group) => Some(group),
            None => tokio::time::timeout(STARTING, started(&mut ends)).await.ok().flatten(),
        };
        let killed = match group {
            Some(group) if !group.is_empty() => link.signal(&group, "KILL").await,
            _ => false,
        };
        if !killed {
            let _ = ends.write.signal(russh::Sig::KILL).await;
        }
    }
    let _ = ends.write.close().await;
    let closing = async { while ends.read.wait().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSING, closing).await;
}

/// Waits until the command says its process group.
async fn started(ends: &mut Ends) -> Option<String> {
    while ends.start.group().is_none() {
        match ends.read.wait().await? {
            ChannelMsg::ExtendedData { data, ext: 1 } => {
                ends.start.take(&data);
            }
            ChannelMsg::Close => return None,
            _ => {}
        }
    }
    ends.start.group().map(str::to_owned)
}
