//! SSH keys, networks and snapshots, and what names them.

use super::fixture::*;
use crate::object::Prior;
use crate::plan::{Action, Plan, Reason};
use crate::value::{Type, Value};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk8Zc0vC3XkQ2c9XHVSkB0sR1sPqkXo5vJp8mQn4Z0l";

/// Blocks that the tests' sandboxes use.
fn file(sandboxes: &str) -> String {
    format!(
        r#"
sandplan {{ default_provider = "hetzner" }}
provider "hetzner" {{}}
provider "hetzner" {{ alias = "eu" }}
ssh_key "laptop" {{ public_key = "{KEY} ada\n" }}
network "agents" {{
  ingress {{ ssh = ["203.0.113.0/24"] }}
}}
{sandboxes}
"#
    )
}

fn creations(text: &str) -> Vec<String> {
    summary(&plan_of(&file(text), &nothing()))
}

fn argument<'a>(plan: &'a Plan, address: &str, name: &str) -> Option<&'a Value> {
    change(plan, address).after_attributes()?.get(name)
}

#[test]
fn keys_and_networks_are_made_where_their_users_run() {
    let uses = "ssh_keys = [ssh_key.laptop]\n  network = network.agents";
    let two = format!(
        "sandbox \"a\" {{\n  {uses}\n}}\nsandbox \"b\" {{\n  provider = hetzner.eu\n  {uses}\n}}"
    );
    assert_eq!(
        creations(&two),
        [
            "+ ssh_key.laptop[\"hetzner\"]",
            "+ ssh_key.laptop[\"hetzner.eu\"]",
            "+ network.agents[\"hetzner\"]",
            "+ network.agents[\"hetzner.eu\"]",
            "+ sandbox.a",
            "+ sandbox.b",
        ]
    );
    let only_eu = "sandbox \"b\" {\n  provider = hetzner.eu\n  ssh_keys = [ssh_key.laptop]\n}";
    assert_eq!(
        creations(only_eu),
        ["+ ssh_key.laptop[\"hetzner.eu\"]", "+ network.agents[\"hetzner\"]", "+ sandbox.b"]
    );
}

#[test]
fn a_user_chooses_its_provider_by_any_expression() {
    let text = r#"
locals {
  places = { here = "hetzner", there = "hetzner.eu" }
  keys   = [for key in [ssh_key.laptop] : key]
}
profile "base" { ssh_keys = local.keys }
sandbox "a" {
  for_each = local.places
  provider = each.value
  profile  = profile.base
  network  = network.agents
}
"#;
    let plan = plan_of(&file(text), &nothing());
    assert_eq!(summary(&plan).len(), 6);
    let keys = Value::List(Type::String, vec![Value::from(format!("{KEY} ada"))].into());
    assert_eq!(argument(&plan, "sandbox.a[\"there\"]", "ssh_keys"), Some(&keys));
    let id = Value::Unknown(Type::String);
    assert_eq!(argument(&plan, "sandbox.a[\"there\"]", "network"), Some(&id));
    let prior = applied(&file(text));
    let network = |key: &str| {
        let address = format!("sandbox.a[\"{key}\"]").parse().expect("an address");
        prior.state.current(&address).and_then(|o| o.text("network").map(str::to_owned))
    };
    assert_eq!(network("here"), Some("id-network.agents[\"hetzner\"]-1".to_owned()));
    assert_eq!(network("there"), Some("id-network.agents[\"hetzner.eu\"]-1".to_owned()));
    assert_eq!(summary(&plan_of(&file(text), &prior)), Vec::<String>::new());
}

#[test]
fn what_nobody_uses_is_made_on_the_default_provider_or_nowhere() {
    let both = ["+ ssh_key.laptop[\"hetzner\"]", "+ network.agents[\"hetzner\"]"];
    assert_eq!(creations(""), both);
    let local = file("").replace("default_provider = \"hetzner\"", "default_provider = \"local\"");
    let plan = plan_of(&local, &nothing());
    assert_eq!(summary(&plan), Vec::<String>::new());
    let warnings: Vec<String> = plan.warnings.iter().map(|w| format!("{}: {w}", w.code)).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("unused-resource: "), "{warnings:?}");
}

#[test]
fn attributes_of_instances_are_read_by_provider() {
    let text = r#"
sandbox "a" {
  ssh_keys = [ssh_key.laptop["hetzner"], ssh_key.laptop["hetzner"].public_key]
  network  = network.agents["hetzner"].id
  env      = { KEY = ssh_key.laptop["hetzner"].id }
}
output "key" { value = ssh_key.laptop["hetzner"].fingerprint }
output "all" { value = ssh_key.laptop }
"#;
    let prior = applied(&file(text));
    let object = prior.objects.last().expect("a sandbox");
    let variable = object.attributes.get("env").and_then(|env| env.get("KEY")?.as_str());
    assert_eq!(variable, Some("id-ssh_key.laptop[\"hetzner\"]-1"));
    assert_eq!(prior.state.outputs["key"].value, Value::from("f"));
    let status = prior.state.outputs["all"].value.get("hetzner").and_then(|key| key.get("status"));
    assert_eq!(status, None);
    assert_eq!(summary(&plan_of(&file(text), &prior)), Vec::<String>::new());
}

