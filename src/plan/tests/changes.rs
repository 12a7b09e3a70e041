//! What single differences come to.

use super::fixture::*;
use crate::object::{Prior, Status};
use crate::plan::{Action, Mode, PlanOptions, Reason};
use crate::value::{Type, Value};

fn outputs(prior: &Prior) -> String {
    let outputs = prior.state.outputs.iter();
    outputs.map(|(name, o)| format!("{name}={}\n", o.value.to_json())).collect()
}

#[test]
fn a_count_index_survives_to_apply() {
    let prior = applied(
        r#"
        sandbox "a" {}
        sandbox "b" {
          count = 2
          env   = { N = "${count.index}:${sandbox.a.name}" }
        }
        output "n" { value = sandbox.b[*].env.N }
        "#,
    );
    assert_eq!(outputs(&prior), "n=[\"0:sandbox.a\",\"1:sandbox.a\"]\n");
}

#[test]
fn an_element_whose_value_is_unknown_survives_to_apply_whatever_its_key() {
    let prior = applied(
        r#"
        sandbox "a" {}
        sandbox "b" {
          for_each = { "q\"$${x}%%{y}" = { of = sandbox.a.name }, "\n" = { of = "-" } }
          env      = { V = each.value.of, E = jsonencode(each) }
        }
        output "v" { value = [for b in sandbox.b : b.env.V] }
        output "e" { value = [for b in sandbox.b : jsondecode(b.env.E).key] }
        "#,
    );
    assert_eq!(outputs(&prior), "e=[\"\\n\",\"q\\\"${x}%{y}\"]\nv=[\"-\",\"sandbox.a\"]\n");
}

#[test]
fn a_profile_that_waits_for_apply_can_be_referred_to() {
    let prior = applied(
        r#"
        sandbox "a" {}
        profile "p" {
          env      = { A = sandbox.a.name }
          packages = ["jq"]
        }
        sandbox "b" { env = { B = "${profile.p.env.A} ${profile.p.packages[0]}" } }
        sandbox "c" {
          profile = profile.p
          env     = { C = 1 }
        }
        output "b" { value = sandbox.b.env }
        output "c" { value = sandbox.c.env }
        "#,
    );
    assert_eq!(
        outputs(&prior),
        "b={\"B\":\"sandbox.a jq\"}\nc={\"A\":\"sandbox.a\",\"C\":\"1\"}\n"
    );
}

#[test]
fn a_block_without_instances_can_be_referred_to_beside_an_unknown() {
    let prior = applied(
        r#"
        sandbox "none" { count = 0 }
        sandbox "nobody" { for_each = {} }
        sandbox "a" {}
        output "all" { value = concat(sandbox.none[*].id, keys(sandbox.nobody), [sandbox.a.name]) }
        "#,
    );
    assert_eq!(outputs(&prior), "all=[\"sandbox.a\"]\n");
}

#[test]
fn null_unsets_what_a_profile_gives_and_an_empty_map_adds_nothing() {
    let file = |rest: &str| {
        format!(
            "profile \"p\" {{\n ttl = \"1h\"\n env = {{ A = \"1\" }}\n}}\nsandbox \"a\" {{\n profile = profile.p\n {rest}\n}}"
        )
    };
    let plan = plan_of(&file("ttl = null\n env = null"), &nothing());
    let after = change(&plan, "sandbox.a").after_attributes().expect("attributes").clone();
    let is_set = |name: &str| after.get(name).is_some_and(|value| !value.is_null());
    assert!(!is_set("ttl") && !is_set("env"), "{after:?}");
    assert!(summary(&plan_of(&file("env = {}"), &applied(&file("")))).is_empty());
}

#[test]
fn required_arguments_cannot_be_null() {
    let problems = problems_of("sandbox \"a\" {\n provision \"x\" {\n run = null\n }\n}");
    assert!(problems.starts_with("missing-argument: sandboxes.hcl:3:"), "{problems}");
}

#[test]
fn unset_null_and_empty_are_no_difference() {
    let same =
        ["", "labels = {}", "labels = null", "packages = []", "toolchain {\n }", "size = null"];
    for before in same {
        let prior = applied(&format!("sandbox \"a\" {{\n {before}\n}}"));
        for after in same {
            let plan = plan_of(&format!("sandbox \"a\" {{\n {after}\n}}"), &prior);
            assert!(
                plan.is_empty(),
                "{before} to {after}: {:?}",
                change(&plan, "sandbox.a").changed
            );
        }
    }
}

