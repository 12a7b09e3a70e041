//! Draws how values differ, in Terraform's notation: one line per attribute,
//! a symbol for what happens to it, and what does not change hidden and counted.
//!
//! The same code draws a value that does not change at all (`show`), and one
//! that is only added or only removed.

mod elements;
mod pair;
mod scalar;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use crate::render::paint::Paint;
use crate::render::value::{SENSITIVE, UNKNOWN, key, quote};
use crate::render::words::count;
use crate::value::{Attributes, Value};

use pair::Shape;
pub use pair::{Mark, Pair};

/// How values are drawn.
#[derive(Debug, Clone, Copy)]
pub struct DiffOptions {
    pub paint: Paint,
    /// The width that one-line forms must fit in.
    pub width: usize,
    /// Leaves out what does not change, and counts it.
    pub hide_unchanged: bool,
    /// Treats a null attribute as one that is not there, as in a resource.
    pub hide_nulls: bool,
    /// Shortens long texts.
    pub cut: bool,
}

/// A value under a name, with what is said after it.
pub struct Entry<'a> {
    pub name: &'a str,
    pub pair: Pair<'a>,
    /// Such as `# forces replacement`.
    pub remark: Option<&'a str>,
}

/// Draws entries, one below the other, from a column on.
pub struct Differ {
    options: DiffOptions,
    out: String,
    /// The column of the symbols of what is being drawn.
    column: usize,
    /// Said at the end of the next line.
    remark: Option<String>,
}

impl Differ {
    /// Starts at this column.
    pub fn new(options: DiffOptions, column: usize) -> Self {
        Self { options, out: String::new(), column, remark: None }
    }

    /// Returns what was drawn: whole lines.
    pub fn finish(self) -> String {
        self.out
    }

