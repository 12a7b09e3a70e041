//! An expression together with the text that it stands in.

use std::fmt;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Expression, TraversalOperator};

use crate::diagnostic::{Diagnostics, Source, SourceRange};
use crate::evaluate::{self, Reference, Scope};
use crate::value::Value;

/// An expression of a configuration file. Cheap to clone.
#[derive(Clone)]
pub struct Expr {
    expression: Arc<Expression>,
    source: Source,
}

impl Expr {
    /// Takes an expression of this source's tree.
    pub fn new(expression: Expression, source: Source) -> Self {
        Self { expression: Arc::new(expression), source }
    }

    /// Returns where the expression stands.
    pub fn range(&self) -> SourceRange {
        self.source.range(self.expression.span().unwrap_or_default())
    }

    /// Returns the expression as written.
    pub fn text(&self) -> &str {
        let span = self.expression.span().unwrap_or_default();
        self.source.text().get(span).unwrap_or_default()
    }

    /// Returns the tree.
    pub fn tree(&self) -> &Expression {
        &self.expression
    }

    /// Returns the text that the expression is part of.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Lists what the expression refers to.
    pub fn references(&self) -> Vec<Reference> {
        evaluate::references(&self.expression, &self.source)
    }

    /// Evaluates the expression.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, Diagnostics> {
        evaluate::evaluate(&self.expression, &self.source, scope)
    }

    /// Reads `a.b` as its words; nothing for any other expression.
    pub fn as_words(&self) -> Option<Vec<&str>> {
        match &*self.expression {
            Expression::Variable(name) => Some(vec![name.as_str()]),
            Expression::Traversal(traversal) => {
                let Expression::Variable(root) = &traversal.expr else { return None };
                let steps = traversal.operators.iter().map(|operator| match operator.value() {
                    TraversalOperator::GetAttr(name) => Some(name.as_str()),
                    _ => None,
                });
                std::iter::once(Some(root.as_str())).chain(steps).collect()
            }
            _ => None,
        }
    }

    /// Returns the elements of `[a, b]`; nothing for any other expression.
    pub fn as_elements(&self) -> Option<Vec<Expr>> {
        match &*self.expression {
            Expression::Array(array) => {
                let source = || self.source.clone();
                Some(array.iter().map(|e| Self::new(e.clone(), source())).collect())
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({} at {})", self.text(), self.range())
    }
}
