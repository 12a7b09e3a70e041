//! Prints events as one JSON object a line, in the vocabulary of Terraform's
//! machine-readable UI, with types of our own where it has none.

mod diagnostic;
mod resource;

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::event::{Event, Recovery, Stamped, Subscriber};
use crate::object::OutputValue;
use crate::plan::{Action, Change, Mode, OutputChange, Summary};
use crate::render::change::loses_disk;
use crate::render::left;
use crate::render::mask;
use crate::render::message::{drift_action, message, plan_word, words};
use crate::render::reason::ui_reason;
use crate::render::words::printable;

pub use diagnostic::{diagnostic, validate};
pub use resource::{index, module_address};
use resource::{resource, rounded};

/// The version of Terraform's vocabulary that the lines follow.
pub const UI_VERSION: &str = "1.2";

/// Prints events as JSON lines to a writer.
pub struct JsonLines {
    out: Box<dyn Write + Send>,
    version: String,
    sources: Sources,
    started: bool,
}

impl JsonLines {
    /// Prints to this writer; `version` is sandplan's. The first line tells the version.
    pub fn new(out: Box<dyn Write + Send>, version: &str, sources: Sources) -> Self {
        Self { out, version: version.to_owned(), sources, started: false }
    }

    /// Prints on, where the version was told already.
    pub fn continued(self) -> Self {
        Self { started: true, ..self }
    }

