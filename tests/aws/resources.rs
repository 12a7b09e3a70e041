//! SSH keys, networks and snapshots.

use crate::site::told;
use crate::world::World;

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
    world.is_settled();
    let id = world.instance()["instanceId"].clone();
    world.apply(&using(&second)).exits(0).says("step authorized_keys ok");
    assert_eq!(world.instance()["instanceId"], id);
    assert_eq!(world.all("key_pairs").len(), 1);
    let held = world.sandplan("exec a -- cat .ssh/authorized_keys").exits(0);
    assert!(held.stdout.contains(&second) && !held.stdout.contains(&first), "{}", held.stdout);
    world.is_settled();
    world.apply("sandbox \"a\" {}\n").exits(0);
    assert!(world.all("key_pairs").is_empty());
    world.is_settled();
}

#[test]
fn a_network_that_somebody_else_uses_is_not_deleted_and_the_reason_is_said() {
    let network = "network \"n\" {\n  ingress { ssh = [\"127.0.0.0/8\"] }\n}\n";
    let world = World::new(&format!("{network}sandbox \"a\" {{\n  network = network.n\n}}\n"));
    world.sandplan("apply -auto-approve").exits(0);
    let group = world.instance()["groupSet"][0]["groupId"].as_str().unwrap().to_owned();
    let image = world.instance()["imageId"].as_str().unwrap().to_owned();
    world.ec2(&[
        ("Action", "RunInstances"),
        ("ImageId", &image),
        ("InstanceType", "t3.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SecurityGroupId.1", &group),
    ]);
    let words = told(&world.apply("").exits(1));
    assert!(words.contains("Something still uses it"), "{words}");
    assert_eq!(world.instances().len(), 1);
}

#[test]
fn a_snapshot_of_a_running_sandbox_begins_another_and_leaves_nothing() {
    let base = "sandbox \"a\" {\n  provision \"mark\" {\n    run = [\"touch\", \"here\"]\n  }\n}\n";
    let snapshot = |life: &str| {
        format!("snapshot \"s\" {{\n  sandbox = sandbox.a\n  expires_in = \"{life}\"\n}}\n")
    };
    let world = World::new(base);
    let from = "sandbox \"b\" {\n  from = snapshot.s\n}\n";
    world.apply(&format!("{base}{}{from}", snapshot("7d"))).exits(0);
    assert_eq!(world.sandplan("exec sandbox.b -- ls").exits(0).stdout, "here\n");
    world.is_settled();
    world.apply(&format!("{base}{}{from}", snapshot("8d"))).exits(0);
    world.is_settled();
    world.sandplan("destroy -auto-approve").exits(0);
    let ours = |kind: &str| {
        let all = world.all(kind);
        all.iter().filter(|one| one["_tags"]["sandplan-project"].is_string()).count()
    };
    assert_eq!(["images", "snapshots", "volumes"].map(ours), [0; 3]);
    assert!(world.instances().is_empty());
}

#[test]
fn a_disk_is_saved_and_listed_and_cannot_be_put_back() {
    let world = World::new("sandbox \"a\" {}\n");
    world.sandplan("apply -auto-approve").exits(0);
    world.sandplan("snapshot a one").exits(0).says("Saved");
    world.sandplan("snapshot -list a").exits(0).says("one");
    world.sandplan("snapshot a one").exits(1).says("There is a snapshot called `one` already.");
    let words = told(&world.sandplan("restore a one").exits(1));
    assert!(words.contains("puts no disk back on EC2"), "{words}");
    world.is_settled();
}