    /// Draws entries with their equals signs aligned, then how many are hidden.
    pub fn entries(&mut self, entries: &[Entry<'_>], hidden: usize, noun: &str) {
        let width = entries.iter().map(|entry| entry.name.width()).max().unwrap_or_default();
        for entry in entries {
            self.entry(entry, width);
        }
        self.hidden(hidden, noun);
    }

    fn entry(&mut self, entry: &Entry<'_>, width: usize) {
        let mark = entry.pair.mark();
        self.symbol(mark);
        self.out.push_str(entry.name);
        self.pad(width - entry.name.width());
        self.out.push_str(" = ");
        self.remark = entry.remark.map(str::to_owned);
        let used = self.column + 2 + width + 3;
        self.value(entry.pair, used);
        if mark == Mark::Remove {
            self.arrow("null");
        }
        self.end_line();
    }

    /// Draws a value after whatever stands on the line; `used` columns are taken.
    fn value(&mut self, pair: Pair<'_>, used: usize) {
        match pair.shape() {
            Shape::Sensitive => self.out.push_str(SENSITIVE),
            Shape::Unknown => self.unknown(pair, used),
            Shape::Named(before, after) => self.named(pair, before, after),
            Shape::Elements(before, after) => self.elements(pair, (before, after), used),
            Shape::Text(before, after) => self.text(pair.mark(), before, after),
            Shape::Scalar => self.scalar(pair),
            Shape::Unlike => self.unlike(pair, used),
        }
    }

    fn unknown(&mut self, pair: Pair<'_>, used: usize) {
        match pair.before.filter(|before| !before.is_null()) {
            Some(before) if before.is_unknown() => self.out.push_str(UNKNOWN),
            Some(before) => {
                self.value(Pair::removed(before), used);
                self.out.push_str(&format!(" {} {UNKNOWN}", self.options.paint.changed("->")));
            }
            None => self.out.push_str(UNKNOWN),
        }
    }

    fn unlike(&mut self, pair: Pair<'_>, used: usize) {
        if let (Some(before), Some(after)) = (pair.before, pair.after) {
            self.value(Pair::removed(before), used);
            self.out.push_str(&format!(" {} ", self.options.paint.changed("->")));
            self.value(Pair::added(after), used);
        }
    }

    fn named(&mut self, pair: Pair<'_>, before: Option<&Members>, after: Option<&Members>) {
        let object = matches!(pair.known().map(Value::revealed), Some(Value::Object(_)));
        let members = self.members(pair.mark(), object, [before, after]);
        if members.is_empty() {
            return self.out.push_str("{}");
        }
        let whole = pair.mark() == Mark::Same || !self.options.hide_unchanged;
        let visible = |(name, pair): &(&str, Pair<'_>)| {
            whole || pair.mark() != Mark::Same || (object && is_telling(name))
        };
        let shown: Vec<_> = members.iter().filter(|member| visible(member)).collect();
        let names: Vec<_> =
            shown.iter().map(|(name, _)| if object { key(name) } else { quote(name) }).collect();
        let entries: Vec<_> = names
            .iter()
            .zip(&shown)
            .map(|(name, (_, pair))| Entry { name, pair: *pair, remark: None })
            .collect();
        let noun = if object { "attribute" } else { "element" };
        self.inside("{", "}", |this| this.entries(&entries, members.len() - shown.len(), noun));
    }

    fn members<'a>(
        &self,
        whole: Mark,
        object: bool,
        sides: [Option<&'a Members>; 2],
    ) -> Vec<(&'a str, Pair<'a>)> {
        let hide_nulls = object && self.options.hide_nulls;
        let names: BTreeSet<&str> =
            sides.into_iter().flatten().flat_map(|m| m.keys()).map(|name| &**name).collect();
        names
            .into_iter()
            .map(|name| {
                let [before, after] = sides.map(|members| members.and_then(|m| m.get(name)));
                (name, Pair::new(before, after).within(whole))
            })
            .map(|(name, pair)| (name, if hide_nulls { pair.without_nulls() } else { pair }))
            .filter(|(_, pair)| !(hide_nulls && pair.is_void()))
            .collect()
    }

    /// Draws brackets around lines that stand further to the right.
    fn inside(&mut self, open: &str, close: &str, draw: impl FnOnce(&mut Self)) {
        self.out.push_str(open);
        self.end_line();
        self.column += 4;
        draw(self);
        self.column -= 4;
        self.pad(self.column + 2);
        self.out.push_str(close);
    }

    fn hidden(&mut self, number: usize, noun: &str) {
        if number > 0 {
            let text = format!("# ({} hidden)", count(number, &format!("unchanged {noun}")));
            self.comment(&text);
        }
    }

    /// Draws a line of comment where names stand.
    fn comment(&mut self, text: &str) {
        self.pad(self.column + 2);
        self.out.push_str(&self.options.paint.dim(text));
        self.out.push('\n');
    }

    fn symbol(&mut self, mark: Mark) {
        self.pad(self.column);
        let paint = self.options.paint;
        let symbol = match mark {
            Mark::Same => " ".to_owned(),
            Mark::Add => paint.added("+"),
            Mark::Remove | Mark::RemoveQuietly => paint.removed("-"),
            Mark::Change => paint.changed("~"),
        };
        self.out.push_str(&symbol);
        self.out.push(' ');
    }

    fn arrow(&mut self, to: &str) {
        self.out.push(' ');
        self.out.push_str(&self.options.paint.dim(&format!("-> {to}")));
    }

    fn end_line(&mut self) {
        if let Some(remark) = self.remark.take() {
            self.out.push(' ');
            self.out.push_str(&self.options.paint.removed(&remark));
        }
        self.out.push('\n');
    }

    fn pad(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }
}

type Members = Arc<Attributes>;

/// Tells whether an attribute is shown though it does not change, because a
/// reader finds the object by it.
pub fn is_telling(name: &str) -> bool {
    matches!(name, "id" | "name")
}

#[cfg(test)]
mod tests;
