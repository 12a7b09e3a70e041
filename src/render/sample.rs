//! Plans, states and events built by hand, for the tests of the printers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::diagnostic::Diagnostics;
use crate::object::{Lineage, Object, ProviderRef, RemoteId, Status, StepFailure};
use crate::plan::{Action, Change, Drift, FORMAT, Mode, OutputChange, Plan, Planned, Reason};
use crate::provider::TtlEnforcement;
use crate::value::{AttributePath, Type, Value};

/// The text of every secret in here.
pub const SECRET: &str = "hunter2-do-not-show";

/// Noon on a day in spring.
pub fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

/// What plan text is drawn with in tests.
pub fn text_options() -> super::plan::TextOptions {
    super::plan::TextOptions { color: false, width: 80, now: now(), complete: false }
}

pub fn secret() -> Value {
    Value::from(SECRET).sensitive()
}

pub fn strings(elements: &[&str]) -> Value {
    Value::List(
        Type::String,
        std::sync::Arc::new(elements.iter().map(|e| Value::from(*e)).collect()),
    )
}

pub fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        mode: Mode::Normal,
        created_at: now(),
        project: "checkout-web".to_owned(),
        lineage: Lineage::from("5c1f6a8e"),
        based_on: Vec::new(),
        changes,
        steps: Vec::new(),
        drift: Vec::new(),
        outputs: Vec::new(),
        variables: BTreeMap::new(),
        warnings: Diagnostics::new(),
    }
}

pub fn object(address: &str, attributes: Value) -> Object {
    Object {
        address: address.parse().expect(address),
        deposed: None,
        version: 3,
        provider: ProviderRef::of("local"),
        remote_id: RemoteId::from("sb-1"),
        status: Status::Ready,
        schema_version: 1,
        attributes,
        depends_on: Vec::new(),
        steps: Vec::new(),
        failure: None,
        create_before_destroy: false,
    }
}

/// A change under construction.
pub struct ChangeBuilder(Change);

pub fn change(address: &str, action: Action, reason: Reason) -> ChangeBuilder {
    ChangeBuilder(Change {
        address: address.parse().expect(address),
        deposed: None,
        provider: ProviderRef::of("local"),
        action,
        reason,
        before: None,
        after: None,
        changed: Vec::new(),
        replace_because: Vec::new(),
        provision: Vec::new(),
        notes: Vec::new(),
        ttl: None,
    })
}

impl ChangeBuilder {
    pub fn before(mut self, attributes: Value) -> Self {
        self.0.before = Some(Box::new(object(&self.0.address.to_string(), attributes)));
        self
    }

    pub fn after(mut self, attributes: Value) -> Self {
        self.0.after = Some(Box::new(Planned {
            attributes,
            deferred: Vec::new(),
            depends_on: Vec::new(),
            schema_version: 1,
            create_before_destroy: false,
        }));
        self
    }

    pub fn forced_by(mut self, names: &[&str]) -> Self {
        self.0.replace_because = names.iter().map(|n| AttributePath::attribute(*n)).collect();
        self
    }

    pub fn with(mut self, edit: impl FnOnce(&mut Change)) -> Self {
        edit(&mut self.0);
        self
    }

    pub fn build(self) -> Change {
        self.0
    }
}

/// A sandbox as it is to be, with a bit of everything.
pub fn wanted() -> Value {
    Value::object([
        ("id", Value::Unknown(Type::String)),
        ("name", Value::from("review-ada")),
        ("image", Value::from("ubuntu-24.04")),
        ("ttl", Value::from("8h")),
        ("network", Value::Null(Type::String)),
        ("packages", strings(&["jq", "ripgrep"])),
        (
            "env",
            Value::Map(Type::String, members([("REVIEWER", "ada".into()), ("TOKEN", secret())])),
        ),
        (
            "file",
            Value::Map(
                Type::Dynamic,
                members([(
                    "/home/agent/.gitconfig",
                    Value::object([
                        ("content", Value::from("[user]\n  name = ada\n")),
                        ("mode", Value::Null(Type::String)),
                    ]),
                )]),
            ),
        ),
        ("provision", steps(&[("install", "cd ~/fixtures && npm ci")])),
        ("sync", Value::List(Type::Dynamic, Default::default())),
        ("status", Value::Unknown(Type::String)),
    ])
}

