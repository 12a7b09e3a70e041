//! What becomes of instances and operations as time goes on.

use serde_json::{Value, json};

use super::{
    act, finish, insert, instance, operation, order, pass, remove, slow, start, status, zonal,
};
use crate::client::{get, post, until};
use crate::gcp::settings::{Frame, Settings};

#[tokio::test]
async fn an_instance_is_provisioned_staged_and_runs() {
    let to = start(slow()).await;
    let begun = insert(&to, order("web")).await;
    assert_eq!(begun.body["status"], "PENDING");
    assert_eq!(status(&to, "web").await, "PROVISIONING");
    pass(&to, 40).await;
    assert_eq!(status(&to, "web").await, "STAGING");
    let shown = operation(&to, &begun).await;
    assert_eq!(shown["status"], "RUNNING");
    assert!((40..60).contains(&shown["progress"].as_u64().unwrap()), "{shown}");
    pass(&to, 60).await;
    assert_eq!(status(&to, "web").await, "RUNNING");
    let shown = operation(&to, &begun).await;
    assert_eq!((&shown["status"], &shown["progress"]), (&json!("DONE"), &json!(100)));
    assert!(shown["endTime"].is_string() && shown["error"].is_null());
}

#[tokio::test]
async fn an_instance_that_is_off_has_no_address_and_another_one_afterwards() {
    let to = start(slow()).await;
    let address = |instance: Value| {
        instance["networkInterfaces"][0]["accessConfigs"][0]["natIP"].as_str().map(str::to_owned)
    };
    let begun = insert(&to, order("web")).await;
    finish(&to, begun).await;
    let first = address(instance(&to, "web").await);
    assert!(first.is_some());
    let stopping = act(&to, "web", "stop", Value::Null).await;
    assert_eq!(status(&to, "web").await, "STOPPING");
    assert_eq!(act(&to, "web", "start", Value::Null).await.reason(), "resourceNotReady");
    finish(&to, stopping).await;
    assert_eq!(status(&to, "web").await, "TERMINATED");
    assert_eq!(address(instance(&to, "web").await), None);
    let starting = act(&to, "web", "start", Value::Null).await;
    finish(&to, starting).await;
    let second = address(instance(&to, "web").await);
    assert!(second.is_some() && second != first);
}

#[tokio::test]
async fn an_instance_that_may_run_for_an_hour_deletes_itself_then() {
    let to = start(slow()).await;
    let mut wanted = order("short");
    wanted["scheduling"] =
        json!({"maxRunDuration": {"seconds": "3600"}, "instanceTerminationAction": "DELETE"});
    let begun = insert(&to, wanted).await;
    finish(&to, begun).await;
    let end = &instance(&to, "short").await["resourceStatus"]["scheduling"];
    assert!(end["terminationTimestamp"].is_string(), "{end}");
    pass(&to, 3590).await;
    assert_eq!(status(&to, "short").await, "RUNNING");
    pass(&to, 20).await;
    assert_eq!(status(&to, "short").await, "STOPPING");
    pass(&to, 100).await;
    assert_eq!(status(&to, "short").await, "gone");
    assert_eq!(get(&to, &zonal("disks/short")).await.status, 404);
    let deletions = get(&to, &zonal("operations?filter=operationType%3Ddelete")).await.body;
    assert_eq!(deletions["items"][0]["user"], "system");
}

#[tokio::test]
async fn a_repeated_request_id_answers_the_same_operation_and_does_nothing() {
    let to = start(slow()).await;
    let id = "3f1c9c0e-6f57-4a1f-9a55-6a9b0d1c7a11";
    let path = zonal(&format!("instances?requestId={id}"));
    let first = post(&to, &path, order("once")).await;
    let again = post(&to, &path, order("once")).await;
    assert_eq!(first.body["name"], again.body["name"]);
    finish(&to, first).await;
    let gone = remove(&to, &zonal("instances/once")).await;
    finish(&to, gone).await;
    assert_eq!(post(&to, &path, order("once")).await.body["status"], "DONE");
    assert_eq!(status(&to, "once").await, "gone");
    let elsewhere = zonal(&format!("disks?requestId={id}"));
    assert_eq!(post(&to, &elsewhere, json!({"name": "d"})).await.reason(), "invalid");
    let nil = zonal("instances?requestId=00000000-0000-0000-0000-000000000000");
    assert_eq!(post(&to, &nil, order("x")).await.reason(), "invalid");
}

#[tokio::test]
async fn an_instance_that_is_made_can_be_deleted_but_not_changed() {
    let to = start(slow()).await;
    insert(&to, order("web")).await;
    let labels = instance(&to, "web").await["labelFingerprint"].clone();
    let wanted = json!({"labels": {"a": "b"}, "labelFingerprint": labels});
    assert_eq!(act(&to, "web", "setLabels", wanted).await.reason(), "resourceNotReady");
    let gone = remove(&to, &zonal("instances/web")).await;
    assert_eq!(remove(&to, &zonal("instances/web")).await.reason(), "resourceNotReady");
    pass(&to, 150).await;
    assert_eq!(operation(&to, &gone).await["status"], "RUNNING");
    pass(&to, 50).await;
    assert_eq!(operation(&to, &gone).await["status"], "DONE");
    assert_eq!(status(&to, "web").await, "gone");
}

#[tokio::test]
async fn a_disk_that_is_to_be_kept_outlives_its_instance() {
    let to = start(slow()).await;
    let mut wanted = order("first");
    wanted["disks"][0]["autoDelete"] = json!(false);
    let begun = insert(&to, wanted).await;
    finish(&to, begun).await;
    assert_eq!(remove(&to, &zonal("disks/first")).await.reason(), "resourceInUseByAnotherResource");
    let gone = remove(&to, &zonal("instances/first")).await;
    finish(&to, gone).await;
    let mut wanted = order("second");
    wanted["disks"] = json!([{"boot": true, "source": "zones/us-central1-a/disks/first"}]);
    let begun = insert(&to, wanted).await;
    finish(&to, begun).await;
    let disk = get(&to, &zonal("disks/first")).await.body;
    assert!(disk["users"][0].as_str().unwrap().ends_with("/instances/second"));
}

#[tokio::test]
async fn wait_answers_when_the_operation_is_done() {
    let to = start(slow()).await;
    let begun = insert(&to, order("web")).await;
    let path = zonal(&format!("operations/{}/wait", begun.body["name"].as_str().unwrap()));
    let (waited, ()) = tokio::join!(post(&to, &path, Value::Null), pass(&to, 100));
    assert_eq!(waited.body["status"], "DONE");
}

#[tokio::test]
async fn a_state_file_brings_everything_back() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || {
        let state = Some(directory.path().join("state.json"));
        Settings { frame: Frame { state, ..Frame::default() }, ..Settings::default() }
    };
    let first = start(settings()).await;
    let path = zonal("instances?requestId=3f1c9c0e-6f57-4a1f-9a55-6a9b0d1c7a11");
    let begun = post(&first, &path, order("kept")).await;
    first.stop().await;
    let second = start(settings()).await;
    until(&second, &zonal("instances/kept"), |body| body["status"] == "RUNNING").await;
    assert_eq!(post(&second, &path, order("kept")).await.body["name"], begun.body["name"]);
}
