//! What can go wrong on purpose, and what has to hold meanwhile.

use serde_json::{Value, json};

use super::{PROJECT, act, fault, finish, insert, instance, order, slow, start, status, zonal};
use crate::client::{get, post, send};
use crate::gcp::settings::{Frame, Settings};

#[tokio::test]
async fn without_room_the_operation_says_so_and_the_instance_does_not_stay() {
    let to = start(slow()).await;
    let full =
        json!({"kind": "no_capacity", "machine_type": "e2-*", "zone": "us-central1-a", "times": 1});
    fault(&to, full).await;
    let begun = insert(&to, order("web")).await;
    assert_eq!(status(&to, "web").await, "PROVISIONING");
    let ended = finish(&to, begun).await;
    assert_eq!(ended["error"]["errors"][0]["code"], "ZONE_RESOURCE_POOL_EXHAUSTED");
    assert_eq!(ended["httpErrorStatusCode"], 503);
    assert_eq!(status(&to, "web").await, "gone");
    assert_eq!(get(&to, &zonal("disks/web")).await.status, 404);
    let begun = insert(&to, order("web")).await;
    assert!(finish(&to, begun).await["error"].is_null());
}

#[tokio::test]
async fn an_instance_that_finds_no_room_again_stays_off() {
    let to = start(slow()).await;
    let begun = insert(&to, order("web")).await;
    finish(&to, begun).await;
    let begun = act(&to, "web", "stop", Value::Null).await;
    finish(&to, begun).await;
    fault(&to, json!({"kind": "no_capacity", "times": 1})).await;
    let begun = act(&to, "web", "start", Value::Null).await;
    let ended = finish(&to, begun).await;
    assert_eq!(ended["error"]["errors"][0]["code"], "ZONE_RESOURCE_POOL_EXHAUSTED");
    assert_eq!(status(&to, "web").await, "TERMINATED");
}

#[tokio::test]
async fn quotas_are_kept_and_can_be_scripted() {
    let to = start(Settings { cpu_quota: 3, ..slow() }).await;
    let first = insert(&to, order("one")).await;
    assert!(finish(&to, first).await["error"].is_null());
    let second = insert(&to, order("two")).await;
    let ended = finish(&to, second).await;
    assert_eq!(ended["error"]["errors"][0]["code"], "QUOTA_EXCEEDED");
    let region = get(&to, &format!("{PROJECT}/regions/us-central1")).await.body;
    let cpus = region["quotas"].as_array().unwrap().iter().find(|q| q["metric"] == "CPUS").unwrap();
    assert_eq!((&cpus["limit"], &cpus["usage"]), (&json!(3), &json!(2)));
    fault(&to, json!({"kind": "quota_exceeded", "code": "N2_CPUS", "zone": "us-east1-*"})).await;
    let mut elsewhere = order("three");
    elsewhere["machineType"] = json!("zones/us-east1-b/machineTypes/n2-standard-2");
    let path = format!("{PROJECT}/zones/us-east1-b/instances");
    let third = post(&to, &path, elsewhere).await;
    let error = &finish(&to, third).await["error"]["errors"][0];
    assert!(error["message"].as_str().unwrap().contains("N2_CPUS"), "{error}");
}

#[tokio::test]
async fn an_operation_that_fails_says_why_and_changes_nothing() {
    let to = start(slow()).await;
    let begun = insert(&to, order("web")).await;
    finish(&to, begun).await;
    for (operation, verb) in [("setLabels", "setLabels"), ("stop", "stop")] {
        let broken = json!({"kind": "operation_fails", "operation": operation, "code": "INTERNAL", "times": 1});
        fault(&to, broken).await;
        let fingerprint = instance(&to, "web").await["labelFingerprint"].clone();
        let body = json!({"labels": {"a": "b"}, "labelFingerprint": fingerprint});
        let begun = act(&to, "web", verb, body).await;
        let ended = finish(&to, begun).await;
        assert_eq!(ended["error"]["errors"][0]["code"], "INTERNAL", "{ended}");
        let web = instance(&to, "web").await;
        assert_eq!((&web["status"], &web["labels"]), (&json!("RUNNING"), &Value::Null));
    }
    fault(&to, json!({"kind": "operation_fails", "operation": "delete", "times": 1})).await;
    let begun = send(&to, "DELETE", &zonal("instances/web"), Value::Null).await.unwrap();
    assert!(finish(&to, begun).await["error"].is_object());
    assert_eq!(status(&to, "web").await, "RUNNING");
}

