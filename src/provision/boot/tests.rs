//! The step runner and its follower, for real: in a directory of this machine that
//! stands for `/var/lib/sandplan`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::object::OperationId;
use crate::provider::{
    ConsoleRequest, Exec, ExecOutcome, ExecRequest, Machine, ProviderErrorKind, ProvisionOutcome,
    ProvisionRequest, Reporter,
};
use crate::provision::secrets::Secrets;
use crate::provision::{Guest, guest};
use crate::value::Value;

/// A machine that is a directory: its commands run here, with every path of a
/// machine moved into the directory.
struct Host {
    directory: tempfile::TempDir,
    /// The next command finds nobody.
    is_away: AtomicBool,
    /// Of each command, its words and whether it ran as root.
    commands: Mutex<Vec<(String, bool)>>,
}

impl Host {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            is_away: AtomicBool::new(false),
            commands: Mutex::default(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("var/lib/sandplan").join(name)
    }

    fn moved(&self, text: &str) -> String {
        let root = self.directory.path().display();
        let text = text.replace(DIRECTORY, &format!("{root}{DIRECTORY}"));
        let text = ["/run/cloud-init", "/etc/", "/home/agent", "/root", "/workspace"]
            .into_iter()
            .fold(text, |text, path| text.replace(path, &format!("{root}{path}")));
        // There is no such user here.
        let text = text
            .replace("setpriv --reuid=agent --regid=agent --init-groups --", "")
            .replace("-o agent -g agent", "")
            .replace("root:agent", "$(id -u):$(id -g)");
        text.replace(
            "command -v cloud-init",
            &format!("export PATH={root}/bin:$PATH; command -v cloud-init"),
        )
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts the files there, as cloud-init does.
    fn install(&self, steps: &[Setup]) {
        for (path, content) in guest::files(steps) {
            self.write(&path[1..], &content);
        }
    }

    /// Starts the runner, as cloud-init does.
    fn boot(&self) -> Child {
        Command::new("/bin/sh").arg(self.path("runner")).arg(self.path("")).spawn().unwrap()
    }

    fn run_to_end(&self) -> Option<i32> {
        self.boot().wait().unwrap().code()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn lines(&self) -> Vec<(String, i32)> {
        let text = self.read("steps.jsonl");
        let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
        lines.filter(|line| !line.skipped).map(|line| (line.step, line.rc)).collect()
    }
}

#[async_trait]
impl Exec for Host {
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        if self.is_away.swap(false, Ordering::SeqCst) {
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, "connection refused"));
        }
        let words = request.argv.join(" ");
        self.commands.lock().unwrap().push((words, request.machine.as_root));
        let argv: Vec<_> = request.argv.iter().map(|word| self.moved(word)).collect();
        let mut command = tokio::process::Command::new(&argv[0]);
        command.args(&argv[1..]).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        if let ExecIo::Feed(bytes) = request.io {
            let text = self.moved(&String::from_utf8(bytes).unwrap());
            tokio::io::AsyncWriteExt::write_all(&mut stdin, text.as_bytes()).await.unwrap();
        }
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let code = output.status.code().unwrap_or(-1);
        Ok(ExecOutcome { code, stdout: output.stdout, stderr: output.stderr })
    }

    async fn console(&self, _: ConsoleRequest) -> Result<i32, ProviderError> {
        unreachable!("nobody opens a shell")
    }
}

fn step(name: &str, script: &str) -> Setup {
    Setup {
        name: format!("setup:{name}"),
        script: format!("{script}\n"),
        hash: crate::provision::pending::hash([name, script]),
        timeout: Duration::from_secs(60),
    }
}

/// Sets up, and returns the failure and what was told.
async fn set_up_on(
    host: &Host,
    steps: &[Setup],
    done: &[StepRecord],
) -> (Option<StepFailure>, Vec<Report>) {
    let (channel, mut told) = unbounded_channel();
    let reporter = Reporter::new(OperationId::from("op"), channel);
    let machine = Machine::of("m");
    let run = Run {
        exec: host,
        machine: &machine,
        done,
        base_dir: Path::new("/"),
        reporter: &reporter,
        clock: &|| Timestamp::UNIX_EPOCH,
        secrets: Secrets::default(),
        ready_within: Duration::from_secs(1),
    };
    let failure = set_up(&run, steps, done).await.unwrap();
    (failure, drain(&mut told))
}

