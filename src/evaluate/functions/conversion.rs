//! Types and marks: `tostring` and its like, `sensitive` and its like, `type`.

use std::fmt::Write;

use super::{Call, Failure, Function, Kind, Parameter, Returns};
use crate::value::{Safety, Type, Value, convert, is_convertible};

const VALUE: Parameter = Parameter::new("value", Kind::Any).null().unknown().untyped().marked();
const V: Parameter = Parameter::new("v", Kind::Any).null().untyped().marked();
const SAME: Returns = Returns::From(|arguments| Ok(arguments[0].type_of()));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("ephemeralasnull", &[VALUE], SAME, |call| Ok(call.arguments[0].clone())),
    Function::new("issensitive", &[VALUE], Returns::Is(Kind::Bool), |call| {
        let (value, marked) = call.arguments[0].unmark();
        Ok(if marked || !value.is_unknown() {
            Value::Bool(marked)
        } else {
            Value::Unknown(Type::Bool)
        })
    }),
    Function::new("nonsensitive", &[VALUE], SAME, |call| Ok(call.arguments[0].revealed().clone())),
    Function::new("sensitive", &[VALUE], SAME, |call| Ok(call.arguments[0].clone().sensitive())),
    Function::new("tobool", &[V], Returns::From(|a| wanted(a, Type::Bool)), to),
    Function::new("tolist", &[V], Returns::From(|a| wanted(a, Type::list(Type::Dynamic))), to),
    Function::new("tomap", &[V], Returns::From(|a| wanted(a, Type::map(Type::Dynamic))), to),
    Function::new("tonumber", &[V], Returns::From(|a| wanted(a, Type::Number)), to),
    Function::new("toset", &[V], Returns::From(|a| wanted(a, Type::set(Type::Dynamic))), to),
    Function::new("tostring", &[V], Returns::From(|a| wanted(a, Type::String)), to),
    Function::new("type", &[VALUE], Returns::Is(Kind::String), |call| {
        let mut text = String::new();
        describe(&call.arguments[0].type_of(), 0, &mut text);
        Ok(Value::from(text))
    }),
];

/// Returns the type that a conversion gives, if there is such a conversion.
fn wanted(arguments: &[Value], to: Type) -> Result<Type, Failure> {
    let given = arguments[0].type_of();
    if given != to && !is_convertible(&given, &to, Safety::Unsafe) {
        return Err(refused(&given.friendly_name(), &to));
    }
    // What an unknown value becomes is known as far as its type is.
    Ok(convert(&Value::Unknown(given), &to).map_or(to, |value| value.type_of()))
}

fn refused(what: &str, to: &Type) -> Failure {
    Failure::argument(0, format!("cannot convert {what} to {}", to.constraint_name()))
}

fn to(call: &Call<'_>) -> Result<Value, Failure> {
    let value = &call.arguments[0];
    let to = match &call.returns {
        Type::List(_) => Type::list(Type::Dynamic),
        Type::Set(_) => Type::set(Type::Dynamic),
        Type::Map(_) => Type::map(Type::Dynamic),
        other => other.clone(),
    };
    convert(value, &to).map_err(|_| conversion_failed(value, &to))
}

fn conversion_failed(value: &Value, to: &Type) -> Failure {
    if value.contains_sensitive() {
        return refused(&format!("this sensitive {}", value.type_of().friendly_name()), to);
    }
    let Some(text) = value.as_str() else { return refused(&value.type_of().friendly_name(), to) };
    let mut failure = refused(&format!("{text:?}"), to);
    failure.message += match to {
        Type::Bool => "; write a bool as `true` or `false`",
        Type::Number => "; write a number in decimal, such as 12, -1.5 or 2e3",
        _ => "",
    };
    failure
}

/// Writes a type as `terraform console` does.
fn describe(kind: &Type, depth: usize, text: &mut String) {
    let outer = "    ".repeat(depth);
    let inner = "    ".repeat(depth + 1);
    match kind {
        Type::Dynamic => text.push_str("dynamic"),
        Type::List(element) => describe_element("list", element, depth, text),
        Type::Set(element) => describe_element("set", element, depth, text),
        Type::Map(element) => describe_element("map", element, depth, text),
        Type::Tuple(kinds) if kinds.is_empty() => text.push_str("tuple([])"),
        Type::Tuple(kinds) => {
            text.push_str("tuple([\n");
            for kind in kinds.iter() {
                text.push_str(&inner);
                describe(kind, depth + 1, text);
                text.push_str(",\n");
            }
            let _ = write!(text, "{outer}])");
        }
        Type::Object(attributes) if attributes.is_empty() => text.push_str("object({})"),
        Type::Object(_) => {
            text.push_str("object({\n");
            for (name, kind) in kind.attributes() {
                let _ = write!(text, "{inner}{name}: ");
                describe(kind, depth + 1, text);
                text.push_str(",\n");
            }
            let _ = write!(text, "{outer}}})");
        }
        primitive => text.push_str(&primitive.friendly_name()),
    }
}

fn describe_element(collection: &str, element: &Type, depth: usize, text: &mut String) {
    text.push_str(collection);
    text.push('(');
    if matches!(element, Type::Tuple(_) | Type::Object(_)) {
        let _ = write!(text, "\n{}", "    ".repeat(depth + 1));
        describe(element, depth + 1, text);
        let _ = write!(text, ",\n{}", "    ".repeat(depth));
    } else {
        describe(element, depth, text);
    }
    text.push(')');
}
