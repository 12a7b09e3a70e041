//! What carries our labels and is in no state; and what carries none.

use serde_json::{Value as Json, json};

use crate::support::Ran;
use crate::world::World;

const ALL: &str = r#"
network "n" {
  ingress { ssh = ["127.0.0.0/8"] }
}
sandbox "a" {
  network  = network.n
  ssh_keys = [ssh_key.k]
  ttl      = "1s"
}
snapshot "s" {
  sandbox    = sandbox.a
  expires_in = "1s"
}
"#;

/// A project in which one sandbox of ours and much of others is, and the state is lost.
fn lost() -> World {
    let world = World::new("");
    let key = world.key("ours");
    let keys = format!("ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\n");
    world.apply(&format!("{ALL}{keys}")).exits(0);
    world.foreign_server("foreign", json!([]));
    let theirs = world.key("theirs");
    world.call("POST", "/ssh_keys", json!({"name": "foreign", "public_key": theirs}));
    world.call("POST", "/firewalls", json!({"name": "foreign", "labels": {"sandplan": "no"}}));
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    world
}

/// What is there, without what is ours.
fn foreign(world: &World) -> Vec<Json> {
    let kinds = ["servers", "ssh_keys", "firewalls", "images"];
    let all = kinds.into_iter().flat_map(|kind| world.all(kind));
    all.filter(|object| !object["labels"].to_string().contains("sandplan-project")).collect()
}

fn ours(world: &World) -> usize {
    let kinds = ["servers", "ssh_keys", "firewalls", "images"];
    kinds.into_iter().map(|kind| world.all(kind).len()).sum::<usize>() - foreign(world).len()
}

#[test]
fn orphans_are_in_the_drift_and_the_list_and_can_be_recovered() {
    let world = lost();
    let before = foreign(&world);
    let drift = world.sandplan("drift").exits(2);
    for what in ["network n-", "sandbox a-", "snapshot s-", "ssh_key k-", "4 orphans"] {
        assert!(drift.stdout.contains(what), "{what:?} is not in {}", drift.stdout);
    }
    assert!(!drift.stdout.contains("foreign"), "{}", drift.stdout);
    world.sandplan("drift -markdown").exits(2).says("- sandbox `a-");
    let json = world.sandplan("drift -json").exits(2);
    let json: Json = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["summary"]["orphans"], 4);
    world.sandplan("list").exits(0).says("orphan").says("a-");
    world.sandplan("state recover").exits(0).says("4 objects are in the state again");
    let listed = world.sandplan("state list").exits(0);
    for address in ["network.n", "sandbox.a", "snapshot.s", "ssh_key.k"] {
        assert!(listed.stdout.contains(address), "{}", listed.stdout);
    }
    world.sandplan("drift").exits(2).says("0 orphans");
    assert_eq!(foreign(&world), before);
}

#[test]
fn a_recovered_sandbox_is_provisioned_further_and_its_price_is_known() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.server()["id"].clone();
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    world.sandplan("state recover").exits(0);
    world.sandplan("plan").exits(0).says("Price: 0.026061 EUR per hour");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.server()["id"], id);
    world.is_settled();
}

#[test]
fn what_has_expired_is_destroyed_by_its_label_alone() {
    let world = lost();
    let before = foreign(&world);
    std::fs::remove_file(world.env.work().join("sandboxes.hcl")).unwrap();
    let expired = |world: &World| world.sandplan("expire").exits(0).stdout;
    world.until(|| expired(&world).lines().count() == 2);
    assert!(expired(&world).contains("expired: sandbox.a"));
    assert!(expired(&world).contains("expired: snapshot.s"));
    assert_eq!(ours(&world), 4);
    world.sandplan("expire -apply").exits(0).says("destroyed: sandbox.a");
    assert_eq!(ours(&world), 2, "the key and the network have no TTL");
    assert_eq!(foreign(&world), before);
    world.sandplan("expire -apply").exits(0).says("Nothing has expired.");
}

#[test]
fn a_whole_life_touches_nothing_that_is_not_ours() {
    let world = lost();
    let before = foreign(&world);
    world.sandplan("state recover").exits(0);
    world.sandplan("destroy -auto-approve").exits(0);
    assert_eq!(ours(&world), 0);
    assert_eq!(foreign(&world), before);
    world.sandplan("drift").exits(0);
}

#[test]
fn an_address_with_our_labels_that_outlived_its_server_is_an_orphan() {
    let world = World::bodiless("sandbox \"a\" {}\n");
    let body = json!({
        "name": "left", "type": "ipv4", "assignee_type": "server", "location": "ash",
        "labels": {
            "sandplan-project": "work", "sandplan-lineage": "l", "sandplan-operation": "o",
            "sandplan-address": "sandbox.a",
        },
    });
    world.call("POST", "/primary_ips", body);
    world.sandplan("drift").exits(2).says("1 orphan").says("primary-ip/");
}

#[test]
fn a_provider_that_only_a_sandbox_names_is_asked_without_a_state() {
    let world = World::new("sandbox \"a\" {\n  provider = \"hetzner\"\n  ttl = \"1h\"\n}\n");
    let run = |line: &str| {
        let mut command = world.command(line);
        Ran::of(command.env_remove("SANDPLAN_PROVIDER"))
    };
    run("apply -auto-approve").exits(0);
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    run("list").exits(0).says("orphan");
    run("drift").exits(2).says("1 orphan");
    run("state recover").exits(0).says("One object is in the state again");
}

#[test]
fn what_was_recovered_keeps_its_disk() {
    let world = World::new(
        "sandbox \"a\" {\n  image = \"debian-12\"\n}\nsnapshot \"s\" { sandbox = sandbox.a }\n",
    );
    world.sandplan("apply -auto-approve").exits(0);
    let before = (world.server()["id"].clone(), world.all("images")[0]["id"].clone());
    std::fs::remove_dir_all(world.env.work().join(".sandplan")).unwrap();
    world.sandplan("state recover").exits(0);
    let plan = world.sandplan("plan").exits(0).stdout;
    assert!(!plan.contains("lost"), "{plan}");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!((world.server()["id"].clone(), world.all("images")[0]["id"].clone()), before);
    world.is_settled();
}