fn drain(told: &mut UnboundedReceiver<(OperationId, Report)>) -> Vec<Report> {
    std::iter::from_fn(|| told.try_recv().ok()).map(|(_, report)| report).collect()
}

fn records(told: &[Report]) -> Vec<StepRecord> {
    let record = |report: &Report| match report {
        Report::Step(record) => Some(record.clone()),
        _ => None,
    };
    told.iter().filter_map(record).collect()
}

fn ended(told: &[Report]) -> Vec<(String, i32)> {
    records(told).into_iter().map(|record| (record.name, record.rc)).collect()
}

fn said(told: &[Report]) -> Vec<&str> {
    let lines = told.iter().filter_map(|report| match report {
        Report::Output { line, .. } => Some(line.as_str()),
        _ => None,
    });
    lines.collect()
}

fn pairs(steps: &[(&str, i32)]) -> Vec<(String, i32)> {
    steps.iter().map(|(name, rc)| (format!("setup:{name}"), *rc)).collect()
}

/// Waits for something that a process does, and fails after a while.
fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it does not come");
        std::thread::yield_now();
    }
}

#[test]
fn the_runner_runs_all_steps_and_says_ready_last() {
    let host = Host::new();
    host.install(&[step("a", "echo one"), step("b", "echo two >&2")]);
    assert_eq!(host.run_to_end(), Some(0));
    assert_eq!(host.lines(), pairs(&[("a", 0), ("b", 0)]));
    assert_eq!(host.read("log/setup-b"), "two\n");
    assert_eq!(host.read("result.json"), "{\"result\":\"ready\"}\n");
}

#[test]
fn the_runner_stops_at_a_failure_and_goes_on_there() {
    let host = Host::new();
    let repaired = host.directory.path().join("repaired");
    let b = format!("echo trying; [ -e {} ] || exit 7", repaired.display());
    host.install(&[step("a", "true"), step("b", &b), step("c", "true")]);
    assert_eq!(host.run_to_end(), Some(1));
    assert_eq!(host.lines(), pairs(&[("a", 0), ("b", 7)]));
    assert_eq!(host.read("result.json"), "{\"result\":\"failed\",\"step\":\"setup:b\",\"rc\":7}\n");
    assert_eq!(host.read("log/setup-b"), "trying\n");
    fs::write(repaired, "").unwrap();
    assert_eq!(host.run_to_end(), Some(0));
    assert_eq!(host.lines(), pairs(&[("a", 0), ("b", 7), ("b", 0), ("c", 0)]));
}

#[test]
fn a_step_that_takes_too_long_is_ended() {
    let host = Host::new();
    let slow = Setup { timeout: Duration::from_secs(1), ..step("slow", "echo begun; sleep 60") };
    host.install(&[slow, step("after", "true")]);
    assert_eq!(host.run_to_end(), Some(1));
    assert_eq!(host.lines(), pairs(&[("slow", 124)]));
    assert_eq!(host.read("log/setup-slow"), "begun\n(ended after 1 s)\n");
}

#[test]
fn a_runner_that_was_killed_leaves_no_result_and_its_step_does_not_go_on() {
    let host = Host::new();
    let place = host.directory.path().display().to_string();
    // At the first try it goes on for long; at the second it is done at once.
    let text = format!("echo $$ >>{place}/pids; [ -e {place}/again ] || exec sleep 300");
    host.install(&[step("a", "true"), step("long", &text)]);
    host.write("var/lib/sandplan/result.json", "{\"result\":\"ready\"}");
    let mut runner = host.boot();
    let pids = || fs::read_to_string(format!("{place}/pids")).unwrap_or_default();
    until(|| pids().ends_with('\n'));
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_eq!(host.read("result.json"), "");
    // A zombie that nobody reaps is at work no more.
    let alive = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    let first = pids().trim().to_owned();
    assert!(alive(&first));
    fs::write(format!("{place}/again"), "").unwrap();
    assert_eq!(host.run_to_end(), Some(0));
    until(|| !alive(&first));
    assert_eq!(host.lines(), pairs(&[("a", 0), ("long", 0)]));
}

#[test]
fn two_runners_are_never_at_work_at_once() {
    let host = Host::new();
    let place = host.directory.path().display().to_string();
    let text = format!("echo x >>{place}/runs; while [ ! -e {place}/go ]; do sleep 0.1; done");
    host.install(&[step("a", &text)]);
    let mut first = host.boot();
    until(|| Path::new(&format!("{place}/runs")).exists());
    assert_eq!(host.run_to_end(), Some(75));
    fs::write(format!("{place}/go"), "").unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(format!("{place}/runs")).unwrap(), "x\n");
}

