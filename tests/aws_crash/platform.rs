//! What is run against the real moto server, and what goes wrong in the proxy before it.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::moto::{self, Moto};
use crate::aws::settings::{Settings, Times};
use crate::crash::Random;
use crate::python;

/// How many runs are killed, unless `SANDPLAN_CRASH_ROUNDS` says otherwise.
pub const ROUNDS: u64 = 8;
/// So many projects are at it at the same time.
pub const PROJECTS: u64 = 1;
/// After so many runs all is brought in order and looked through.
pub const BETWEEN_CHECKS: u64 = 8;
/// What rounds change to.
pub const OTHER_IMAGE: &str = "debian-12";
pub const OTHER_TYPE: &str = "t3.xlarge";
/// The words of a fault by which it is counted.
pub const FAULT_WORDS: [&str; 4] = ["kind", "status", "code", "action"];

/// Five instances, two of which are replaced with the new one first.
pub const CONFIGURATION: &str = r#"
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

const ACCESS_KEY: &str = "AKIASANDPLANTESTS001";

/// moto takes a second to start, so all projects share one.
static MOTO: LazyLock<Moto> = LazyLock::new(|| {
    let listed = python::listed(&moto::requirements());
    let packages: Vec<&str> = listed.iter().map(String::as_str).collect();
    Moto::start(&python::environment("moto", &packages)).unwrap()
});

/// Each project has an account of its own.
pub fn settings(bodies: PathBuf) -> Settings {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
    let account = format!("{:012}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
    let times = Times::all(Duration::from_millis(100));
    let (access_key, bodies) = (Some(ACCESS_KEY.to_owned()), Some(bodies));
    Settings { account, access_key, times, bodies, ..Settings::of(&MOTO.url) }
}

/// What goes wrong, and how often.
pub fn faults(random: &mut Random) -> Value {
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

/// Returns what tells sandplan of the proxy.
pub fn environment(url: String) -> [(&'static str, String); 5] {
    [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}
