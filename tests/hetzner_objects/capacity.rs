//! What is ordered, what it costs, and what happens when there is no room.

use serde_json::json;

use crate::emulator::settings::Settings;
use crate::world::{World, told};

const LISTS: &str = r#"
sandbox "a" {
  region = ["ash", "hil"]
  hetzner { server_type = ["cpx32", "cpx42"] }
  ttl = "90m"
}
"#;

#[test]
fn the_first_candidate_with_room_is_taken_and_is_no_drift_afterwards() {
    let world = World::new(LISTS);
    let plan = world.sandplan("plan").exits(0);
    let tries = "tries cpx32 in ash, else cpx42 in ash, else cpx32 in hil, else cpx42";
    plan.says(tries).says("0.026061 EUR (at most 0.046648) per hour");
    world.fault(json!([{"kind": "no_capacity", "server_type": "cpx32", "location": "ash"}]));
    world.sandplan("apply -auto-approve").exits(0);
    let server = world.server();
    assert_eq!(server["server_type"]["name"], "cpx42");
    assert_eq!(server["location"]["name"], "ash");
    world.no_faults();
    world.is_settled();
    world.sandplan("list").exits(0).says("0.046648 EUR");
    let shown = world.sandplan("state show sandbox.a").exits(0);
    shown.says("server_type = \"cpx42\"").says("hourly_cost = \"0.046648 EUR\"");
}

#[test]
fn nothing_left_with_room_exits_4_and_names_what_was_tried() {
    let world = World::bodiless(LISTS);
    world.fault(json!([{"kind": "no_capacity", "server_type": "*", "location": "*"}]));
    let ran = world.sandplan("apply -auto-approve").exits(4);
    let words = told(&ran);
    assert!(words.contains("no room now for cpx32 in ash, cpx42 in ash, cpx32 in hil"), "{words}");
    assert!(words.contains("Add further regions or server types"), "{words}");
    assert_eq!(words.matches("resource_unavailable").count(), 0, "{words}");
    assert!(world.all("servers").is_empty());
}

#[test]
fn what_is_listed_as_out_of_stock_is_tried_last() {
    let world = World::bodiless(LISTS);
    let fault = json!([{
        "kind": "no_capacity", "server_type": "cpx32", "location": "ash", "listed": true
    }]);
    world.fault(fault);
    let plan = world.sandplan("plan").exits(0);
    plan.says("tries cpx42 in ash, else cpx32 in hil").says("so it is tried last");
}

#[test]
fn a_quota_that_is_used_up_exits_4_and_what_was_made_stays() {
    let settings = Settings { server_limit: 1, ..Settings::default() };
    let world = World::with("sandbox \"a\" {\n  count = 2\n}\n", settings);
    let ran = world.sandplan("apply -auto-approve").exits(4);
    ran.says("Quota exceeded").says("resource_limit_exceeded").says("ask for a higher");
    assert_eq!(world.all("servers").len(), 1);
}

#[test]
fn a_server_whose_creation_fails_is_kept_as_tainted_with_its_price_and_then_replaced() {
    let world = World::new("sandbox \"a\" {}\n");
    world.fault(json!([{"kind": "action_fails", "command": "create_server"}]));
    let ran = world.sandplan("apply -auto-approve").exits(1);
    ran.says("The action `create_server` failed").says("replaces it");
    let first = world.all("servers")[0]["id"].clone();
    world.sandplan("list").exits(0).says("tainted").says("0.026061 EUR");
    world.no_faults();
    world.sandplan("plan").exits(0).says("sandbox.a is tainted, so must be replaced");
    world.sandplan("apply -auto-approve").exits(0);
    assert_ne!(world.server()["id"], first);
    world.is_settled();
}

#[test]
fn what_cannot_be_ordered_is_refused_with_what_can() {
    let world = World::bodiless("");
    let cases: [(&str, i32, &[&str]); 6] = [
        (
            "sandbox \"a\" {\n  hetzner { server_type = \"cpx31\" }\n}\n",
            1,
            &["cannot be ordered in ash since 2025-12-31", "help: use `cpx32`"],
        ),
        (
            "sandbox \"a\" {\n  hetzner { server_type = \"cpx3\" }\n}\n",
            1,
            &["error[unknown-server-type]", "did you mean"],
        ),
        ("sandbox \"a\" {\n  region = \"asg\"\n}\n", 1, &["no location `asg`", "mean `ash`?"]),
        (
            "sandbox \"a\" {\n  image = \"ubunut-24.04\"\n}\n",
            1,
            &["no image `ubunut-24.04`", "did you mean `ubuntu-24.04`?"],
        ),
        (
            "sandbox \"a\" {\n  size = { vcpus = 400 }\n}\n",
            1,
            &["error[no-fitting-type]", "The largest is `ccx63`"],
        ),
        (
            "sandplan {\n  limits { max_hourly_cost = \"0.05 EUR\" }\n}\nsandbox \"a\" {\n  count = 3\n}\n",
            3,
            &["would cost 0.078183 EUR per hour"],
        ),
    ];
    for (configuration, code, texts) in cases {
        world.write(configuration);
        let said = told(&world.sandplan("plan").exits(code));
        for text in texts {
            assert!(said.contains(text), "{text:?} is not in {said}");
        }
    }
    assert!(world.all("servers").is_empty());
}

#[test]
fn the_region_of_the_command_line_counts_before_the_one_of_the_provider() {
    let world =
        World::bodiless("provider \"hetzner\" {\n  region = \"fsn1\"\n}\nsandbox \"a\" {}\n");
    world.sandplan("plan").exits(0).says("location    = \"fsn1\"").says("\"cx33\"");
    world.sandplan("plan -region=hil").exits(0).says("location    = \"hil\"").says("\"cpx32\"");
}

#[test]
fn the_price_is_in_the_plan_its_json_and_the_saved_plan() {
    let world = World::bodiless("sandbox \"a\" {\n  ttl = \"90m\"\n}\n");
    let whole = "0.026061 EUR per hour, 0.052122 EUR for its TTL of 90m";
    let plan = world.sandplan("plan -out=p").exits(0).says(whole);
    plan.says("Price: 0.026061 EUR per hour for 1 sandbox, 0.052122 EUR for its TTL.");
    world.sandplan("show p").exits(0).says(whole);
    world.sandplan("show -json p").exits(0).says("0.026061");
    world.sandplan("plan -json").exits(0).says("\"0.052122\"");
}
