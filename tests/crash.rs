//! A process that is killed at any moment of its work loses nothing and makes
//! nothing twice. The witness is the provider's own directory, read directly.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]
#![allow(clippy::print_stderr, reason = "the seed is needed to repeat a failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tempfile::TempDir;

const KILLS: u64 = 25;
const SANDBOXES: usize = 20;
/// How long the kernel may take to end what a killed process had started.
const PATIENCE: Duration = Duration::from_secs(10);

const PROJECT: &str = r#"
variable "round" { default = 0 }
sandbox "box" {
  count  = 20
  labels = { round = var.round }
  file "/home/agent/number" { content = "${count.index}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
"#;

/// Twenty sandboxes whose provisioning does not come to an end.
const ENDLESS: &str = r#"
sandbox "box" {
  count = 20
  provision "wait" { run = ["sleep", "1000"] }
}
"#;

#[test]
fn after_a_kill_at_any_moment_the_next_apply_finds_each_sandbox_once() {
    let mut random = Random::seeded();
    let mut stage = Stage::new(PROJECT);
    let mut kills = 0;
    for round in 0..KILLS * 3 {
        let (arguments, lines) = match round % 5 {
            0 | 2 => {
                stage = Stage::new(PROJECT);
                (vec!["apply".to_owned()], 120)
            }
            1 => (vec!["destroy".to_owned()], 40),
            3 => (vec!["apply".to_owned(), "-replace=sandbox.box[*]".to_owned()], 160),
            _ => (vec!["apply".to_owned(), format!("-var=round={round}")], 40),
        };
        let moment = Moment::before(lines, &mut random);
        let context = format!("{arguments:?}, killed {moment:?}, in {}", stage.root.display());
        kills += u64::from(stage.killed(&arguments, moment));
        stage.apply();
        stage.check(&context);
        if kills == KILLS {
            return;
        }
    }
    panic!("only {kills} of {} runs were killed before they ended", KILLS * 3);
}

#[test]
fn nothing_that_a_killed_apply_had_started_runs_on() {
    let mut random = Random::seeded();
    for _ in 0..3 {
        let stage = Stage::new(ENDLESS);
        // After 30 lines ten are made, and no more are begun until their steps end.
        let moment = Moment::before(30, &mut random);
        assert!(stage.killed(&["apply".to_owned()], moment), "the steps do not end");
        assert_eq!(stage.lasting_processes(), 0, "killed {moment:?}");
        stage.succeeds(&["destroy", "-auto-approve"]);
        assert_eq!(stage.directories("sandboxes").len(), 0);
        stage.check_leftovers("destroyed");
    }
}

/// When to kill: after so many lines of progress, and a little later.
#[derive(Debug, Clone, Copy)]
struct Moment {
    lines: u64,
    later: Duration,
}

impl Moment {
    fn before(lines: u64, random: &mut Random) -> Self {
        let later = Duration::from_micros(random.below(20_000));
        Self { lines: random.below(lines), later }
    }
}

/// A directory with a configuration, its state, and a provider's directory of its own.
struct Stage {
    root: PathBuf,
    _keep: TempDir,
}

impl Stage {
    fn new(configuration: &str) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = keep.path().to_owned();
        fs::write(root.join("sandboxes.hcl"), configuration).unwrap();
        Self { root, _keep: keep }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandplan"));
        command.current_dir(&self.root).env("XDG_DATA_HOME", self.root.join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs a command and kills it at a moment; false when it had ended by then.
    fn killed(&self, arguments: &[String], moment: Moment) -> bool {
        let mut command = self.command();
        let mut child = command.args(arguments).arg("-auto-approve").spawn().unwrap();
        let progress = BufReader::new(child.stderr.take().unwrap());
        let mut lines = progress.lines();
        for _ in 0..moment.lines {
            lines.next();
        }
        let until = Instant::now() + moment.later;
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap().code().is_none()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().stdout(Stdio::piped()).args(arguments).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (said, printed) = (&output.stderr, &output.stdout);
        assert!(
            output.status.success(),
            "{arguments:?} in {}: {}\n{}{}",
            self.root.display(),
            output.status,
            String::from_utf8_lossy(printed),
            String::from_utf8_lossy(said),
        );
        String::from_utf8_lossy(printed).into_owned()
    }

    fn apply(&self) {
        self.succeeds(&["apply", "-auto-approve"]);
    }

    fn check(&self, context: &str) {
        let (alive, known) = (self.alive(), self.known());
        let addresses: BTreeSet<&String> = alive.values().collect();
        assert_eq!(alive.len(), SANDBOXES, "exactly so many live; {context}");
        assert_eq!(addresses.len(), SANDBOXES, "none is there twice; {context}");
        assert_eq!(alive, known, "none is unknown to the state; {context}");
        for id in alive.keys() {
            let home = self.provider().join("sandboxes").join(id).join("home");
            let read = |name: &str| fs::read_to_string(home.join(name)).unwrap_or_default();
            assert_eq!(read("mark"), read("number"), "{id} is provisioned; {context}");
        }
        assert_eq!(self.open_operations(), 0, "the journal is settled; {context}");
        self.succeeds(&["plan", "-detailed-exitcode"]);
        self.succeeds(&["drift"]);
        self.check_leftovers(context);
    }

    fn check_leftovers(&self, context: &str) {
        for directory in ["trash", "staging"] {
            assert_eq!(self.directories(directory), [""; 0], "{directory} is empty; {context}");
        }
        assert_eq!(self.lasting_processes(), 0, "nothing runs; {context}");
    }

    fn provider(&self) -> PathBuf {
        self.root.join("data/sandplan/local")
    }

    fn directories(&self, of: &str) -> Vec<String> {
        let entries = fs::read_dir(self.provider().join(of)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What is there, by id, with the address that each one's label names.
    fn alive(&self) -> BTreeMap<String, String> {
        let address = |id: String| {
            let path = self.provider().join("sandboxes").join(&id).join("sandbox.json");
            let record: serde_json::Value =
                serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            (id, record["labels"]["sandplan-address"].as_str().unwrap().to_owned())
        };
        self.directories("sandboxes").into_iter().map(address).collect()
    }

    /// What the state knows, likewise.
    fn known(&self) -> BTreeMap<String, String> {
        let state: serde_json::Value =
            serde_json::from_str(&self.succeeds(&["state", "pull"])).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let objects = state["objects"].as_array().unwrap().iter();
        objects.map(|object| (text(&object["remote_id"]), text(&object["address"]))).collect()
    }

    fn open_operations(&self) -> i64 {
        let state = rusqlite::Connection::open(self.root.join(".sandplan/state.db")).unwrap();
        let sql = "SELECT count(*) FROM operation WHERE ended_at IS NULL";
        state.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Counts the processes in sandboxes of this stage that do not end soon.
    fn lasting_processes(&self) -> usize {
        let name = self.root.file_name().unwrap().to_str().unwrap();
        let inside: Vec<OwnedFd> = processes().filter_map(|pid| is_inside(pid, name)).collect();
        inside.iter().filter(|process| !ends(process)).count()
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// Returns a handle of a process that has something mounted from this directory.
fn is_inside(pid: Pid, directory: &str) -> Option<OwnedFd> {
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let mounts = Path::new("/proc").join(pid.to_string()).join("mountinfo");
    let mounts = String::from_utf8_lossy(&fs::read(mounts).ok()?).into_owned();
    mounts.contains(directory).then_some(process)
}

fn ends(process: &OwnedFd) -> bool {
    let patience = Timespec::try_from(PATIENCE).unwrap();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&patience)).unwrap() > 0
}

/// Splitmix64: the same moments for the same seed.
struct Random(u64);

impl Random {
    /// Takes the seed from `CRASH_SEED`, or a new one, and says which.
    fn seeded() -> Self {
        let given = std::env::var("CRASH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        eprintln!("repeat with CRASH_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
