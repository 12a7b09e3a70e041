//! Order, references and what evaluation makes of names.

use crate::address::BlockAddress;
use crate::graph::Desired;
use crate::plan::tests::fixture::{change, desired, nothing, plan_of, problems_of};
use crate::value::Value;

fn needs(desired: &Desired, block: &str) -> Vec<String> {
    let block: crate::address::Address = block.parse().expect("an address");
    let needs = desired.dependencies(&block.block).into_iter().flatten();
    needs.map(ToString::to_string).collect()
}

fn codes(text: &str) -> Vec<String> {
    let problems = desired(text).err().unwrap_or_else(|| panic!("no problem in {text}"));
    problems.iter().map(|p| p.code.to_string()).collect()
}

#[test]
fn references_are_found_wherever_they_stand() {
    let inside = [
        "env = { A = sandbox.z.id }",
        "env = { (sandbox.z.name) = \"a\" }",
        "depends_on = [sandbox.z]",
        "depends_on = [sandbox.z[\"k\"]]",
        "packages = sandbox.z[*].id",
        "packages = [for s in sandbox.z : s.id]",
        "file \"/home/agent/a\" { content = \"${sandbox.z.id}\" }",
        "file \"/home/agent/a\" {\n content = <<-X\n %{ if sandbox.z.id == \"\" }a%{ endif }\n X\n }",
        "provision \"a\" { run = [sandbox.z.id] }",
        "ready {\n probe \"p\" { exec = [sandbox.z.id] }\n }",
        "count = length(sandbox.z)",
        "for_each = sandbox.z",
        "lifecycle {\n replace_triggered_by = [sandbox.z]\n }",
        "lifecycle {\n precondition {\n condition = sandbox.z.id != \"\"\n error_message = \"\"\n }\n }",
        "lifecycle {\n precondition {\n condition = true\n error_message = sandbox.z.id\n }\n }",
        "provider = sandbox.z.name == \"\" ? \"local\" : \"hetzner\"",
        "env = { A = local.deep }",
        "profile = profile.p",
        "packages = [profile.p.image]",
    ];
    for inside in inside {
        let text = format!(
            "locals {{\n deep = local.deeper\n deeper = [sandbox.z.id]\n}}\nprofile \"base\" {{ image = sandbox.z.id }}\nprofile \"p\" {{ extends = profile.base }}\nsandbox \"z\" {{}}\nsandbox \"a\" {{\n {inside}\n}}"
        );
        let desired = desired(&text).unwrap_or_else(|e| panic!("{inside}: {e}"));
        assert_eq!(needs(&desired, "sandbox.a"), ["sandbox.z"], "{inside}");
        let order: Vec<_> = desired.blocks().map(|b: &BlockAddress| b.to_string()).collect();
        assert_eq!(order, ["sandbox.z", "sandbox.a"], "{inside}");
    }
}

#[test]
fn a_name_that_a_for_binds_is_no_reference() {
    let text = "sandbox \"a\" { packages = [for sandbox in [{ z = \"x\" }] : sandbox.z] }";
    assert_eq!(needs(&desired(text).expect("sound"), "sandbox.a"), Vec::<String>::new());
}

#[test]
fn circles_are_told_and_end() {
    for (text, names) in [
        (
            "profile \"p\" { extends = profile.p }\nsandbox \"a\" { profile = profile.p }",
            "profile.p refers to itself",
        ),
        (
            "profile \"p\" { extends = profile.q }\nprofile \"q\" { extends = profile.r }\nprofile \"r\" { extends = profile.p }\nsandbox \"a\" { profile = profile.p }",
            "profile.p, profile.q, profile.r",
        ),
        ("locals { a = local.a }", "local.a refers to itself"),
        ("sandbox \"a\" { env = { A = sandbox.a.id } }", "sandbox.a refers to itself"),
        (
            "sandbox \"a\" { depends_on = [sandbox.b] }\nsandbox \"b\" { profile = profile.p }\nprofile \"p\" { image = local.i }\nlocals { i = sandbox.a.id }",
            "local.i, profile.p, sandbox.a, sandbox.b",
        ),
        (
            "sandbox \"a\" {\n lifecycle {\n replace_triggered_by = [sandbox.a]\n }\n}",
            "sandbox.a refers to itself",
        ),
    ] {
        let problems = desired(text).expect_err(text);
        assert_eq!(problems.len(), 1, "{problems}");
        let problem = problems.iter().next().expect("a problem");
        assert_eq!(problem.code, "cycle");
        assert!(problem.detail.contains(names), "{}", problem.detail);
        assert!(problem.range.is_some());
    }
}

