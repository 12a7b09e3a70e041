//! An emulator of the Hetzner Cloud API on loopback, by hand: any client that
//! takes an endpoint can be tried on it. The first line on standard output is
//! the address; it runs until it is stopped by a signal.

#![allow(clippy::print_stdout, reason = "the address is its answer")]

use clap::Parser;

#[path = "mod.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod hetzner;

use hetzner::chassis::arguments::{Arguments, stop_signal};
use hetzner::chassis::limit::Rate;
use hetzner::settings::{ActionTimes, Settings};

#[derive(Parser)]
#[command(about = "Emulates the Hetzner Cloud API on loopback")]
struct Args {
    #[command(flatten)]
    every: Arguments,
    /// A second token that may only read
    #[arg(long)]
    readonly_token: Option<String>,
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
}

impl Args {
    fn settings(self) -> Result<Settings, String> {
        let token = self.every.token.clone();
        let frame = self.every.frame(Rate { requests: self.rate_limit, seconds: 3600 })?;
        Ok(Settings {
            token,
            readonly_token: self.readonly_token,
            latency: frame.latency,
            action_times: ActionTimes::parse(&self.action_times)?,
            rate_limit: self.rate_limit,
            server_limit: self.server_limit,
            lingering_deletes: self.lingering_deletes,
            state: frame.state,
            faults: frame.faults,
            bodies: frame.bodies,
            body_port: frame.body_port,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let listen = args.every.listen;
    let emulator = hetzner::start(listen, args.settings()?).await?;
    println!("{}", emulator.address);
    stop_signal().await?;
    emulator.stop().await;
    Ok(())
}
