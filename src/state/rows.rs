//! Between rows and values. Nothing outside this folder sees a column.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::object::{
    DeposedKey, Lineage, Object, ObjectKey, OutputValue, RemoteId, State, Status, StepRecord,
};
use crate::redact::redact;
use crate::value::Value;

use super::journal::{OpenOperation, OperationKind};
use super::shape::{Shape, read_shapes};

type Result<T> = rusqlite::Result<T>;

/// Returns a time as the database keeps it; beyond the year 2262 it is cut off.
pub(super) fn nanos(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// Reads a time.
pub(super) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Returns the JSON text of something whose serialization cannot fail.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

/// Returns a value as it may be stored: as text, without secrets.
pub(super) fn stored(value: &Value, lineage: &Lineage) -> Result<String> {
    json(&redact(value, lineage))
}

/// Returns the column that stands for "not deposed".
pub(super) fn deposed_column(key: &Option<DeposedKey>) -> &str {
    key.as_ref().map_or("", DeposedKey::as_str)
}

fn damaged(column: usize, why: impl fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.to_string().into())
}

fn parsed<T: std::str::FromStr<Err: fmt::Display>>(row: &Row<'_>, column: usize) -> Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|e| damaged(column, e))
}

pub(super) fn decoded<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|e| damaged(column, e))
}

fn decoded_or_none<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => serde_json::from_str(text).map(Some).map_err(|e| damaged(column, e)),
        None => Ok(None),
    }
}

fn key(row: &Row<'_>, address: usize, deposed: usize) -> Result<ObjectKey> {
    let text = row.get_ref(deposed)?.as_str()?;
    let deposed = (!text.is_empty()).then(|| DeposedKey::from(text));
    Ok(ObjectKey { address: parsed(row, address)?, deposed })
}

/// Reads the lineage and the serial.
pub(super) fn read_meta(connection: &Connection) -> Result<(Lineage, u64)> {
    let mut statement = connection.prepare_cached("SELECT lineage, serial FROM meta")?;
    statement.query_row([], |row| {
        Ok((Lineage::from(row.get_ref(0)?.as_str()?), row.get::<_, i64>(1)?.unsigned_abs()))
    })
}

/// Reads the whole state.
pub(super) fn read_state(connection: &Connection) -> Result<State> {
    let (lineage, serial) = read_meta(connection)?;
    let mut objects = read_objects(connection)?;
    objects.sort_by(|(_, a), (_, b)| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
    let objects = objects.into_iter().map(|(_, object)| object).collect();
    Ok(State { lineage, serial, objects, outputs: read_outputs(connection)? })
}

/// Reads all objects with their row numbers, in row order.
fn read_objects(connection: &Connection) -> Result<Vec<(i64, Object)>> {
    let shapes = read_shapes(connection)?;
    let mut statement = connection.prepare(
        "SELECT n, address, deposed, version, provider, remote_id, status, schema_version,
                create_before_destroy, depends_on, failure, shape, text
         FROM resource JOIN attributes ON attributes.resource = resource.n ORDER BY n",
    )?;
    let mut objects: Vec<(i64, Object)> = statement
        .query_map([], |row| Ok((row.get(0)?, object(row, &shapes)?)))?
        .collect::<Result<_>>()?;
    add_steps(connection, &mut objects)?;
    Ok(objects)
}

fn object(row: &Row<'_>, shapes: &HashMap<i64, Shape>) -> Result<Object> {
    let ObjectKey { address, deposed } = key(row, 1, 2)?;
    let status = Status::from_word(row.get_ref(6)?.as_str()?);
    let status = status.ok_or_else(|| damaged(6, "unknown status"))?;
    let shape = shapes.get(&row.get(11)?).ok_or_else(|| damaged(11, "unknown shape"))?;
    Ok(Object {
        address,
        deposed,
        version: row.get::<_, i64>(3)?.unsigned_abs(),
        provider: parsed(row, 4)?,
        remote_id: RemoteId::from(row.get_ref(5)?.as_str()?),
        status,
        schema_version: row.get(7)?,
        create_before_destroy: row.get(8)?,
        depends_on: decoded(row, 9)?,
        failure: decoded_or_none(row, 10)?,
        attributes: shape.join(decoded(row, 12)?, status),
        steps: Vec::new(),
    })
}

/// Hands the step records, which come in row order too, to their objects.
fn add_steps(connection: &Connection, objects: &mut [(i64, Object)]) -> Result<()> {
    let mut statement = connection.prepare(
        "SELECT resource, name, hash, rc, seconds, ended_at FROM step ORDER BY resource, position",
    )?;
    let mut rows = statement.query([])?;
    let mut owners = objects.iter_mut().peekable();
    while let Some(row) = rows.next()? {
        let owner: i64 = row.get(0)?;
        while owners.next_if(|(n, _)| *n < owner).is_some() {}
        if let Some((n, object)) = owners.peek_mut()
            && *n == owner
        {
            object.steps.push(step(row)?);
        }
    }
    Ok(())
}

/// Reads a step record from the columns 1 to 5.
fn step(row: &Row<'_>) -> Result<StepRecord> {
    Ok(StepRecord {
        name: row.get(1)?,
        hash: row.get(2)?,
        rc: row.get(3)?,
        seconds: row.get(4)?,
        ended_at: timestamp(row.get(5)?),
    })
}

/// Reads the step records of one row, in order.
pub(super) fn read_steps(connection: &Connection, resource: i64) -> Result<Vec<StepRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT resource, name, hash, rc, seconds, ended_at FROM step
         WHERE resource = ?1 ORDER BY position",
    )?;
    statement.query_map([resource], step)?.collect()
}

