//! Converting values to types: what Terraform converts by itself, and why the
//! rest is refused.

use std::sync::Arc;

use super::mismatch::mismatch;
use super::unify::{Safety, unify};
use super::{AttributePath, Attributes, PathStep, Type, Value};

/// Why a value does not convert, and where inside it the problem is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConversionError {
    pub path: AttributePath,
    /// Without a full stop: "a number is required".
    pub message: String,
}

/// Converts a value to a type. Marks stay; unknown stays unknown, of the new type.
pub fn convert(value: &Value, to: &Type) -> Result<Value, ConversionError> {
    let given = value.type_of();
    if given == to.without_optional() {
        return Ok(value.clone());
    }
    if !is_convertible(&given, to, Safety::Unsafe) {
        let message = mismatch(&given, to);
        return Err(ConversionError { path: AttributePath::default(), message });
    }
    Conversion { path: Vec::new() }.value(value, to)
}

/// Tells whether values of one type convert to another; unsafely means that it
/// may still depend on the value.
pub fn is_convertible(from: &Type, to: &Type, safety: Safety) -> bool {
    use Type::{Bool, Dynamic, List, Map, Number, Object, Set, String, Tuple};
    let relaxed = safety == Safety::Unsafe;
    match (from, to) {
        (_, Dynamic) => true,
        (Dynamic, _) => relaxed,
        (Bool, Bool) | (Number, Number) | (String | Number | Bool, String) => true,
        (String, Number | Bool) => relaxed,
        (Object(_), Object(_)) => object_to_object(from, to, safety),
        (Tuple(a), Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same_or(a, b, safety))
        }
        (List(a) | Set(a), List(b)) | (Set(a), Set(b)) | (Map(a), Map(b)) => same_or(a, b, safety),
        (List(a), Set(b)) => relaxed && same_or(a, b, safety),
        (Tuple(elements), List(to) | Set(to)) => all_to(elements.iter(), to, safety, true),
        (Object(attributes), Map(to)) => {
            all_to(attributes.values().map(|a| &a.kind), to, safety, false)
        }
        (Map(element), Object(attributes)) => {
            relaxed && attributes.values().all(|a| a.optional || same_or(element, &a.kind, safety))
        }
        _ => false,
    }
}

fn same_or(from: &Type, to: &Type, safety: Safety) -> bool {
    *from == to.without_optional() || is_convertible(from, to, safety)
}

fn object_to_object(from: &Type, to: &Type, safety: Safety) -> bool {
    let Type::Object(wanted) = to else { return false };
    wanted.iter().all(|(name, wanted)| match from.attribute(name) {
        Some(given) => same_or(given, &wanted.kind, safety),
        None => wanted.optional,
    })
}

fn all_to<'a>(
    mut parts: impl Iterator<Item = &'a Type> + Clone,
    to: &Type,
    safety: Safety,
    in_sequence: bool,
) -> bool {
    if *to != Type::Dynamic {
        return parts.all(|part| same_or(part, to, safety));
    }
    match common(parts.clone(), safety) {
        None => false,
        Some(Type::Dynamic) if in_sequence => parts.all(|part| *part == Type::Dynamic),
        Some(common) => parts.all(|part| same_or(part, &common, safety)),
    }
}

/// Returns the common type of some types, `Dynamic` for none at all.
fn common<'a>(types: impl Iterator<Item = &'a Type>, safety: Safety) -> Option<Type> {
    let types: Vec<Type> = types.cloned().collect();
    if types.is_empty() { Some(Type::Dynamic) } else { unify(&types, safety) }
}

/// Replaces `any` inside a wanted type by what stands there in the given type.
fn settle(given: &Type, wanted: &Type) -> Type {
    use Type::{Dynamic, List, Map, Object, Set, Tuple};
    let unified =
        |types: Vec<Type>, to: &Type| settle(&unify(&types, Safety::Unsafe).unwrap_or(Dynamic), to);
    match (given, wanted) {
        (Dynamic, _) => wanted.clone(),
        (_, Dynamic) => given.clone(),
        (Map(a), Map(b)) => Type::map(settle(a, b)),
        (Object(a), Map(b)) => Type::map(unified(a.values().map(|a| a.kind.clone()).collect(), b)),
        (List(a) | Set(a), List(b)) => Type::list(settle(a, b)),
        (List(a) | Set(a), Set(b)) => Type::set(settle(a, b)),
        (Tuple(a), List(b)) => Type::list(unified(a.to_vec(), b)),
        (Tuple(a), Set(b)) => Type::set(unified(a.to_vec(), b)),
        (Tuple(a), Tuple(b)) => {
            Type::Tuple(a.iter().zip(b.iter()).map(|(a, b)| settle(a, b)).collect())
        }
        (Map(a), Object(b)) => {
            Type::object(b.iter().map(|(name, b)| (name.clone(), settle(a, &b.kind))))
        }
        (Object(_), Object(b)) => Type::object(b.iter().map(|(name, b)| {
            let kind = given.attribute(name).map_or(b.kind.clone(), |a| settle(a, &b.kind));
            (name.clone(), kind)
        })),
        _ => wanted.clone(),
    }
}

