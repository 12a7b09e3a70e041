//! A plan over a thousand servers that a cloud holds: how much time it takes of our
//! own, and how many requests.
//!
//! `cargo bench --bench clouds`; `BENCH_SERVERS` says how many there are,
//! `BENCH_ROUNDS` how often (the median counts). The cloud is the emulator, in this
//! process; what it takes is not counted.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should fail")]
#![allow(clippy::print_stdout, reason = "it prints a table")]

#[path = "../support/cloud.rs"]
mod cloud;
#[path = "../emulator/hetzner/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests use the rest")]
mod emulator;

use std::env;
use std::fs;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use tempfile::TempDir;

use cloud::Cloud;
use emulator::settings::Settings;

const SANDPLAN: &str = env!("CARGO_BIN_EXE_sandplan");
/// What a sandbox with tools says besides.
const TOOLS: &str = "  toolchain {\n    docker = true\n    node   = \"22\"\n  }\n";

fn main() {
    let size = setting("BENCH_SERVERS", 1000);
    let stage = Stage::new(size);
    println!("{:<40} {:>12} {:>12} {:>9}", "", "own time", "whole time", "requests");
    for (name, command, tools) in [
        ("plan, nothing to change", "plan", ""),
        ("drift", "drift", ""),
        ("plan, all get tools", "plan", TOOLS),
    ] {
        stage.write(size, tools);
        let mut runs: Vec<_> =
            (0..setting("BENCH_ROUNDS", 5)).map(|_| stage.run(command)).collect();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (own, whole, requests) = runs[runs.len() / 2];
        println!("{:<40} {own:>10.3} s {whole:>10.3} s {requests:>9}", format!("{name}: {size}"));
    }
}

/// A directory whose state holds servers that are there.
struct Stage {
    root: TempDir,
    cloud: Cloud,
}

impl Stage {
    fn new(size: usize) -> Self {
        let cloud = Cloud::start(Settings::default());
        for n in 0..size {
            let order = json!({
                "name": format!("s-{n}"), "server_type": "cpx32", "image": "ubuntu-24.04",
                "location": "ash",
                "labels": {
                    "sandplan-project": "bench", "sandplan-lineage": "l",
                    "sandplan-operation": "o", "sandplan-address": format!("sandbox.s_5b{n}_5d"),
                },
            });
            cloud.send("POST", "/servers", Some(order));
        }
        let stage = Self { root: tempfile::tempdir().unwrap(), cloud };
        stage.write(size, "");
        stage.run("state recover");
        stage
    }

    fn write(&self, size: usize, more: &str) {
        let text = format!(
            "sandplan {{\n  project          = \"bench\"\n  default_provider = \"hetzner\"\n}}\n\n\
             sandbox \"s\" {{\n  count = {size}\n{more}}}\n"
        );
        fs::write(self.root.path().join("sandboxes.hcl"), text).unwrap();
    }

    /// Returns the seconds of processor time, all seconds, and the requests of a command.
    fn run(&self, line: &str) -> (f64, f64, u64) {
        self.cloud.send("DELETE", "/_requests", None);
        let mut command = Command::new(SANDPLAN);
        command.args(line.split(' ')).current_dir(self.root.path());
        command.env("XDG_DATA_HOME", self.root.path().join("data"));
        let (before, started) = (processor_time(), Instant::now());
        let output = self.cloud.tell(&mut command).output().unwrap();
        let whole = started.elapsed().as_secs_f64();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let requests = self.cloud.send("GET", "/_requests", None)["total"].as_u64().unwrap();
        (processor_time() - before, whole, requests)
    }
}

/// Returns the processor time of all commands so far, in seconds.
fn processor_time() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    time(usage.user_time()) + time(usage.system_time())
}

fn setting(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}
