//! What fails on the way: which calls are sent again, and what the others say.

use std::time::{Duration, Instant};

use sandplan::object::OperationId;
use sandplan::provider::hetzner::client::Tuning;
use sandplan::provider::hetzner::models::CreateSshKeyRequest;
use sandplan::provider::hetzner::pages::Filter;
use sandplan::provider::hetzner::selector::Selector;
use sandplan::provider::hetzner::transport::Bounds;
use sandplan::provider::hetzner::wire::{Location, Protection, Server};
use sandplan::provider::{Committed, ProviderErrorKind};

use crate::{
    LONG, Settings, World, hasty, labels, order, phases, quick, reporter, world, world_of,
};

async fn locations(world: &World) -> usize {
    world.client.list::<Location>(&Filter::all()).await.unwrap().len()
}

/// Short of patience for answers that are late.
fn impatient() -> Tuning {
    let bounds = Bounds { timeout: Duration::from_millis(300), ..Bounds::default() };
    Tuning { bounds, ..hasty() }
}

#[tokio::test]
async fn reads_are_repeated_after_every_kind_of_trouble() {
    for fault in [
        r#"{"kind": "status", "status": 500, "path": "/locations", "times": 2}"#,
        r#"{"kind": "status", "status": 502, "path": "/locations", "times": 2}"#,
        r#"{"kind": "status", "status": 503, "path": "/locations", "times": 2}"#,
        r#"{"kind": "cut_before", "path": "/locations", "times": 2}"#,
        r#"{"kind": "cut_after", "path": "/locations", "times": 2}"#,
        r#"{"kind": "locked", "path": "/locations", "times": 2}"#,
    ] {
        let world = world().await;
        world.fault(fault).await;
        assert_eq!(locations(&world).await, 6, "{fault}");
        assert_eq!(world.count("GET /locations").await, 3, "{fault}");
    }
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_repeated() {
    let world = world_of(quick(), impatient()).await;
    world.fault(r#"{"kind": "delay", "delay_ms": 60000, "path": "/locations", "times": 1}"#).await;
    assert_eq!(locations(&world).await, 6);
    assert_eq!(world.count("GET /locations").await, 2);
}

#[tokio::test]
async fn trouble_that_stays_is_told_after_six_tries() {
    let world = world().await;
    world.fault(r#"{"kind": "status", "status": 503, "path": "/locations"}"#).await;
    let (reporter, mut reports) = reporter();
    let client = world.client.reporting(&reporter);
    let error = client.list::<Location>(&Filter::all()).await.unwrap_err();
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::Unavailable, Committed::No));
    assert_eq!(world.count("GET /locations").await, 6);
    let said = phases(&mut reports);
    assert_eq!(said.len(), 5);
    assert!(said[0].starts_with("Hetzner Cloud answers 503, trying again in"), "{said:?}");
}

#[tokio::test]
async fn an_order_in_doubt_is_sent_once_and_found_by_its_operation() {
    for (fault, exists) in [
        (r#"{"kind": "cut_before", "method": "POST", "path": "/servers"}"#, false),
        (r#"{"kind": "cut_after", "method": "POST", "path": "/servers"}"#, true),
        (r#"{"kind": "status", "status": 503, "method": "POST", "path": "/servers"}"#, false),
    ] {
        let world = world().await;
        world.fault(fault).await;
        let mut order = order("web");
        order.labels = Some([("sandplan-operation".to_owned(), "op-1".to_owned())].into());
        let error = world.client.create_server(&order).await.unwrap_err();
        assert_eq!(error.committed, Committed::Unknown, "{fault}");
        assert_eq!(world.count("POST /servers").await, 1, "{fault}");
        let selector = Selector::operation(&OperationId::from("op-1"));
        let found = world.client.list::<Server>(&Filter::labelled(&selector)).await.unwrap();
        assert_eq!(found.len(), usize::from(exists), "{fault}");
    }
}

#[tokio::test]
async fn an_order_that_takes_too_long_is_in_doubt() {
    let world = world_of(quick(), impatient()).await;
    world.fault(r#"{"kind": "delay", "delay_ms": 60000, "method": "POST"}"#).await;
    let error = world.client.create_server(&order("web")).await.unwrap_err();
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::Unavailable, Committed::Unknown));
    assert!(error.message.contains("no answer came within 0.3 s"), "{}", error.message);
    assert_eq!(world.count("POST /servers").await, 1);
}

#[tokio::test]
async fn an_order_that_was_not_taken_is_sent_again() {
    for fault in [
        r#"{"kind": "locked", "method": "POST", "path": "/servers", "times": 3}"#,
        r#"{"kind": "status", "code": "conflict", "status": 409, "method": "POST", "times": 3}"#,
    ] {
        let world = world().await;
        world.fault(fault).await;
        world.order("web").await;
        assert_eq!(world.count("POST /servers").await, 4, "{fault}");
        assert_eq!(world.client.list::<Server>(&Filter::all()).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_rate_limit_is_waited_for_and_told() {
    let world = world().await;
    let fault = r#"{"kind": "status", "status": 429, "retry_after": 1, "method": "POST",
                    "path": "/servers", "times": 1}"#;
    world.fault(fault).await;
    let (reporter, mut reports) = reporter();
    let began = Instant::now();
    world.client.reporting(&reporter).create_server(&order("web")).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(phases(&mut reports)[0], "rate limit reached, waiting 1 s");
    assert_eq!(world.count("POST /servers").await, 2);
}

#[tokio::test]
async fn a_rate_limit_that_takes_an_hour_is_not_waited_for() {
    let world = world().await;
    world.fault(r#"{"kind": "status", "status": 429, "retry_after": 3600}"#).await;
    let error = world.client.create_server(&order("web")).await.unwrap_err();
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::RateLimited, Committed::No));
    assert_eq!(error.retry_after, Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn the_rate_limit_can_be_read() {
    let world = world_of(Settings { rate_limit: 3600, ..quick() }, hasty()).await;
    assert_eq!(world.client.limits(), None);
    locations(&world).await;
    let limits = world.client.limits().unwrap();
    assert_eq!((limits.limit, limits.remaining), (3600, 3599));
    assert!(limits.reset.is_some());
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_after_the_deed_succeeds() {
    let world = world().await;
    let server = world.server("web").await;
    world.fault(r#"{"kind": "cut_after", "method": "DELETE", "times": 1}"#).await;
    world.client.delete::<Server>(server.id).await.unwrap();
    assert_eq!(world.count("DELETE /servers/{id}").await, 2);
    assert_eq!(world.client.read::<Server>(server.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_of_labels_is_repeated_after_a_cut() {
    let world = world().await;
    let server = world.server("web").await;
    world.fault(r#"{"kind": "cut_after", "method": "PUT", "times": 2}"#).await;
    let changed = world.client.change::<Server>(server.id, None, &labels([("a", "b")])).await;
    assert_eq!(changed.unwrap().labels, labels([("a", "b")]));
    assert_eq!(world.count("PUT /servers/{id}").await, 3);
}

#[tokio::test]
async fn a_locked_server_is_waited_for() {
    let world = world().await;
    let made = world.order("web").await;
    let off = world.client.power_off(made.object.id).await.unwrap();
    world.client.wait(&off, LONG, |_| {}).await.unwrap();
    assert!(world.client.read::<Server>(made.object.id).await.unwrap().unwrap().is_off());
}

#[tokio::test]
async fn refusals_have_their_kinds_and_changed_nothing() {
    let world = world_of(Settings { server_limit: 1, ..quick() }, hasty()).await;
    let first = world.server("web").await;
    let refused = async |name: &str, change: &dyn Fn(&mut _)| {
        let mut order = order(name);
        change(&mut order);
        let error = world.client.create_server(&order).await.unwrap_err();
        assert_eq!(error.committed, Committed::No, "{}", error.message);
        (error.kind, error.message)
    };
    assert_eq!(refused("api", &|_| {}).await.0, ProviderErrorKind::QuotaExceeded);
    let (kind, said) = refused("a_b", &|_| {}).await;
    assert_eq!(kind, ProviderErrorKind::Rejected);
    assert!(said.contains("`name`: invalid hostname"), "{said}");
    let protection = Protection { delete: true, rebuild: true };
    let actions = world.client.protect_server(first.id, protection).await.unwrap();
    world.client.wait(&actions, LONG, |_| {}).await.unwrap();
    let error = world.client.delete::<Server>(first.id).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Rejected);
    assert!(error.message.contains("server is delete protected"), "{}", error.message);
}

#[tokio::test]
async fn no_room_is_told_apart_from_a_wrong_order() {
    let world = world().await;
    world.fault(r#"{"kind": "no_capacity", "location": "ash", "times": 1}"#).await;
    world.fault(r#"{"kind": "no_capacity", "code": "placement_error", "location": "ash"}"#).await;
    for code in ["resource_unavailable", "placement_error"] {
        let error = world.client.create_server(&order("web")).await.unwrap_err();
        assert_eq!((error.kind, error.committed), (ProviderErrorKind::NoCapacity, Committed::No));
        assert!(error.message.contains(code), "{}", error.message);
    }
}

#[tokio::test]
async fn a_name_that_is_taken_exists_already() {
    let world = world().await;
    world.order("web").await;
    let error = world.client.create_server(&order("web")).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::AlreadyExists, "{}", error.message);
    let key = CreateSshKeyRequest::new("k".into(), "nonsense".into());
    let error = world.client.create_ssh_key(&key).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Rejected, "{}", error.message);
}

#[tokio::test]
async fn no_more_calls_are_in_flight_than_allowed() {
    let latency = Duration::from_millis(50);
    let bounds = Bounds { parallel: 2, ..Bounds::default() };
    let tuning = Tuning { bounds, ..hasty() };
    let world = world_of(Settings { latency, ..quick() }, tuning).await;
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = world.client.clone();
        tasks.spawn(async move { client.list::<Location>(&Filter::all()).await.unwrap() });
    }
    tasks.join_all().await;
    assert!(began.elapsed() >= 4 * latency);
}
