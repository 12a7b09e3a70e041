//! Bodies: real machines behind instances.

use std::path::Path;

use serde_json::{Value, json};

use super::{act, instance, order, remove, start, zonal};
use crate::bodies::{Keys, PORT, can_have_bodies, said};
use crate::client::{get, post, until};
use crate::gcp::Running;
use crate::gcp::settings::{Frame, OperationTimes, Settings};
use crate::quick;

async fn start_with_bodies(place: &Path) -> Running {
    let bodies = Some(place.join("bodies"));
    let operation_times =
        OperationTimes { every: quick().action_times.every, ..OperationTimes::default() };
    let frame = Frame { bodies, body_port: PORT + 1, ..Frame::default() };
    start(Settings { operation_times, frame, ..Settings::default() }).await
}

/// The address of an instance, once it runs.
async fn running(to: &Running, name: &str) -> String {
    let path = zonal(&format!("instances/{name}"));
    let instance = until(to, &path, |body| body["status"] == "RUNNING").await;
    instance["networkInterfaces"][0]["accessConfigs"][0]["natIP"].as_str().unwrap().to_owned()
}

async fn is_off(to: &Running, name: &str) {
    let path = zonal(&format!("instances/{name}"));
    until(to, &path, |body| body["status"] == "TERMINATED").await;
}

fn metadata(items: &[(&str, String)]) -> Value {
    let items: Vec<Value> =
        items.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({ "items": items })
}

async fn make(to: &Running, name: &str, items: &[(&str, String)]) -> String {
    let mut wanted = order(name);
    wanted["metadata"] = metadata(items);
    super::insert(to, wanted).await;
    running(to, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_the_user_data_the_accounts_and_the_pinned_key() {
    if !can_have_bodies() {
        eprintln!("skipped: bodies need root or subordinate ids");
        return;
    }
    let (keys, place) = (Keys::new(), tempfile::tempdir().unwrap());
    let to = start_with_bodies(place.path()).await;
    let runcmd = json!([["sh", "-c", "cp /opt/hello /opt/copied"]]);
    let user_data = keys.user_data("host", runcmd);
    let at = make(&to, "alive", &[("user-data", user_data)]).await;
    let ssh = |at: &str, user: &str, pinned: &str, command: &str| {
        keys.ssh_to((at, PORT + 1), user, pinned, command)
    };
    let finished = "cloud-init status --wait; cat /opt/copied; hostname";
    assert_eq!(said(&ssh(&at, "root", "host", finished)), "status: done\nhello\nalive\n");
    assert!(!ssh(&at, "root", "other", "true").status.success(), "a wrong host key is taken");

    // The agent in the guest makes accounts while it runs.
    let fingerprint = instance(&to, "alive").await["metadata"]["fingerprint"].clone();
    let mut wanted = metadata(&[("ssh-keys", format!("dev:{}", keys.read("login.pub").trim()))]);
    wanted["fingerprint"] = fingerprint;
    assert_eq!(act(&to, "alive", "setMetadata", wanted).await.status, 200);
    let appears = "until id dev && [ -s /home/dev/.ssh/authorized_keys ]; do sleep 0.1; done; touch /root/kept";
    ssh(&at, "root", "host", appears);
    assert_eq!(said(&ssh(&at, "dev", "host", "whoami")), "dev\n");

    act(&to, "alive", "stop", Value::Null).await;
    is_off(&to, "alive").await;
    act(&to, "alive", "start", Value::Null).await;
    let again = running(&to, "alive").await;
    assert_ne!(again, at);
    assert_eq!(said(&ssh(&again, "root", "host", "ls /root")), "kept\n");

    let image = json!({"name": "warm", "sourceDisk": "zones/us-central1-a/disks/alive"});
    let images = format!("{}/global/images", super::PROJECT);
    post(&to, &format!("{images}?forceCreate=true"), image).await;
    until(&to, &format!("{images}/warm"), |body| body["status"] == "READY").await;
    let mut wanted = order("copy");
    wanted["disks"][0]["initializeParams"]["sourceImage"] = json!("global/images/warm");
    wanted["metadata"] = metadata(&[("user-data", keys.user_data("other", json!([])))]);
    super::insert(&to, wanted).await;
    let at = running(&to, "copy").await;
    assert_eq!(said(&ssh(&at, "root", "other", "ls /root; hostname")), "kept\ncopy\n");

    let disk = get(&to, &zonal("disks/copy")).await.body["id"].as_str().unwrap().to_owned();
    remove(&to, &zonal("instances/copy")).await;
    let disk = place.path().join("bodies").join(disk);
    while disk.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    to.stop().await;
}
