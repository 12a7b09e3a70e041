//! An emulator of the Hetzner Cloud API on loopback, by hand: any client that
//! takes an endpoint can be tried on it. The first line on standard output is
//! the address; it runs until it is stopped by a signal.

#![allow(clippy::print_stdout, reason = "the address is its answer")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

#[path = "mod.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod hetzner;

use hetzner::faults::Fault;
use hetzner::settings::{ActionTimes, Settings, duration};

#[derive(Parser)]
#[command(about = "Emulates the Hetzner Cloud API on loopback")]
struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The token to accept (without it: any)
    #[arg(long)]
    token: Option<String>,
    /// A second token that may only read
    #[arg(long)]
    readonly_token: Option<String>,
    /// Time added to every answer, such as 5ms
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: std::time::Duration,
    /// How long an action runs: 200ms, or create_server=2s for one command
    #[arg(long = "action-time", value_name = "[COMMAND=]TIME")]
    action_times: Vec<String>,
    /// Requests an hour, refilled by the second; 0 is without limit
    #[arg(long, default_value_t = 3600)]
    rate_limit: u32,
    /// Servers the project may hold
    #[arg(long, default_value_t = 10_000)]
    server_limit: usize,
    /// A deleted server is listed as `deleting` until its action is done
    #[arg(long)]
    lingering_deletes: bool,
    /// File that keeps the objects across restarts
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Faults as a JSON list, or @FILE (see the README beside this program)
    #[arg(long, value_name = "SPEC", default_value = "[]")]
    faults: String,
    /// Give servers a body: an sshd in a process sandbox, kept under DIR
    #[arg(long, value_name = "DIR")]
    bodies: Option<PathBuf>,
    /// The port of the bodies' sshd
    #[arg(long, default_value_t = 22)]
    body_port: u16,
}

impl Args {
    fn settings(self) -> Result<Settings, String> {
        Ok(Settings {
            token: self.token,
            readonly_token: self.readonly_token,
            latency: self.latency,
            action_times: ActionTimes::parse(&self.action_times)?,
            rate_limit: self.rate_limit,
            server_limit: self.server_limit,
            lingering_deletes: self.lingering_deletes,
            state: self.state,
            faults: read_faults(&self.faults)?,
            bodies: self.bodies,
            body_port: self.body_port,
        })
    }
}

fn read_faults(spec: &str) -> Result<Vec<Fault>, String> {
    let text = match spec.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?,
        None => spec.to_owned(),
    };
    serde_json::from_str(&text).map_err(|e| format!("--faults: {e}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let listen = args.listen;
    let emulator = hetzner::start(listen, args.settings()?).await?;
    println!("{}", emulator.address);
    stop_signal().await?;
    emulator.stop().await;
    Ok(())
}

/// Returns when the program is asked to end, by Ctrl-C or SIGTERM.
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = term.recv() => Ok(()),
    }
}
