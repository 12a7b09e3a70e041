//! Names resources as Terraform's JSON does.

use serde_json::{Value as Json, json};

use crate::address::{Address, InstanceKey, ModuleStep};
use crate::event::Verb;
use crate::object::{ProviderRef, RemoteId, RemoteObject};
use crate::render::message::words;

/// Names a resource in a line of the machine-readable UI.
pub fn resource(address: &Address, provider: &ProviderRef) -> Json {
    let mut json = named(address);
    json["implied_provider"] = provider.to_string().into();
    json
}

fn named(address: &Address) -> Json {
    let module = module_address(&address.block.module);
    let text = address.to_string();
    let inside = text.strip_prefix(&module).map_or(text.as_str(), |t| t.trim_start_matches('.'));
    json!({
        "addr": text,
        "module": module,
        "resource": inside,
        "implied_provider": "",
        "resource_type": address.kind(),
        "resource_name": address.block.name,
        "resource_key": index(address),
    })
}

/// Returns an instance's key as JSON; null where there is none.
pub fn index(address: &Address) -> Json {
    match &address.key {
        None => Json::Null,
        Some(InstanceKey::Number(number)) => (*number).into(),
        Some(InstanceKey::String(text)) => text.to_string().into(),
    }
}

/// Writes a module's address; the root module's is empty.
pub fn module_address(module: &[ModuleStep]) -> String {
    let step = |step: &ModuleStep| match &step.key {
        Some(key) => format!("module.{}{key}", step.name),
        None => format!("module.{}", step.name),
    };
    module.iter().map(step).collect::<Vec<_>>().join(".")
}

/// Puts a resource before other fields.
pub fn hook(address: &Address, more: Json) -> Json {
    let mut json = json!({ "resource": named(address) });
    if let (Json::Object(all), Json::Object(more)) = (&mut json, more) {
        all.extend(more);
    }
    json
}

/// Returns the hook of a step that starts, runs or has ended.
pub fn running(address: &Address, verb: Verb, id: Option<&RemoteId>, seconds: Option<f64>) -> Json {
    let mut json = hook(address, json!({ "action": words(verb).action }));
    if let Some(id) = id {
        json["id_key"] = "id".into();
        json["id_value"] = id.as_str().into();
    }
    if let Some(seconds) = seconds {
        json["elapsed_seconds"] = rounded(seconds);
    }
    json
}

/// Returns what is known of an object that is in no state.
pub fn orphan(provider: &ProviderRef, object: &RemoteObject) -> Json {
    let ownership = object.ownership.as_ref();
    json!({
        "provider": provider,
        "resource_type": object.kind,
        "id_key": "id",
        "id_value": object.remote_id,
        "name": object.name,
        "project": ownership.map(|o| &o.project),
        "addr": ownership.map(|o| &o.address),
        "expires_at": ownership.and_then(|o| o.expires_at).map(|at| at.to_string()),
    })
}

/// Rounds seconds to milliseconds.
pub fn rounded(seconds: f64) -> Json {
    ((seconds * 1000.0).round() / 1000.0).into()
}
