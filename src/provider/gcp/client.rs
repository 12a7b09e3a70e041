//! The client: every call goes through here, few at a time, and again where time helps.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};

use super::access::Access;
use super::call::Call;
use super::error::{CallError, Failure, Nature};
use super::operations::{Poller, Rhythm};
use super::retry::{Patience, Tries};
use super::services::Services;
use crate::provider::Reporter;

/// Everything about time and number that tests may want otherwise.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Calls in flight at once.
    pub parallel: usize,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    pub patience: Patience,
    pub rhythm: Rhythm,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            parallel: 8,
            timeout: Duration::from_secs(30),
            patience: Patience::default(),
            rhythm: Rhythm::default(),
        }
    }
}

/// A client of the API. Cheap to clone; clones share connections, slots, the rate limit
/// and the polling of operations.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    reporter: Reporter,
}

struct Shared {
    services: Services,
    slots: Semaphore,
    patience: Patience,
    poller: Poller,
    /// No call is sent before, as the rate limit was met.
    closed_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("project", &self.project()).finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares a client; calls nothing yet.
    pub fn new(access: Access, tuning: Tuning) -> Self {
        let shared = Shared {
            services: Services::new(access, tuning.timeout),
            slots: Semaphore::new(tuning.parallel.max(1)),
            patience: tuning.patience,
            poller: Poller::new(tuning.rhythm),
            closed_until: Mutex::default(),
        };
        Self { shared: Arc::new(shared), reporter: Reporter::silent() }
    }

    /// Returns the same client, telling this reporter what it waits for.
    pub fn reporting(&self, reporter: &Reporter) -> Self {
        Self { shared: self.shared.clone(), reporter: reporter.clone() }
    }

    /// Returns the project that everything is in.
    pub fn project(&self) -> &str {
        &self.shared.services.access().project
    }

    /// Returns how the API is reached.
    pub fn access(&self) -> &Access {
        self.shared.services.access()
    }

    pub(super) fn services(&self) -> &Services {
        &self.shared.services
    }

    pub(super) fn poller(&self) -> &Poller {
        &self.shared.poller
    }

    pub(super) fn tell(&self, phase: String) {
        self.reporter.phase(phase);
    }

    /// Makes a call, as often as needed.
    pub(super) async fn call<T, F>(&self, call: &Call, send: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = google_cloud_gax::Result<T>>,
    {
        let mut tries = Tries::of(&self.shared.patience);
        loop {
            let failure = match self.exchange(&send).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            tracing::debug!(purpose = call.purpose, ?failure, "gcp");
            match tries.after(&failure) {
                Some(wait) => self.wait_after(&failure, wait).await,
                None => return Err(CallError::of(call, failure, tries.doubtful)),
            }
        }
    }

    async fn exchange<T, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = google_cloud_gax::Result<T>>,
    {
        let slot = self.shared.slots.acquire().await;
        let _slot = slot.map_err(|error| Failure::NotSent(error.to_string()))?;
        while let Some(until) = self.closed_until() {
            sleep_until(until).await;
        }
        Ok(send().await?)
    }

    /// Returns until when the rate limit lets nothing through.
    fn closed_until(&self) -> Option<Instant> {
        let closed = self.shared.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        closed.filter(|until| *until > Instant::now())
    }

    async fn wait_after(&self, failure: &Failure, wait: Duration) {
        let seconds = wait.as_millis().div_ceil(1000);
        if failure.nature() == Nature::RateLimited {
            self.tell(format!("rate limit reached, waiting {seconds} s"));
            let mut closed =
                self.shared.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            *closed = (*closed).max(Some(Instant::now() + wait));
            return;
        }
        self.tell(format!("Google Cloud {}, trying again in {seconds} s", failure.brief()));
        sleep(wait).await;
    }
}
