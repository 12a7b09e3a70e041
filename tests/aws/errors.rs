//! What goes wrong at the API, in words, and never twice the same object.

use std::process::Stdio;

use serde_json::json;

use crate::site::told;
use crate::support::Ran;
use crate::world::World;

const ONE: &str = "sandbox \"a\" {}\n";

#[test]
fn without_credentials_every_command_exits_7_and_says_what_to_do() {
    let world = World::bodiless(ONE);
    for command in ["plan", "apply -auto-approve", "init", "drift", "list", "expire"] {
        let mut line = world.command(command);
        line.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        let said = told(&Ran::of(&mut line).exits(7));
        assert!(
            said.contains("no usable credentials for AWS: none were found"),
            "{command}: {said}"
        );
        assert!(said.contains("sandplan init") && said.contains("AWS_PROFILE"), "{said}");
    }
    assert_eq!(world.requests(), 0);
}

#[test]
fn credentials_that_are_refused_or_expired_exit_7() {
    let world = World::bodiless(ONE);
    let with = |name: &str, value: &str, command: &str| {
        let mut line = world.command(command);
        line.env(name, value);
        told(&Ran::of(&mut line).exits(7))
    };
    assert!(with("AWS_ACCESS_KEY_ID", "AKIAOTHER", "plan").contains("AuthFailure"));
    assert!(with("AWS_ACCESS_KEY_ID", "AKIAOTHER", "init").contains("InvalidClientTokenId"));
    let said = with("AWS_SESSION_TOKEN", "expired", "plan");
    assert!(said.contains("aws sso login"), "{said}");
    world.fault(
        json!([{"kind": "status", "code": "UnauthorizedOperation", "action": "RunInstances"}]),
    );
    let said = told(&world.sandplan("apply -auto-approve").exits(7));
    assert!(said.contains("docs/aws.md"), "{said}");
}

#[test]
fn no_region_exits_7_and_a_zone_is_told_its_region() {
    let world = World::bodiless(ONE);
    let mut line = world.command("plan");
    line.env_remove("AWS_REGION");
    let said = told(&Ran::of(&mut line).exits(7));
    assert!(said.contains("in which region") && said.contains("AWS_REGION"), "{said}");
    let said = told(&world.sandplan("plan -region=eu-central-1b").exits(1));
    assert!(said.contains("its region is `eu-central-1`"), "{said}");
}

#[test]
fn init_says_whose_credentials_they_are() {
    let world = World::bodiless(ONE);
    let ran = world.sandplan("init").exits(0);
    ran.says("AWS account").says("regions: eu-central-1").says("instances: 0 made by sandplan");
}

#[test]
fn an_endpoint_where_nobody_listens_is_said_to_be_unreachable() {
    let world = World::bodiless(
        "provider \"aws\" {\n  endpoint = \"http://127.0.0.1:1\"\n}\nsandbox \"a\" {\n  provider = \"aws\"\n}\n",
    );
    let said = told(&world.sandplan("plan").exits(1));
    assert!(said.contains("it cannot be reached") && said.contains("Check the network"), "{said}");
}

#[test]
fn bursts_of_errors_are_ridden_out_and_throttling_is_said() {
    let world = World::new(ONE);
    world.fault(json!([
        {"kind": "status", "status": 500, "every": 7},
        {"kind": "status", "code": "RequestLimitExceeded", "action": "DescribeImages", "times": 1},
        {"kind": "status", "code": "InvalidInstanceID.NotFound", "action": "DescribeInstances", "nth": 9},
    ]));
    let ran = world.sandplan("apply -auto-approve").exits(0);
    assert!(told(&ran).contains("aws: rate limit reached, waiting"), "{}", ran.stderr);
    world.no_faults();
    assert_eq!(world.instances().len(), 1);
    world.is_settled();
}

#[test]
fn a_lost_answer_never_makes_a_second_object() {
    let world = World::new("");
    let key = world.key("k");
    let all = format!(
        "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\nnetwork \"n\" {{\n  ingress {{ ssh = \
         [\"127.0.0.0/8\"] }}\n}}\nsandbox \"a\" {{\n  ssh_keys = [ssh_key.k]\n  network = \
         network.n\n}}\nsnapshot \"s\" {{\n  sandbox = sandbox.a\n}}\n"
    );
    for kind in ["cut_before", "cut_after"] {
        for action in ["RunInstances", "ImportKeyPair", "CreateSecurityGroup", "CreateImage"] {
            world.fault(json!([{"kind": kind, "action": action, "times": 1}]));
            world.apply(&all).exits(0);
            world.no_faults();
            let ours = |kind: &str| {
                let all = world.all(kind);
                let ours = |one: &&serde_json::Value| one["_tags"]["sandplan-address"].is_string();
                all.iter().filter(ours).count()
            };
            assert_eq!(world.instances().len(), 1, "after {kind} of {action}");
            for objects in ["key_pairs", "security_groups", "images"] {
                assert_eq!(ours(objects), 1, "{objects} after {kind} of {action}");
            }
            world.is_settled();
            world.sandplan("destroy -auto-approve").exits(0);
            assert!(world.instances().is_empty());
            for objects in ["key_pairs", "security_groups", "images", "snapshots"] {
                assert_eq!(ours(objects), 0, "{objects} after {kind} of {action}");
            }
        }
    }
}

#[test]
fn an_instance_that_is_ended_while_it_boots_is_not_waited_for() {
    let world = World::bodiless(ONE);
    let run = world.command("apply -auto-approve").stderr(Stdio::piped()).spawn().unwrap();
    let is_running = |one: &serde_json::Value| one["_state"] == "running";
    world.until(|| world.instances().iter().any(is_running));
    let id = world.instance()["instanceId"].as_str().unwrap().to_owned();
    world.ec2(&[("Action", "TerminateInstances"), ("InstanceId.1", &id)]);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("was ended before it"), "{said}");
}

#[test]
fn no_secret_key_is_ever_written_anywhere() {
    let world = World::new(ONE);
    let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01";
    let run = |line: &str| {
        let mut line = world.command(line);
        line.env("AWS_SECRET_ACCESS_KEY", secret);
        Ran::of(&mut line).exits(0)
    };
    run("apply -auto-approve");
    run("plan -out=p");
    for below in ["work", "data", "home"] {
        let found = world.env.files_holding(below, secret);
        assert!(found.is_empty(), "{found:?}");
    }
}
