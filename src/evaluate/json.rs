//! `eval -json`: a value with its type.

use serde_json::{Map, Value as Json, json};

use super::evaluate_text;
use crate::diagnostic::Diagnostics;
use crate::value::Value;

/// Evaluates a text without names to `{"type": …, "value": …}`, with
/// `"unknown": true` in place of the value, and `"sensitive": true`, where
/// they apply.
pub fn eval_json(text: &str) -> Result<Json, Diagnostics> {
    evaluate_text(text).map(|value| typed_json(&value))
}

/// Writes a value with its type. Inside a known value an unknown part is
/// `{"__unknown__": type}`; marks inside are not told apart from one on the whole.
pub fn typed_json(value: &Value) -> Json {
    let (inner, marked) = value.unmark();
    let mut result = Map::new();
    result.insert("type".into(), inner.type_of().to_json());
    if inner.is_unknown() {
        result.insert("unknown".into(), true.into());
    } else {
        result.insert("value".into(), inside(inner));
    }
    if marked || inner.contains_sensitive() {
        result.insert("sensitive".into(), true.into());
    }
    Json::Object(result)
}

fn inside(value: &Value) -> Json {
    match value {
        Value::Unknown(kind) => json!({ "__unknown__": kind }),
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            elements.iter().map(inside).collect()
        }
        Value::Map(_, attributes) | Value::Object(attributes) => {
            attributes.iter().map(|(name, value)| (name.to_string(), inside(value))).collect()
        }
        Value::Sensitive(inner) => inside(inner),
        other => other.to_json(),
    }
}
