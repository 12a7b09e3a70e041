//! References, steps after a value, and splats.

use std::sync::Arc;

use hcl::edit::expr::{Expression, Traversal, TraversalOperator};
use hcl::edit::{Decorated, Span};

use super::expression::Evaluator;
use super::step;
use crate::diagnostic::{Diagnostic, SourceRange};
use crate::value::convert::{element_type, is_uniform};
use crate::value::{Type, Value};

/// Splats nest, one in the other; more than this are refused.
const MAX_SPLATS: usize = 32;

type Operators<'t> = &'t [Decorated<TraversalOperator>];

impl Evaluator<'_> {
    pub(super) fn traversal(&mut self, traversal: &Traversal) -> Value {
        let operators = &traversal.operators[..];
        let is_splat = |step: &&Decorated<TraversalOperator>| {
            matches!(step.value(), TraversalOperator::FullSplat(_))
        };
        if operators.iter().filter(is_splat).count() > MAX_SPLATS {
            let problem = Diagnostic::error("too-many-splats", "Too many splat expressions")
                .detail(format!("At most {MAX_SPLATS} [*] may follow one another."));
            return self.fail(problem.at(self.range(traversal)));
        }
        let Expression::Variable(root) = &traversal.expr else {
            let (value, is_good) = self.checked(&traversal.expr);
            return if is_good { self.steps(value, operators) } else { Value::unknown() };
        };
        let next = match operators.first().map(|operator| operator.value()) {
            Some(TraversalOperator::GetAttr(name)) => Some(name),
            _ => None,
        };
        let start = root.span().unwrap_or(0..0);
        let end = next.and_then(|name| name.span()).map_or(start.end, |span| span.end);
        let range = self.source.range(start.start..end);
        let ((value, consumed), problems) =
            self.apart(|this| this.name(root.as_str(), next.map(|name| name.as_str()), range));
        if !problems.is_empty() {
            return self.fail_all(problems);
        }
        self.steps(value, &operators[usize::from(consumed)..])
    }

    /// Takes steps into a value until one fails.
    fn steps(&mut self, mut value: Value, mut operators: Operators<'_>) -> Value {
        while let [operator, rest @ ..] = operators {
            operators = rest;
            let range = self.range(operator);
            let next = match operator.value() {
                TraversalOperator::GetAttr(name) => step::attribute(&value, name.as_str()),
                TraversalOperator::LegacyIndex(at) => step::index(&value, &legacy_index(at)),
                TraversalOperator::Index(key) => {
                    let (key, is_good) = self.checked(key);
                    if !is_good {
                        return Value::unknown();
                    }
                    step::index(&value, &key)
                }
                TraversalOperator::AttrSplat(_) => {
                    let length = rest.iter().take_while(|step| is_attribute(step.value())).count();
                    let (each, after) = rest.split_at(length);
                    operators = after;
                    value = self.splat(value, each, range);
                    continue;
                }
                TraversalOperator::FullSplat(_) => return self.splat(value, rest, range),
            };
            value = match next {
                Ok(value) => value,
                Err(problem) => return self.fail(problem.at(range)),
            };
        }
        value
    }

    fn splat(&mut self, value: Value, each: Operators<'_>, range: SourceRange) -> Value {
        let kind = value.type_of();
        let is_sequence = matches!(kind, Type::List(_) | Type::Set(_) | Type::Tuple(_));
        let (inner, marked) = value.unmark();
        if inner.is_null() {
            if !is_sequence {
                return Value::tuple([]).sensitive_if(marked);
            }
            let problem = Diagnostic::error("splat-of-null", "Splat of null value").detail(
                "`[*]` goes through the elements of a value, and this list, set or tuple is null.",
            );
            return self.fail(problem.at(range));
        }
        if kind == Type::Dynamic {
            return Value::unknown().sensitive_if(marked);
        }
        let result = if !is_sequence {
            self.splat_single(&value, each)
        } else if inner.is_unknown() {
            Value::Unknown(self.splat_type(&kind, each))
        } else {
            self.splat_elements(inner, &kind, each, range)
        };
        result.sensitive_if(marked)
    }

    /// A value that is no sequence counts as a tuple of one.
    fn splat_single(&mut self, value: &Value, each: Operators<'_>) -> Value {
        let (element, problems) = self.apart(|this| this.steps(value.clone(), each));
        if !problems.is_empty() {
            self.fail_all(problems);
            return Value::Unknown(Type::Tuple([element.type_of()].into()));
        }
        // Whether it is one element or none depends on whether it will be null.
        if value.is_unknown() { Value::unknown() } else { Value::tuple([element]) }
    }

    fn splat_type(&mut self, kind: &Type, each: Operators<'_>) -> Type {
        let mut of = |kind: &Type| self.steps(Value::Unknown(kind.clone()), each).type_of();
        match kind {
            Type::Tuple(kinds) => Type::Tuple(kinds.iter().map(of).collect()),
            _ => Type::list(kind.element().map_or(Type::Dynamic, &mut of)),
        }
    }

    fn splat_elements(
        &mut self,
        value: &Value,
        kind: &Type,
        each: Operators<'_>,
        range: SourceRange,
    ) -> Value {
        let given = value.as_elements().unwrap_or_default();
        let (elements, problems) = self.apart(|this| -> Vec<Value> {
            given.iter().map(|element| this.steps(element.clone(), each)).collect()
        });
        if !problems.is_empty() {
            self.fail_all(problems);
            let (kind, _) = self.apart(|this| this.splat_type(kind, each));
            return Value::Unknown(kind);
        }
        if matches!(kind, Type::Tuple(_)) {
            return Value::Tuple(Arc::new(elements));
        }
        if elements.is_empty() {
            let element = match self.splat_type(kind, each) {
                Type::List(element) => (*element).clone(),
                _ => Type::Dynamic,
            };
            return Value::List(element, Arc::default());
        }
        if !is_uniform(&elements) {
            return self.fail(nested_splat().at(range));
        }
        Value::List(element_type(&elements), Arc::new(elements))
    }
}

fn nested_splat() -> Diagnostic {
    Diagnostic::error("nested-splat", "Invalid nested splat expressions").detail(
        "The elements that the inner `[*]` gives differ in type, and no list can hold them all. \
         Use a `for` expression instead: it gives a tuple, whose elements may differ.",
    )
}

fn is_attribute(operator: &TraversalOperator) -> bool {
    matches!(operator, TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_))
}

pub(super) fn legacy_index(at: &Decorated<u64>) -> Value {
    Value::count(usize::try_from(*at.value()).unwrap_or(usize::MAX))
}
