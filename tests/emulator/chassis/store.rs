//! The state file: written whole, beside itself first, before the answer to
//! the request that changed something. Requests that come while one write is
//! under way share the next.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// Reads the objects; there are none when there is no file.
pub fn read<C: DeserializeOwned + Default>(path: Option<&Path>) -> io::Result<C> {
    let Some(path) = path else { return Ok(C::default()) };
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(C::default()),
        Err(error) => Err(error),
    }
}

/// The requests' side: asks for a write and waits for it.
pub struct Store {
    wanted: watch::Sender<u64>,
    saved: watch::Receiver<u64>,
}

/// The writer's side.
pub struct Keeper {
    path: PathBuf,
    wanted: watch::Receiver<u64>,
    saved: watch::Sender<u64>,
}

pub fn open(path: PathBuf) -> (Store, Keeper) {
    let (wanted, asked) = watch::channel(0);
    let (done, saved) = watch::channel(0);
    (Store { wanted, saved }, Keeper { path, wanted: asked, saved: done })
}

impl Store {
    /// Returns once a write that began after this call is on disk.
    pub async fn save(&self) -> bool {
        let mut number = 0;
        self.wanted.send_modify(|last| {
            *last += 1;
            number = *last;
        });
        self.saved.clone().wait_for(|saved| *saved >= number).await.is_ok()
    }
}

impl Keeper {
    /// Writes whenever it is asked, until the requests' side or the disk is gone.
    pub async fn keep(mut self, text: impl Fn() -> serde_json::Result<Vec<u8>>) -> io::Result<()> {
        while self.wanted.changed().await.is_ok() {
            let number = *self.wanted.borrow_and_update();
            let text = text().map_err(io::Error::other)?;
            let beside = self.path.with_extension("new");
            std::fs::write(&beside, text)?;
            std::fs::rename(&beside, &self.path)?;
            self.saved.send_replace(number);
        }
        Ok(())
    }
}
