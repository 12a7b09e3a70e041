//! What one transaction writes. The serial goes up with the first row of the
//! state that a transaction writes; the journal alone leaves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::address::{Address, BlockAddress};
use crate::object::{
    DeposedKey, Lineage, Object, ObjectKey, OperationId, OutputValue, RemoteId, State, StepRecord,
};

use crate::redact::redact;

use super::error::StateError;
use super::journal::{Ending, Intent, NewOperation};
use super::rows::{self, deposed_column, json, nanos, stored};
use super::shape;

type Result<T> = std::result::Result<T, StateError>;

/// The writes of one transaction.
pub struct Batch<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a std::path::Path,
    pub(super) lineage: Lineage,
    /// The serial before.
    pub(super) serial: u64,
    pub(super) run: Option<i64>,
    /// Rows of the state were written, so that the serial goes up.
    pub(super) touched: bool,
}

impl Batch<'_> {
    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        let statement = self.connection.prepare_cached(sql);
        statement.and_then(|mut s| s.execute(params)).map_err(StateError::sql(self.path))
    }

    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(StateError::sql(self.path))
    }

    /// Marks the state as changed and returns the version for the rows written.
    fn touch(&mut self) -> i64 {
        self.touched = true;
        self.next_serial()
    }

    fn next_serial(&self) -> i64 {
        i64::try_from(self.serial + 1).unwrap_or(i64::MAX)
    }

    /// Ends the batch: the serial goes up if rows of the state were written.
    pub(super) fn bump_serial(&self) -> Result<()> {
        if self.touched {
            self.execute("UPDATE meta SET serial = ?1", [self.next_serial()])?;
        }
        Ok(())
    }

    /// Writes down that a call is about to be made.
    pub fn begin(&mut self, operation: &NewOperation) -> Result<()> {
        self.execute(
            "INSERT INTO operation
               (id, run, address, deposed, kind, phase, provider, remote_id, begun_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'begun', ?6, ?7, ?8)",
            params![
                operation.id.as_str(),
                self.run,
                operation.key.address.to_string(),
                deposed_column(&operation.key.deposed),
                operation.kind.as_str(),
                operation.provider.to_string(),
                operation.remote_id.as_ref().map(RemoteId::as_str),
                nanos(operation.begun_at),
            ],
        )?;
        if let Some(intent) = &operation.intent {
            let row = self.connection.last_insert_rowid();
            let sql = "INSERT INTO intent (operation, request) VALUES (?1, ?2)";
            self.execute(sql, params![row, self.intent(intent)?])?;
        }
        Ok(())
    }

    fn intent(&self, intent: &Intent) -> Result<String> {
        let attributes = redact(&intent.attributes, &self.lineage);
        self.sql(json(&Intent { attributes, ..intent.clone() }))
    }

    /// Writes down the id that the platform gave, before the call is over.
    pub fn set_remote_id(&mut self, operation: &OperationId, id: &RemoteId) -> Result<()> {
        let sql = "UPDATE operation SET remote_id = ?2 WHERE id = ?1 AND ended_at IS NULL";
        let changed = self.execute(sql, [operation.as_str(), id.as_str()])?;
        self.found(changed, operation)
    }

    /// Writes down how a call ended. `Unknown` leaves the operation open.
    pub fn end(&mut self, operation: &OperationId, ending: &Ending, at: Timestamp) -> Result<()> {
        let (phase, error) = match ending {
            Ending::Succeeded => ("succeeded", None),
            Ending::Failed(error) => ("failed", Some(error)),
            Ending::Unknown(error) => ("unknown", Some(error)),
        };
        let ended_at = (!matches!(ending, Ending::Unknown(_))).then(|| nanos(at));
        if ended_at.is_some() {
            self.execute(
                "DELETE FROM intent WHERE operation =
                   (SELECT n FROM operation WHERE id = ?1 AND ended_at IS NULL)",
                [operation.as_str()],
            )?;
        }
        let changed = self.execute(
            "UPDATE operation SET phase = ?2, error = ?3, ended_at = ?4
             WHERE id = ?1 AND ended_at IS NULL",
            params![operation.as_str(), phase, error, ended_at],
        )?;
        self.found(changed, operation)
    }

    fn found(&self, changed: usize, operation: &OperationId) -> Result<()> {
        match changed {
            0 => Err(StateError::NoSuchOperation { id: operation.clone() }),
            _ => Ok(()),
        }
    }

    /// Writes an object's row, new or not, with its step records; secrets are
    /// redacted here, and `version` is set here.
    pub fn put(&mut self, object: &Object) -> Result<()> {
        let version = self.touch();
        let attributes = redact(&object.attributes, &self.lineage);
        let (shape, attributes) = self.sql(shape::split(&attributes, object.status))?;
        let failure = self.sql(object.failure.as_ref().map(json).transpose())?;
        let depends_on = self.sql(json(&object.depends_on))?;
        let statement = self.connection.prepare_cached(
            "INSERT INTO resource
               (address, deposed, version, provider, remote_id, status, schema_version,
                create_before_destroy, depends_on, failure)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (address, deposed) DO UPDATE SET
               version = ?3, provider = ?4, remote_id = ?5, status = ?6, schema_version = ?7,
               create_before_destroy = ?8, depends_on = ?9, failure = ?10
             RETURNING n",
        );
        let row = statement.and_then(|mut statement| {
            statement.query_row(
                params![
                    object.address.to_string(),
                    deposed_column(&object.deposed),
                    version,
                    object.provider.to_string(),
                    object.remote_id.as_str(),
                    object.status.as_str(),
                    object.schema_version,
                    object.create_before_destroy,
                    depends_on,
                    failure,
                ],
                |row| row.get::<_, i64>(0),
            )
        });
        let row = self.sql(row)?;
        self.sql(shape::write(self.connection, row, (&shape, &attributes)))?;
        self.put_steps(row, &object.steps)
    }

    fn put_steps(&self, row: i64, steps: &[StepRecord]) -> Result<()> {
        if self.sql(rows::read_steps(self.connection, row))? == steps {
            return Ok(());
        }
        self.execute("DELETE FROM step WHERE resource = ?1", [row])?;
        steps.iter().try_for_each(|step| self.add_step(row, step))
    }

    fn add_step(&self, row: i64, step: &StepRecord) -> Result<()> {
        self.execute(
            "INSERT INTO step (resource, position, name, hash, rc, seconds, ended_at)
             SELECT ?1, coalesce(max(position), 0) + 1, ?2, ?3, ?4, ?5, ?6
             FROM step WHERE resource = ?1",
            params![row, step.name, step.hash, step.rc, step.seconds, nanos(step.ended_at)],
        )?;
        Ok(())
    }

    /// Adds the record of a provisioning step that ended, in the place of an earlier
    /// one of its name. The row's version stays: its own columns did not change.
    pub fn record_step(&mut self, key: &ObjectKey, step: &StepRecord) -> Result<()> {
        let row = self.row(key)?;
        let sql = "DELETE FROM step WHERE resource = ?1 AND name = ?2";
        self.execute(sql, params![row, step.name])?;
        self.add_step(row, step)
    }

    fn row(&self, key: &ObjectKey) -> Result<i64> {
        let sql = "SELECT n FROM resource WHERE address = ?1 AND deposed = ?2";
        let of = params![key.address.to_string(), deposed_column(&key.deposed)];
        let row = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(of, |row| row.get(0)));
        match row {
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                Err(StateError::NoSuchRow { key: key.clone() })
            }
            other => self.sql(other),
        }
    }

    /// Removes a row with its step records.
    pub fn remove(&mut self, key: &ObjectKey) -> Result<()> {
        let row = self.row(key)?;
        self.touch();
        self.execute("DELETE FROM resource WHERE n = ?1", [row])?;
        Ok(())
    }

    /// Makes the current object of an address a deposed one.
    pub fn depose(&mut self, address: &Address, key: &DeposedKey) -> Result<()> {
        let current = ObjectKey { address: address.clone(), deposed: None };
        self.move_row(&current, &ObjectKey { deposed: Some(key.clone()), ..current.clone() })
    }

    /// Makes a deposed object the current one again.
    pub fn restore(&mut self, address: &Address, key: &DeposedKey) -> Result<()> {
        let current = ObjectKey { address: address.clone(), deposed: None };
        self.move_row(&ObjectKey { deposed: Some(key.clone()), ..current.clone() }, &current)
    }

    fn move_row(&mut self, from: &ObjectKey, to: &ObjectKey) -> Result<()> {
        let row = self.row(from)?;
        if self.row(to).is_ok() {
            return Err(StateError::RowExists { key: to.clone() });
        }
        let version = self.touch();
        self.execute(
            "UPDATE resource SET address = ?2, deposed = ?3, version = ?4 WHERE n = ?1",
            params![row, to.address.to_string(), deposed_column(&to.deposed), version],
        )?;
        Ok(())
    }

    /// Gives an object another address, its deposed ones too. When its block is
    /// empty then, what depended on that depends on the new one.
    pub fn rename(&mut self, from: &Address, to: &Address) -> Result<()> {
        let keys = self.keys()?;
        let moved: Vec<_> = keys.iter().filter(|key| key.address == *from).cloned().collect();
        if moved.is_empty() {
            let key = ObjectKey { address: from.clone(), deposed: None };
            return Err(StateError::NoSuchRow { key });
        }
        for key in &moved {
            let there = ObjectKey { address: to.clone(), deposed: key.deposed.clone() };
            self.move_row(key, &there)?;
        }
        if keys.iter().any(|key| key.address.block == from.block && key.address != *from) {
            return Ok(());
        }
        self.redirect(&from.block, &to.block)
    }

    fn keys(&self) -> Result<Vec<ObjectKey>> {
        let state = self.sql(rows::read_state(self.connection))?;
        Ok(state.objects.iter().map(Object::key).collect())
    }

    fn redirect(&mut self, from: &BlockAddress, to: &BlockAddress) -> Result<()> {
        let state = self.sql(rows::read_state(self.connection))?;
        for mut object in state.objects.into_iter().filter(|o| o.depends_on.contains(from)) {
            object.depends_on.iter_mut().filter(|block| *block == from).for_each(|block| {
                *block = to.clone();
            });
            self.put(&object)?;
        }
        Ok(())
    }

    /// Replaces all outputs; sensitive ones are redacted here.
    pub fn set_outputs(&mut self, outputs: &BTreeMap<Arc<str>, OutputValue>) -> Result<()> {
        self.touch();
        self.execute("DELETE FROM output", [])?;
        for (name, output) in outputs {
            let value = match output.sensitive {
                true => output.value.clone().sensitive(),
                false => output.value.clone(),
            };
            let value = self.sql(stored(&value, &self.lineage))?;
            let sql = "INSERT INTO output (name, value, sensitive) VALUES (?1, ?2, ?3)";
            self.execute(sql, params![name, value, output.sensitive])?;
        }
        Ok(())
    }

    /// Replaces the whole state by another of the same lineage that is not older.
    /// With `force` both are let through, and the lineage is taken over.
    pub fn replace_all(&mut self, state: &State, force: bool) -> Result<()> {
        if state.lineage != self.lineage && !force && !self.is_pristine()? {
            let (ours, theirs) = (self.lineage.clone(), state.lineage.clone());
            return Err(StateError::OtherLineage { ours, theirs });
        }
        if state.serial < self.serial && !force {
            return Err(StateError::OlderSerial { ours: self.serial, theirs: state.serial });
        }
        self.take_lineage(&state.lineage)?;
        self.serial = self.serial.max(state.serial);
        self.execute("DELETE FROM resource", [])?;
        state.objects.iter().try_for_each(|object| self.put(object))?;
        self.set_outputs(&state.outputs)
    }

    /// Tells whether nothing was ever written but the tables.
    pub fn is_pristine(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM operation)";
        let journal: bool = self.sql(self.connection.query_row(sql, [], |row| row.get(0)))?;
        Ok(self.serial == 0 && !journal)
    }

    /// Gives the state another lineage. Fingerprints of secrets are keyed by it,
    /// so this is for a state without rows.
    pub fn take_lineage(&mut self, lineage: &Lineage) -> Result<()> {
        if self.lineage != *lineage {
            self.execute("UPDATE meta SET lineage = ?1", [lineage.as_str()])?;
            self.lineage = lineage.clone();
        }
        Ok(())
    }
}
