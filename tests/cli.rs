//! The command line from outside: help, exit codes, JSON against `schema/`, bad
//! input, and what a signal leaves behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use support::{Ran, SANDPLAN, TestEnv};

const COMMANDS: [&str; 32] = [
    "init",
    "fmt",
    "validate",
    "plan",
    "apply",
    "destroy",
    "drift",
    "expire",
    "show",
    "output",
    "eval",
    "graph",
    "list",
    "new",
    "exec",
    "console",
    "cp",
    "logs",
    "snapshot",
    "restore",
    "state",
    "state list",
    "state show",
    "state mv",
    "state rm",
    "state pull",
    "state push",
    "state recover",
    "import",
    "force-unlock",
    "version",
    "completions",
];

#[test]
fn every_command_helps_within_eighty_columns() {
    let env = TestEnv::new();
    let whole = env.sandplan("-help").exits(0);
    for command in COMMANDS {
        let first = command.split(' ').next().unwrap();
        assert!(whole.stdout.contains(&format!("  {first} ")), "{command} is not in the help");
        let help = env.sandplan(&format!("{command} -help")).exits(0);
        assert_eq!(help.stderr, "", "{command}");
        assert!(help.stdout.contains(&format!("Usage: sandplan {command}")), "{}", help.stdout);
        for line in help.stdout.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line:?}");
        }
        let short = env.sandplan(&format!("{command} -h")).exits(0);
        assert!(short.stdout.contains("Usage: "), "{command}");
    }
}

#[test]
fn wrong_usage_exits_64_and_says_so_on_standard_error() {
    let env = TestEnv::with("sandbox \"a\" {}\n");
    for line in [
        "",
        "frobnicate",
        "plan -nonsense",
        "plan extra",
        "plan -parallelism=0",
        "plan -parallelism=many",
        "plan -lock-timeout=soon -destroy -refresh-only",
        "plan -target=",
        "plan -target=label:x",
        "apply -on-failure=panic",
        "apply -lock-timeout=soon -auto-approve",
        "state",
        "state rm",
        "output -json -raw",
        "drift -json -markdown",
        "completions tcsh",
        "exec",
        "eval -var=x var.x",
    ] {
        let ran = env.sandplan(line).exits(64);
        assert!(!ran.stderr.is_empty(), "{line} says nothing");
        assert_eq!(ran.stdout, "", "{line}");
    }
    assert!(!env.work().join(".sandplan").exists(), "nothing was written");
}

fn schema(name: &str) -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}-v1.json"));
    let schema: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

