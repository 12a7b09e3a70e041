//! What can go wrong on purpose, and what has to hold meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{get, make_server, order, post, send, start, until};
use crate::hetzner::Running;
use crate::hetzner::settings::Settings;
use crate::quick;

async fn fault(to: &Running, fault: Value) {
    let reply = post(to, "/_faults", fault).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

async fn names(to: &Running) -> Vec<String> {
    let servers = get(to, "/_objects").await.body["servers"].as_array().unwrap().clone();
    servers.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_cut_before_the_commit_makes_nothing_and_one_after_it_does() {
    let to = start(quick()).await;
    for (kind, name) in [("cut_before", "lost"), ("cut_after", "made")] {
        fault(&to, json!({"kind": kind, "method": "POST", "path": "/servers", "times": 1})).await;
        assert!(send(&to, "POST", "/servers", order(name)).await.is_none());
    }
    assert_eq!(names(&to).await, ["made"]);
    let requests = get(&to, "/_requests").await.body;
    assert_eq!(requests["counts"], json!({"POST /servers": 2}));
    assert_eq!(requests["latest"][1]["cut"], "after");
}

#[tokio::test]
async fn statuses_locks_and_delays_come_where_they_are_scripted() {
    let to = start(quick()).await;
    let path = "/servers/{id}";
    fault(
        &to,
        json!([
            {"kind": "status", "status": 503, "path": path, "nth": 1},
            {"kind": "status", "status": 429, "retry_after": 2, "path": path, "nth": 2},
            {"kind": "locked", "path": path, "nth": 3},
            {"kind": "delay", "delay_ms": 120, "path": path, "nth": 4},
        ]),
    )
    .await;
    assert_eq!(get(&to, "/servers/1").await.code(), "unavailable");
    let limited = get(&to, "/servers/1").await;
    assert_eq!((limited.status, limited.code()), (429, "rate_limit_exceeded"));
    assert_eq!(limited.header("Retry-After"), Some("2"));
    assert_eq!(limited.header("RateLimit-Remaining"), Some("0"));
    assert_eq!(get(&to, "/servers/1").await.status, 423);
    let begin = Instant::now();
    assert_eq!(get(&to, "/servers/1").await.code(), "not_found");
    assert!(begin.elapsed().as_millis() >= 120);
    send(&to, "DELETE", "/_faults", Value::Null).await.unwrap();
    assert_eq!(get(&to, "/_faults").await.body["faults"], json!([]));
}

#[tokio::test]
async fn no_capacity_refuses_one_type_at_one_place() {
    let to = start(quick()).await;
    fault(
        &to,
        json!({
            "kind": "no_capacity", "server_type": "cpx32", "location": "ash",
            "code": "placement_error", "listed": true,
        }),
    )
    .await;
    let refused = post(&to, "/servers", order("here")).await;
    assert_eq!((refused.status, refused.code()), (412, "placement_error"));
    let mut elsewhere = order("elsewhere");
    elsewhere["location"] = json!("hil");
    make_server(&to, elsewhere).await;
    let types = get(&to, "/server_types?name=cpx32").await.body;
    let places = types["server_types"][0]["locations"].as_array().unwrap();
    let free = |name: &str| places.iter().find(|p| p["name"] == name).unwrap()["available"].clone();
    assert_eq!((free("ash"), free("hil")), (json!(false), json!(true)));
}

#[tokio::test]
async fn an_action_that_fails_says_why_and_leaves_the_server_unlocked() {
    let to = start(quick()).await;
    fault(&to, json!({"kind": "action_fails", "command": "start_server", "message": "no power"}))
        .await;
    let server = make_server(&to, order("broken")).await;
    assert_eq!((&server["status"], &server["locked"]), (&json!("off"), &json!(false)));
    let path = format!("/servers/{}/actions?status=error", server["id"]);
    let actions = get(&to, &path).await.body;
    let error = &actions["actions"][0]["error"];
    assert_eq!(error, &json!({"code": "action_failed", "message": "no power"}));
}

#[tokio::test]
async fn a_fault_that_is_misspelt_is_refused() {
    let to = start(quick()).await;
    let reply = post(&to, "/_faults", json!({"kind": "status", "sttus": 500})).await;
    assert_eq!(reply.code(), "json_error");
}

#[tokio::test]
async fn the_budget_of_requests_runs_out() {
    let to = start(Settings { rate_limit: 3, ..quick() }).await;
    let first = get(&to, "/servers").await;
    assert_eq!(first.header("RateLimit-Limit"), Some("3"));
    assert_eq!(first.header("RateLimit-Remaining"), Some("2"));
    assert!(first.header("RateLimit-Reset").is_some());
    get(&to, "/servers").await;
    get(&to, "/servers").await;
    assert_eq!(get(&to, "/servers").await.code(), "rate_limit_exceeded");
}

#[tokio::test]
async fn tokens_are_checked_and_one_may_only_read() {
    let settings = |full: &str, reader: Option<&str>| Settings {
        token: Some(full.to_owned()),
        readonly_token: reader.map(str::to_owned),
        ..quick()
    };
    let closed = start(settings("another", None)).await;
    assert_eq!(get(&closed, "/servers").await.code(), "unauthorized");
    let reading = start(settings("another", Some("token"))).await;
    assert_eq!(get(&reading, "/servers").await.status, 200);
    assert_eq!(post(&reading, "/servers", order("no")).await.code(), "token_readonly");
}

#[tokio::test]
async fn what_has_arrived_is_done_although_the_client_is_gone() {
    let to = start(Settings { latency: Duration::from_millis(100), ..quick() }).await;
    let patience = Duration::from_millis(20);
    let sent = send(&to, "POST", "/servers", order("orphan"));
    assert!(tokio::time::timeout(patience, sent).await.is_err());
    until(&to, "/_objects", |body| body["servers"][0]["name"] == "orphan").await;
}

#[tokio::test]
async fn a_state_file_brings_everything_back() {
    let directory = tempfile::tempdir().unwrap();
    let state = Some(directory.path().join("state.json"));
    let first = start(Settings { state: state.clone(), ..quick() }).await;
    let made = post(&first, "/servers", order("kept")).await.body;
    let objects = get(&first, "/_objects").await.body;
    first.stop().await;
    let second = start(Settings { state, ..quick() }).await;
    assert_eq!(names(&second).await, ["kept"]);
    assert_eq!(get(&second, "/_objects").await.body["primary_ips"], objects["primary_ips"]);
    let path = format!("/actions/{}", made["action"]["id"]);
    until(&second, &path, |body| body["action"]["status"] == "success").await;
    let other = post(&second, "/servers", order("next")).await.body;
    assert!(other["server"]["id"].as_u64() > made["server"]["id"].as_u64());
}

#[tokio::test]
async fn a_lingering_delete_shows_the_server_until_its_action_is_done() {
    let to = start(Settings { lingering_deletes: true, ..quick() }).await;
    let path = format!("/servers/{}", make_server(&to, order("going")).await["id"]);
    send(&to, "DELETE", &path, Value::Null).await.unwrap();
    assert_eq!(get(&to, &path).await.body["server"]["status"], "deleting");
    until(&to, &path, |body| body["error"]["code"] == "not_found").await;
}

#[tokio::test]
async fn the_project_has_a_limit_of_servers() {
    let to = start(Settings { server_limit: 1, ..quick() }).await;
    make_server(&to, order("one")).await;
    let refused = post(&to, "/servers", order("two")).await;
    assert_eq!((refused.status, refused.code()), (403, "resource_limit_exceeded"));
}

#[tokio::test]
async fn a_thousand_servers_are_twenty_quick_pages() {
    let to = start(quick()).await;
    for number in 0..1000 {
        let mut order = order(&format!("many-{number}"));
        order["labels"] = json!({"half": (number % 2).to_string()});
        assert_eq!(post(&to, "/servers", order).await.status, 201);
    }
    let begin = Instant::now();
    let mut seen = Vec::new();
    let mut page = json!(1);
    while !page.is_null() {
        let path = format!("/servers?per_page=50&page={page}&sort=name:desc");
        let body = get(&to, &path).await.body;
        seen.extend(body["servers"].as_array().unwrap().iter().map(|s| s["name"].to_string()));
        page = body["meta"]["pagination"]["next_page"].clone();
    }
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    assert!(seen.len() == 1000 && seen.is_sorted_by(|a, b| a > b));
    assert_eq!(get(&to, "/_requests").await.body["counts"]["GET /servers"], 20);
    let half = get(&to, "/servers?label_selector=half%3D1").await.body;
    assert_eq!(half["meta"]["pagination"]["total_entries"], 500);
    assert_eq!(get(&to, "/servers?per_page=51").await.code(), "invalid_input");
}