pub fn members<const N: usize>(
    members: [(&str, Value); N],
) -> std::sync::Arc<crate::value::Attributes> {
    std::sync::Arc::new(members.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

pub fn steps(steps: &[(&str, &str)]) -> Value {
    let step = |(name, command): &(&str, &str)| {
        Value::object([
            ("name", Value::from(*name)),
            ("run", strings(&["bash", "-lc", command])),
            ("timeout", Value::Null(Type::String)),
        ])
    };
    Value::List(Type::Dynamic, std::sync::Arc::new(steps.iter().map(step).collect()))
}

/// The same sandbox as it is, a little older.
pub fn existing() -> Value {
    wanted()
        .with("id", Value::from("sb-1"))
        .with("status", Value::from("ready"))
        .with("image", Value::from("ubuntu-22.04"))
        .with("ttl", Value::from("4h"))
}

/// One change of every action, and one of every reason.
pub fn every_change() -> Vec<Change> {
    let gone = |address: &str, action, reason| change(address, action, reason).before(existing());
    let both = |address: &str, action, reason| gone(address, action, reason).after(wanted());
    let at = now();
    let expired = at - jiff::SignedDuration::from_hours(3);
    let key = |network: &str| Value::object([("id", Value::from("k-1")), ("n", network.into())]);
    vec![
        change("network.agents", Action::NoOp, Reason::Unchanged)
            .before(key("a"))
            .after(key("a"))
            .build(),
        change("sandbox.new", Action::Create, Reason::New)
            .after(wanted())
            .with(|c| {
                c.provision =
                    vec!["file:/home/agent/.gitconfig".into(), "provision:install".into()];
                c.notes = vec!["runs on this machine while planning: git rev-parse HEAD".into()];
                c.ttl = Some(TtlEnforcement::Expire);
            })
            .build(),
        change("sandbox.gone", Action::Create, Reason::Gone).after(wanted()).build(),
        both("sandbox.changed", Action::Update, Reason::Changed).build(),
        both("sandbox.half", Action::Update, failed_step(Some("install"))).build(),
        both("sandbox.waiting", Action::Update, failed_step(None)).build(),
        both("sandbox.image", Action::Rebuild, Reason::CannotUpdate).forced_by(&["image"]).build(),
        both("sandbox.region", Action::Replace, Reason::CannotUpdate).forced_by(&["image"]).build(),
        both("sandbox.tainted", Action::Replace, Reason::Tainted).with(taint).build(),
        both("sandbox.old", Action::Replace, Reason::Expired(expired)).build(),
        both("sandbox.asked", Action::Replace, Reason::ByRequest).build(),
        both("sandbox.triggered", Action::ReplaceCreateFirst, triggered()).build(),
        both("sandbox.moved", Action::Replace, moved()).build(),
        gone("sandbox.removed", Action::Delete, Reason::NotInConfiguration).build(),
        gone("sandbox.many[1]", Action::Delete, Reason::NoSuchInstance).build(),
        gone("sandbox.many[\"x\"]", Action::Delete, Reason::NoSuchInstance).build(),
        gone("sandbox.many", Action::Delete, Reason::NoSuchInstance).build(),
        gone("sandbox.all", Action::Delete, Reason::Destroy).build(),
        gone("sandbox.past", Action::Delete, Reason::Expired(expired)).build(),
        gone("sandbox.triggered", Action::Delete, Reason::Deposed)
            .with(|c| c.deposed = Some("1f2e3d4c".into()))
            .build(),
        gone("sandbox.kept", Action::Forget, Reason::NotInConfiguration).build(),
        gone("module.team[\"a\"].ssh_key.laptop[\"hetzner\"]", Action::Delete, Reason::Destroy)
            .build(),
    ]
}

fn failed_step(name: Option<&str>) -> Reason {
    Reason::ProvisioningIncomplete { failed: name.map(str::to_owned) }
}

fn triggered() -> Reason {
    Reason::TriggeredBy("network.agents".to_owned())
}

fn moved() -> Reason {
    Reason::ProviderChanged { from: ProviderRef::of("local"), to: ProviderRef::of("hetzner") }
}

fn taint(change: &mut Change) {
    let object = change.before.as_mut().expect("an object");
    object.status = Status::Tainted;
    object.failure = Some(failure());
}

/// A failed step with a short log.
pub fn failure() -> StepFailure {
    StepFailure {
        step: "apt-install".to_owned(),
        rc: 100,
        log_tail: vec!["Reading package lists...".into(), "E: Unable to locate package jqq".into()],
        log_path: "/var/lib/sandplan/log/apt-install".to_owned(),
    }
}

/// What refresh found: one sandbox changed, one gone.
pub fn drifts() -> Vec<Drift> {
    let drift = |address: &str, after: Option<Value>| {
        let before = object(address, existing());
        Drift {
            key: before.key(),
            provider: before.provider.clone(),
            after: after.map(|attributes| Box::new(object(address, attributes))),
            before: Box::new(before),
            changed: vec![AttributePath::attribute("ttl")],
        }
    };
    let changed = existing().with("ttl", Value::from("1h"));
    vec![drift("sandbox.changed", Some(changed)), drift("sandbox.gone", None)]
}

/// Outputs that come, change, go, and one that is secret.
pub fn output_changes() -> Vec<OutputChange> {
    let output = |name: &str, before: Option<Value>, after: Option<Value>| OutputChange {
        name: name.into(),
        sensitive: name == "token",
        before,
        after,
        deferred: None,
    };
    let ssh = |host: &str| Value::object([("ada", Value::from(host)), ("lin", Value::null())]);
    vec![
        output("count", None, Some(Value::from(2))),
        output("note", Some(Value::from("a\nb\n")), Some(Value::from("a\nc\n"))),
        output("old", Some(Value::from("x")), None),
        output("same", Some(Value::from("x")), Some(Value::from("x"))),
        output("ssh", Some(ssh("ssh a")), Some(ssh("ssh b"))),
        output("token", None, Some(Value::from(SECRET))),
        output("url", Some(Value::from("http://a")), Some(Value::Unknown(Type::String))),
    ]
}

/// A plan with everything in it.
pub fn full_plan() -> Plan {
    let variables = [("region".into(), Value::from("ash")), ("token".into(), secret())];
    Plan {
        drift: drifts(),
        outputs: output_changes(),
        variables: variables.into(),
        ..plan(every_change())
    }
}