#[track_caller]
fn fits(schema: &Validator, text: &str) -> Json {
    let json: Json = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let problems: Vec<String> =
        schema.iter_errors(&json).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{}\n{json:#}", problems.join("\n"));
    json
}

/// Every line of standard output fits; their types come back.
#[track_caller]
fn lines(ui: &Validator, ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines().map(|line| fits(ui, line));
    let types: Vec<String> = lines.map(|l| l["type"].as_str().unwrap().to_owned()).collect();
    assert!(!types.is_empty(), "no line at all; stderr: {}", ran.stderr);
    types
}

const BROAD: &str = r#"
variable "v" { default = "1" }
variable "token" {
  default   = "hunter2"
  sensitive = true
}
sandbox "a" {
  ttl    = "8h"
  labels = { v = var.v }
  env    = { TOKEN = var.token }
  file "/home/agent/x" { content = "x\n" }
  provision "ok" { run = ["echo", "fine"] }
  ready {
    probe "p" { exec = ["true"] }
  }
  port "app" { guest = 3000 }
}
sandbox "b" {
  for_each = toset(["x", "y"])
  env      = { A = sandbox.a.id }
  lifecycle { create_before_destroy = true }
}
output "a" { value = sandbox.a.name }
output "ids" { value = { for k, s in sandbox.b : k => s.id } }
output "token" {
  value     = var.token
  sensitive = true
}
"#;

#[test]
fn what_is_printed_as_json_is_as_its_schema_says() {
    let env = TestEnv::with(BROAD);
    let ui = schema("ui");
    let plan = lines(&ui, &env.sandplan("plan -json -out=x.plan").exits(0));
    assert_eq!(plan[0], "version");
    assert_eq!(plan.iter().filter(|t| *t == "planned_change").count(), 3);
    fits(&schema("plan"), &env.sandplan("show -json x.plan").exits(0).stdout);
    let apply = lines(&ui, &env.sandplan("apply -json -auto-approve").exits(0));
    assert_eq!(apply.iter().filter(|t| *t == "version").count(), 1);
    // Three creations, and one provisioning.
    assert_eq!(apply.iter().filter(|t| *t == "apply_complete").count(), 4);
    assert_eq!(apply.last().unwrap(), "outputs");
    lines(&ui, &env.sandplan("plan -json -var v=2 -out=y.plan").exits(0));
    let planned = fits(&schema("plan"), &env.sandplan("show -json y.plan").exits(0).stdout);
    assert!(!planned.to_string().contains("hunter2"));
    fits(&schema("state"), &env.sandplan("show -json").exits(0).stdout);
    fits(&schema("output"), &env.sandplan("output -json").exits(0).stdout);
    fits(&schema("list"), &env.sandplan("list -json").exits(0).stdout);
    fits(&schema("list"), &env.sandplan("list -json -refresh=false").exits(0).stdout);
    fits(&schema("drift"), &env.sandplan("drift -json").exits(0).stdout);
    fits(&schema("validate"), &env.sandplan("validate -json").exits(0).stdout);
    // Drift of all kinds, in each place that tells it.
    env.shell(
        r#"cd "$XDG_DATA_HOME/sandplan/local/sandboxes"
        set -- $(ls)
        grep -l '"sandplan-address": "sandbox.a"' */sandbox.json | xargs dirname > ../a
        a=$(cat ../a); sed -i 's/"v": "1"/"v": "9"/' $a/sandbox.json
        b=$(grep -l 'sandbox.b.."x' */sandbox.json | xargs dirname); mv $b sb-0123456789abcdef
        sed -i "s/$b/sb-0123456789abcdef/" sb-0123456789abcdef/sandbox.json"#,
    )
    .exits(0);
    let drift = fits(&schema("drift"), &env.sandplan("drift -json").exits(2).stdout);
    assert_eq!(
        drift["summary"]["orphaned"].as_u64().or(drift["summary"]["orphans"].as_u64()),
        Some(1),
        "{drift:#}"
    );
    fits(&schema("list"), &env.sandplan("list -json").exits(0).stdout);
    let plan = lines(&ui, &env.sandplan("plan -json -out=z.plan -detailed-exitcode").exits(2));
    assert!(plan.contains(&"resource_drift".to_owned()), "{plan:?}");
    fits(&schema("plan"), &env.sandplan("show -json z.plan").exits(0).stdout);
    lines(&ui, &env.sandplan("apply -json z.plan").exits(0));
    lines(&ui, &env.sandplan("apply -json -auto-approve -replace=sandbox.a").exits(0));
    lines(&ui, &env.sandplan("destroy -json -auto-approve").exits(0));
    fits(&schema("state"), &env.sandplan("show -json").exits(0).stdout);
    fits(&schema("output"), &env.sandplan("output -json").exits(0).stdout);
    fits(&schema("list"), &env.sandplan("list -json").exits(0).stdout);
}

#[test]
fn problems_are_told_as_json_on_every_path() {
    let ui = schema("ui");
    let told = |ran: Ran, code: &str| {
        assert_eq!(ran.stderr, "", "only JSON is told");
        let types = lines(&ui, &ran);
        assert!(types.contains(&"diagnostic".to_owned()), "{types:?}");
        assert!(ran.stdout.contains(&format!("\"code\":\"{code}\"")), "{code}: {}", ran.stdout);
    };
    let env = TestEnv::with("sandbox \"a\" {\n");
    for line in
        ["plan -json", "apply -json -auto-approve", "drift -json", "destroy -json -auto-approve"]
    {
        told(env.sandplan(line).exits(1), "syntax");
    }
    env.write("sandboxes.hcl", "sandbox \"a\" { env = { X = var.x } }\n");
    told(env.sandplan("plan -json").exits(1), "undeclared-reference");
    env.write("sandboxes.hcl", "variable \"x\" {}\nsandbox \"a\" { env = { X = var.x } }\n");
    told(env.sandplan("plan -json").exits(1), "no-value");
    fits(&schema("validate"), &env.sandplan("validate -json").exits(0).stdout);
    env.write(
        "sandboxes.hcl",
        "sandplan {\n limits { max_sandboxes = 1 }\n}\nsandbox \"a\" { count = 2 }\n",
    );
    told(env.sandplan("apply -json -auto-approve").exits(3), "limit");
    told(env.sandplan("apply -json").exits(64), "usage");
    told(env.sandplan("plan -json -target=nonsense").exits(64), "usage");
    told(env.sandplan("apply -json missing.plan").exits(1), "plan-file");
    told(env.sandplan("show -json missing.plan").exits(1), "plan-file");
    told(env.sandplan("output -json nothing").exits(1), "unknown-output");
    env.write(
        "sandboxes.hcl",
        "sandbox \"a\" {\n  provision \"bad\" { run = [\"sh\", \"-c\", \"echo no; exit 7\"] }\n}\n\
         sandbox \"b\" { env = { A = sandbox.a.id } }\n",
    );
    let failed = env.sandplan("apply -json -auto-approve").exits(5);
    let types = lines(&ui, &failed);
    assert!(
        types.contains(&"apply_errored".to_owned()) || types.contains(&"step_failed".to_owned()),
        "{types:?}"
    );
    told(failed, "not-ready");
    fits(&schema("state"), &env.sandplan("show -json").exits(0).stdout);
    fits(&schema("list"), &env.sandplan("list -json").exits(0).stdout);
    // Locked, by a state whose lock another process holds.
    let holder = hold_lock(&env);
    told(env.sandplan("apply -json -auto-approve").exits(6), "state-locked");
    drop(holder);
    // Corrupt.
    fs::write(env.work().join(".sandplan/state.db"), b"this is no database, whatever its name")
        .unwrap();
    told(env.sandplan("plan -json").exits(1), "not-a-state");
}

/// Somebody else who holds the state's lock, until dropped.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hold_lock(env: &TestEnv) -> Holder {
    env.write(
        "holder/sandboxes.hcl",
        "sandplan {\n  project = \"work\"\n  backend \"sqlite\" { path = \"../.sandplan/state.db\" }\n}\nsandbox \"holder\" {\n  provision \"wait\" { run = [\"sh\", \"-c\", \"echo begun; sleep 600\"] }\n}\n",
    );
    let log = fs::File::create(env.work().join("holder.log")).unwrap();
    let child = env
        .command(SANDPLAN)
        .args(["-chdir=holder", "apply", "-auto-approve", "-target=sandbox.holder"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let holder = Holder(child);
    let log = || fs::read_to_string(env.work().join("holder.log")).unwrap();
    until(&log, || log().contains("(wait): begun"));
    holder
}

/// Looks until something is so; fails when it is not for half a minute.
#[track_caller]
fn until(told: &dyn Fn() -> String, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came to that: {}", told());
        std::thread::sleep(Duration::from_millis(5));
    }
}

// ---- bad input ----

#[test]
fn no_text_makes_it_panic() {
    let env = TestEnv::new();
    let big = format!("sandbox \"a\" {{}}\n{}", "# nothing to see here\n".repeat(480_000));
    let cases: [(&str, Vec<u8>, i32); 12] = [
        ("an empty file", Vec::new(), 0),
        ("only a comment", b"# hello".to_vec(), 0),
        ("ten megabytes", big.into_bytes(), 0),
        ("binary", (0..=255u8).cycle().take(5000).collect(), 1),
        ("invalid UTF-8", b"sandbox \"a\" { labels = { x = \"\xff\xfe\" } }\n".to_vec(), 1),
        ("a NUL", b"sandbox \"a\" {\0}\n".to_vec(), 1),
        ("a byte order mark", b"\xef\xbb\xbfsandbox \"a\" {}\n".to_vec(), 0),
        ("Windows lines", b"sandbox \"a\" {\r\n  ttl = \"1h\"\r\n}\r\n".to_vec(), 0),
        ("deep nesting", [vec![b'['; 20_000], vec![b']'; 20_000]].concat(), 1),
        (
            "a deep value",
            [
                b"locals { x = ".to_vec(),
                vec![b'('; 5_000],
                vec![b'1'],
                vec![b')'; 5_000],
                b" }".to_vec(),
            ]
            .concat(),
            1,
        ),
        ("an endless template", b"locals { x = \"${\"${\"${".to_vec(), 1),
        ("a large number", b"locals { x = 1e999999999 }\n".to_vec(), 1),
    ];
    for (what, text, code) in cases {
        env.write("sandboxes.hcl", &text);
        for command in ["validate", "validate -json", "plan", "fmt -check"] {
            let ran = env.sandplan(command);
            let all = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!all.contains("panicked"), "{what}: {command}: {all}");
            assert!(ran.code < 65, "{what}: {command} exits {}: {all:.500}", ran.code);
        }
        let ran = env.sandplan("validate");
        assert_eq!(ran.code, code, "{what}: {}{}", ran.stdout, ran.stderr);
    }
}

