//! An emulator with bodies and faults, and a project that is run against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Random;
use crate::emulator::{Running, start};
use crate::platform::{CONFIGURATION, FAULT_WORDS, environment, faults, settings};

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

impl Stage {
    pub fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = keep.path().to_owned();
        fs::write(root.join("sandboxes.hcl"), CONFIGURATION).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let emulator = runtime.block_on(start(listen, settings(root.join("bodies")))).unwrap();
        Self { root, emulator, runtime, account: Account::default(), _keep: keep }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandplan"));
        command.current_dir(&self.root).args(arguments).stdin(Stdio::null());
        command.env("HOME", self.root.join("home")).env("XDG_DATA_HOME", self.root.join("data"));
        command.envs(environment(self.emulator.url()));
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
        if child.wait().unwrap().code().is_none() {
            self.note_kill();
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
            let told = FAULT_WORDS.map(|name| match &fault[name] {
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
