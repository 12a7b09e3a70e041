//! JSON, written as Go writes it.

use std::fmt::Write;

use super::{Failure, Function, Kind, Parameter, Returns};
use crate::value::{Attributes, Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "jsondecode",
        &[Parameter::new("str", Kind::String)],
        Returns::From(|arguments| match arguments[0].as_str() {
            Some(text) => Ok(decode(text)?.type_of()),
            None => Ok(Type::Dynamic),
        }),
        |call| decode(call.text(0)),
    ),
    Function::new(
        "jsonencode",
        &[Parameter::new("val", Kind::Any).null().unknown().untyped()],
        Returns::Is(Kind::String),
        |call| {
            let value = &call.arguments[0];
            if has_infinity(value) {
                return Err("cannot serialize infinity as JSON".into());
            }
            Ok(encode(value).map_or(Value::Unknown(Type::String), Value::from))
        },
    ),
];

fn decode(text: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(json) => Ok(Value::from_json(&json)),
        Err(error) if error.is_eof() => Err("EOF".into()),
        Err(error) => Err(error.to_string().into()),
    }
}

fn has_infinity(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_infinite(),
        other => other.children().any(has_infinity),
    }
}

/// Writes JSON without spaces; nothing when some part is not known.
pub(super) fn encode(value: &Value) -> Option<String> {
    let mut text = String::new();
    value.is_wholly_known().then(|| write(value, &mut text))?;
    Some(text)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null(_) | Value::Unknown(_) | Value::Redacted(_) => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => write_string(string, text),
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            write_elements(elements, text);
        }
        Value::Map(_, attributes) | Value::Object(attributes) => {
            write_attributes(attributes, text);
        }
        Value::Sensitive(inner) => write(inner, text),
    }
}

fn write_elements(elements: &[Value], text: &mut String) {
    text.push('[');
    for (at, element) in elements.iter().enumerate() {
        text.push_str(if at > 0 { "," } else { "" });
        write(element, text);
    }
    text.push(']');
}

fn write_attributes(attributes: &Attributes, text: &mut String) {
    text.push('{');
    for (at, (name, value)) in attributes.iter().enumerate() {
        text.push_str(if at > 0 { "," } else { "" });
        write_string(name, text);
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

/// What HTML could take for markup is escaped too.
fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
