//! One place of its own for a test: home, data, working directory and a clean
//! environment, all in a temporary directory, with the real binary in `PATH`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use tempfile::TempDir;

/// The program under test.
pub const SANDPLAN: &str = env!("CARGO_BIN_EXE_sandplan");

/// Leaves of a plan and an apply what happens to which resource, and how it ended.
const BRIEF: &str = "#!/bin/sh
exec sed -nE -e '/^  #/p' -e '/^(Plan:|No changes|error|warning| = note| = help)/p' \\
  -e 's/^[0-9TZ:.-]+ (Apply|Destroy) (complete|stopped|cancelled)/\\1 \\2/p' \\
  -e 's/^[0-9TZ:.-]+ (.*: (Creating|Modifying|Destroying|Provisioning)[.]{3}).*/\\1/p'
";

/// A machine of its own, as far as sandplan can see.
pub struct TestEnv {
    root: TempDir,
}

/// How a command ended, and what it wrote.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl TestEnv {
    /// Makes an empty working directory.
    pub fn new() -> Self {
        // Not $TMPDIR: a longer path would wrap elsewhere.
        let root = tempfile::Builder::new().prefix("sandplan-test-").tempdir_in("/tmp").unwrap();
        for directory in ["work", "home", "data", "bin"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        symlink(SANDPLAN, root.path().join("bin/sandplan")).unwrap();
        let brief = root.path().join("bin/brief");
        fs::write(&brief, BRIEF).unwrap();
        fs::set_permissions(&brief, fs::Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    /// Makes a working directory that holds one `sandboxes.hcl`.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn with(configuration: &str) -> Self {
        let env = Self::new();
        env.write("sandboxes.hcl", configuration);
        env
    }

    /// Returns the working directory.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file of the working directory.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Returns a command that sees nothing of the real surroundings.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let root = self.root.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", format!("{}:{path}", root.join("bin").display()))
            .env("HOME", root.join("home"))
            .env("XDG_DATA_HOME", root.join("data"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs sandplan.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(SANDPLAN).args(args))
    }

    /// Runs sandplan with words that hold no spaces.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn sandplan(&self, line: &str) -> Ran {
        self.run(line.split_whitespace())
    }

    /// Runs sandplan with this standard input.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn fed(&self, line: &str, input: &[u8]) -> Ran {
        let mut command = self.command(SANDPLAN);
        command.args(line.split_whitespace()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read its input closes it early.
        let feeder = std::thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Ran::from(output)
    }

    /// Runs a shell command; both streams come back as `stdout`, in their order.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn shell(&self, line: &str) -> Ran {
        Ran::of(self.command("bash").arg("-c").arg(format!("exec 2>&1; set -o pipefail\n{line}")))
    }

    #[allow(dead_code, reason = "not every test binary uses all of this")]
    /// Takes out what differs from run to run: paths, ids, times.
    #[allow(dead_code, reason = "not every test program needs it")]
    pub fn redact(&self, text: &str) -> String {
        static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                (r"\bsb-[0-9a-f]{16}\b", "[ID]"),
                (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[UUID]"),
                (r"\b[0-9a-f]{32}\b", "[HEX]"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
                (r"after \d+s\b", "after [SECONDS]"),
                (r"\(\d+\.\d+s\)", "([SECONDS])"),
                (r"\b\d+[smhdwy]( \d+[smhd])? ago\b", "[AGE] ago"),
                (r"Who: +\S+@\S+ \(process \d+\)", "Who: [WHO]"),
            ]
            .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
            .into()
        });
        let root = self.root.path().to_str().unwrap();
        let text = text.replace(&format!("{root}/work"), "[DIR]").replace(root, "[ROOT]");
        RULES.iter().fold(text, |text, (rule, with)| rule.replace_all(&text, *with).into_owned())
    }

    /// Finds a string in the bytes of every file below a directory of the test's
    /// root (`work`, `data`), and returns the files that hold it.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    pub fn files_holding(&self, below: &str, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.root.path().join(below)];
        while let Some(path) = open.pop() {
            if path.is_dir() && !path.is_symlink() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.is_file() && holds(&path, text.as_bytes()) {
                found.push(path);
            }
        }
        found
    }
}

fn holds(path: &Path, text: &[u8]) -> bool {
    fs::read(path).unwrap().windows(text.len()).any(|window| window == text)
}

/// No command of a test takes so long, on however busy a machine.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(240);

impl Ran {
    /// Runs a command to its end; one that hangs is killed and fails the test.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id().to_string();
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        match ended.recv_timeout(LONGEST) {
            Ok(output) => Self::from(output.unwrap()),
            Err(_) => {
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
                panic!("{command:?} did not end within {LONGEST:?}");
            }
        }
    }

    /// Insists on an exit code; shows everything otherwise.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Insists on a text in either stream.
    #[allow(dead_code, reason = "not every test binary uses all of this")]
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "nothing says {text:?}\nstdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let status = output.status;
        Self {
            code: status.code().or(status.signal().map(|s| 128 + s)).unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
