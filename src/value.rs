//! Values of the language: typed, possibly unknown, possibly sensitive.
//!
//! Values are immutable and share structure, so cloning one is cheap whatever
//! its size. The model is Terraform's (cty): lists and tuples, maps and
//! objects differ; nulls and unknowns have a type; sensitivity spreads.

pub(crate) mod convert;
mod equality;
mod mismatch;
mod number;
mod path;
mod serial;
mod types;
mod unify;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use convert::{ConversionError, convert, is_convertible};
pub use number::{Number, ParseNumberError};
pub use path::{AttributePath, PathStep};
pub use types::{ObjectAttribute, Type};
pub use unify::{Safety, unify};

/// Attributes or map elements by name, in name order.
pub type Attributes = BTreeMap<Arc<str>, Value>;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The absence of a value of this type.
    Null(Type),
    /// A value of this type that only apply will know.
    Unknown(Type),
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    /// Elements of one type, which stands first.
    List(Type, Arc<Vec<Value>>),
    /// Like a list, but sorted and without duplicates.
    Set(Type, Arc<Vec<Value>>),
    Map(Type, Arc<Attributes>),
    Tuple(Arc<Vec<Value>>),
    Object(Arc<Attributes>),
    /// A value that must not be shown. Never holds another `Sensitive` directly.
    Sensitive(Arc<Value>),
    /// What is left of a sensitive value in the state and in plan files: the
    /// keyed fingerprint by which a change is noticed.
    Redacted(Arc<str>),
}

