//! An emulator of the Compute Engine API on loopback, by hand: any client that
//! takes an endpoint can be tried on it. The first line on standard output is
//! the address; it runs until it is stopped by a signal.

#![allow(clippy::print_stdout, reason = "the address is its answer")]

use clap::Parser;

#[path = "mod.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod gcp;

use gcp::chassis::arguments::{Arguments, stop_signal};
use gcp::chassis::limit::Rate;
use gcp::settings::{OperationTimes, Settings};

#[derive(Parser)]
#[command(about = "Emulates the Compute Engine API on loopback")]
struct Args {
    #[command(flatten)]
    every: Arguments,
    /// The one project that there is (without it: any)
    #[arg(long)]
    project: Option<String>,
    /// How long an operation runs: 200ms, or insert=2s for one type
    #[arg(long = "operation-time", value_name = "[TYPE=]TIME")]
    operation_times: Vec<String>,
    /// Requests a minute, refilled by the second; 0 is without limit
    #[arg(long, default_value_t = 1500)]
    rate_limit: u32,
    /// vCPUs that instances of one family may have in a region
    #[arg(long, default_value_t = 10_000)]
    cpu_quota: u64,
}

impl Args {
    fn settings(self) -> Result<Settings, String> {
        let token = self.every.token.clone();
        Ok(Settings {
            token,
            project: self.project,
            operation_times: OperationTimes::parse(&self.operation_times)?,
            cpu_quota: self.cpu_quota,
            frame: self.every.frame(Rate { requests: self.rate_limit, seconds: 60 })?,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let listen = args.every.listen;
    let emulator = gcp::start(listen, args.settings()?).await?;
    println!("{}", emulator.address);
    stop_signal().await?;
    emulator.stop().await;
    Ok(())
}
