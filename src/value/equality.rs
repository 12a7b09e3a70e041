//! Equality with unknowns, and sets: which elements are one, and their order.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

use super::{Type, Value};

impl Value {
    /// Compares as `==` does, ignoring marks; nothing when it depends on what
    /// is not known yet. Nulls of all types are equal.
    pub fn equals(&self, other: &Value) -> Option<bool> {
        let (left, right) = (self.revealed(), other.revealed());
        match (left, right) {
            (Value::Unknown(_), Value::Unknown(_)) => None,
            (Value::Unknown(kind), known) | (known, Value::Unknown(kind)) => {
                let could_match = matches!(known, Value::Null(_))
                    || !kind.is_concrete()
                    || known.type_of() == *kind;
                if could_match { None } else { Some(false) }
            }
            (Value::Null(_), Value::Null(_)) => Some(true),
            (Value::Null(_), _) | (_, Value::Null(_)) => Some(false),
            _ => known_equals(left, right),
        }
    }

    /// Makes a set: duplicates go, the order is the set's own, and a mark on an
    /// element becomes a mark on the whole.
    pub fn set(kind: Type, elements: impl IntoIterator<Item = Value>) -> Value {
        let mut is_marked = false;
        let mut unique: Vec<(String, Value)> = Vec::new();
        for element in elements {
            is_marked |= element.contains_sensitive();
            let element = element.deep_revealed();
            unique.push((set_key(&element), element));
        }
        unique.sort_by(|(a_key, a), (b_key, b)| set_order(a, b).then_with(|| a_key.cmp(b_key)));
        unique.dedup_by(|(a_key, a), (b_key, b)| {
            a_key == b_key && a.equals(b) == Some(true) && a.is_wholly_known()
        });
        let elements: Vec<Value> = unique.into_iter().map(|(_, element)| element).collect();
        let set = Value::Set(kind, Arc::new(elements));
        if is_marked { set.sensitive() } else { set }
    }
}

fn known_equals(left: &Value, right: &Value) -> Option<bool> {
    let (a, b) = (left.type_of(), right.type_of());
    if a != b {
        let unsettled = !(a.is_concrete() && b.is_concrete());
        return if unsettled && may_conform(&a, &b) { None } else { Some(false) };
    }
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a == b),
        (Value::Number(a), Value::Number(b)) => Some(a == b),
        (Value::String(a), Value::String(b)) => Some(a == b),
        (Value::Set(_, a), Value::Set(_, b)) => set_equals(a, b),
        (Value::Map(_, a) | Value::Object(a), Value::Map(_, b) | Value::Object(b)) => {
            if a.keys().eq(b.keys()) { all_equal(a.values().zip(b.values())) } else { Some(false) }
        }
        (Value::List(_, a) | Value::Tuple(a), Value::List(_, b) | Value::Tuple(b)) => {
            if a.len() == b.len() { all_equal(a.iter().zip(b.iter())) } else { Some(false) }
        }
        (Value::Redacted(a), Value::Redacted(b)) => Some(a == b),
        _ => Some(false),
    }
}

fn all_equal<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    for (a, b) in pairs {
        match a.equals(b) {
            Some(true) => {}
            other => return other,
        }
    }
    Some(true)
}

fn set_equals(a: &[Value], b: &[Value]) -> Option<bool> {
    if !a.iter().chain(b).all(Value::is_wholly_known) {
        return None;
    }
    Some(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b) == Some(true)))
}

/// Tells whether two types could turn out equal once their `any` are settled.
fn may_conform(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dynamic, _) | (_, Type::Dynamic) => true,
        (Type::List(a), Type::List(b))
        | (Type::Set(a), Type::Set(b))
        | (Type::Map(a), Type::Map(b)) => may_conform(a, b),
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| may_conform(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            a.keys().eq(b.keys())
                && a.values().zip(b.values()).all(|(a, b)| may_conform(&a.kind, &b.kind))
        }
        _ => a == b,
    }
}

/// Orders set elements: known before unknown before null, then by value.
fn set_order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null(_) => 2,
        Value::Unknown(_) => 1,
        _ => 0,
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    })
}

/// Writes what a compound element is sorted by.
fn set_key(value: &Value) -> String {
    let mut key = String::new();
    write_key(value, &mut key);
    key
}

fn write_key(value: &Value, key: &mut String) {
    let mut several = |open: char, values: &mut dyn Iterator<Item = &Value>, close: char| {
        key.push(open);
        for value in values {
            write_key(value, key);
            key.push(';');
        }
        key.push(close);
    };
    match value {
        Value::List(_, elements) | Value::Set(_, elements) => {
            several('[', &mut elements.iter(), ']');
        }
        Value::Tuple(elements) => several('<', &mut elements.iter(), '>'),
        Value::Object(attributes) => several('<', &mut attributes.values(), '>'),
        Value::Map(_, attributes) => {
            key.push('{');
            for (name, value) in attributes.iter() {
                let _ = write!(key, "{name:?}:");
                write_key(value, key);
                key.push(';');
            }
            key.push('}');
        }
        Value::Unknown(_) => key.push('?'),
        Value::Null(_) => key.push('~'),
        Value::Number(number) => {
            let _ = write!(key, "{number}");
        }
        Value::Bool(value) => key.push(if *value { 'T' } else { 'F' }),
        Value::String(text) | Value::Redacted(text) => {
            let _ = write!(key, "{text:?}");
        }
        Value::Sensitive(inner) => write_key(inner, key),
    }
}
