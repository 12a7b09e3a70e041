//! The evaluator: one value per expression, problems on the side.

use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Array, Expression, Object, ObjectKey, TraversalOperator};

use super::{Resolved, Scope};
use crate::diagnostic::{Diagnostic, Diagnostics, Source, SourceRange};
use crate::value::{Attributes, Number, Type, Value, convert, normal_form};

/// Evaluates expressions of one source in one scope. An expression with a
/// problem has an unknown value, so that evaluation goes on and finds more.
pub(super) struct Evaluator<'a> {
    pub(super) source: &'a Source,
    pub(super) scope: &'a dyn Scope,
    /// Names bound by `for`, innermost last.
    bound: Vec<(Box<str>, Value)>,
    problems: Vec<Diagnostic>,
    /// How many templates are being rendered one inside the other.
    pub(super) depth: usize,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(source: &'a Source, scope: &'a dyn Scope) -> Self {
        Self { source, scope, bound: Vec::new(), problems: Vec::new(), depth: 0 }
    }

    pub(super) fn into_problems(self) -> Diagnostics {
        self.problems.into_iter().collect()
    }

    /// Notes a problem; the value that it leaves is unknown.
    pub(super) fn fail(&mut self, problem: Diagnostic) -> Value {
        self.problems.push(problem);
        Value::unknown()
    }

    pub(super) fn fail_all(&mut self, problems: impl IntoIterator<Item = Diagnostic>) -> Value {
        self.problems.extend(problems);
        Value::unknown()
    }

    pub(super) fn range(&self, node: &impl Span) -> SourceRange {
        super::range_of(node, self.source)
    }

    /// Evaluates, and says whether there were problems.
    pub(super) fn checked(&mut self, expr: &Expression) -> (Value, bool) {
        let before = self.problems.len();
        let value = self.value(expr);
        (value, self.problems.len() == before)
    }

    /// Evaluates, and keeps the problems apart.
    pub(super) fn attempt(&mut self, expr: &Expression) -> (Value, Vec<Diagnostic>) {
        self.apart(|this| this.value(expr))
    }

    /// Runs with the problems kept apart.
    pub(super) fn apart<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> (T, Vec<Diagnostic>) {
        let before = std::mem::take(&mut self.problems);
        let result = run(self);
        (result, std::mem::replace(&mut self.problems, before))
    }

    /// Evaluates with more names bound.
    pub(super) fn with_bound<T>(
        &mut self,
        names: impl IntoIterator<Item = (Box<str>, Value)>,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.bound.len();
        self.bound.extend(names);
        let result = run(self);
        self.bound.truncate(before);
        result
    }

    /// Evaluates any expression.
    pub(super) fn value(&mut self, expr: &Expression) -> Value {
        match expr {
            Expression::Null(_) => Value::null(),
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => self.number(number),
            Expression::String(_) => self.string(expr),
            Expression::Array(array) => self.tuple(array),
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.quoted_template(template),
            Expression::HeredocTemplate(heredoc) => self.heredoc(heredoc),
            Expression::Parenthesis(inner) => self.value(inner.inner()),
            Expression::Variable(name) => {
                let range = self.range(name);
                self.name(name.as_str(), None, range).0
            }
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::ForExpr(for_expr) => self.for_expr(for_expr),
        }
    }

    fn number(&self, number: &hcl::edit::Formatted<hcl::Number>) -> Value {
        let written = number.span().and_then(|span| self.source.text().get(span));
        let parsed = written.and_then(|text| {
            let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            text.parse::<Number>().ok()
        });
        let parsed = parsed.or_else(|| number.value().to_string().parse().ok());
        parsed.map_or(Value::null(), Value::Number)
    }

    fn string(&self, expr: &Expression) -> Value {
        Value::from(expr.as_str().unwrap_or_default())
    }

    fn tuple(&mut self, array: &Array) -> Value {
        let elements: Vec<Value> = array.iter().map(|element| self.value(element)).collect();
        Value::Tuple(Arc::new(elements))
    }

    fn object(&mut self, object: &Object) -> Value {
        let mut attributes = Attributes::new();
        let (mut is_known, mut is_sensitive) = (true, false);
        for (key, value) in object.iter() {
            let key = self.key(key);
            let value = self.value(value.expr());
            match key {
                Some((key, marked)) => {
                    is_sensitive |= marked;
                    match key {
                        Value::String(key) => drop(attributes.insert(key, value)),
                        _ => is_known = false,
                    }
                }
                None => is_known = false,
            }
        }
        let object = if is_known { Value::Object(Arc::new(attributes)) } else { Value::unknown() };
        object.sensitive_if(is_sensitive)
    }

    /// Evaluates a key to a string or an unknown string, and whether it was marked.
    fn key(&mut self, key: &ObjectKey) -> Option<(Value, bool)> {
        let expr = match key {
            ObjectKey::Ident(name) => return Some((Value::from(name.as_str()), false)),
            ObjectKey::Expression(expr) => expr,
        };
        match expr {
            Expression::Null(_) => return Some((Value::from("null"), false)),
            Expression::Bool(word) => return Some((Value::from(word.to_string()), false)),
            Expression::Traversal(traversal) if is_plain_reference(traversal) => {
                let problem = Diagnostic::error("ambiguous-key", "Ambiguous attribute key").detail(
                    "This key could be a reference or a name with dots in it. Put it in \
                     parentheses to take the value that it refers to, or in quotes to take it as \
                     the name.",
                );
                self.fail(problem.at(self.range(expr)));
                return None;
            }
            _ => {}
        }
        let (value, is_good) = self.checked(expr);
        if !is_good {
            return None;
        }
        self.key_text(&value, expr)
    }

    fn key_text(&mut self, value: &Value, expr: &Expression) -> Option<(Value, bool)> {
        let (value, marked) = value.unmark();
        let range = self.range(expr);
        if value.is_null() {
            let problem =
                Diagnostic::error("null-key", "Null value as key").detail("A key cannot be null.");
            self.fail(problem.at(range));
            return None;
        }
        match convert(value, &Type::String) {
            Ok(key) => Some((key, marked)),
            Err(error) => {
                let detail = format!("This cannot be a key: {error}.");
                let problem = Diagnostic::error("key-type", "Incorrect key type").detail(detail);
                self.fail(problem.at(range));
                None
            }
        }
    }

    /// Resolves a name, and says whether `next` was resolved with it.
    pub(super) fn name(
        &mut self,
        root: &str,
        next: Option<&str>,
        range: SourceRange,
    ) -> (Value, bool) {
        let bound = self.bound.iter().rev().find(|(name, _)| **name == *root);
        if let Some((_, value)) = bound {
            return (value.clone(), false);
        }
        match self.scope.resolve(&normal_form(root), next) {
            Ok(Resolved::Root(value)) => (value, false),
            Ok(Resolved::Attribute(value)) => (value, next.is_some()),
            Err(problems) => {
                let located = problems.into_iter().map(|mut problem| {
                    problem.range.get_or_insert_with(|| range.clone());
                    problem
                });
                let located: Vec<_> = located.collect();
                // What is unknown because of a problem must not cause further ones.
                (self.fail_all(located), next.is_some())
            }
        }
    }
}

fn is_plain_reference(traversal: &hcl::edit::expr::Traversal) -> bool {
    matches!(traversal.expr, Expression::Variable(_))
        && traversal.operators.iter().all(|operator| {
            matches!(
                operator.value(),
                TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
            )
        })
}