#[test]
fn what_is_not_declared_is_told_with_what_is_near() {
    for (text, code, hint) in [
        (
            "sandbox \"a\" { image = var.imgae }\nvariable \"image\" {}",
            "undeclared-reference",
            Some("image"),
        ),
        (
            "sandbox \"a\" { image = local.imgae }\nlocals { image = 1 }",
            "undeclared-reference",
            Some("image"),
        ),
        (
            "sandbox \"a\" { image = sandbox.bbbc.id }\nsandbox \"bbbb\" {}",
            "undeclared-reference",
            Some("bbbb"),
        ),
        (
            "sandbox \"a\" { profile = profile.agnet }\nprofile \"agent\" {}",
            "undeclared-reference",
            Some("agent"),
        ),
        (
            "profile \"a\" { extends = profile.agnet }\nprofile \"agent\" {}",
            "undeclared-reference",
            Some("agent"),
        ),
        ("sandbox \"a\" { image = ubuntu }", "undeclared-reference", None),
        ("sandbox \"a\" { image = sandbx.b.id }", "undeclared-reference", Some("sandbox")),
        ("sandbox \"a\" { image = var }", "invalid-reference", None),
        ("sandbox \"a\" { image = each.key }", "invalid-reference", None),
        ("sandbox \"a\" {\n count = 1\n image = each.key\n}", "invalid-reference", None),
        ("sandbox \"a\" { for_each = { a = each.key } }", "invalid-reference", None),
        ("profile \"a\" { image = count.index }", "invalid-reference", None),
        ("output \"a\" { value = sandbox.a.id }", "undeclared-reference", None),
        ("sandbox \"a\" {}\nprovider \"local\" { x = sandbox.a.id }", "invalid-reference", None),
        (
            "sandbox \"a\" {}\nlocals { i = sandbox.a.id }\nprovider \"local\" { x = local.i }",
            "invalid-reference",
            None,
        ),
        (
            "variable \"v\" {\n default = 1\n validation {\n condition = local.x\n error_message = \"\"\n }\n}\nlocals { x = true }",
            "undeclared-reference",
            None,
        ),
        ("variable \"v\" { default = sandbox.a.id }\nsandbox \"a\" {}", "not-constant", None),
    ] {
        let problems = desired(text).expect_err(text);
        let problem = problems.iter().next().expect("a problem");
        assert_eq!((&*problem.code, problems.len()), (code, 1), "{text}: {problems}");
        assert!(problem.range.is_some(), "{text}");
        let expected = hint.map(|name| format!("did you mean `{name}`?"));
        assert_eq!(problem.hint, expected, "{text}");
    }
}

