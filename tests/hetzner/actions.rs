//! Waiting for actions.

use std::time::Duration;

use sandplan::provider::hetzner::actions::ActionError;
use sandplan::provider::hetzner::wire::{Action, Server};
use sandplan::provider::{Committed, ProviderError, ProviderErrorKind};

use crate::canned::{Canned, json};
use crate::{ActionTimes, LONG, Settings, client_of, hasty, quick, world, world_of};

fn running(id: u64) -> Action {
    Action { id, command: "create_server".into(), status: "running".into(), ..Action::default() }
}

#[tokio::test]
async fn a_server_runs_when_its_actions_have_ended() {
    let world = world().await;
    let made = world.order("web").await;
    let mut seen = Vec::new();
    let heard = |action: &Action| seen.push((action.command.clone(), action.is_running()));
    world.client.wait(&made.actions, LONG, heard).await.unwrap();
    assert!(world.client.read::<Server>(made.object.id).await.unwrap().unwrap().is_running());
    assert!(seen.contains(&("create_server".to_owned(), false)), "{seen:?}");
    assert!(seen.contains(&("start_server".to_owned(), false)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_share_their_requests() {
    let every = Duration::from_millis(300);
    let settings =
        Settings { action_times: ActionTimes { every, ..ActionTimes::default() }, ..quick() };
    let world = world_of(settings, hasty()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (client, order) = (world.client.clone(), crate::order(&format!("web-{number}")));
        tasks.spawn(async move {
            let made = client.create_server(&order).await.unwrap();
            client.wait(&made.actions, LONG, |_| {}).await.unwrap();
        });
    }
    tasks.join_all().await;
    let asked = world.count("GET /actions").await;
    // 80 actions in up to two requests a round; alone, each would ask 15 times.
    assert!((2..200).contains(&asked), "{asked}");
    for _ in 0..100 {
        world.client.read::<Server>(1).await.unwrap();
    }
    assert_eq!(world.count("GET /actions").await, asked, "nobody waits, so nobody asks");
}

#[tokio::test]
async fn a_failed_action_tells_why() {
    let world = world().await;
    let fault = r#"{"kind": "action_fails", "command": "create_server",
                    "code": "resource_unavailable", "message": "no host left"}"#;
    world.fault(fault).await;
    let made = world.order("web").await;
    let error = world.client.wait(&made.actions, LONG, |_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "The action `create_server` failed: no host left (resource_unavailable)."
    );
    let error = ProviderError::from(error);
    assert_eq!((error.kind, error.committed), (ProviderErrorKind::NoCapacity, Committed::Unknown));
}

#[tokio::test]
async fn trouble_while_waiting_is_borne() {
    let world = world().await;
    let made = world.order("web").await;
    world.fault(r#"{"kind": "status", "status": 503, "path": "/actions", "times": 8}"#).await;
    world.client.wait(&made.actions, LONG, |_| {}).await.unwrap();
    assert!(world.count("GET /actions").await > 8);
}

#[tokio::test]
async fn who_waits_too_long_is_told_and_the_others_go_on() {
    let every = Duration::from_millis(400);
    let settings =
        Settings { action_times: ActionTimes { every, ..ActionTimes::default() }, ..quick() };
    let world = world_of(settings, hasty()).await;
    let made = world.order("web").await;
    let short = Duration::from_millis(50);
    let (late, patient) = tokio::join!(
        world.client.wait(&made.actions, short, |_| {}),
        world.client.wait(&made.actions, LONG, |_| {}),
    );
    assert!(matches!(late, Err(ActionError::Late { .. })), "{late:?}");
    patient.unwrap();
}

#[tokio::test]
async fn an_action_that_the_api_forgot_is_lost() {
    let world = world().await;
    let error = world.client.wait(&[running(12345)], LONG, |_| {}).await.unwrap_err();
    assert!(matches!(error, ActionError::Lost { id: 12345, .. }), "{error:?}");
}

#[tokio::test]
async fn a_token_that_was_withdrawn_ends_the_waiting() {
    let body = r#"{"error": {"code": "unauthorized", "message": "unable to authenticate"}}"#;
    let server =
        Canned::serve(move |_, _| crate::canned::reply(401, "application/json", body)).await;
    let client = client_of(&server.url, "t", hasty());
    let error = client.wait(&[running(1)], LONG, |_| {}).await.unwrap_err();
    assert_eq!(ProviderError::from(error).kind, ProviderErrorKind::Denied);
}

#[tokio::test]
async fn what_has_ended_already_is_not_asked_for() {
    let server = Canned::serve(|_, _| json("{}")).await;
    let client = client_of(&server.url, "t", hasty());
    let done = Action { status: "success".into(), ..running(1) };
    client.wait(&[done], LONG, |_| {}).await.unwrap();
    client.wait(&[], LONG, |_| {}).await.unwrap();
    let failed = Action { status: "error".into(), ..running(1) };
    assert!(client.wait(&[failed], LONG, |_| {}).await.is_err());
    assert_eq!(server.asked(), 0);
}
