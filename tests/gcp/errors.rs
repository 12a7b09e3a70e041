//! What goes wrong at the API, in words, and never twice the same object.

use serde_json::json;

use crate::support::Ran;
use crate::world::{World, told};

const ONE: &str = "sandbox \"a\" {}\n";

#[test]
fn credentials_that_are_missing_or_refused_exit_7_and_say_what_to_do() {
    let world = World::bodiless(ONE);
    let advice = "gcloud auth application-default login";
    let mut missing = world.command("plan");
    missing
        .env_remove("GOOGLE_OAUTH_ACCESS_TOKEN")
        .env_remove("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE");
    let mut file = world.command("plan");
    file.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    file.env("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json");
    let mut anonymous = world.command("plan");
    anonymous.env_remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    let mut wrong = world.command("plan");
    wrong.env("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.another");
    for command in [&mut missing, &mut file, &mut anonymous, &mut wrong] {
        let words = told(&Ran::of(command).exits(7));
        assert!(words.contains(advice), "{words}");
        assert!(!words.contains("ya29"), "{words}");
    }
    let mut nowhere = world.command("plan");
    nowhere.env_remove("GOOGLE_CLOUD_PROJECT");
    Ran::of(&mut nowhere).exits(7).says("GOOGLE_CLOUD_PROJECT");
}

#[test]
fn a_permission_that_is_missing_exits_7() {
    let world = World::bodiless(ONE);
    let fault = json!({
        "kind": "status", "status": 403, "code": "forbidden", "path": "/projects/*/zones",
        "message": "Required 'compute.zones.list' permission",
    });
    world.fault(json!([fault]));
    world.sandplan("plan").exits(7).says("compute.zones.list").says("roles/compute");
}

#[test]
fn an_endpoint_that_nobody_listens_at_exits_1() {
    let world = World::bodiless(ONE);
    let mut command = world.command("plan");
    command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "http://127.0.0.1:1");
    Ran::of(&mut command).exits(1).says("cannot be reached").says("Check the network");
}

#[test]
fn trouble_is_borne_and_the_rate_limit_waited_for() {
    let world = World::new(ONE);
    world.fault(json!([
        {"kind": "status", "status": 503, "every": 7},
        {"kind": "status", "status": 403, "code": "rateLimitExceeded", "nth": 4},
        {"kind": "status", "status": 429, "retry_after": 1, "nth": 9},
    ]));
    world.sandplan("apply -auto-approve").exits(0).says("rate limit reached, waiting");
    world.no_faults();
    assert_eq!(world.all("instances").len(), 1);
    world.is_settled();
}

#[test]
fn a_cut_connection_makes_no_second_instance_rule_or_key() {
    let world = World::new("");
    let key = world.key("k");
    let all = format!(
        "ssh_key \"k\" {{\n  public_key = \"{key}\"\n}}\n\
         network \"n\" {{\n  ingress {{ ssh = [\"127.0.0.0/8\"] }}\n}}\n\
         sandbox \"a\" {{\n  count = 3\n  network = network.n\n  ssh_keys = [ssh_key.k]\n}}\n"
    );
    world.fault(json!([
        {"kind": "cut_after", "method": "POST", "every": 3},
        {"kind": "cut_before", "method": "POST", "every": 5},
    ]));
    world.apply(&all).exits(0);
    assert_eq!(world.all("instances").len(), 3);
    world.sandplan("destroy -auto-approve").exits(0);
    assert!(world.all("instances").is_empty() && world.all("disks").is_empty());
    assert!(world.rules().is_empty(), "{:#?}", world.rules());
    world.no_faults();
    world.is_settled_empty();
}

#[test]
fn a_zone_that_does_not_answer_does_not_count_as_empty() {
    let world = World::new(ONE);
    world.sandplan("apply -auto-approve").exits(0);
    world.fault(json!([{"kind": "partial", "zone": "us-central1-a"}]));
    let words = told(&world.sandplan("plan").exits(1));
    assert!(words.contains("did not answer") || words.contains("us-central1-a"), "{words}");
    world.no_faults();
    world.is_settled();
}

#[test]
fn an_order_that_the_platform_gives_up_leaves_nothing() {
    let world = World::bodiless(ONE);
    world.fault(json!([{"kind": "operation_fails", "operation": "insert"}]));
    world.sandplan("apply -auto-approve").exits(1).says("INTERNAL_ERROR");
    assert!(world.all("instances").is_empty());
}

impl World {
    /// Insists that the platform holds nothing that is ours.
    fn is_settled_empty(&self) {
        self.write("");
        self.sandplan("drift").exits(0);
    }
}
