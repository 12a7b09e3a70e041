//! From planned attributes to what is asked for, and from what a platform
//! reports to what the state remembers. Pure.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Planned;
use crate::schema::ResourceSchema;
use crate::value::{ConversionError, PathStep, Type, Value, convert};

use super::{Evaluator, Lookup};

/// Returns the planned attributes with everything evaluated that had to wait for
/// apply. What only the platform knows is still unknown. What the plan showed
/// does not change here: that is an error.
pub(crate) fn resolve(
    planned: &Planned,
    evaluate: Evaluator<'_>,
    lookup: Lookup<'_>,
) -> Result<Value, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut attributes = planned.attributes.clone();
    for (path, deferred) in &planned.deferred {
        let Some(value) = problems.absorb(evaluate(deferred, lookup)) else { continue };
        let shown = planned.attributes.at(path);
        let kind = shown.map_or(Type::Dynamic, Value::type_of);
        let value = match convert(&value, &kind) {
            // What the plan knew to be secret stays so.
            Ok(value) => value.sensitive_if(shown.is_some_and(|shown| shown.unmark().1)),
            Err(error) => {
                problems.push(wrong_type(path, &error));
                continue;
            }
        };
        if !value.is_wholly_known() {
            problems.push(still_unknown(path, &deferred.expression));
        } else if shown.is_some_and(|shown| !agrees(shown, &value)) {
            problems.push(changed_since_plan(path, &deferred.expression));
        } else {
            attributes = replace(&attributes, path.steps(), value);
        }
    }
    problems.into_result(attributes)
}

fn still_unknown(path: impl std::fmt::Display, expression: &str) -> Diagnostic {
    Diagnostic::error("value-still-unknown", "Value still unknown").detail(format!(
        "`{path}` is `{expression}`, which has no value although all that it refers to was made. \
         A provider did not report an attribute that the expression uses."
    ))
}

fn wrong_type(path: impl std::fmt::Display, error: &ConversionError) -> Diagnostic {
    Diagnostic::error("wrong-type", "Incorrect attribute value type")
        .detail(format!("Inappropriate value for attribute `{path}`: {error}."))
}

fn changed_since_plan(path: impl std::fmt::Display, expression: &str) -> Diagnostic {
    Diagnostic::error("plan-inconsistent", "Value differs from the plan").detail(format!(
        "`{path}` is `{expression}`, which has another value now than the plan showed. Nothing was \
         changed for it; run `sandplan plan` again and look at the new value."
    ))
}

/// Rebuilds a value with one place inside it replaced; a place that is not there
/// is made where an object or a map can hold it.
fn replace(value: &Value, path: &[PathStep], new: Value) -> Value {
    let Some((step, rest)) = path.split_first() else { return new };
    match step {
        PathStep::Attribute(name) | PathStep::Key(name) => {
            let inner = value.get(name).cloned().unwrap_or_else(Value::null);
            remarked(value, value.with(name.clone(), replace(&inner, rest, new)))
        }
        PathStep::Index(index) => {
            let mut at = 0;
            let revealed = value.revealed().map_children(|child| {
                at += 1;
                if at - 1 == *index { replace(child, rest, new.clone()) } else { child.clone() }
            });
            remarked(value, revealed)
        }
    }
}

fn remarked(like: &Value, value: Value) -> Value {
    if like.unmark().1 { value.sensitive() } else { value }
}

/// Tells whether a value is what the plan promised: equal wherever the promise is
/// known. Kinds of sequences and of mappings, marks, and nulls that are left out
/// make no difference; a fingerprint can be compared with nothing but another.
pub(super) fn agrees(promised: &Value, actual: &Value) -> bool {
    match (promised.revealed(), actual.revealed()) {
        (Value::Unknown(_), _) => true,
        (Value::Redacted(a), Value::Redacted(b)) => a == b,
        (Value::Redacted(_), _) | (_, Value::Redacted(_)) => true,
        (a, b) => match (a.as_elements(), b.as_elements(), a.as_attributes(), b.as_attributes()) {
            (Some(a), Some(b), _, _) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b))
            }
            (_, _, Some(a), Some(b)) => {
                let absent = Value::null();
                let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
                names.into_iter().all(|name| {
                    agrees(a.get(name).unwrap_or(&absent), b.get(name).unwrap_or(&absent))
                })
            }
            _ => a.is_null() && b.is_null() || a == b,
        },
    }
}

/// Returns the attributes with some of them set.
pub(super) fn with_all(attributes: &Value, known: &[(Arc<str>, Value)]) -> Value {
    let set = |all: Value, (name, value): &(Arc<str>, Value)| all.with(name.clone(), value.clone());
    known.iter().fold(attributes.clone(), set)
}

/// Returns the value with everything unknown in it replaced by null.
pub(super) fn without_unknown(value: &Value) -> Value {
    match value {
        Value::Unknown(kind) => Value::Null(kind.clone()),
        known if known.is_wholly_known() => known.clone(),
        partly => partly.map_children(without_unknown),
    }
}

/// Returns the known top-level arguments that are not null: what recovery needs.
pub(super) fn intended(attributes: &Value) -> Value {
    let known = attributes.as_attributes().into_iter().flat_map(|attributes| attributes.iter());
    let known = known.filter(|(_, value)| !value.is_null() && value.is_wholly_known());
    Value::object(known.map(|(name, value)| (name.clone(), value.clone())))
}

