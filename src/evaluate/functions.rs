//! The function library: one table, name to parameters, result and
//! implementation. Names and results are Terraform's, plus `env`.

mod collection;
mod conversion;
mod date;
mod encoding;
mod environment;
mod filesystem;
mod format;
mod hash;
mod json;
mod list;
mod map;
mod network;
mod number;
mod regex;
mod rsa;
mod set;
mod string;
mod template;
mod yaml;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Scope;
use crate::value::{Number, Type, Value};

/// A function, and what it does with nulls, unknowns and marks.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) variadic: Option<Parameter>,
    pub(super) returns: Returns,
    pub(super) body: fn(&Call<'_>) -> Result<Value, Failure>,
}

impl Function {
    pub(super) const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Returns,
        body: fn(&Call<'_>) -> Result<Value, Failure>,
    ) -> Self {
        Self { name, parameters, variadic: None, returns, body }
    }

    /// Takes any number of further arguments.
    pub(super) const fn variadic(mut self, parameter: Parameter) -> Self {
        self.variadic = Some(parameter);
        self
    }

    /// Returns the parameter of an argument.
    pub(super) fn parameter(&self, at: usize) -> Option<&Parameter> {
        self.parameters.get(at).or(self.variadic.as_ref())
    }
}

/// A parameter. Unless it says otherwise, a null is refused, an unknown
/// argument makes the result unknown, and a marked one makes it marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) null: bool,
    pub(super) unknown: bool,
    pub(super) untyped: bool,
    pub(super) marked: bool,
}

impl Parameter {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, null: false, unknown: false, untyped: false, marked: false }
    }

    /// The function takes null.
    pub(super) const fn null(self) -> Self {
        Self { null: true, ..self }
    }

    /// The function takes unknown values of known type.
    pub(super) const fn unknown(self) -> Self {
        Self { unknown: true, ..self }
    }

    /// The function takes values of unknown type.
    pub(super) const fn untyped(self) -> Self {
        Self { untyped: true, ..self }
    }

    /// The function takes care of marks itself.
    pub(super) const fn marked(self) -> Self {
        Self { marked: true, ..self }
    }
}

/// The types that parameters and results have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Bool,
    Number,
    String,
    List(&'static Kind),
    Set(&'static Kind),
    Map(&'static Kind),
}

impl Kind {
    pub(super) fn to_type(self) -> Type {
        match self {
            Self::Any => Type::Dynamic,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::List(element) => Type::list(element.to_type()),
            Self::Set(element) => Type::set(element.to_type()),
            Self::Map(element) => Type::map(element.to_type()),
        }
    }
}

/// The type of the result.
pub(super) enum Returns {
    Is(Kind),
    /// It depends on the arguments, which may be unknown.
    From(fn(&[Value]) -> Result<Type, Failure>),
}

impl Returns {
    pub(super) fn of(&self, arguments: &[Value]) -> Result<Type, Failure> {
        match self {
            Self::Is(kind) => Ok(kind.to_type()),
            Self::From(decide) => decide(arguments),
        }
    }
}

/// What an implementation gets.
pub(super) struct Call<'a> {
    /// Converted to the parameters' types; none is null, unknown or marked
    /// unless its parameter says so.
    pub(super) arguments: &'a [Value],
    /// The type of the result, as `Returns` says.
    pub(super) returns: Type,
    pub(super) scope: &'a dyn Scope,
    /// How many templates are being rendered one inside the other.
    pub(super) depth: usize,
}

impl Call<'_> {
    /// Returns a string argument.
    pub(super) fn text(&self, at: usize) -> &str {
        self.arguments.get(at).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the elements of a list, set or tuple argument.
    pub(super) fn elements(&self, at: usize) -> &[Value] {
        self.arguments.get(at).and_then(Value::as_elements).unwrap_or_default()
    }

    /// Returns a whole number argument that fits.
    pub(super) fn whole(&self, at: usize) -> Result<i64, Failure> {
        let number = self.arguments.get(at).and_then(Value::as_number);
        number.and_then(Number::to_i64).ok_or_else(|| WHOLE_NUMBER.into())
    }

    /// Returns the element type of the result.
    pub(super) fn returns_element(&self) -> Type {
        self.returns.element().cloned().unwrap_or(Type::Dynamic)
    }
}

/// Why a number was refused where a whole one is needed.
pub(super) const WHOLE_NUMBER: &str = "a whole number that fits into 64 bits is required";

/// Why a function failed, and which argument is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) argument: Option<usize>,
    /// Without a full stop.
    pub(super) message: String,
}

impl Failure {
    pub(super) fn argument(at: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(at), message: message.into() }
    }
}

impl<T: Into<String>> From<T> for Failure {
    fn from(message: T) -> Self {
        Self { argument: None, message: message.into() }
    }
}

static TABLE: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let families = [
        collection::FUNCTIONS,
        conversion::FUNCTIONS,
        date::FUNCTIONS,
        encoding::FUNCTIONS,
        environment::FUNCTIONS,
        filesystem::FUNCTIONS,
        format::FUNCTIONS,
        hash::FUNCTIONS,
        json::FUNCTIONS,
        list::FUNCTIONS,
        map::FUNCTIONS,
        network::FUNCTIONS,
        number::FUNCTIONS,
        regex::FUNCTIONS,
        set::FUNCTIONS,
        string::FUNCTIONS,
        template::FUNCTIONS,
        yaml::FUNCTIONS,
    ];
    families.into_iter().flatten().map(|function| (function.name, function)).collect()
});

/// Finds a function by name. `try` and `can` are not among them: they do not
/// take values but expressions.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLE.get(name).copied()
}

/// Lists the names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied().chain(["can", "try"])
}
