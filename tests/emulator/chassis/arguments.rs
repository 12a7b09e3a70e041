//! The flags that every emulator has.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::cloud::Frame;
use super::faults::Fault;
use super::limit::Rate;
use super::times::duration;

#[derive(clap::Args)]
pub struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The token to accept (without it: any)
    #[arg(long)]
    pub token: Option<String>,
    /// Time added to every answer, such as 5ms
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// File that keeps the objects across restarts
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Faults as a JSON list, or @FILE (see the README beside this program)
    #[arg(long, value_name = "SPEC", default_value = "[]")]
    faults: String,
    /// Give machines a body: an sshd in a process sandbox, kept under DIR
    #[arg(long, value_name = "DIR")]
    bodies: Option<PathBuf>,
    /// The port of the bodies' sshd
    #[arg(long, default_value_t = 22)]
    body_port: u16,
}

impl Arguments {
    pub fn frame(self, rate: Rate) -> Result<Frame, String> {
        Ok(Frame {
            latency: self.latency,
            rate,
            state: self.state,
            faults: read_faults(&self.faults)?,
            bodies: self.bodies,
            body_port: self.body_port,
        })
    }
}

/// Reads the text of `--faults`.
pub fn read_faults(spec: &str) -> Result<Vec<Fault>, String> {
    let text = match spec.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?,
        None => spec.to_owned(),
    };
    serde_json::from_str(&text).map_err(|e| format!("--faults: {e}"))
}

/// Returns when the program is asked to end, by Ctrl-C or SIGTERM.
pub async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = term.recv() => Ok(()),
    }
}