#[test]
fn a_changed_key_is_replaced_and_given_to_its_sandboxes_in_place() {
    let text = file("sandbox \"a\" { ssh_keys = [ssh_key.laptop] }");
    let plan = plan_of(&text.replace("Z0l ada", "Z0l eve"), &applied(&text));
    assert_eq!(summary(&plan), ["-/+ ssh_key.laptop[\"hetzner\"]", "~ sandbox.a"]);
}

#[test]
fn what_is_used_is_made_first_and_deleted_last() {
    let text =
        file("sandbox \"a\" {\n  ssh_keys = [ssh_key.laptop]\n  network = network.agents\n}");
    let order = |plan: &Plan| -> Vec<String> {
        let steps = execution(plan, 0);
        let changes = steps.iter().filter_map(|step| plan.changes.get(step.change? as usize));
        changes.map(|change| change.address.block.kind.to_string()).collect()
    };
    let plan = plan_of(&text, &nothing());
    assert_eq!(order(&plan).last().map(String::as_str), Some("sandbox"));
    let options = crate::plan::PlanOptions {
        mode: crate::plan::Mode::Destroy,
        ..crate::plan::PlanOptions::default()
    };
    let plan = plan_with(&text, &applied(&text), &options).expect("a plan");
    assert_eq!(order(&plan).first().map(String::as_str), Some("sandbox"));
    let part = plan_with(&text, &nothing(), &targeting(&["ssh_key.laptop"])).expect("a plan");
    assert_eq!(summary(&part), ["+ ssh_key.laptop[\"hetzner\"]"]);
}

#[test]
fn a_sandbox_that_moves_takes_its_key_along() {
    let here = file("sandbox \"a\" { ssh_keys = [ssh_key.laptop] }");
    let there = here.replace("{ ssh_keys", "{\n  provider = hetzner.eu\n  ssh_keys");
    let there = there.replace("laptop] }", "laptop]\n}");
    let prior = applied(&here);
    let plan = plan_of(&there, &prior);
    assert_eq!(
        summary(&plan),
        ["- ssh_key.laptop[\"hetzner\"]", "+ ssh_key.laptop[\"hetzner.eu\"]", "-/+ sandbox.a"]
    );
    let after = Prior::unrefreshed(apply(&plan, &prior, 0));
    assert_eq!(summary(&plan_of(&there, &after)), Vec::<String>::new());
}

/// A fleet with a snapshot of one of its sandboxes, and one that starts from it.
const WARM: &str = r#"
sandbox "review" {
  for_each = toset(["ada", "lin"])
  provider = each.key == "ada" ? "hetzner" : "hetzner.eu"
}
snapshot "warm" {
  sandbox    = sandbox.review["ada"]
  expires_in = "7d"
}
sandbox "fast" { from = snapshot.warm }
"#;

#[test]
fn a_snapshot_is_where_its_sandbox_is_and_sandboxes_start_from_it() {
    let text = file(WARM);
    let prior = applied(&text);
    let object = |address: &str| prior.state.current(&address.parse().expect(address));
    let snapshot = object("snapshot.warm").expect("a snapshot");
    assert_eq!(snapshot.provider.to_string(), "hetzner");
    assert_eq!(snapshot.text("sandbox"), Some("id-sandbox.review[\"ada\"]-1"));
    assert_eq!(snapshot.text("expires_at"), Some("2026-01-08T00:00:00Z"));
    let fast = object("sandbox.fast").expect("a sandbox");
    assert_eq!(fast.text("from"), Some("id-snapshot.warm-1"));
    assert_eq!(summary(&plan_of(&text, &prior)), Vec::<String>::new());
    let changed = text.replace("\"7d\"", "\"8d\"");
    assert_eq!(summary(&plan_of(&changed, &prior)), ["~ snapshot.warm"]);
}

#[test]
fn a_snapshot_past_its_time_is_replaced() {
    let text = file(WARM);
    let mut prior = applied(&text);
    let snapshot = prior.objects.iter_mut().find(|o| o.address.to_string() == "snapshot.warm");
    let snapshot = snapshot.expect("a snapshot");
    snapshot.attributes = snapshot.attributes.with("expires_at", Value::from(NOW));
    let plan = plan_of(&text, &prior);
    assert_eq!(change(&plan, "snapshot.warm").reason, Reason::Expired(now()));
    assert_eq!(change(&plan, "sandbox.fast").action, Action::Replace);
}

