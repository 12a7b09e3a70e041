//! What is ordered, what it costs, and what happens when there is no room.

use serde_json::json;

use crate::emulator::settings::Settings;
use crate::world::{World, last, told};

const ONE: &str = "sandbox \"a\" {\n  gcp { machine_type = \"e2-standard-4\" }\n}\n";

#[test]
fn where_a_zone_has_no_room_the_next_is_tried_and_that_is_no_drift() {
    let world = World::new(ONE);
    let plan = told(&world.sandplan("plan").exits(0));
    let tries = "tries e2-standard-4 in us-central1-a, us-central1-b, us-central1-c";
    assert!(plan.contains(tries), "{plan}");
    world.fault(json!([{"kind": "no_capacity", "zone": "us-central1-a"}]));
    world.sandplan("apply -auto-approve").exits(0);
    assert_eq!(last(&world.instance()["zone"]), "us-central1-b");
    world.no_faults();
    world.is_settled();
}

#[test]
fn nothing_left_with_room_exits_4_and_names_what_was_tried() {
    let world = World::bodiless(ONE);
    let code = "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS";
    world.fault(json!([{"kind": "no_capacity", "code": code}]));
    let words = told(&world.sandplan("apply -auto-approve").exits(4));
    let tried = "Google Cloud has no room now for e2-standard-4 in us-central1-a";
    assert!(words.contains(tried) && words.contains("us-central1-f"), "{words}");
    assert!(world.all("instances").is_empty() && world.all("disks").is_empty());
}

#[test]
fn a_quota_that_is_used_up_exits_4() {
    let settings = Settings { cpu_quota: 4, ..Settings::default() };
    let world = World::with(&ONE.replace("{\n  gcp", "{\n  count = 2\n  gcp"), settings);
    let words = told(&world.sandplan("apply -auto-approve").exits(4));
    assert!(words.contains("Quota 'CPUS' exceeded"), "{words}");
    assert_eq!(world.all("instances").len(), 1);
}

#[test]
fn what_cannot_be_ordered_is_refused_with_what_can() {
    let world = World::bodiless("");
    let cases: [(&str, i32, &[&str]); 9] = [
        (
            "sandbox \"a\" {\n  gcp { machine_type = \"e2-standart-4\" }\n}\n",
            1,
            &["error[unknown-server-type]", "did you mean `e2-standard-4`?"],
        ),
        (
            "sandbox \"a\" {\n  region = \"us-east1\"\n}\n",
            1,
            &["in none of this provider's regions", "region = [\"us-central1\", \"us-east1\"]"],
        ),
        (
            "provider \"gcp\" {\n  region = \"us-centra1\"\n}\nsandbox \"a\" {}\n",
            1,
            &["no region `us-centra1`"],
        ),
        (
            "sandbox \"a\" {\n  image = \"debian-12\"\n}\n",
            1,
            &["no image `debian-12`", "ubuntu-24.04"],
        ),
        ("sandbox \"a\" {\n  ttl = \"5s\"\n}\n", 1, &["30 seconds to 120 days"]),
        ("sandbox \"a\" {\n  ttl = \"200d\"\n}\n", 1, &["30 seconds to 120 days"]),
        (
            "sandbox \"a\" {\n  labels = { Team = \"A\" }\n}\n",
            1,
            &["error[invalid-label]", "write `team`"],
        ),
        (
            "provider \"gcp\" {\n  prices = { \"e2-standard-4\" = \"cheap\" }\n}\nsandbox \"a\" {}\n",
            1,
            &["error[invalid-prices]"],
        ),
        (
            "provider \"gcp\" {\n  prices = { \"e2-standard-4\" = 0.134 }\n}\n\
             sandplan {\n  limits { max_hourly_cost = \"0.2 USD\" }\n}\n\
             sandbox \"a\" {\n  count = 2\n  gcp { machine_type = \"e2-standard-4\" }\n}\n",
            3,
            &["would cost 0.268 USD per hour"],
        ),
    ];
    for (configuration, code, texts) in cases {
        world.write(configuration);
        let said = told(&world.sandplan("plan").exits(code));
        for text in texts {
            assert!(said.contains(text), "{text:?} is not in {said}");
        }
    }
    assert!(world.all("instances").is_empty());
}

#[test]
fn what_nobody_has_a_price_for_costs_unknown() {
    let world = World::bodiless("sandbox \"a\" {}\n");
    world.sandplan("plan").exits(0).says("hourly_cost").says("unknown");
    world.write(
        "provider \"gcp\" {\n  prices = { \"n2-highcpu-8\" = 0.01 }\n}\nsandbox \"a\" {\n  \
         size = { vcpus = 4 }\n}\n",
    );
    world.sandplan("plan").exits(0).says("n2-highcpu-8").says("0.01 USD");
}
