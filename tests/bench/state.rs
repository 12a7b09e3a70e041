//! What a state costs: bytes written for each resource of an apply, and time.
//!
//! `cargo bench --bench state` prints a table; `-- --check` also fails where a
//! bound is passed: 6 KB for each resource, 10,000 resources in at most twelve
//! times the processor time of 1,000, a read of 1,000 objects in at most 60 ms.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use sandplan::address::{Address, BlockAddress, InstanceKey, ResourceType};
use sandplan::apply::{ApplyInputs, ApplySettings, Providers, Stop, apply};
use sandplan::diagnostic::Diagnostics;
use sandplan::event::EventStream;
use sandplan::object::{OperationId, ProviderRef, RemoteId, RemoteObject, StepRecord};
use sandplan::plan::{
    Action, Change, FORMAT, Mode, Operation, Plan, Planned, Reason, Step, StepId,
};
use sandplan::provider::{
    Account, Capabilities, CreateRequest, DeleteRequest, ListRequest, PlannedChange,
    ProposedChange, Provider, ProviderError, ProvisionOutcome, ProvisionRequest, Report,
    ResourceConfig, TtlEnforcement, UpdateRequest, sandbox,
};
use sandplan::schema::ResourceSchema;
use sandplan::state::{LockInfo, NewRun, Store};
use sandplan::value::{Type, Value};

/// Answers at once, or after a while that differs from call to call.
struct Instantly {
    name: ProviderRef,
    slow: bool,
}