#[test]
fn snapshots_are_repeated_like_sandboxes() {
    let text = file(
        r#"
sandbox "review" { for_each = toset(["ada", "lin"]) }
snapshot "each" {
  for_each = sandbox.review
  sandbox  = each.value
}
snapshot "id" { sandbox = sandbox.review["lin"].id }
"#,
    );
    let prior = applied(&text);
    let saved: Vec<_> = prior.objects.iter().filter_map(|o| o.text("sandbox")).collect();
    let (ada, lin) = ("id-sandbox.review[\"ada\"]-1", "id-sandbox.review[\"lin\"]-1");
    assert_eq!(saved, [ada, lin, lin]);
    assert_eq!(summary(&plan_of(&text, &prior)), Vec::<String>::new());
}

#[test]
fn a_reference_that_cannot_be_honoured_is_explained() {
    let eu = "provider = hetzner.eu\n  ";
    for (text, expected) in [
        ("sandbox \"a\" { ssh_keys = [ssh_key.latpop] }", "named `latpop`"),
        ("sandbox \"a\" { ssh_keys = [network.agents] }", "not an `ssh_key`"),
        ("sandbox \"a\" { network = ssh_key.laptop }", "not a `network`"),
        ("sandbox \"a\" { network = [network.agents] }", "one network is needed"),
        ("sandbox \"a\" { from = network.agents }", "not a `snapshot`"),
        (
            "sandbox \"a\" { count = 2 }\nsnapshot \"s\" { sandbox = sandbox.a }",
            "one sandbox is needed",
        ),
        (
            "sandbox \"a\" { for_each = toset([\"k\"]) }\nsnapshot \"s\" { sandbox = sandbox.a }",
            "one sandbox is needed",
        ),
        (
            &format!(
                "sandbox \"b\" {{ network = network.agents }}\nsandbox \"a\" {{\n  {eu}network = network.agents[\"hetzner\"]\n}}"
            ),
            "is a network of the provider `hetzner`, and is needed on `hetzner.eu`",
        ),
        (
            &format!("{WARM}\nsandbox \"far\" {{\n  {eu}from = snapshot.warm\n}}"),
            "is a snapshot of the provider `hetzner`, and is needed on `hetzner.eu`",
        ),
        (
            &format!("{WARM}\nsnapshot \"s\" {{ sandbox = sandbox.review[\"lin\"].id }}"),
            "run on several providers",
        ),
        (
            "sandbox \"a\" {\n  provider = local\n  network = network.agents\n}",
            "cannot honour `network = network.agents`",
        ),
        (
            "sandbox \"a\" {\n  provider = local\n  ssh_keys = [ssh_key.laptop]\n}",
            "cannot honour `ssh_keys = [ssh_key.laptop]`",
        ),
        (
            "sandbox \"a\" { provider = local }\nsnapshot \"s\" { sandbox = sandbox.a }",
            "cannot make a `snapshot`",
        ),
        ("ssh_key \"b\" {}", "`public_key` has to be given"),
        ("ssh_key \"b\" { public_key = \"laptop\" }", "begins with its type"),
        (
            "sandbox \"a\" {\n  from = snapshot.s\n}\nsnapshot \"s\" { sandbox = sandbox.a }",
            "refer to each other in a circle",
        ),
        ("network \"b\" {\n  ingress { ssh = [\"10.0.0.1\"] }\n}", "write `10.0.0.1/32`"),
        ("network \"b\" {\n  ingress { tcp = { http = [\"10.0.0.0/8\"] } }\n}", "neither a port"),
        ("network \"b\" { count = 2 }", "made on each provider"),
        ("network \"b\" {\n  hetzner {}\n}", "`hetzner`"),
    ] {
        let problems = problems_of(&file(text));
        assert!(problems.contains(expected), "{text}\n{problems}");
        assert_eq!(problems.lines().count(), 1, "{text}\n{problems}");
    }
}

#[test]
fn a_private_key_is_refused_and_not_shown() {
    let text =
        "ssh_key \"b\" { public_key = \"-----BEGIN OPENSSH PRIVATE KEY-----\\nc2VjcmV0\\n\" }";
    let problems = problems_of(&file(text));
    assert!(problems.contains("private key") && !problems.contains("c2VjcmV0"), "{problems}");
}

#[test]
fn the_limit_on_sandboxes_counts_sandboxes() {
    let limits =
        "sandplan {\n  limits {\n    max_sandboxes = 1\n    allowed_providers = [\"hetzner\"]\n  }";
    let text = file("sandbox \"a\" { ssh_keys = [ssh_key.laptop] }");
    let text =
        text.replace("sandplan {", limits).replace("default_provider", "\n  default_provider");
    let text = text.replace("\"hetzner\" }\nprovider", "\"hetzner\"\n}\nprovider");
    assert_eq!(summary(&plan_of(&text, &nothing())).len(), 3);
    let other =
        text.replace("allowed_providers = [\"hetzner\"]", "allowed_providers = [\"local\"]");
    let problems = problems_of(&other);
    assert!(problems.contains("The ssh_key would be made on `hetzner`"), "{problems}");
}
