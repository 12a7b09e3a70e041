//! The proxy in front of a moto server, by hand: any client that takes an
//! endpoint can be tried on it. The first line on standard output is the address;
//! it runs until it is stopped by a signal.

#![allow(clippy::print_stdout, reason = "the address is its answer")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

#[path = "mod.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod aws;

use aws::chassis::arguments::{read_faults, stop_signal};
use aws::chassis::times::duration;
use aws::moto::Moto;
use aws::settings::{Settings, Times};

#[derive(Parser)]
#[command(about = "Adds to a moto server what EC2 has: tokens, time, faults, guests")]
struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where a moto server listens
    #[arg(long, value_name = "URL", required_unless_present = "python")]
    moto: Option<String>,
    /// Start a moto server with this Python, which has the packages of requirements.txt
    #[arg(long, value_name = "PATH", conflicts_with = "moto")]
    python: Option<PathBuf>,
    /// The account that all requests work on
    #[arg(long, default_value = "123456789012")]
    account: String,
    /// The access key to accept (without it: any)
    #[arg(long)]
    access_key: Option<String>,
    /// Time added to every answer, such as 5ms
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: std::time::Duration,
    /// How long instances and images are in between two states
    #[arg(long, default_value = "200ms", value_parser = duration)]
    state_time: std::time::Duration,
    /// How long other requests do not see a new instance
    #[arg(long, default_value = "0ms", value_parser = duration)]
    unseen: std::time::Duration,
    /// How long terminated instances are still described
    #[arg(long, default_value = "60m", value_parser = duration)]
    remembered: std::time::Duration,
    /// Faults as a JSON list, or @FILE (see the README beside this program)
    #[arg(long, value_name = "SPEC", default_value = "[]")]
    faults: String,
    /// Give instances a body: an sshd in a process sandbox, kept under DIR
    #[arg(long, value_name = "DIR")]
    bodies: Option<PathBuf>,
    /// The port of the bodies' sshd
    #[arg(long, default_value_t = 22)]
    body_port: u16,
}

impl Args {
    fn settings(self, moto: String) -> Result<Settings, String> {
        Ok(Settings {
            moto,
            account: self.account,
            access_key: self.access_key,
            latency: self.latency,
            times: Times {
                unseen: self.unseen,
                remembered: self.remembered,
                ..Times::all(self.state_time)
            },
            faults: read_faults(&self.faults)?,
            bodies: self.bodies,
            body_port: self.body_port,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let own = args.python.as_deref().map(Moto::start).transpose()?;
    let url = args.moto.clone().or(own.as_ref().map(|moto| moto.url.clone()));
    let listen = args.listen;
    let running = aws::start(listen, args.settings(url.unwrap_or_default())?).await?;
    println!("{}", running.address);
    stop_signal().await?;
    running.stop().await;
    Ok(())
}
