//! The real moto server, in a virtual environment and a process of its own.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A moto server; it ends with this, or with the process that holds it.
pub struct Moto {
    pub url: String,
    child: Child,
    /// It reads this until the end, and then goes.
    stdin: Option<ChildStdin>,
}

impl Moto {
    /// Starts one with the Python of an environment that has moto.
    pub fn start(python: &Path) -> io::Result<Self> {
        let here = folder();
        let mut command = Command::new(python);
        command.arg("-I").arg(here.join("moto.py")).env_clear();
        command.env("MOTO_AMIS_PATH", here.join("amis.json"));
        for name in ["AMI", "KEYPAIR"] {
            command.env(format!("MOTO_ENABLE_{name}_VALIDATION"), "true");
        }
        command.env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let port = read_port(&mut child)?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), child, stdin })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.wait());
    }
}

fn read_port(child: &mut Child) -> io::Result<u16> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    line.trim().parse().map_err(|_| io::Error::other("moto did not start"))
}

/// Where this file lies, with what moto is told to read.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/aws")
}

/// What has to be in the environment.
pub fn requirements() -> PathBuf {
    folder().join("requirements.txt")
}