#[tokio::test]
async fn steps_that_nobody_started_are_started_over_the_connection() {
    let host = Host::new();
    let steps = [step("a", "echo one; printf two"), step("b", "echo three")];
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    assert_eq!(failure, None);
    assert_eq!(ended(&told), pairs(&[("a", 0), ("b", 0)]));
    assert_eq!(said(&told), ["one", "two", "three"]);
    assert_eq!(records(&told)[0].hash, steps[0].hash);
    assert!(host.commands.lock().unwrap().iter().all(|(_, as_root)| *as_root));
}

#[tokio::test]
async fn the_runner_of_the_first_boot_is_followed_and_not_started_twice() {
    let host = Host::new();
    let place = host.directory.path().display().to_string();
    let steps =
        [step("a", &format!("echo x >>{place}/runs; sleep 1; echo late")), step("b", "true")];
    host.install(&steps);
    host.write("run/cloud-init/enabled", "");
    let mut runner = host.boot();
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    assert_eq!((failure, runner.wait().unwrap().code()), (None, Some(0)));
    assert_eq!(ended(&told), pairs(&[("a", 0), ("b", 0)]));
    assert_eq!(said(&told), ["late"]);
    assert_eq!(fs::read_to_string(format!("{place}/runs")).unwrap(), "x\n");
}

#[tokio::test]
async fn a_first_boot_that_is_over_is_told_of_afterwards() {
    let host = Host::new();
    let steps = [step("a", "echo one"), step("b", "echo two; exit 3"), step("c", "true")];
    host.install(&steps);
    host.run_to_end();
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    let failure = failure.unwrap();
    assert_eq!((&*failure.step, failure.rc), ("setup:b", 3));
    assert_eq!(failure.log_tail, ["two"]);
    assert_eq!(failure.log_path, "/var/lib/sandplan/log/setup-b");
    assert_eq!(ended(&told), pairs(&[("a", 0), ("b", 3)]));
    assert_eq!(said(&told), ["one", "two"]);
    assert_eq!(host.lines(), pairs(&[("a", 0), ("b", 3)]));
}

#[tokio::test]
async fn a_failure_that_was_told_before_is_tried_again() {
    let host = Host::new();
    let place = host.directory.path().display().to_string();
    let steps =
        [step("a", "true"), step("b", &format!("[ -e {place}/repaired ]")), step("c", "true")];
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    assert_eq!(failure.unwrap().step, "setup:b");
    let done = records(&told);
    fs::write(format!("{place}/repaired"), "").unwrap();
    let (failure, told) = set_up_on(&host, &steps[1..], &done).await;
    assert_eq!(failure, None);
    assert_eq!(ended(&told), pairs(&[("b", 0), ("c", 0)]));
    assert_eq!(host.lines(), pairs(&[("a", 0), ("b", 1), ("b", 0), ("c", 0)]));
}

#[tokio::test]
async fn a_step_that_changed_runs_on_a_machine_that_was_ready() {
    let host = Host::new();
    let (failure, _) = set_up_on(&host, &[step("a", "echo 1"), step("b", "true")], &[]).await;
    assert_eq!(failure, None);
    let (failure, told) = set_up_on(&host, &[step("a", "echo 2")], &[]).await;
    assert_eq!((failure, ended(&told)), (None, pairs(&[("a", 0)])));
    assert_eq!(said(&told).last(), Some(&"2"));
}

#[tokio::test]
async fn a_runner_that_vanished_is_started_again() {
    let host = Host::new();
    let place = host.directory.path().display().to_string();
    // Kills the runner at the first try, as a reboot does.
    let text = format!(
        "if [ ! -e {place}/killed ]; then : >{place}/killed; kill -KILL $(ps -o ppid= -p $PPID); sleep 60; fi"
    );
    let steps = [step("a", "true"), step("b", &text)];
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    assert_eq!((failure, ended(&told)), (None, pairs(&[("a", 0), ("b", 0)])));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let host = Host::new();
    host.is_away.store(true, Ordering::SeqCst);
    let (failure, told) = set_up_on(&host, &[step("a", "true")], &[]).await;
    assert_eq!((failure, ended(&told)), (None, pairs(&[("a", 0)])));
    assert!(told.contains(&Report::Phase("waiting for the machine to answer again".into())));
}

