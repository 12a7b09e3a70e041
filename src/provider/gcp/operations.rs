//! Waiting for operations. One task asks for all that anybody waits for, those of one
//! place in one request, and ends when nobody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use google_cloud_compute_v1::model::Operation;
use google_cloud_compute_v1::model::operation::Status;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::call::Call;
use super::client::Client;
use super::error::{CallError, Refusal, printable};
use super::wire::last;
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Reporter};

/// The most operations asked for in one request: their names have to fit into its address.
const BATCH: usize = 40;

/// An operation that the platform did not know so many times in a row is lost.
const MOST_MISSES: u32 = 3;

/// How often operations are asked for.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// Between the first requests; grows from there.
    pub first: Duration,
    pub most: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(2) }
    }
}

/// Why an operation did not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OperationError {
    #[error("Google Cloud could not {purpose}: {}", .refusal.explain())]
    Failed { purpose: String, refusal: Refusal },
    #[error("Google Cloud was asked to {purpose}, and still does after {} s.", .within.as_secs())]
    Late { purpose: String, within: Duration },
    #[error("Google Cloud was asked to {purpose}, and no longer knows of it.")]
    Lost { purpose: String },
    #[error("{0}")]
    Call(ProviderError),
}

impl From<OperationError> for ProviderError {
    /// The operation has begun, so what it did is unknown; the caller, who knows the
    /// object, says more.
    fn from(error: OperationError) -> Self {
        let kind = match &error {
            OperationError::Failed { refusal, .. } => refusal.kind(),
            OperationError::Call(error) => error.kind,
            _ => ProviderErrorKind::Unavailable,
        };
        ProviderError::new(kind, error.to_string()).committed(Committed::Unknown)
    }
}

/// An operation to wait for: its zone, or nothing where it is the whole project's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Handle {
    zone: Option<String>,
    name: String,
}

impl Handle {
    fn of(operation: &Operation) -> Self {
        let zone = operation.zone.as_deref().map(|zone| last(zone).to_owned());
        Self { zone, name: operation.name.clone().unwrap_or_default() }
    }
}

/// What a waiter hears.
type News = Result<Operation, OperationError>;

struct Waiter {
    handle: Handle,
    purpose: String,
    misses: u32,
    channel: UnboundedSender<News>,
}

/// Who waits for what, and whether the task runs.
pub(super) struct Poller {
    rhythm: Rhythm,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiters: Vec<Waiter>,
    is_running: bool,
    /// Somebody came since the last request.
    is_fresh: bool,
}

impl Poller {
    pub fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a waiter; true when the task has to be started.
    fn enter(&self, operation: &Operation, call: &Call) -> (UnboundedReceiver<News>, bool) {
        let (channel, news) = unbounded_channel();
        let (handle, purpose) = (Handle::of(operation), call.purpose.clone());
        let mut state = self.state();
        state.waiters.push(Waiter { handle, purpose, misses: 0, channel });
        state.is_fresh = true;
        (news, !std::mem::replace(&mut state.is_running, true))
    }

    /// Returns what to ask for, by zone; none means that the task has to end.
    fn wanted(&self) -> BTreeMap<Option<String>, BTreeSet<String>> {
        let mut state = self.state();
        state.waiters.retain(|waiter| !waiter.channel.is_closed());
        state.is_running = !state.waiters.is_empty();
        let mut wanted: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for Waiter { handle, .. } in &state.waiters {
            wanted.entry(handle.zone.clone()).or_default().insert(handle.name.clone());
        }
        wanted
    }

    fn pause(&self, last: Duration) -> Duration {
        let fresh = std::mem::take(&mut self.state().is_fresh);
        if fresh { self.rhythm.first } else { last.mul_f64(1.5).min(self.rhythm.most) }
    }

    fn spread(
        &self,
        zone: Option<&str>,
        asked: &[String],
        news: &Result<Vec<Operation>, ProviderError>,
    ) {
        let concerns =
            |handle: &Handle| handle.zone.as_deref() == zone && asked.contains(&handle.name);
        let mut state = self.state();
        state.waiters.retain_mut(|waiter| !concerns(&waiter.handle) || waiter.hear(news));
    }
}

impl Waiter {
    /// Tells the news; false when that was the last of it.
    fn hear(&mut self, news: &Result<Vec<Operation>, ProviderError>) -> bool {
        let (news, goes_on) = self.judge(news);
        if let Some(news) = news {
            let _ = self.channel.send(news);
        }
        goes_on
    }

