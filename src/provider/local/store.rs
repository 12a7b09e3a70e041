//! The directory in which sandboxes are kept: `sandboxes/ID/`, each with its
//! record and its files.
//!
//! A sandbox appears and disappears in one rename, so that a crash leaves
//! either a whole sandbox or none. Every function blocks, briefly.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

use sha2::{Digest, Sha256};

use super::jail::{Identity, KEPT};
use super::record::{Record, damaged, project};
use super::survivors;
use crate::object::{OperationId, RemoteObject};

/// The first of the host's user ids that a sandbox made by root may have. Beyond
/// what systemd hands out to containers (524288 to 1879048191), below 2^31.
pub const FIRST_UID: u32 = 1_879_048_192;
const UIDS: u32 = 1 << 27;
/// The directory in which sandboxes are kept.
#[derive(Debug)]
pub struct Store {
    data: PathBuf,
    swept: Once,
    /// Locked, shared, as long as this process may be making something in `staging`.
    staging: OnceLock<File>,
}

/// The directory of one sandbox.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

/// Says, as long as it lives, that something may run in a sandbox.
#[derive(Debug)]
pub struct InUse(PathBuf);

impl Store {
    /// Keeps sandboxes in this directory, which need not exist yet.
    pub fn new(data: PathBuf) -> Self {
        Self { data, swept: Once::new(), staging: OnceLock::new() }
    }

    /// Returns the directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the id of the sandbox that an operation makes.
    pub fn id_of(operation: &OperationId) -> String {
        let digest = Sha256::digest(operation.as_str().as_bytes());
        format!("sb-{}", hex(&digest[..8]))
    }

    /// Finds a sandbox's directory; nothing when there is none.
    pub fn find(&self, id: &str) -> Option<Place> {
        let well_formed = !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\0']);
        let path = self.data.join("sandboxes").join(id);
        (well_formed && path.is_dir()).then_some(Place(path))
    }

    /// Makes a sandbox, unless it is there.
    pub fn create(&self, record: &Record) -> io::Result<()> {
        self.sweep();
        let (staged, home) = (self.stage(&record.id)?, self.data.join("sandboxes"));
        let made = fill(&staged, record)
            .and_then(|()| private_dirs(&[&home]))
            .and_then(|()| fs::rename(&staged, home.join(&record.id)));
        match made {
            Err(error) => {
                let _ = fs::remove_dir_all(&staged);
                let exists = self.find(&record.id).is_some();
                if exists { Ok(()) } else { Err(error) }
            }
            Ok(()) => Ok(()),
        }
    }

    /// Makes an empty directory for something that shall appear in one rename.
    pub fn stage(&self, name: &str) -> io::Result<PathBuf> {
        let staging = self.data.join("staging");
        if self.staging.get().is_none() {
            private_dirs(&[&staging])?;
            let directory = File::open(&staging)?;
            directory.lock_shared()?;
            // Where two were first at once, either lock will do.
            let _ = self.staging.set(directory);
        }
        let staged = staging.join(unique(name));
        DirBuilder::new().mode(0o700).create(&staged)?;
        Ok(staged)
    }

    /// Lists every sandbox, damaged ones included, in the order of their ids.
    pub fn list(&self, wanted: Option<&str>) -> io::Result<Vec<RemoteObject>> {
        self.sweep();
        let entries = match fs::read_dir(self.data.join("sandboxes")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut objects = Vec::new();
        for entry in entries {
            let place = Place(entry?.path());
            objects.extend(place.describe().filter(|(of, _)| is_wanted(of.as_deref(), wanted)));
        }
        objects.sort_by(|(_, a), (_, b)| a.remote_id.cmp(&b.remote_id));
        Ok(objects.into_iter().map(|(_, object)| object).collect())
    }

    /// Deletes a sandbox with all that runs in it; one that is gone is a success.
    pub fn delete(&self, id: &str) -> io::Result<()> {
        self.sweep();
        let Some(Place(path)) = self.find(id) else { return Ok(()) };
        self.trash(&path)?.map_or(Ok(()), |trash| discard(&trash))
    }

    /// Moves a directory to where nothing new can start in it, under a name of its own.
    fn trash(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let trash = self.data.join("trash").join(unique(&name));
        private_dirs(&[&self.data.join("trash")])?;
        match fs::rename(path, &trash) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(Some(trash)),
        }
    }

    /// Removes, once per process, what interrupted calls left behind. What is being
    /// made is left alone: whoever makes something holds the lock.
    fn sweep(&self) {
        self.swept.call_once(|| {
            for trash in children(&self.data.join("trash")) {
                let _ = discard(&trash);
            }
            let staging = self.data.join("staging");
            if let Ok(directory) = File::open(&staging)
                && directory.try_lock().is_ok()
            {
                for staged in children(&staging) {
                    let _ = discard(&staged);
                }
            }
        });
    }
}

