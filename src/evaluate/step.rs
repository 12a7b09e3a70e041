//! One step into a value: `.name` and `[key]`.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::value::{Attributes, Number, Type, Value, convert};

/// Takes an attribute, as `value.name` does. The problem has no range yet.
pub fn attribute(value: &Value, name: &str) -> Result<Value, Diagnostic> {
    let (inner, marked) = value.unmark();
    let found = attribute_of(inner, name).map_err(|problem| without_names(problem, marked))?;
    Ok(found.sensitive_if(marked))
}

fn attribute_of(value: &Value, name: &str) -> Result<Value, Diagnostic> {
    match value {
        Value::Null(_) => {
            Err(Diagnostic::error("attribute-of-null", "Attempt to get attribute from null value")
                .detail(format!("This value is null, so there is no attribute {name:?} in it.")))
        }
        Value::Object(attributes) => {
            attributes.get(name).cloned().ok_or_else(|| no_attribute(name, attributes))
        }
        Value::Map(_, elements) => elements.get(name).cloned().ok_or_else(|| {
            let detail = format!("The map has no element {name:?}.");
            Diagnostic::error("missing-map-element", "Missing map element")
                .detail(detail)
                .hint(did_you_mean(name, elements.keys().map(|key| &**key)))
        }),
        Value::Redacted(_) => Ok(Value::unknown()),
        _ => attribute_of_type(value, name),
    }
}

fn no_attribute(name: &str, attributes: &Attributes) -> Diagnostic {
    unsupported(format!("The object has no attribute {name:?}."))
        .hint(did_you_mean(name, attributes.keys().map(|key| &**key)))
}

fn unsupported(detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("unsupported-attribute", "Unsupported attribute").detail(detail)
}

/// What the type alone says: of an unknown value, or of one without attributes.
fn attribute_of_type(value: &Value, name: &str) -> Result<Value, Diagnostic> {
    let kind = value.type_of();
    match &kind {
        Type::Dynamic => Ok(Value::unknown()),
        Type::Map(element) => Ok(Value::Unknown((**element).clone())),
        Type::Object(attributes) => match attributes.get(name) {
            Some(attribute) => Ok(Value::Unknown(attribute.kind.clone())),
            None => Err(unsupported(format!("The object has no attribute {name:?}."))
                .hint(did_you_mean(name, attributes.keys().map(|key| &**key)))),
        },
        Type::List(element) if matches!(**element, Type::Object(_)) => {
            let advice = match element.attribute(name) {
                Some(_) => format!("Write `[0].{name}` for the first one, `[*].{name}` for all."),
                None => format!("They have no attribute {name:?} either."),
            };
            Err(unsupported(format!(
                "Only the objects in this list have attributes, not the list itself. {advice}"
            )))
        }
        Type::Set(element) if matches!(**element, Type::Object(_)) => Err(unsupported(format!(
            "Only the objects in this set have attributes, not the set itself. Write \
             `[*].{name}` for all of them."
        ))),
        _ => {
            let kind = kind.friendly_name();
            Err(unsupported(format!("This is a {kind}, which has no attributes.")))
        }
    }
}

/// The names in a sensitive value are not suggested.
fn without_names(mut problem: Diagnostic, marked: bool) -> Diagnostic {
    if marked {
        problem.hint = None;
    }
    problem
}

/// Takes an element, as `value[key]` does. The problem has no range yet.
pub fn index(value: &Value, key: &Value) -> Result<Value, Diagnostic> {
    let (inner, marked) = value.unmark();
    let (key, key_marked) = key.unmark();
    let found = index_of(inner, key).map_err(|problem| without_names(problem, marked))?;
    Ok(found.sensitive_if(marked || key_marked))
}

/// Finds an element or attribute without looking at any other.
fn member<'a>(value: &'a Value, key: &Value) -> Option<&'a Value> {
    match (value, key) {
        (Value::List(..) | Value::Tuple(_), Value::Number(at)) => {
            value.as_elements()?.get(usize::try_from(at.to_u64()?).ok()?)
        }
        (Value::Object(members) | Value::Map(_, members), Value::String(name)) => members.get(name),
        _ => None,
    }
}

