//! `-target`, `-exclude`, limits, and the order of steps where it is hard.

use super::fixture::*;
use crate::object::{Object, Prior};
use crate::plan::{Mode, Operation, Plan, PlanOptions};

const CHAIN: &str = r#"
sandbox "net" {}
sandbox "web" {
  count      = 2
  depends_on = [sandbox.net]
}
sandbox "top" { depends_on = [sandbox.web] }
sandbox "other" {}
"#;

fn planned(file: &str, prior: &Prior, options: &PlanOptions) -> Vec<String> {
    summary(&plan_with(file, prior, options).expect("a plan"))
}

#[test]
fn a_target_brings_what_it_needs() {
    for (target, expected) in [
        ("sandbox.net", "net"),
        ("sandbox.web", "net web[0] web[1]"),
        ("sandbox.web[1]", "net web[1]"),
        ("sandbox.web[*]", "net web[0] web[1]"),
        ("sandbox.t*", "net top web[0] web[1]"),
        ("sandbox.*", "net other top web[0] web[1]"),
        ("sandbox.nothing", ""),
    ] {
        let plan = planned(CHAIN, &nothing(), &targeting(&[target]));
        assert_eq!(plan.join(" ").replace("+ sandbox.", ""), expected, "{target}");
    }
}

#[test]
fn an_exclusion_takes_what_needs_it_along() {
    for (exclude, expected) in [
        ("sandbox.net", "other"),
        ("sandbox.web", "net other"),
        ("sandbox.web[1]", "net other web[0]"),
        ("sandbox.*", ""),
    ] {
        let plan = planned(CHAIN, &nothing(), &excluding(&[exclude]));
        assert_eq!(plan.join(" ").replace("+ sandbox.", ""), expected, "{exclude}");
    }
}

#[test]
fn a_selector_that_names_nothing_is_told() {
    let plan = plan_with(CHAIN, &nothing(), &targeting(&["sandbox.wbe"])).expect("a plan");
    assert!(plan.warnings.iter().any(|w| w.code == "unmatched-target"));
    let plan = plan_with(CHAIN, &nothing(), &targeting(&["sandbox.web"])).expect("a plan");
    assert!(plan.warnings.iter().all(|w| w.code == "targeting"));
}

#[test]
fn a_destroy_takes_the_users_of_its_target_and_never_what_the_target_uses() {
    let prior = applied(CHAIN);
    let destroy = |targets: &[&str], excludes: &[&str]| {
        let options = PlanOptions {
            mode: Mode::Destroy,
            targets: selectors(targets),
            excludes: selectors(excludes),
            ..PlanOptions::default()
        };
        planned(CHAIN, &prior, &options).join(" ").replace("- sandbox.", "")
    };
    assert_eq!(destroy(&["sandbox.net"], &[]), "net top web[0] web[1]");
    assert_eq!(destroy(&["sandbox.top"], &[]), "top");
    assert_eq!(destroy(&[], &["sandbox.top"]), "other");
    assert_eq!(destroy(&[], &["sandbox.net"]), "other top web[0] web[1]");
    assert_eq!(destroy(&[], &["sandbox.web[0]"]), "other top web[1]");
}

#[test]
fn a_target_spares_the_user_what_is_unknown_elsewhere() {
    let file = "sandbox \"a\" {}\nsandbox \"b\" {\n for_each = toset([sandbox.a.id])\n}\nlocals { l = keys(sandbox.b) }\noutput \"o\" { value = local.l }";
    assert!(problems_of(file).contains("invalid-for-each"));
    assert_eq!(planned(file, &nothing(), &targeting(&["sandbox.a"])), ["+ sandbox.a"]);
    assert_eq!(planned(file, &nothing(), &excluding(&["sandbox.b"])), ["+ sandbox.a"]);
}

