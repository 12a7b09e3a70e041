//! The emulator of Compute Engine: what official clients cannot show of it.
//! Time stands still in these tests but where they let it pass.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Reply, get, post, send};
use crate::gcp::settings::{OperationTimes, Settings};
use crate::gcp::{self, Running};

mod bodies;
mod faults;
mod lifecycle;
mod lists;

const PROJECT: &str = "/compute/v1/projects/test-project";
const UBUNTU: &str = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64";

/// Every operation takes a hundred seconds.
fn slow() -> Settings {
    let operation_times = OperationTimes { every: Duration::from_secs(100), ..Default::default() };
    Settings { operation_times, ..Settings::default() }
}

async fn start(settings: Settings) -> Running {
    gcp::start("127.0.0.1:0".parse().unwrap(), settings).await.unwrap()
}

/// Lets seconds pass.
async fn pass(to: &Running, seconds: u64) {
    let reply = post(to, "/_clock", json!({"advance_ms": seconds * 1000})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

async fn fault(to: &Running, fault: Value) {
    let reply = post(to, "/_faults", fault).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

fn zonal(rest: &str) -> String {
    format!("{PROJECT}/zones/us-central1-a/{rest}")
}

/// The order of an instance that can be had.
fn order(name: &str) -> Value {
    json!({
        "name": name,
        "machineType": "zones/us-central1-a/machineTypes/e2-small",
        "disks": [{"boot": true, "autoDelete": true, "initializeParams": {"sourceImage": UBUNTU}}],
        "networkInterfaces": [{"accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
    })
}

/// Asks for an instance.
async fn insert(to: &Running, order: Value) -> Reply {
    let reply = post(to, &zonal("instances"), order).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply
}

/// Asks for something to be done that takes time, and lets it pass.
async fn finish(to: &Running, reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    pass(to, 100).await;
    operation(to, &reply).await
}

/// How an operation is now.
async fn operation(to: &Running, begun: &Reply) -> Value {
    let link = begun.body["selfLink"].as_str().unwrap();
    get(to, link.trim_start_matches("https://www.googleapis.com")).await.body
}

async fn instance(to: &Running, name: &str) -> Value {
    get(to, &zonal(&format!("instances/{name}"))).await.body
}

async fn status(to: &Running, name: &str) -> String {
    instance(to, name).await["status"].as_str().unwrap_or("gone").to_owned()
}

async fn act(to: &Running, name: &str, verb: &str, body: Value) -> Reply {
    post(to, &zonal(&format!("instances/{name}/{verb}")), body).await
}

async fn remove(to: &Running, path: &str) -> Reply {
    send(to, "DELETE", path, Value::Null).await.unwrap()
}