#[tokio::test]
async fn a_cloud_init_that_failed_before_the_steps_is_told_once() {
    let host = Host::new();
    let steps = [step("a", "true")];
    host.write("bin/cloud-init", "#!/bin/sh\necho 'status: error'; echo 'detail: no such user'\n");
    let program = host.directory.path().join("bin/cloud-init");
    fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    let failure = failure.unwrap();
    assert_eq!(failure.step, "setup:cloud-init");
    assert_eq!(failure.log_tail.last().unwrap(), "detail: no such user");
    let (failure, told) = set_up_on(&host, &steps, &records(&told)).await;
    assert_eq!((failure, ended(&told)), (None, pairs(&[("a", 0)])));
}

#[tokio::test]
async fn long_logs_come_whole_and_in_order() {
    let host = Host::new();
    let steps = [step("a", "seq 1 60000"), step("b", "echo end")];
    let (failure, told) = set_up_on(&host, &steps, &[]).await;
    assert_eq!(failure, None);
    let expected: Vec<_> = (1..=60000).map(|n| n.to_string()).chain(["end".into()]).collect();
    assert_eq!(said(&told), expected);
}

/// Runs everything of a sandbox, and returns how it ended.
async fn provisioned(host: &Host, sandbox: &str, guest: &Guest) -> ProvisionOutcome {
    let request = ProvisionRequest {
        operation: OperationId::from("op"),
        remote_id: "m".into(),
        attributes: attributes(sandbox),
        done: Vec::new(),
        base_dir: "/".into(),
        reporter: Reporter::silent(),
    };
    let clock = || Timestamp::UNIX_EPOCH;
    crate::provision::provision(host, request, Some(guest), &clock).await.unwrap()
}

fn attributes(env: &str) -> Value {
    let file = |content| Value::object([("content", Value::from(content))]);
    let files = [
        ("/home/agent/a", file("of the user")),
        ("/etc/b", file("of root")),
        ("/workspace/c", file("code")),
    ];
    Value::object([
        ("env", Value::object([("TOKEN", Value::from(env))])),
        ("file", Value::object(files)),
    ])
}

#[tokio::test]
async fn the_system_is_changed_by_root_and_a_home_by_its_user() {
    let host = Host::new();
    for directory in ["root/.ssh", "home/agent", "etc/profile.d"] {
        fs::create_dir_all(host.directory.path().join(directory)).unwrap();
    }
    let theirs = "ssh-x OLD eve\nssh-x THEIRS sandplan\n";
    fs::write(host.directory.path().join("root/.ssh/authorized_keys"), theirs).unwrap();
    let guest = Guest {
        setup: vec![step("a", "true")],
        authorized_keys: vec!["ssh-x K ada".into()],
        access_key: Some("ssh-x OWN sandplan".into()),
    };
    let outcome = provisioned(&host, "it's\n$HOME `x`", &guest).await;
    assert_eq!(outcome, ProvisionOutcome::Ready);
    let read = |path: &str| fs::read_to_string(host.directory.path().join(path)).unwrap();
    let keys = "ssh-x OWN sandplan\nssh-x K ada\n";
    assert_eq!(read("home/agent/.ssh/authorized_keys"), keys);
    let kept = format!("{keys}ssh-x THEIRS sandplan\n");
    assert_eq!(read("root/.ssh/authorized_keys"), kept, "another machine's key stays");
    assert_eq!(read("home/agent/a") + &read("etc/b"), "of the userof root");
    assert_eq!(host.read("result.json"), "{\"result\":\"ready\"}\n");
    let sourced = format!(
        ". {}; printf %s \"$TOKEN\"",
        host.directory.path().join("etc/profile.d/sandplan.sh").display()
    );
    let sourced = Command::new("/bin/sh").args(["-c", &sourced]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&sourced.stdout), "it's\n$HOME `x`");
    let commands = host.commands.lock().unwrap();
    let wrote = |path: &str| commands.iter().find(|(words, _)| words.contains(path)).unwrap().1;
    assert!(!wrote("/home/agent/a 644") && wrote("/etc/b 644") && !wrote("/workspace/c 644"));
    assert!(wrote("install -d -o agent"), "the place for code is made for its user");
    assert_eq!(read("workspace/c"), "code");
    assert!(!commands.iter().any(|(words, _)| words.contains("it's")));
}
