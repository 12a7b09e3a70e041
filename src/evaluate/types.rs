//! Type constraints: `list(string)`, `object({ a = optional(number, 1) })`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl::edit::expr::{Expression, FuncCall, Object, ObjectKey};

use super::range_of;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::value::{
    Attributes, ConversionError, ObjectAttribute, Safety, Type, Value, convert, unify,
};

/// A type that values are converted to, with what stands for missing attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeConstraint {
    /// The type; attributes given by `optional(…)` are optional in it.
    pub kind: Type,
    pub defaults: Defaults,
}

/// Defaults of optional attributes, by place in the type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Defaults {
    /// Defaults of an object's own attributes.
    pub values: BTreeMap<Arc<str>, Value>,
    /// Defaults inside a named attribute, or inside a tuple's element ("0", "1", …).
    pub named: BTreeMap<Arc<str>, Defaults>,
    /// Defaults inside every element of a collection.
    pub element: Option<Box<Defaults>>,
}

impl TypeConstraint {
    /// Accepts every value as it is.
    pub fn any() -> Self {
        Self { kind: Type::Dynamic, defaults: Defaults::default() }
    }

    /// Fills in defaults, then converts.
    pub fn apply(&self, value: Value) -> Result<Value, ConversionError> {
        convert(&self.defaults.apply(&value), &self.kind)
    }
}

impl From<Type> for TypeConstraint {
    fn from(kind: Type) -> Self {
        Self { kind, defaults: Defaults::default() }
    }
}

impl Defaults {
    /// Tells whether there is no default at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.named.is_empty() && self.element.is_none()
    }

    /// Puts defaults where an attribute is missing or null; nulls and unknowns
    /// themselves stay.
    pub fn apply(&self, value: &Value) -> Value {
        if self.is_empty() {
            return value.clone();
        }
        match value {
            Value::Sensitive(inner) => self.apply(inner).sensitive(),
            Value::List(kind, elements) => {
                let elements = self.elements(elements);
                match alike(&elements) {
                    Some(elements) if elements.is_empty() => {
                        Value::List(kind.clone(), Arc::default())
                    }
                    Some(elements) => {
                        let kind = crate::value::convert::element_type(&elements);
                        Value::List(kind, Arc::new(elements))
                    }
                    None => Value::tuple(elements),
                }
            }
            Value::Set(kind, elements) => {
                let elements = self.elements(elements);
                match alike(&elements) {
                    Some(elements) if elements.is_empty() => {
                        Value::Set(kind.clone(), Arc::default())
                    }
                    Some(elements) => {
                        Value::set(crate::value::convert::element_type(&elements), elements)
                    }
                    None => Value::tuple(elements),
                }
            }
            Value::Tuple(elements) => Value::tuple(self.elements(elements)),
            Value::Map(kind, attributes) => self.map(kind, attributes),
            Value::Object(attributes) => Value::Object(Arc::new(self.attributes(attributes))),
            other => other.clone(),
        }
    }

    fn inside(&self, name: &str) -> Option<&Defaults> {
        self.named.get(name).or(self.element.as_deref())
    }

    fn elements(&self, elements: &[Value]) -> Vec<Value> {
        let inside = |(at, element): (usize, &Value)| match self.inside(&at.to_string()) {
            Some(defaults) => defaults.apply(element),
            None => element.clone(),
        };
        elements.iter().enumerate().map(inside).collect()
    }

    fn attributes(&self, attributes: &Attributes) -> Attributes {
        let mut result = Attributes::new();
        for (name, value) in attributes {
            let value = match self.inside(name) {
                Some(defaults) => defaults.apply(value),
                None => value.clone(),
            };
            result.insert(name.clone(), value);
        }
        for (name, default) in &self.values {
            if result.get(name).is_none_or(Value::is_null) {
                let default = match self.named.get(name) {
                    Some(defaults) => defaults.apply(default),
                    None => default.clone(),
                };
                result.insert(name.clone(), default);
            }
        }
        result
    }

    fn map(&self, kind: &Type, attributes: &Attributes) -> Value {
        let attributes = self.attributes(attributes);
        let values: Vec<Value> = attributes.values().cloned().collect();
        match alike(&values) {
            Some(values) if values.is_empty() => Value::Map(kind.clone(), Arc::default()),
            Some(values) => {
                let kind = crate::value::convert::element_type(&values);
                Value::Map(kind, Arc::new(attributes.into_keys().zip(values).collect()))
            }
            None => Value::Object(Arc::new(attributes)),
        }
    }
}

