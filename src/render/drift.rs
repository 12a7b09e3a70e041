//! The report of `drift`: what changed outside of sandplan, what is orphaned,
//! what is past its TTL. As text, as JSON, and in Markdown for a pull request.

mod markdown;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::object::{Lineage, Object, Outages, ProviderRef, RemoteObject};
use crate::plan::Drift;
use crate::render::change::ChangeStyle;
use crate::render::diff::DiffOptions;
use crate::render::paint::Paint;
use crate::render::plan::TextOptions;
use crate::render::plan_json;
use crate::render::words::{count, printable, relative};

pub use markdown::markdown;

/// The version of the shape of `drift -json`.
pub const FORMAT_VERSION: &str = "1.0";

/// What a check for drift found.
#[derive(Debug, Clone)]
pub struct DriftReport<'a> {
    pub project: &'a str,
    pub lineage: &'a Lineage,
    /// When it was checked.
    pub at: Timestamp,
    pub drift: &'a [Drift],
    /// What carries our labels and is in no state.
    pub orphans: &'a [(ProviderRef, RemoteObject)],
    /// What is past its TTL.
    pub expired: &'a [Object],
    /// The providers that could not be asked; nothing is known of their objects.
    pub outages: &'a Outages,
}

impl DriftReport<'_> {
    /// Tells whether everything is as the state says.
    pub fn is_clean(&self) -> bool {
        self.drift.is_empty() && self.orphans.is_empty() && self.expired.is_empty()
    }

    fn changed(&self) -> impl Iterator<Item = &Drift> {
        self.drift.iter().filter(|drift| drift.after.is_some())
    }

    fn gone(&self) -> impl Iterator<Item = &Drift> {
        self.drift.iter().filter(|drift| drift.after.is_none())
    }

    fn counts(&self) -> String {
        let (changed, gone) = (self.changed().count(), self.gone().count());
        let orphans = count(self.orphans.len(), "orphan");
        format!("{changed} changed, {gone} gone, {orphans}, {} expired", self.expired.len())
    }
}

/// Draws the report for people.
pub fn text(report: &DriftReport<'_>, options: &TextOptions) -> String {
    let paint = Paint::new(options.color);
    let outages =
        section(paint, "Not asked", report.outages.values().map(|why| why.detail.clone()));
    if report.is_clean() {
        return match outages.is_empty() {
            true => {
                let title = paint.success("No drift. Your sandboxes are as the state says.");
                format!("{title}\n")
            }
            false => format!("{outages}{} among what was asked.\n", paint.bold("No drift")),
        };
    }
    let diff = DiffOptions {
        paint,
        width: options.width,
        hide_unchanged: true,
        hide_nulls: true,
        cut: !options.complete,
    };
    let style = ChangeStyle { diff, now: options.now, lineage: report.lineage };
    let mut text: String = report.drift.iter().map(|drift| style.drift(drift) + "\n").collect();
    text.push_str(&section(paint, "Orphans: they carry our labels and are in no state", {
        report.orphans.iter().map(|(provider, object)| orphan(provider, object))
    }));
    text.push_str(&section(paint, "Expired: their TTL has ended", {
        report.expired.iter().map(|object| expired(object, options.now))
    }));
    text.push_str(&outages);
    format!("{text}{} {}.\n", paint.bold("Drift:"), report.counts())
}

fn section(paint: Paint, title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| format!("    {}\n", printable(&line))).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("  {}\n{lines}\n", paint.bold(&format!("# {title}"))),
    }
}

fn orphan(provider: &ProviderRef, object: &RemoteObject) -> String {
    let whose = match &object.ownership {
        Some(owner) => format!(", made for {}", owner.address),
        None => String::new(),
    };
    format!("{} {} on {provider} [id={}]{whose}", object.kind, object.name, object.remote_id)
}

fn expired(object: &Object, now: Timestamp) -> String {
    let when = object.expires_at().map(|at| format!(", {}", relative(at, now)));
    let Object { address, provider, remote_id, .. } = object;
    format!("{address} on {provider} [id={remote_id}]{}", when.unwrap_or_default())
}

