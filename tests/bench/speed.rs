//! Time, memory and bytes written, held against the targets and against
//! `terraform` with its built-in `terraform_data`, where that is in `PATH`.
//!
//! `cargo bench --bench speed`; `BENCH_SIZES=1000,5000,10000` says how many
//! sandboxes, `BENCH_TERRAFORM=1000` up to how many terraform is asked for as
//! well (it takes minutes for 5000), `BENCH_ROUNDS` how often (the median counts).
//!
//! Bytes of state are what the process wrote (`wchar` of `/proc/PID/io`) less
//! what it printed and less the provider's own `sandbox.json` files.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should fail")]
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tempfile::TempDir;

const SANDPLAN: &str = env!("CARGO_BIN_EXE_sandplan");
/// The word that makes this program measure one command instead; see [`measure`].
const MEASURE: &str = "measure-one-command";
const MIB: f64 = 1024.0 * 1024.0;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, command)) if first == MEASURE => measure(command),
        _ => table(),
    }
}

fn table() {
    let sizes = setting("BENCH_SIZES").unwrap_or_else(|| "1000,5000,10000".to_owned());
    let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
    println!("{:<44} {:>12} {:>12} {:>12} {:>8}", "", "measured", "target", "terraform", "ratio");
    version();
    first_exec();
    let totals: Vec<f64> = sizes.iter().map(|size| many(*size)).collect();
    let at = |size: usize| sizes.iter().position(|s| *s == size).map(|at| totals[at]);
    if let (Some(small), Some(large)) = (at(1000), at(10_000)) {
        row("apply of 10000 / apply of 1000", large / small, Some(12.0), None, "x");
    }
}

fn version() {
    let root = tempfile::tempdir().unwrap();
    let ours = repeated(40, || run(root.path(), SANDPLAN, &["version"]));
    let theirs =
        terraform().map(|terraform| repeated(10, || run(root.path(), &terraform, &["version"])));
    let theirs = theirs.map(|theirs| theirs.seconds * 1e3);
    row("version", ours.seconds * 1e3, Some(6.0), theirs, "ms");
}

/// One sandbox with nothing to provision: made, and its first command answered.
fn first_exec() {
    let took = repeated(rounds(), || {
        let stage = Stage::ours(1);
        let apply = stage.run(&["apply", "-auto-approve"]);
        let exec = stage.run(&["exec", "box[0]", "--", "true"]);
        Measured { seconds: apply.seconds + exec.seconds, ..apply }
    });
    row("apply of 1, and its first exec", took.seconds * 1e3, Some(100.0), None, "ms");
}

/// Applies, plans and destroys so many; returns how long the apply took.
fn many(size: usize) -> f64 {
    let up_to = setting("BENCH_TERRAFORM").map_or(1000, |limit| limit.parse().unwrap());
    let theirs = terraform().filter(|_| size <= up_to).map(|terraform| {
        let stage = Stage::theirs(size, &terraform);
        stage.run(&["init"]);
        stage.cycle()
    });
    let count = if size > 1000 { 1 } else { rounds() };
    let cycles: Vec<Cycle> = (0..count).map(|_| Stage::ours(size).cycle()).collect();
    let targets = match size {
        1000 => [Some(2.0), Some(0.15), Some(2.0)],
        5000 => [Some(10.0), None, Some(10.0)],
        _ => [None; 3],
    };
    type Part = (&'static str, fn(&Cycle) -> &Measured);
    let parts: [Part; 3] = [
        ("apply", |cycle| &cycle.apply),
        ("plan, nothing to change,", |cycle| &cycle.plan),
        ("destroy", |cycle| &cycle.destroy),
    ];
    let mut applied = 0.0;
    for ((name, part), target) in parts.into_iter().zip(targets) {
        let ours = median(cycles.iter().map(|cycle| part(cycle).clone()).collect());
        let theirs = theirs.as_ref().map(part);
        let label = |what: &str| format!("{name} {size}: {what}");
        row(&label("time"), ours.seconds, target, theirs.map(|t| t.seconds), "s");
        row(&label("CPU time"), ours.cpu, None, theirs.map(|t| t.cpu), "s");
        let memory = (name.starts_with("plan") && size == 1000).then_some(40.0);
        row(&label("memory"), ours.memory, memory, theirs.map(|t| t.memory), "MiB");
        if !name.starts_with("plan") {
            let each = |m: &Measured| m.state_bytes / size as f64 / 1e3;
            row(&label("state written, each"), each(&ours), Some(6.0), theirs.map(each), "KB");
        }
        if name == "apply" {
            applied = ours.seconds;
        }
    }
    applied
}

struct Cycle {
    apply: Measured,
    plan: Measured,
    destroy: Measured,
}

/// A directory with a configuration of so many resources.
struct Stage {
    root: TempDir,
    program: String,
}

impl Stage {
    fn ours(size: usize) -> Self {
        let text = format!(
            "sandbox \"box\" {{\n  count  = {size}\n  ttl    = \"8h\"\n  \
             env    = {{ NUMBER = count.index }}\n  labels = {{ owner = \"bench\" }}\n}}\n"
        );
        Self::new("sandboxes.hcl", &text, SANDPLAN)
    }

    fn theirs(size: usize, terraform: &str) -> Self {
        let text = format!(
            "resource \"terraform_data\" \"box\" {{\n  count = {size}\n  input = {{\n    \
             ttl = \"8h\", env = {{ NUMBER = count.index }}, labels = {{ owner = \"bench\" }}\n  }}\n}}\n"
        );
        Self::new("main.tf", &text, terraform)
    }

    fn new(file: &str, text: &str, program: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(file), text).unwrap();
        Self { root, program: program.to_owned() }
    }

    fn cycle(&self) -> Cycle {
        let mut apply = self.run(&["apply", "-auto-approve"]);
        let records = self.records();
        apply.state_bytes -= records;
        let plan = self.run(&["plan"]);
        let destroy = self.run(&["destroy", "-auto-approve"]);
        Cycle { apply, plan, destroy }
    }

    fn run(&self, arguments: &[&str]) -> Measured {
        run(self.root.path(), &self.program, arguments)
    }

    /// How many bytes the provider's own records have.
    fn records(&self) -> f64 {
        let sandboxes = self.root.path().join("data/sandplan/local/sandboxes");
        let entries = fs::read_dir(sandboxes).into_iter().flatten().flatten();
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
        entries.map(|entry| size(entry.path().join("sandbox.json"))).sum::<u64>() as f64
    }
}

