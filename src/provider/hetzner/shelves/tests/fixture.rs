//! A catalogue of November 2026, and plans of single sandboxes over it.

use serde_json::Value as Json;

use crate::address::ResourceType;
use crate::object::StepRecord;
use crate::provider::cloud::catalogue::Catalogue;
use crate::provider::cloud::plan::{Context, plan};
use crate::provider::hetzner::TERMS;
use crate::provider::hetzner::shelves::{self, Answers};
use crate::provider::sandbox::Sandbox;
use crate::provider::{PlannedChange, ProposedChange};
use crate::provision;
use crate::value::{AttributePath, Value};

/// Reads what the API answered, after a change to it.
pub fn catalogue_with(edit: impl FnOnce(&mut Json)) -> Catalogue {
    let mut json: Json = serde_json::from_str(include_str!("catalogue.json")).expect("JSON");
    edit(&mut json);
    let list = |name: &str| json[name].as_array().expect(name).as_slice();
    let answers = Answers {
        server_types: list("server_types"),
        locations: list("locations"),
        images: list("images"),
        pricing: Some(&json["pricing"]),
    };
    let now = "2026-11-20T12:00:00Z".parse().expect("a time");
    shelves::catalogue(&answers, now).expect("a catalogue")
}

pub fn catalogue() -> Catalogue {
    catalogue_with(|_| {})
}

/// Makes a type have no room in a location, or have room again.
pub fn stock(json: &mut Json, server_type: &str, location: &str, available: bool) {
    let types = json["server_types"].as_array_mut().expect("types");
    let of = types.iter_mut().find(|of| of["name"] == server_type).expect(server_type);
    let places = of["locations"].as_array_mut().expect("places");
    let place = places.iter_mut().find(|place| place["name"] == location).expect(location);
    place["available"] = available.into();
}

/// Reads arguments as they stand in JSON.
pub fn sandbox(json: Json) -> Value {
    value(&json)
}

pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::null(),
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => Value::from(number.as_i64().expect("a whole number")),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(elements) => Value::tuple(elements.iter().map(value)),
        Json::Object(members) => {
            Value::object(members.iter().map(|(name, json)| (name.as_str(), value(json))))
        }
    }
}

/// Plans a sandbox that is not there yet.
pub fn new(catalogue: &Catalogue, after: Json) -> PlannedChange {
    change(catalogue, (None, &sandbox(after)), &[])
}

/// Plans a change of what is there; `changed` are the arguments that differ.
pub fn change(
    catalogue: &Catalogue,
    (before, after): (Option<&Value>, &Value),
    changed: &[&str],
) -> PlannedChange {
    let changed: Vec<_> = changed.iter().map(|name| AttributePath::attribute(*name)).collect();
    let context =
        Context { terms: &TERMS, catalogue: Some(catalogue), regions: &[], pending: &bare };
    let kind = ResourceType::Sandbox;
    plan(&context, &ProposedChange { kind, before, after, changed: &changed, done: &[] })
}

/// Returns what is known already of a computed attribute.
pub fn known<'a>(planned: &'a PlannedChange, name: &str) -> Option<&'a Value> {
    planned.known.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
}

/// Lists the candidates, as `cpx32 in ash`.
pub fn candidates(planned: &PlannedChange) -> Vec<String> {
    let all = known(planned, "candidates").and_then(Value::as_elements).unwrap_or_default();
    let text =
        |of: &Value, name: &str| of.get(name).and_then(Value::as_str).expect("text").to_owned();
    all.iter()
        .map(|of| format!("{} in {}", text(of, "server_type"), text(of, "location")))
        .collect()
}

/// Returns the only refusal as `code (argument): detail (hint)`.
pub fn refusal(planned: &PlannedChange) -> String {
    let told = planned.refused.iter().map(|refusal| {
        let problem = &refusal.problem;
        format!("{} ({}): {problem}", problem.code, refusal.argument)
    });
    told.collect::<Vec<_>>().join("\n")
}

/// Names the files, syncs, steps and probes that are still to run.
pub fn bare(attributes: &Value, done: &[StepRecord]) -> Vec<String> {
    let steps = provision::pending(&Sandbox::from_value(attributes), None, done);
    steps.into_iter().map(|step| step.name).collect()
}
