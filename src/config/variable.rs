//! `variable` blocks.

use std::sync::Arc;

use super::blocks::{Rule, not_yet};
use super::body::NestedBlock;
use super::expr::Expr;
use super::settings::constant;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::evaluate::{self, TypeConstraint};
use crate::value::{Type, Value};

/// An input of the configuration.
#[derive(Debug, Clone)]
pub struct Variable {
    pub name: Arc<str>,
    pub constraint: TypeConstraint,
    /// It has a `type`, which may be `any`.
    pub is_typed: bool,
    /// Already of the variable's type.
    pub default: Option<Value>,
    pub sensitive: bool,
    pub nullable: bool,
    pub validations: Vec<Rule>,
    pub range: SourceRange,
}

/// Names that would shadow meta-arguments.
const RESERVED: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

impl Variable {
    /// Reads a `variable` block.
    pub fn read(block: &NestedBlock) -> (Option<Self>, Diagnostics) {
        let mut problems = block.body.only(
            &["type", "default", "description", "sensitive", "nullable", "ephemeral"],
            &["validation"],
        );
        let Some(name) = problems.absorb(block.label().map_err(Diagnostics::from)) else {
            return (None, problems);
        };
        if RESERVED.contains(&&**name) || !crate::address::is_identifier(name) {
            problems.push(
                Diagnostic::error("invalid-name", "Invalid variable name")
                    .detail(format!("`{name}` cannot be the name of a variable."))
                    .at(block.header.clone()),
            );
        }
        let mut variable = Self {
            name: name.clone(),
            constraint: TypeConstraint::any(),
            is_typed: block.body.expr("type").is_some(),
            default: None,
            sensitive: flag(block, "sensitive", false, &mut problems),
            nullable: flag(block, "nullable", true, &mut problems),
            validations: Vec::new(),
            range: block.header.clone(),
        };
        if flag(block, "ephemeral", false, &mut problems) {
            problems.push(not_yet("ephemeral", block.body.expr("ephemeral")));
        }
        if let Some(expr) = block.body.expr("type") {
            let constraint = evaluate::type_constraint(expr.tree(), expr.source());
            if let Some(constraint) = problems.absorb(constraint) {
                variable.constraint = constraint;
            }
        }
        if let Some(expr) = block.body.expr("default") {
            variable.default = variable.read_default(expr, &mut problems);
        }
        for validation in block.body.blocks_of("validation") {
            variable.validations.extend(problems.absorb(Rule::read(validation)));
        }
        (Some(variable), problems)
    }

    fn read_default(&self, expr: &Expr, problems: &mut Diagnostics) -> Option<Value> {
        let value = problems.absorb(constant(expr))?;
        let applied = match (value.is_null(), self.nullable) {
            (true, true) => return Some(Value::Null(self.constraint.kind.clone())),
            (true, false) => Err("null is not allowed with `nullable = false`".to_owned()),
            (false, _) => self.constraint.apply(value).map_err(|error| error.to_string()),
        };
        match applied {
            Ok(value) => Some(value),
            Err(error) => {
                problems.push(
                    Diagnostic::error("invalid-default", "Invalid default value for variable")
                        .detail(format!(
                            "The default does not convert to the variable's type: {error}."
                        ))
                        .at(expr.range()),
                );
                None
            }
        }
    }

    /// Turns a given value into one of the variable's type, or the default.
    pub fn accept(&self, value: Value) -> Result<Value, String> {
        if value.is_null() {
            return match (&self.default, self.nullable) {
                (_, true) => Ok(Value::Null(self.constraint.kind.clone())),
                (Some(default), false) => Ok(default.clone()),
                (None, false) => Err("the variable is not nullable".to_owned()),
            };
        }
        self.constraint.apply(value).map_err(|error| error.to_string())
    }

    /// Tells whether a value from the command line is a text rather than an expression.
    pub fn is_text(&self) -> bool {
        matches!(self.constraint.kind, Type::String | Type::Number | Type::Bool) || !self.is_typed
    }
}

/// Reads a literal boolean.
pub fn flag(block: &NestedBlock, name: &str, default: bool, problems: &mut Diagnostics) -> bool {
    let Some(expr) = block.body.expr(name) else { return default };
    let Some(value) = problems.absorb(constant(expr)) else { return default };
    match evaluate::convert(&value, &Type::Bool).ok().as_ref().and_then(Value::as_bool) {
        Some(flag) => flag,
        None => {
            problems.push(
                Diagnostic::error("wrong-type", "Unsuitable value type")
                    .detail(format!("`{name}` must be true or false."))
                    .at(expr.range()),
            );
            default
        }
    }
}
