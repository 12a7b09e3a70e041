//! Changes of sandboxes that exist.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::World;

fn sandbox(arguments: &str) -> String {
    format!("sandbox \"a\" {{\n  ttl = \"2h\"\n{arguments}\n}}\n")
}

#[test]
fn another_type_is_taken_in_place_and_the_address_follows() {
    let world = World::new(&sandbox("aws { instance_type = \"t3.large\" }"));
    world.sandplan("apply -auto-approve").exits(0);
    let before = world.instance();
    world.write(&sandbox("aws { instance_type = \"t3.xlarge\" }"));
    world.sandplan("plan").exits(0).says("will be powered off").says("its address changes");
    world.sandplan("apply -auto-approve").exits(0);
    let after = world.instance();
    assert_eq!(after["instanceId"], before["instanceId"]);
    assert_eq!(after["instanceType"], "t3.xlarge");
    world.is_settled();
    assert_eq!(world.sandplan("exec a -- echo here").exits(0).stdout, "here\n");
}

#[test]
fn names_and_labels_change_in_place() {
    let world = World::new(&sandbox("labels = { team = \"x\" }"));
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.instance()["instanceId"].clone();
    world.apply(&sandbox("name = \"other\"\nlabels = { owner = \"y\" }")).exits(0);
    let instance = world.instance();
    assert_eq!(instance["instanceId"], id);
    let tags = &instance["_tags"];
    assert_eq!((&tags["Name"], &tags["owner"]), (&"other".into(), &"y".into()));
    assert!(tags["team"].is_null() && tags["sandplan-host-key"].is_string(), "{tags}");
    world.is_settled();
}

#[test]
fn another_network_is_put_in_place_and_none_is_the_one_for_ssh() {
    let network = "network \"n\" {\n  ingress { ssh = [\"127.0.0.0/8\"] }\n}\n";
    let world = World::new(&format!("{network}{}", sandbox("network = network.n")));
    world.sandplan("apply -auto-approve").exits(0);
    world.is_settled();
    world.apply(&sandbox("")).exits(0);
    world.is_settled();
    let groups = world.all("security_groups");
    let ours: Vec<_> = groups.iter().filter(|group| group["groupName"] != "default").collect();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    assert_eq!(ours[0]["groupName"], "sandplan-ssh");
    assert_eq!(world.instance()["groupSet"][0]["groupName"], "sandplan-ssh");
}

#[test]
fn another_image_market_or_larger_disk_is_another_instance() {
    let world = World::new(&sandbox(""));
    world.apply(&sandbox("")).exits(0);
    for (arguments, why) in [
        ("image = \"debian-12\"", "image"),
        ("aws { spot = true }", "aws"),
        ("size = { vcpus = 4, disk = \"100GiB\" }", "size"),
    ] {
        world.write(&sandbox(arguments));
        world.sandplan("plan").exits(0).says("must be replaced").says(why);
    }
}

#[test]
fn an_instance_that_was_switched_off_is_switched_on_again() {
    let world = World::new(&sandbox(""));
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.instance()["instanceId"].as_str().unwrap().to_owned();
    world.ec2(&[("Action", "StopInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "stopped");
    world.sandplan("plan").exits(0).says("will be switched on");
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(world.instance()["instanceId"], id.as_str());
    world.is_settled();
    assert_eq!(world.sandplan("exec a -- echo here").exits(0).stdout, "here\n");
}

#[test]
fn a_newer_image_is_no_change_of_a_sandbox_that_lives() {
    let world = World::new(&sandbox(""));
    world.sandplan("apply -auto-approve").exits(0);
    let instance = world.instance();
    let image = instance["imageId"].as_str().unwrap();
    world.sandplan("show").exits(0).says(image);
    let newer = format!("{}-server-29991231", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64");
    let id = instance["instanceId"].as_str().unwrap();
    world.ec2(&[("Action", "CreateImage"), ("InstanceId", id), ("Name", &newer)]);
    world.is_settled();
}

/// Gives the bodies a systemd that only writes down what it is asked for.
fn systemd(world: &World) {
    let tools = world.env.work().join("../bodies/tools");
    fs::create_dir_all(&tools).unwrap();
    for (name, does) in
        [("systemctl", ":"), ("systemd-run", "echo \"$*\" >/var/lib/sandplan/timer")]
    {
        let path = tools.join(name);
        fs::write(&path, format!("#!/bin/sh\n{does}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_new_ttl_is_told_to_the_guest_and_to_the_tags() {
    let world = World::new("");
    systemd(&world);
    world.apply(&sandbox("")).exits(0);
    let timer = || world.sandplan("exec a -- cat /var/lib/sandplan/timer").exits(0).stdout;
    let seconds = |timer: &str| {
        let word = timer.split_whitespace().find_map(|word| word.strip_prefix("--on-active="));
        word.unwrap().parse::<u64>().unwrap()
    };
    assert!((7000..=7200).contains(&seconds(&timer())), "{}", timer());
    assert!(timer().ends_with("poweroff.target\n"), "{}", timer());
    let expiry = || world.instance()["_tags"]["sandplan-expires"].as_str().unwrap().to_owned();
    // Whose time it is, and the time; a body has no id of cloud-init's.
    let file = || world.sandplan("exec a -- cat /var/lib/sandplan/expires").exits(0).stdout;
    let first = expiry();
    world.apply(&sandbox("").replace("2h", "5h")).exits(0);
    let second = expiry();
    assert!(second.parse::<i64>().unwrap() > first.parse::<i64>().unwrap(), "{first} {second}");
    assert_eq!(file(), format!("none {second}\n"));
    assert!((17_800..=18_000).contains(&seconds(&timer())), "{}", timer());
    world.is_settled();
    world.apply("sandbox \"a\" {}\n").exits(0);
    assert_eq!(file(), "none never\n");
    assert!(world.instance()["_tags"]["sandplan-expires"].is_null());
    world.is_settled();
}