/// Converts elements to the type that they have in common, if there is one.
fn alike(elements: &[Value]) -> Option<Vec<Value>> {
    let types: Vec<Type> = elements.iter().map(Value::type_of).collect();
    if types.windows(2).all(|pair| pair[0] == pair[1]) {
        return Some(elements.to_vec());
    }
    let kind = unify(&types, Safety::Unsafe)?;
    elements.iter().map(|element| convert(element, &kind).ok()).collect()
}

/// Reads a type constraint; the strings of old
/// configurations (`"string"`, `"list"`, `"map"`) are read too.
pub fn type_constraint(expr: &Expression, source: &Source) -> Result<TypeConstraint, Diagnostics> {
    let legacy = match expr.as_str() {
        Some("string") => Some(Type::String),
        Some("list") => Some(Type::list(Type::Dynamic)),
        Some("map") => Some(Type::map(Type::Dynamic)),
        _ => None,
    };
    if let Some(kind) = legacy {
        return Ok(kind.into());
    }
    match expr {
        Expression::Variable(name) if name.as_str() == "list" => {
            return Ok(Type::list(Type::Dynamic).into());
        }
        Expression::Variable(name) if name.as_str() == "map" => {
            return Ok(Type::map(Type::Dynamic).into());
        }
        _ => {}
    }
    let mut reader = Reader { source, problems: Diagnostics::new() };
    let constraint = reader.constraint(expr);
    reader.problems.into_result(constraint)
}

struct Reader<'s> {
    source: &'s Source,
    problems: Diagnostics,
}

