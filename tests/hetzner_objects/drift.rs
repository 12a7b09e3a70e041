//! What somebody changes by hand is seen, and mended.

use serde_json::json;

use crate::world::World;

const SANDBOX: &str = r#"
network "n" {
  ingress { ssh = ["127.0.0.0/8"] }
}
sandbox "a" {
  name    = "ada"
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
fn labels_name_and_rules_that_somebody_changed_are_put_back() {
    let world = applied(SANDBOX);
    let server = world.server();
    let mut labels = server["labels"].clone();
    labels["x"] = json!("9");
    let path = format!("/servers/{}", server["id"]);
    world.call("PUT", &path, json!({"name": "eve", "labels": labels}));
    let firewall = world.all("firewalls")[0]["id"].clone();
    let rules = format!("/firewalls/{firewall}/actions/set_rules");
    world.call("POST", &rules, json!({"rules": []}));
    let drift = world.sandplan("drift").exits(2).says("\"ada\" -> \"eve\"").says("\"1\" -> \"9\"");
    drift.says("in tcp 22 127.0.0.0/8").says("Drift: 2 changed, 0 gone");
    world.sandplan("apply -auto-approve").exits(0);
    let server = world.server();
    assert_eq!((&server["name"], &server["labels"]["x"]), (&json!("ada"), &json!("1")));
    let rules = world.get(&format!("/firewalls/{firewall}"))["firewall"]["rules"].clone();
    assert_eq!(rules[0]["port"], "22");
    world.is_settled();
}

#[test]
fn a_firewall_that_somebody_detached_is_put_back() {
    let world = applied(SANDBOX);
    let server = world.server();
    let firewall = world.all("firewalls")[0]["id"].clone();
    let detach = json!({"remove_from": [{"type": "server", "server": {"id": server["id"]}}]});
    world.call("POST", &format!("/firewalls/{firewall}/actions/remove_from_resources"), detach);
    world.until(|| world.server()["public_net"]["firewalls"] == json!([]));
    world.sandplan("drift").exits(2).says("network");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.server()["public_net"]["firewalls"][0]["id"], firewall);
    world.is_settled();
}

#[test]
fn a_type_that_somebody_changed_is_changed_back_but_never_at_the_price_of_the_disk() {
    let world = applied("sandbox \"a\" {}\n");
    let server = world.server();
    world.act(&server, "poweroff", json!({}));
    let bigger = json!({"server_type": "cpx42", "upgrade_disk": false});
    world.act(&server, "change_type", bigger);
    world.sandplan("drift").exits(2).says("\"cpx32\" -> \"cpx42\"");
    world.sandplan("plan").exits(0).says("will be powered off to change its type from cpx42");
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.server();
    assert_eq!((&after["id"], &after["status"]), (&server["id"], &json!("running")));
    assert_eq!(after["server_type"]["name"], "cpx32");
    world.is_settled();
}

#[test]
fn a_server_that_somebody_deleted_is_made_again() {
    let world = applied("sandbox \"a\" {}\n");
    let server = world.server();
    world.call("DELETE", &format!("/servers/{}", server["id"]), json!({}));
    world.until(|| world.all("servers").is_empty());
    world.sandplan("drift").exits(2).says("sandbox.a has been deleted").says("1 gone");
    world.sandplan("list").exits(0).says("gone");
    world.sandplan("plan").exits(0).says("(because it is gone from hetzner)");
    world.sandplan("apply -auto-approve").exits(0);
    assert_ne!(world.server()["id"], server["id"]);
    world.is_settled();
}
