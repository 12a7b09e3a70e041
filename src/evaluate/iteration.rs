//! `for` expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl::edit::expr::{Expression, ForExpr};

use super::expression::Evaluator;
use crate::diagnostic::{Diagnostic, SourceRange};
use crate::value::{Attributes, Type, Value, convert};

/// The names that a `for` binds.
pub(super) struct Names<'n> {
    pub(super) key: Option<&'n str>,
    pub(super) value: &'n str,
}

impl Names<'_> {
    pub(super) fn bind(&self, key: Value, value: Value) -> Vec<(Box<str>, Value)> {
        let key = self.key.map(|name| (name.into(), key));
        key.into_iter().chain([(self.value.into(), value)]).collect()
    }
}

/// What a `for` goes through, or the value that it has without going.
pub(super) enum Collection {
    Elements { elements: Vec<(Value, Value)>, marked: bool },
    Unknown { marked: bool },
    Failed,
}

/// What is gathered while a `for` runs.
#[derive(Default)]
struct Gathered {
    marked: bool,
    incomplete: bool,
}

impl Evaluator<'_> {
    pub(super) fn for_expr(&mut self, expr: &ForExpr) -> Value {
        let intro = &expr.intro;
        let names = Names {
            key: intro.key_var.as_ref().map(|name| name.as_str()),
            value: intro.value_var.as_str(),
        };
        let collection = self.collection(&intro.collection_expr);
        if matches!(collection, Collection::Failed) {
            return Value::unknown();
        }
        let test = expr.cond.as_ref().map(|cond| &cond.expr);
        let mut gathered = Gathered::default();
        if let Some(test) = test {
            match self.check_test(test, &names) {
                Some(marked) => gathered.marked |= marked,
                None => return Value::unknown(),
            }
        }
        let elements = match collection {
            Collection::Elements { elements, marked } => {
                gathered.marked = marked;
                elements
            }
            Collection::Unknown { marked } => {
                return Value::unknown().sensitive_if(marked || gathered.marked);
            }
            Collection::Failed => return Value::unknown(),
        };
        let mut result = match &expr.key_expr {
            Some(key) => Items::Object { key, grouping: expr.grouping, items: BTreeMap::new() },
            None => Items::Tuple(Vec::new()),
        };
        for (key, value) in elements {
            self.with_bound(names.bind(key, value), |this| {
                if test.is_none_or(|test| this.includes(test, &mut gathered)) {
                    this.item(&expr.value_expr, &mut result, &mut gathered);
                }
            });
        }
        let value = if gathered.incomplete { Value::unknown() } else { result.into_value() };
        value.sensitive_if(gathered.marked)
    }

    pub(super) fn collection(&mut self, expr: &Expression) -> Collection {
        let (value, is_good) = self.checked(expr);
        let (value, marked) = value.unmark();
        let range = self.range(expr);
        if value.is_null() {
            let problem = Diagnostic::error("iteration-over-null", "Iteration over null value")
                .detail(
                    "A `for` needs a collection to go through, and this value is null. If it may \
                     be missing, fall back to an empty collection.",
                );
            self.fail(problem.at(range));
            return Collection::Failed;
        }
        let kind = value.type_of();
        if kind == Type::Dynamic {
            return if is_good { Collection::Unknown { marked } } else { Collection::Failed };
        }
        if matches!(kind, Type::Bool | Type::Number | Type::String) {
            let detail = format!(
                "A `for` goes through a list, set, tuple, map or object; this is a {}.",
                kind.friendly_name()
            );
            let problem = Diagnostic::error(
                "iteration-over-non-iterable",
                "Iteration over non-iterable value",
            );
            self.fail(problem.detail(detail).at(range));
            return Collection::Failed;
        }
        match elements(value) {
            Some(elements) => Collection::Elements { elements, marked },
            None => Collection::Unknown { marked },
        }
    }

    /// Checks the `if` clause once before any element; says whether it is marked.
    fn check_test(&mut self, test: &Expression, names: &Names<'_>) -> Option<bool> {
        let unknown = names.bind(Value::unknown(), Value::unknown());
        let (value, is_good) = self.with_bound(unknown, |this| this.checked(test));
        let range = self.range(test);
        if value.is_null() {
            let problem = Diagnostic::error("null-condition", "Condition is null").detail(
                "The `if` of this `for` is null; it has to say true or false of every element.",
            );
            self.fail(problem.at(range));
            return None;
        }
        if let Err(error) = convert(&value, &Type::Bool) {
            self.fail(invalid_test(&error.message, range));
            return None;
        }
        is_good.then(|| value.unmark().1)
    }

    fn includes(&mut self, test: &Expression, gathered: &mut Gathered) -> bool {
        let value = self.value(test);
        let (value, marked) = value.unmark();
        gathered.marked |= marked;
        let range = self.range(test);
        if value.is_unknown() {
            gathered.incomplete = true;
            return false;
        }
        let problem = if value.is_null() {
            Diagnostic::error("invalid-for-condition", "Invalid 'for' condition")
                .detail(
                    "The `if` of this `for` is null; it has to say true or false of every \
                     element.",
                )
                .at(range)
        } else {
            match convert(value, &Type::Bool) {
                Ok(include) => return include.as_bool().unwrap_or(false),
                Err(error) => invalid_test(&error.message, range),
            }
        };
        if !gathered.incomplete {
            self.fail(problem);
        }
        gathered.incomplete = true;
        false
    }

    fn item(&mut self, value: &Expression, items: &mut Items<'_>, gathered: &mut Gathered) {
        match items {
            Items::Tuple(elements) => elements.push(self.value(value)),
            Items::Object { key, grouping, items } => {
                let Some(name) = self.item_key(key, gathered) else { return };
                let value = self.value(value);
                let same = items.entry(name.clone()).or_default();
                if same.is_empty() || *grouping {
                    same.push(value);
                } else {
                    let shown = if gathered.marked { "(sensitive value)" } else { &name };
                    self.fail(duplicate_key(shown).at(self.range(*key)));
                }
            }
        }
    }

    fn item_key(&mut self, expr: &Expression, gathered: &mut Gathered) -> Option<Arc<str>> {
        let value = self.value(expr);
        let (value, marked) = value.unmark();
        gathered.marked |= marked;
        let why = if value.is_null() {
            "The key of an item is null here. Give every item a key, or leave out those without \
             one by an `if`."
                .into()
        } else if value.is_unknown() {
            gathered.incomplete = true;
            return None;
        } else {
            match convert(value, &Type::String) {
                Ok(Value::String(name)) => return Some(name),
                Ok(_) => "This cannot be the key of an item.".into(),
                Err(error) => format!("This cannot be the key of an item: {error}."),
            }
        };
        if !gathered.incomplete {
            let problem = Diagnostic::error("invalid-object-key", "Invalid object key");
            self.fail(problem.detail(why).at(self.range(expr)));
        }
        gathered.incomplete = true;
        None
    }
}

