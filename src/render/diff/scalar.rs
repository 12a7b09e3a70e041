//! Draws values that fit on a line.

use crate::render::value::{quote, scalar};
use crate::render::words::count;
use crate::value::Value;

use super::{Differ, Mark, Pair};

/// A string of more characters than this is shortened.
const LONG: usize = 200;
/// What is kept of it around the first difference.
const KEPT: usize = 120;

impl Differ {
    pub(super) fn scalar(&mut self, pair: Pair<'_>) {
        let (before, after) = (pair.before, pair.after);
        let text = match (before, after) {
            (Some(before), Some(after)) if pair.mark() == Mark::Change => {
                let from = first_difference(before, after).saturating_sub(KEPT / 4);
                let arrow = self.options.paint.changed("->");
                format!("{} {arrow} {}", self.short(before, from), self.short(after, from))
            }
            _ => pair.known().map(|value| self.short(value, 0)).unwrap_or_default(),
        };
        self.out.push_str(&text);
    }

    fn short(&self, value: &Value, from: usize) -> String {
        match value.as_str() {
            Some(text) if self.options.cut => shorten(text, from),
            _ => scalar(value),
        }
    }
}

/// Quotes a string, only a stretch of it where it is long.
pub(super) fn shorten(text: &str, from: usize) -> String {
    let length = text.chars().count();
    if length <= LONG {
        return quote(text);
    }
    let stretch: String = text.chars().skip(from).take(KEPT).collect();
    let head = if from > 0 { "…" } else { "" };
    let tail = if from + KEPT < length { "…" } else { "" };
    format!("{head}{}{tail} ({})", quote(&stretch), count(length, "character"))
}

fn first_difference(before: &Value, after: &Value) -> usize {
    match (before.as_str(), after.as_str()) {
        (Some(before), Some(after)) => {
            before.chars().zip(after.chars()).take_while(|(b, a)| b == a).count()
        }
        _ => 0,
    }
}
