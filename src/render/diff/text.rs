//! Draws texts of several lines, line by line.

use similar::{ChangeTag, TextDiff};

use crate::render::value::delimiter;
use crate::render::words::{count, printable};

use super::{Differ, Mark};

/// Unchanged lines kept around a changed one.
const CONTEXT: usize = 3;
/// Lines shown of a text that is only added or removed.
const LINES: usize = 40;

impl Differ {
    pub(super) fn text(&mut self, mark: Mark, before: Option<&str>, after: Option<&str>) {
        let end = delimiter(&[before, after].map(Option::unwrap_or_default).concat());
        let close = end.clone();
        self.inside(&format!("<<-{end}"), &close, |this| match (before, after) {
            (Some(before), Some(after)) if mark == Mark::Change => this.line_diff(before, after),
            (before, after) => this.lines(after.or(before).unwrap_or_default()),
        });
    }

    fn lines(&mut self, text: &str) {
        let lines: Vec<_> = text.lines().collect();
        let shown = if self.options.cut && lines.len() > LINES { LINES / 2 } else { lines.len() };
        for line in &lines[..shown] {
            self.text_line(Mark::Same, line);
        }
        if shown < lines.len() {
            self.comment(&format!("# ({} not shown)", count(lines.len() - shown, "line")));
        }
    }

    fn line_diff(&mut self, before: &str, after: &str) {
        let diff = TextDiff::from_lines(before, after);
        let changes: Vec<_> = diff.iter_all_changes().collect();
        let changed = |at: usize| changes[at].tag() != ChangeTag::Equal;
        let shown = near(changes.len(), CONTEXT, changed);
        let mut hidden = 0;
        for (change, shown) in changes.iter().zip(shown) {
            if !shown {
                hidden += 1;
                continue;
            }
            self.hidden(std::mem::take(&mut hidden), "line");
            let mark = match change.tag() {
                ChangeTag::Equal => Mark::Same,
                ChangeTag::Insert => Mark::Add,
                ChangeTag::Delete => Mark::Remove,
            };
            self.text_line(mark, change.value().trim_end_matches('\n'));
        }
        self.hidden(hidden, "line");
        if before.ends_with('\n') != after.ends_with('\n') {
            let what = if after.ends_with('\n') { "added" } else { "removed" };
            self.comment(&format!("# (newline at the end {what})"));
        }
    }

    fn text_line(&mut self, mark: Mark, line: &str) {
        if !line.is_empty() || mark != Mark::Same {
            self.symbol(mark);
        }
        self.out.push_str(&printable(line));
        self.out.push('\n');
    }
}

/// Tells for each index whether it, or one at most `reach` away, is chosen.
pub(super) fn near(length: usize, reach: usize, chosen: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut shown = vec![false; length];
    for at in (0..length).filter(|at| chosen(*at)) {
        let end = (at + reach + 1).min(length);
        shown[at.saturating_sub(reach)..end].fill(true);
    }
    shown
}
