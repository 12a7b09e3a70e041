//! What is ordered, what it costs, and what happens when there is no room.

use serde_json::json;

use crate::site::told;
use crate::world::World;

const LISTS: &str = r#"
provider "aws" {
  region = ["eu-central-1", "us-east-1"]
  prices = { "t3.large" = 0.0832, "t3a.large" = 0.0752 }
}
sandbox "a" {
  provider = "aws"
  aws { instance_type = ["t3.large", "t3a.large"] }
  ttl = "90m"
}
"#;

#[test]
fn the_first_candidate_with_room_is_taken_and_is_no_drift_afterwards() {
    let world = World::new(LISTS);
    let plan = told(&world.sandplan("plan").exits(0));
    assert!(plan.contains("tries t3.large in eu-central-1a, eu-central-1b"), "{plan}");
    assert!(plan.contains("else t3.large in us-east-1a"), "{plan}");
    world.fault(json!([
        {"kind": "no_capacity", "instance_type": "t3.large"},
        {"kind": "no_capacity", "instance_type": "t3a.large", "zone": "eu-central-1a"},
    ]));
    world.sandplan("apply -auto-approve").exits(0);
    let instance = world.instance();
    assert_eq!(instance["instanceType"], "t3a.large");
    assert_eq!(instance["placement"]["availabilityZone"], "eu-central-1b");
    world.no_faults();
    world.is_settled();
    world.sandplan("list").exits(0).says("0.0752 USD");
}

#[test]
fn another_region_is_tried_when_one_is_full() {
    let world = World::new(LISTS);
    world.fault(json!([{"kind": "no_capacity", "region": "eu-central-1"}]));
    world.sandplan("apply -auto-approve").exits(0);
    let instance = world.instance();
    assert_eq!(instance["_region"], "us-east-1", "{instance:#}");
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.instances().is_empty());
}

#[test]
fn nothing_left_with_room_exits_4_and_names_what_was_tried() {
    let world = World::bodiless(LISTS);
    world.fault(json!([{"kind": "no_capacity"}]));
    let words = told(&world.sandplan("apply -auto-approve").exits(4));
    assert!(words.contains("AWS has no room now for t3.large in eu-central-1a"), "{words}");
    assert!(world.instances().is_empty());
}

#[test]
fn a_quota_that_is_used_up_exits_4_and_says_where_to_raise_it() {
    let world = World::bodiless(LISTS);
    world.fault(json!([{"kind": "no_capacity", "code": "VcpuLimitExceeded"}]));
    let words = told(&world.sandplan("apply -auto-approve").exits(4));
    assert!(words.contains("VcpuLimitExceeded") && words.contains("Service Quotas"), "{words}");
}

#[test]
fn spot_has_its_own_price_and_is_ordered_as_spot() {
    let world = World::new(
        "sandbox \"a\" {\n  aws {\n    instance_type = \"t3.large\"\n    spot = true\n  }\n}\n",
    );
    world.sandplan("plan").exits(0).says(" USD");
    world.sandplan("apply -auto-approve").exits(0);
    world.is_settled();
    assert_eq!(world.instance()["instanceLifecycle"], "spot");
}

#[test]
fn a_price_that_nobody_says_is_unknown() {
    let world = World::bodiless("sandbox \"a\" {}\n");
    world.sandplan("plan").exits(0).says("hourly_cost = \"unknown\"");
}

#[test]
fn what_cannot_be_ordered_is_refused_with_what_can() {
    let world = World::bodiless("");
    let cases: [(&str, &[&str]); 6] = [
        (
            "sandbox \"a\" {\n  aws { instance_type = \"t3.larg\" }\n}\n",
            &["error[unknown-server-type]", "did you mean"],
        ),
        ("sandbox \"a\" {\n  region = \"us-east-1\"\n}\n", &["us-east-1", "eu-central-1"]),
        (
            "sandbox \"a\" {\n  image = \"ubunut-24.04\"\n}\n",
            &["no image `ubunut-24.04`", "did you mean `ubuntu-24.04`?"],
        ),
        ("sandbox \"a\" {\n  size = { vcpus = 4000 }\n}\n", &["error[no-fitting-type]"]),
        ("sandbox \"a\" {\n  aws { subnet_id = \"subnet-0123\" }\n}\n", &["error[invalid-subnet]"]),
        (
            "provider \"aws\" {\n  prices = { \"t3.large\" = \"cheap\" }\n}\nsandbox \"a\" {}\n",
            &["error[invalid-prices]"],
        ),
    ];
    for (configuration, texts) in cases {
        world.write(configuration);
        let said = told(&world.sandplan("plan").exits(1));
        for text in texts {
            assert!(said.contains(text), "{text:?} is not in {said}");
        }
    }
    assert!(world.instances().is_empty());
}

#[test]
fn a_subnet_decides_the_zone() {
    let world = World::new("");
    let vpc = world.ec2(&[("Action", "CreateVpc"), ("CidrBlock", "10.9.0.0/16")]);
    let vpc = vpc["vpc"]["vpcId"].as_str().unwrap();
    let made = world.ec2(&[
        ("Action", "CreateSubnet"),
        ("VpcId", vpc),
        ("CidrBlock", "10.9.1.0/24"),
        ("AvailabilityZone", "eu-central-1b"),
    ]);
    let subnet = made["subnet"]["subnetId"].as_str().unwrap();
    world.apply(&format!("sandbox \"a\" {{\n  aws {{ subnet_id = \"{subnet}\" }}\n}}\n")).exits(0);
    world.is_settled();
    let instance = world.instance();
    assert_eq!(instance["subnetId"], subnet);
    assert_eq!(instance["placement"]["availabilityZone"], "eu-central-1b");
}