fn applied(env: &TestEnv) {
    env.sandplan("apply -auto-approve").exits(0);
}

#[test]
fn a_state_from_the_future_or_of_another_kind_is_left_alone() {
    let env = TestEnv::with("sandbox \"a\" {}\n");
    applied(&env);
    let state = env.work().join(".sandplan/state.db");
    let good = fs::read(&state).unwrap();
    let database = rusqlite::Connection::open(&state).unwrap();
    database.pragma_update(None, "user_version", 4711).unwrap();
    drop(database);
    let future = fs::read(&state).unwrap();
    for command in ["plan", "apply -auto-approve", "list", "state list", "destroy -auto-approve"] {
        env.sandplan(command).exits(1).says("error[state-");
    }
    assert_eq!(fs::read(&state).unwrap(), future);
    for bad in [&b"no database"[..], &good[..5000], &[0; 8192]] {
        fs::write(&state, bad).unwrap();
        for command in ["plan", "apply -auto-approve", "state list"] {
            let ran = env.sandplan(command).exits(1);
            let codes = ["error[state-", "error[not-a-state]"];
            assert!(codes.iter().any(|code| ran.stderr.contains(code)), "{}", ran.stderr);
        }
        assert_eq!(fs::read(&state).unwrap(), bad, "it is kept as it is");
    }
    fs::write(&state, good).unwrap();
    env.sandplan("plan -detailed-exitcode").exits(0);
    let mode = fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Runs sandplan where a directory is read-only or full, also for root.
fn confined(env: &TestEnv, options: &[&str], line: &str) -> Ran {
    let mut command = env.command("bwrap");
    command.args(["--dev-bind", "/", "/"]).args(options).arg("--").arg(SANDPLAN);
    Ran::of(command.args(line.split_whitespace()))
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let env = TestEnv::with("sandbox \"a\" {}\n");
    let work = env.work();
    let work = work.to_str().unwrap();
    let only_read = ["--ro-bind", work, work, "--chdir", work];
    confined(&env, &only_read, "plan").exits(0);
    let ran = confined(&env, &only_read, "apply -auto-approve").exits(1);
    assert!(ran.stderr.contains("error[state-"), "{}", ran.stderr);
    confined(&env, &only_read, "plan -out=x.plan").exits(1).says("error[plan-file]");
    confined(&env, &only_read, "new box -auto-approve").exits(1).says("error[unwritable-file]");
    env.write("sandboxes.hcl", "sandbox   \"a\" {}\n");
    confined(&env, &only_read, "fmt").exits(1).says("error[unwritable-file]");
    applied(&env);
    confined(&env, &only_read, "plan -detailed-exitcode").exits(0);
    confined(&env, &only_read, "list").exits(0).says("ready");
    confined(&env, &only_read, "destroy -auto-approve").exits(1).says("error[state-");
    env.sandplan("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_full_disk_loses_nothing() {
    let env = TestEnv::with("sandbox \"a\" {}\nsandbox \"b\" { count = 40 }\n");
    let work = env.work();
    let data = work.parent().unwrap().join("data");
    // The sandboxes' disk is full: each that could not be made is told.
    let full =
        ["--size", "49152", "--tmpfs", data.to_str().unwrap(), "--chdir", work.to_str().unwrap()];
    let ran = confined(&env, &full, "apply -auto-approve");
    assert!(matches!(ran.code, 1 | 4), "{}: {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("No space left"), "{}", ran.stderr);
    // That disk is gone now: the next apply makes all forty-one.
    env.sandplan("apply -auto-approve").exits(0);
    let listed: Json = serde_json::from_str(&env.sandplan("list -json").exits(0).stdout).unwrap();
    let text = listed.to_string();
    assert_eq!(text.matches("\"ready\"").count(), 41, "{text}");
    env.sandplan("plan -detailed-exitcode").exits(0);
    // The state's disk is full.
    let other = TestEnv::with("sandbox \"b\" { count = 40 }\n");
    let line = "ulimit -f 40; trap '' XFSZ; sandplan apply -auto-approve";
    let ran = other.shell(line);
    assert!(ran.code != 0 && !ran.stdout.contains("panicked"), "{}: {}", ran.code, ran.stdout);
    other.sandplan("apply -auto-approve").exits(0);
    other.sandplan("plan -detailed-exitcode").exits(0);
    assert_eq!(other.sandplan("drift").code, 0);
    // So is where the output goes.
    let ran = other.shell(
        "sandplan plan -out=/dev/full; sandplan list > /dev/full; sandplan state pull > /dev/full",
    );
    assert!(!ran.stdout.contains("panicked"), "{}", ran.stdout);
}

#[test]
fn without_bubblewrap_it_says_how_to_mend_that() {
    let env = TestEnv::with("sandbox \"a\" {\n  provision \"x\" { run = [\"true\"] }\n}\n");
    let run = |line: &str| {
        Ran::of(env.command(SANDPLAN).args(line.split_whitespace()).env("PATH", "/nonexistent"))
    };
    for (line, code) in [("init", 1), ("plan", 0), ("apply -auto-approve", 1)] {
        let ran = run(line).exits(code);
        assert!(ran.stderr.contains("bubblewrap"), "{line}: {}", ran.stderr);
    }
    applied(&env);
    run("list").exits(0);
    run("validate").exits(0);
}

// ---- signals ----

const WAITING: &str = r#"
sandbox "a" {
  provision "wait" { run = ["sh", "-c", "echo begun; until [ -e ~/go ]; do sleep 0.02; done; echo landed"] }
}
sandbox "after" { env = { A = sandbox.a.id } }
"#;

/// An apply that waits in a step for `~/go`.
fn waiting(env: &TestEnv) -> Child {
    let log = fs::File::create(env.work().join("log")).unwrap();
    let mut command = env.command(SANDPLAN);
    command.args(["apply", "-auto-approve"]).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().unwrap();
    until(&|| log_of(env), || log_of(env).contains("(wait): begun"));
    child
}

fn log_of(env: &TestEnv) -> String {
    fs::read_to_string(env.work().join("log")).unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn one_interrupt_lets_calls_land_and_starts_nothing_new() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let env = TestEnv::with(WAITING);
        let mut child = waiting(&env);
        send(&child, signal);
        until(&|| log_of(&env), || {
            log_of(&env).to_lowercase().contains("interrupt")
                || log_of(&env).to_lowercase().contains("stopping")
        });
        env.sandplan("exec a -- touch go").exits(0);
        let status = child.wait().unwrap();
        let log = log_of(&env);
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains("landed"), "{log}");
        assert!(!log.contains("sandbox.after: Creating"), "{log}");
        env.sandplan("state list").exits(0).says("sandbox.a\n");
        let ran = env.sandplan("plan").exits(0).says("Plan: 1 to add, 0 to change, 0 to destroy.");
        assert!(!ran.stderr.contains("open-operation"), "{}", ran.stderr);
        env.sandplan("apply -auto-approve").exits(0);
        env.sandplan("plan -detailed-exitcode").exits(0);
    }
}

#[test]
fn two_interrupts_or_a_kill_leave_what_the_next_run_reconciles() {
    for signals in [&[Signal::SIGINT, Signal::SIGINT][..], &[Signal::SIGKILL][..]] {
        let env = TestEnv::with(WAITING);
        let mut child = waiting(&env);
        for (index, signal) in signals.iter().enumerate() {
            send(&child, *signal);
            if index + 1 < signals.len() {
                until(&|| log_of(&env), || {
                    log_of(&env).to_lowercase().contains("interrupt")
                        || log_of(&env).to_lowercase().contains("stopping")
                });
            }
        }
        let status = child.wait().unwrap();
        assert!(!status.success(), "{}", log_of(&env));
        env.sandplan("plan").exits(0).says("warning[open-operation]");
        env.sandplan("exec a -- touch go").exits(0);
        env.sandplan("apply -auto-approve").exits(0);
        let ran = env.sandplan("plan -detailed-exitcode").exits(0);
        assert!(!ran.stderr.contains("open-operation"), "{}", ran.stderr);
        env.sandplan("drift").exits(0);
        let listed = env.sandplan("list").exits(0).stdout;
        assert_eq!(listed.lines().count(), 3, "{listed}");
    }
}
