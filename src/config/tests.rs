//! Each block type as it should be, and what is said when it is not.

use std::collections::BTreeMap;
use std::path::Path;

use super::inputs::{Given, Inputs, assign};
use crate::diagnostic::Sources;
use crate::plan::tests::fixture::config;
use crate::value::Value;

#[track_caller]
fn problem(text: &str) -> (String, String) {
    let problems = config(text).expect_err(text);
    assert_eq!(problems.len(), 1, "{text}: {problems}");
    let problem = problems.iter().next().expect("a problem");
    let range = problem.range.as_ref().unwrap_or_else(|| panic!("{text}: no range"));
    (problem.code.to_string(), range.start.line.to_string())
}

#[test]
fn every_block_type_reads() {
    let config = config(
        r#"
        sandplan {
          required_version = ">= 0.1"
          project          = "shop"
          default_provider = "local"
          backend "sqlite" { path = "x.db" }
          limits {
            max_ttl           = "24h"
            max_sandboxes     = 12
            max_hourly_cost   = "2.50 EUR"
            allowed_providers = ["local"]
          }
        }
        provider "local" { parallel = 3 }
        provider "local" { alias = "b" }
        variable "v" {
          type        = list(string)
          default     = ["a"]
          description = "d"
          sensitive   = true
          nullable    = false
          validation {
            condition     = length(var.v) > 0
            error_message = "Some."
          }
        }
        locals { l = 1 }
        profile "p" { image = "i" }
        sandbox "s" {
          for_each   = toset(["a"])
          provider   = "local.b"
          profile    = profile.p
          depends_on = [sandbox.t]
          lifecycle {
            create_before_destroy = true
            prevent_destroy       = true
            ignore_changes        = [labels["a"], env]
            replace_triggered_by  = [sandbox.t]
            precondition {
              condition     = true
              error_message = "No."
            }
          }
        }
        sandbox "t" { count = 2 }
        output "o" {
          value      = sandbox.t[0].id
          sensitive  = true
          depends_on = [sandbox.s]
        }
        "#,
    )
    .expect("sound");
    assert_eq!(config.settings.project.as_deref(), Some("shop"));
    assert_eq!(config.providers.len(), 2);
    assert!(config.settings.limits.max_ttl.is_some());
    let lifecycle = &config.resources.values().next().expect("a resource").lifecycle;
    assert!(lifecycle.create_before_destroy && lifecycle.prevent_destroy);
    assert_eq!(lifecycle.preconditions.len(), 1);
    assert!(config.outputs["o"].sensitive);
    assert!(config.variables["v"].sensitive);
}

#[test]
fn what_is_wrong_is_told_once_and_where() {
    for (text, code, line) in [
        ("a = 1", "unknown-argument", "1"),
        ("sandbocks \"a\" {}", "unknown-block", "1"),
        ("module \"a\" {}", "unsupported-block", "1"),
        ("sandbox {}", "block-labels", "1"),
        ("sandbox \"a\" \"b\" {}", "block-labels", "1"),
        ("sandbox \"1a\" {}", "invalid-name", "1"),
        ("sandbox \"a\" {}\nsandbox \"a\" {}", "duplicate-address", "2"),
        ("sandbox \"a\" {\n imgae = \"x\"\n}", "unknown-argument", "2"),
        ("sandbox \"a\" {\n id = \"x\"\n}", "computed-argument", "2"),
        ("sandbox \"a\" {\n toolchain = {}\n}", "block-as-argument", "2"),
        ("sandbox \"a\" {\n file \"/x\" {\n }\n}", "missing-argument", "2"),
        ("sandbox \"a\" {\n ready {\n }\n ready {\n }\n}", "duplicate-block", "4"),
        ("sandbox \"a\" {\n count = 1\n for_each = {}\n}", "count-and-for-each", "3"),
        ("sandbox \"a\" {\n depends_on = sandbox.b\n}", "not-a-list", "2"),
        ("sandbox \"a\" {\n depends_on = [\"sandbox.b\"]\n}", "invalid-depends-on", "2"),
        ("sandbox \"a\" {\n depends_on = [sandbox.b.id]\n}", "invalid-depends-on", "2"),
        ("sandbox \"a\" {\n depends_on = [[sandbox.b]]\n}", "invalid-depends-on", "2"),
        ("sandbox \"a\" {\n lifecycle {\n prevent_destroy = var.x\n }\n}", "not-constant", "3"),
        ("sandbox \"a\" {\n lifecycle {\n prevent_destroy = 5\n }\n}", "wrong-type", "3"),
        (
            "sandbox \"a\" {\n lifecycle {\n ignore_changes = [\"env\"]\n }\n}",
            "invalid-ignore-changes",
            "3",
        ),
        ("sandbox \"a\" {\n lifecycle {\n ignore_changes = [evn]\n }\n}", "unknown-argument", "3"),
        (
            "sandbox \"a\" {\n lifecycle {\n precondition {\n condition = true\n }\n }\n}",
            "missing-argument",
            "3",
        ),
        ("sandbox \"a\" {\n profile = \"p\"\n}", "invalid-profile", "2"),
        ("profile \"p\" {\n count = 1\n}", "unknown-argument", "2"),
        ("provider \"local\" {}\nprovider \"local\" {}", "duplicate-address", "2"),
        ("provider \"local\" {\n alias = 1\n}", "wrong-type", "2"),
        ("variable \"a\" {\n deflaut = 1\n}", "unknown-argument", "2"),
        ("variable \"count\" {}", "invalid-name", "1"),
        ("variable \"a\" {\n type = number\n default = \"x\"\n}", "invalid-default", "3"),
        ("variable \"a\" {\n nullable = false\n default = null\n}", "invalid-default", "3"),
        ("variable \"a\" {}\nvariable \"a\" {}", "duplicate-address", "2"),
        ("locals {\n a = 1\n}\nlocals {\n a = 2\n}", "duplicate-address", "5"),
        ("locals {\n b {\n }\n}", "unknown-block", "2"),
        ("output \"a\" {\n}", "missing-argument", "1"),
        ("output \"a\" {\n value = 1\n sensitve = true\n}", "unknown-argument", "3"),
        ("sandplan {\n required_version = \">= 99\"\n}", "unsupported-version", "2"),
        ("sandplan {\n required_version = \"new\"\n}", "invalid-version", "2"),
        ("sandplan {\n project = \"-x\"\n}", "invalid-project", "2"),
        ("sandplan {\n backend \"s3\" {\n }\n}", "unknown-backend", "2"),
        ("sandplan {\n limits {\n max_ttl = \"1 day\"\n }\n}", "invalid-limit", "3"),
        (
            "sandplan {\n project = \"a\"\n}\nsandplan {\n project = \"b\"\n}",
            "duplicate-setting",
            "5",
        ),
        ("sandplan {\n limits {\n }\n}\nsandplan {\n limits {\n }\n}", "duplicate-setting", "6"),
        (
            "sandplan {\n backend \"sqlite\" {\n }\n}\nsandplan {\n backend \"sqlite\" {\n }\n}",
            "duplicate-setting",
            "6",
        ),
    ] {
        assert_eq!(problem(text), (code.to_owned(), line.to_owned()), "{text}");
    }
}