#[tokio::test]
async fn refusals_and_cuts_come_where_they_are_scripted() {
    let to = start(slow()).await;
    let path = "/projects/*/zones/*/instances";
    let limited = json!({"kind": "status", "status": 403, "code": "rateLimitExceeded", "path": path, "nth": 1});
    let busy = json!({"kind": "status", "status": 429, "retry_after": 2, "path": path, "nth": 2});
    let broken = json!({"kind": "status", "status": 503, "path": path, "nth": 3});
    let before = json!({"kind": "cut_before", "path": path, "nth": 4});
    let after = json!({"kind": "cut_after", "path": path, "nth": 5});
    fault(&to, json!([limited, busy, broken, before, after])).await;
    let ask = || post(&to, "/compute/v1/projects/p/zones/us-central1-a/instances", order("web"));
    let reply = ask().await;
    assert_eq!((reply.status, reply.reason()), (403, "rateLimitExceeded"));
    assert_eq!(reply.body["error"]["errors"][0]["domain"], "usageLimits");
    let reply = ask().await;
    assert_eq!((reply.status, reply.reason()), (429, "rateLimitExceeded"));
    assert_eq!(reply.header("Retry-After"), Some("2"));
    assert_eq!(ask().await.reason(), "backendError");
    let full = "/compute/v1/projects/p/zones/us-central1-a/instances";
    assert!(send(&to, "POST", full, order("lost")).await.is_none());
    assert!(send(&to, "POST", full, order("made")).await.is_none());
    let objects = get(&to, "/_objects").await.body;
    let names: Vec<&Value> =
        objects["instances"].as_array().unwrap().iter().map(|i| &i["name"]).collect();
    assert_eq!(names, ["made"]);
}

#[tokio::test]
async fn a_zone_that_cannot_be_reached_is_missing_from_partial_lists_only() {
    let to = start(slow()).await;
    insert(&to, order("web")).await;
    fault(&to, json!({"kind": "partial", "zone": "us-central1-a"})).await;
    let path = format!("{PROJECT}/aggregated/instances");
    assert_eq!(get(&to, &path).await.status, 503);
    let body = get(&to, &format!("{path}?returnPartialSuccess=true")).await.body;
    assert_eq!(body["unreachables"], json!(["zones/us-central1-a"]));
    assert_eq!(body["items"]["zones/us-central1-a"]["warning"]["code"], "UNREACHABLE");
    assert_eq!(body["items"]["zones/us-east1-b"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    assert_eq!(get(&to, &zonal("instances")).await.status, 503);
    assert_eq!(get(&to, &format!("{PROJECT}/zones/us-east1-b/instances")).await.status, 200);
}

#[tokio::test]
async fn a_fault_of_another_platform_is_refused() {
    let to = start(slow()).await;
    let reply = post(&to, "/_faults", json!({"kind": "locked"})).await;
    assert_eq!((reply.status, reply.reason()), (400, "parseError"));
}

#[tokio::test]
async fn a_token_is_wanted_where_one_is_set_and_one_project_where_one_is_set() {
    let token = Some("another".to_owned());
    let closed = start(Settings { token, ..slow() }).await;
    let reply = get(&closed, &zonal("instances")).await;
    assert_eq!((reply.status, reply.reason()), (401, "authError"));
    assert_eq!(reply.body["error"]["status"], "UNAUTHENTICATED");
    let project = Some("other-project".to_owned());
    let single = start(Settings { project, ..slow() }).await;
    assert_eq!(get(&single, &zonal("instances")).await.reason(), "notFound");
    let public = "/compute/v1/projects/debian-cloud/global/images";
    assert_eq!(get(&single, public).await.status, 200);
    assert_eq!(post(&single, public, json!({"name": "mine"})).await.reason(), "forbidden");
}

#[tokio::test]
async fn the_budget_of_requests_runs_out() {
    use crate::gcp::chassis::limit::Rate;
    let frame = Frame { rate: Rate { requests: 2, seconds: 60 }, ..Frame::default() };
    let to = start(Settings { frame, ..slow() }).await;
    get(&to, &zonal("instances")).await;
    get(&to, &zonal("instances")).await;
    let reply = get(&to, &zonal("instances")).await;
    assert_eq!((reply.status, reply.reason()), (429, "rateLimitExceeded"));
    super::pass(&to, 30).await;
    assert_eq!(get(&to, &zonal("instances")).await.status, 200);
}