impl Value {
    /// Makes a string.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// Makes an object.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Object(Arc::new(attributes.into_iter().map(|(k, v)| (k.into(), v)).collect()))
    }

    /// Makes a tuple, which is what `[a, b]` is.
    pub fn tuple(elements: impl IntoIterator<Item = Value>) -> Self {
        Self::Tuple(Arc::new(elements.into_iter().collect()))
    }

    /// Makes a map of strings.
    pub fn string_map<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        elements: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let elements = elements.into_iter().map(|(k, v)| (k.into(), Self::String(v.into())));
        Self::Map(Type::String, Arc::new(elements.collect()))
    }

    /// Makes a value of which nothing is known, not even the type.
    pub fn unknown() -> Self {
        Self::Unknown(Type::Dynamic)
    }

    /// Makes a number that counts something, such as a length.
    pub fn count(count: usize) -> Self {
        Self::Number(Number::count(count))
    }

    /// Makes a null without a type.
    pub fn null() -> Self {
        Self::Null(Type::Dynamic)
    }

    /// Marks a value as not to be shown; marking twice is marking once.
    pub fn sensitive(self) -> Self {
        match self {
            Self::Sensitive(_) | Self::Redacted(_) => self,
            other => Self::Sensitive(Arc::new(other)),
        }
    }

    /// Marks a value as not to be shown when the condition holds.
    pub fn sensitive_if(self, condition: bool) -> Self {
        if condition { self.sensitive() } else { self }
    }

    /// Returns the value without its outermost mark, and whether it had one.
    pub fn unmark(&self) -> (&Value, bool) {
        match self {
            Self::Sensitive(inner) => (inner, true),
            Self::Redacted(_) => (self, true),
            other => (other, false),
        }
    }

    /// Returns the value behind its outermost mark, if any.
    pub fn revealed(&self) -> &Value {
        self.unmark().0
    }

    /// Returns the value with every mark inside it removed.
    pub fn deep_revealed(&self) -> Value {
        match self {
            Self::Sensitive(inner) => inner.deep_revealed(),
            other => other.map_children(Value::deep_revealed),
        }
    }

    /// Tells whether it, or anything inside, is marked.
    pub fn contains_sensitive(&self) -> bool {
        matches!(self, Self::Sensitive(_) | Self::Redacted(_))
            || self.children().any(Value::contains_sensitive)
    }

    /// Tells whether it is null, marked or not.
    pub fn is_null(&self) -> bool {
        matches!(self.revealed(), Self::Null(_))
    }

    /// Tells whether it is itself unknown, marked or not.
    pub fn is_unknown(&self) -> bool {
        matches!(self.revealed(), Self::Unknown(_))
    }

    /// Tells whether it and all inside are known.
    pub fn is_wholly_known(&self) -> bool {
        match self.revealed() {
            Self::Unknown(_) => false,
            known => known.children().all(Value::is_wholly_known),
        }
    }

    /// Returns the text of a string, marked or not.
    pub fn as_str(&self) -> Option<&str> {
        match self.revealed() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a boolean, marked or not.
    pub fn as_bool(&self) -> Option<bool> {
        match self.revealed() {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a number, marked or not.
    pub fn as_number(&self) -> Option<&Number> {
        match self.revealed() {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the named values of a map or object, marked or not.
    pub fn as_attributes(&self) -> Option<&Arc<Attributes>> {
        match self.revealed() {
            Self::Map(_, attributes) | Self::Object(attributes) => Some(attributes),
            _ => None,
        }
    }

    /// Returns the elements of a list, set or tuple, marked or not.
    pub fn as_elements(&self) -> Option<&[Value]> {
        match self.revealed() {
            Self::List(_, elements) | Self::Set(_, elements) | Self::Tuple(elements) => {
                Some(elements)
            }
            _ => None,
        }
    }

    /// Returns an attribute of an object or element of a map; nothing when absent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_attributes()?.get(name)
    }

    /// Returns the value at a path; nothing when any step is absent.
    pub fn at(&self, path: &AttributePath) -> Option<&Value> {
        path.steps().iter().try_fold(self, |value, step| match step {
            PathStep::Attribute(name) | PathStep::Key(name) => value.get(name),
            PathStep::Index(index) => value.as_elements()?.get(*index),
        })
    }

    /// Returns an object like this one with one attribute set; on anything but
    /// an object or a map, an object with that attribute only.
    pub fn with(&self, name: impl Into<Arc<str>>, value: Value) -> Value {
        let mut attributes = self.as_attributes().map(|a| (**a).clone()).unwrap_or_default();
        attributes.insert(name.into(), value);
        match self {
            Self::Map(kind, _) => Self::Map(kind.clone(), Arc::new(attributes)),
            _ => Self::Object(Arc::new(attributes)),
        }
    }

    /// Lists the values directly inside.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Self::List(_, elements) | Self::Set(_, elements) | Self::Tuple(elements) => {
                Box::new(elements.iter())
            }
            Self::Map(_, attributes) | Self::Object(attributes) => Box::new(attributes.values()),
            Self::Sensitive(inner) => Box::new(std::iter::once(&**inner)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Rebuilds the value with each value directly inside replaced.
    pub fn map_children(&self, mut change: impl FnMut(&Value) -> Value) -> Value {
        let list = |elements: &[Value], change: &mut dyn FnMut(&Value) -> Value| {
            Arc::new(elements.iter().map(change).collect::<Vec<_>>())
        };
        let named = |attributes: &Attributes, change: &mut dyn FnMut(&Value) -> Value| {
            Arc::new(attributes.iter().map(|(k, v)| (k.clone(), change(v))).collect::<Attributes>())
        };
        match self {
            Self::List(kind, elements) => Self::List(kind.clone(), list(elements, &mut change)),
            Self::Set(kind, elements) => Self::Set(kind.clone(), list(elements, &mut change)),
            Self::Tuple(elements) => Self::Tuple(list(elements, &mut change)),
            Self::Map(kind, attributes) => Self::Map(kind.clone(), named(attributes, &mut change)),
            Self::Object(attributes) => Self::Object(named(attributes, &mut change)),
            Self::Sensitive(inner) => change(inner).sensitive(),
            other => other.clone(),
        }
    }

    /// Returns the type of the value.
    pub fn type_of(&self) -> Type {
        match self {
            Self::Null(kind) | Self::Unknown(kind) => kind.clone(),
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(kind, _) => Type::list(kind.clone()),
            Self::Set(kind, _) => Type::set(kind.clone()),
            Self::Map(kind, _) => Type::map(kind.clone()),
            Self::Tuple(elements) => {
                Type::Tuple(elements.iter().map(Value::type_of).collect::<Vec<_>>().into())
            }
            Self::Object(attributes) => {
                Type::object(attributes.iter().map(|(name, value)| (name.clone(), value.type_of())))
            }
            Self::Sensitive(inner) => inner.type_of(),
            Self::Redacted(_) => Type::Dynamic,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(normal_form(text).as_ref().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Returns a text in Unicode's normal form C, in which all strings of the
/// language are.
pub(crate) fn normal_form(text: &str) -> std::borrow::Cow<'_, str> {
    use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_nest() {
        let value = Value::from("x").sensitive().sensitive();
        assert_eq!(value, Value::Sensitive(Arc::new(Value::from("x"))));
        assert_eq!(value.revealed(), &Value::from("x"));
    }

    #[test]
    fn sensitivity_and_unknowns_are_found_at_any_depth() {
        let value = Value::object([("a", Value::tuple([Value::from("x").sensitive()]))]);
        assert!(value.contains_sensitive());
        assert_eq!(value.deep_revealed(), Value::object([("a", Value::tuple([Value::from("x")]))]));
        assert!(!Value::tuple([Value::Unknown(Type::String)]).is_wholly_known());
    }
}
