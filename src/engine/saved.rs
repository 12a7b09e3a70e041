//! Plan files: written without secrets, readable only by their owner.
//!
//! A plan file is JSON. Sensitive values are left out of it as fingerprints;
//! [`complete`] puts them back from the configuration at apply.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::object::Lineage;
use crate::plan::{FORMAT, Plan};
use crate::redact::redact;
use crate::value::Value;

/// Writes a plan to a file of mode 0600, whole or not at all. What is there and no
/// file, such as a device, is written to and never replaced.
pub fn write(plan: &Plan, path: &Path) -> Result<(), Diagnostics> {
    let fail = |error: std::io::Error| {
        Diagnostics::from(
            Diagnostic::error("plan-file", "Cannot write the plan file")
                .detail(format!("{}: {error}.", path.display())),
        )
    };
    let json = serde_json::to_value(plan).map_err(|error| fail(error.into()))?;
    let text = redacted(json, &plan.lineage).to_string();
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut there| there.write_all(text.as_bytes())).map_err(fail);
    }
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(fail)
}

/// Reads a plan file.
pub fn read(path: &Path) -> Result<Plan, Diagnostics> {
    let fail = |detail: String| {
        Diagnostics::from(
            Diagnostic::error("plan-file", "Cannot read the plan file")
                .detail(format!("{}: {detail}", path.display())),
        )
    };
    let text = std::fs::read(path).map_err(|error| fail(format!("{error}.")))?;
    let json: Json = serde_json::from_slice(&text)
        .map_err(|_| fail("this is not a plan that `sandplan plan -out` wrote.".to_owned()))?;
    match json.get("format").and_then(Json::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => {
            return Err(fail(format!(
                "it has plan format {format}, and this sandplan reads {FORMAT}. Plan again with this version."
            )));
        }
        None => return Err(fail("this is not a plan that `sandplan plan -out` wrote.".to_owned())),
    }
    serde_json::from_value(json).map_err(|error| fail(format!("it is damaged: {error}.")))
}

/// Replaces every sensitive value in a plan's JSON by its fingerprint.
fn redacted(json: Json, lineage: &Lineage) -> Json {
    match json {
        Json::Object(members) if members.contains_key("$sensitive") => {
            let json = Json::Object(members);
            match Value::from_lossless(&json) {
                Some(value) => strip(redact(&value, lineage)).to_lossless(),
                None => Json::Null,
            }
        }
        Json::Object(members) => Json::Object(
            members.into_iter().map(|(key, value)| (key, redacted(value, lineage))).collect(),
        ),
        Json::Array(elements) => {
            Json::Array(elements.into_iter().map(|value| redacted(value, lineage)).collect())
        }
        other => other,
    }
}

/// What is sensitive and only partly known keeps nothing of what is known.
fn strip(value: Value) -> Value {
    match &value {
        Value::Sensitive(inner) => Value::Unknown(inner.type_of()).sensitive(),
        _ => value,
    }
}

/// Tells whether a plan holds fingerprints in place of values that apply needs.
pub fn needs_secrets(plan: &Plan) -> bool {
    let is_redacted = |value: &Value| contains_redacted(value);
    plan.changes.iter().filter(|change| change.action != crate::plan::Action::NoOp).any(|change| {
        change.after.as_ref().is_some_and(|after| {
            is_redacted(&after.attributes) || after.deferred.iter().any(|(_, d)| deferred(d))
        })
    })
}

fn contains_redacted(value: &Value) -> bool {
    matches!(value, Value::Redacted(_)) || value.children().any(contains_redacted)
}

fn deferred(deferred: &crate::deferred::Deferred) -> bool {
    deferred.captures.values().any(|capture| match capture {
        crate::deferred::Capture::Value(value) => contains_redacted(value),
        crate::deferred::Capture::Deferred(inner) => self::deferred(inner),
    })
}

/// Puts the sensitive values of a freshly made plan into a saved one, where both
/// plan the same; `fresh` was made from the same configuration.
pub fn complete(saved: &mut Plan, fresh: Plan) -> Result<(), Diagnostics> {
    let lineage = saved.lineage.clone();
    let mut problems = Diagnostics::new();
    for change in &mut saved.changes {
        let Some(after) = &mut change.after else { continue };
        if !contains_redacted(&after.attributes) && !after.deferred.iter().any(|(_, d)| deferred(d))
        {
            continue;
        }
        let found = fresh
            .changes
            .iter()
            .find(|other| other.address == change.address && other.deposed == change.deposed);
        let same = found.and_then(|other| other.after.as_ref()).filter(|other| {
            redact(&other.attributes, &lineage) == redact(&after.attributes, &lineage)
        });
        match same {
            Some(other) => **after = (**other).clone(),
            None => problems.push(
                Diagnostic::error("plan-needs-secret", "A sensitive value of the plan is not at hand")
                    .detail(format!(
                        "Plan files hold no sensitive values. {} needs one that the configuration, with the variables given now, does not yield as it did when the plan was made. Give the same variables again, or plan again.",
                        change.address
                    ))
                    .address(&change.address),
            ),
        }
    }
    problems.into_result(())
}