#[test]
fn several_settings_blocks_add_up() {
    let config = config("sandplan {\n project = \"a\"\n limits {\n max_sandboxes = 2\n }\n}\nsandplan {\n default_provider = \"hetzner\"\n}").expect("sound");
    assert_eq!(config.settings.project.as_deref(), Some("a"));
    assert!(config.settings.limits.max_sandboxes.is_some());
}

fn assigned(declaration: &str, inputs: &Inputs, directory: &Path) -> Result<Value, String> {
    let config = config(&format!("variable \"v\" {{\n{declaration}\n}}")).expect("sound");
    let assigned = assign(&config.variables, inputs, directory, &mut Sources::default(), false);
    assigned.map(|(values, _)| values["v"].clone()).map_err(|problems| problems.to_string())
}

fn given(text: &str) -> Inputs {
    let given = vec![Given::Variable { name: "v".to_owned(), text: text.to_owned() }];
    Inputs { given, ..Inputs::default() }
}

#[test]
fn a_text_from_the_command_line_becomes_what_the_type_says() {
    let nowhere = Path::new("/nowhere");
    for (kind, text, expected) in [
        ("", "[1]", Value::from("[1]")),
        ("type = string", "null", Value::from("null")),
        ("type = string", "007", Value::from("007")),
        ("type = number", "7", Value::from(7)),
        ("type = bool", "true", Value::from(true)),
        ("type = any", "[\"a\"]", Value::tuple([Value::from("a")])),
        ("type = any\nsensitive = true", "\"a\"", Value::from("a").sensitive()),
        ("type = string\ndefault = \"d\"", "", Value::from("")),
    ] {
        assert_eq!(assigned(kind, &given(text), nowhere), Ok(expected), "{kind} {text}");
    }
    for (kind, text, words) in [
        ("type = number", "x", "from -var v=…"),
        ("type = list(string)", "a", ""),
        ("type = list(string)", "{}", "list of string"),
    ] {
        let problem = assigned(kind, &given(text), nowhere).expect_err(text);
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn the_last_value_wins() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("writes");
    };
    let mut inputs = Inputs::default();
    let value = |inputs: &Inputs| {
        let value = assigned("type = string\ndefault = \"default\"", inputs, directory.path());
        value.expect("a value").as_str().expect("a text").to_owned()
    };
    assert_eq!(value(&inputs), "default");
    inputs.environment = BTreeMap::from([("v".to_owned(), "environment".to_owned())]);
    assert_eq!(value(&inputs), "environment");
    write("sandboxes.hclvars", "v = \"file\"");
    assert_eq!(value(&inputs), "file");
    write("b.auto.hclvars", "v = \"b\"");
    write("a.auto.hclvars", "v = \"a\"");
    assert_eq!(value(&inputs), "b");
    write("given.hclvars", "v = \"given\"");
    inputs.given.push(Given::File(directory.path().join("given.hclvars")));
    assert_eq!(value(&inputs), "given");
    inputs.given.push(Given::Variable { name: "v".to_owned(), text: "typed".to_owned() });
    assert_eq!(value(&inputs), "typed");
}

#[test]
fn a_variable_without_a_value_says_how_to_give_it() {
    let problem = assigned("", &Inputs::default(), Path::new("/nowhere")).expect_err("no value");
    assert!(problem.contains("-var v=…") && problem.contains("SANDPLAN_VAR_v"), "{problem}");
    let undeclared = Inputs {
        given: vec![Given::Variable { name: "w".to_owned(), text: String::new() }],
        ..Inputs::default()
    };
    let problem = assigned("default = 1", &undeclared, Path::new("/nowhere")).expect_err("no w");
    assert!(problem.contains("`w` was given"), "{problem}");
}
