//! SSH keys, networks and snapshots.

use serde_json::json;

use crate::world::{World, told};

#[test]
fn a_key_is_made_replaced_and_deleted_with_what_uses_it() {
    let world = World::new("");
    let using = |key: &str| {
        format!(
            "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\nsandbox \"a\" {{\n  \
             ssh_keys = [ssh_key.k]\n}}\n"
        )
    };
    let (first, second) = (world.key("first"), world.key("second"));
    world.apply(&using(&first)).exits(0);
    assert_eq!(world.all("ssh_keys")[0]["public_key"], first);
    world.is_settled();
    let id = world.server()["id"].clone();
    world.apply(&using(&second)).exits(0).says("step authorized_keys ok");
    assert_eq!(world.server()["id"], id);
    let keys = world.all("ssh_keys");
    assert_eq!((keys.len(), &keys[0]["public_key"]), (1, &json!(second)));
    let held = world.sandplan("exec a -- cat .ssh/authorized_keys").exits(0);
    assert!(held.stdout.contains(&second) && !held.stdout.contains(&first), "{}", held.stdout);
    world.is_settled();
    world.apply("sandbox \"a\" {}\n").exits(0);
    assert!(world.all("ssh_keys").is_empty());
    world.is_settled();
}

#[test]
fn a_key_that_the_project_holds_already_is_named_and_can_be_imported() {
    let world = World::new("");
    let key = world.key("held");
    let body = json!({"name": "bygone", "public_key": key, "labels": {"team": "x"}});
    let id = world.call("POST", "/ssh_keys", body)["ssh_key"]["id"].clone();
    let refused = world
        .apply(&format!(
            "ssh_key \"k\" {{\n  public_key = \"{key}\"\n  labels = {{ team = \"x\" }}\n}}\n\
             sandbox \"a\" {{\n  ssh_keys = [ssh_key.k]\n}}\n"
        ))
        .exits(1);
    let words = told(&refused);
    let import = format!("`sandplan import 'ssh_key.k[\"hetzner\"]' {id}`");
    assert!(words.contains(&import) && words.contains("`bygone`"), "{words}");
    world.sandplan(&format!("import ssh_key.k[\"hetzner\"] {id}")).exits(0).says("Import succ");
    world.sandplan("apply -auto-approve").exits(0).says("1 added, 0 changed, 0 destroyed");
    world.is_settled();
    let keys = world.all("ssh_keys");
    assert_eq!((keys.len(), &keys[0]["id"]), (1, &id));
    let labels = keys[0]["labels"].clone();
    assert!(labels["sandplan-project"].is_string(), "{labels}");
    assert_eq!(labels["team"], "x");
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("ssh_keys").is_empty());
}

#[test]
fn a_key_of_another_of_our_projects_is_not_offered_for_import() {
    let world = World::bodiless("");
    let key = world.key("held");
    let labels = json!({
        "sandplan-project": "two", "sandplan-lineage": "l", "sandplan-operation": "o",
        "sandplan-address": "ssh__key.k",
    });
    world.call("POST", "/ssh_keys", json!({"name": "theirs", "public_key": key, "labels": labels}));
    let using = "sandbox \"a\" {\n  ssh_keys = [ssh_key.k]\n}\n";
    let block = format!("ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\n{using}");
    let words = told(&world.apply(&block).exits(1));
    assert!(words.contains("belongs to the project `two`, as ssh_key.k"), "{words}");
    assert!(words.contains("Write the public key itself into `ssh_keys`"), "{words}");
    assert!(!words.contains("sandplan import"), "{words}");
}

#[test]
fn a_server_that_another_project_owns_is_not_imported() {
    let world = World::bodiless("sandplan {\n  project = \"one\"\n}\nsandbox \"a\" {}\n");
    let order = json!({
        "name": "theirs", "server_type": "cpx22", "image": "ubuntu-24.04", "location": "ash",
        "labels": {
            "sandplan-project": "two", "sandplan-lineage": "l", "sandplan-operation": "o",
            "sandplan-address": "sandbox.b",
        },
    });
    let id = world.call("POST", "/servers", order)["server"]["id"].clone();
    let ran = world.sandplan(&format!("import sandbox.a {id}")).exits(1);
    ran.says("belongs to the project `two`");
    assert_eq!(world.server()["labels"]["sandplan-project"], "two");
}

#[test]
fn a_network_that_somebody_else_uses_is_not_deleted_and_the_reason_is_said() {
    let network = "network \"n\" {\n  ingress { ssh = [\"127.0.0.0/8\"] }\n}\n";
    let sandbox = "sandbox \"a\" {\n  network = network.n\n}\n";
    let world = World::new(&format!("{network}{sandbox}"));
    world.sandplan("apply -auto-approve").exits(0);
    world.is_settled();
    let firewall = world.all("firewalls")[0]["id"].clone();
    world.foreign_server("foreign", json!([{"firewall": firewall}]));
    let words = told(&world.apply("").exits(1));
    assert!(words.contains("Something else still uses it"), "{words}");
    assert_eq!(world.all("firewalls").len(), 1);
    assert_eq!(world.server()["name"], "foreign");
}

#[test]
fn a_snapshot_of_a_running_sandbox_begins_another_and_expires() {
    let base = "sandbox \"a\" {\n  provision \"mark\" {\n    run = [\"touch\", \"here\"]\n  }\n}\n";
    let snapshot = |life: &str| {
        format!("snapshot \"s\" {{\n  sandbox = sandbox.a\n  expires_in = \"{life}\"\n}}\n")
    };
    let world = World::new(base);
    let from = "sandbox \"b\" {\n  from = snapshot.s\n}\n";
    world.apply(&format!("{base}{}{from}", snapshot("7d"))).exits(0);
    assert_eq!(world.server_of("a-")["status"], "running");
    assert_eq!(world.sandplan("exec sandbox.b -- ls").exits(0).stdout, "here\n");
    world.is_settled();
    world.apply(&format!("{base}{}{from}", snapshot("8d"))).exits(0);
    assert_eq!(world.all("images").len(), 1);
    world.is_settled();
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("images").is_empty() && world.all("servers").is_empty());
}

#[test]
fn a_disk_is_saved_listed_and_put_back_and_the_sandbox_is_reached_afterwards() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.server()["id"].clone();
    world.sandplan("exec a -- touch before").exits(0);
    world.sandplan("snapshot a one").exits(0).says("Saved");
    world.sandplan("snapshot -list a").exits(0).says("one");
    world.sandplan("snapshot a one").exits(1).says("There is a snapshot called `one` already.");
    world.sandplan("exec a -- touch after").exits(0);
    world.sandplan("restore a two").exits(1).says("there are: one");
    world.sandplan("restore a one").exits(0).says("Restored `one`.");
    world.sandplan("drift").exits(0);
    assert_eq!(world.server()["id"], id);
    assert_eq!(world.sandplan("exec a -- ls").exits(0).stdout, "before\n");
    world.apply("sandbox \"a\" {\n  env = { A = \"1\" }\n}\n").exits(0);
    assert_eq!(world.sandplan("exec a -- printenv A").exits(0).stdout, "1\n");
    world.is_settled();
}

#[test]
fn a_misspelt_argument_of_the_platforms_own_block_is_told() {
    let world = World::bodiless("sandbox \"a\" {\n  hetzner { servertype = \"cpx12\" }\n}\n");
    world.sandplan("plan").exits(1).says("servertype").says("server_type");
    world.write("sandbox \"a\" {\n  size = { vcpu = 4 }\n}\n");
    world.sandplan("plan").exits(1).says("no argument `vcpu`").says("vcpus");
}
