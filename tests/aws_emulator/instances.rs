//! Instances through their life, and accounts that do not see each other.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::aws::settings::{Settings, Times};
use crate::world::{World, settings};

const IMAGE: &str = "ami-02404a5a500000002";

/// Orders an instance; answers the status, and its id or the code of the error.
pub fn run(world: &World, more: &[(&str, &str)]) -> (u16, String) {
    let order = [("Action", "RunInstances"), ("InstanceType", "t3.micro")];
    let counts = [("MinCount", "1"), ("MaxCount", "1")];
    let mut all: Vec<_> = order.iter().chain(&counts).chain(more).copied().collect();
    if more.iter().all(|(name, _)| *name != "ImageId") {
        all.push(("ImageId", IMAGE));
    }
    let (status, answer) = world.ask(&all);
    let made = answer.items("instancesSet").next().map(|one| one.text("instanceId"));
    (status, made.unwrap_or_else(|| answer.text("Errors/Error/Code")))
}

#[test]
fn every_world_has_an_account_of_its_own() {
    let (one, other) = (World::bodiless(""), World::bodiless(""));
    assert_eq!(run(&one, &[]).0, 200);
    other.ask(&[("Action", "DescribeInstances")]);
    assert_eq!((one.instances().len(), other.instances().len()), (1, 0));
}

#[test]
fn a_token_holds_in_a_zone() {
    let world = World::bodiless("");
    let a = [("ClientToken", "t"), ("Placement.AvailabilityZone", "eu-central-1a")];
    let b = [("ClientToken", "t"), ("Placement.AvailabilityZone", "eu-central-1b")];
    let first = run(&world, &a);
    assert_eq!(run(&world, &a), first);
    assert_ne!(run(&world, &b), first);
    let other = [a[0], a[1], ("KeyName", "k")];
    assert_eq!(run(&world, &other), (400, "IdempotentParameterMismatch".to_owned()));
    assert_eq!(world.instances().len(), 2);
}

#[test]
fn one_token_makes_one_instance_however_often_it_comes_at_a_time() {
    let world = World::bodiless("");
    let made: BTreeSet<_> = std::thread::scope(|scope| {
        let order = || run(&world, &[("ClientToken", "t")]);
        let orders: Vec<_> = (0..8).map(|_| scope.spawn(order)).collect();
        orders.into_iter().map(|order| order.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made.first().unwrap().0, 200);
    assert_eq!((world.instances().len(), world.count("RunInstances")), (1, 8));
}

#[test]
fn a_new_instance_can_be_unseen_for_a_while() {
    let times = Times { unseen: Duration::from_secs(2), ..Times::default() };
    let world = World::bodiless_with("", Settings { times, ..settings() });
    let (_, id) = run(&world, &[]);
    let named = [("Action", "DescribeInstances"), ("InstanceId.1", &id)];
    let (status, answer) = world.ask(&named);
    assert_eq!(status, 400);
    assert_eq!(answer.text("Errors/Error/Code"), "InvalidInstanceID.NotFound");
    let all = world.ask(&[("Action", "DescribeInstances")]).1;
    assert_eq!(all.items("reservationSet").count(), 0);
    assert_eq!(world.instance()["instanceId"], id.as_str(), "tests see it at once");
    world.until(|| world.ask(&named).0 == 200);
}

#[test]
fn a_terminated_instance_is_forgotten_after_a_while() {
    let times = Times { remembered: Duration::from_secs(2), ..Times::all(Duration::ZERO) };
    let world = World::bodiless_with("", Settings { times, ..settings() });
    let (_, id) = run(&world, &[]);
    let named = [("Action", "DescribeInstances"), ("InstanceId.1", &id)];
    world.ec2(&[("Action", "TerminateInstances"), ("InstanceId.1", &id)]);
    assert_eq!(world.ask(&named).1.items("reservationSet").count(), 1);
    world.until(|| world.ask(&named).0 == 400);
    assert!(world.all("instances").is_empty());
}

#[test]
fn capacity_is_of_a_type_in_a_zone() {
    let world = World::bodiless("");
    world.fault(json!({"kind": "no_capacity", "instance_type": "t3.*", "zone": "*a"}));
    let at = |zone| run(&world, &[("Placement.AvailabilityZone", zone)]);
    world.fault(json!({"kind": "no_capacity", "region": "us-*"}));
    assert_eq!(at("eu-central-1a"), (500, "InsufficientInstanceCapacity".to_owned()));
    let (status, id) = at("eu-central-1b");
    assert_eq!(status, 200);
    world.wait_for(&id, "running");
    world.ec2(&[("Action", "StopInstances"), ("InstanceId.1", &id)]);
    world.wait_for(&id, "stopped");
    world.fault(json!({"kind": "no_capacity", "zone": "eu-central-1b"}));
    assert_eq!(world.ask(&[("Action", "StartInstances"), ("InstanceId.1", &id)]).0, 500);
}