    fn print(&mut self, line: &Json) {
        // A closed pipe must not stop an apply.
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

impl Subscriber for JsonLines {
    fn receive(&mut self, event: &Stamped) {
        if !std::mem::replace(&mut self.started, true) {
            let line = version_line(event.at, &self.version);
            self.print(&line);
        }
        if let Some(line) = line(event, &self.sources) {
            self.print(&line);
        }
    }
}

/// Returns the line that tells a problem outside of any event stream.
pub fn problem_line(problem: &Diagnostic, sources: &Sources, at: Timestamp) -> Json {
    let event = Event::Diagnostic { diagnostic: problem.clone() };
    line(&Stamped { at, sequence: 0, event }, sources).unwrap_or(Json::Null)
}

/// Returns the line that tells the version.
pub fn version_line(at: Timestamp, version: &str) -> Json {
    let body = fields(json!({ "sandplan": version, "ui": UI_VERSION }));
    envelope("info", &format!("sandplan {version}"), at, ("version", body))
}

/// Returns the line of an event; a resource that is not changed has none.
pub fn line(stamped: &Stamped, sources: &Sources) -> Option<Json> {
    let event = &stamped.event;
    if matches!(event, Event::PlannedChange { change } if change.action == Action::NoOp) {
        return None;
    }
    let (kind, body) = body(event, sources);
    Some(envelope(level(event), &message(event), stamped.at, (kind, fields(body))))
}

fn fields(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

fn envelope(
    level: &str,
    message: &str,
    at: Timestamp,
    (kind, body): (&str, Map<String, Json>),
) -> Json {
    let mut line = fields(json!({
        "@level": level,
        "@message": message,
        "@module": "sandplan.ui",
        "@timestamp": format!("{at:.6}"),
    }));
    line.extend(body);
    line.insert("type".to_owned(), kind.into());
    Json::Object(line)
}

fn level(event: &Event) -> &'static str {
    match event {
        Event::Diagnostic { diagnostic } if diagnostic.severity == Severity::Warning => "warn",
        Event::Diagnostic { .. } | Event::ApplyErrored { .. } | Event::StepFailed { .. } => "error",
        Event::Orphan { .. } | Event::Expired { .. } | Event::Skipped { .. } => "warn",
        Event::Stopping { .. } | Event::Left { .. } => "warn",
        Event::Recovered { outcome: Recovery::Unsure, .. } => "warn",
        _ => "info",
    }
}

/// Returns an event's type and its fields.
fn body(event: &Event, sources: &Sources) -> (&'static str, Json) {
    match event {
        Event::ResourceDrift { drift } => {
            let action = drift_action(drift);
            let resource = resource(&drift.key.address, &drift.provider);
            ("resource_drift", json!({ "change": { "resource": resource, "action": action } }))
        }
        Event::PlannedChange { change } => ("planned_change", json!({ "change": planned(change) })),
        Event::Left { left } => ("left_alone", json!({ "left": left::json(left) })),
        Event::PlannedOutputs { outputs } => ("outputs", json!({ "outputs": to_be(outputs) })),
        Event::ChangeSummary { summary, .. } => {
            ("change_summary", json!({ "changes": counts(summary, "plan") }))
        }
        Event::ApplySummary { summary, mode, failed, skipped } => {
            let operation = if *mode == Mode::Destroy { "destroy" } else { "apply" };
            let mut changes = counts(summary, operation);
            changes["failed"] = (*failed).into();
            changes["skipped"] = (*skipped).into();
            ("change_summary", json!({ "changes": changes }))
        }
        Event::Outputs { outputs } => {
            let outputs: Map<_, _> =
                outputs.iter().map(|(name, value)| (name.to_string(), output(value))).collect();
            ("outputs", json!({ "outputs": outputs }))
        }
        Event::Diagnostic { diagnostic: it } => {
            ("diagnostic", json!({ "diagnostic": diagnostic(it, sources) }))
        }
        other => {
            let (kind, hook) = hook(other);
            (kind, json!({ "hook": hook }))
        }
    }
}

fn hook(event: &Event) -> (&'static str, Json) {
    match event {
        Event::RefreshStart { .. }
        | Event::RefreshComplete { .. }
        | Event::Orphan { .. }
        | Event::Expired { .. } => refresh_hook(event),
        Event::StepComplete { .. } | Event::StepOutput { .. } | Event::StepFailed { .. } => {
            provision_hook(event)
        }
        _ => apply_hook(event),
    }
}

fn refresh_hook(event: &Event) -> (&'static str, Json) {
    match event {
        Event::RefreshStart { provider, kind } => {
            ("refresh_start", json!({ "provider": provider, "resource_type": kind }))
        }
        Event::RefreshComplete { provider, kind, objects, seconds } => (
            "refresh_complete",
            json!({
                "provider": provider, "resource_type": kind,
                "objects": objects, "elapsed_seconds": rounded(*seconds),
            }),
        ),
        Event::Orphan { provider, object } => ("orphan", resource::orphan(provider, object)),
        Event::Expired { address, expires_at } => {
            ("expired", resource::hook(address, json!({ "expires_at": expires_at.to_string() })))
        }
        _ => ("", Json::Null),
    }
}

fn provision_hook(event: &Event) -> (&'static str, Json) {
    match event {
        Event::StepComplete { address, step } => {
            let body = json!({
                "step": step.name, "rc": step.rc, "elapsed_seconds": rounded(step.seconds),
            });
            ("provision_step", resource::hook(address, body))
        }
        Event::StepOutput { address, step, line } => {
            let body = json!({ "step": step, "line": printable(line) });
            ("step_output", resource::hook(address, body))
        }
        Event::StepFailed { address, failure } => {
            let body = json!({
                "step": failure.step, "rc": failure.rc,
                "log_tail": failure.log_tail, "log_path": failure.log_path,
            });
            ("step_failed", resource::hook(address, body))
        }
        _ => ("", Json::Null),
    }
}

fn apply_hook(event: &Event) -> (&'static str, Json) {
    match event {
        Event::ApplyStart { address, verb, id } => {
            ("apply_start", resource::running(address, *verb, id.as_ref(), None))
        }
        Event::ApplyProgress { address, verb, phase, seconds } => {
            let mut hook = resource::running(address, *verb, None, Some(*seconds));
            hook["phase"] = phase.as_str().into();
            ("apply_progress", hook)
        }
        Event::ApplyComplete { address, verb, id, seconds } => {
            ("apply_complete", resource::running(address, *verb, id.as_ref(), Some(*seconds)))
        }
        Event::ApplyErrored { address, verb, seconds } => {
            ("apply_errored", resource::running(address, *verb, None, Some(*seconds)))
        }
        Event::Skipped { address, verb, because } => {
            let body = json!({ "action": words(*verb).action, "because": because });
            ("skipped", resource::hook(address, body))
        }
        Event::Recovered { address, verb, outcome } => {
            let body = json!({ "action": words(*verb).action, "outcome": outcome });
            ("recovered", resource::hook(address, body))
        }
        Event::Settling { operations, seconds } => {
            ("settling", json!({ "operations": operations, "seconds": seconds }))
        }
        Event::Stopping { in_flight } => ("stopping", json!({ "in_flight": in_flight })),
        _ => ("unknown", json!({})),
    }
}

fn planned(change: &Change) -> Json {
    let word = plan_word(change.action);
    let mut json = json!({
        "resource": resource(&change.address, &change.provider),
        "action": if change.action == Action::Rebuild { "update" } else { word },
    });
    if let Some(reason) = ui_reason(change) {
        json["reason"] = reason.into();
    }
    if change.action == Action::Rebuild {
        json["rebuild"] = true.into();
    }
    if loses_disk(change) {
        json["loses_disk"] = true.into();
    }
    if let Some(price) = &change.price {
        json["price"] = json!(price);
    }
    if let Some(key) = &change.deposed {
        json["deposed"] = key.as_str().into();
    }
    json
}

fn counts(summary: &Summary, operation: &str) -> Json {
    let Summary { add, change, remove, forget } = summary;
    json!({
        "add": add, "change": change, "import": 0, "remove": remove, "forget": forget,
        "operation": operation,
    })
}

fn to_be(outputs: &[OutputChange]) -> Json {
    let output = |output: &OutputChange| json!({ "sensitive": output.sensitive, "action": plan_word(output.action()) });
    Json::Object(outputs.iter().map(|o| (o.name.to_string(), output(o))).collect())
}

/// Returns an output as `output -json` has it; a sensitive value is null.
pub fn output(output: &OutputValue) -> Json {
    let value = if output.sensitive { Json::Null } else { mask::plain(&output.value) };
    let sensitive = output.sensitive || output.value.contains_sensitive();
    json!({ "sensitive": sensitive, "type": output.value.type_of().to_json(), "value": value })
}

#[cfg(test)]
mod tests;
