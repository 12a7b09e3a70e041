//! What is run against the emulator of Compute Engine, and what goes wrong there.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::Random;
use crate::emulator::settings::{Frame, OperationTimes, Settings};

/// How many runs are killed, unless `SANDPLAN_CRASH_ROUNDS` says otherwise.
pub const ROUNDS: u64 = 8;
/// So many projects are at it at the same time.
pub const PROJECTS: u64 = 1;
/// After so many runs all is brought in order and looked through.
pub const BETWEEN_CHECKS: u64 = 8;
/// What rounds change to.
pub const OTHER_IMAGE: &str = "ubuntu-22.04";
pub const OTHER_TYPE: &str = "e2-standard-4";
/// The words of a fault by which it is counted.
pub const FAULT_WORDS: [&str; 4] = ["kind", "status", "method", "command"];

/// Five instances, two of which are replaced with the new one first.
pub const CONFIGURATION: &str = r#"
sandplan {
  project          = "crash"
  default_provider = "gcp"
}
variable "boxes" { default = 3 }
variable "round" { default = "0" }
variable "image" { default = "ubuntu-24.04" }
variable "type" { default = "e2-standard-2" }
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
  gcp { machine_type = [var.type, "e2-standard-2"] }
  file "/home/agent/number" { content = "${each.key} ${var.image}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
sandbox "twin" {
  count    = 2
  ssh_keys = [ssh_key.ours]
  gcp { machine_type = "e2-standard-2" }
  lifecycle { create_before_destroy = true }
  file "/home/agent/number" { content = "${count.index}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
snapshot "warm" { sandbox = sandbox.twin[0] }
"#;

const TOKEN: &str = "ya29.crash";

pub fn settings(bodies: PathBuf) -> Settings {
    let every = Duration::from_millis(100);
    let operation_times = OperationTimes { every, ..OperationTimes::default() };
    let settings = Settings::default();
    let frame = Frame { bodies: Some(bodies), ..settings.frame.clone() };
    let (token, project) = (Some(TOKEN.to_owned()), Some("crash".to_owned()));
    Settings { operation_times, frame, token, project, ..settings }
}

/// What goes wrong, and how often.
pub fn faults(random: &mut Random) -> Value {
    let mut seed = || random.below(1 << 32);
    json!([
        {"kind": "status", "status": 403, "code": "rateLimitExceeded", "probability": 0.005, "seed": seed()},
        {"kind": "status", "status": 500, "probability": 0.03, "seed": seed()},
        {"kind": "status", "status": 503, "probability": 0.03, "seed": seed()},
        {"kind": "cut_before", "probability": 0.03, "seed": seed()},
        {"kind": "cut_after", "method": "POST", "probability": 0.15, "seed": seed()},
        {"kind": "cut_after", "method": "DELETE", "probability": 0.1, "seed": seed()},
        {"kind": "no_capacity", "zone": "us-central1-a", "probability": 0.15, "seed": seed()},
        {"kind": "operation_fails", "operation": "insert", "probability": 0.04, "seed": seed()},
        {"kind": "operation_fails", "operation": "start", "probability": 0.04, "seed": seed()},
        {"kind": "operation_fails", "operation": "*", "probability": 0.02, "seed": seed()},
        {"kind": "delay", "delay_ms": 100, "probability": 0.1, "seed": seed()}
    ])
}

/// Returns what tells sandplan of the emulator.
pub fn environment(url: String) -> [(&'static str, String); 3] {
    [
        ("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN.to_owned()),
        ("GOOGLE_CLOUD_PROJECT", "crash".to_owned()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", url),
    ]
}
