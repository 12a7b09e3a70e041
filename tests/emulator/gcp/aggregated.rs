//! Aggregated lists: the objects of every zone or region, by where they live.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::chassis::answer::Answer;
use super::compute::Compute;
use super::lists::{self, Listed};
use super::paths::{link, name_of, scope_of};
use super::refusal::Refusal;
use super::request::Request;
use super::zones;

/// What a list holds, and what each is called.
pub struct Aggregate<'a> {
    /// Such as `instance`.
    pub kind: &'static str,
    /// Such as `instances`.
    pub collection: &'static str,
    pub objects: Listed<'a>,
}

/// The zones that a fault has taken off the map.
pub fn unreachable(compute: &mut Compute) -> Vec<String> {
    let zones = zones::all_zones();
    zones.filter(|zone| compute.faults.leaves_out(zone)).map(|z| format!("zones/{z}")).collect()
}

/// Answers a list by scope. With `returnPartialSuccess` the scopes that cannot
/// be reached are named; without it nothing is told.
pub fn answer(request: &Request, of: Aggregate, unreachable: &[String]) -> Result<Answer, Refusal> {
    if !unreachable.is_empty() && !request.is_asked_for("returnPartialSuccess") {
        let message = format!("Unable to reach {}", unreachable.join(", "));
        return Err(Refusal::new(503, "backendError", message));
    }
    let Aggregate { kind, collection, mut objects } = of;
    objects.retain(|(path, _)| !unreachable.contains(&scope_of(path)));
    let page = lists::page(request, objects)?;
    let mut by_scope: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for (path, object) in page.shown {
        by_scope.entry(scope_of(&path)).or_default().push(object);
    }
    let mut items: Map<String, Value> = Map::new();
    for zone in zones::all_zones() {
        let scope = format!("zones/{zone}");
        let empty = match unreachable.contains(&scope) {
            true => warning("UNREACHABLE", &scope),
            false => warning("NO_RESULTS_ON_PAGE", &scope),
        };
        items.insert(scope, json!({ "warning": empty }));
    }
    for (scope, objects) in by_scope {
        items.insert(scope, json!({ collection: objects }));
    }
    let mut body = json!({
        "kind": format!("compute#{kind}AggregatedList"),
        "id": request.path,
        "items": items,
        "selfLink": link(&request.path),
    });
    if !unreachable.is_empty() {
        body["unreachables"] = json!(unreachable);
    }
    if let Some(next) = page.next {
        body["nextPageToken"] = next.into();
    }
    Answer::ok(body)
}

fn warning(code: &str, scope: &str) -> Value {
    let message = match code {
        "UNREACHABLE" => format!("The scope '{scope}' could not be reached."),
        _ => format!("There are no results for scope '{scope}' on this page."),
    };
    json!({"code": code, "message": message, "data": [{"key": "scope", "value": scope}]})
}

/// The aggregated list of a collection of objects.
pub fn of_objects(
    compute: &mut Compute,
    request: &Request,
    (kind, collection): (&'static str, &'static str),
) -> Result<Answer, Refusal> {
    let unreachable = unreachable(compute);
    let objects = compute.of_kind(request.project(), collection);
    let objects = objects.map(|(path, object)| (path.clone(), &object.body)).collect();
    answer(request, Aggregate { kind, collection, objects }, &unreachable)
}

/// The list of a collection in one place.
pub fn of_place(
    compute: &mut Compute,
    request: &Request,
    kind: &'static str,
) -> Result<Answer, Refusal> {
    if !request.zone().is_empty() && compute.faults.leaves_out(request.zone()) {
        let message = format!("Unable to reach zones/{}", request.zone());
        return Err(Refusal::new(503, "backendError", message));
    }
    let prefix = format!("{}/", request.path);
    let below = compute.below(&prefix).filter(|(path, _)| path[prefix.len()..] == *name_of(path));
    let objects = below.map(|(path, object)| (path.clone(), &object.body)).collect();
    lists::answer(request, kind, objects)
}
