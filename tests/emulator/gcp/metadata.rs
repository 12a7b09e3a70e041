//! Metadata: keys and values for guests, of an instance or of a project.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fingerprint;
use super::refusal::Refusal;

const MOST_BYTES: usize = 512 * 1024;
const MOST_VALUE_BYTES: usize = 256 * 1024;

/// Reads a metadata field, and gives it its fingerprint.
pub fn read(value: Option<&Value>) -> Result<Value, Refusal> {
    let field = "resource.metadata";
    let items = value.map(|value| &value["items"]).and_then(Value::as_array);
    let items = items.cloned().unwrap_or_default();
    let (mut seen, mut size) = (BTreeSet::new(), 0);
    for item in &items {
        let key = item["key"].as_str().unwrap_or_default();
        let length = item["value"].as_str().unwrap_or_default().len();
        if !is_key(key) {
            let why = "Must be a match of regex '[a-zA-Z0-9-_]{1,128}'";
            return Err(Refusal::invalid("metadata.items[].key", key, why));
        }
        if !seen.insert(key.to_owned()) {
            return Err(Refusal::invalid(field, "", format!("Metadata has duplicate key: {key}")));
        }
        if length > MOST_VALUE_BYTES {
            let why = format!("Metadata value is too large, key: {key}, limit: 262144");
            return Err(Refusal::invalid(field, "", why));
        }
        size += key.len() + length;
    }
    if size > MOST_BYTES {
        return Err(Refusal::invalid(field, "", "Metadata is too large, limit: 524288"));
    }
    Ok(draw(items))
}

fn draw(items: Vec<Value>) -> Value {
    let items = Value::Array(items);
    let mut drawn = json!({"kind": "compute#metadata", "fingerprint": fingerprint::of(&items)});
    if items.as_array().is_some_and(|items| !items.is_empty()) {
        drawn["items"] = items;
    }
    drawn
}

fn is_key(key: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=128).contains(&key.len()) && key.chars().all(is_fine)
}

/// The value of a key.
pub fn value<'a>(metadata: &'a Value, key: &str) -> Option<&'a str> {
    let mut items = metadata["items"].as_array()?.iter();
    items.find(|item| item["key"] == key)?["value"].as_str()
}

/// Refuses a change that was made on the ground of something older.
pub fn check_fingerprint(current: &Value, given: Option<&str>) -> Result<(), Refusal> {
    match fingerprint::is_same(&current["fingerprint"], given) {
        true => Ok(()),
        false => Err(Refusal::condition(
            "Supplied fingerprint does not match current metadata fingerprint.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_values_are_limited() {
        let read = |items: Value| read(Some(&json!({ "items": items })));
        assert!(read(json!([{"key": "user-data", "value": "x"}])).is_ok());
        assert!(read(json!([{"key": "a", "value": "x"}, {"key": "a", "value": "y"}])).is_err());
        assert!(read(json!([{"key": "a b", "value": "x"}])).is_err());
        assert!(read(json!([{"key": "a", "value": "x".repeat(MOST_VALUE_BYTES + 1)}])).is_err());
        let half = "x".repeat(MOST_VALUE_BYTES);
        let parts = ["a", "b", "c"].map(|key| json!({"key": key, "value": half}));
        assert!(read(json!(parts)).is_err());
    }
}
