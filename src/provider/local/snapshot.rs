//! Saved files of sandboxes: `snapshots/ID/`, each with what it is and one archive.
//!
//! Archives are written and read by `tar` inside a jail, never by this process:
//! whatever links a sandbox has planted, they lead nowhere outside. What is
//! saved outlives the sandbox.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::jail::{Identity, Jail, KEPT};
use super::launch::Launch;
use super::run;
use super::store::{Place, Store, discard, hex, make_kept, private_dirs, write_private};
use super::survivors;
use crate::object::RemoteId;
use crate::provider::{ExecIo, ProviderError, ProviderErrorKind, SnapshotInfo};

const ARCHIVE: &str = "files.tar";
/// Which of the kept directories are saved: all but `/tmp`.
const SAVED: [&str; 3] = ["home", "workspace", "var"];

/// What is written down of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    schema: u32,
    id: String,
    name: String,
    sandbox: String,
    created_at: Timestamp,
    bytes: u64,
}

/// Saves and restores the sandboxes of a store.
pub struct Snapshotter<'a> {
    pub store: &'a Store,
    pub bwrap: &'a Path,
}

impl Snapshotter<'_> {
    /// Saves a sandbox's files under a name that it has no snapshot of yet.
    pub async fn save(
        &self,
        place: &Place,
        name: &str,
        at: Timestamp,
    ) -> Result<SnapshotInfo, ProviderError> {
        let id = snapshot_id(&place.id(), name);
        let path = self.path(&id);
        if name.is_empty() || path.exists() {
            return Err(taken(name));
        }
        let staged = self.stage(&id).map_err(|error| failed("saved", &error))?;
        let written = self.archive(place, &staged).await;
        let saved = written.and_then(|bytes| {
            let sandbox = place.id();
            let saved =
                Saved { schema: 1, id, name: name.to_owned(), sandbox, created_at: at, bytes };
            publish(&saved, &staged, &path).map_err(|error| match path.exists() {
                true => taken(name),
                false => failed("saved", &error),
            })?;
            Ok(saved.into())
        });
        if saved.is_err() {
            let _ = fs::remove_dir_all(&staged);
        }
        saved
    }

    /// Puts a sandbox's files back to what was saved, and ends what runs in it.
    pub async fn restore(&self, place: &Place, snapshot: &str) -> Result<(), ProviderError> {
        let saved = self.find(&place.id(), snapshot)?;
        let wrong = |error: io::Error| failed("restored", &error);
        let archive = File::open(self.path(&saved.id).join(ARCHIVE)).map_err(wrong)?;
        let staged = self.stage(&place.id()).map_err(wrong)?;
        let unpacked = self.unpack(place, archive, &staged).await;
        let swapped = unpacked.and_then(|()| swap(place, &staged).map_err(wrong));
        let cleared = discard(&staged).map_err(wrong);
        swapped.and(cleared)
    }

    /// Lists what is saved of a sandbox, oldest first.
    pub fn list(&self, sandbox: &str) -> Vec<SnapshotInfo> {
        let mut saved = self.all();
        saved.retain(|saved| saved.sandbox == sandbox);
        saved.sort_by_key(|saved| saved.created_at);
        saved.into_iter().map(SnapshotInfo::from).collect()
    }

    /// Finds a snapshot by its name, or one of any sandbox by its id.
    fn find(&self, sandbox: &str, wanted: &str) -> Result<Saved, ProviderError> {
        let is_wanted = |saved: &Saved| {
            saved.id == wanted || (saved.sandbox == sandbox && saved.name == wanted)
        };
        self.all().into_iter().find(is_wanted).ok_or_else(|| {
            let names: Vec<_> = self.list(sandbox).into_iter().map(|saved| saved.name).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message =
                format!("There is no snapshot `{wanted}` of this sandbox (saved: {known}).");
            ProviderError::new(ProviderErrorKind::NotFound, message)
        })
    }

    fn all(&self) -> Vec<Saved> {
        let entries = fs::read_dir(self.store.data().join("snapshots")).into_iter().flatten();
        let texts = entries.flatten().filter_map(|e| fs::read(e.path().join("snapshot.json")).ok());
        texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
    }

    fn path(&self, id: &str) -> PathBuf {
        self.store.data().join("snapshots").join(id)
    }

    fn stage(&self, name: &str) -> io::Result<PathBuf> {
        private_dirs(&[&self.store.data().join("snapshots")])?;
        self.store.stage(name)
    }

    async fn archive(&self, place: &Place, staged: &Path) -> Result<u64, ProviderError> {
        let wrong = |error: io::Error| failed("saved", &error);
        let _in_use = place.enter().map_err(wrong)?;
        write_private(&staged.join(ARCHIVE), b"").map_err(wrong)?;
        let path = staged.join(ARCHIVE);
        let file = File::options().write(true).open(&path).map_err(wrong)?;
        let mut argv = vec!["--create", "--sparse", "--file=-", "--directory=/", "--"];
        argv.extend(KEPT.iter().filter(|(name, _)| SAVED.contains(name)).map(|(_, p)| &p[1..]));
        let stdio = [Stdio::null(), file.into(), Stdio::piped()];
        let tar = Tar { binds: place.binds(), identity: place.identity().map_err(wrong)? };
        // 1 says that a file changed while it was read, as files of a living machine do.
        tar.run(self.bwrap, &argv, stdio, 1).await?;
        Ok(fs::metadata(path).map_err(wrong)?.len())
    }

    async fn unpack(
        &self,
        place: &Place,
        archive: File,
        staged: &Path,
    ) -> Result<(), ProviderError> {
        let wrong = |error: io::Error| failed("restored", &error);
        let identity = place.identity().map_err(wrong)?;
        let uid = match identity {
            Identity::Root { uid, .. } => uid,
            Identity::Ordinary => rustix::process::geteuid().as_raw(),
        };
        let fresh = SAVED.map(|name| staged.join(name));
        make_kept(&fresh, uid).map_err(wrong)?;
        let inside = KEPT.iter().filter(|(name, _)| SAVED.contains(name));
        let binds = inside.map(|(name, inside)| (staged.join(name), inside.to_string()));
        let argv = ["--extract", "--preserve-permissions", "--file=-", "--directory=/"];
        let stdio = [archive.into(), Stdio::null(), Stdio::piped()];
        Tar { binds: binds.collect(), identity }.run(self.bwrap, &argv, stdio, 0).await
    }
}

