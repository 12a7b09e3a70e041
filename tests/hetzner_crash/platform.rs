//! What is run against the emulator of Hetzner Cloud, and what goes wrong there.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::Random;
use crate::emulator::settings::{ActionTimes, Settings};

/// How many runs are killed, unless `SANDPLAN_CRASH_ROUNDS` says otherwise.
pub const ROUNDS: u64 = 24;
/// So many projects are at it at the same time.
pub const PROJECTS: u64 = 2;
/// After so many runs all is brought in order and looked through.
pub const BETWEEN_CHECKS: u64 = 16;
/// What rounds change to.
pub const OTHER_IMAGE: &str = "debian-12";
pub const OTHER_TYPE: &str = "cpx42";
/// The words of a fault by which it is counted.
pub const FAULT_WORDS: [&str; 4] = ["kind", "status", "method", "command"];

/// Ten servers, three of which are replaced with the new one first.
pub const CONFIGURATION: &str = r#"
sandplan {
  project          = "crash"
  default_provider = "hetzner"
}
variable "boxes" { default = 7 }
variable "round" { default = "0" }
variable "image" { default = "ubuntu-24.04" }
variable "type" { default = "cpx32" }
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
  region   = ["ash", "hil"]
  hetzner { server_type = [var.type, "cpx32"] }
  file "/home/agent/number" { content = "${each.key} ${var.image}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
sandbox "twin" {
  count    = 3
  ssh_keys = [ssh_key.ours]
  region   = ["ash", "hil"]
  hetzner { server_type = "cpx32" }
  lifecycle { create_before_destroy = true }
  file "/home/agent/number" { content = "${count.index}\n" }
  provision "mark" { run = ["cp", "number", "mark"] }
}
snapshot "warm" { sandbox = sandbox.twin[0] }
"#;

pub fn settings(bodies: PathBuf) -> Settings {
    let every = Duration::from_millis(100);
    let action_times = ActionTimes { every, ..ActionTimes::default() };
    Settings { action_times, bodies: Some(bodies), lingering_deletes: true, ..Settings::default() }
}

/// What goes wrong, and how often.
pub fn faults(random: &mut Random) -> Value {
    let mut seed = || random.below(1 << 32);
    json!([
        {"kind": "status", "status": 429, "retry_after": 1, "probability": 0.005, "seed": seed()},
        {"kind": "status", "status": 500, "probability": 0.03, "seed": seed()},
        {"kind": "status", "status": 503, "probability": 0.03, "seed": seed()},
        {"kind": "cut_before", "probability": 0.03, "seed": seed()},
        {"kind": "cut_after", "method": "POST", "probability": 0.15, "seed": seed()},
        {"kind": "cut_after", "method": "PUT", "probability": 0.1, "seed": seed()},
        {"kind": "cut_after", "method": "DELETE", "probability": 0.1, "seed": seed()},
        {"kind": "locked", "method": "POST", "path": "/servers/*", "probability": 0.05, "seed": seed()},
        {"kind": "locked", "method": "DELETE", "probability": 0.05, "seed": seed()},
        {"kind": "no_capacity", "location": "ash", "probability": 0.1, "seed": seed()},
        {"kind": "action_fails", "command": "create_server", "probability": 0.04, "seed": seed()},
        {"kind": "action_fails", "command": "start_server", "probability": 0.04, "seed": seed()},
        {"kind": "action_fails", "command": "*", "probability": 0.02, "seed": seed()},
        {"kind": "delay", "delay_ms": 100, "probability": 0.1, "seed": seed()}
    ])
}

/// Returns what tells sandplan of the emulator.
pub fn environment(url: String) -> [(&'static str, String); 2] {
    [("HCLOUD_TOKEN", "t".repeat(64)), ("HCLOUD_ENDPOINT", url)]
}
