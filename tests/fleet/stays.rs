//! The default provider changes while sandboxes are alive.

use crate::shelves::{Shelves, keeps_quiet_of, says};

const TWO: &str = "
sandplan {
  default_provider = \"shelf\"
}
sandbox \"old\" {
  count = 2
}
";

fn on_b(configuration: &str) -> String {
    configuration.replace("\"shelf\"", "\"shelf.b\"")
}

#[test]
fn living_sandboxes_stay_and_new_ones_go_to_the_new_default() {
    let shelves = Shelves::with(TWO);
    shelves.apply(TWO);
    shelves.write(&on_b(TWO));
    let plan = shelves.run("plan -detailed-exitcode").exits(0);
    says(
        &plan,
        &[
            "No changes.",
            "2 sandboxes (sandbox.old[0], …) stay on `shelf`, where they are alive; new ones are made on `shelf.b`.",
            "`provider = \"shelf.b\"` in a block moves its sandboxes",
        ],
    );
    let more = format!("{}sandbox \"new\" {{}}\n", on_b(TWO).replace("count = 2", "count = 3"));
    says(&shelves.apply(&more), &["2 added, 0 changed, 0 destroyed"]);
    assert_eq!(shelves.on("a"), ["sandbox.old[0]", "sandbox.old[1]"]);
    assert_eq!(shelves.on("b"), ["sandbox.new", "sandbox.old[2]"]);
    shelves.is_settled();
    shelves.apply(&more.replace("count = 3", "count = 3\n  labels = { a = \"b\" }"));
    assert_eq!(shelves.on("a"), ["sandbox.old[0]", "sandbox.old[1]"], "a change is no move");
    shelves.run("destroy -auto-approve").exits(0);
    assert!(shelves.on("a").is_empty() && shelves.on("b").is_empty());
}

#[test]
fn the_flag_and_the_environment_are_defaults_like_that_of_the_file() {
    let shelves = Shelves::with(TWO);
    shelves.apply(TWO);
    let flag = shelves.run("plan -detailed-exitcode -provider=shelf.b").exits(0);
    says(&flag, &["2 sandboxes (sandbox.old[0], …) stay on `shelf`"]);
    let mut command = shelves.command("plan -detailed-exitcode");
    let environment = crate::support::Ran::of(command.env("SANDPLAN_PROVIDER", "shelf.b"));
    says(&environment.exits(0), &["2 sandboxes (sandbox.old[0], …) stay on `shelf`"]);
    shelves.write(&TWO.replace("count = 2", "count = 3"));
    shelves.run("apply -auto-approve -provider=shelf.b").exits(0);
    assert_eq!(shelves.on("b"), ["sandbox.old[2]"]);
    shelves.run("validate -provider=local").exits(0);
    shelves.run("new extra -auto-approve -provider=local").exits(0);
    let list = shelves.run("list").exits(0);
    says(&list, &["sandbox.extra local", "sandbox.old[0] shelf", "sandbox.old[2] shelf.b"]);
    shelves.run("destroy -auto-approve -provider=local").exits(0);
    assert!(shelves.on("a").is_empty() && shelves.on("b").is_empty());
}

#[test]
fn a_block_that_names_a_provider_moves_its_sandboxes() {
    let shelves = Shelves::with(TWO);
    shelves.apply(TWO);
    let moved = TWO.replace("count = 2", "count    = 2\n  provider = \"shelf.b\"");
    shelves.write(&moved);
    let plan = shelves.run("plan -detailed-exitcode").exits(2);
    says(&plan, &["because it moves from shelf to shelf.b", "2 to add, 0 to change, 2 to destroy"]);
    keeps_quiet_of(&plan, &["stay on"]);
    shelves.apply(&moved);
    assert!(shelves.on("a").is_empty());
    assert_eq!(shelves.on("b"), ["sandbox.old[0]", "sandbox.old[1]"]);
    // Without the argument they stay where they are now.
    shelves.write(TWO);
    says(&shelves.run("plan -detailed-exitcode").exits(0), &["stay on `shelf.b`"]);
}

#[test]
fn what_is_made_anew_is_made_where_the_configuration_says_now() {
    let shelves = Shelves::with(TWO);
    shelves.apply(TWO);
    shelves.write(&on_b(TWO));
    let asked = shelves.run("plan -replace=sandbox.old[0]").exits(0);
    says(&asked, &["it moves from shelf to shelf.b", "1 to add, 0 to change, 1 to destroy"]);
    says(&asked, &["sandbox.old[1] stays on `shelf`"]);
    let changed = on_b(TWO).replace("count = 2", "count  = 2\n  region = \"far\"");
    shelves.write(&changed);
    says(&shelves.run("plan").exits(0), &["2 to add, 0 to change, 2 to destroy", "shelf.b"]);
    says(&shelves.run("apply -auto-approve").exits(0), &["2 added, 0 changed, 2 destroyed"]);
    assert!(shelves.on("a").is_empty());
    shelves.is_settled();
}

#[test]
fn what_expired_or_is_gone_comes_back_on_the_new_default() {
    let brief = TWO.replace("count = 2", "ttl = \"1s\"");
    let shelves = Shelves::with(&brief);
    shelves.apply(&brief);
    let start = std::time::Instant::now();
    while !shelves.run("expire").stdout.contains("sandbox.old") {
        assert!(start.elapsed().as_secs() < 60, "it never expired");
    }
    shelves.write(&on_b(&brief).replace("1s", "8h"));
    let plan = shelves.run("plan").exits(0);
    says(&plan, &["expired", "it moves from shelf to shelf.b"]);
    // Cron finds what has expired wherever it is, though nothing names that provider.
    let file = std::fs::read_to_string(shelves.env.work().join("sandboxes.hcl")).unwrap();
    shelves.env.write(
        "sandboxes.hcl",
        file.replacen("provider \"shelf\" {", "provider \"shelf\" {\n  parallel = 2", 1),
    );
    says(&shelves.run("expire -apply").exits(0), &["destroyed: sandbox.old"]);
    shelves.run("apply -auto-approve").exits(0);
    assert_eq!(shelves.on("b"), ["sandbox.old"]);
}

#[test]
fn what_its_provider_refuses_says_how_to_move_away() {
    let shelves = Shelves::with("sandbox \"a\" {}\n");
    shelves.run("apply -auto-approve").exits(0);
    shelves.write(
        "sandplan {\n  default_provider = \"shelf\"\n}\nsandbox \"a\" {\n  region = \"far\"\n}\n",
    );
    let refused = shelves.run("plan").exits(1);
    says(
        &refused,
        &[
            "The provider `local` cannot honour `region`.",
            "it is alive on `local` and stays there; `provider = \"shelf\"` in its block moves it",
        ],
    );
}
