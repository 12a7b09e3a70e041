//! A state that this process may write.

use std::fs::File;
use std::ops::Deref;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::Store;
use super::batch::Batch;
use super::error::StateError;
use super::journal::NewRun;
use super::lock::{self, LockInfo};
use super::rows::{nanos, read_meta};

type Result<T> = std::result::Result<T, StateError>;

/// Runs whose operations are kept; older ones that ended are pruned.
const RUNS_KEPT: i64 = 10;

/// A store whose lock this process holds: the only way to write.
///
/// Dropping it gives the lock back.
pub struct Locked {
    store: Store,
    info: LockInfo,
    /// Held, not used: the kernel frees it when the process ends.
    _file: File,
    run: Option<i64>,
    #[cfg(test)]
    pub(crate) failpoint: Option<Failpoint>,
}

/// Where a test kills the process: at which transaction, and on which side of its commit.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failpoint {
    pub transactions_left: u32,
    pub after_commit: bool,
}

impl Locked {
    pub(super) fn new(store: Store, info: LockInfo, file: File) -> Result<Self> {
        let held = lock::write_holder(&store.connection, &info);
        held.map_err(StateError::sql(&store.path))?;
        Ok(Self {
            store,
            info,
            _file: file,
            run: None,
            #[cfg(test)]
            failpoint: None,
        })
    }

    /// Returns the holder of the lock, which is this process.
    pub fn info(&self) -> &LockInfo {
        &self.info
    }

    /// Writes everything that `write` asks for, or, when it fails, nothing.
    pub fn transaction<T>(&mut self, write: impl FnOnce(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        #[cfg(test)]
        let kill_after_commit = self.reach_failpoint()?;
        let path = self.store.path.clone();
        let sql = || StateError::sql(&path);
        let connection = &mut self.store.connection;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql())?;
        let mut batch = start(&transaction, &self.info.id, self.run, &path)?;
        let result = write(&mut batch)?;
        batch.bump_serial()?;
        transaction.commit().map_err(sql())?;
        #[cfg(test)]
        if kill_after_commit {
            return Err(StateError::Killed);
        }
        Ok(result)
    }

    /// Counts down to the failpoint; true when to die after this commit.
    #[cfg(test)]
    fn reach_failpoint(&mut self) -> Result<bool> {
        let Some(failpoint) = &mut self.failpoint else { return Ok(false) };
        match failpoint.transactions_left.checked_sub(1) {
            Some(left) => failpoint.transactions_left = left,
            None if failpoint.after_commit => return Ok(true),
            None => return Err(StateError::Killed),
        }
        Ok(false)
    }

    /// Begins the run of a command, to which the operations from now on belong,
    /// and prunes the operations of runs long past.
    pub fn begin_run(&mut self, run: &NewRun) -> Result<()> {
        let path = self.store.path.clone();
        let number = self.transaction(|batch| {
            let inserted = insert_run(batch.connection, run);
            let number = inserted.map_err(StateError::sql(&path))?;
            prune(batch.connection, number - RUNS_KEPT).map_err(StateError::sql(&path))?;
            Ok(number)
        })?;
        self.run = Some(number);
        Ok(())
    }

    /// Ends the run.
    pub fn end_run(&mut self, at: Timestamp) -> Result<()> {
        let path = self.store.path.clone();
        let Some(run) = self.run.take() else { return Ok(()) };
        self.transaction(|batch| {
            let sql = "UPDATE run SET finished_at = ?2 WHERE n = ?1";
            let ended = batch.connection.execute(sql, params![run, nanos(at)]);
            ended.map_err(StateError::sql(&path))
        })?;
        Ok(())
    }
}

/// Starts a batch, if the lock is still ours.
fn start<'a>(
    transaction: &'a Transaction<'_>,
    lock: &str,
    run: Option<i64>,
    path: &'a std::path::Path,
) -> Result<Batch<'a>> {
    let holder = lock::holder(transaction).map_err(StateError::sql(path))?;
    if holder.is_none_or(|holder| holder.id != lock) {
        return Err(StateError::LockLost { id: lock.to_owned() });
    }
    let (lineage, serial) = read_meta(transaction).map_err(StateError::sql(path))?;
    Ok(Batch { connection: transaction, path, lineage, serial, run, touched: false })
}

fn insert_run(connection: &Connection, run: &NewRun) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO run (id, command, who, version, first_operation, started_at)
         SELECT ?1, ?2, ?3, ?4, coalesce(max(n), 0) + 1, ?5 FROM operation",
        params![run.id.as_str(), run.command, run.who, run.version, nanos(run.started_at)],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Deletes the ended operations of all runs up to this one, and those runs.
fn prune(connection: &Connection, last: i64) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM operation WHERE ended_at IS NOT NULL
           AND n < (SELECT first_operation FROM run WHERE n = ?1 + 1)",
        [last],
    )?;
    connection.execute(
        "DELETE FROM run WHERE n <= ?1
           AND n NOT IN (SELECT run FROM operation WHERE ended_at IS NULL AND run IS NOT NULL)",
        [last],
    )?;
    Ok(())
}

impl Deref for Locked {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Best effort: a row that stays says only who held the lock last.
        let _ = lock::remove_holder(&self.store.connection, &self.info.id);
    }
}
