//! Who may write: an OS file lock beside the database, which the kernel frees
//! however the holder ends, and a row that says who holds it.
//!
//! File locks on network file systems are only as good as their server; there
//! `force-unlock` replaces the lock file, and a holder that still lives finds
//! its row gone at its next write and stops.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::rows::{nanos, timestamp};

/// How long to sleep between attempts; a waiting command is a person waiting.
const RETRY: Duration = Duration::from_millis(50);

/// Who holds the lock of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// Names this one holding of the lock; `force-unlock` takes it.
    pub id: String,
    pub who: String,
    pub host: String,
    pub pid: u32,
    /// The command: `apply`, `destroy`, …
    pub command: String,
    /// The sandplan that holds it.
    pub version: String,
    pub since: Timestamp,
}

impl LockInfo {
    /// Describes this process as the holder.
    pub fn of_this_process(command: &str, since: Timestamp) -> Self {
        let uid = nix::unistd::geteuid();
        let user = nix::unistd::User::from_uid(uid).ok().flatten();
        let host = nix::sys::utsname::uname().ok();
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            who: user.map_or_else(|| uid.to_string(), |user| user.name),
            host: host.map_or_else(String::new, |h| h.nodename().to_string_lossy().into_owned()),
            pid: std::process::id(),
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since,
        }
    }
}

impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  ID:        {}", self.id)?;
        writeln!(f, "  Operation: {}", self.command)?;
        writeln!(f, "  Who:       {}@{} (process {})", self.who, self.host, self.pid)?;
        writeln!(f, "  Version:   {}", self.version)?;
        write!(f, "  Created:   {}", self.since)
    }
}

/// Returns where the lock file of a database is.
pub(super) fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Tells whether a process holds the file lock of a database; makes no file.
pub(super) fn is_taken(database: &Path) -> bool {
    File::open(lock_path(database))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Takes the file lock of a database, waiting for it at most this long.
pub(super) fn take(database: &Path, timeout: Duration) -> Result<Option<File>, StateError> {
    let path = lock_path(database);
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(file) = try_take(&path)? {
            return Ok(Some(file));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(RETRY.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// Takes the lock if it is free, and only if the path still leads to the file
/// that was locked: `force-unlock` may have put another one there.
fn try_take(path: &Path) -> Result<Option<File>, StateError> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = open.map_err(StateError::io(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(StateError::io(path)(error)),
    }
    let locked = file.metadata().map_err(StateError::io(path))?;
    let same = std::fs::metadata(path)
        .is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino()));
    Ok(same.then_some(file))
}

/// Reads who holds the lock, by the row; the row outlives a killed holder.
pub(super) fn holder(connection: &Connection) -> rusqlite::Result<Option<LockInfo>> {
    let sql = "SELECT id, who, host, pid, command, version, since FROM lock";
    connection
        .prepare_cached(sql)?
        .query_row([], |row| {
            Ok(LockInfo {
                id: row.get(0)?,
                who: row.get(1)?,
                host: row.get(2)?,
                pid: row.get(3)?,
                command: row.get(4)?,
                version: row.get(5)?,
                since: timestamp(row.get(6)?),
            })
        })
        .optional()
}

/// Writes down who holds the lock.
pub(super) fn write_holder(connection: &Connection, info: &LockInfo) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO lock (n, id, who, host, pid, command, version, since)
               VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let LockInfo { id, who, host, pid, command, version, since } = info;
    connection.execute(sql, params![id, who, host, pid, command, version, nanos(*since)])?;
    Ok(())
}

/// Removes the row of this holder, and nobody else's.
pub(super) fn remove_holder(connection: &Connection, id: &str) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM lock WHERE id = ?1", [id])
}
