//! What can be chosen when the proxy starts.

use std::path::PathBuf;
use std::time::Duration;

use super::faults::Fault;

#[derive(Clone)]
pub struct Settings {
    /// Where the moto server listens.
    pub moto: String,
    /// The account at moto that all requests work on: 12 digits.
    pub account: String,
    /// The access key to accept; none accepts any.
    pub access_key: Option<String>,
    /// Time added to every answer.
    pub latency: Duration,
    pub times: Times,
    pub faults: Vec<Fault>,
    /// Where bodies of instances are kept; none gives instances no body.
    pub bodies: Option<PathBuf>,
    /// The port of their sshd.
    pub body_port: u16,
}

/// How long things take that moto does at once.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From `pending` to `running`.
    pub pending: Duration,
    /// From `stopping` to `stopped`.
    pub stopping: Duration,
    /// From `shutting-down` to `terminated`.
    pub shutting_down: Duration,
    /// From an image's `pending` to `available`.
    pub image: Duration,
    /// How long a new instance is not seen by other requests.
    pub unseen: Duration,
    /// How long a terminated instance is still described.
    pub remembered: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let moment = Duration::from_millis(200);
        Self {
            pending: moment,
            stopping: moment,
            shutting_down: moment,
            image: moment,
            unseen: Duration::ZERO,
            remembered: Duration::from_secs(3600),
        }
    }
}

impl Times {
    /// One time for all transitions.
    pub fn all(every: Duration) -> Self {
        Self {
            pending: every,
            stopping: every,
            shutting_down: every,
            image: every,
            ..Self::default()
        }
    }
}

impl Settings {
    /// Those of a proxy in front of a moto server.
    pub fn of(moto: &str) -> Self {
        Self {
            moto: moto.to_owned(),
            account: "123456789012".to_owned(),
            access_key: None,
            latency: Duration::ZERO,
            times: Times::default(),
            faults: Vec::new(),
            bodies: None,
            body_port: 22,
        }
    }
}