#[test]
fn other_ways_of_writing_a_value_are_no_difference() {
    for (before, after) in [
        ("packages = [\"jq\", \"git\"]", "packages = tolist([\"jq\", \"git\"])"),
        ("env = { A = 1 }", "env = tomap({ A = \"1\" })"),
        ("size = { vcpus = 2 }", "size = { vcpus = 2.0, memory = null }"),
        ("port \"a\" {\n guest = 80\n }", "port \"a\" {\n guest = \"80\"\n host = null\n }"),
        ("env = { A = \"é\" }", "env = { A = \"e\u{301}\" }"),
        ("env = { A = sensitive(\"x\") }", "env = tomap({ A = sensitive(\"x\") })"),
        ("env = sensitive({ A = \"x\" })", "env = sensitive(tomap({ A = \"x\" }))"),
    ] {
        let prior = applied(&format!("sandbox \"a\" {{\n {before}\n}}"));
        let plan = plan_of(&format!("sandbox \"a\" {{\n {after}\n}}"), &prior);
        assert!(plan.is_empty(), "{before} to {after}: {:?}", change(&plan, "sandbox.a").changed);
    }
}

#[test]
fn a_trigger_fires_for_changes_of_what_it_names_only() {
    let file = |label: &str, region: &str, lifecycle: &str| {
        format!(
            r#"
            sandbox "a" {{
              for_each = {{ x = "{label}", y = "same" }}
              labels   = {{ l = each.value }}
              image    = "i"
              region   = "{region}"
            }}
            sandbox "b" {{
              for_each = toset(["x", "y"])
              lifecycle {{ replace_triggered_by = [{lifecycle}] }}
            }}
            "#
        )
    };
    for (trigger, label, region, expected) in [
        ("sandbox.a", "1", "r", ""),
        ("sandbox.a", "2", "r", "x y"),
        ("sandbox.a[each.key]", "2", "r", "x"),
        ("sandbox.a[\"y\"]", "2", "r", ""),
        ("sandbox.a[each.key].labels", "2", "r", "x"),
        ("sandbox.a[each.key].image", "2", "r", ""),
        ("sandbox.a[each.key].image", "1", "s", ""),
        ("sandbox.a[each.key].id", "1", "s", "x y"),
        ("sandbox.a[\"x\"]", "1", "s", "x y"),
    ] {
        let prior = applied(&file("1", "r", ""));
        let plan = plan_of(&file(label, region, trigger), &prior);
        let is_b = |c: &&crate::plan::Change| &*c.address.block.name == "b";
        let fired: Vec<String> = plan
            .changes
            .iter()
            .filter(is_b)
            .filter(|c| matches!(c.reason, Reason::TriggeredBy(_)))
            .map(|c| {
                c.address.key.as_ref().expect("a key").to_string().replace(['[', ']', '"'], "")
            })
            .collect();
        assert_eq!(fired.join(" "), expected, "{trigger} {label} {region}");
    }
}

#[test]
fn a_trigger_does_not_fire_when_what_it_names_is_made() {
    let prior = applied("sandbox \"b\" {}");
    let file = "sandbox \"a\" {}\nsandbox \"b\" {\n lifecycle {\n replace_triggered_by = [sandbox.a, sandbox.a.id]\n }\n}";
    assert_eq!(summary(&plan_of(file, &prior)), ["+ sandbox.a"]);
}

#[test]
fn a_trigger_must_name_a_resource() {
    for wrong in ["\"sandbox.a\"", "var.x", "sandbox.a[*].id", "sandbox.a[var.x]"] {
        let problems = problems_of(&format!(
            "variable \"x\" {{ default = 1 }}\nsandbox \"a\" {{}}\nsandbox \"b\" {{\n lifecycle {{\n replace_triggered_by = [{wrong}]\n }}\n}}"
        ));
        assert!(problems.contains("invalid-trigger: sandboxes.hcl:5:"), "{problems}");
    }
}

