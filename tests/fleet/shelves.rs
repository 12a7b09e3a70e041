//! A machine with some shelves, and the program that knows them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::support::{Ran, SANDPLAN, TestEnv};

const PROGRAM: &str = "sandplan-with-shelf";

/// Where the program is. It is made first, for `cargo test --test fleet` does not.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(SANDPLAN).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--example", PROGRAM]);
    // Build scripts are run again when these change, and half of all crates after them.
    let ours = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];
    let is_ours = |name: &str| ours.iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
        cargo.env_remove(name);
    }
    cargo.env_remove("CARGO").env_remove("LD_LIBRARY_PATH");
    let features = [
        ("aws", cfg!(feature = "aws")),
        ("gcp", cfg!(feature = "gcp")),
        ("hetzner", cfg!(feature = "hetzner")),
    ];
    if !features.iter().all(|(_, is_on)| *is_on) {
        let features = features.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name);
        let features = features.collect::<Vec<_>>().join(",");
        cargo.args(["--no-default-features", "--features", &features]);
    }
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(directory.parent().unwrap());
    let made = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(made.unwrap().success(), "the program cannot be built");
    directory.join("examples").join(PROGRAM)
});

/// Two shelves, and blocks for them.
pub const SHELVES: &str = r#"
provider "shelf" {
  directory = "../a"
}
provider "shelf" {
  alias     = "b"
  directory = "../b"
}
"#;

/// A machine with shelves.
pub struct Shelves {
    pub env: TestEnv,
}

impl Shelves {
    /// Starts with a configuration after the blocks of the two shelves.
    pub fn with(configuration: &str) -> Self {
        let shelves = Self { env: TestEnv::new() };
        shelves.write(configuration);
        shelves
    }

    pub fn write(&self, configuration: &str) {
        self.env.write("sandboxes.hcl", format!("{SHELVES}{configuration}"));
    }

    /// Prepares the program.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.env.command(&*BUILT);
        command.args(line.split_whitespace());
        command
    }

    pub fn run(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    #[track_caller]
    pub fn apply(&self, configuration: &str) -> Ran {
        self.write(configuration);
        self.run("apply -auto-approve").exits(0)
    }

    fn place(&self, shelf: &str) -> PathBuf {
        self.env.work().join("..").join(shelf)
    }

    /// Sets how a shelf behaves.
    pub fn set(&self, shelf: &str, file: &str, content: &str) {
        fs::create_dir_all(self.place(shelf)).unwrap();
        fs::write(self.place(shelf).join(file), content).unwrap();
    }

    /// Makes a shelf behave again.
    pub fn unset(&self, shelf: &str, file: &str) {
        fs::remove_file(self.place(shelf).join(file)).unwrap();
    }

    /// Reads what a shelf says of itself.
    pub fn read(&self, shelf: &str, file: &str) -> String {
        fs::read_to_string(self.place(shelf).join(file)).unwrap()
    }

    /// Lists the addresses of what is on a shelf.
    pub fn on(&self, shelf: &str) -> Vec<String> {
        let entries = fs::read_dir(self.place(shelf)).into_iter().flatten();
        let texts = entries.filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_record = path.extension().is_some_and(|e| e == "json");
            is_record.then(|| fs::read_to_string(path).unwrap())
        });
        let address = |text: String| {
            let object: Json = serde_json::from_str(&text).unwrap();
            object["ownership"]["address"].as_str().unwrap().to_owned()
        };
        let mut addresses: Vec<String> = texts.map(address).collect();
        addresses.sort();
        addresses
    }

    /// Insists that nothing is left to do.
    #[track_caller]
    pub fn is_settled(&self) {
        let plan = self.run("plan -detailed-exitcode").exits(0);
        assert!(plan.stdout.contains("No changes."), "{}", plan.stdout);
    }
}

/// Returns all that was said as one line, without the marks of comments.
pub fn told(ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    all.split_whitespace().filter(|word| *word != "#").collect::<Vec<_>>().join(" ")
}

/// Insists on some words.
#[track_caller]
pub fn says(ran: &Ran, words: &[&str]) {
    let told = told(ran);
    for part in words {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}

/// Insists that some words are missing.
#[track_caller]
pub fn keeps_quiet_of(ran: &Ran, words: &[&str]) {
    let told = told(ran);
    for part in words {
        assert!(!told.contains(part), "{part:?} is in {told}");
    }
}