    fn judge(&mut self, news: &Result<Vec<Operation>, ProviderError>) -> (Option<News>, bool) {
        use ProviderErrorKind::{RateLimited, Unavailable};
        let operations = match news {
            Ok(operations) => operations,
            Err(error) if [RateLimited, Unavailable].contains(&error.kind) => return (None, true),
            Err(error) => return (Some(Err(OperationError::Call(error.clone()))), false),
        };
        match operations.iter().find(|operation| Handle::of(operation).name == self.handle.name) {
            Some(operation) => {
                self.misses = 0;
                (Some(Ok(operation.clone())), !is_done(operation))
            }
            None => {
                self.misses += 1;
                let is_lost = self.misses >= MOST_MISSES;
                let lost = OperationError::Lost { purpose: self.purpose.clone() };
                (is_lost.then_some(Err(lost)), !is_lost)
            }
        }
    }
}

impl Client {
    /// Waits until an operation has ended well, or has not. Trouble on the way is borne
    /// till the end of the time given.
    pub(super) async fn finish(
        &self,
        call: &Call,
        operation: Operation,
        within: Duration,
    ) -> Result<Operation, OperationError> {
        if is_done(&operation) {
            return outcome(call, operation);
        }
        let (news, start) = self.poller().enter(&operation, call);
        if start {
            tokio::spawn(poll(self.reporting(&Reporter::silent())));
        }
        let late = || OperationError::Late { purpose: call.purpose.clone(), within };
        match timeout(within, self.follow(call, news)).await {
            Ok(done) => outcome(call, done?),
            Err(_) => Err(late()),
        }
    }

    /// Follows an operation to its end.
    async fn follow(&self, call: &Call, mut news: UnboundedReceiver<News>) -> News {
        while let Some(operation) = news.recv().await {
            let operation = operation?;
            if is_done(&operation) {
                return Ok(operation);
            }
            let percent = operation.progress.filter(|percent| *percent > 0);
            let percent = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
            self.tell(format!("{}{percent}", call.purpose));
        }
        let message = "The task that asks for operations has ended.";
        Err(OperationError::Call(ProviderError::new(ProviderErrorKind::Unavailable, message)))
    }

    /// Asks for operations of one place; those that the platform does not know are missing.
    async fn operations(
        &self,
        zone: Option<&str>,
        names: &[String],
    ) -> Result<Vec<Operation>, ProviderError> {
        match names {
            [name] => Ok(self.operation(zone, name).await?.into_iter().collect()),
            names => Ok(self.listed_operations(zone, &any_of(names)).await?),
        }
    }

    async fn operation(
        &self,
        zone: Option<&str>,
        name: &str,
    ) -> Result<Option<Operation>, ProviderError> {
        let call = Call::read("ask how far an operation is");
        let read = match zone {
            Some(zone) => {
                let service = self.services().zone_operations().await?;
                let get = service.get().set_project(self.project()).set_zone(zone);
                let get = get.set_operation(name);
                self.call(&call, || get.clone().send()).await
            }
            None => {
                let service = self.services().global_operations().await?;
                let get = service.get().set_project(self.project()).set_operation(name);
                self.call(&call, || get.clone().send()).await
            }
        };
        some(read)
    }

    async fn listed_operations(
        &self,
        zone: Option<&str>,
        filter: &str,
    ) -> Result<Vec<Operation>, ProviderError> {
        let call = Call::read("ask how far operations are");
        let list = match zone {
            Some(zone) => {
                let service = self.services().zone_operations().await?;
                let list = service.list().set_project(self.project()).set_zone(zone);
                let list = list.set_filter(filter);
                self.call(&call, || list.clone().send()).await?
            }
            None => {
                let service = self.services().global_operations().await?;
                let list = service.list().set_project(self.project()).set_filter(filter);
                self.call(&call, || list.clone().send()).await?
            }
        };
        Ok(list.items)
    }
}

/// Reads an answer that something is not there as nothing.
pub(super) fn some<T>(read: Result<T, CallError>) -> Result<Option<T>, ProviderError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a filter that any of these names passes.
fn any_of(names: &[String]) -> String {
    let tests: Vec<String> = names.iter().map(|name| format!("(name = \"{name}\")")).collect();
    tests.join(" OR ")
}

fn is_done(operation: &Operation) -> bool {
    operation.status == Some(Status::Done)
}