impl Reader<'_> {
    fn constraint(&mut self, expr: &Expression) -> TypeConstraint {
        match expr {
            Expression::Variable(name) => self.keyword(name.as_str(), expr).into(),
            Expression::FuncCall(call) if call.name.namespace.is_empty() => {
                self.constructor(call, expr)
            }
            Expression::Null(_) => self.keyword("null", expr).into(),
            Expression::Bool(word) => self.keyword(&word.to_string(), expr).into(),
            _ => self.invalid(
                "This is not a type. Types are `bool`, `number`, `string`, `any`, and what is \
                 built from them, such as `list(string)`.",
                expr,
            ),
        }
    }

    fn invalid(&mut self, detail: impl Into<String>, at: &impl hcl::edit::Span) -> TypeConstraint {
        let problem = Diagnostic::error("invalid-type", "Invalid type specification")
            .detail(detail)
            .at(range_of(at, self.source));
        self.problems.push(problem);
        TypeConstraint::any()
    }

    fn keyword(&mut self, word: &str, at: &Expression) -> Type {
        match word {
            "bool" => return Type::Bool,
            "string" => return Type::String,
            "number" => return Type::Number,
            "any" => return Type::Dynamic,
            _ => {}
        }
        let detail = argument_needed(word).unwrap_or_else(|| format!("There is no type {word:?}."));
        self.invalid(detail, at).kind
    }

    fn constructor(&mut self, call: &FuncCall, expr: &Expression) -> TypeConstraint {
        let name = call.name.name.as_str();
        match name {
            "bool" | "string" | "number" | "any" => {
                return self.invalid(format!("The type {name:?} takes no arguments."), expr);
            }
            "optional" => {
                let detail = "Only an attribute inside `object({…})` can be optional.";
                return self.invalid(detail, &call.name.name);
            }
            _ => {}
        }
        let Some(needed) = argument_needed(name) else {
            let detail = format!(
                "There is no type {name:?}; with arguments there are `list`, `set`, `map`, \
                 `tuple` and `object`."
            );
            return self.invalid(detail, expr);
        };
        let argument = match (call.args.len(), call.args.get(0)) {
            (1, Some(argument)) => argument,
            (0, _) | (_, None) => return self.invalid(needed, expr),
            _ => return self.invalid(needed, call.args.get(1).unwrap_or(expr)),
        };
        match name {
            "object" => self.object(argument),
            "tuple" => self.tuple(argument),
            _ => self.collection(name, argument),
        }
    }

    fn collection(&mut self, name: &str, argument: &Expression) -> TypeConstraint {
        let TypeConstraint { kind, defaults } = self.constraint(argument);
        let kind = match name {
            "list" => Type::list(kind),
            "set" => Type::set(kind),
            _ => Type::map(kind),
        };
        let element = (!defaults.is_empty()).then(|| Box::new(defaults));
        TypeConstraint { kind, defaults: Defaults { element, ..Defaults::default() } }
    }

    fn tuple(&mut self, argument: &Expression) -> TypeConstraint {
        let Expression::Array(elements) = argument else {
            return self.invalid(
                "A tuple takes the types of its elements in brackets, as in `tuple([string, \
                 number])`.",
                argument,
            );
        };
        let (mut kinds, mut defaults) = (Vec::new(), Defaults::default());
        for (at, element) in elements.iter().enumerate() {
            let element = self.constraint(element);
            kinds.push(element.kind);
            if !element.defaults.is_empty() {
                defaults.named.insert(at.to_string().into(), element.defaults);
            }
        }
        TypeConstraint { kind: Type::Tuple(kinds.into()), defaults }
    }

    fn object(&mut self, argument: &Expression) -> TypeConstraint {
        let Expression::Object(object) = argument else {
            return self.invalid(
                "An object takes its attributes with their types in braces, as in `object({ name \
                 = string })`.",
                argument,
            );
        };
        self.attributes(object)
    }

    fn attributes(&mut self, object: &Object) -> TypeConstraint {
        let (mut attributes, mut defaults) = (BTreeMap::new(), Defaults::default());
        for (key, value) in object.iter() {
            let ObjectKey::Ident(name) = key else {
                let at = key.as_expr().unwrap_or(value.expr());
                self.invalid(
                    "The name of an attribute stands here as it is, without quotes or \
                     parentheses.",
                    at,
                );
                continue;
            };
            let name: Arc<str> = name.as_str().into();
            let (optional, kind, default) = match value.expr() {
                Expression::FuncCall(call) if is_optional(call) => self.optional(call),
                other => (false, self.constraint(other), None),
            };
            if let Some(default) = default {
                defaults.values.insert(name.clone(), default);
            }
            if !kind.defaults.is_empty() {
                defaults.named.insert(name.clone(), kind.defaults);
            }
            attributes.insert(name, ObjectAttribute { kind: kind.kind, optional });
        }
        TypeConstraint { kind: Type::Object(Arc::new(attributes)), defaults }
    }

    fn optional(&mut self, call: &FuncCall) -> (bool, TypeConstraint, Option<Value>) {
        let Some(kind) = call.args.get(0) else {
            let detail = "Say of which type the attribute is, as in `optional(string)`.";
            return (true, self.invalid(detail, &call.name.name), None);
        };
        let constraint = self.constraint(kind);
        if let Some(third) = call.args.get(2) {
            let detail = "`optional` takes the type of the attribute and its default, and \
                          nothing more.";
            self.invalid(detail, third);
        }
        let default = call.args.get(1).and_then(|expr| self.default(expr, &constraint));
        (true, constraint, default)
    }

    fn default(&mut self, expr: &Expression, constraint: &TypeConstraint) -> Option<Value> {
        let value = super::evaluate(expr, self.source, &super::ConstantScope);
        let value = self.problems.absorb(value)?;
        match convert(&value, &constraint.kind) {
            Ok(value) => Some(value),
            Err(error) => {
                let detail =
                    format!("The default does not convert to the attribute's type: {error}.");
                let problem = Diagnostic::error(
                    "invalid-attribute-default",
                    "Invalid default value for optional attribute",
                );
                self.problems.push(problem.detail(detail).at(range_of(expr, self.source)));
                None
            }
        }
    }
}