enum Items<'e> {
    Tuple(Vec<Value>),
    Object { key: &'e Expression, grouping: bool, items: BTreeMap<Arc<str>, Vec<Value>> },
}

impl Items<'_> {
    fn into_value(self) -> Value {
        match self {
            Self::Tuple(elements) => Value::Tuple(Arc::new(elements)),
            Self::Object { grouping, items, .. } => {
                let single = |mut values: Vec<Value>| values.pop().unwrap_or(Value::null());
                let named = items.into_iter().map(|(name, values)| {
                    (name, if grouping { Value::tuple(values) } else { single(values) })
                });
                Value::Object(Arc::new(named.collect::<Attributes>()))
            }
        }
    }
}

fn invalid_test(why: &str, range: SourceRange) -> Diagnostic {
    Diagnostic::error("invalid-for-condition", "Invalid 'for' condition")
        .detail(format!("The `if` of this `for` has to say true or false: {why}."))
        .at(range)
}

fn duplicate_key(name: &str) -> Diagnostic {
    Diagnostic::error("duplicate-key", "Duplicate object key").detail(format!(
        "More than one item of this `for` has the key {name:?}. To collect the values of each \
         key in a list, write `...` after the value."
    ))
}

/// Lists keys and values; nothing when the value is unknown.
pub(super) fn elements(value: &Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::List(_, elements) | Value::Tuple(elements) => {
            Some(elements.iter().enumerate().map(|(at, v)| (Value::count(at), v.clone())).collect())
        }
        Value::Set(_, elements) => Some(elements.iter().map(|v| (v.clone(), v.clone())).collect()),
        Value::Map(_, attributes) | Value::Object(attributes) => {
            let pair =
                |(name, value): (&Arc<str>, &Value)| (Value::String(name.clone()), value.clone());
            Some(attributes.iter().map(pair).collect())
        }
        _ => None,
    }
}
