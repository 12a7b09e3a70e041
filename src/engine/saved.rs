//! Plan files: written without secrets, readable only by their owner.
//!
//! A plan file is JSON. Sensitive values are left out of it as fingerprints;
//! [`complete`] puts them back from the configuration at apply.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value as Json;

use crate::deferred::{Capture, Deferred};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::object::{Lineage, ObjectKey};
use crate::plan::{Action, FORMAT, Plan, Planned};
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
        // What users named may look like a mark.
        Json::Object(mut members) if members.contains_key("$map") => {
            if let Some(elements) = members.get_mut("$map").and_then(|map| map.get_mut(1)) {
                redact_members(elements, lineage);
            }
            Json::Object(members)
        }
        Json::Object(mut members) if members.contains_key("$object") => {
            if let Some(inner) = members.get_mut("$object") {
                redact_members(inner, lineage);
            }
            Json::Object(members)
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

fn redact_members(members: &mut Json, lineage: &Lineage) {
    for value in members.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        *value = redacted(value.take(), lineage);
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
    let changes = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    changes.filter_map(|change| change.after.as_deref()).any(lacks_secret)
        || plan.outputs.iter().filter_map(|output| output.deferred.as_ref()).any(is_redacted)
}

fn lacks_secret(planned: &Planned) -> bool {
    contains_redacted(&planned.attributes) || planned.deferred.iter().any(|(_, d)| is_redacted(d))
}

fn contains_redacted(value: &Value) -> bool {
    matches!(value, Value::Redacted(_)) || value.children().any(contains_redacted)
}

fn is_redacted(deferred: &Deferred) -> bool {
    deferred.captures.values().any(|capture| match capture {
        Capture::Value(value) => contains_redacted(value),
        Capture::Deferred(inner) => is_redacted(inner),
    })
}

/// Puts the sensitive values of a freshly made plan into a saved one, where both
/// plan the same; `fresh` was made from the same configuration.
pub fn complete(saved: &mut Plan, fresh: Plan) -> Result<(), Diagnostics> {
    let lineage = saved.lineage.clone();
    let mut problems = Diagnostics::new();
    let keyed = fresh.changes.into_iter().map(|change| (change.key(), change.after));
    let mut found: BTreeMap<ObjectKey, Option<Box<Planned>>> = keyed.collect();
    for change in &mut saved.changes {
        let key = change.key();
        let Some(after) = change.after.as_mut().filter(|after| lacks_secret(after)) else {
            continue;
        };
        match found.remove(&key).flatten().filter(|other| is_same(&**after, &**other, &lineage)) {
            Some(other) => *after = other,
            None => problems.push(lacking(&change.address.to_string()).address(&change.address)),
        }
    }
    for output in &mut saved.outputs {
        let Some(deferred) = output.deferred.as_mut().filter(|d| is_redacted(d)) else { continue };
        let other = fresh.outputs.iter().find(|other| other.name == output.name);
        let other = other.and_then(|other| other.deferred.as_ref());
        match other.filter(|other| is_same(&*deferred, *other, &lineage)) {
            Some(other) => *deferred = other.clone(),
            None => problems.push(lacking(&format!("output.{}", output.name))),
        }
    }
    problems.into_result(())
}

/// Tells whether two parts of plans are the same but for what a file leaves out.
fn is_same<T: Serialize>(saved: &T, fresh: &T, lineage: &Lineage) -> bool {
    let json = |part: &T| serde_json::to_value(part).map(|json| redacted(json, lineage));
    matches!((json(saved), json(fresh)), (Ok(saved), Ok(fresh)) if saved == fresh)
}

fn lacking(what: &str) -> Diagnostic {
    Diagnostic::error("plan-needs-secret", "A sensitive value of the plan is not at hand").detail(
        format!(
            "Plan files hold no sensitive values. {what} needs one that the configuration, with the variables given now, does not yield as it did when the plan was made. Give the same variables again, or plan again."
        ),
    )
}
