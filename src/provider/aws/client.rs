//! The client: every call goes through here, so many at once as the provider allows,
//! and again where that is safe.
//!
//! The SDK's own retries are off: they would neither tell what they wait for nor know
//! which calls may be sent twice.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};

use super::access::{Access, Found, check_region};
use super::call::Call;
use super::error::{CallError, Failure, Nature};
use super::retry::{Patience, Tries};
use super::watch::Watch;
use super::wire::Instance;
use crate::provider::{ProviderError, Reporter};

pub use aws_sdk_ec2::Client as Ec2;

/// Everything about time that tests may want otherwise.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Calls in flight at once.
    pub parallel: usize,
    /// How long a call may take.
    pub timeout: Duration,
    pub patience: Patience,
    /// Between two looks at something that is changing, at first and at most.
    pub looks: (Duration, Duration),
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            parallel: 8,
            timeout: Duration::from_secs(30),
            patience: Patience::default(),
            looks: (Duration::from_millis(250), Duration::from_secs(2)),
        }
    }
}

/// A client of EC2 in one or more regions. Cheap to clone; clones share connections,
/// slots and waits.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    reporter: Reporter,
}

struct Shared {
    /// In the provider's order, never empty.
    regions: Vec<String>,
    config: SdkConfig,
    /// By region; also those of objects that live elsewhere.
    clients: Mutex<BTreeMap<String, Ec2>>,
    sts: aws_sdk_sts::Client,
    slots: Semaphore,
    closed_until: Mutex<Option<Instant>>,
    watch: Watch,
    tuning: Tuning,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("regions", &self.regions()).finish_non_exhaustive()
    }
}

impl Client {
    /// Looks for settings and credentials, and prepares the calls.
    pub async fn connect(access: &Access, tuning: Tuning) -> Result<Self, ProviderError> {
        let Found { config, regions } = access.find(tuning.timeout).await?;
        let shared = Shared {
            regions,
            sts: aws_sdk_sts::Client::new(&config),
            config,
            clients: Mutex::default(),
            slots: Semaphore::new(tuning.parallel.max(1)),
            closed_until: Mutex::new(None),
            watch: Watch::default(),
            tuning,
        };
        Ok(Self { shared: Arc::new(shared), reporter: Reporter::silent() })
    }

    /// Returns the same client, telling this reporter what it waits for.
    pub fn reporting(&self, reporter: &Reporter) -> Self {
        Self { shared: self.shared.clone(), reporter: reporter.clone() }
    }

    /// Lists the regions that the provider works in, the first one first.
    pub fn regions(&self) -> &[String] {
        &self.shared.regions
    }

    /// Returns the region of ids that name none.
    pub fn first_region(&self) -> &str {
        self.shared.regions.first().map_or("", String::as_str)
    }

    /// Begins to wait for something: the pauses between looks grow.
    pub fn looks(&self) -> Looks {
        let (next, longest) = self.shared.tuning.looks;
        Looks { next, longest }
    }

    /// Returns an instance of ours as it is now, or was a moment ago, also one that has
    /// ended: for those who wait.
    pub async fn watched(&self, region: &str, id: &str) -> Result<Option<Instance>, ProviderError> {
        self.shared.watch.instance(self, (region, id)).await
    }

    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        &self.shared.sts
    }

    pub(super) fn tell(&self, phase: String) {
        self.reporter.phase(phase);
    }

    /// Returns the calls of a region.
    pub(super) fn ec2(&self, region: &str) -> Result<Ec2, ProviderError> {
        check_region(region)?;
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let made = clients.entry(region.to_owned()).or_insert_with(|| {
            let place = Region::new(region.to_owned());
            let settings = aws_sdk_ec2::config::Builder::from(&self.shared.config).region(place);
            Ec2::from_conf(settings.build())
        });
        Ok(made.clone())
    }

    /// Makes a call, as often as needed and safe.
    pub(super) async fn call<T, E, F>(
        &self,
        call: &Call,
        send: impl Fn() -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut tries = Tries::of(call, &self.shared.tuning.patience);
        loop {
            self.wait_for_turn().await;
            let sent = {
                let _slot = self.shared.slots.acquire().await;
                send().await
            };
            let failure = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::of(&error),
            };
            match tries.after(&failure) {
                Some(wait) => self.wait_after(&failure, wait).await,
                None => {
                    let doubtful = tries.doubtful;
                    return Err(CallError { failure, call: call.clone(), doubtful });
                }
            }
        }
    }

    /// Waits while the rate limit is known to be reached.
    async fn wait_for_turn(&self) {
        loop {
            let until = *self.shared.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    async fn wait_after(&self, failure: &Failure, wait: Duration) {
        let until = Instant::now() + wait;
        if failure.nature() == Nature::RateLimited {
            self.tell(format!("rate limit reached, waiting {}", seconds(wait)));
            let mut closed =
                self.shared.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            *closed = (*closed).max(Some(until));
            return;
        }
        self.tell(format!("AWS {}, trying again in {}", failure.brief(), seconds(wait)));
        sleep_until(until).await;
    }
}

/// The pauses between looks at something that is changing.
#[derive(Debug, Clone)]
pub struct Looks {
    next: Duration,
    longest: Duration,
}

impl Looks {
    /// Waits until it is time for the next look.
    pub async fn pause(&mut self) {
        sleep(self.next).await;
        self.next = (self.next * 3 / 2).min(self.longest);
    }
}

/// Writes whole seconds, rounded up.
fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_millis().div_ceil(1000))
}