impl Instantly {
    async fn work(&self, operation: &OperationId) {
        if self.slow {
            let turn: u64 = operation.as_str().bytes().map(u64::from).sum();
            tokio::time::sleep(Duration::from_millis(1 + turn * 7 % 20)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Provider for Instantly {
    fn name(&self) -> &ProviderRef {
        &self.name
    }
    fn schema(&self, _: ResourceType) -> Option<&ResourceSchema> {
        Some(sandbox::schema())
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: vec![], ttl: TtlEnforcement::Expire, default_parallel: 100 }
    }
    fn validate(&self, _: &ResourceConfig<'_>) -> Diagnostics {
        Diagnostics::new()
    }
    fn plan(&self, _: &ProposedChange<'_>) -> PlannedChange {
        PlannedChange::default()
    }
    async fn whoami(&self) -> Result<Account, ProviderError> {
        Ok(Account::default())
    }
    async fn list(&self, _: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        Ok(Vec::new())
    }
    async fn read(
        &self,
        _: ResourceType,
        _: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        Ok(None)
    }
    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        let remote_id = RemoteId::from(format!("1234{}", request.operation));
        request.reporter.send(Report::RemoteId(remote_id.clone()));
        self.work(&request.operation).await;
        let text = [
            ("ipv4", "192.0.2.10"),
            ("ipv6", "2001:db8:1:2::1"),
            (
                "host_key",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0123456789abcdefghijklmnopqrstuvwxyz0123",
            ),
            ("ssh_command", "ssh -p 22 agent@192.0.2.10"),
            ("created_at", "2026-11-21T12:00:00Z"),
            ("expires_at", "2026-11-21T20:00:00Z"),
            ("hourly_cost", "0.0212 EUR"),
        ];
        Ok(RemoteObject {
            remote_id,
            kind: request.kind,
            name: "n".to_owned(),
            ownership: Some(request.ownership),
            attributes: Value::object(text.map(|(name, text)| (name, Value::from(text)))),
        })
    }
    async fn update(&self, _: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        unreachable!("no plan here updates")
    }
    async fn delete(&self, _: DeleteRequest) -> Result<(), ProviderError> {
        Ok(())
    }
    async fn provision(&self, r: ProvisionRequest) -> Result<ProvisionOutcome, ProviderError> {
        for name in ["file:/home/agent/.gitconfig", "provision:install", "probe:docker"] {
            self.work(&r.operation).await;
            r.reporter.send(Report::Step(StepRecord {
                name: name.to_owned(),
                hash: "0123456789abcdef0123456789abcdef".to_owned(),
                rc: 0,
                seconds: 1.5,
                ended_at: Timestamp::UNIX_EPOCH,
            }));
        }
        Ok(ProvisionOutcome::Ready)
    }
}

/// A sandbox as a file of usual size makes it: all of the schema is there.
fn attributes(number: u64) -> Value {
    let Type::Object(all) = sandbox::schema().block.value_type() else { return Value::null() };
    let schema = &sandbox::schema().block;
    let blank = all.iter().map(|(name, attribute)| {
        let computed = schema.attribute(name).is_some_and(|a| a.computed);
        let kind = attribute.kind.clone();
        (name.clone(), if computed { Value::Unknown(kind) } else { Value::Null(kind) })
    });
    let file = Value::object([
        ("content", Value::from("[user]\n  name = ada\n")),
        ("mode", Value::null()),
    ]);
    let run = ["bash", "-lc", "cd ~/fixtures && npm ci"].map(Value::from).to_vec();
    let provision = Value::object([
        ("name", Value::from("install")),
        ("run", Value::List(Type::String, Arc::new(run))),
        ("timeout", Value::from("10m")),
    ]);
    [
        ("name", Value::from(format!("review-{number}"))),
        ("image", Value::from("ubuntu-24.04")),
        ("ttl", Value::from("8h")),
        ("env", Value::string_map([("REVIEWER", format!("ada-{number}"))])),
        ("labels", Value::string_map([("owner", format!("ada-{number}"))])),
        ("file", Value::object([("/home/agent/.gitconfig", file)])),
        ("provision", Value::tuple([provision])),
    ]
    .into_iter()
    .fold(Value::object(blank), |value, (name, part)| value.with(name, part))
}

fn plan(count: u64, provisioned: bool) -> Plan {
    let block = BlockAddress::root(ResourceType::Sandbox, "review");
    let changes: Vec<_> =
        (0..count).map(|n| change(block.instance(Some(InstanceKey::Number(n))), n)).collect();
    let mut steps = Vec::new();
    for change in 0..count as u32 {
        let mut push = |operation, waits_for| {
            let id = StepId(steps.len() as u32);
            steps.push(Step { id, change: Some(change), operation, waits_for });
            id
        };
        let create = push(Operation::Create { deposes: None }, vec![]);
        if provisioned {
            push(Operation::Provision, vec![create]);
        }
    }
    Plan {
        format: FORMAT,
        version: "0".to_owned(),
        mode: Mode::Normal,
        created_at: Timestamp::UNIX_EPOCH,
        project: "p".to_owned(),
        lineage: "l".into(),
        based_on: vec![],
        changes,
        steps,
        drift: vec![],
        outputs: vec![],
        variables: BTreeMap::new(),
        warnings: Diagnostics::new(),
        outages: Default::default(),
        left: vec![],
    }
}

fn change(address: Address, number: u64) -> Change {
    let planned = Planned {
        attributes: attributes(number),
        deferred: vec![],
        depends_on: vec![BlockAddress::root(ResourceType::SshKey, "laptop")],
        schema_version: 1,
        create_before_destroy: false,
    };
    Change {
        address,
        deposed: None,
        provider: ProviderRef::of("local"),
        action: Action::Create,
        reason: Reason::New,
        before: None,
        after: Some(Box::new(planned)),
        changed: vec![],
        replace_because: vec![],
        provision: vec![],
        notes: vec![],
        price: None,
        ttl: None,
    }
}

/// The processor time of this process so far, in clock ticks.
fn ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
}

/// What this process has written so far: bytes given to the system, and bytes of
/// pages that it made dirty.
fn written() -> (u64, u64) {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    (field("wchar:"), field("write_bytes:"))
}

#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    parallelism: usize,
    slow: bool,
    provisioned: bool,
}

struct Cost {
    seconds: f64,
    /// Of processor time, which other programs on the machine disturb less.
    worked: f64,
    bytes: f64,
    dirtied: f64,
    file: f64,
}