fn read_outputs(connection: &Connection) -> Result<BTreeMap<Arc<str>, OutputValue>> {
    let mut statement = connection.prepare("SELECT name, value, sensitive FROM output")?;
    statement
        .query_map([], |row| {
            let name = row.get_ref(0)?.as_str()?.into();
            Ok((name, OutputValue { value: decoded(row, 1)?, sensitive: row.get(2)? }))
        })?
        .collect()
}

/// Reads the version of one row; nothing when there is none.
pub(super) fn read_version(connection: &Connection, key: &ObjectKey) -> Result<Option<u64>> {
    let mut statement = connection
        .prepare_cached("SELECT version FROM resource WHERE address = ?1 AND deposed = ?2")?;
    let of = params![key.address.to_string(), deposed_column(&key.deposed)];
    let mut rows = statement.query_map(of, |row| row.get::<_, i64>(0))?;
    Ok(rows.next().transpose()?.map(i64::unsigned_abs))
}

/// Reads the open operations in the order in which they were begun.
pub(super) fn read_open_operations(connection: &Connection) -> Result<Vec<OpenOperation>> {
    let mut statement = connection.prepare(
        "SELECT o.id, run.id, kind, address, deposed, provider, remote_id, request, error, begun_at
         FROM operation o LEFT JOIN run ON run.n = o.run LEFT JOIN intent ON operation = o.n
         WHERE ended_at IS NULL ORDER BY o.n",
    )?;
    statement.query_map([], open_operation)?.collect()
}

fn open_operation(row: &Row<'_>) -> Result<OpenOperation> {
    let kind = OperationKind::from_word(row.get_ref(2)?.as_str()?);
    Ok(OpenOperation {
        id: row.get::<_, String>(0)?.into(),
        run: row.get::<_, Option<String>>(1)?.map(Into::into),
        kind: kind.ok_or_else(|| damaged(2, "unknown kind of operation"))?,
        key: key(row, 3, 4)?,
        provider: parsed(row, 5)?,
        remote_id: row.get::<_, Option<String>>(6)?.map(Into::into),
        intent: decoded_or_none(row, 7)?,
        error: row.get(8)?,
        begun_at: timestamp(row.get(9)?),
    })
}