#[test]
fn repetitions_that_cannot_be_are_told() {
    for (argument, code) in [
        ("count = -1", "invalid-count"),
        ("count = 1.5", "invalid-count"),
        ("count = null", "invalid-count"),
        ("count = sensitive(1)", "invalid-count"),
        ("count = 2000000", "invalid-count"),
        ("count = sandbox.z.id", "invalid-count"),
        ("for_each = [\"a\"]", "invalid-for-each"),
        ("for_each = toset([1])", "invalid-for-each"),
        ("for_each = null", "invalid-for-each"),
        ("for_each = sensitive({})", "invalid-for-each"),
        ("for_each = toset([sandbox.z.id])", "invalid-for-each"),
        ("for_each = { for k in [sandbox.z.id] : k => k }", "invalid-for-each"),
    ] {
        let problems =
            problems_of(&format!("sandbox \"z\" {{}}\nsandbox \"a\" {{\n {argument}\n}}"));
        assert!(
            problems.starts_with(&format!("{code}: sandboxes.hcl:3:")),
            "{argument}: {problems}"
        );
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn a_block_may_have_no_instance() {
    for argument in ["count = 0", "for_each = {}", "for_each = toset([])"] {
        let plan = plan_of(
            &format!(
                "sandbox \"a\" {{\n {argument}\n}}\noutput \"n\" {{ value = length(sandbox.a) }}"
            ),
            &nothing(),
        );
        assert!(plan.changes.is_empty());
        assert_eq!(plan.outputs[0].after, Some(Value::from(0)), "{argument}");
    }
}

#[test]
fn any_text_can_be_a_key() {
    let long = "x".repeat(10_000);
    for key in ["a\\\"b", "a.b", "[0]", "zoë", "日本", "a b", "", "$${x}", "\\\\", "\\n", &long]
    {
        let plan =
            plan_of(&format!("sandbox \"a\" {{\n for_each = toset([\"{key}\"])\n}}"), &nothing());
        let address = plan.changes[0].address.to_string();
        assert_eq!(address.parse(), Ok(plan.changes[0].address.clone()));
    }
}

#[test]
fn profiles_merge_maps_and_replace_all_else() {
    let plan = plan_of(
        r#"
        profile "base" {
          env      = { A = "base", B = "base" }
          packages = ["base"]
          ttl      = "1h"
          toolchain { docker = true }
          file "/home/agent/base" { content = "base" }
          file "/home/agent/both" { content = "base" }
          provision "base" { run = ["base"] }
        }
        profile "mid" {
          extends = profile.base
          env     = { B = "mid", C = sensitive("mid") }
        }
        sandbox "a" {
          profile  = profile.mid
          env      = { D = "a" }
          packages = ["aa"]
          toolchain { python = true }
          file "/home/agent/both" { content = "a" }
        }
        "#,
        &nothing(),
    );
    let after = change(&plan, "sandbox.a").after_attributes().expect("attributes");
    let env = Value::Map(
        crate::value::Type::String,
        std::sync::Arc::new(
            [("A", "base"), ("B", "mid"), ("C", "mid"), ("D", "a")]
                .into_iter()
                .map(|(k, v)| (k.into(), Value::from(v).sensitive_if(k == "C")))
                .collect(),
        ),
    );
    assert_eq!(after.get("env"), Some(&env));
    assert_eq!(after.get("packages").and_then(Value::as_elements).map(<[_]>::len), Some(1));
    assert_eq!(after.get("ttl"), Some(&Value::from("1h")));
    assert_eq!(after.get("toolchain").and_then(|t| t.get("docker")), None);
    let files = after.get("file").and_then(Value::as_attributes).expect("files");
    assert_eq!(files.len(), 2);
    assert_eq!(files["/home/agent/both"].get("content"), Some(&Value::from("a")));
    assert_eq!(after.get("provision").and_then(Value::as_elements).map(<[_]>::len), Some(1));
}

#[test]
fn a_validation_that_fails_says_what_its_message_says() {
    let text = |secret: bool| {
        format!(
            "variable \"v\" {{\n default = \"hunter2\"\n sensitive = {secret}\n validation {{\n condition = length(var.v) > 10\n error_message = \"${{var.v}} is short.\"\n }}\n}}"
        )
    };
    let problems = desired(&text(false)).expect_err("short").to_string();
    assert!(problems.contains("hunter2 is short."), "{problems}");
    assert_eq!(codes(&text(true)), ["invalid-variable"]);
    assert!(!desired(&text(true)).expect_err("short").to_string().contains("hunter2"));
}

#[test]
fn secrets_stay_secret_wherever_they_go() {
    let plan = plan_of(
        r#"
        variable "s" {
          default   = "hunter2"
          sensitive = true
        }
        locals { l = { deep = ["a${var.s}"] } }
        profile "p" { env = { P = local.l.deep[0] } }
        sandbox "a" {
          profile = profile.p
          env     = { S = var.s }
          labels  = { l = upper(var.s) }
          file "/home/agent/f" { content = join(",", local.l.deep) }
          provision "x" { run = ["echo", var.s] }
        }
        sandbox "b" { env = { A = "${sandbox.a.env.P} ${sandbox.a.id}" } }
        output "o" {
          value     = sandbox.a.env
          sensitive = true
        }
        "#,
        &nothing(),
    );
    let shown = serde_json::to_value(&plan).expect("writes");
    fn visible(json: &serde_json::Value) -> String {
        match json {
            serde_json::Value::Object(members) if members.contains_key("$sensitive") => {
                String::new()
            }
            serde_json::Value::Object(members) => members.values().map(visible).collect(),
            serde_json::Value::Array(elements) => elements.iter().map(visible).collect(),
            other => other.to_string(),
        }
    }
    assert!(!visible(&shown).to_lowercase().contains("hunter2"));
    let output =
        "variable \"s\" {\n default = 1\n sensitive = true\n}\noutput \"o\" { value = [var.s] }";
    assert!(problems_of(output).starts_with("sensitive-output: sandboxes.hcl:5:"));
}

#[test]
fn a_misspelt_key_of_an_object_is_told() {
    for (inside, hint) in [
        ("size = { vcpu = 4 }", "vcpus"),
        ("toolchain {\n playwright = { browser = [\"firefox\"] }\n }", "browsers"),
    ] {
        let text = format!("sandbox \"a\" {{\n {inside}\n}}");
        let problems = problems_of(&text);
        assert!(problems.contains("has no argument") && problems.contains(hint), "{problems}");
    }
}
