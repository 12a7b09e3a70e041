//! Endpoints of tests, which no API has: `/_faults`, `/_requests`, `/_objects`
//! and `/_reset`. They take no token and are not counted.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::faults::Fault;
use super::http::{Emulator, refuse, respond};
use super::ledger::Ledger;

pub fn router(emulator: &Arc<Emulator>) -> Router {
    let with = |act: fn(&Emulator, &[u8]) -> Result<Value, Refusal>| {
        let emulator = Arc::clone(emulator);
        move |body: Bytes| async move { answer(&emulator, act(&emulator, &body)).await }
    };
    let faults = get(with(show_faults)).post(with(add_faults)).delete(with(drop_faults));
    Router::new()
        .route("/_faults", faults)
        .route("/_requests", get(with(show_requests)).delete(with(drop_requests)))
        .route("/_objects", get(with(show_objects)))
        .route("/_reset", post(with(reset)))
}

async fn answer(emulator: &Emulator, result: Result<Value, Refusal>) -> Response {
    let saved = emulator.save().await;
    match saved.and(result) {
        Ok(body) => respond(Answer { status: 200, body }),
        Err(refusal) => refuse(&refusal),
    }
}

fn show_faults(emulator: &Emulator, _: &[u8]) -> Result<Value, Refusal> {
    Ok(json!({"faults": emulator.core().project.faults.0}))
}

/// Adds a list of faults, or one, to those in force.
fn add_faults(emulator: &Emulator, body: &[u8]) -> Result<Value, Refusal> {
    let broken = |error: serde_json::Error| Refusal::new("json_error", error.to_string());
    let value: Value = serde_json::from_slice(body).map_err(broken)?;
    let list = if value.is_array() { value } else { json!([value]) };
    let faults: Vec<Fault> = serde_json::from_value(list).map_err(broken)?;
    emulator.core().project.faults.0.extend(faults);
    show_faults(emulator, body)
}

fn drop_faults(emulator: &Emulator, body: &[u8]) -> Result<Value, Refusal> {
    emulator.core().project.faults.0.clear();
    show_faults(emulator, body)
}

fn show_requests(emulator: &Emulator, _: &[u8]) -> Result<Value, Refusal> {
    Ok(emulator.core().ledger.draw())
}

fn drop_requests(emulator: &Emulator, body: &[u8]) -> Result<Value, Refusal> {
    emulator.core().ledger = Ledger::default();
    show_requests(emulator, body)
}

fn show_objects(emulator: &Emulator, _: &[u8]) -> Result<Value, Refusal> {
    Ok(emulator.core().project.draw_all())
}

/// Back to the start: no objects, no counts, the faults of the command line.
fn reset(emulator: &Emulator, body: &[u8]) -> Result<Value, Refusal> {
    *emulator.core() = emulator.fresh();
    show_objects(emulator, body)
}
