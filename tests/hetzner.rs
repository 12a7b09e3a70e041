//! The provider `hetzner` against an emulator of its API, with faults.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;

#[path = "hetzner/actions.rs"]
mod actions;
#[path = "hetzner/answers.rs"]
mod answers;
#[path = "hetzner/calls.rs"]
mod calls;
#[path = "hetzner/canned.rs"]
mod canned;
#[path = "hetzner/faults.rs"]
mod faults;
#[path = "hetzner/lists.rs"]
mod lists;
#[path = "hetzner/losses.rs"]
mod losses;

use std::time::Duration;

use emulator::settings::{ActionTimes, Settings};
use emulator::{Running, start};
use sandplan::object::OperationId;
use sandplan::provider::cloud::labels::Labels;
use sandplan::provider::hetzner::access::Access;
use sandplan::provider::hetzner::actions::Rhythm;
use sandplan::provider::hetzner::client::{Client, Tuning};
use sandplan::provider::hetzner::models::CreateServerRequest;
use sandplan::provider::hetzner::retry::Patience;
use sandplan::provider::hetzner::transport::Bounds;
use sandplan::provider::hetzner::wire::{Made, Server};
use sandplan::provider::{Report, Reporter};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A minute, which nothing here should take.
const LONG: Duration = Duration::from_secs(60);

/// An emulator and a client of it.
struct World {
    emulator: Running,
    client: Client,
}

/// Actions that take a moment, no rate limit.
fn quick() -> Settings {
    let every = Duration::from_millis(30);
    Settings {
        action_times: ActionTimes { every, ..ActionTimes::default() },
        ..Settings::default()
    }
}

/// Waits that tests can bear.
fn hasty() -> Tuning {
    Tuning {
        bounds: Bounds { timeout: Duration::from_secs(20), ..Bounds::default() },
        patience: Patience::from_base(Duration::from_millis(20)),
        rhythm: Rhythm { first: Duration::from_millis(10), most: Duration::from_millis(40) },
    }
}

fn client_of(endpoint: &str, token: &str, tuning: Tuning) -> Client {
    Client::new(&Access::new(Some(endpoint), Some(token)).unwrap(), tuning).unwrap()
}

async fn world_of(settings: Settings, tuning: Tuning) -> World {
    let emulator = start("127.0.0.1:0".parse().unwrap(), settings).await.unwrap();
    let client = client_of(&emulator.url(), "token", tuning);
    World { emulator, client }
}

async fn world() -> World {
    world_of(quick(), hasty()).await
}

impl World {
    /// Puts a fault in force.
    async fn fault(&self, fault: &str) {
        let url = format!("{}/_faults", self.emulator.url());
        let answer = reqwest::Client::new().post(url).body(fault.to_owned()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// How often a method and path template was asked for.
    async fn count(&self, what: &str) -> u64 {
        self.requests().await["counts"][what].as_u64().unwrap_or(0)
    }

    async fn requests(&self) -> Value {
        let text = reqwest::get(format!("{}/_requests", self.emulator.url())).await.unwrap();
        serde_json::from_slice(&text.bytes().await.unwrap()).unwrap()
    }

    async fn forget_requests(&self) {
        let url = format!("{}/_requests", self.emulator.url());
        reqwest::Client::new().delete(url).send().await.unwrap();
    }

    /// Orders a server and waits until it runs.
    async fn server(&self, name: &str) -> Server {
        let made = self.order(name).await;
        self.client.wait(&made.actions, LONG, |_| {}).await.unwrap();
        made.object
    }

    async fn order(&self, name: &str) -> Made<Server> {
        self.client.create_server(&order(name)).await.unwrap()
    }
}

/// The order of a server that can be had.
fn order(name: &str) -> CreateServerRequest {
    let mut order =
        CreateServerRequest::new("ubuntu-24.04".into(), name.to_owned(), "cpx32".into());
    order.location = Some("ash".into());
    order
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn reporter() -> (Reporter, UnboundedReceiver<(OperationId, Report)>) {
    let (channel, reports) = unbounded_channel();
    (Reporter::new(OperationId::from("op"), channel), reports)
}

/// What was said so far.
fn phases(reports: &mut UnboundedReceiver<(OperationId, Report)>) -> Vec<String> {
    let all = std::iter::from_fn(|| reports.try_recv().ok());
    all.filter_map(|(_, report)| match report {
        Report::Phase(phase) => Some(phase),
        _ => None,
    })
    .collect()
}
