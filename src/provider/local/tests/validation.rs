use super::*;
use crate::value::Type;

fn problems(attributes: &Value) -> Vec<(String, String)> {
    let address: Address = "sandbox.a".parse().unwrap();
    let config = ResourceConfig {
        address: &address,
        kind: ResourceType::Sandbox,
        attributes,
        range_of: &|_| None,
    };
    let all = validate::validate(&config, &|argument| match argument {
        "image" => vec!["hetzner", "aws"],
        _ => vec![],
    });
    all.into_iter().map(|problem| (problem.code.to_string(), problem.detail)).collect()
}

fn one(name: &str, value: Value) -> Vec<(String, String)> {
    problems(&Value::object([(name, value)]))
}

fn block(members: &[(&str, Value)]) -> Value {
    Value::object(members.iter().cloned())
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk8Zc0vC3XkQ2c9XHVSkB0sR1sPqkXo5vJp8mQn4Z0l";

#[test]
fn what_cannot_be_honoured_is_an_error_that_says_who_can() {
    let found = one("image", "ubuntu-24.04".into());
    assert_eq!(found[0].0, "unsupported-argument");
    assert!(found[0].1.contains("`image`") && found[0].1.contains("`hetzner`, `aws`"), "{found:?}");
    for (name, value) in [
        ("size", block(&[("vcpus", 4i64.into())])),
        ("region", "ash".into()),
        ("from", "snap".into()),
        ("packages", words(&["jq"])),
        ("ssh_keys", words(&[KEY])),
        ("toolchain", block(&[("docker", true.into())])),
        ("mirrors", block(&[("apt", "http://mirror.example/debian".into())])),
        ("local", block(&[("x", "y".into())])),
        ("network", "agents".into()),
    ] {
        let found = one(name, value);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0].0, "unsupported-argument", "{name}");
    }
    let agent = Value::Map(Type::Dynamic, Arc::new([("codex".into(), block(&[]))].into()));
    assert_eq!(one("agent", agent).last().unwrap().0, "unsupported-argument");
}

#[test]
fn what_asks_for_nothing_is_no_error() {
    for (name, value) in [
        ("image", Value::Null(Type::String)),
        ("image", Value::Unknown(Type::String)),
        ("packages", words(&[])),
        ("toolchain", block(&[("docker", Value::Null(Type::Dynamic)), ("python", false.into())])),
        ("hetzner", block(&[("server_type", "cpx32".into())])),
        ("network", "none".into()),
        ("ipv4", Value::Unknown(Type::String)),
    ] {
        assert_eq!(one(name, value.clone()), [], "{name} = {value:?}");
    }
}

#[test]
fn each_wrong_argument_has_its_code() {
    let named =
        |name: &str, command: &str, words: Value| block(&[("name", name.into()), (command, words)]);
    let file = |path: &str, mode: &str| {
        Value::object([(path, block(&[("content", "".into()), ("mode", mode.into())]))])
    };
    for (name, value, code) in [
        ("name", "Not A Name".into(), "invalid-name"),
        ("ttl", "5".into(), "invalid-duration"),
        ("ttl", "0s".into(), "invalid-duration"),
        ("labels", Value::string_map([("a b", "c")]), "invalid-label"),
        ("labels", Value::string_map([("a", "-c")]), "invalid-label"),
        ("labels", Value::string_map([("sandplan-project", "x")]), "invalid-label"),
        ("env", Value::string_map([("A-B", "c")]), "invalid-env-name"),
        ("env", Value::string_map([("UID", "c")]), "invalid-env-name"),
        ("env", Value::string_map([("A", "\0")]), "invalid-env-value"),
        ("file", file("relative", "0644"), "invalid-path"),
        ("file", file("/etc/passwd", "0644"), "invalid-path"),
        ("file", file("/tmp/../etc/passwd", "0644"), "invalid-path"),
        ("file", file("/homeless", "0644"), "invalid-path"),
        ("file", file("/tmp/a", "0888"), "invalid-mode"),
        (
            "sync",
            Value::tuple([block(&[("from", ".".into()), ("to", "/usr/x".into())])]),
            "invalid-path",
        ),
        ("provision", Value::tuple([named("a", "run", words(&[]))]), "empty-command"),
        ("provision", Value::tuple([named("a/b", "run", words(&["true"]))]), "invalid-step-name"),
        ("provision", Value::tuple(vec![named("a", "run", words(&["true"])); 2]), "duplicate-step"),
        ("ready", block(&[("on_failure", "explode".into())]), "invalid-on-failure"),
        ("ready", block(&[("timeout", "soon".into())]), "invalid-duration"),
        (
            "ready",
            block(&[("probe", Value::tuple([named("a", "exec", words(&[]))]))]),
            "empty-command",
        ),
        ("port", block(&[("app", block(&[("guest", 70_000i64.into())]))]), "invalid-port"),
        (
            "port",
            block(&[("app", block(&[("guest", 80i64.into()), ("host", 81i64.into())]))]),
            "unsupported-argument",
        ),
    ] {
        let found = one(name, value);
        assert_eq!(found.len(), 1, "{name} {code}: {found:?}");
        assert_eq!(found[0].0, code, "{found:?}");
    }
}

#[test]
fn a_port_without_a_network_is_said() {
    let port = block(&[("app", block(&[("guest", 80i64.into())]))]);
    let found = problems(&Value::object([("network", "none".into()), ("port", port)]));
    assert_eq!(found[0].0, "unreachable-port");
}

#[test]
fn only_where_it_comes_from_forces_a_replacement() {
    let provision = Value::tuple([block(&[("name", "x".into()), ("run", words(&["true"]))])]);
    let after = Value::object([("provision", provision)]);
    let changed = |names: &[&str]| {
        names.iter().map(|name| AttributePath::attribute(*name)).collect::<Vec<_>>()
    };
    let planned = |names: &[&str]| {
        let changed = changed(names);
        let kind = ResourceType::Sandbox;
        plan(&ProposedChange {
            kind,
            before: Some(&Value::null()),
            after: &after,
            changed: &changed,
            done: &[],
        })
    };
    let all =
        planned(&["env", "labels", "network", "ttl", "name", "port", "file", "sync", "ready"]);
    assert!(all.requires_replace.is_empty() && all.update);
    assert_eq!(all.provision, ["provision:x"]);
    assert!(!planned(&["provision", "ready"]).update);
    assert_eq!(planned(&["env", "region"]).requires_replace, changed(&["region"]));
}
