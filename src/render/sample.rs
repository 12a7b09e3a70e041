//! Plans, states and events built by hand, for the tests of the printers.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::address::{Address, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, Recovery, Stamped, Verb};
use crate::object::{
    Lineage, Object, Outages, OutputValue, ProviderRef, RemoteId, RemoteObject, Status,
    StepFailure, StepRecord,
};
use crate::plan::{
    Action, Change, Drift, FORMAT, Left, Mode, OutputChange, Plan, Planned, Reason, Summary,
    Through, TtlEnforcement,
};
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
    Value::List(Type::String, Arc::new(elements.iter().map(|e| Value::from(*e)).collect()))
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
        outages: Default::default(),
        left: Vec::new(),
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
        price: None,
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

pub fn members<const N: usize>(members: [(&str, Value); N]) -> Arc<crate::value::Attributes> {
    Arc::new(members.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

pub fn steps(steps: &[(&str, &str)]) -> Value {
    let step = |(name, command): &(&str, &str)| {
        Value::object([
            ("name", Value::from(*name)),
            ("run", strings(&["bash", "-lc", command])),
            ("timeout", Value::Null(Type::String)),
        ])
    };
    Value::List(Type::Dynamic, Arc::new(steps.iter().map(step).collect()))
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
        outages: outages(),
        left: left(),
        ..plan(every_change())
    }
}

/// What a plan leaves alone when `hetzner.eu` cannot be worked with.
pub fn left() -> Vec<Left> {
    let left = |address: &str, provider: &str, through: Option<Through>| Left {
        address: at(address),
        deposed: None,
        provider: provider.parse().expect(provider),
        exists: through.is_none(),
        outage: "hetzner.eu".parse().expect("a provider"),
        through,
    };
    vec![
        left("sandbox.db", "hetzner.eu", None),
        left("sandbox.web", "local", Some(Through::DependsOn(at("sandbox.db")))),
    ]
}

/// Why they are left alone.
pub fn outages() -> Outages {
    let why = Diagnostic::error("refresh-failed", "Cannot refresh")
        .detail("The provider `hetzner.eu` could not list its objects: nobody answers.");
    [("hetzner.eu".parse().expect("a provider"), why)].into()
}

/// One event of every kind, as a command with some trouble would send them.
pub fn every_event() -> Vec<Stamped> {
    let stamp = |(sequence, event)| Stamped {
        at: now() + jiff::SignedDuration::from_secs(sequence as i64),
        sequence: sequence as u64,
        event,
    };
    let events = [refresh_events(), plan_events(), apply_events(), end_events()].concat();
    events.into_iter().enumerate().map(stamp).collect()
}

fn refresh_events() -> Vec<Event> {
    let local = || ProviderRef::of("local");
    let orphan = RemoteObject {
        remote_id: RemoteId::from("sb-9"),
        kind: ResourceType::Sandbox,
        name: "lost-panda".to_owned(),
        ownership: None,
        attributes: Value::object([("env", secret())]),
    };
    let kind = ResourceType::Sandbox;
    vec![
        Event::RefreshStart { provider: local(), kind },
        Event::RefreshComplete { provider: local(), kind, objects: 3, seconds: 0.0425 },
        Event::ResourceDrift { drift: Box::new(drifts().remove(0)) },
        Event::ResourceDrift { drift: Box::new(drifts().remove(1)) },
        Event::Orphan { provider: local(), object: Box::new(orphan) },
        Event::Expired { address: at("sandbox.old"), expires_at: now() },
    ]
}

fn plan_events() -> Vec<Event> {
    let changes = every_change();
    let summary = plan(changes.clone()).summary();
    let planned = changes.into_iter().map(|c| Event::PlannedChange { change: Box::new(c) });
    let rest = [
        Event::Left { left: Box::new(left().remove(0)) },
        Event::PlannedOutputs { outputs: output_changes() },
        Event::ChangeSummary { summary, mode: Mode::Normal },
    ];
    planned.chain(rest).collect()
}

fn apply_events() -> Vec<Event> {
    let a = || at("sandbox.a");
    let step = |name: &str, rc, seconds| StepRecord {
        name: name.to_owned(),
        hash: "0".to_owned(),
        rc,
        seconds,
        ended_at: now(),
    };
    let progress = |phase: &str, seconds| Event::ApplyProgress {
        address: a(),
        verb: Verb::Create,
        phase: phase.to_owned(),
        seconds,
    };
    let id = || Some(RemoteId::from("sb-1"));
    let b = || at("sandbox.b");
    let update = Verb::Update;
    vec![
        Event::Settling { operations: 2, seconds: 5.0 },
        Event::Recovered { address: b(), verb: Verb::Create, outcome: Recovery::Adopted },
        Event::ApplyStart { address: a(), verb: Verb::Create, id: None },
        progress("waiting for ssh", 0.4),
        progress("waiting for ssh", 10.0),
        Event::ApplyComplete { address: a(), verb: Verb::Create, id: id(), seconds: 12.3 },
        Event::ApplyStart { address: a(), verb: Verb::Provision, id: id() },
        Event::StepComplete { address: a(), step: step("file:/etc/motd", 0, 0.04) },
        Event::StepOutput {
            address: a(),
            step: "provision:install".to_owned(),
            line: "added 12 packages\u{1b}[2J".to_owned(),
        },
        Event::StepComplete { address: a(), step: step("provision:install", 0, 3.21) },
        Event::StepComplete { address: a(), step: step("apt-install", 100, 61.0) },
        Event::StepFailed { address: a(), failure: failure() },
        Event::ApplyErrored { address: a(), verb: Verb::Provision, seconds: 75.0 },
        Event::Skipped { address: b(), verb: update, because: vec![a()] },
        Event::ApplyStart { address: at("sandbox.c"), verb: Verb::Delete, id: id() },
        Event::Stopping { in_flight: 1 },
        Event::ApplyComplete {
            address: at("sandbox.c"),
            verb: Verb::Delete,
            id: id(),
            seconds: 3700.0,
        },
    ]
}

fn end_events() -> Vec<Event> {
    let summary = Summary { add: 1, change: 0, remove: 1, forget: 0 };
    let output = |value: Value, sensitive| OutputValue { value, sensitive };
    let ssh = Value::object([("a", Value::from("ssh a")), ("key", secret())]);
    let outputs = [
        ("motd".into(), output(Value::from("hello\nworld\n"), false)),
        ("ssh".into(), output(ssh, false)),
        ("token".into(), output(Value::from(SECRET), true)),
    ];
    let problem = Diagnostic::error("not-ready", "Provisioning failed")
        .detail("Step apt-install of sandbox.a failed. The sandbox is kept.")
        .address("sandbox.a");
    vec![
        Event::Diagnostic { diagnostic: problem },
        Event::ApplySummary { summary, mode: Mode::Normal, failed: 1, skipped: 1 },
        Event::ApplySummary { summary, mode: Mode::Destroy, failed: 0, skipped: 0 },
        Event::Outputs { outputs: outputs.into() },
    ]
}

fn at(address: &str) -> Address {
    address.parse().expect(address)
}

/// Makes a writer, and a way to read what was written to it.
pub fn shared_writer() -> (Box<dyn Write + Send>, impl Fn() -> String) {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let reader = bytes.clone();
    let read = move || String::from_utf8(reader.lock().expect("a lock").clone()).expect("text");
    (Box::new(Shared(bytes)), read)
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a check for drift found, with all that a report borrows.
pub struct DriftFindings {
    pub drift: Vec<Drift>,
    pub orphans: Vec<(ProviderRef, RemoteObject)>,
    pub expired: Vec<Object>,
    pub outages: Outages,
    lineage: Lineage,
}

impl Default for DriftFindings {
    fn default() -> Self {
        let lineage = Lineage::from("5c1f6a8e");
        let (drift, orphans, expired, outages) = Default::default();
        Self { drift, orphans, expired, outages, lineage }
    }
}

impl DriftFindings {
    pub fn report(&self) -> super::drift::DriftReport<'_> {
        super::drift::DriftReport {
            project: "checkout-web",
            lineage: &self.lineage,
            at: now(),
            drift: &self.drift,
            orphans: &self.orphans,
            expired: &self.expired,
            outages: &self.outages,
        }
    }
}

/// One changed, one gone, one orphan, one expired.
pub fn drift_findings() -> DriftFindings {
    let Event::Orphan { provider, object } = refresh_events().remove(4) else { unreachable!() };
    let past = existing().with("expires_at", Value::from("2026-03-01T09:00:00Z"));
    DriftFindings {
        drift: drifts(),
        orphans: vec![(provider, *object)],
        expired: vec![self::object("sandbox.old", past)],
        ..DriftFindings::default()
    }
}
