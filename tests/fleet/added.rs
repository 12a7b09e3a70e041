//! A platform that this build does not have, added in one value: every command works on
//! it as on the others.

use serde_json::Value as Json;

use crate::shelves::{Shelves, keeps_quiet_of, says};

const ONE: &str = r#"
sandplan {
  default_provider = "shelf"
}
sandbox "web" {
  ttl = "8h"
  env = { GREETING = "hello" }

  provision "note" {
    run = ["sh", "-c", "echo done >note"]
  }
}
output "id" {
  value = sandbox.web.id
}
"#;

#[test]
fn every_command_works_on_a_platform_that_was_added() {
    let shelves = Shelves::with(ONE);
    shelves.run("validate").exits(0);
    let plan = shelves.run("plan -detailed-exitcode").exits(2);
    says(&plan, &["sandbox.web will be created", "1 to add", "will run: provision:note"]);
    shelves.run("plan -out=saved").exits(0);
    shelves.run("apply saved").exits(0);
    assert_eq!(shelves.on("a"), ["sandbox.web"]);
    shelves.is_settled();
    says(&shelves.run("list").exits(0), &["sandbox.web shelf ready"]);
    let exec = shelves.run("exec web -- cat note").exits(0);
    assert_eq!(exec.stdout, "done\n");
    let exec = shelves.run("exec web -- printenv GREETING").exits(0);
    assert_eq!(exec.stdout, "hello\n");
    shelves.run("exec web -- false").exits(1);
    shelves.run("drift").exits(0);
    says(&shelves.run("init").exits(0), &["the shelf"]);
    says(&shelves.run("state list").exits(0), &["sandbox.web"]);
    let id = shelves.run("output -raw id").exits(0).stdout;
    assert!(id.starts_with("shelf-"), "{id}");
    shelves.write(&ONE.replace("8h", "4h"));
    says(&shelves.run("apply -auto-approve").exits(0), &["0 added, 1 changed, 0 destroyed"]);
    shelves.run("destroy -auto-approve").exits(0);
    assert!(shelves.on("a").is_empty());
}

#[test]
fn what_happened_on_an_added_platform_is_found_told_and_mended() {
    let shelves = Shelves::with(ONE);
    shelves.run("apply -auto-approve").exits(0);
    let id = shelves.run("output -raw id").exits(0).stdout;
    shelves.unset("a", &format!("{id}.json"));
    let drift = shelves.run("drift -json").exits(2);
    let drift: Json = serde_json::from_str(&drift.stdout).unwrap();
    assert_eq!(drift["summary"]["gone"], 1);
    shelves.run("apply -auto-approve").exits(0);
    assert_eq!(shelves.on("a"), ["sandbox.web"]);
    std::fs::remove_dir_all(shelves.env.work().join(".sandplan")).unwrap();
    says(&shelves.run("drift").exits(2), &["1 orphan"]);
    shelves.run("state recover").exits(0);
    says(&shelves.run("list").exits(0), &["sandbox.web shelf"]);
}

#[test]
fn what_expired_on_an_added_platform_is_destroyed_by_label() {
    let shelves = Shelves::with(&ONE.replace("8h", "1s"));
    shelves.run("apply -auto-approve").exits(0);
    let expired = || shelves.run("expire");
    let start = std::time::Instant::now();
    while !expired().stdout.contains("sandbox.web") {
        assert!(start.elapsed().as_secs() < 60, "it never expired");
    }
    says(&shelves.run("expire -apply").exits(0), &["destroyed: sandbox.web"]);
    assert!(shelves.on("a").is_empty());
}

#[test]
fn an_added_platform_has_a_block_of_its_own_and_is_suggested() {
    let shelves = Shelves::with("sandbox \"a\" {\n  provider = \"shelf\"\n  shelf {}\n}\n");
    shelves.run("validate").exits(0);
    shelves.write("sandbox \"a\" {\n  provider = \"shelf.c\"\n}\n");
    let missing = shelves.run("validate").exits(1);
    says(
        &missing,
        &["No `provider \"shelf\"` block with `alias = \"c\"` is in the configuration."],
    );
    shelves.write("sandbox \"a\" {\n  provider = \"local\"\n  region   = \"fsn1\"\n}\n");
    let refused = shelves.run("validate").exits(1);
    says(&refused, &["The provider `local` cannot honour `region`", "`shelf`"]);
    keeps_quiet_of(&refused, &["No provider of this build"]);
}