/// Tells how an operation ended.
fn outcome(call: &Call, operation: Operation) -> Result<Operation, OperationError> {
    match refusal(&operation) {
        Some(refusal) => Err(OperationError::Failed { purpose: call.purpose.clone(), refusal }),
        None => Ok(operation),
    }
}

/// Reads why an operation failed; nothing where it succeeded.
fn refusal(operation: &Operation) -> Option<Refusal> {
    let errors = operation.error.as_ref().map(|error| error.errors.as_slice()).unwrap_or_default();
    let status = operation.http_error_status_code.and_then(|status| u16::try_from(status).ok());
    if errors.is_empty() && status.is_none_or(|status| status < 400) {
        return None;
    }
    let said = errors.iter().find_map(|error| error.message.clone());
    let said = said.or_else(|| operation.http_error_message.clone());
    Some(Refusal {
        status: status.unwrap_or(400),
        reasons: errors.iter().filter_map(|error| error.code.clone()).collect(),
        message: printable(&said.unwrap_or_default()),
        retry_after: None,
    })
}

/// Asks until nobody waits any more.
async fn poll(client: Client) {
    let poller = client.poller();
    let mut pause = poller.rhythm.first;
    while !poller.wanted().is_empty() {
        pause = poller.pause(pause);
        sleep(pause).await;
        let wanted = poller.wanted();
        if wanted.is_empty() {
            return;
        }
        for (zone, names) in wanted {
            let names: Vec<String> = names.into_iter().collect();
            for names in names.chunks(BATCH) {
                let news = client.operations(zone.as_deref(), names).await;
                poller.spread(zone.as_deref(), names, &news);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_compute_v1::model::operation::{Error, error::Errors};

    use super::*;

    fn failed(code: &str, status: i32) -> Operation {
        let error = Errors::new().set_code(code).set_message("no room\nhere");
        let operation =
            Operation::new().set_status(Status::Done).set_http_error_status_code(status);
        operation.set_error(Error::new().set_errors([error]))
    }

    #[test]
    fn exhaustion_and_quota_are_read_from_the_operation() {
        for (code, kind) in [
            ("ZONE_RESOURCE_POOL_EXHAUSTED", ProviderErrorKind::NoCapacity),
            ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", ProviderErrorKind::NoCapacity),
            ("QUOTA_EXCEEDED", ProviderErrorKind::QuotaExceeded),
            ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", ProviderErrorKind::Rejected),
            ("RESOURCE_ALREADY_EXISTS", ProviderErrorKind::AlreadyExists),
        ] {
            let status = if kind == ProviderErrorKind::NoCapacity { 503 } else { 400 };
            let error = outcome(&Call::change("do it"), failed(code, status)).expect_err("failed");
            let error = ProviderError::from(error);
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains("no room here"), "{error}");
        }
        let done = Operation::new().set_status(Status::Done);
        assert_eq!(refusal(&done), None);
    }

    #[test]
    fn operations_are_asked_for_by_place() {
        let poller = Poller::new(Rhythm::default());
        let operation = |name: &str| Operation::new().set_name(name);
        let call = Call::change("do it");
        let zone = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a";
        let (_a, first) = poller.enter(&operation("a").set_zone(zone), &call);
        let (_b, second) = poller.enter(&operation("b").set_zone(zone), &call);
        let (_c, _) = poller.enter(&operation("c"), &call);
        assert!(first && !second);
        let wanted = poller.wanted();
        assert_eq!(wanted[&Some("us-central1-a".to_owned())].len(), 2);
        assert_eq!(wanted[&None].len(), 1);
        assert_eq!(any_of(&["a".into(), "b".into()]), r#"(name = "a") OR (name = "b")"#);
    }

    #[test]
    fn an_operation_that_nobody_knows_is_lost_in_the_end() {
        let (channel, mut news) = unbounded_channel();
        let handle = Handle { zone: None, name: "a".into() };
        let mut waiter = Waiter { handle, purpose: "do it".into(), misses: 0, channel };
        let unavailable = ProviderError::new(ProviderErrorKind::Unavailable, "later");
        assert!(waiter.hear(&Err(unavailable)));
        let goes_on: Vec<bool> = (0..3).map(|_| waiter.hear(&Ok(vec![]))).collect();
        assert_eq!(goes_on, [true, true, false]);
        assert!(matches!(news.try_recv(), Ok(Err(OperationError::Lost { .. }))));
    }
}
