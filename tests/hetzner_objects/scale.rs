//! How many requests a thousand servers cost, and how many are in flight.

use serde_json::json;

use crate::world::World;

/// A thousand servers of ours, made behind the program's back, taken into its state.
fn thousand() -> World {
    let world = World::bodiless("sandbox \"s\" {\n  count = 1000\n}\n");
    for n in 0..1000 {
        let order = json!({
            "name": format!("s-{n}"), "server_type": "cpx32", "image": "ubuntu-24.04",
            "location": "ash",
            "labels": {
                "sandplan-project": "work", "sandplan-lineage": "l", "sandplan-operation": "o",
                "sandplan-address": format!("sandbox.s_5b{n}_5d"),
            },
        });
        world.call("POST", "/servers", order);
    }
    world
}

#[test]
fn a_refresh_of_a_thousand_servers_takes_at_most_25_requests() {
    let world = thousand();
    world.sandplan("state recover").exits(0).says("1000 objects are in the state again");
    for (command, code) in [("drift", 0), ("list", 0), ("plan", 0), ("state recover", 0)] {
        world.forget_requests();
        let ran = world.sandplan(command).exits(code);
        assert!(world.requests() <= 25, "{command}: {} {}", world.requests(), ran.stderr);
    }
}

#[test]
fn creating_many_lists_the_keys_of_the_project_once() {
    let world = World::new("");
    let key = world.key("k");
    world.forget_requests();
    world
        .apply(&format!(
            "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\nsandbox \"a\" {{\n  count = 6\n  \
             ssh_keys = [ssh_key.k]\n}}\n"
        ))
        .exits(0);
    assert!(world.count("GET /ssh_keys") <= 1, "{}", world.count("GET /ssh_keys"));
    world.is_settled();
}
