//! SSH keys, networks and snapshots.

use serde_json::json;

use crate::world::World;

#[test]
fn a_key_lies_in_the_projects_metadata_beside_what_others_have_there() {
    let world = World::new("");
    let foreign = json!({"items": [{"key": "startup-script", "value": "true"}]});
    let fingerprint = |world: &World| {
        world.get(&format!("/projects/{}", crate::world::PROJECT))["commonInstanceMetadata"].clone()
    };
    let mut body = foreign.clone();
    body["fingerprint"] = fingerprint(&world)["fingerprint"].clone();
    world.act("POST", "setCommonInstanceMetadata", body);
    let using = |key: &str| {
        format!(
            "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\nsandbox \"a\" {{\n  \
             ssh_keys = [ssh_key.k]\n}}\n"
        )
    };
    let (first, second) = (world.key("first"), world.key("second"));
    world.apply(&using(&first)).exits(0);
    assert_eq!(fingerprint(&world)["items"].as_array().unwrap().len(), 2);
    world.is_settled();
    let id = world.instance()["id"].clone();
    world.apply(&using(&second)).exits(0).says("step authorized_keys ok");
    assert_eq!(world.instance()["id"], id);
    let held = world.sandplan("exec a -- cat .ssh/authorized_keys").exits(0);
    assert!(held.stdout.contains(&second) && !held.stdout.contains(&first), "{}", held.stdout);
    world.is_settled();
    world.sandplan("destroy -auto-approve").exits(0);
    assert_eq!(fingerprint(&world)["items"], foreign["items"]);
}

#[test]
fn a_networks_rules_follow_its_block() {
    let with = |inner: &str| {
        format!("network \"n\" {{\n{inner}}}\nsandbox \"a\" {{\n  network = network.n\n}}\n")
    };
    let world = World::new(&with("  ingress { ssh = [\"127.0.0.0/8\"] }\n"));
    world.sandplan("apply -auto-approve").exits(0);
    let name = |rule: &serde_json::Value| rule["name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = world.rules().iter().map(name).collect();
    names.sort();
    assert!(names[0].ends_with("-in-0") && names[1].ends_with("-in-1"), "{names:?}");
    let stop = world.rules().into_iter().find(|rule| name(rule).ends_with("-in-0")).unwrap();
    assert_eq!(
        (&stop["denied"][0]["IPProtocol"], &stop["priority"]),
        (&json!("all"), &json!(60000))
    );
    world.is_settled();
    world
        .apply(&with(
            "  ingress {\n    ssh = [\"127.0.0.0/8\"]\n    http = [\"0.0.0.0/0\", \"::/0\"]\n  }\n  \
             egress { tcp = { \"443\" = [\"0.0.0.0/0\"] } }\n",
        ))
        .exits(0);
    assert_eq!(world.rules().len(), 6);
    world.is_settled();
    world.apply(&with("  ingress { ssh = [\"127.0.0.0/8\"] }\n")).exits(0);
    assert_eq!(world.rules().len(), 2);
    world.is_settled();
    world.apply("").exits(0);
    assert!(world.rules().is_empty(), "{:#?}", world.rules());
}

#[test]
fn a_snapshot_of_a_running_sandbox_begins_another_and_is_deleted() {
    let base = "sandbox \"a\" {\n  provision \"mark\" {\n    run = [\"touch\", \"here\"]\n  }\n}\n";
    let snapshot = |life: &str| {
        format!("snapshot \"s\" {{\n  sandbox = sandbox.a\n  expires_in = \"{life}\"\n}}\n")
    };
    let from = "sandbox \"b\" {\n  from = snapshot.s\n}\n";
    let world = World::new(base);
    world.apply(&format!("{base}{}{from}", snapshot("7d"))).exits(0);
    assert_eq!(world.sandplan("exec sandbox.b -- ls").exits(0).stdout, "here\n");
    world.is_settled();
    world.apply(&format!("{base}{}{from}", snapshot("8d"))).exits(0);
    world.is_settled();
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("instances").is_empty());
    assert!(!world.get("/_objects")["images"].to_string().contains("sandplan-project"));
}

#[test]
fn a_disk_is_saved_and_listed_and_the_way_to_use_it_is_said() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("snapshot a one").exits(0).says("Saved");
    world.sandplan("snapshot -list a").exits(0).says("one");
    world.sandplan("snapshot a one").exits(1).says("There is a snapshot called `one` already.");
    world.sandplan("restore a two").exits(1).says("there are: one");
    world.sandplan("restore a one").exits(1).says("from = ");
    world.is_settled();
}
