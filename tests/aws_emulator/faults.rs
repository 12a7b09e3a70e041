//! Faults hit what they are about, as often as they say, and are counted.

use serde_json::json;

use crate::world::World;

const REGIONS: &[(&str, &str)] = &[("Action", "DescribeRegions")];

#[test]
fn a_fault_hits_the_requests_that_it_is_about() {
    let world = World::bodiless("");
    world.fault(json!({"kind": "status", "status": 503, "action": "DescribeRegions", "nth": 2}));
    let statuses = [REGIONS; 3].map(|question| world.ask(question).0);
    assert_eq!(statuses, [200, 503, 200]);
    assert_eq!(world.ask(&[("Action", "DescribeVpcs")]).0, 200);
    let fault = world.get("/_faults")["faults"][0].clone();
    assert_eq!((fault["met"].as_u64(), fault["hits"].as_u64()), (Some(3), Some(1)));
    world.no_faults();
    assert_eq!(world.get("/_faults")["faults"], json!([]));
}

#[test]
fn an_error_has_ec2s_form() {
    let world = World::bodiless("");
    world.fault(json!({"kind": "status", "code": "RequestLimitExceeded", "message": "a < b"}));
    let (status, answer) = world.ask(REGIONS);
    assert_eq!(status, 503);
    assert_eq!(answer.text("Errors/Error/Code"), "RequestLimitExceeded");
    assert_eq!(answer.text("Errors/Error/Message"), "a < b");
    assert!(!answer.text("RequestID").is_empty());
}

#[test]
fn requests_are_counted_by_action() {
    let world = World::bodiless("");
    world.ask(REGIONS);
    world.ask(REGIONS);
    world.ask(&[("Action", "DescribeVpcs")]);
    assert_eq!((world.requests(), world.count("DescribeRegions")), (3, 2));
    let latest = world.get("/_requests")["latest"][2].clone();
    assert_eq!(latest["method"], "DescribeVpcs");
    assert_eq!(
        (latest["path"].as_str(), latest["status"].as_u64()),
        (Some("eu-central-1"), Some(200))
    );
    world.forget_requests();
    assert_eq!(world.requests(), 0);
}

#[test]
fn a_connection_can_be_cut_before_and_after_the_deed() {
    let world = World::bodiless("");
    let create = |name: &str| {
        let body = format!("Action=CreateKeyPair&KeyName={name}&Version=2016-11-15");
        let url = world.url.clone();
        world.runtime.block_on(async move {
            let request = reqwest::Client::new().post(url).header("authorization", SIGNED);
            let form = "application/x-www-form-urlencoded";
            request.header("content-type", form).body(body).send().await.is_ok()
        })
    };
    world.fault(json!({"kind": "cut_before", "action": "CreateKeyPair", "times": 1}));
    assert!(!create("before"));
    world.fault(json!({"kind": "cut_after", "action": "CreateKeyPair", "times": 1}));
    assert!(!create("after"));
    assert!(create("answered"));
    let pairs = world.all("key_pairs");
    let names: Vec<_> = pairs.iter().map(|pair| pair["keyName"].as_str().unwrap()).collect();
    assert_eq!(names, ["after", "answered"]);
}

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIASANDPLANTESTS001/20260101/eu-central-1/ec2/\
                      aws4_request, SignedHeaders=host, Signature=0";