#[test]
fn what_is_ignored_stays_as_it_is_with_its_secrets() {
    let file = |env: &str, ignore: &str, labels: &str| {
        format!(
            "sandbox \"a\" {{\n env = {env}\n labels = {{ l = \"{labels}\" }}\n lifecycle {{\n ignore_changes = [{ignore}]\n }}\n}}"
        )
    };
    let secret = "sensitive({ A = \"hunter2\", B = \"1\" })";
    let prior = applied(&file(secret, "", "1"));
    for (env, ignore, labels, expected) in [
        ("{ A = \"x\" }", "env", "1", ""),
        ("{ A = \"x\" }", "all", "2", ""),
        ("{ A = \"x\" }", "labels", "2", "env"),
        ("sensitive({ A = \"hunter2\", B = \"1\" })", "env[\"A\"]", "1", ""),
        ("{ A = \"x\" }", "env, labels[\"l\"]", "2", ""),
        ("{ A = \"x\" }", "env, labels[\"m\"]", "2", "labels"),
    ] {
        let ignore = if ignore == "all" { "all]\n ignore_changes = [" } else { ignore };
        let file = file(env, ignore, labels)
            .replace("ignore_changes = [all]\n ignore_changes = []", "ignore_changes = all");
        let plan = plan_of(&file, &prior);
        let changed: Vec<String> =
            change(&plan, "sandbox.a").changed.iter().map(ToString::to_string).collect();
        assert_eq!(changed.join(" "), expected, "{file}");
        let after = change(&plan, "sandbox.a").after_attributes().expect("attributes").clone();
        if after.to_lossless().to_string().contains("hunter2") {
            assert!(after.get("env").is_some_and(|env| matches!(env, Value::Sensitive(_))));
        }
    }
}

#[test]
fn an_ignored_key_of_a_secret_map_leaves_the_map_secret() {
    let file = |value: &str| {
        format!(
            "sandbox \"a\" {{\n env = sensitive({{ A = \"{value}\", B = \"hunter2\" }})\n labels = {{ l = \"{value}\" }}\n lifecycle {{\n ignore_changes = [env.A]\n }}\n}}"
        )
    };
    let plan = plan_of(&file("2"), &applied(&file("1")));
    let env = change(&plan, "sandbox.a").after_attributes().and_then(|a| a.get("env")).cloned();
    assert!(matches!(env, Some(Value::Sensitive(_) | Value::Redacted(_))), "{env:?}");
}

#[test]
fn names_that_no_schema_has_cannot_be_ignored() {
    let problems = problems_of("sandbox \"a\" {\n lifecycle {\n ignore_changes = [lables]\n }\n}");
    assert!(problems.contains("unknown-argument: sandboxes.hcl:3:"), "{problems}");
    assert!(problems.contains("did you mean `labels`?"), "{problems}");
}

#[test]
fn what_is_protected_is_not_deleted_replaced_or_destroyed() {
    let file = |count: u8, region: u8| {
        format!(
            "sandbox \"a\" {{\n count = {count}\n region = \"r{region}\"\n lifecycle {{\n prevent_destroy = true\n }}\n}}\nsandbox \"b\" {{}}"
        )
    };
    let prior = applied(&file(2, 0));
    let destroy = PlanOptions { mode: Mode::Destroy, ..PlanOptions::default() };
    for (file, options, expected) in [
        (file(2, 0), PlanOptions::default(), 0),
        (file(1, 0), PlanOptions::default(), 1),
        (file(2, 1), PlanOptions::default(), 2),
        (file(2, 0), destroy.clone(), 2),
        (file(2, 0), PlanOptions { excludes: selectors(&["sandbox.a"]), ..destroy }, 0),
        (file(2, 1), excluding(&["sandbox.a"]), 0),
        (file(2, 1), excluding(&["sandbox.a[0]"]), 1),
        (file(2, 1), targeting(&["sandbox.b"]), 0),
    ] {
        let count = match plan_with(&file, &prior, &options) {
            Ok(_) => 0,
            Err(problems) => problems.iter().filter(|p| p.code == "prevent-destroy").count(),
        };
        assert_eq!(count, expected, "{file} {options:?}");
    }
}

#[test]
fn a_deposed_object_goes_and_its_successor_stays() {
    let mut prior = applied("sandbox \"a\" {}");
    let mut old = prior.objects[0].clone();
    old.deposed = Some("0a0b0c0d".into());
    prior.objects.push(old.clone());
    prior.state.objects.push(old);
    let plan = plan_of("sandbox \"a\" {}", &prior);
    assert_eq!(summary(&plan), ["- sandbox.a (0a0b0c0d)"]);
}