/// `tar` in a jail that has certain directories, and no network.
struct Tar {
    binds: Vec<(PathBuf, String)>,
    identity: Identity,
}

impl Tar {
    async fn run(
        self,
        bwrap: &Path,
        arguments: &[&str],
        stdio: [Stdio; 3],
        worst: i32,
    ) -> Result<(), ProviderError> {
        let Self { binds, identity } = self;
        let host_name = "snapshot".to_owned();
        let jail = Jail { host_name, shares_network: false, binds, identity };
        let argv = ["/bin/tar"].iter().chain(arguments).map(|word| word.to_string());
        let (argv, env) = (argv.collect::<Vec<_>>(), BTreeMap::new());
        let launch =
            Launch { bwrap, jail: &jail, argv: &argv, env: &env, workdir: Some("/"), stdio };
        let outcome = run::finish(launch.start().await?, ExecIo::Capture(None), None).await?;
        if outcome.code <= worst {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
        Err(ProviderError::new(
            ProviderErrorKind::Rejected,
            format!("The files of the sandbox could not be archived: {said}"),
        ))
    }
}

impl From<Saved> for SnapshotInfo {
    fn from(saved: Saved) -> Self {
        Self {
            id: RemoteId::from(saved.id),
            name: saved.name,
            sandbox: RemoteId::from(saved.sandbox),
            created_at: saved.created_at,
            bytes: saved.bytes,
        }
    }
}

fn snapshot_id(sandbox: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{sandbox}\0{name}").as_bytes());
    format!("snap-{}", hex(&digest[..8]))
}

fn publish(saved: &Saved, staged: &Path, path: &Path) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(saved).map_err(io::Error::other)?;
    write_private(&staged.join("snapshot.json"), &text)?;
    fs::rename(staged, path)
}

/// Exchanges the sandbox's directories for the fresh ones, each at once, and
/// ends what still runs on the old ones.
fn swap(place: &Place, staged: &Path) -> io::Result<()> {
    for name in SAVED {
        let (old, new) = (place.path().join(name), staged.join(name));
        renameat_with(CWD, &new, CWD, &old, RenameFlags::EXCHANGE)?;
    }
    survivors::end(staged)
}

fn taken(name: &str) -> ProviderError {
    let message = match name {
        "" => "A snapshot needs a name.".to_owned(),
        name => format!("The sandbox has a snapshot `{name}` already; choose another name."),
    };
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}

fn failed(done: &str, error: &io::Error) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Unavailable,
        format!("The sandbox could not be {done}: {error}."),
    )
}