/// What a platform made of planned attributes.
#[derive(Debug, PartialEq)]
pub(crate) struct Merged {
    /// The planned attributes with all unknowns resolved.
    pub attributes: Value,
    /// The arguments that came back with another value than was asked for.
    pub inconsistent: Vec<Arc<str>>,
}

/// Merges what a platform reports over what was planned. What was planned stays as
/// it was typed and marked unless the platform disagrees; then the platform is
/// believed, and the argument is listed. What nobody knows becomes null.
pub(crate) fn merge(planned: &Value, reported: &Value, schema: Option<&ResourceSchema>) -> Merged {
    let mut attributes = planned.as_attributes().map(|a| (**a).clone()).unwrap_or_default();
    let mut inconsistent = Vec::new();
    for (name, value) in reported.as_attributes().into_iter().flat_map(|a| a.iter()) {
        let before = attributes.get(name);
        let keeps = before.is_some_and(|before| {
            !before.is_null() && before.is_wholly_known() && agrees(before, value)
        });
        if keeps {
            continue;
        }
        let differs = before.is_some_and(|before| !before.is_null() && !agrees(before, value));
        if differs && is_argument(schema, name) {
            inconsistent.push(name.clone());
        }
        let marked = before.is_some_and(Value::contains_sensitive) || is_secret(schema, name);
        let value = if marked { value.clone().sensitive() } else { value.clone() };
        attributes.insert(name.clone(), value);
    }
    let attributes = without_unknown(&Value::Object(Arc::new(attributes)));
    Merged { attributes, inconsistent }
}

/// Tells whether the configuration may set it; without a schema everything may be.
fn is_argument(schema: Option<&ResourceSchema>, name: &str) -> bool {
    let attribute = schema.and_then(|s| s.block.attribute(name));
    attribute.is_none_or(|attribute| attribute.configurable)
}

fn is_secret(schema: Option<&ResourceSchema>, name: &str) -> bool {
    schema.and_then(|s| s.block.attribute(name)).is_some_and(|attribute| attribute.sensitive)
}

/// Returns the attributes with every attribute of the schema there, absent ones as null.
pub(super) fn completed(attributes: &Value, schema: Option<&ResourceSchema>) -> Value {
    let Some(Type::Object(all)) = schema.map(|schema| schema.block.value_type()) else {
        return attributes.clone();
    };
    let mut complete = attributes.as_attributes().map(|a| (**a).clone()).unwrap_or_default();
    for (name, attribute) in all.iter() {
        complete.entry(name.clone()).or_insert_with(|| Value::Null(attribute.kind.clone()));
    }
    Value::Object(Arc::new(complete))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::AttributePath;

    fn planned() -> Value {
        Value::object([
            ("name", Value::from("a")),
            ("env", Value::string_map([("K", "v")]).sensitive()),
            ("ipv4", Value::Unknown(Type::String)),
            ("ipv6", Value::Unknown(Type::String)),
            ("region", Value::Null(Type::String)),
        ])
    }

    #[test]
    fn unknowns_become_what_is_reported_or_null() {
        let reported = Value::object([("ipv4", Value::from("10.0.0.1"))]);
        let merged = merge(&planned(), &reported, None);
        assert_eq!(merged.attributes.get("ipv4"), Some(&Value::from("10.0.0.1")));
        assert_eq!(merged.attributes.get("ipv6"), Some(&Value::Null(Type::String)));
        assert_eq!(merged.inconsistent, []);
    }

    #[test]
    fn an_argument_that_comes_back_as_asked_keeps_its_type_and_mark() {
        let reported = Value::object([("env", Value::object([("K", Value::from("v"))]))]);
        let merged = merge(&planned(), &reported, None);
        assert_eq!(merged.attributes.get("env"), planned().get("env"));
        assert_eq!(merged.inconsistent, []);
    }

    #[test]
    fn an_argument_that_comes_back_different_is_believed_and_listed() {
        let reported = Value::object([
            ("name", Value::from("b")),
            ("env", Value::string_map([("K", "w")])),
            ("region", Value::from("ash")),
        ]);
        let merged = merge(&planned(), &reported, None);
        assert_eq!(merged.attributes.get("name"), Some(&Value::from("b")));
        assert_eq!(
            merged.attributes.get("env"),
            Some(&Value::string_map([("K", "w")]).sensitive())
        );
        assert_eq!(merged.attributes.get("region"), Some(&Value::from("ash")));
        assert_eq!(merged.inconsistent, ["env".into(), "name".into()]);
    }

    #[test]
    fn a_place_inside_a_value_can_be_replaced() {
        let value = Value::object([("a", Value::tuple([Value::from(1), Value::from(2)]))]);
        let path = AttributePath::attribute("a").join(PathStep::Index(1));
        let replaced = replace(&value, path.steps(), Value::from(3));
        assert_eq!(replaced.at(&path), Some(&Value::from(3)));
        assert_eq!(replaced.get("a").and_then(|a| a.as_elements()).map(<[_]>::len), Some(2));
    }
}
