//! Draws a plan for people: what drifted, what will be done, what outputs become.

use jiff::Timestamp;

use crate::plan::{Action, Mode, OutputChange, Plan, Summary};
use crate::redact::redact;
use crate::render::change::ChangeStyle;
use crate::render::diff::{DiffOptions, Differ, Entry, Pair};
use crate::render::paint::Paint;
use crate::render::value::key;
use crate::render::words::paragraphs;
use crate::render::{left, price};
use crate::value::Value;

/// How a plan is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions {
    pub color: bool,
    pub width: usize,
    /// What "3h ago" counts from.
    pub now: Timestamp,
    /// Shows long texts whole.
    pub complete: bool,
}

/// Draws a plan, ending in a newline.
pub fn text(plan: &Plan, options: &TextOptions) -> String {
    PlanText { plan, options, paint: Paint::new(options.color) }.draw()
}

/// Says what a plan does, as its last line: `Plan: 2 to add, 1 to change, 0 to destroy.`
pub fn summary(summary: &Summary) -> String {
    let Summary { add, change, remove, forget } = summary;
    let forgotten = if *forget > 0 { format!(", {forget} to forget") } else { String::new() };
    format!("{add} to add, {change} to change, {remove} to destroy{forgotten}.")
}

/// Says where a plan was saved and how to apply it.
pub fn saved(path: &str, options: &TextOptions) -> String {
    format!(
        "{}\nSaved the plan to: {path}\n\nTo apply it as it is drawn here, run:\n    sandplan \
         apply {path:?}\n",
        rule(options)
    )
}

/// Says that a plan was not saved.
pub fn not_saved(options: &TextOptions) -> String {
    let note = "Note: This plan is not saved, and \"sandplan apply\" will make a new one, which \
                may differ. To apply a plan as it was drawn, save it with -out.";
    format!("{}\n{}\n", rule(options), paragraphs(note, options.width))
}

fn rule(options: &TextOptions) -> String {
    let line = "─".repeat(options.width.saturating_sub(3).min(77));
    format!("{}\n", Paint::new(options.color).dim(&line))
}

struct PlanText<'a> {
    plan: &'a Plan,
    options: &'a TextOptions,
    paint: Paint,
}