fn is_optional(call: &FuncCall) -> bool {
    call.name.namespace.is_empty() && call.name.name.as_str() == "optional"
}

fn argument_needed(constructor: &str) -> Option<String> {
    let article = if constructor == "object" { "An" } else { "A" };
    let what = match constructor {
        "list" | "set" | "map" => {
            format!("the type of its elements, as in `{constructor}(string)`")
        }
        "object" => "its attributes with their types, as in `object({ name = string })`".into(),
        "tuple" => "the types of its elements, as in `tuple([string, number])`".into(),
        _ => return None,
    };
    Some(format!("{article} {constructor} takes one argument: {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{evaluate_text, parse_expression};

    fn constraint(text: &str) -> Result<TypeConstraint, Diagnostics> {
        let source = Source::new("<test>", text);
        type_constraint(&parse_expression(&source).expect(text), &source)
    }

    #[test]
    fn constraints_convert_and_fill_in_defaults() {
        for (kind, given, wanted) in [
            ("string", "1", "\"1\""),
            ("list(string)", "[1, true]", "tolist([\"1\", \"true\"])"),
            ("set(number)", "[2, \"1\", 2]", "toset([1, 2])"),
            ("\"map\"", "{a = 1}", "tomap({a = 1})"),
            (
                "object({a = optional(number, 5), b = optional(string)})",
                "{}",
                "{a = 5, b = tostring(null)}",
            ),
            ("map(object({a = optional(string, \"x\")}))", "{k = {}}", "tomap({k = {a = \"x\"}})"),
            (
                "object({o = optional(object({p = optional(bool, true)}), {})})",
                "{}",
                "{o = {p = true}}",
            ),
            ("tuple([string, number])", "[1, \"2\"]", "[\"1\", 2]"),
            ("any", "[1]", "[1]"),
            ("object({a = string})", "{a = 1, b = 2}", "{a = \"1\"}"),
        ] {
            let given = evaluate_text(given).expect(given);
            let value = constraint(kind).expect(kind).apply(given).expect(kind);
            assert_eq!(value, evaluate_text(wanted).expect(wanted), "{kind}");
        }
    }

    #[test]
    fn refused_values_say_where_and_why() {
        for (kind, given, path, message) in [
            ("number", "\"x\"", "", "a number is required"),
            ("list(number)", "[1, \"x\"]", "[1]", "a number is required"),
            ("object({a = string})", "{}", "", "attribute \"a\" is required"),
            ("map(list(bool))", "{k = [\"yes\"]}", "[\"k\"][0]", "a bool is required"),
            ("list(string)", "\"x\"", "", "list of string required, but have string"),
            ("string", "[]", "", "string required, but have tuple"),
        ] {
            let given = evaluate_text(given).expect(given);
            let error = constraint(kind).expect(kind).apply(given).expect_err(kind);
            assert_eq!((error.path.to_string().as_str(), error.message.as_str()), (path, message));
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for (text, wanted) in [
            ("strin", "There is no type \"strin\"."),
            ("set", "A set takes one argument: the type of its elements, as in `set(string)`."),
            (
                "list()",
                "A list takes one argument: the type of its elements, as in `list(string)`.",
            ),
            ("string(1)", "The type \"string\" takes no arguments."),
            ("foo(string)", "There is no type \"foo\"; with arguments there are"),
            ("object([])", "An object takes its attributes with their types in braces"),
            (
                "tuple(string)",
                "A tuple takes the types of its elements in brackets, as in `tuple([string, \
                 number])`.",
            ),
            ("optional(string)", "Only an attribute inside `object({…})` can be optional."),
            (
                "object({a = optional(number, \"x\")})",
                "The default does not convert to the attribute's type: a number is required.",
            ),
            ("1 + 1", "This is not a type."),
        ] {
            let problems = constraint(text).expect_err(text).to_string();
            assert!(problems.contains(wanted), "{text}: {problems}");
        }
    }
}
