//! The one line that says what an event is, the same for people and in JSON.

use std::borrow::Cow;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{Event, Recovery, Verb};
use crate::object::{RemoteId, StepFailure, StepRecord};
use crate::plan::{Action, Drift, Mode, Summary};
use crate::render::left;
use crate::render::plan::summary;
use crate::render::words::{count, printable};

/// Says what happened, without a final newline.
pub fn message(event: &Event) -> String {
    let text = match event {
        Event::RefreshStart { .. }
        | Event::RefreshComplete { .. }
        | Event::ResourceDrift { .. }
        | Event::Orphan { .. }
        | Event::Expired { .. } => refresh(event),
        Event::PlannedChange { .. }
        | Event::Left { .. }
        | Event::PlannedOutputs { .. }
        | Event::ChangeSummary { .. } => planned(event),
        Event::StepComplete { .. } | Event::StepOutput { .. } | Event::StepFailed { .. } => {
            provision(event)
        }
        _ => apply(event),
    };
    printable(&text).into_owned()
}

fn refresh(event: &Event) -> String {
    match event {
        Event::RefreshStart { provider, kind } => {
            format!("{provider}: Refreshing {kind} objects...")
        }
        Event::RefreshComplete { provider, kind, objects, seconds } => {
            let objects = count(*objects, &format!("{kind} object"));
            format!("{provider}: Refreshed {objects} after {}", elapsed(*seconds))
        }
        Event::ResourceDrift { drift } => {
            format!("{}: Drift detected ({})", drift.key.address, drift_action(drift))
        }
        Event::Orphan { provider, object } => format!(
            "{provider}: Orphan {} {} [id={}] carries our labels and is in no state",
            object.kind, object.name, object.remote_id
        ),
        Event::Expired { address, expires_at } => format!("{address}: Expired at {expires_at}"),
        _ => String::new(),
    }
}

fn planned(event: &Event) -> String {
    match event {
        Event::PlannedChange { change } => {
            format!("{}: Plan to {}", change.address, plan_word(change.action))
        }
        Event::Left { left } => left::line(left),
        Event::PlannedOutputs { outputs } => format!("Outputs: {}", outputs.len()),
        Event::ChangeSummary { summary: counts, .. } => format!("Plan: {}", summary(counts)),
        _ => String::new(),
    }
}

fn provision(event: &Event) -> String {
    match event {
        Event::StepComplete { address, step } => {
            format!("{address}: Provisioning: {}", ended(step))
        }
        Event::StepOutput { address, step, line } => format!("{address} ({}): {line}", short(step)),
        Event::StepFailed { address, failure } => {
            format!("{address}: Provisioning: {} {}", step_title(&failure.step), failed(failure))
        }
        _ => String::new(),
    }
}

fn apply(event: &Event) -> String {
    match event {
        Event::ApplyStart { address, verb, id } => {
            format!("{address}: {}...{}", words(*verb).doing, bracket(id.as_ref()))
        }
        Event::ApplyProgress { address, verb, phase, seconds } => {
            still(address, *verb, phase, *seconds)
        }
        Event::ApplyComplete { address, verb, id, seconds } => {
            let id = bracket(id.as_ref().filter(|_| *verb != Verb::Delete));
            format!("{address}: {} complete after {}{id}", words(*verb).noun, elapsed(*seconds))
        }
        Event::ApplyErrored { address, verb, seconds } => {
            format!("{address}: {} errored after {}", words(*verb).noun, elapsed(*seconds))
        }
        Event::Skipped { address, verb, because } => {
            let because: Vec<_> = because.iter().map(Address::to_string).collect();
            format!("{address}: {} skipped because of {}", words(*verb).noun, because.join(", "))
        }
        Event::Settling { operations, seconds } => format!(
            "An earlier run was cut off during {}; waiting {} for what it had sent.",
            count(*operations, "operation"),
            elapsed(*seconds)
        ),
        Event::Recovered { address, verb, outcome } => recovered(address, *verb, *outcome),
        Event::Stopping { in_flight } => format!(
            "Stopping: no new step starts; waiting for {} in flight. Interrupt again to abandon them.",
            count(*in_flight, "call")
        ),
        Event::ApplySummary { summary, mode, failed, skipped } => {
            apply_summary(summary, *mode, *failed, *skipped)
        }
        Event::Outputs { outputs } => format!("Outputs: {}", outputs.len()),
        Event::Diagnostic { diagnostic } => headline(diagnostic),
        _ => String::new(),
    }
}