fn index_of(value: &Value, key: &Value) -> Result<Value, Diagnostic> {
    if value.is_null() {
        return Err(Diagnostic::error("index-of-null", "Attempt to index null value")
            .detail("This value is null, so there is no element to take."));
    }
    if key.is_null() {
        return Err(invalid("The key is null, so it does not say which element to take."));
    }
    // The type of a large value is itself large, and mostly not needed.
    if let Some(found) = member(value, key) {
        return Ok(found.clone());
    }
    let kind = value.type_of();
    if kind == Type::Dynamic || key.type_of() == Type::Dynamic {
        return Ok(Value::unknown());
    }
    match kind {
        Type::List(_) | Type::Tuple(_) => {
            let key = convert(key, &Type::Number).map_err(|error| no_element(&error.message))?;
            sequence_element(value, &kind, &key)
        }
        Type::Map(element) => {
            let key = convert(key, &Type::String).map_err(|error| no_element(&error.message))?;
            match (value.as_attributes(), key.as_str()) {
                (Some(elements), Some(key)) => named_element(elements, key),
                _ => Ok(Value::Unknown((*element).clone())),
            }
        }
        Type::Object(_) => object_element(value, key, &kind),
        Type::Set(_) => Err(invalid(
            "The elements of a set have neither keys nor an order, so none can be picked. Go \
             through all of them with `for`, or make a list of the set first, with `tolist` or \
             `sort`.",
        )),
        kind => {
            let kind = kind.friendly_name();
            Err(invalid(format!("This is a {kind}, which has no elements to take.")))
        }
    }
}

fn invalid(detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("invalid-index", "Invalid index").detail(detail)
}

fn no_element(why: &str) -> Diagnostic {
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    invalid(format!("There is no such element{why}."))
}

fn named_element(elements: &Attributes, key: &str) -> Result<Value, Diagnostic> {
    let hint = || did_you_mean(key, elements.keys().map(|key| &**key));
    elements.get(key).cloned().ok_or_else(|| no_element("").hint(hint()))
}

fn sequence_element(value: &Value, kind: &Type, key: &Value) -> Result<Value, Diagnostic> {
    let unknown = || Value::Unknown(kind.element().cloned().unwrap_or(Type::Dynamic));
    let Value::Number(number) = key else { return Ok(unknown()) };
    let length = match (value.as_elements(), kind) {
        (Some(elements), _) => elements.len(),
        (None, Type::Tuple(kinds)) => kinds.len(),
        (None, _) if number.is_integer() && !is_below_zero(number) => return Ok(unknown()),
        (None, _) => usize::MAX,
    };
    let at = position(number, length)?;
    match (value.as_elements(), kind) {
        (Some(elements), _) => Ok(elements[at].clone()),
        (None, Type::Tuple(kinds)) => Ok(Value::Unknown(kinds[at].clone())),
        (None, _) => Ok(unknown()),
    }
}

fn is_below_zero(number: &Number) -> bool {
    number.is_negative() && !number.is_zero()
}

fn position(number: &Number, length: usize) -> Result<usize, Diagnostic> {
    if !number.is_integer() {
        return Err(no_element("an index has to be a whole number"));
    }
    if is_below_zero(number) {
        return Err(no_element("an index counts from 0 upwards and is never negative"));
    }
    match number.to_u64().and_then(|at| usize::try_from(at).ok()) {
        Some(at) if at < length => Ok(at),
        _ if length == 0 => Err(no_element("the collection is empty")),
        _ => Err(no_element("the index is past the end (the first element has index 0)")),
    }
}

fn object_element(value: &Value, key: &Value, kind: &Type) -> Result<Value, Diagnostic> {
    let was_number = key.type_of() == Type::Number;
    let key = convert(key, &Type::String).map_err(|error| no_element(&error.message))?;
    let Some(name) = key.as_str() else { return Ok(Value::unknown()) };
    match (value.get(name), kind.attribute(name)) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(kind)) => Ok(Value::Unknown(kind.clone())),
        (None, None) => {
            let mut problem = no_element("");
            if was_number {
                problem.detail += " Attributes of an object have names, not numbers.";
            }
            Err(problem.hint(did_you_mean(name, kind.attributes().map(|(name, _)| &**name))))
        }
    }
}