impl PlanText<'_> {
    fn draw(&self) -> String {
        self.planned() + &left::text(self.plan, self.paint, self.options.width)
    }

    fn planned(&self) -> String {
        let drift = self.drift();
        let changes = self.changes();
        let outputs = self.outputs();
        let separator = if drift.is_empty() { String::new() } else { rule(self.options) + "\n" };
        if changes.is_empty() && (outputs.is_empty() || self.plan.mode == Mode::RefreshOnly) {
            let gap = if outputs.is_empty() { "" } else { "\n" };
            return format!("{drift}{}{gap}{outputs}", self.nothing(&separator));
        }
        if changes.is_empty() {
            let note = "Applying this plan writes the new outputs into the state and leaves all \
                        sandboxes alone.";
            return format!("{drift}{separator}{outputs}\n{}\n", self.prose(note));
        }
        let gap = if outputs.is_empty() { "" } else { "\n" };
        format!("{drift}{separator}{changes}{gap}{outputs}")
    }

    fn drift(&self) -> String {
        if self.plan.drift.is_empty() {
            return String::new();
        }
        let title = self.paint.bold("Note: Objects have changed outside of sandplan");
        let intro = "Since the last \"sandplan apply\", something other than sandplan has made \
                     these changes:";
        let after = match self.plan.mode {
            Mode::RefreshOnly => {
                "A refresh-only plan undoes none of this. If the changes are welcome, apply it: \
                 that writes them into the state and leaves all sandboxes alone."
            }
            _ => {
                "Where the configuration says otherwise, the plan may undo these changes. To \
                 keep one, write it into the configuration, or list the attribute in \
                 ignore_changes."
            }
        };
        let style = self.style();
        let drawn: String = self.plan.drift.iter().map(|d| style.drift(d) + "\n").collect();
        format!("{title}\n\n{}\n\n{drawn}{}\n\n", self.prose(intro), self.prose(after))
    }

    fn changes(&self) -> String {
        let mut actions: Vec<Action> = Vec::new();
        let mut drawn = String::new();
        let style = self.style();
        for change in self.plan.changes.iter().filter(|c| c.action != Action::NoOp) {
            if !actions.contains(&change.action) {
                actions.push(change.action);
            }
            drawn.push_str(&style.change(change));
            drawn.push('\n');
        }
        if drawn.is_empty() {
            return drawn;
        }
        let summary = summary(&self.plan.summary());
        format!(
            "{}sandplan will perform the following actions:\n\n{drawn}{} {summary}\n{}",
            self.legend(&actions),
            self.paint.bold("Plan:"),
            self.price(),
        )
    }

    /// Says what all sandboxes will cost together that the plan leaves.
    fn price(&self) -> String {
        match price::of_plan(self.plan) {
            Some(text) => {
                let text = self.prose(&format!("Price: {text}"));
                text.replacen("Price:", &self.paint.bold("Price:"), 1) + "\n"
            }
            None => String::new(),
        }
    }

    fn legend(&self, actions: &[Action]) -> String {
        let intro = "sandplan made this plan. Its symbols mean:";
        let mut text = format!("{}\n", self.prose(intro));
        for (action, meaning) in LEGEND.iter().filter(|(action, _)| actions.contains(action)) {
            let indent = " ".repeat(3 - action.symbol().len());
            text.push_str(&format!("{indent}{} {meaning}\n", self.paint.symbol(*action)));
        }
        text + "\n"
    }

    fn nothing(&self, separator: &str) -> String {
        let drifted = !self.plan.drift.is_empty();
        let (title, rest) = match self.plan.mode {
            Mode::RefreshOnly if drifted => return String::new(),
            _ if !self.plan.left.is_empty() => (
                "No changes among what could be planned.",
                "What could not be planned stays as it is:",
            ),
            Mode::RefreshOnly => (
                "No changes. Your sandboxes still match the state.",
                "Every object is still as the state has it, so there is nothing to write.",
            ),
            Mode::Destroy => (
                "No changes. No objects need to be destroyed.",
                "The state holds no objects: none were created, or all of them are gone already.",
            ),
            Mode::Normal if drifted => (
                "No changes. Your sandboxes match the configuration.",
                "The configuration agrees with the changes above. To write them into the state, \
                 run:\n    sandplan apply -refresh-only",
            ),
            Mode::Normal => (
                "No changes. Your sandboxes match the configuration.",
                "Every object is as the configuration wants it, so there is nothing to do.",
            ),
        };
        let (prose, command) = rest.split_once('\n').unwrap_or((rest, ""));
        let command = if command.is_empty() { String::new() } else { format!("{command}\n") };
        format!("{separator}{}\n\n{}\n{command}", self.paint.success(title), self.prose(prose))
    }

    fn outputs(&self) -> String {
        let changed: Vec<_> = self
            .plan
            .outputs
            .iter()
            .map(|output| (key(&output.name), self.sides(output)))
            .filter(|(_, (before, after))| before != after)
            .collect();
        if changed.is_empty() {
            return String::new();
        }
        let entries: Vec<_> = changed
            .iter()
            .map(|(name, (before, after))| Entry {
                name,
                pair: Pair::new(before.as_ref(), after.as_ref()),
                remark: None,
            })
            .collect();
        let mut differ = Differ::new(self.diff(false), 2);
        differ.entries(&entries, 0, "output");
        format!("Changes to Outputs:\n{}", differ.finish())
    }

    fn sides(&self, output: &OutputChange) -> (Option<Value>, Option<Value>) {
        let side = |value: &Option<Value>| {
            value.clone().map(|value| {
                let value = if output.sensitive { value.sensitive() } else { value };
                redact(&value, &self.plan.lineage)
            })
        };
        (side(&output.before), side(&output.after))
    }

    fn style(&self) -> ChangeStyle<'_> {
        let diff = self.diff(true);
        ChangeStyle { diff, now: self.options.now, lineage: &self.plan.lineage }
    }

    fn diff(&self, hide_nulls: bool) -> DiffOptions {
        DiffOptions {
            paint: self.paint,
            width: self.options.width,
            hide_unchanged: true,
            hide_nulls,
            cut: !self.options.complete,
        }
    }

    fn prose(&self, text: &str) -> String {
        paragraphs(text, self.options.width.min(80))
    }
}

const LEGEND: [(Action, &str); 7] = [
    (Action::Create, "create"),
    (Action::Update, "update in-place"),
    (Action::Rebuild, "rebuild: same id and address, disk and files lost"),
    (Action::Delete, "destroy"),
    (Action::Replace, "destroy and then create replacement"),
    (Action::ReplaceCreateFirst, "create replacement and then destroy"),
    (Action::Forget, "forget: drop from the state, leave the object alone"),
];

#[cfg(test)]
mod tests;