#[test]
fn what_a_target_leaves_in_the_state_is_no_part_of_a_block() {
    let file = |repetition: &str, region: u8| {
        format!(
            r#"
            sandbox "a" {{
              {repetition}
              region = "r{region}"
            }}
            sandbox "b" {{
              env = {{ A = join(",", [for a in sandbox.a : "${{a.region}} ${{a.id}}"]) }}
            }}
            "#
        )
    };
    let prior = applied(&file("count = 2", 0));
    for repetition in ["count = 1", "for_each = toset([\"k\"])"] {
        let file = file(repetition, 1);
        let plan = plan_with(&file, &prior, &targeting(&["sandbox.b"])).expect("a plan");
        let state = apply(&plan, &prior, 0);
        let env = state.objects.last().and_then(|b| b.attributes.get("env")?.get("A")).cloned();
        let env = env.expect("an environment");
        assert!(!env.as_str().expect("a text").contains(','), "{env:?}");
    }
}

#[test]
fn limits_count_what_is_left_out_of_the_plan() {
    let file = |n: u8| {
        format!(
            "sandplan {{\n limits {{\n max_sandboxes = 2\n }}\n}}\nsandbox \"a\" {{\n count = {n}\n}}\nsandbox \"b\" {{}}"
        )
    };
    let prior = applied(&file(1));
    let plan = plan_with(&file(2), &prior, &targeting(&["sandbox.a"]));
    assert!(plan.expect_err("too many").iter().any(|p| p.code == "limit"));
}

#[test]
fn a_ttl_that_nobody_knows_cannot_be_within_its_limit() {
    let problems = problems_of(
        "sandplan {\n limits {\n max_ttl = \"1h\"\n }\n}\nsandbox \"a\" { ttl = \"1h\" }\nsandbox \"b\" { ttl = sandbox.a.id }",
    );
    assert!(problems.contains("limit:"), "{problems}");
}

/// Says that a row was made when its block depended on others.
fn depending(mut prior: Prior, row: &str, on: &str) -> Prior {
    let on = on.parse::<crate::address::Address>().expect("an address").block;
    let all = prior.objects.iter_mut().chain(&mut prior.state.objects);
    let rows = all.filter(|object: &&mut Object| object.address.to_string() == row);
    rows.for_each(|object| object.depends_on = vec![on.clone()]);
    prior
}

fn position(plan: &Plan, seed: u64, wanted: impl Fn(&Operation, &str) -> bool) -> usize {
    let is_wanted = |step: &&crate::plan::Step| {
        let change = step.change.map(|c| plan.changes[c as usize].address.to_string());
        wanted(&step.operation, change.as_deref().unwrap_or_default())
    };
    execution(plan, seed).iter().position(is_wanted).expect("a step")
}

#[test]
fn dependencies_that_turned_round_are_no_circle() {
    let file = |region: u8, a: &str, b: &str| {
        format!(
            "sandbox \"a\" {{\n region = \"r{region}\"\n depends_on = [{a}]\n}}\nsandbox \"b\" {{\n region = \"r{region}\"\n depends_on = [{b}]\n}}"
        )
    };
    let prior = applied(&file(0, "sandbox.b", ""));
    let plan = plan_of(&file(1, "", "sandbox.a"), &prior);
    let deleted = |name| position(&plan, 0, |o, a| matches!(o, Operation::Delete(_)) && a == name);
    let made = |name| position(&plan, 0, |o, a| matches!(o, Operation::Create { .. }) && a == name);
    assert!(deleted("sandbox.a") < deleted("sandbox.b"), "the rows say so");
    assert!(made("sandbox.a") < made("sandbox.b"), "the file says so");
}

#[test]
fn rows_that_need_each_other_are_no_circle() {
    let file = "sandbox \"a\" {}\nsandbox \"b\" {}";
    let prior = depending(applied(file), "sandbox.a", "sandbox.b");
    let prior = depending(prior, "sandbox.b", "sandbox.a");
    assert_eq!(execution(&plan_of("", &prior), 0).len(), 2);
}

