//! What a change of the configuration does to a living server.

use serde_json::{Value as Json, json};

use crate::world::{World, told};

const SMALL: &str = "sandbox \"a\" {\n  size = { vcpus = 2 }\n}\n";

#[test]
fn a_size_changes_in_place_with_the_power_off_it_needs() {
    let world = World::new(SMALL);
    world.sandplan("apply -auto-approve").exits(0);
    let before = world.server();
    assert_eq!(before["server_type"]["name"], "cpx22");
    world.write("sandbox \"a\" {\n  size = { vcpus = 4 }\n}\n");
    let plan = world.sandplan("plan").exits(0).says("will be powered off to change its type");
    plan.says("hourly_cost = \"0.015708 EUR\" -> \"0.026061 EUR\"");
    world.forget_requests();
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.server();
    assert_eq!((&after["id"], &after["status"]), (&before["id"], &json!("running")));
    assert_eq!(after["server_type"]["name"], "cpx32");
    assert_eq!(after["primary_disk_size"], before["primary_disk_size"]);
    assert_eq!(world.count("POST /servers/{id}/actions/change_type"), 1);
    world.is_settled();
    world.sandplan("list").exits(0).says("0.026061 EUR");
}

#[test]
fn a_type_without_room_leaves_the_server_on_and_exits_4() {
    let world = World::new(SMALL);
    world.sandplan("apply -auto-approve").exits(0);
    world.fault(json!([{"kind": "no_capacity", "server_type": "cpx32", "location": "ash"}]));
    world.apply("sandbox \"a\" {\n  size = { vcpus = 4 }\n}\n").exits(4).says("cpx32");
    let server = world.server();
    assert_eq!(server["status"], "running");
    assert_eq!(server["server_type"]["name"], "cpx22");
    world.no_faults();
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.server()["server_type"]["name"], "cpx32");
    world.is_settled();
}

#[test]
fn a_smaller_disk_or_another_region_needs_a_new_server_and_the_plan_says_why() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let first = world.server()["id"].clone();
    world.write("sandbox \"a\" {\n  hetzner { server_type = \"cpx12\" }\n}\n");
    let plan = world.sandplan("plan").exits(0).says("must be replaced");
    let plan = told(&plan.says("will be lost").says("# forces replacement"));
    assert!(plan.contains("in ash with a disk of 160 GB or more, as it has now"), "{plan}");
    world.sandplan("apply -auto-approve").exits(0);
    let second = world.server();
    assert_ne!(second["id"], first);
    assert_eq!(second["server_type"]["name"], "cpx12");
    let moved = "sandbox \"a\" {\n  region = \"hil\"\n  hetzner { server_type = \"cpx12\" }\n}\n";
    world.write(moved);
    world.sandplan("plan").exits(0).says("region      = \"hil\" # forces replacement");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.server()["location"]["name"], "hil");
    world.is_settled();
}

#[test]
fn another_image_rebuilds_the_same_server_and_provisions_it_anew() {
    let with = |image: &str| {
        format!(
            "sandbox \"a\" {{\n  image = \"{image}\"\n  provision \"mark\" {{\n    \
             run = [\"touch\", \"marked\"]\n  }}\n}}\n"
        )
    };
    let world = World::new(&with("ubuntu-24.04"));
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("exec a -- touch kept").exits(0);
    let before = world.server();
    world.write(&with("debian-12"));
    let plan = world.sandplan("plan").exits(0).says("@ rebuild: same id and address, disk");
    plan.says("sandbox.a will be rebuilt").says("disk and files of this sandbox will be lost");
    world.sandplan("apply -auto-approve").exits(0).says("step mark ok");
    let after = world.server();
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["public_net"]["ipv4"]["ip"], before["public_net"]["ipv4"]["ip"]);
    world.is_settled();
    world.sandplan("list").exits(0).says("ready");
    let ls = world.sandplan("exec a -- ls").exits(0);
    assert_eq!(ls.stdout, "marked\n");
}

#[test]
fn name_labels_and_ttl_change_by_two_calls() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.server()["id"].clone();
    world.write("sandbox \"a\" {\n  name = \"ada\"\n  labels = { x = \"1\" }\n  ttl = \"3h\"\n}\n");
    world.forget_requests();
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.count("PUT /servers/{id}"), 1);
    assert_eq!(world.count("GET /servers/{id}"), 1);
    let server = world.server();
    assert_eq!((&server["id"], &server["name"]), (&id, &json!("ada")));
    assert_eq!(server["labels"]["x"], "1");
    assert!(server["labels"]["sandplan-expires"].is_string());
    world.is_settled();
    world.sandplan("list").exits(0).says("in 3h");
}

#[test]
fn a_network_is_put_before_a_living_server_and_taken_away_again() {
    let open = "network \"n\" {\n  ingress { ssh = [\"127.0.0.0/8\"] }\n}\n";
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.server()["id"].clone();
    let behind = format!("{open}sandbox \"a\" {{\n  network = network.n\n}}\n");
    world.apply(&behind).exits(0);
    let firewalls = |server: &Json| server["public_net"]["firewalls"].as_array().unwrap().len();
    let server = world.server();
    assert_eq!((&server["id"], firewalls(&server)), (&id, 1));
    world.is_settled();
    world.apply("sandbox \"a\" {}\n").exits(0);
    assert_eq!(firewalls(&world.server()), 0);
    assert!(world.all("firewalls").is_empty());
    world.is_settled();
}