struct Conversion {
    path: Vec<PathStep>,
}

impl Conversion {
    fn value(&mut self, value: &Value, to: &Type) -> Result<Value, ConversionError> {
        match (value, to) {
            (Value::Sensitive(inner), _) => Ok(self.value(inner, to)?.sensitive()),
            (_, Type::Dynamic) | (Value::Redacted(_), _) => Ok(value.clone()),
            (Value::Unknown(given), _) => Ok(Value::Unknown(settle(given, &to.without_optional()))),
            (Value::Null(given), _) => Ok(Value::Null(settle(given, &to.without_optional()))),
            (_, Type::Bool | Type::Number | Type::String) => self.primitive(value, to),
            (_, Type::List(element)) => self.list(value, element),
            (_, Type::Set(element)) => self.set(value, element),
            (_, Type::Map(element)) => self.map(value, element),
            (Value::Tuple(elements), Type::Tuple(kinds)) if elements.len() == kinds.len() => {
                let pairs = elements.iter().zip(kinds.iter()).enumerate();
                let elements: Result<Vec<_>, _> = pairs
                    .map(|(at, (element, kind))| self.inside(PathStep::Index(at), element, kind))
                    .collect();
                Ok(Value::Tuple(Arc::new(elements?)))
            }
            (Value::Map(..) | Value::Object(_), Type::Object(_)) => self.object(value, to),
            _ => Err(self.error(mismatch(&value.type_of(), to))),
        }
    }

    fn inside(
        &mut self,
        step: PathStep,
        value: &Value,
        to: &Type,
    ) -> Result<Value, ConversionError> {
        self.path.push(step);
        let converted = if is_convertible(&value.type_of(), to, Safety::Unsafe) {
            self.value(value, to)
        } else {
            Err(self.error(mismatch(&value.type_of(), to)))
        };
        self.path.pop();
        converted
    }

    fn error(&self, message: impl Into<String>) -> ConversionError {
        ConversionError { path: self.path.iter().cloned().collect(), message: message.into() }
    }

