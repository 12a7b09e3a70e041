//! What a change of the configuration does to a living instance.

use serde_json::json;

use crate::world::{World, last};

fn typed(name: &str) -> String {
    format!("sandbox \"a\" {{\n  gcp {{ machine_type = \"{name}\" }}\n}}\n")
}

#[test]
fn labels_change_in_place_and_an_empty_plan_follows() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let before = world.instance();
    world.forget_requests();
    world.apply("sandbox \"a\" {\n  labels = { x = \"1\" }\n}\n").exits(0);
    let after = world.instance();
    assert_eq!((&after["id"], &after["labels"]["x"]), (&before["id"], &json!("1")));
    assert_eq!(after["labels"]["sandplan-host-key"], before["labels"]["sandplan-host-key"]);
    assert_eq!(after["_boots"], before["_boots"]);
    world.is_settled();
}

#[test]
fn a_machine_type_changes_in_place_while_the_instance_is_off() {
    let world = World::new(&typed("e2-standard-2"));
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("exec a -- touch kept").exits(0);
    let before = world.instance();
    world.write(&typed("e2-standard-4"));
    let plan = world.sandplan("plan").exits(0).says("will be powered off to change its type");
    plan.says("its address changes");
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.instance();
    assert_eq!((&after["id"], &after["status"]), (&before["id"], &json!("RUNNING")));
    assert_eq!(last(&after["machineType"]), "e2-standard-4");
    assert_eq!(world.sandplan("exec a -- ls").exits(0).stdout, "kept\n");
    world.is_settled();
}

#[test]
fn a_type_without_room_leaves_the_instance_on_as_it_was_and_exits_4() {
    let world = World::new(&typed("e2-standard-2"));
    world.sandplan("apply -auto-approve").exits(0);
    world.fault(json!([{"kind": "no_capacity", "machine_type": "e2-standard-4"}]));
    world.apply(&typed("e2-standard-4")).exits(4).says("e2-standard-4");
    let instance = world.instance();
    assert_eq!(instance["status"], "RUNNING");
    assert_eq!(last(&instance["machineType"]), "e2-standard-2");
    world.no_faults();
    // It has another address since, which the state knows.
    world.sandplan("exec a -- true").exits(0);
    world.sandplan("drift").exits(0);
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(last(&world.instance()["machineType"]), "e2-standard-4");
    world.is_settled();
}

#[test]
fn another_ttl_stops_and_starts_the_instance_and_the_plan_says_so() {
    let with = |ttl: &str| format!("sandbox \"a\" {{\n  ttl = \"{ttl}\"\n}}\n");
    let world = World::new(&with("1h"));
    world.sandplan("apply -auto-approve").exits(0);
    let before = world.instance();
    world.write(&with("3h"));
    world.sandplan("plan").exits(0).says("will be stopped and started");
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.instance();
    assert_eq!((&after["id"], &after["status"]), (&before["id"], &json!("RUNNING")));
    let run = after["scheduling"]["maxRunDuration"]["seconds"].as_str().unwrap();
    assert!((10_000..=10_800).contains(&run.parse::<u64>().unwrap()), "{run}");
    world.is_settled();
    world.sandplan("exec a -- true").exits(0);
}

#[test]
fn image_name_spot_and_region_need_a_new_instance() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let before = world.instance();
    for configuration in [
        "sandbox \"a\" {\n  name = \"other\"\n}\n",
        "sandbox \"a\" {\n  image = \"ubuntu-22.04\"\n}\n",
        "sandbox \"a\" {\n  gcp { spot = true }\n}\n",
    ] {
        world.write(configuration);
        world.sandplan("plan").exits(0).says("must be replaced");
    }
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.instance();
    assert_ne!(after["id"], before["id"]);
    assert_eq!(after["scheduling"]["provisioningModel"], "SPOT", "{after:#}");
    world.is_settled();
}

#[test]
fn a_sandbox_moves_behind_a_network_and_out_again() {
    let network = "network \"n\" {\n  ingress { ssh = [\"127.0.0.0/8\"] }\n}\n";
    let inside = format!("{network}sandbox \"a\" {{\n  network = network.n\n}}\n");
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.instance()["id"].clone();
    world.apply(&inside).exits(0);
    let tag = world.instance()["tags"]["items"][0].as_str().unwrap().to_owned();
    assert!(tag.starts_with("sandplan-n-"), "{tag}");
    assert_eq!(world.rules().len(), 3);
    world.is_settled();
    world.apply("sandbox \"a\" {}\n").exits(0);
    assert_eq!(world.instance()["tags"]["items"], json!(["allow-sandplan-ssh"]));
    assert_eq!((world.rules().len(), &world.instance()["id"]), (1, &id));
    world.is_settled();
}
