//! Draws what happens to one resource instance.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::address::{Address, ResourceType};
use crate::object::{DeposedKey, Lineage};
use crate::plan::{Action, Change, Drift, TtlEnforcement};
use crate::redact::redact;
use crate::render::diff::{DiffOptions, Differ, Entry, Mark, Pair, is_telling};
use crate::render::paint::Paint;
use crate::render::price;
use crate::render::reason::{fate, why};
use crate::render::value::key;
use crate::render::words::{printable, wrap};
use crate::value::Value;

/// What all changes of a plan are drawn with.
pub struct ChangeStyle<'a> {
    pub diff: DiffOptions,
    pub now: Timestamp,
    /// The key under which sensitive values are compared.
    pub lineage: &'a Lineage,
}

/// What stands between a resource's braces.
struct Body<'a> {
    address: &'a Address,
    symbol: Action,
    before: Option<Cow<'a, Value>>,
    after: Option<Cow<'a, Value>>,
    /// What is said after an attribute.
    remark: &'a dyn Fn(&str) -> Option<&'static str>,
    trailer: Vec<String>,
}

impl ChangeStyle<'_> {
    /// Draws a planned change: headline, reasons, attributes.
    pub fn change(&self, change: &Change) -> String {
        let mut text = self.headline(change);
        let forces = match change.action {
            Action::Rebuild => "# forces rebuild",
            _ => "# forces replacement",
        };
        let remark =
            |name: &str| change.replace_because.iter().any(|p| p.root() == name).then_some(forces);
        let before = change.before_attributes().map(|v| self.redacted(v));
        let after = match change.action {
            Action::Forget => before.clone(),
            _ => change.after_attributes().map(|v| self.redacted(v)),
        };
        text.push_str(&self.body(&Body {
            address: &change.address,
            symbol: change.action,
            before,
            after,
            remark: &remark,
            trailer: self.trailer(change),
        }));
        text
    }

    /// Draws what changed outside of sandplan.
    pub fn drift(&self, drift: &Drift) -> String {
        let (symbol, words) = match drift.after {
            Some(_) => (Action::Update, "has changed"),
            None => (Action::Delete, "has been deleted"),
        };
        let name = title(&drift.key.address, drift.key.deposed.as_ref());
        let head = self.paint().bold(&format!("# {name} {words}"));
        // Of what is gone, its id and name are enough.
        let after = drift.after.as_ref().unwrap_or(&drift.before);
        let body = self.body(&Body {
            address: &drift.key.address,
            symbol,
            before: Some(self.redacted(&drift.before.attributes)),
            after: Some(self.redacted(&after.attributes)),
            remark: &|_| None,
            trailer: Vec::new(),
        });
        format!("  {head}\n{body}")
    }

    fn headline(&self, change: &Change) -> String {
        let paint = self.paint();
        let name = title(&change.address, change.deposed.as_ref());
        let mut text = format!("  {}\n", paint.bold(&format!("# {name} {}", fate(change))));
        let mut comment = |line: String| text.push_str(&format!("  {line}\n"));
        if let Some(why) = why(change, self.now) {
            comment(format!("# ({})", printable(&why)));
        }
        if loses_disk(change) {
            comment(paint.failure(match change.address.kind() {
                ResourceType::Snapshot => "# (the saved disk will be lost)",
                _ => "# (disk and files of this sandbox will be lost)",
            }));
        }
        for note in &change.notes {
            let lines = wrap(&printable(note), self.diff.width.saturating_sub(12));
            for (index, line) in lines.iter().enumerate() {
                comment(format!("# {} {line}", if index == 0 { "note:" } else { "     " }));
            }
        }
        text
    }

    fn trailer(&self, change: &Change) -> Vec<String> {
        let width = self.diff.width.saturating_sub(12);
        let mut lines = Vec::new();
        if let Some(price) = price::of_change(change) {
            lines.extend(wrap(&price, width));
        }
        if !change.provision.is_empty() {
            let names = printable(&change.provision.join(", ")).into_owned();
            lines.extend(wrap(&format!("will run: {names}"), width));
        }
        let lifetime = match change.address.kind() {
            ResourceType::Snapshot => "expires_in",
            _ => "ttl",
        };
        let new =
            change.action != Action::Update || change.changed.iter().any(|p| p.root() == lifetime);
        let span = change.after_attributes().and_then(|a| a.get(lifetime));
        if let (true, Some(_), Some(by)) = (new, span.filter(|s| !s.is_null()), change.ttl) {
            lines.extend(wrap(&enforcement(by, change), width));
        }
        lines
    }

    fn body(&self, body: &Body<'_>) -> String {
        let symbol = self.paint().symbol(body.symbol);
        let indent = " ".repeat(3 - body.symbol.symbol().len());
        let block = &body.address.block;
        let attributes = self.attributes(body);
        let mut text = format!("{indent}{symbol} {} \"{}\" {{\n", block.kind, block.name);
        text.push_str(&attributes);
        if !body.trailer.is_empty() && !attributes.is_empty() {
            text.push('\n');
        }
        for line in &body.trailer {
            text.push_str(&format!("        # {line}\n"));
        }
        text.push_str("    }\n");
        text
    }

    fn attributes(&self, body: &Body<'_>) -> String {
        let (before, after) = (body.before.as_deref(), body.after.as_deref());
        let names: std::collections::BTreeSet<&str> = [before, after]
            .into_iter()
            .flatten()
            .filter_map(Value::as_attributes)
            .flat_map(|attributes| attributes.keys().map(|name| &**name))
            .collect();
        let side = |value: Option<&'_ Value>, name| value.and_then(|v| v.get(name)).cloned();
        let all: Vec<_> = names.iter().map(|n| (*n, side(before, n), side(after, n))).collect();
        let pairs = all
            .iter()
            .map(|(n, b, a)| (*n, Pair::new(b.as_ref(), a.as_ref()).without_nulls()))
            // A note says in which order they are tried.
            .filter(|(name, pair)| !pair.is_void() && *name != "candidates");
        let (shown, hidden): (Vec<_>, Vec<_>) =
            pairs.partition(|(n, pair)| pair.mark() != Mark::Same || is_telling(n));
        let names: Vec<_> = shown.iter().map(|(name, _)| key(name)).collect();
        let entries: Vec<_> = shown
            .iter()
            .zip(&names)
            .map(|((n, pair), name)| Entry { name, pair: *pair, remark: (body.remark)(n) })
            .collect();
        let mut differ = Differ::new(self.diff, 6);
        differ.entries(&entries, hidden.len(), "attribute");
        differ.finish()
    }

    fn redacted<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        match value.contains_sensitive() {
            true => Cow::Owned(redact(value, self.lineage)),
            false => Cow::Borrowed(value),
        }
    }

    fn paint(&self) -> Paint {
        self.diff.paint
    }
}

/// Names a resource instance, or a deposed object under it.
pub fn title(address: &Address, deposed: Option<&DeposedKey>) -> String {
    match deposed {
        Some(key) => format!("{address} (deposed object {key})"),
        None => address.to_string(),
    }
}

/// Tells whether a change ends the disk of a sandbox, or a saved one.
pub fn loses_disk(change: &Change) -> bool {
    matches!(change.address.kind(), ResourceType::Sandbox | ResourceType::Snapshot)
        && change.before.is_some()
        && match change.action {
            Action::Delete | Action::Rebuild => true,
            action => action.is_replace(),
        }
}

fn enforcement(by: TtlEnforcement, change: &Change) -> String {
    match by {
        TtlEnforcement::Provider => {
            format!("when its TTL ends, {} destroys it", change.provider.platform)
        }
        TtlEnforcement::Guest => "when its TTL ends, it shuts itself down".to_owned(),
        TtlEnforcement::Expire => {
            "when its TTL ends, `sandplan expire -apply` destroys it: run that from cron".to_owned()
        }
    }
}
