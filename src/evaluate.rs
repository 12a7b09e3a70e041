//! Expressions to values: evaluation over `hcl::edit`'s tree.
//!
//! Results are Terraform's, with typed nulls, unknown and sensitive values.
//! Evaluation is pure but for the functions that read files, the environment
//! or a source of randomness; it never prints and never panics.

mod call;
mod conditional;
mod deferred;
mod expression;
mod functions;
mod iteration;
mod json;
mod literal;
mod operators;
mod references;
mod step;
mod syntax;
mod taken;
mod template;
mod traversal;
mod types;

use std::path::Path;

use hcl::edit::Span;
use hcl::edit::expr::Expression;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, SourceRange};
use crate::value::Value;

pub use crate::value::{ConversionError, convert};
pub use deferred::{Surroundings, evaluate_deferred};
pub use json::{eval_json, typed_json};
pub use references::{RefStep, Reference, references};
pub use step::{attribute, index};
pub use syntax::{parse_body, parse_expression, parse_template};
pub use taken::{NotTaken, take};
pub use types::{Defaults, TypeConstraint, type_constraint};

/// What names mean, and what functions may know of their surroundings.
pub trait Scope {
    /// Resolves the name `root`, or `root.next` when an attribute follows it, so
    /// that `local.a` need not evaluate all locals. Problems without a range
    /// get the range of the reference.
    fn resolve(&self, root: &str, next: Option<&str>) -> Result<Resolved, Diagnostics>;

    /// Returns the directory against which file functions resolve relative paths.
    fn base_dir(&self) -> &Path;

    /// Returns what `timestamp()` and `plantimestamp()` say.
    fn now(&self) -> jiff::Timestamp;
}

/// What a name was resolved to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// The value of `root`.
    Root(Value),
    /// Already the value of `root.next`.
    Attribute(Value),
}

/// A scope without names: for `eval` and tests. Files are relative to the
/// working directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConstantScope;

impl Scope for ConstantScope {
    fn resolve(&self, root: &str, _next: Option<&str>) -> Result<Resolved, Diagnostics> {
        let detail = format!("There is no variable named {root:?}.");
        Err(Diagnostic::error("unknown-variable", "Unknown variable").detail(detail).into())
    }

    fn base_dir(&self) -> &Path {
        Path::new(".")
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// Evaluates an expression, and collects as many problems as there are.
pub fn evaluate(
    expr: &Expression,
    source: &Source,
    scope: &dyn Scope,
) -> Result<Value, Diagnostics> {
    let (value, problems) = evaluate_partly(expr, source, scope);
    problems.into_result(value)
}

/// Evaluates an expression as far as it goes: where there were problems, the
/// value is unknown.
pub fn evaluate_partly(
    expr: &Expression,
    source: &Source,
    scope: &dyn Scope,
) -> (Value, Diagnostics) {
    let mut evaluator = expression::Evaluator::new(source, scope);
    let value = evaluator.value(expr);
    (value, evaluator.into_problems())
}

/// Evaluates a whole text as a template, as `templatefile` does.
pub fn evaluate_template(
    template: &hcl::edit::template::Template,
    source: &Source,
    scope: &dyn Scope,
) -> Result<Value, Diagnostics> {
    let mut evaluator = expression::Evaluator::new(source, scope);
    let value = evaluator.bare_template(template);
    evaluator.into_problems().into_result(value)
}

/// Parses and evaluates an expression without names.
pub fn evaluate_text(text: &str) -> Result<Value, Diagnostics> {
    let source = Source::new("<expression>", text);
    let expr = parse_expression(&source)?;
    evaluate(&expr, &source, &ConstantScope)
}

/// Returns where an expression stands.
pub fn range_of(node: &impl Span, source: &Source) -> SourceRange {
    source.range(node.span().unwrap_or(0..0))
}

#[cfg(test)]
mod tests;
