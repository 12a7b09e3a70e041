//! Providers that are down: the others go on, and what is left undone is said.

use serde_json::Value as Json;

use crate::shelves::{Shelves, keeps_quiet_of, says};

/// One sandbox here, two on each shelf, and some that depend on others.
const FLEET: &str = r#"
sandbox "here" {}
sandbox "a" {
  count    = 2
  provider = "shelf"
}
sandbox "b" {
  count    = 2
  provider = "shelf.b"
}
sandbox "user" {
  env = { B = sandbox.b[0].id }
}
"#;

const DOWN: &str = "the shelf is being painted";

/// The fleet is alive, and shelf b is down.
fn down(why: &str) -> Shelves {
    let shelves = Shelves::with(FLEET);
    shelves.apply(FLEET);
    shelves.set("b", "down", why);
    shelves
}

#[test]
fn a_plan_is_made_of_the_rest_and_names_what_it_leaves_alone() {
    let shelves = down(DOWN);
    shelves.write(&FLEET.replace("count    = 2", "count    = 3"));
    let plan = shelves.run("plan -detailed-exitcode").exits(1);
    says(
        &plan,
        &[
            "sandbox.a[2] will be created",
            "Plan: 1 to add, 0 to change, 0 to destroy.",
            "Not planned: provider shelf.b cannot be worked with",
            "sandbox.b[0] on shelf.b: left as it is",
            "sandbox.b[2] on shelf.b: not made",
            DOWN,
            "[provider-unreachable]",
            "Left as it is: sandbox.b[0], sandbox.b[1]",
        ],
    );
    keeps_quiet_of(&plan, &["sandbox.here", "deleted"]);
}

#[test]
fn an_apply_carries_out_the_rest_and_a_later_one_ends_it() {
    let shelves = Shelves::with(FLEET);
    shelves.set("b", "down", DOWN);
    shelves.write(FLEET);
    let applied = shelves.run("apply -auto-approve").exits(1);
    says(
        &applied,
        &[
            "3 added, 0 changed, 0 destroyed",
            "sandbox.user on local: not made, for it depends on sandbox.b[0]",
            "Not made: sandbox.b[0], sandbox.b[1], sandbox.user.",
        ],
    );
    assert_eq!(shelves.on("a"), ["sandbox.a[0]", "sandbox.a[1]"]);
    shelves.unset("b", "down");
    says(&shelves.run("apply -auto-approve").exits(0), &["3 added, 0 changed, 0 destroyed"]);
    shelves.is_settled();
}

#[test]
fn a_provider_without_credentials_is_left_out_with_the_exit_code_of_that() {
    let shelves = down("access denied: the token is wrong");
    shelves.write(&FLEET.replace("count    = 2", "count    = 1"));
    let applied = shelves.run("apply -auto-approve").exits(7);
    says(&applied, &["0 added, 0 changed, 1 destroyed", "the token is wrong"]);
    assert_eq!(shelves.on("a"), ["sandbox.a[0]"]);
    assert_eq!(shelves.on("b").len(), 2);
    let list = shelves.run("list").exits(7);
    says(&list, &["sandbox.b[1] shelf.b unreachable", "sandbox.a[0] shelf ready"]);
}

#[test]
fn a_plan_is_saved_with_what_it_leaves_alone() {
    let shelves = down(DOWN);
    shelves.write(&FLEET.replace("count    = 2", "count    = 3"));
    shelves.run("plan -out=saved").exits(1);
    says(&shelves.run("show saved").exits(0), &["sandbox.b[2] on shelf.b: not made"]);
    let json = shelves.run("show -json saved").exits(0);
    let json: Json = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["sandplan"]["left"].as_array().unwrap().len(), 3);
    assert_eq!(json["sandplan"]["outages"][0]["provider"], "shelf.b");
    let applied = shelves.run("apply saved").exits(1);
    says(&applied, &["1 added, 0 changed, 0 destroyed", "[provider-unreachable]"]);
    shelves.unset("b", "down");
    says(&shelves.run("apply -auto-approve").exits(0), &["1 added, 0 changed, 0 destroyed"]);
}

#[test]
fn programs_are_told_line_by_line() {
    let shelves = down(DOWN);
    let plan = shelves.run("plan -json").exits(1);
    let lines: Vec<Json> =
        plan.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let left: Vec<&Json> = lines.iter().filter(|line| line["type"] == "left_alone").collect();
    assert_eq!(left.len(), 2, "{}", plan.stdout);
    assert_eq!(left[0]["left"]["unreachable"], "shelf.b");
    let last = lines.last().unwrap();
    assert_eq!(last["diagnostic"]["code"], "provider-unreachable", "{}", plan.stdout);
}

#[test]
fn nothing_of_a_provider_that_is_down_counts_as_gone() {
    let shelves = down(DOWN);
    let drift = shelves.run("drift -json").exits(1);
    let drift: Json = serde_json::from_str(&drift.stdout).unwrap();
    assert_eq!(drift["drifted"], false);
    assert_eq!(drift["outages"][0]["provider"], "shelf.b");
    says(&shelves.run("drift").exits(1), &["Not asked", DOWN, "No drift among what was asked."]);
    says(&shelves.run("drift -markdown").exits(1), &["### Not asked"]);
    says(&shelves.run("apply -auto-approve -refresh-only").exits(1), &["0 added"]);
    says(&shelves.run("state list").exits(0), &["sandbox.b[0]", "sandbox.b[1]"]);
    shelves.unset("b", "down");
    shelves.is_settled();
}

