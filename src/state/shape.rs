//! How attributes are kept small: what the objects of a type have in common is
//! stored once. An object's *shape* is which of its attributes are null, and of
//! which types; an attribute `status` that says what the row's column says is
//! not stored at all, so that a change of status leaves the attributes alone.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::object::Status;
use crate::value::{Attributes, Value};

use super::rows::json;

/// What is left out of an object's attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shape {
    nulls: Value,
    status: bool,
}

/// Takes apart attributes without secrets: the shape, and the rest as text.
pub(super) fn split(attributes: &Value, status: Status) -> rusqlite::Result<(String, String)> {
    let Value::Object(all) = attributes else {
        let shape = Shape { nulls: Value::Object(Arc::default()), status: false };
        return Ok((json(&shape)?, json(attributes)?));
    };
    let word = Value::from(status.as_str());
    let says_status = all.get("status") == Some(&word);
    let (mut nulls, mut rest) = (Attributes::new(), Attributes::new());
    for (name, value) in all.iter().filter(|(name, _)| !(says_status && &***name == "status")) {
        let part = if matches!(value, Value::Null(_)) { &mut nulls } else { &mut rest };
        part.insert(name.clone(), value.clone());
    }
    let shape = Shape { nulls: Value::Object(Arc::new(nulls)), status: says_status };
    Ok((json(&shape)?, json(&Value::Object(Arc::new(rest)))?))
}

impl Shape {
    /// Puts attributes together again.
    pub(super) fn join(&self, rest: Value, status: Status) -> Value {
        let Value::Object(mut all) = rest else { return rest };
        let attributes = Arc::make_mut(&mut all);
        for (name, value) in self.nulls.as_attributes().into_iter().flat_map(|nulls| nulls.iter()) {
            attributes.insert(name.clone(), value.clone());
        }
        if self.status {
            attributes.insert("status".into(), Value::from(status.as_str()));
        }
        Value::Object(all)
    }
}

/// Reads all shapes; there are about as many as resource blocks of different form.
pub(super) fn read_shapes(connection: &Connection) -> rusqlite::Result<HashMap<i64, Shape>> {
    let mut statement = connection.prepare("SELECT n, text FROM shape")?;
    let shapes = statement.query_map([], |row| Ok((row.get(0)?, super::rows::decoded(row, 1)?)))?;
    shapes.collect()
}

/// Returns the number of a shape, storing it if it is new.
pub(super) fn intern(connection: &Connection, shape: &str) -> rusqlite::Result<i64> {
    let known = connection
        .prepare_cached("SELECT n FROM shape WHERE text = ?1")?
        .query_row([shape], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection.execute("INSERT INTO shape (text) VALUES (?1)", [shape])?;
    Ok(connection.last_insert_rowid())
}

/// Writes the attributes of a row, unless they are there already.
pub(super) fn write(
    connection: &Connection,
    row: i64,
    (shape, text): (&str, &str),
) -> rusqlite::Result<()> {
    let shape = intern(connection, shape)?;
    let there = connection
        .prepare_cached(
            "SELECT 1 FROM attributes WHERE resource = ?1 AND shape = ?2 AND text = ?3",
        )?
        .exists(params![row, shape, text])?;
    if !there {
        let sql = "REPLACE INTO attributes (resource, shape, text) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![row, shape, text])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    #[test]
    fn attributes_come_together_again() {
        let text = Value::object([("a", Value::from("x")), ("b", Value::Null(Type::Bool))]);
        for attributes in [
            text.with("status", Value::from("ready")),
            text.with("status", Value::from("failed")),
            text.with("$odd", Value::from("x")),
            text,
            Value::null(),
        ] {
            let (shape, rest) = split(&attributes, Status::Ready).unwrap();
            let shape: Shape = serde_json::from_str(&shape).unwrap();
            let rest = serde_json::from_str(&rest).unwrap();
            assert_eq!(shape.join(rest, Status::Ready), attributes);
        }
    }
}
