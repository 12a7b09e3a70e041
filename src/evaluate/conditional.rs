//! `condition ? yes : no`.

use hcl::edit::expr::Conditional;

use super::expression::Evaluator;
use crate::diagnostic::{Diagnostic, SourceRange};
use crate::value::{Safety, Type, Value, convert, unify};

/// One result of a conditional, with the problems that count only if it is chosen.
pub(super) struct Branch {
    pub(super) value: Value,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) range: SourceRange,
}

/// The condition of a conditional, evaluated, and where it stands.
pub(super) struct Condition {
    pub(super) value: Value,
    pub(super) range: SourceRange,
}

impl Evaluator<'_> {
    pub(super) fn conditional(&mut self, conditional: &Conditional) -> Value {
        let branch = |this: &mut Self, expr| {
            let (value, problems) = this.attempt(expr);
            Branch { value, problems, range: this.range(expr) }
        };
        let yes = branch(self, &conditional.true_expr);
        let no = branch(self, &conditional.false_expr);
        let value = self.value(&conditional.cond_expr);
        let range = self.range(&conditional.cond_expr);
        self.choose(Condition { value, range }, yes, no)
    }

    /// Picks a branch and converts it to the type that both have in common.
    pub(super) fn choose(&mut self, condition: Condition, yes: Branch, no: Branch) -> Value {
        let Some(kind) = common_type(&yes.value, &no.value) else {
            return self.inconsistent(&yes, &no);
        };
        let (test, test_marked) = condition.value.unmark();
        if test.is_null() {
            let problem = Diagnostic::error("null-condition", "Null condition").detail(
                "The condition is null, so neither side can be chosen. If it may be missing, give \
                 it a fallback, as in `coalesce(condition, false)`.",
            );
            self.fail(problem.at(condition.range));
            return Value::Unknown(kind.into_type());
        }
        let marked = test_marked || yes.value.unmark().1 || no.value.unmark().1;
        if test.is_unknown() {
            return undecided(&yes.value, &no.value, kind.into_type()).sensitive_if(marked);
        }
        let Some(chosen) = convert(test, &Type::Bool).ok().and_then(|test| test.as_bool()) else {
            let problem =
                Diagnostic::error("condition-type", "Incorrect condition type").detail(format!(
                    "A condition is either true or false; this {} is neither.",
                    test.type_of().friendly_name()
                ));
            self.fail(problem.at(condition.range));
            return Value::Unknown(kind.into_type());
        };
        let (branch, name) = if chosen { (yes, "true") } else { (no, "false") };
        self.chosen(branch, name, &kind).sensitive_if(marked)
    }

    fn chosen(&mut self, branch: Branch, name: &str, kind: &Common) -> Value {
        self.fail_all(branch.problems);
        let value = branch.value.revealed();
        match kind {
            Common::AsIs => value.clone(),
            Common::Unsettled => Value::unknown(),
            Common::Is(kind) => convert(value, kind).unwrap_or_else(|error| {
                let detail = format!(
                    "The {name} side does not convert to the type that both sides have in common: \
                     {error}."
                );
                self.fail(inconsistent_types(detail).at(branch.range));
                Value::Unknown(kind.clone())
            }),
        }
    }

    fn inconsistent(&mut self, yes: &Branch, no: &Branch) -> Value {
        let why = difference(&yes.value.type_of(), &no.value.type_of());
        let range = SourceRange { start: yes.range.start, ..no.range.clone() };
        self.fail(
            inconsistent_types(format!(
                "Both sides of a conditional must fit into one type, and these do not: {why}."
            ))
            .at(range),
        )
    }
}

/// What is known of the result while the condition is not.
fn undecided(yes: &Value, no: &Value, kind: Type) -> Value {
    if yes.is_null() && no.is_null() {
        return Value::Null(kind);
    }
    match (yes.revealed(), no.revealed()) {
        (Value::List(a, one), Value::List(b, other)) if a == b && one.len() == other.len() => {
            let element = Value::Unknown(a.clone());
            Value::List(a.clone(), std::sync::Arc::new(vec![element; one.len()]))
        }
        _ => Value::Unknown(kind),
    }
}

fn inconsistent_types(detail: String) -> Diagnostic {
    Diagnostic::error("inconsistent-result-types", "Inconsistent conditional result types")
        .detail(detail)
}

/// What both branches are converted to.
enum Common {
    Is(Type),
    /// One branch has no type yet; the chosen one stays as it is.
    AsIs,
    /// It depends on types that are not known yet.
    Unsettled,
}

impl Common {
    fn into_type(self) -> Type {
        match self {
            Self::Is(kind) => kind,
            Self::AsIs | Self::Unsettled => Type::Dynamic,
        }
    }
}

fn common_type(yes: &Value, no: &Value) -> Option<Common> {
    let untyped_null = |value: &Value| matches!(value, Value::Null(Type::Dynamic));
    let (a, b) = (yes.type_of(), no.type_of());
    if untyped_null(yes) {
        return Some(Common::Is(b));
    }
    if untyped_null(no) {
        return Some(Common::Is(a));
    }
    if a == Type::Dynamic || b == Type::Dynamic {
        return Some(Common::AsIs);
    }
    match unify(&[a, b], Safety::Unsafe)? {
        Type::Dynamic => Some(Common::Unsettled),
        kind => Some(Common::Is(kind)),
    }
}

/// Says how the types of the two branches differ, without a full stop.
fn difference(yes: &Type, no: &Type) -> String {
    match (yes, no) {
        (Type::Object(_), Type::Object(_)) => object_difference(yes, no),
        (Type::Tuple(a), Type::Tuple(b)) if a.len() != b.len() => Some(format!(
            "the tuple on the true side has length {}, the one on the false side {}",
            a.len(),
            b.len()
        )),
        (Type::Tuple(a), Type::Tuple(b)) => a
            .iter()
            .zip(b.iter())
            .enumerate()
            .find(|(_, (a, b))| a != b)
            .map(|(at, (a, b))| format!("in element {at}, {}", difference(a, b))),
        (Type::List(a), Type::List(b)) => element_difference("list", a, b),
        (Type::Set(a), Type::Set(b)) => element_difference("set", a, b),
        (Type::Map(a), Type::Map(b)) => element_difference("map", a, b),
        _ => None,
    }
    .unwrap_or_else(|| plain_difference(yes, no))
}

fn plain_difference(yes: &Type, no: &Type) -> String {
    let (yes, no) = (yes.friendly_name(), no.friendly_name());
    if yes == no {
        return "they differ in something deeper inside".into();
    }
    format!("the true side is of type {yes}, the false side of type {no}")
}

fn element_difference(noun: &str, yes: &Type, no: &Type) -> Option<String> {
    let both = matches!((yes, no), (Type::Object(_), Type::Object(_)))
        || matches!((yes, no), (Type::Tuple(_), Type::Tuple(_)));
    both.then(|| format!("in the elements of the {noun}, {}", difference(yes, no)))
}

fn object_difference(yes: &Type, no: &Type) -> Option<String> {
    for (name, kind) in yes.attributes() {
        match no.attribute(name) {
            None => return Some(only_on("true", name)),
            Some(other) if other != kind => {
                let why = difference(kind, other);
                return Some(format!("in attribute {name:?}, {why}"));
            }
            Some(_) => {}
        }
    }
    let missing = no.attributes().find(|(name, _)| yes.attribute(name).is_none());
    missing.map(|(name, _)| only_on("false", name))
}

fn only_on(side: &str, name: &str) -> String {
    format!("only the object on the {side} side has an attribute {name:?}")
}