#[test]
fn a_move_to_another_provider_replaces() {
    let prior = applied("sandbox \"a\" {}");
    let plan = plan_of("sandbox \"a\" {\n provider = \"local.b\"\n}", &prior);
    assert_eq!(summary(&plan), ["-/+ sandbox.a"]);
    assert!(matches!(change(&plan, "sandbox.a").reason, Reason::ProviderChanged { .. }));
}

#[test]
fn a_refresh_only_plan_changes_nothing_and_invents_nothing() {
    let prior = applied(
        "sandbox \"a\" {\n labels = { l = \"1\" }\n}\noutput \"l\" { value = sandbox.a.labels.l }",
    );
    let file = "sandbox \"a\" {\n labels = { l = \"2\" }\n}\nsandbox \"new\" {}\noutput \"l\" { value = sandbox.a.labels.l }\noutput \"n\" { value = sandbox.new.id }";
    let options = PlanOptions { mode: Mode::RefreshOnly, ..PlanOptions::default() };
    let plan = plan_with(file, &prior, &options).expect("a plan");
    assert_eq!(plan.changes.len(), 1);
    let unchanged = change(&plan, "sandbox.a");
    assert_eq!(unchanged.action, Action::NoOp);
    assert_eq!(unchanged.after_attributes(), unchanged.before_attributes());
    assert!(plan.is_empty(), "{:?}", plan.outputs);
}

#[test]
fn tainted_and_expired_objects_are_replaced() {
    let mut prior = applied("sandbox \"a\" {\n count = 2\n ttl = \"1h\"\n}");
    prior.objects[0].status = Status::Tainted;
    prior.objects[1].attributes = prior.objects[1].attributes.with("expires_at", Value::from(NOW));
    let plan = plan_of("sandbox \"a\" {\n count = 2\n ttl = \"1h\"\n}", &prior);
    assert_eq!(change(&plan, "sandbox.a[0]").reason, Reason::Tainted);
    assert_eq!(change(&plan, "sandbox.a[1]").reason, Reason::Expired(now()));
}

#[test]
fn an_unknown_variable_lets_a_plan_be_made_as_far_as_it_goes() {
    let file = "variable \"v\" { type = string }\nsandbox \"a\" {\n env = { V = var.v }\n}";
    let plan = plan_of(file, &nothing());
    let env = change(&plan, "sandbox.a").after_attributes().and_then(|a| a.get("env")).cloned();
    let env = env.expect("an env");
    assert_eq!(env.get("V"), Some(&Value::Unknown(Type::String)));
}

#[test]
fn validation_goes_on_where_variables_leave_the_number_of_instances_open() {
    let file = "variable \"n\" { type = number }\nvariable \"s\" { type = set(string) }\nsandbox \"a\" {\n count = var.n\n env = { I = count.index }\n}\nsandbox \"b\" {\n for_each = var.s\n env = { K = each.key, A = join(\",\", sandbox.a[*].id) }\n}\noutput \"b\" { value = sandbox.b }";
    let mut desired = desired(file).expect("sound");
    let plan = plan_desired(&desired, &nothing(), &PlanOptions::default());
    assert!(plan.expect_err("open").iter().any(|p| p.code == "invalid-count"));
    desired.set_lenient();
    plan_desired(&desired, &nothing(), &PlanOptions::default()).expect("a plan");
}

#[test]
fn problems_of_several_blocks_come_together() {
    let problems = problems_of(
        "sandbox \"a\" {\n count = -1\n}\nsandbox \"b\" {\n count = \"x\"\n}\nsandbox \"c\" { env = { A = sandbox.a[0].id } }",
    );
    assert_eq!(problems.lines().count(), 2, "{problems}");
}

#[test]
fn what_a_platform_changed_behind_an_unchanged_configuration_is_put_right() {
    let text = r#"sandbox "a" {}"#;
    let mut prior = applied(text);
    assert_eq!(change(&plan_of(text, &prior), "sandbox.a").action, Action::NoOp);
    let object = &mut prior.objects[0];
    object.attributes = object.attributes.with("ipv6", Value::from(ASTRAY));
    let plan = plan_of(text, &prior);
    let change = change(&plan, "sandbox.a");
    assert_eq!((change.action, &change.reason), (Action::Update, &Reason::Changed));
    assert_eq!(change.changed.iter().map(|path| path.root()).collect::<Vec<_>>(), ["ipv6"]);
}