/// Returns the report as JSON; sensitive values are null.
pub fn json(report: &DriftReport<'_>) -> Json {
    json!({
        "format_version": FORMAT_VERSION,
        "project": report.project,
        "timestamp": format!("{:.0}", report.at),
        "drifted": !report.is_clean(),
        "summary": {
            "changed": report.changed().count(),
            "gone": report.gone().count(),
            "orphans": report.orphans.len(),
            "expired": report.expired.len(),
        },
        "resource_drift": report.drift.iter().map(plan_json::drift).collect::<Vec<_>>(),
        "orphans": report.orphans.iter().map(orphan_json).collect::<Vec<_>>(),
        "expired": report.expired.iter().map(expired_json).collect::<Vec<_>>(),
        "outages": plan_json::outages(report.outages),
    })
}

fn orphan_json((provider, object): &(ProviderRef, RemoteObject)) -> Json {
    let owner = object.ownership.as_ref();
    json!({
        "provider": provider,
        "type": object.kind,
        "id": object.remote_id,
        "name": object.name,
        "project": owner.map(|o| &o.project),
        "address": owner.map(|o| &o.address),
        "expires_at": owner.and_then(|o| o.expires_at).map(|at| at.to_string()),
    })
}

fn expired_json(object: &Object) -> Json {
    json!({
        "address": object.address,
        "provider": object.provider,
        "id": object.remote_id,
        "expires_at": object.expires_at().map(|at| at.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;
    use crate::value::Value;

    #[test]
    fn a_report_names_drift_orphans_and_expired_ones() {
        let found = sample::drift_findings();
        insta::assert_snapshot!(text(&found.report(), &sample::text_options()), @r#"
          # sandbox.changed has changed
          ~ sandbox "changed" {
                id   = "sb-1"
                name = "review-ada"
              ~ ttl  = "4h" -> "1h"
                # (6 unchanged attributes hidden)
            }

          # sandbox.gone has been deleted
          - sandbox "gone" {
                id   = "sb-1"
                name = "review-ada"
                # (7 unchanged attributes hidden)
            }

          # Orphans: they carry our labels and are in no state
            sandbox lost-panda on local [id=sb-9]

          # Expired: their TTL has ended
            sandbox.old on local [id=sb-1], 3h ago

        Drift: 1 changed, 1 gone, 1 orphan, 1 expired.
        "#);
        insta::assert_snapshot!(markdown(&found.report()), @r#"
        ## sandplan drift: `checkout-web`

        **1 changed, 1 gone, 1 orphan, 1 expired**, checked at 2026-03-01T12:00:00Z.

        ### Changed outside of sandplan

        | Resource | Provider | Attribute | In the state | Now |
        |---|---|---|---|---|
        | `sandbox.changed` | local | `ttl` | `"4h"` | `"1h"` |

        ### Gone from the platform

        - `sandbox.gone` on local (`sb-1`)

        ### Orphans: labelled as ours, in no state

        - sandbox `lost-panda` on local (`sb-9`)

        ### Expired

        - `sandbox.old` on local, 3h ago
        "#);
        let clean = sample::DriftFindings::default();
        insta::assert_snapshot!(text(&clean.report(), &sample::text_options()), @r#"No drift. Your sandboxes are as the state says."#);
        insta::assert_snapshot!(markdown(&clean.report()), @r#"
        ## sandplan drift: `checkout-web`

        No drift, checked at 2026-03-01T12:00:00Z.
        "#);
    }

    #[test]
    fn markdown_cannot_be_broken_out_of() {
        let mut found = sample::drift_findings();
        let hostile = Value::from("a`|``\n<script>");
        if let Some(after) = &mut found.drift[0].after {
            after.attributes = after.attributes.with("ttl", hostile);
        }
        found.orphans[0].1.name = "x`\n# injected".to_owned();
        let text = markdown(&found.report());
        insta::assert_snapshot!(text.lines().find(|l| l.contains("script")).unwrap_or(""), @r#"| `sandbox.changed` | local | `ttl` | `"4h"` | ``` "a`\|``\n<script>" ``` |"#);
        assert!(!text.lines().any(|line| line.starts_with("# injected")), "{text}");
    }
}