impl Place {
    /// Returns the sandbox's id.
    pub fn id(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the record.
    pub fn record(&self) -> io::Result<Record> {
        Record::parse(&fs::read(self.record_path())?)
            .map(|record| Record { id: self.id(), ..record })
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Replaces the record.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let staged = self.0.join(format!(".{}", unique("sandbox.json")));
        write_private(&staged, &record.to_json().map_err(io::Error::other)?)?;
        fs::rename(&staged, self.record_path())
    }

    /// Returns what the record says, and of which project it is if that is
    /// readable; nothing when the directory vanished or is no directory.
    pub fn describe(&self) -> Option<(Option<String>, RemoteObject)> {
        let id = self.id();
        let text = match fs::read(self.record_path()) {
            Ok(text) => text,
            Err(_) if !self.0.is_dir() => return None,
            Err(_) => Vec::new(),
        };
        match Record::parse(&text) {
            Ok(record) => {
                let object = Record { id, ..record }.to_object();
                let known = object.ownership.as_ref().map(|owner| owner.project.clone());
                Some((known.or_else(|| project(&text)), object))
            }
            Err(_) => Some((project(&text), damaged(&id, &text))),
        }
    }

    /// Returns the directories that it keeps and where they are inside.
    pub fn binds(&self) -> Vec<(PathBuf, String)> {
        KEPT.map(|(name, inside)| (self.0.join(name), inside.to_owned())).into()
    }

    /// Returns as whom its commands run: as the owner of its files.
    pub fn identity(&self) -> io::Result<Identity> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Identity::Ordinary);
        }
        let metadata = fs::symlink_metadata(self.0.join("home"))?;
        match (metadata.uid(), metadata.gid()) {
            (0, _) | (_, 0) => Err(io::Error::other(
                "the files of the sandbox belong to root, as whom no command in it may run",
            )),
            (uid, gid) => Ok(Identity::Root { uid, gid }),
        }
    }

    /// Says that something is about to run in it; fails when it is gone.
    pub fn enter(&self) -> io::Result<InUse> {
        let run = self.0.join("run");
        match DirBuilder::new().mode(0o700).create(&run) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let marker = run.join(uuid::Uuid::new_v4().to_string());
        File::create(&marker)?;
        Ok(InUse(marker))
    }

    fn record_path(&self) -> PathBuf {
        self.0.join("sandbox.json")
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns whether an object is asked for: one whose project cannot be read is,
/// so that a damaged one is never overlooked.
fn is_wanted(project: Option<&str>, wanted: Option<&str>) -> bool {
    match (project, wanted) {
        (Some(project), Some(wanted)) => project == wanted,
        _ => true,
    }
}

fn fill(staged: &Path, record: &Record) -> io::Result<()> {
    write_private(&staged.join("sandbox.json"), &record.to_json().map_err(io::Error::other)?)?;
    let kept = KEPT.map(|(name, _)| staged.join(name));
    make_kept(&kept, host_uid(&record.id))
}

/// Makes the directories that commands inside write to, with their owner.
pub fn make_kept(paths: &[PathBuf], uid: u32) -> io::Result<()> {
    for path in paths {
        let shared = path.ends_with("tmp");
        DirBuilder::new().mode(if shared { 0o700 } else { 0o755 }).create(path)?;
        if shared {
            fs::set_permissions(path, Permissions::from_mode(0o1777))?;
        }
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(path, Some(uid), Some(uid))?;
        }
    }
    Ok(())
}

/// Returns the host's user id that a sandbox made by root has, one of 2^27.
pub fn host_uid(id: &str) -> u32 {
    let digest = Sha256::digest(id.as_bytes());
    FIRST_UID + u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % UIDS
}

/// Ends what runs in a directory that was moved away, and removes it.
pub fn discard(path: &Path) -> io::Result<()> {
    let may_be_in_use = fs::read_dir(path.join("run")).is_ok_and(|mut run| run.next().is_some());
    if may_be_in_use {
        survivors::end(path)?;
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => remove_stubborn(path),
        Ok(()) => Ok(()),
    }
}

/// Removes a tree with directories that its owner may not enter, or that are
/// nested deeper than this process may have files open.
fn remove_stubborn(path: &Path) -> io::Result<()> {
    let run = |program: &str, options: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(options).arg("--").arg(path).stdin(std::process::Stdio::null()).output()
    };
    run("chmod", &["-R", "u+rwx"])?;
    let removal = run("rm", &["-rf"])?;
    match removal.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&removal.stderr).trim().to_owned())),
    }
}

/// Makes directories that only this user may enter, with those above them.
pub fn private_dirs(paths: &[&Path]) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    paths.iter().try_for_each(|path| builder.create(path))
}

/// Writes a file that only this user may read.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)
}

/// Returns the bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a name that nothing else has.
pub fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}

fn children(path: &Path) -> Vec<PathBuf> {
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