    fn primitive(&self, value: &Value, to: &Type) -> Result<Value, ConversionError> {
        match (value, to) {
            (Value::Bool(_), Type::Bool)
            | (Value::Number(_), Type::Number)
            | (Value::String(_), Type::String) => Ok(value.clone()),
            (Value::Bool(value), Type::String) => Ok(Value::from(value.to_string())),
            (Value::Number(number), Type::String) => Ok(Value::from(number.to_string())),
            (Value::String(text), Type::Number) => match text.parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => Err(self.error("a number is required")),
            },
            (Value::String(text), Type::Bool) => self.bool(text),
            _ => Err(self.error(mismatch(&value.type_of(), to))),
        }
    }

    fn bool(&self, text: &str) -> Result<Value, ConversionError> {
        match text {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => {
                let lower = text.to_lowercase();
                let advice = if lower == "true" || lower == "false" {
                    format!("; write it in lower case, as `{lower}`")
                } else {
                    String::new()
                };
                Err(self.error(format!("a bool is required{advice}")))
            }
        }
    }

    /// Converts elements, and returns them with the type that they then have in common.
    fn elements(
        &mut self,
        value: &Value,
        wanted: &Type,
        kind: &str,
    ) -> Result<(Type, Vec<Value>), ConversionError> {
        let given = value.as_elements().unwrap_or_default();
        let wanted = match (value, wanted) {
            (Value::Tuple(_), Type::Dynamic) => {
                let types: Vec<Type> = given.iter().map(Value::type_of).collect();
                common(types.iter(), Safety::Unsafe).unwrap_or(Type::Dynamic)
            }
            _ => wanted.clone(),
        };
        let mut elements = Vec::with_capacity(given.len());
        for (at, element) in given.iter().enumerate() {
            elements.push(self.inside(PathStep::Index(at), element, &wanted)?);
        }
        if elements.is_empty() {
            let kind = match (value, wanted) {
                (Value::List(kind, _) | Value::Set(kind, _), Type::Dynamic) => kind.clone(),
                (_, wanted) => wanted.without_optional(),
            };
            return Ok((kind, elements));
        }
        let elements = self.alike(elements, kind)?;
        Ok((element_type(&elements), elements))
    }

    /// Makes elements that still differ (inside `any`) alike.
    fn alike(&mut self, elements: Vec<Value>, kind: &str) -> Result<Vec<Value>, ConversionError> {
        let types: Vec<Type> = elements.iter().map(Value::type_of).collect();
        if types.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(elements);
        }
        let Some(common) = unify(&types, Safety::Unsafe) else {
            return Err(self.error("the elements have no type in common"));
        };
        let elements: Result<Vec<_>, _> = elements
            .iter()
            .enumerate()
            .map(|(at, element)| self.inside(PathStep::Index(at), element, &common))
            .collect();
        let elements = elements?;
        if is_uniform(&elements) {
            Ok(elements)
        } else {
            Err(self.error(format!("the elements of a {kind} must all be of one type")))
        }
    }

    fn list(&mut self, value: &Value, element: &Type) -> Result<Value, ConversionError> {
        match value {
            Value::Set(..) if !value.children().all(Value::is_wholly_known) => {
                Ok(Value::Unknown(Type::list(settle(&element_of(value), element))))
            }
            Value::List(..) | Value::Set(..) | Value::Tuple(_) => {
                let (kind, elements) = self.elements(value, element, "list")?;
                Ok(Value::List(kind, Arc::new(elements)))
            }
            _ => Err(self.error(mismatch(&value.type_of(), &Type::list(element.clone())))),
        }
    }

    fn set(&mut self, value: &Value, element: &Type) -> Result<Value, ConversionError> {
        match value {
            Value::List(..) | Value::Set(..) | Value::Tuple(_) => {
                let (kind, elements) = self.elements(value, element, "set")?;
                Ok(Value::set(kind, elements))
            }
            _ => Err(self.error(mismatch(&value.type_of(), &Type::set(element.clone())))),
        }
    }

    fn map(&mut self, value: &Value, element: &Type) -> Result<Value, ConversionError> {
        let Some(attributes) = value.as_attributes() else {
            return Err(self.error(mismatch(&value.type_of(), &Type::map(element.clone()))));
        };
        let wanted = match (value, element) {
            (Value::Object(_), Type::Dynamic) => {
                let types: Vec<Type> = attributes.values().map(Value::type_of).collect();
                common(types.iter(), Safety::Unsafe).unwrap_or(Type::Dynamic)
            }
            _ => element.clone(),
        };
        let mut converted = Vec::with_capacity(attributes.len());
        for (name, value) in attributes.iter() {
            converted.push(self.inside(PathStep::Key(name.clone()), value, &wanted)?);
        }
        if converted.is_empty() {
            let kind = match (value, wanted) {
                (Value::Map(kind, _), Type::Dynamic) => kind.clone(),
                (_, wanted) => wanted.without_optional(),
            };
            return Ok(Value::Map(kind, Arc::default()));
        }
        let converted = self.alike(converted, "map")?;
        let kind = element_type(&converted);
        let named = attributes.keys().cloned().zip(converted);
        Ok(Value::Map(kind, Arc::new(named.collect::<Attributes>())))
    }

    fn object(&mut self, value: &Value, to: &Type) -> Result<Value, ConversionError> {
        let Type::Object(wanted) = to else { return Ok(value.clone()) };
        let mut converted = Attributes::new();
        for (name, attribute) in wanted.iter() {
            let given = match value.get(name) {
                Some(given) => self.attribute(value, name, given, &attribute.kind)?,
                None if attribute.optional => Value::Null(attribute.kind.without_optional()),
                None => {
                    return Err(
                        self.error(format!("the map has no element for the attribute {name:?}"))
                    );
                }
            };
            converted.insert(name.clone(), given);
        }
        Ok(Value::Object(Arc::new(converted)))
    }

    fn attribute(
        &mut self,
        whole: &Value,
        name: &Arc<str>,
        given: &Value,
        to: &Type,
    ) -> Result<Value, ConversionError> {
        let is_map = matches!(whole, Value::Map(..));
        if is_map && !is_convertible(&given.type_of(), to, Safety::Unsafe) {
            let why = mismatch(&given.type_of(), to);
            return Err(self.error(format!(
                "the elements of the map do not fit the attribute {name:?}: {why}"
            )));
        }
        let step =
            if is_map { PathStep::Key(name.clone()) } else { PathStep::Attribute(name.clone()) };
        self.inside(step, given, to)
    }
}

fn element_of(value: &Value) -> Type {
    value.type_of().element().cloned().unwrap_or(Type::Dynamic)
}

/// Returns the type that elements have in common, given that they are uniform.
pub(crate) fn element_type<'a>(elements: impl IntoIterator<Item = &'a Value>) -> Type {
    elements
        .into_iter()
        .map(Value::type_of)
        .find(|kind| *kind != Type::Dynamic)
        .unwrap_or(Type::Dynamic)
}

/// Tells whether elements can stand in one list: of one type, or of none yet.
pub(crate) fn is_uniform(elements: &[Value]) -> bool {
    let kind = element_type(elements);
    elements.iter().map(Value::type_of).all(|each| each == kind || each == Type::Dynamic)
}
