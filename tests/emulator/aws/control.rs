//! Endpoints of tests, which no API has: `/_faults`, `/_requests` and
//! `/_objects`. They take no credentials and are not counted.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::faults::Fault;
use super::ledger::Ledger;
use super::proxy::Proxy;

type Act = fn(&Proxy, &[u8]) -> Result<Value, String>;

pub fn router(proxy: &Arc<Proxy>) -> Router {
    let with = |act: Act| {
        let proxy = Arc::clone(proxy);
        move |body: Bytes| async move { answer(act(&proxy, &body)) }
    };
    let for_objects = Arc::clone(proxy);
    let objects = move || async move { Json(for_objects.draw_all().await) };
    let faults = get(with(show_faults)).post(with(add_faults)).delete(with(drop_faults));
    Router::new()
        .route("/_faults", faults)
        .route("/_requests", get(with(show_requests)).delete(with(drop_requests)))
        .route("/_objects", get(objects))
}

fn answer(result: Result<Value, String>) -> Response {
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(message) => (StatusCode::BAD_REQUEST, json!({"error": message})),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
}

fn show_faults(proxy: &Proxy, _: &[u8]) -> Result<Value, String> {
    Ok(json!({"faults": proxy.core().faults.0}))
}

/// Adds a list of faults, or one, to those in force.
fn add_faults(proxy: &Proxy, body: &[u8]) -> Result<Value, String> {
    let broken = |error: serde_json::Error| error.to_string();
    let value: Value = serde_json::from_slice(body).map_err(broken)?;
    let list = if value.is_array() { value } else { json!([value]) };
    let faults: Vec<Fault> = serde_json::from_value(list).map_err(broken)?;
    proxy.core().faults.0.extend(faults);
    show_faults(proxy, body)
}

fn drop_faults(proxy: &Proxy, body: &[u8]) -> Result<Value, String> {
    proxy.core().faults.0.clear();
    show_faults(proxy, body)
}

fn show_requests(proxy: &Proxy, _: &[u8]) -> Result<Value, String> {
    Ok(proxy.core().ledger.draw())
}

fn drop_requests(proxy: &Proxy, body: &[u8]) -> Result<Value, String> {
    proxy.core().ledger = Ledger::default();
    show_requests(proxy, body)
}
