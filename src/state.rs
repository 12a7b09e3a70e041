//! The state on disk: what exists (rows), what was asked for (the journal), and
//! who may write (the lock), in one SQLite database.
//!
//! It promises that a transaction is wholly on disk or not at all, that what a
//! call is about to do is on disk before the call, that no secret is ever
//! stored, and that nobody writes without the lock. It knows no provider and no
//! configuration, and it is the only place that knows SQL.

mod batch;
mod error;
mod journal;
mod lock;
mod locked;
mod migrations;
mod open;
mod rows;
mod shape;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::object::{Lineage, ObjectKey, State};

pub use batch::Batch;
pub use error::StateError;
pub use journal::{Ending, Intent, NewOperation, NewRun, OpenOperation, OperationKind};
pub use lock::LockInfo;
pub use locked::Locked;

#[cfg(test)]
pub(crate) use locked::Failpoint;

type Result<T> = std::result::Result<T, StateError>;

/// An open state, to read from; [`Store::lock`] makes it writable.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Where the state could only be read by copying it.
    _copy: Option<tempfile::TempDir>,
}

impl Store {
    /// Opens the state to write, creating the directory and the database (0600) if
    /// needed. A new state gets a new lineage.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_or_create(path, &new_lineage())
    }

    /// Opens the state to write; a new one gets this lineage.
    pub fn open_or_create(path: &Path, lineage: &Lineage) -> Result<Self> {
        let connection = open::to_write(path, lineage.as_str())?;
        Ok(Self { connection, path: path.to_owned(), _copy: None })
    }

    /// Opens the state to read; nothing when there is none yet. No file is created,
    /// and the directory need not be writable.
    pub fn open_existing_read_only(path: &Path) -> Result<Option<Self>> {
        let opened = open::to_read(path)?;
        Ok(opened.map(|(connection, copy)| Self { connection, path: path.to_owned(), _copy: copy }))
    }

    /// Reads the state, or an empty one with a new lineage where there is none yet.
    pub fn read_at(path: &Path) -> Result<State> {
        match Self::open_existing_read_only(path)? {
            Some(store) => store.read(),
            None => Ok(State::empty(new_lineage())),
        }
    }

    /// Returns where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole state.
    pub fn read(&self) -> Result<State> {
        self.consistently(rows::read_state)
    }

    /// Reads the lineage and the serial.
    pub fn lineage_and_serial(&self) -> Result<(Lineage, u64)> {
        rows::read_meta(&self.connection).map_err(StateError::sql(&self.path))
    }

    /// Reads the version of one row; nothing when there is no such row.
    pub fn version(&self, key: &ObjectKey) -> Result<Option<u64>> {
        rows::read_version(&self.connection, key).map_err(StateError::sql(&self.path))
    }

    /// Reads the operations whose end is not known, in the order in which they were begun.
    pub fn open_operations(&self) -> Result<Vec<OpenOperation>> {
        rows::read_open_operations(&self.connection).map_err(StateError::sql(&self.path))
    }

    /// Reads who holds the lock; the row of a holder that was killed stays until
    /// somebody else takes the lock.
    pub fn lock_holder(&self) -> Result<Option<LockInfo>> {
        lock::holder(&self.connection).map_err(StateError::sql(&self.path))
    }

    /// Tells whether somebody holds the lock now.
    pub fn is_locked(&self) -> bool {
        lock::is_taken(&self.path)
    }

    /// Takes the lock, waiting for it at most this long.
    pub fn lock(self, info: LockInfo, timeout: Duration) -> Result<Locked> {
        match lock::take(&self.path, timeout)? {
            Some(file) => Locked::new(self, info, file),
            None => {
                let holder = self.lock_holder()?.map(Box::new);
                Err(StateError::Locked { path: self.path.clone(), holder })
            }
        }
    }

    /// Takes the lock away from its holder, who is named by the lock's id. A holder
    /// that still lives finds out at its next write, and writes nothing more.
    pub fn force_unlock(&self, id: &str) -> Result<()> {
        let sql = || StateError::sql(&self.path);
        if lock::remove_holder(&self.connection, id).map_err(sql())? == 0 {
            let holder = self.lock_holder()?.map(Box::new);
            return Err(StateError::LockMismatch { given: id.to_owned(), holder });
        }
        let path = lock::lock_path(&self.path);
        std::fs::remove_file(&path).map_err(StateError::io(&path))
    }

    /// Runs several reads that must see the same moment.
    fn consistently<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let transaction = self.connection.unchecked_transaction();
        transaction.and_then(|t| read(&t)).map_err(StateError::sql(&self.path))
    }
}

/// Makes a lineage that no other state has.
pub fn new_lineage() -> Lineage {
    uuid::Uuid::new_v4().to_string().into()
}

#[cfg(test)]
mod tests;
