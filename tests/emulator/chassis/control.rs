//! Endpoints of tests, which no API has: `/_faults`, `/_requests`, `/_objects`,
//! `/_clock` and `/_reset`. They take no token and are not counted.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::answer::{Answer, Refuse, Trouble};
use super::cloud::Cloud;
use super::faults::{Fault, Faults};
use super::http::{Emulator, refuse, respond};
use super::ledger::Ledger;

type Act<C> = fn(&Emulator<C>, &[u8]) -> Result<Value, <C as Cloud>::Refusal>;

pub fn router<C: Cloud>(emulator: &Arc<Emulator<C>>) -> Router {
    let with = |act: Act<C>| {
        let emulator = Arc::clone(emulator);
        move |body: Bytes| async move { answer(&emulator, act(&emulator, &body)).await }
    };
    let faults = get(with(show_faults)).post(with(add_faults)).delete(with(drop_faults));
    Router::new()
        .route("/_faults", faults)
        .route("/_requests", get(with(show_requests)).delete(with(drop_requests)))
        .route("/_clock", post(with(advance)))
        .route("/_objects", get(with(show_objects)))
        .route("/_reset", post(with(reset)))
}

async fn answer<C: Cloud>(emulator: &Emulator<C>, result: Result<Value, C::Refusal>) -> Response {
    let saved = emulator.save().await;
    match saved.and(result) {
        Ok(body) => respond(Answer::of(200, body)),
        Err(refusal) => refuse(&refusal),
    }
}

fn show_faults<C: Cloud>(emulator: &Emulator<C>, _: &[u8]) -> Result<Value, C::Refusal> {
    Ok(json!({"faults": emulator.core().cloud.faults().0}))
}

/// Adds a list of faults, or one, to those in force.
fn add_faults<C: Cloud>(emulator: &Emulator<C>, body: &[u8]) -> Result<Value, C::Refusal> {
    let broken = |error: serde_json::Error| C::Refusal::of(Trouble::Json, error.to_string());
    let value: Value = serde_json::from_slice(body).map_err(broken)?;
    let list = if value.is_array() { value } else { json!([value]) };
    let faults: Vec<Fault> = serde_json::from_value(list).map_err(broken)?;
    if let Some(kind) = Faults::unknown(&faults, C::FAULTS) {
        let message = format!("{kind:?} is no fault of this platform");
        return Err(C::Refusal::of(Trouble::Json, message));
    }
    emulator.core().cloud.faults().0.extend(faults);
    show_faults(emulator, body)
}

fn drop_faults<C: Cloud>(emulator: &Emulator<C>, body: &[u8]) -> Result<Value, C::Refusal> {
    emulator.core().cloud.faults().0.clear();
    show_faults(emulator, body)
}

fn show_requests<C: Cloud>(emulator: &Emulator<C>, _: &[u8]) -> Result<Value, C::Refusal> {
    Ok(emulator.core().ledger.draw())
}

fn drop_requests<C: Cloud>(emulator: &Emulator<C>, body: &[u8]) -> Result<Value, C::Refusal> {
    emulator.core().ledger = Ledger::default();
    show_requests(emulator, body)
}

fn show_objects<C: Cloud>(emulator: &Emulator<C>, _: &[u8]) -> Result<Value, C::Refusal> {
    Ok(emulator.core().cloud.draw_all())
}

/// Lets `advance_ms` pass at once.
fn advance<C: Cloud>(emulator: &Emulator<C>, body: &[u8]) -> Result<Value, C::Refusal> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(milliseconds) = value["advance_ms"].as_u64() else {
        return Err(C::Refusal::of(Trouble::Json, "advance_ms is missing".to_owned()));
    };
    emulator.core().ahead += milliseconds;
    Ok(json!({"ahead_ms": emulator.core().ahead}))
}

/// Back to the start: no objects, no counts, the faults of the command line.
fn reset<C: Cloud>(emulator: &Emulator<C>, body: &[u8]) -> Result<Value, C::Refusal> {
    *emulator.core() = emulator.fresh();
    show_objects(emulator, body)
}
