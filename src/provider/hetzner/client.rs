//! The client: every call goes through here, at the pace that the rate limit
//! allows, and again where that is safe.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::access::Access;
use super::actions::{Poller, Rhythm};
use super::call::Call;
use super::error::{CallError, Failure, Nature};
use super::limit::{Gate, RateLimit};
use super::retry::{Patience, Tries};
use super::transport::{Answer, Bounds, Transport};
use crate::provider::{ProviderError, Reporter};

/// Everything about time that tests may want otherwise.
#[derive(Debug, Clone, Default)]
pub struct Tuning {
    pub bounds: Bounds,
    pub patience: Patience,
    pub rhythm: Rhythm,
}

/// A client of the API. Cheap to clone; clones share connections, slots, the
/// rate limit and the polling of actions.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    reporter: Reporter,
}

struct Shared {
    transport: Transport,
    gate: Gate,
    patience: Patience,
    poller: Poller,
    /// Said when the token is refused.
    token_hint: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("limits", &self.limits()).finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares a client; calls nothing yet.
    pub fn new(access: &Access, tuning: Tuning) -> Result<Self, ProviderError> {
        let shared = Shared {
            transport: Transport::new(access, &tuning.bounds)?,
            gate: Gate::default(),
            patience: tuning.patience,
            poller: Poller::new(tuning.rhythm),
            token_hint: access.token.hint(),
        };
        Ok(Self { shared: Arc::new(shared), reporter: Reporter::silent() })
    }

    /// Returns the same client, telling this reporter what it waits for.
    pub fn reporting(&self, reporter: &Reporter) -> Self {
        Self { shared: self.shared.clone(), reporter: reporter.clone() }
    }

    /// Returns what the last answer said of the rate limit.
    pub fn limits(&self) -> Option<RateLimit> {
        self.shared.gate.seen()
    }

    pub(super) fn poller(&self) -> &Poller {
        &self.shared.poller
    }

    pub(super) fn tell(&self, phase: String) {
        self.reporter.phase(phase);
    }

    /// Makes a call and reads its answer.
    pub(super) async fn fetch<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let answer = self.send(call).await?;
        let read = serde_json::from_slice(&answer.body);
        read.map_err(|error| CallError::of(call, answer.strange(error)))
    }

    /// Makes a call whose answer may be empty.
    pub(super) async fn fetch_or_default<T: DeserializeOwned + Default>(
        &self,
        call: &Call,
    ) -> Result<T, CallError> {
        let answer = self.send(call).await?;
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(T::default());
        }
        let read = serde_json::from_slice(&answer.body);
        read.map_err(|error| CallError::of(call, answer.strange(error)))
    }

    /// Makes a call, as often as needed and safe.
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let mut tries = Tries::of(call, &self.shared.patience);
        loop {
            self.wait_for_turn().await;
            let failure = match self.shared.transport.exchange(call, &self.shared.gate).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let refill = self.shared.gate.refill(Timestamp::now());
            match tries.after(&failure, refill) {
                Some(wait) => self.wait_after(&failure, wait).await,
                None => return Err(self.given_up(call, failure, &tries)),
            }
        }
    }

    fn given_up(&self, call: &Call, failure: Failure, tries: &Tries) -> CallError {
        let mut error = CallError::of(call, failure);
        error.doubtful = tries.doubtful;
        if error.code() == "unauthorized" {
            error.hint = self.shared.token_hint.clone();
        }
        error
    }

    async fn wait_for_turn(&self) {
        let turn = self.shared.gate.turn();
        if turn >= Duration::from_secs(1) {
            self.tell(format!("close to the rate limit, waiting {}", seconds(turn)));
        }
        sleep(turn).await;
        loop {
            // Another call may have met the limit meanwhile.
            let closed = self.shared.gate.closed();
            if closed.is_zero() {
                return;
            }
            sleep(closed).await;
        }
    }

    async fn wait_after(&self, failure: &Failure, wait: Duration) {
        if failure.nature() == Nature::RateLimited {
            self.tell(format!("rate limit reached, waiting {}", seconds(wait)));
            // The turn is taken after that.
            return self.shared.gate.close(wait);
        }
        self.tell(format!("Hetzner Cloud {}, trying again in {}", failure.brief(), seconds(wait)));
        sleep(wait).await;
    }
}

/// Writes whole seconds, rounded up.
fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_millis().div_ceil(1000))
}
