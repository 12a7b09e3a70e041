//! The real moto server with a proxy of bodies and faults, and a project that is run against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Random;
use crate::aws::moto::{self, Moto};
use crate::aws::settings::{Settings, Times};
use crate::aws::{Running, start};
use crate::python;

/// Five instances, two of which are replaced with the new one first.
const PROJECT: &str = r#"
sandplan {
  project          = "crash"
  default_provider = "aws"
}
variable "boxes" { default = 3 }
variable "round" { default = "0" }
variable "image" { default = "ubuntu-24.04" }
variable "type" { default = "t3.large" }
ssh_key "ours" {
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJHBclaCdY6sFv4ADKcGMN4Q73LGawVtetl2wdO8zBO crash"
  labels     = { round = var.round }
}
network "walls" {
  labels = { round = var.round }
  ingress { ssh = ["0.0.0.0/0"] }
}
sandbox "box" {
  for_each = toset([for n in range(var.boxes) : "b${n}"])
  image    = var.image
  labels   = { round = var.round }
  network  = network.walls
  ssh_keys = [ssh_key.ours]
  aws { instance_type = [var.type, "t3.large"] }
  file "/home/agent/number" { content = "${each.key} ${var.image}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
sandbox "twin" {
  count    = 2
  ssh_keys = [ssh_key.ours]
  aws { instance_type = "t3.large" }
  lifecycle { create_before_destroy = true }
  file "/home/agent/number" { content = "${count.index}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
snapshot "warm" { sandbox = sandbox.twin[0] }
"#;

/// A project with its state, and the platform that it runs on.
pub struct Stage {
    pub root: PathBuf,
    emulator: Running,
    runtime: Runtime,
    pub account: Account,
    _keep: TempDir,
}

/// What happened to a project.
#[derive(Debug, Default)]
pub struct Account {
    pub runs: u64,
    pub kills: u64,
    /// How often each fault struck.
    strikes: BTreeMap<String, u64>,
    /// At how many kills an operation of a kind was under way.
    under_way: BTreeMap<String, u64>,
}

const ACCESS_KEY: &str = "AKIASANDPLANTESTS001";

/// moto takes a second to start, so all projects share one.
static MOTO: LazyLock<Moto> = LazyLock::new(|| {
    let listed = python::listed(&moto::requirements());
    let packages: Vec<&str> = listed.iter().map(String::as_str).collect();
    Moto::start(&python::environment("moto", &packages)).unwrap()
});

/// Each project has an account of its own.
fn settings(bodies: PathBuf) -> Settings {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
    let account = format!("{:012}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
    let times = Times::all(Duration::from_millis(100));
    let (access_key, bodies) = (Some(ACCESS_KEY.to_owned()), Some(bodies));
    Settings { account, access_key, times, bodies, ..Settings::of(&MOTO.url) }
}

/// What goes wrong, how often, and what it is called in the account.
fn faults(random: &mut Random) -> Value {
    let mut seed = || random.below(1 << 32);
    json!([
        {"kind": "status", "code": "RequestLimitExceeded", "probability": 0.01, "seed": seed()},
        {"kind": "status", "status": 500, "probability": 0.03, "seed": seed()},
        {"kind": "status", "status": 503, "probability": 0.03, "seed": seed()},
        {"kind": "cut_before", "probability": 0.03, "seed": seed()},
        {"kind": "cut_after", "action": "RunInstances", "probability": 0.2, "seed": seed()},
        {"kind": "cut_after", "action": "Create*", "probability": 0.15, "seed": seed()},
        {"kind": "cut_after", "action": "ImportKeyPair", "probability": 0.2, "seed": seed()},
        {"kind": "cut_after", "action": "Delete*", "probability": 0.1, "seed": seed()},
        {"kind": "cut_after", "action": "TerminateInstances", "probability": 0.1, "seed": seed()},
        {"kind": "no_capacity", "zone": "eu-central-1a", "probability": 0.2, "seed": seed()},
        {"kind": "delay", "delay_ms": 100, "probability": 0.1, "seed": seed()}
    ])
}

impl Stage {
    pub fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = keep.path().to_owned();
        fs::write(root.join("sandboxes.hcl"), PROJECT).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let emulator = runtime.block_on(start(listen, settings(root.join("bodies")))).unwrap();
        Self { root, emulator, runtime, account: Account::default(), _keep: keep }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandplan"));
        command.current_dir(&self.root).args(arguments).stdin(Stdio::null());
        command.env("HOME", self.root.join("home")).env("XDG_DATA_HOME", self.root.join("data"));
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", "secret");
        command.env("AWS_REGION", "eu-central-1").env("AWS_ENDPOINT_URL", self.emulator.url());
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Runs a command and kills it at a moment, unless it has ended by then.
    pub fn killed(&mut self, arguments: &[String], moment: Duration) {
        let log = fs::File::options().create(true).append(true).open(self.root.join("log"));
        let log = log.unwrap();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.command(&arguments);
        command.arg("-auto-approve").stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        wait(&mut child, moment);
        child.kill().unwrap();
        self.account.runs += 1;
        let was_killed = child.wait().unwrap().code().is_none();
        self.quiet();
        if was_killed {
            self.note_kill();
        }
    }

    /// Waits until nothing lands any more: what was sent before the kill is still done.
    fn quiet(&self) {
        let total =
            || self.control(reqwest::Method::GET, "_requests", Value::Null)["total"].clone();
        let mut seen = (total(), 0);
        while seen.1 < 5 {
            std::thread::park_timeout(Duration::from_millis(100));
            let now = total();
            seen = if now == seen.0 { (now, seen.1 + 1) } else { (now, 0) };
        }
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        let (root, status) = (self.root.display(), output.status);
        assert!(status.success(), "{arguments:?} in {root}: {status}\n{printed}{said}");
        printed.into_owned()
    }

    async fn ask(url: String, method: reqwest::Method, body: Value) -> Value {
        let client = reqwest::Client::new();
        let answer = client.request(method, url).json(&body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    fn control(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        self.runtime.block_on(Self::ask(format!("{}/{path}", self.emulator.url()), method, body))
    }

    /// Returns all that the platform holds.
    pub fn objects(&self) -> Value {
        self.control(reqwest::Method::GET, "_objects", Value::Null)
    }

    pub fn break_things(&self, random: &mut Random) {
        self.control(reqwest::Method::POST, "_faults", faults(random));
    }

    /// Ends all faults, and notes how often they struck.
    pub fn mend_things(&mut self) {
        let faults = self.control(reqwest::Method::GET, "_faults", Value::Null);
        for fault in faults["faults"].as_array().unwrap() {
            let told = ["kind", "status", "code", "action"].map(|name| match &fault[name] {
                Value::String(text) if text != "*" => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            });
            let name = told.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            *self.account.strikes.entry(name).or_default() += fault["hits"].as_u64().unwrap();
        }
        self.control(reqwest::Method::DELETE, "_faults", Value::Null);
    }

    pub fn state(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.root.join(".sandplan/state.db")).unwrap()
    }

    /// Returns the journal's open operations: kind, id, remote id.
    pub fn open_operations(&self) -> Vec<(String, String, Option<String>)> {
        let state = self.state();
        let sql = "SELECT kind, id, remote_id FROM operation WHERE ended_at IS NULL";
        let mut query = state.prepare(sql).unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Notes what a killed run had under way.
    fn note_kill(&mut self) {
        let open = if self.has_state() { self.open_operations() } else { Vec::new() };
        let kinds: BTreeSet<_> = open.into_iter().map(|(kind, ..)| kind).collect();
        let nothing = kinds.is_empty().then(|| "nothing".to_owned());
        for kind in kinds.into_iter().chain(nothing) {
            *self.account.under_way.entry(kind).or_default() += 1;
        }
        self.account.kills += 1;
    }

    pub fn has_state(&self) -> bool {
        self.root.join(".sandplan/state.db").exists()
    }
}

impl Account {
    /// Adds what another counted.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.kills += other.kills;
        other
            .strikes
            .into_iter()
            .for_each(|(fault, n)| *self.strikes.entry(fault).or_default() += n);
        other
            .under_way
            .into_iter()
            .for_each(|(kind, n)| *self.under_way.entry(kind).or_default() += n);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.account);
            let log = fs::read_to_string(self.root.join("log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(150).collect();
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

fn wait(child: &mut Child, moment: Duration) {
    let until = Instant::now() + moment;
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
