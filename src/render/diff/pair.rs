//! A value before and after, and what of it is to be drawn.

use std::sync::Arc;

use crate::value::{Attributes, Value};

/// What happens to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Same,
    Add,
    Remove,
    /// Removed with what it is part of, so that nothing more is said.
    RemoveQuietly,
    Change,
}

/// A value before and after.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
    mark: Mark,
}

/// What two values have in common, and so how they are drawn together.
pub(super) enum Shape<'a> {
    Sensitive,
    Unknown,
    Named(Option<&'a Arc<Attributes>>, Option<&'a Arc<Attributes>>),
    Elements(&'a [Value], &'a [Value]),
    /// Texts, of which one has several lines.
    Text(Option<&'a str>, Option<&'a str>),
    Scalar,
    /// Nothing: they are drawn one after the other.
    Unlike,
}

impl<'a> Pair<'a> {
    /// Compares two values.
    pub fn new(before: Option<&'a Value>, after: Option<&'a Value>) -> Self {
        let mark = match (before, after) {
            (None, Some(_)) => Mark::Add,
            (Some(_), None) => Mark::Remove,
            (before, after) if before == after => Mark::Same,
            _ => Mark::Change,
        };
        Self { before, after, mark }
    }

    /// Takes a value that does not change.
    pub fn same(value: &'a Value) -> Self {
        Self { before: Some(value), after: Some(value), mark: Mark::Same }
    }

    /// Takes a value that is only there afterwards.
    pub fn added(value: &'a Value) -> Self {
        Self { before: None, after: Some(value), mark: Mark::Add }
    }

    /// Takes a value that is only there before, without a word on what follows it.
    pub fn removed(value: &'a Value) -> Self {
        Self { before: Some(value), after: None, mark: Mark::RemoveQuietly }
    }

    /// Says nothing more of a part that goes the way of the whole.
    pub(super) fn within(self, whole: Mark) -> Self {
        let quiet = matches!(whole, Mark::Remove | Mark::RemoveQuietly);
        match self.mark {
            Mark::Remove if quiet => Self { mark: Mark::RemoveQuietly, ..self },
            _ => self,
        }
    }

    /// Counts a null as nothing.
    pub fn without_nulls(self) -> Self {
        let real = |value: Option<&'a Value>| value.filter(|v| !matches!(v, Value::Null(_)));
        let pair = Self::new(real(self.before), real(self.after));
        if self.mark == Mark::RemoveQuietly { pair.within(self.mark) } else { pair }
    }

    /// Tells whether there is nothing on either side, or only something empty.
    pub fn is_void(self) -> bool {
        let empty = |value: &Value| {
            value.as_elements().is_some_and(<[Value]>::is_empty)
                || value.as_attributes().is_some_and(|a| a.is_empty())
        };
        [self.before, self.after].into_iter().flatten().all(empty)
    }

    /// Returns what happens.
    pub fn mark(self) -> Mark {
        self.mark
    }

    /// Returns the value afterwards, or else the one before.
    pub(super) fn known(self) -> Option<&'a Value> {
        self.after.or(self.before)
    }

    pub(super) fn shape(self) -> Shape<'a> {
        let sides = || [self.before, self.after].into_iter().flatten();
        if sides().any(|v| matches!(v, Value::Sensitive(_) | Value::Redacted(_))) {
            return Shape::Sensitive;
        }
        if self.after.or(self.before).is_some_and(Value::is_unknown) {
            return Shape::Unknown;
        }
        if sides().all(|v| v.as_attributes().is_some()) {
            let members = |v: Option<&'a Value>| v.and_then(Value::as_attributes);
            return Shape::Named(members(self.before), members(self.after));
        }
        if sides().all(|v| v.as_elements().is_some()) {
            let elements = |v: Option<&'a Value>| v.and_then(Value::as_elements);
            let (before, after) = (elements(self.before), elements(self.after));
            return Shape::Elements(before.unwrap_or_default(), after.unwrap_or_default());
        }
        self.flat_shape()
    }

    fn flat_shape(self) -> Shape<'a> {
        let sides = || [self.before, self.after].into_iter().flatten();
        let text = |v: Option<&'a Value>| v.and_then(Value::as_str);
        let many_lines = |v: &Value| v.as_str().is_some_and(|t| t.contains('\n'));
        if sides().all(|v| v.as_str().is_some()) && sides().any(many_lines) {
            return Shape::Text(text(self.before), text(self.after));
        }
        let nested = |v: &Value| v.as_elements().is_some() || v.as_attributes().is_some();
        if sides().any(|v| nested(v) || many_lines(v)) { Shape::Unlike } else { Shape::Scalar }
    }
}