#[test]
fn a_destroy_takes_what_it_can_and_spares_what_is_still_needed() {
    let needed = format!(
        "{FLEET}sandbox \"far\" {{\n  provider = \"shelf.b\"\n  env      = {{ A = sandbox.a[0].id }}\n}}\n"
    );
    let shelves = Shelves::with(&needed);
    shelves.apply(&needed);
    shelves.set("b", "down", DOWN);
    let destroyed = shelves.run("destroy -auto-approve").exits(1);
    says(
        &destroyed,
        &["sandbox.a[0] on shelf: left as it is, for sandbox.far depends on it", "2 destroyed"],
    );
    assert_eq!(shelves.on("a"), ["sandbox.a[0]", "sandbox.a[1]"]);
    assert_eq!(shelves.on("b").len(), 3);
    shelves.unset("b", "down");
    says(&shelves.run("destroy -auto-approve").exits(0), &["5 destroyed"]);
    assert!(shelves.on("a").is_empty() && shelves.on("b").is_empty());
}

#[test]
fn what_expired_elsewhere_is_destroyed_though_one_is_down() {
    let brief = FLEET.replace("count    = 2", "count    = 1\n  ttl      = \"1s\"");
    let shelves = Shelves::with(&brief);
    shelves.apply(&brief);
    let start = std::time::Instant::now();
    while shelves.run("expire").stdout.lines().count() < 2 {
        assert!(start.elapsed().as_secs() < 60, "they never expired");
    }
    shelves.set("b", "down", DOWN);
    let expired = shelves.run("expire -apply").exits(1);
    says(&expired, &["destroyed: sandbox.a[0]", DOWN]);
    assert!(shelves.on("a").is_empty());
    assert_eq!(shelves.on("b").len(), 1);
    shelves.unset("b", "down");
    says(&shelves.run("expire -apply").exits(0), &["destroyed: sandbox.b[0]"]);
}

#[test]
fn what_is_left_out_by_hand_is_no_error() {
    let shelves = down(DOWN);
    shelves.write(&FLEET.replace("count    = 2", "count    = 3"));
    let applied = shelves.run("apply -auto-approve -exclude=sandbox.b").exits(0);
    says(&applied, &["1 added, 0 changed, 0 destroyed"]);
    shelves.run("plan -target=sandbox.a").exits(0);
    shelves.run("plan -target=sandbox.b").exits(1);
}

#[test]
fn where_nothing_can_be_worked_with_the_plan_fails_as_ever() {
    let shelves = Shelves::with("sandbox \"b\" {\n  provider = \"shelf.b\"\n}\n");
    shelves.run("apply -auto-approve").exits(0);
    shelves.set("b", "down", DOWN);
    let plan = shelves.run("plan").exits(1);
    says(&plan, &["[refresh-failed]", DOWN]);
    assert_eq!(plan.stdout, "");
}

#[test]
fn a_provider_that_fails_half_way_does_not_stop_the_others() {
    let shelves = Shelves::with(FLEET);
    shelves.apply(FLEET);
    shelves.write(&FLEET.replace("count    = 2", "count    = 3"));
    shelves.run("plan -out=saved").exits(0);
    shelves.set("b", "down", DOWN);
    let applied = shelves.run("apply saved").exits(1);
    says(&applied, &["1 added, 0 changed, 0 destroyed", DOWN]);
    assert_eq!(shelves.on("a").len(), 3);
    shelves.unset("b", "down");
    says(&shelves.run("apply -auto-approve").exits(0), &["1 added, 0 changed, 0 destroyed"]);
}

#[test]
fn each_provider_has_its_own_limit_and_a_slow_one_holds_up_nobody() {
    let shelves = Shelves::with("");
    shelves.set("b", "latency", "1500");
    let file = std::fs::read_to_string(shelves.env.work().join("sandboxes.hcl")).unwrap();
    let limited = file.replacen("\"../a\"", "\"../a\"\n  parallel = 3", 1);
    let limited = limited.replacen("\"../b\"", "\"../b\"\n  parallel = 1", 1);
    let fleet = "sandbox \"a\" {\n  count    = 8\n  provider = \"shelf\"\n}\nsandbox \"b\" {\n  count    = 3\n  provider = \"shelf.b\"\n}\n";
    shelves.env.write("sandboxes.hcl", format!("{limited}{fleet}"));
    let applied = shelves.run("apply -auto-approve").exits(0);
    assert_eq!((&*shelves.read("a", "most"), &*shelves.read("b", "most")), ("3", "1"));
    let ended = |name: &str| {
        let is_end = |line: &&str| line.contains(name) && line.contains("Creation complete");
        let lines = applied.stdout.lines().chain(applied.stderr.lines()).collect::<Vec<_>>();
        lines.iter().rposition(is_end).unwrap()
    };
    assert!(ended("sandbox.a[7]") < ended("sandbox.b[1]"), "{}", applied.stderr);
}
