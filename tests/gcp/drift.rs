//! What somebody changes by hand is seen and mended; what is ours and in no state.

use serde_json::json;

use crate::world::{PROJECT, World};

const SANDBOX: &str = r#"
network "n" {
  name = "inner"
  ingress { ssh = ["127.0.0.0/8"] }
}
sandbox "a" {
  network = network.n
  labels  = { x = "1" }
}
"#;

fn applied(configuration: &str) -> World {
    let world = World::new(configuration);
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("drift").exits(0).says("No drift.");
    world
}

#[test]
fn labels_and_rules_that_somebody_changed_are_put_back() {
    let world = applied(SANDBOX);
    let instance = world.instance();
    let mut labels = instance["labels"].clone();
    labels["x"] = json!("9");
    let body = json!({"labels": labels, "labelFingerprint": instance["labelFingerprint"]});
    world.act("POST", &format!("{}/setLabels", world.path()), body);
    world.act("DELETE", "global/firewalls/sandplan-inner-in-0", json!({}));
    let drift = world.sandplan("drift").exits(2).says("\"1\" -> \"9\"");
    drift.says("whatever the VPC network lets through").says("Drift: 2 changed, 0 gone");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.instance()["labels"]["x"], "1");
    assert_eq!(world.rules().len(), 3 - 1);
    world.is_settled();
}

#[test]
fn an_instance_that_somebody_stopped_is_started_and_one_that_is_gone_is_made_again() {
    let world = applied("sandbox \"a\" {}\n");
    let id = world.instance()["id"].clone();
    world.act("POST", &format!("{}/stop", world.path()), json!({}));
    world.sandplan("drift").exits(2);
    world.sandplan("plan").exits(0).says("will be switched on");
    world.sandplan("apply -auto-approve").exits(0);
    let instance = world.instance();
    assert_eq!((&instance["id"], &instance["status"]), (&id, &json!("RUNNING")));
    world.is_settled();
    world.sandplan("exec a -- true").exits(0);
    world.act("DELETE", &world.path(), json!({}));
    world.sandplan("drift").exits(2).says("sandbox.a has been deleted").says("1 gone");
    world.sandplan("apply -auto-approve").exits(0);
    assert_ne!(world.instance()["id"], id);
    world.is_settled();
}

#[test]
fn orphans_are_listed_recovered_and_destroyed_and_what_is_not_ours_stays() {
    let world = World::new("");
    let key = world.key("k");
    let keys = format!("ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\n");
    world.apply(&format!("{SANDBOX}{keys}")).exits(0);
    let foreign = json!({
        "name": "foreign", "machineType": "zones/us-central1-a/machineTypes/e2-standard-2",
        "disks": [{"boot": true, "initializeParams":
            {"sourceImage": "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"}}],
        "networkInterfaces": [{"network": "global/networks/default"}],
    });
    world.act("POST", "zones/us-central1-a/instances", foreign);
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    let drift = world.sandplan("drift").exits(2);
    for what in ["network inner", "sandbox ", "ssh_key k-", "3 orphans"] {
        assert!(drift.stdout.contains(what), "{what:?} is not in {}", drift.stdout);
    }
    assert!(!drift.stdout.contains("foreign"), "{}", drift.stdout);
    world.sandplan("state recover").exits(0).says("3 objects are in the state again");
    world.sandplan("drift").exits(0).says("No drift.");
    world.sandplan("destroy -auto-approve").exits(0);
    assert_eq!(world.instance()["name"], "foreign");
    assert!(world.rules().is_empty());
    world.sandplan("drift").exits(0);
}

#[test]
fn a_disk_with_our_labels_that_outlived_its_instance_is_an_orphan() {
    let world = World::bodiless("sandbox \"a\" {}\n");
    let body = json!({
        "name": "left", "sizeGb": "10",
        "labels": {
            "sandplan-project": "work", "sandplan-lineage": "l", "sandplan-operation": "o",
            "sandplan-address": "sandbox_2ea",
        },
    });
    world.act("POST", "zones/us-central1-a/disks", body);
    world.sandplan("drift").exits(2).says("1 orphan").says("disk/us-central1-a/left");
    assert!(world.get(&format!("/projects/{PROJECT}/zones/us-central1-a/disks/left")).is_object());
}

#[test]
fn what_has_expired_is_destroyed_by_its_label_alone() {
    let world = World::new("sandbox \"a\" {\n  ttl = \"30s\"\n}\n");
    let with =
        "sandbox \"a\" {}\nsnapshot \"s\" {\n  sandbox = sandbox.a\n  expires_in = \"1s\"\n}\n";
    world.apply(with).exits(0);
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    world.until(|world| world.sandplan("expire").exits(0).stdout.contains("snapshot.s"));
    world.sandplan("expire -apply").exits(0).says("destroyed: snapshot.s");
    assert_eq!(world.all("instances").len(), 1);
    world.sandplan("expire -apply").exits(0).says("Nothing has expired.");
}
