//! A place to play in: an emulator with bodies, and a machine that calls sandplan.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::emulator::settings::{ActionTimes, Settings};
use crate::emulator::{Running, start};
use crate::support::{Ran, SANDPLAN, TestEnv};

/// Bodies end with the thread that started them, so this one stays.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// What every configuration begins with.
const HEAD: &str = "sandplan {\n  default_provider = \"hetzner\"\n}\n";

/// An emulator and a machine of its own.
pub struct Stage {
    pub env: TestEnv,
    emulator: Option<Running>,
    place: TempDir,
}

/// Bodies need root and port 22 here; elsewhere, subordinate ids and a kernel that
/// gives low ports to everybody. Where there is neither, nothing can be shown.
fn can_have_bodies() -> bool {
    let has_ids = rustix::process::geteuid().is_root() || Path::new("/usr/bin/newuidmap").exists();
    has_ids && TcpListener::bind("127.255.7.22:22").is_ok()
}

impl Stage {
    /// Sets the stage; nothing where there can be no bodies.
    pub fn new(configuration: &str) -> Option<Self> {
        if !can_have_bodies() {
            eprintln!("skipped: bodies need root or subordinate ids, and port 22");
            return None;
        }
        let place = tempfile::Builder::new().prefix("sandplan-bodies-").tempdir_in("/tmp").unwrap();
        let every = Duration::from_millis(30);
        let settings = Settings {
            action_times: ActionTimes { every, ..ActionTimes::default() },
            bodies: Some(place.path().join("bodies")),
            ..Settings::default()
        };
        let started = start("127.0.0.1:0".parse().unwrap(), settings);
        let emulator = Some(RUNTIME.block_on(started).unwrap());
        let stage = Self { env: TestEnv::new(), emulator, place };
        stage.configure(configuration);
        Some(stage)
    }

    /// Puts an executable on the disks that are made from now on.
    pub fn tool(&self, name: &str, script: &str) {
        let path = self.place.path().join("bodies/tools").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the configuration.
    pub fn configure(&self, configuration: &str) {
        self.env.write("sandboxes.hcl", format!("{HEAD}{configuration}"));
    }

    fn url(&self) -> String {
        self.emulator.as_ref().unwrap().url()
    }

    /// Returns a command that has the token and the emulator's address.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.env.command(program);
        command.env("HCLOUD_ENDPOINT", self.url()).env("HCLOUD_TOKEN", "token");
        command
    }

    /// Runs sandplan with words that hold no spaces.
    #[track_caller]
    pub fn sandplan(&self, line: &str) -> Ran {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(SANDPLAN).args(words))
    }

    /// Applies, and insists that all went well.
    #[track_caller]
    pub fn apply(&self) -> Ran {
        self.sandplan("apply -auto-approve").exits(0)
    }

    /// Runs a shell script in the sandbox `box`.
    #[track_caller]
    pub fn exec(&self, script: &str) -> Ran {
        self.run(&["exec", "box", "--", "sh", "-c", script])
    }

    /// Starts sandplan with pipes.
    pub fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command(SANDPLAN);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Everything that the platform holds.
    pub fn objects(&self) -> Value {
        let url = format!("{}/_objects", self.url());
        let bytes = RUNTIME.block_on(async { reqwest::get(url).await?.bytes().await });
        serde_json::from_slice(&bytes.unwrap()).unwrap()
    }

    /// Makes the platform slow to answer a request.
    pub fn delay(&self, method: &str, path: &str, milliseconds: u64) {
        let fault = serde_json::json!([
            {"kind": "delay", "method": method, "path": path, "delay_ms": milliseconds},
        ]);
        let request = reqwest::Client::new().post(format!("{}/_faults", self.url()));
        let answer = RUNTIME.block_on(request.body(fault.to_string()).send()).unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// How many objects of a kind the platform holds.
    pub fn count(&self, kind: &str) -> usize {
        self.objects()[kind].as_array().unwrap().len()
    }

    /// The one server that there is.
    #[track_caller]
    pub fn server(&self) -> Value {
        let objects = self.objects();
        let [server] = &objects["servers"].as_array().unwrap()[..] else {
            panic!("not one server: {objects}")
        };
        server.clone()
    }

    pub fn address(&self) -> String {
        self.server()["public_net"]["ipv4"]["ip"].as_str().unwrap().to_owned()
    }

    /// Runs a script as root in the body, with sandplan's own key.
    #[track_caller]
    pub fn as_root(&self, script: &str) -> Ran {
        let key = self.access_key();
        self.ssh("root", &key, script).exits(0)
    }

    /// Where sandplan's own key is.
    pub fn access_key(&self) -> PathBuf {
        self.env.work().join("../data/sandplan/ssh/id_ed25519")
    }

    /// Runs a script with OpenSSH and no key but this one; whatever host key is taken.
    pub fn ssh(&self, user: &str, key: &Path, script: &str) -> Ran {
        let mut ssh = self.command("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes"]);
        ssh.args(["-o", "LogLevel=ERROR", "-i"]).arg(key);
        Ran::of(ssh.arg(format!("{user}@{}", self.address())).arg(script))
    }

    /// Makes a key pair, and returns where its private half is.
    pub fn key(&self, name: &str) -> PathBuf {
        let path = self.place.path().join(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
        assert!(keygen.status().unwrap().success());
        path
    }

    /// The public half of a key that was made.
    pub fn public(&self, key: &Path) -> String {
        fs::read_to_string(key.with_extension("pub")).unwrap().trim().to_owned()
    }

    /// A directory that nobody else uses.
    pub fn place(&self, name: &str) -> PathBuf {
        let path = self.place.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            RUNTIME.block_on(emulator.stop());
        }
    }
}
