//! Draws the drift report for a pull request or an issue.

use crate::object::{Object, ProviderRef, RemoteObject};
use crate::plan::Drift;
use crate::redact::redact;
use crate::render::change::title;
use crate::render::mask;
use crate::render::value::{SENSITIVE, scalar};
use crate::render::words::{cut, printable, relative};
use crate::value::Value;

use super::DriftReport;

/// Values are cut to this width.
const CELL: usize = 60;

/// Draws the report in GitHub's Markdown.
pub fn markdown(report: &DriftReport<'_>) -> String {
    let mut text = format!("## sandplan drift: {}\n\n", code(report.project));
    let outages = list("Not asked", report.outages.values().map(|why| code(&why.detail)));
    if report.is_clean() {
        let what = if outages.is_empty() { "No drift" } else { "No drift among what was asked" };
        return text + &format!("{what}, checked at {:.0}.\n{outages}", report.at);
    }
    text.push_str(&format!("**{}**, checked at {:.0}.\n", report.counts(), report.at));
    text.push_str(&changed(report));
    text.push_str(&list("Gone from the platform", report.gone().map(gone)));
    text.push_str(&list(
        "Orphans: labelled as ours, in no state",
        report.orphans.iter().map(orphan),
    ));
    text.push_str(&list("Expired", report.expired.iter().map(|o| expired(report, o))));
    text.push_str(&outages);
    text
}

fn changed(report: &DriftReport<'_>) -> String {
    let rows: String = report.changed().map(|drift| rows(drift, report)).collect();
    match rows.is_empty() {
        true => rows,
        false => format!(
            "\n### Changed outside of sandplan\n\n| Resource | Provider | Attribute | In the state | \
             Now |\n|---|---|---|---|---|\n{rows}"
        ),
    }
}

fn rows(drift: &Drift, report: &DriftReport<'_>) -> String {
    let Some(after) = &drift.after else { return String::new() };
    let name = code(&title(&drift.key.address, drift.key.deposed.as_ref()));
    let row = |attribute: &str| {
        let side = |object: &Object| {
            let value = object.attributes.get(attribute);
            value.map_or("-".to_owned(), |v| cell(&redact(v, report.lineage)))
        };
        let (before, now) = (side(&drift.before), side(after));
        let provider = drift.provider.to_string();
        let cells = [name.clone(), provider, code(attribute), before, now];
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    drift.changed.iter().map(|path| row(path.root())).collect()
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Sensitive(_) | Value::Redacted(_) => return SENSITIVE.to_owned(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Null(_) => scalar(value),
        nested => mask::plain(nested).to_string(),
    };
    code(&cut(&text, CELL))
}

fn gone(drift: &Drift) -> String {
    let name = title(&drift.key.address, drift.key.deposed.as_ref());
    format!("{} on {} ({})", code(&name), drift.provider, code(drift.before.remote_id.as_str()))
}

fn orphan((provider, object): &(ProviderRef, RemoteObject)) -> String {
    let id = code(object.remote_id.as_str());
    format!("{} {} on {provider} ({id})", object.kind, code(&object.name))
}

fn expired(report: &DriftReport<'_>, object: &Object) -> String {
    let when = object.expires_at().map(|at| relative(at, report.at)).unwrap_or_default();
    format!("{} on {}, {when}", code(&object.address.to_string()), object.provider)
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| format!("- {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\n### {title}\n\n{lines}") }
}

/// Writes text as code that nothing in it can end, whatever it holds.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}