/// What one run took.
#[derive(Debug, Clone, Default)]
struct Measured {
    seconds: f64,
    cpu: f64,
    memory: f64,
    state_bytes: f64,
}

/// Runs a command through this program itself, so that the peak of its memory is
/// not that of another command.
fn run(directory: &Path, program: &str, arguments: &[&str]) -> Measured {
    let output = Command::new(env::current_exe().unwrap())
        .args([MEASURE, program])
        .args(arguments)
        .current_dir(directory)
        .env("XDG_DATA_HOME", directory.join("data"))
        .env("TF_CLI_CONFIG_FILE", "/dev/null")
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [seconds, cpu, memory, state_bytes] = numbers[..] else { panic!("measured: {text}") };
    Measured { seconds, cpu, memory, state_bytes }
}

/// Runs a command and prints its seconds, its seconds of CPU, its peak memory in
/// MiB, and how many bytes it wrote beside what it printed.
fn measure(command: &[String]) {
    let (program, arguments) = command.split_first().unwrap();
    let printed = tempfile::NamedTempFile::new().unwrap();
    let errors = tempfile::NamedTempFile::new().unwrap();
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(printed.path()).unwrap())
        .stderr(File::create(errors.path()).unwrap())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    // A process that has ended keeps its counters until it is waited for.
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let written = counter(&fs::read_to_string(format!("/proc/{pid}/io")).unwrap(), "wchar:");
    let status = child.wait().unwrap();
    let said = [&printed, &errors].map(|file| fs::metadata(file.path()).unwrap().len() as f64);
    assert!(status.success(), "{command:?}: {}", fs::read_to_string(errors.path()).unwrap());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = time(usage.user_time()) + time(usage.system_time());
    let memory = usage.max_rss() as f64 * 1024.0 / MIB;
    println!("{seconds} {cpu} {memory} {}", written - said.iter().sum::<f64>());
}

fn counter(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}

fn repeated(count: usize, once: impl Fn() -> Measured) -> Measured {
    median((0..count).map(|_| once()).collect())
}

/// Returns the run that took the median time.
fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    runs[runs.len() / 2].clone()
}

fn terraform() -> Option<String> {
    let path = env::var_os("PATH")?;
    let programs = env::split_paths(&path).map(|directory| directory.join("terraform"));
    programs.into_iter().find(|program| program.is_file())?.to_str().map(str::to_owned)
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn rounds() -> usize {
    setting("BENCH_ROUNDS").map_or(3, |count| count.parse().unwrap())
}

fn row(name: &str, ours: f64, target: Option<f64>, theirs: Option<f64>, unit: &str) {
    let number = |n: f64| format!("{n:.*} {unit}", if n < 10.0 { 2 } else { 1 });
    let cell = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), number);
    let ratio = theirs.map_or_else(|| "-".to_owned(), |theirs| format!("{:.1}", theirs / ours));
    let missed = if target.is_some_and(|target| ours > target) { "  MISSED" } else { "" };
    println!(
        "{name:<44} {:>12} {:>12} {:>12} {ratio:>8}{missed}",
        number(ours),
        cell(target),
        cell(theirs)
    );
}
