//! Evaluates what a plan had to leave to apply.

use std::path::Path;

use super::{NotTaken, Resolved, Scope, evaluate, parse_expression, take};
use crate::address::{BlockAddress, ResourceType};
use crate::deferred::{Capture, Deferred};
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::value::Value;

/// What apply supplies: the objects that it has made, by block.
pub struct Surroundings<'a> {
    pub block: &'a dyn Fn(&BlockAddress) -> Option<Value>,
    pub base_dir: &'a Path,
    pub now: jiff::Timestamp,
}

/// Evaluates a deferred expression with its captures.
pub fn evaluate_deferred(
    deferred: &Deferred,
    surroundings: &Surroundings<'_>,
) -> Result<Value, Diagnostics> {
    // A heredoc ends with a newline, which its span leaves out.
    let source = Source::new("<deferred expression>", format!("{}\n", deferred.expression));
    let expr = parse_expression(&source)?;
    let value = evaluate(&expr, &source, &Captured { deferred, surroundings })?;
    match &deferred.taker {
        Some(taker) => take(&value, taker).map_err(|error| not_taken(deferred, &error).into()),
        None => Ok(value),
    }
}

fn not_taken(deferred: &Deferred, error: &NotTaken) -> Diagnostic {
    Diagnostic::error("wrong-type", "Incorrect attribute value type")
        .detail(format!("`{}` cannot be used here: {error}.", deferred.expression))
}

struct Captured<'a> {
    deferred: &'a Deferred,
    surroundings: &'a Surroundings<'a>,
}

impl Captured<'_> {
    fn captured(&self, key: &str) -> Option<Result<Value, Diagnostics>> {
        match self.deferred.captures.get(key)? {
            Capture::Value(value) => Some(Ok(value.clone())),
            Capture::Deferred(inner) => Some(evaluate_deferred(inner, self.surroundings)),
        }
    }
}

impl Scope for Captured<'_> {
    fn resolve(&self, root: &str, next: Option<&str>) -> Result<Resolved, Diagnostics> {
        if let Some(next) = next {
            if let Some(value) = self.captured(&format!("{root}.{next}")) {
                return value.map(Resolved::Attribute);
            }
            let block = ResourceType::from_word(root).map(|kind| BlockAddress::root(kind, next));
            if let Some(value) = block.and_then(|block| (self.surroundings.block)(&block)) {
                return Ok(Resolved::Attribute(value));
            }
        }
        match self.captured(root) {
            Some(value) => value.map(Resolved::Root),
            None => Err(Diagnostic::error("undeclared-reference", "Invalid reference")
                .detail(format!("`{root}` was not captured in the plan."))
                .into()),
        }
    }

    fn base_dir(&self) -> &Path {
        self.surroundings.base_dir
    }

    fn now(&self) -> jiff::Timestamp {
        self.surroundings.now
    }
}