async fn measure(scenario: Scenario, count: u64, path: &Path) -> Cost {
    let plan = plan(count, scenario.provisioned);
    let name = ProviderRef::of("local");
    let provider = Instantly { name: name.clone(), slow: scenario.slow };
    let providers: Providers = [(name, Arc::new(provider) as Arc<dyn Provider>)].into();
    let settings = ApplySettings { parallelism: scenario.parallelism, ..ApplySettings::default() };
    let ids = Cell::new(0);
    let new_id = || {
        ids.set(ids.get() + 1);
        OperationId::from(format!("6f1c1d5e-0d5b-4f57-9c42-{:012}", ids.get()))
    };
    let mut events = EventStream::new(|| Timestamp::UNIX_EPOCH);
    let (before, worked, started) = (written(), ticks(), Instant::now());
    let store = Store::open_or_create(path, &"l".into()).expect("opens");
    let info = LockInfo::of_this_process("apply", Timestamp::UNIX_EPOCH);
    let mut store = store.lock(info, Duration::ZERO).expect("locks");
    let run = NewRun {
        id: "run".into(),
        command: "apply".to_owned(),
        who: "ada".to_owned(),
        version: "0".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
    };
    store.begin_run(&run).expect("begins");
    let outcome = apply(ApplyInputs {
        plan: &plan,
        store: &mut store,
        providers: &providers,
        events: &mut events,
        evaluate: &|_, _| Ok(Value::null()),
        clock: &|| Timestamp::UNIX_EPOCH,
        new_id: &new_id,
        stop: tokio::sync::watch::channel(Stop::No).1,
        settings: &settings,
    })
    .await;
    assert_eq!(outcome.summary.add as u64, count, "{}", outcome.diagnostics);
    store.end_run(Timestamp::UNIX_EPOCH).expect("ends");
    drop(store);
    let (seconds, after) = (started.elapsed().as_secs_f64(), written());
    let each = |bytes: u64| bytes as f64 / count as f64;
    Cost {
        seconds,
        worked: ticks() - worked,
        bytes: each(after.0 - before.0),
        dirtied: each(after.1 - before.1),
        file: each(std::fs::metadata(path).map_or(0, |m| m.len())),
    }
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "10 at once", parallelism: 10, slow: false, provisioned: false },
    Scenario { name: "10, slow", parallelism: 10, slow: true, provisioned: false },
    Scenario { name: "10, provisioned", parallelism: 10, slow: false, provisioned: true },
    Scenario { name: "one by one", parallelism: 1, slow: false, provisioned: false },
];

/// How many resources: those given as arguments, else 1,000, 5,000 and 10,000.
fn counts() -> Vec<u64> {
    let given: Vec<_> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if given.is_empty() { vec![1000, 5000, 10_000] } else { given }
}

fn main() {
    let check = std::env::args().any(|argument| argument == "--check");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runs");
    println!(
        "{:<16} {:>6} {:>8} {:>9} {:>9} {:>9}",
        "", "count", "seconds", "written", "dirtied", "file"
    );
    let mut failed = false;
    for scenario in SCENARIOS {
        let mut times = BTreeMap::new();
        for count in counts() {
            let directory = tempfile::tempdir_in(".").expect("a directory");
            let path = directory.path().join("state.db");
            let cost = runtime.block_on(measure(scenario, count, &path));
            println!(
                "{:<16} {count:>6} {:>8.2} {:>9.0} {:>9.0} {:>9.0}",
                scenario.name, cost.seconds, cost.bytes, cost.dirtied, cost.file
            );
            failed |= cost.bytes > 6144.0 && scenario.parallelism > 1;
            failed |= count == 1000 && read(&path) > 0.06;
            times.insert(count, cost.worked);
        }
        if let (Some(many), Some(few)) = (times.get(&10_000), times.get(&1000)) {
            let ratio = many / few;
            println!(
                "{:<16} 10,000 cost {ratio:.1} times the processor time of 1,000",
                scenario.name
            );
            failed |= ratio > 12.0;
        }
    }
    assert!(!(check && failed), "a bound was passed");
}

/// Times one read of the whole state, as `plan` does it: the best of five.
fn read(path: &Path) -> f64 {
    let once = || {
        let started = Instant::now();
        let state = Store::read_at(path).expect("reads");
        (started.elapsed(), state.objects.len())
    };
    let (best, objects) = (0..5).map(|_| once()).min().unwrap_or_default();
    println!("{:<16} reading {objects} objects: {:.1} ms", "", best.as_secs_f64() * 1e3);
    best.as_secs_f64()
}
