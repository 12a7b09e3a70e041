//! What somebody changed by hand, and what nobody remembers.

use crate::world::World;

const ONE: &str = "sandbox \"a\" {}\n";

#[test]
fn an_instance_that_somebody_ended_is_gone_and_made_again() {
    let world = World::new(ONE);
    world.sandplan("apply -auto-approve").exits(0);
    let id = world.instance()["instanceId"].as_str().unwrap().to_owned();
    world.ec2(&[("Action", "TerminateInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "terminated");
    world.sandplan("drift").exits(2).says("sandbox.a");
    world.sandplan("apply -auto-approve").exits(0);
    assert_ne!(world.instance()["instanceId"], id.as_str());
    world.is_settled();
}

#[test]
fn rules_that_somebody_changed_are_put_right() {
    let network = "network \"n\" {\n  ingress {\n    ssh = [\"127.0.0.0/8\"]\n    tcp = { \"8000-8010\" = [\"10.0.0.0/8\"] }\n  }\n}\n";
    let world = World::new(&format!("{network}sandbox \"a\" {{\n  network = network.n\n}}\n"));
    world.sandplan("apply -auto-approve").exits(0);
    let find = || {
        let groups = world.all("security_groups");
        groups.into_iter().find(|group| group["_tags"]["sandplan-address"].is_string()).unwrap()
    };
    let id = find()["groupId"].as_str().unwrap().to_owned();
    world.ec2(&[
        ("Action", "AuthorizeSecurityGroupIngress"),
        ("GroupId", &id),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "23"),
        ("IpPermissions.1.ToPort", "23"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ]);
    world.sandplan("plan -target=network.n").exits(0).says("in tcp 23 0.0.0.0/0");
    world.sandplan("apply -auto-approve -target=network.n").exits(0);
    let rules = find()["ipPermissions"].to_string();
    assert!(!rules.contains("\"23\"") && rules.contains("8010"), "{rules}");
}

#[test]
fn what_is_ours_and_in_no_state_is_an_orphan_and_expires() {
    let world = World::new("sandbox \"a\" {\n  ttl = \"1s\"\n}\n");
    world.sandplan("apply -auto-approve");
    world.env.shell("rm -rf .sandplan sandplan.state* ; ls -A").exits(0);
    world.sandplan("list").exits(0).says("orphan");
    world.sandplan("expire -apply").exits(0);
    assert!(world.instances().is_empty());
}

#[test]
fn an_instance_by_hand_is_imported_and_ours_from_then_on() {
    let world = World::bodiless(ONE);
    let image = world.ec2(&[("Action", "DescribeImages"), ("Owner.1", "099720109477")]);
    let image = image["imagesSet"][0]["imageId"].as_str().unwrap().to_owned();
    let made = world.ec2(&[
        ("Action", "RunInstances"),
        ("ImageId", &image),
        ("InstanceType", "t3.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ]);
    let id = made["instancesSet"][0]["instanceId"].as_str().unwrap().to_owned();
    world.wait_for(&id, "running");
    world.sandplan(&format!("import sandbox.a {id}")).exits(0);
    assert_eq!(world.instance()["_tags"]["sandplan-address"], "sandbox.a");
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.instances().is_empty());
}
