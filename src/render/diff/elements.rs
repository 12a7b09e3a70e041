//! Draws lists, sets and tuples, element by element.

use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_width::UnicodeWidthStr;

use crate::render::value::scalar;
use crate::value::Value;

use super::text::near;
use super::{Differ, Mark, Pair};

impl Differ {
    pub(super) fn elements(
        &mut self,
        pair: Pair<'_>,
        (before, after): (&[Value], &[Value]),
        used: usize,
    ) {
        let uniform = pair.mark() != Mark::Change;
        let all = if after.is_empty() { before } else { after };
        if let Some(line) = one_line(all).filter(|l| uniform && used + l.width() < self.room()) {
            return self.out.push_str(&line);
        }
        let set = matches!(pair.known().map(Value::revealed), Some(Value::Set(..)));
        let pairs: Vec<_> = match pair.mark() {
            Mark::Same => after.iter().map(Pair::same).collect(),
            mark => align(before, after, set).into_iter().map(|p| p.within(mark)).collect(),
        };
        let reach = if set { 0 } else { 1 };
        let changed = |at: usize| pairs[at].mark() != Mark::Same;
        let shown = match uniform || !self.options.hide_unchanged {
            true => vec![true; pairs.len()],
            false => near(pairs.len(), reach, changed),
        };
        self.inside("[", "]", |this| this.shown_elements(&pairs, &shown));
    }

    fn shown_elements(&mut self, pairs: &[Pair<'_>], shown: &[bool]) {
        let mut hidden = 0;
        for (pair, shown) in pairs.iter().zip(shown) {
            if !shown {
                hidden += 1;
                continue;
            }
            self.hidden(std::mem::take(&mut hidden), "element");
            self.symbol(pair.mark());
            self.value(*pair, self.column + 2);
            self.out.push_str(",\n");
        }
        self.hidden(hidden, "element");
    }

    fn room(&self) -> usize {
        self.options.width
    }
}

/// Writes elements on one line, if all are short and none holds others.
fn one_line(elements: &[Value]) -> Option<String> {
    let flat = |value: &Value| {
        value.as_elements().is_none()
            && value.as_attributes().is_none()
            && !value.as_str().is_some_and(|text| text.contains('\n'))
    };
    let all: Option<Vec<_>> = elements.iter().map(|v| flat(v).then(|| scalar(v))).collect();
    Some(format!("[{}]", all?.join(", ")))
}

/// Pairs up elements: equal ones, and between them, except in a set, in order.
/// Objects with names of their own, such as labelled blocks, go by these.
fn align<'a>(before: &'a [Value], after: &'a [Value], set: bool) -> Vec<Pair<'a>> {
    let names = names(before).zip(names(after)).filter(|_| !set);
    let in_order = !set && names.is_none();
    let (old, new) = names.unwrap_or_else(|| (texts(before), texts(after)));
    let mut pairs = Vec::with_capacity(after.len());
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (tag, from, to) = op.as_tag_tuple();
        let together = if tag == DiffTag::Equal || in_order { from.len().min(to.len()) } else { 0 };
        let (from, to) = (&before[from], &after[to]);
        let both = from.iter().zip(to).take(together);
        pairs.extend(both.map(|(b, a)| Pair::new(Some(b), Some(a))));
        pairs.extend(from[together..].iter().map(|b| Pair::new(Some(b), None)));
        pairs.extend(to[together..].iter().map(|a| Pair::new(None, Some(a))));
    }
    pairs
}

fn texts(elements: &[Value]) -> Vec<String> {
    elements.iter().map(|element| element.to_lossless().to_string()).collect()
}

/// Returns the elements' names, if each has one of its own.
fn names(elements: &[Value]) -> Option<Vec<String>> {
    let names: Vec<_> = elements
        .iter()
        .map(|e| Some(e.get("name")?.as_str()?.to_owned()))
        .collect::<Option<_>>()?;
    let distinct = names.iter().collect::<std::collections::HashSet<_>>().len();
    (distinct == names.len()).then_some(names)
}
