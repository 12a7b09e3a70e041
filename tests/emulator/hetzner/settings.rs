//! What can be chosen when the emulator starts.

use std::path::PathBuf;
use std::time::Duration;

use super::chassis::cloud::Frame;
use super::chassis::faults::Fault;
use super::chassis::limit::Rate;
pub use super::chassis::times::ActionTimes;

pub struct Settings {
    /// The token that may do everything; none accepts any token.
    pub token: Option<String>,
    pub readonly_token: Option<String>,
    pub latency: Duration,
    pub action_times: ActionTimes,
    /// Requests an hour; 0 is without limit.
    pub rate_limit: u32,
    pub server_limit: usize,
    pub lingering_deletes: bool,
    pub state: Option<PathBuf>,
    pub faults: Vec<Fault>,
    /// Where bodies of servers are kept; none gives servers no body.
    pub bodies: Option<PathBuf>,
    /// The port of their sshd.
    pub body_port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: None,
            readonly_token: None,
            latency: Duration::ZERO,
            action_times: ActionTimes::default(),
            rate_limit: 0,
            server_limit: 10_000,
            lingering_deletes: false,
            state: None,
            faults: Vec::new(),
            bodies: None,
            body_port: 22,
        }
    }
}

impl Settings {
    /// What every emulator has.
    pub fn frame(&self) -> Frame {
        Frame {
            latency: self.latency,
            rate: Rate { requests: self.rate_limit, seconds: 3600 },
            state: self.state.clone(),
            faults: self.faults.clone(),
            bodies: self.bodies.clone(),
            body_port: self.body_port,
        }
    }
}
