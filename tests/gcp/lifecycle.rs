//! From a file to instances and back to nothing.

use serde_json::json;

use crate::world::{World, last};

#[test]
fn a_sandbox_is_planned_made_reached_and_destroyed() {
    let world = World::new(
        r#"
provider "gcp" {
  prices = { "e2-standard-4" = 0.134, "e2-highcpu-8" = 0.2 }
}
sandbox "box" {
  provider = "gcp"
  ttl      = "2h"
  labels   = { team = "a" }
  file "/home/agent/note" { content = "one\n" }
}
"#,
    );
    let plan = world.sandplan("plan").exits(0);
    plan.says("\"e2-standard-4\"").says("0.134 USD per hour, 0.268 USD for its TTL of 2h");
    world.sandplan("apply -auto-approve").exits(0).says("file /home/agent/note ok");
    let instance = world.instance();
    assert_eq!(last(&instance["machineType"]), "e2-standard-4");
    assert_eq!(last(&instance["zone"]), "us-central1-a");
    let scheduling = &instance["scheduling"];
    assert_eq!(scheduling["instanceTerminationAction"], "DELETE", "{instance:#}");
    let run = scheduling["maxRunDuration"]["seconds"].as_str().unwrap().parse::<u64>().unwrap();
    assert!((7100..=7200).contains(&run), "{run}");
    let labels = &instance["labels"];
    assert_eq!(
        (&labels["team"], &labels["sandplan-address"]),
        (&json!("a"), &json!("sandbox_2ebox"))
    );
    assert!(labels["sandplan-host-key"].is_string() && labels["sandplan-once-key"].is_null());
    world.is_settled();
    assert_eq!(world.sandplan("exec box -- cat note").exits(0).stdout, "one\n");
    world.sandplan("list").exits(0).says("ready").says("in 2h").says("0.134 USD");
    world.sandplan("drift").exits(0).says("No drift.");
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("instances").is_empty() && world.all("disks").is_empty());
}

#[test]
fn an_instance_has_the_disk_and_image_and_nobody_elses_keys() {
    let world = World::new("");
    world.apply("sandbox \"a\" {\n  size = { disk = \"70GB\" }\n}\n").exits(0);
    let instance = world.instance();
    let disk = world.all("disks")[0].clone();
    assert_eq!(disk["sizeGb"], "70", "{disk:#}");
    assert_eq!(last(&disk["type"]), "pd-balanced");
    assert_eq!(disk["labels"]["sandplan-address"], "sandbox_2ea");
    assert!(last(&disk["sourceImage"]).starts_with("ubuntu-2404-noble-amd64"), "{disk:#}");
    let items = instance["metadata"]["items"].as_array().unwrap();
    let item = |key: &str| items.iter().find(|i| i["key"] == key).map(|i| i["value"].clone());
    assert_eq!(item("block-project-ssh-keys"), Some(json!("TRUE")));
    assert!(item("user-data").unwrap().as_str().unwrap().starts_with("#cloud-config"));
    assert!(item("ssh-keys").is_none() && instance["serviceAccounts"].is_null());
    let rules = world.rules();
    assert_eq!((rules.len(), &rules[0]["name"]), (1, &json!("allow-sandplan-ssh")));
    assert_eq!(instance["tags"]["items"], json!(["allow-sandplan-ssh"]));
    world.is_settled();
    world.sandplan("state show sandbox.a").exits(0).says("image_id").says("ubuntu-2404-noble");
}

#[test]
fn the_platform_itself_deletes_what_has_expired() {
    let world = World::new("sandbox \"a\" {\n  ttl = \"10m\"\n}\n");
    world.sandplan("apply -auto-approve").exits(0);
    world.advance(660);
    world.until(|world| world.all("instances").is_empty());
    world.sandplan("list").exits(0).says("gone");
}

#[test]
fn a_plan_over_many_asks_little() {
    let world = World::bodiless("sandbox \"a\" {\n  count = 30\n}\n");
    world.forget_requests();
    world.sandplan("plan").exits(0).says("30 to add");
    assert!(world.requests() <= 12, "{}", world.get("/_requests"));
}

#[test]
fn init_says_whose_project_it_is() {
    let world = World::bodiless("sandbox \"a\" {}\n");
    let said = world.sandplan("init").exits(0);
    said.says("Google Cloud, project `proving-ground`").says("us-central1");
}