#[test]
fn a_deletion_waits_for_updates_unless_a_replacement_waits_for_it() {
    let file = |region: u8, count: u8, label: u8| {
        format!(
            r#"
            sandbox "z" {{ region = "r{region}" }}
            sandbox "a" {{
              count      = {count}
              depends_on = [sandbox.z]
              labels     = {{ l = "{label}" }}
            }}
            sandbox "b" {{
              depends_on = [sandbox.a]
              labels     = {{ l = "{label}" }}
            }}
            "#
        )
    };
    let prior = applied(&file(0, 2, 0));
    let plan = plan_of(&file(0, 1, 1), &prior);
    let deletion =
        position(&plan, 0, |o, a| matches!(o, Operation::Delete(_)) && a == "sandbox.a[1]");
    let update = position(&plan, 0, |o, a| *o == Operation::Update && a == "sandbox.b");
    assert!(update < deletion);
    // `z` can go only when `a[1]` is gone, and `b` can change only when `z` is back.
    let plan = plan_of(&file(1, 1, 1), &prior);
    let deletion =
        position(&plan, 0, |o, a| matches!(o, Operation::Delete(_)) && a == "sandbox.a[1]");
    let z = position(&plan, 0, |o, a| matches!(o, Operation::Delete(_)) && a == "sandbox.z");
    assert!(deletion < z);
}

#[test]
fn order_holds_over_blocks_that_have_nothing_to_do() {
    let file = |region: u8| {
        format!(
            "sandbox \"z\" {{\n region = \"r{region}\"\n}}\nsandbox \"m\" {{\n depends_on = [sandbox.z]\n}}\nsandbox \"a\" {{\n region = \"r{region}\"\n depends_on = [sandbox.m]\n}}"
        )
    };
    let plan = plan_of(&file(1), &applied(&file(0)));
    assert_eq!(summary(&plan), ["-/+ sandbox.a", "-/+ sandbox.z"]);
    for seed in 0..20 {
        let at = |create: bool, name: &str| {
            position(&plan, seed, |o, a| {
                matches!(o, Operation::Create { .. }) == create && a == name
            })
        };
        assert!(at(false, "sandbox.a") < at(false, "sandbox.z"));
        assert!(at(true, "sandbox.z") < at(true, "sandbox.a"));
    }
}

#[test]
fn ten_times_as_many_instances_take_about_ten_times_as_long() {
    let (few, many) = (planned_often(1_000), planned_often(10_000));
    // Were each instance held against each other, it would be a hundred times.
    assert!(many < few * 50, "{few:?} and {many:?}");
}

/// Plans so many instances of two blocks, again, and their end; returns the time.
fn planned_often(count: usize) -> std::time::Duration {
    let file = format!(
        r#"
        sandbox "a" {{ count = {count} }}
        sandbox "b" {{
          count  = {count}
          labels = {{ of = "${{count.index}}" }}
          env    = {{ ID = sandbox.a[count.index].id }}
          lifecycle {{ replace_triggered_by = [sandbox.a[count.index], sandbox.a] }}
        }}
        sandbox "c" {{ depends_on = [sandbox.a, sandbox.b] }}
        "#
    );
    let started = std::time::Instant::now();
    let plan = plan_of(&file, &nothing());
    assert_eq!(plan.steps.len(), 2 * count + 1 + 2);
    let mut prior = nothing();
    prior.objects = plan.changes.iter().map(object_of).collect();
    prior.state.objects = prior.objects.clone();
    let again = plan_with(&file, &prior, &targeting(&["sandbox.b[*]"])).expect("a plan");
    assert!(again.changes.len() >= 2 * count);
    let gone = plan_of("", &prior);
    assert_eq!(gone.changes.len(), 2 * count + 1);
    started.elapsed()
}

fn object_of(change: &crate::plan::Change) -> Object {
    let planned = change.after.as_deref().expect("something planned");
    Object {
        address: change.address.clone(),
        deposed: None,
        version: 1,
        provider: change.provider.clone(),
        remote_id: change.address.to_string().into(),
        status: crate::object::Status::Ready,
        schema_version: 1,
        attributes: planned.attributes.map_children(|value| match value.is_wholly_known() {
            true => value.clone(),
            false => crate::value::Value::null(),
        }),
        depends_on: planned.depends_on.clone(),
        steps: vec![],
        failure: None,
        create_before_destroy: false,
    }
}