fn still(address: &Address, verb: Verb, phase: &str, seconds: f64) -> String {
    let doing = words(verb).doing.to_lowercase();
    let phase = if phase.is_empty() { String::new() } else { format!(", {phase}") };
    format!("{address}: Still {doing}... [{} elapsed{phase}]", elapsed(seconds))
}

fn recovered(address: &Address, verb: Verb, outcome: Recovery) -> String {
    let noun = words(verb).noun.to_lowercase();
    let what = match outcome {
        Recovery::Adopted => "its object was found and is in the state now",
        Recovery::NothingHappened => "it had changed nothing",
        Recovery::Deleted => "the object is gone",
        Recovery::Unsure => "the platform could not be asked, so it stays open",
    };
    format!("{address}: Recovered the {noun} that an earlier run left open: {what}")
}

fn apply_summary(summary: &Summary, mode: Mode, failed: usize, skipped: usize) -> String {
    let Summary { add, change, remove, forget } = summary;
    let (name, counts) = match mode {
        Mode::Destroy => ("Destroy", format!("{remove} destroyed")),
        _ => ("Apply", format!("{add} added, {change} changed, {remove} destroyed")),
    };
    let forgotten = if *forget > 0 { format!(", {forget} forgotten") } else { String::new() };
    match failed + skipped {
        0 => format!("{name} complete! Resources: {counts}{forgotten}."),
        _ => format!(
            "{name} incomplete. Resources: {counts}{forgotten}; {failed} failed, {skipped} skipped."
        ),
    }
}

/// Says how bad a problem is and what it is.
pub fn headline(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
    };
    format!("{severity}: {}", diagnostic.summary)
}

/// Says what drift is, as an action.
pub fn drift_action(drift: &Drift) -> &'static str {
    if drift.after.is_some() { "update" } else { "delete" }
}

/// Names an action as Terraform's machine-readable UI does; `rebuild` is our own.
pub fn plan_word(action: Action) -> &'static str {
    match action {
        Action::NoOp => "noop",
        Action::Create => "create",
        Action::Update => "update",
        Action::Rebuild => "rebuild",
        Action::Replace | Action::ReplaceCreateFirst => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

/// A verb in the forms that messages need.
pub struct Words {
    pub doing: &'static str,
    pub noun: &'static str,
    /// In JSON.
    pub action: &'static str,
}

/// Returns a verb's forms, Terraform's where it has the verb.
pub fn words(verb: Verb) -> Words {
    let (doing, noun, action) = match verb {
        Verb::Create => ("Creating", "Creation", "create"),
        Verb::Update => ("Modifying", "Modifications", "update"),
        Verb::Provision => ("Provisioning", "Provisioning", "provision"),
        Verb::Delete => ("Destroying", "Destruction", "delete"),
        Verb::Forget => ("Forgetting", "Removal from the state", "forget"),
    };
    Words { doing, noun, action }
}

/// Says how long something took: `0s`, `1m10s`.
pub fn elapsed(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

/// Names a provisioning step: `provision:install` is `step install`.
pub fn step_title(name: &str) -> Cow<'_, str> {
    match name.split_once(':') {
        Some(("provision", name)) => Cow::Owned(format!("step {name}")),
        Some((kind @ ("file" | "sync" | "probe"), what)) => Cow::Owned(format!("{kind} {what}")),
        _ => Cow::Owned(format!("step {name}")),
    }
}

fn short(step: &str) -> &str {
    step.strip_prefix("provision:").unwrap_or(step)
}

fn ended(step: &StepRecord) -> String {
    let title = step_title(&step.name);
    match step.rc {
        0 => format!("{title} ok ({:.1}s)", step.seconds),
        rc => format!("{title} failed with exit code {rc} ({:.1}s)", step.seconds),
    }
}

fn failed(failure: &StepFailure) -> String {
    match failure.rc {
        124 => "ran out of time (exit code 124)".to_owned(),
        rc => format!("failed with exit code {rc}"),
    }
}

fn bracket(id: Option<&RemoteId>) -> String {
    id.map(|id| format!(" [id={id}]")).unwrap_or_default()
}
