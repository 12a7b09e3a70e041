//! Waiting for actions. One task asks for all that anybody waits for, many in a
//! request, and ends when nobody waits.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::call::Call;
use super::client::Client;
use super::error::{CallError, kind_of_action, printable};
use super::wire::{Action, Page};
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Reporter};

/// The most actions asked for in one request.
const BATCH: usize = 50;

/// An action that so many answers in a row did not hold is lost.
const MOST_MISSES: u32 = 3;

/// How often actions are asked for.
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

/// Why an action that was waited for did not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActionError {
    #[error("The action `{command}` failed: {message} ({code}).")]
    Failed { command: String, code: String, message: String },
    #[error("The action `{command}` is still running after {} s.", .within.as_secs())]
    Late { command: String, within: Duration },
    #[error("Hetzner Cloud no longer knows the action `{command}` ({id}).")]
    Lost { id: u64, command: String },
    #[error("{0}")]
    Call(ProviderError),
}

impl ActionError {
    fn failed(action: &Action) -> Self {
        let error = action.error.clone().unwrap_or_default();
        let command = action.command.clone();
        Self::Failed { command, code: error.code, message: printable(&error.message) }
    }
}

impl From<ActionError> for ProviderError {
    /// The action has begun, so what it did is unknown; the caller, who knows
    /// the object, says more.
    fn from(error: ActionError) -> Self {
        let kind = match &error {
            ActionError::Failed { code, .. } => kind_of_action(code),
            ActionError::Call(error) => error.kind,
            _ => ProviderErrorKind::Unavailable,
        };
        ProviderError::new(kind, error.to_string()).committed(Committed::Unknown)
    }
}

/// What a waiter hears.
type News = Result<Action, ActionError>;

struct Waiter {
    open: Vec<Watched>,
    channel: UnboundedSender<News>,
}

struct Watched {
    id: u64,
    command: String,
    misses: u32,
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
    fn enter(&self, actions: &[&Action]) -> (UnboundedReceiver<News>, bool) {
        let (channel, news) = unbounded_channel();
        let watched = |a: &&Action| Watched { id: a.id, command: a.command.clone(), misses: 0 };
        let mut state = self.state();
        state.waiters.push(Waiter { open: actions.iter().map(watched).collect(), channel });
        state.is_fresh = true;
        (news, !std::mem::replace(&mut state.is_running, true))
    }

    /// Returns the ids to ask for; none means that the task has to end.
    fn wanted(&self) -> BTreeSet<u64> {
        let mut state = self.state();
        state.waiters.retain(|waiter| !waiter.channel.is_closed() && !waiter.open.is_empty());
        state.is_running = !state.waiters.is_empty();
        state.waiters.iter().flat_map(|waiter| &waiter.open).map(|watched| watched.id).collect()
    }

    /// Returns how long to wait before asking for so many again.
    fn pause(&self, last: Duration, wanted: usize) -> Duration {
        let fresh = std::mem::take(&mut self.state().is_fresh);
        let next = if fresh { self.rhythm.first } else { last.mul_f64(1.5).min(self.rhythm.most) };
        let requests = wanted.div_ceil(BATCH).max(1);
        // Many requests are spread, as they eat up the rate limit.
        next * u32::try_from(requests.div_ceil(4)).unwrap_or(u32::MAX)
    }

    fn spread(&self, asked: &[u64], news: &Result<Vec<Action>, ProviderError>) {
        let mut state = self.state();
        for waiter in &mut state.waiters {
            waiter.hear(asked, news);
        }
    }
}

impl Waiter {
    fn hear(&mut self, asked: &[u64], news: &Result<Vec<Action>, ProviderError>) {
        let channel = &self.channel;
        self.open.retain_mut(|watched| {
            if !asked.contains(&watched.id) {
                return true;
            }
            let (news, is_over) = watched.judge(news);
            if let Some(news) = news {
                let _ = channel.send(news);
            }
            !is_over
        });
    }
}

impl Watched {
    /// Says what to tell of an action, and whether that is the last of it.
    fn judge(&mut self, news: &Result<Vec<Action>, ProviderError>) -> (Option<News>, bool) {
        let actions = match news {
            Ok(actions) => actions,
            Err(error) if error.kind == ProviderErrorKind::Unavailable => return (None, false),
            Err(error) if error.kind == ProviderErrorKind::RateLimited => return (None, false),
            Err(error) => return (Some(Err(ActionError::Call(error.clone()))), true),
        };
        match actions.iter().find(|action| action.id == self.id) {
            Some(action) => {
                self.misses = 0;
                (Some(Ok(action.clone())), !action.is_running())
            }
            None => {
                self.misses += 1;
                let lost = ActionError::Lost { id: self.id, command: self.command.clone() };
                let is_lost = self.misses >= MOST_MISSES;
                (is_lost.then_some(Err(lost)), is_lost)
            }
        }
    }
}

impl Client {
    /// Waits until all actions have succeeded, or one has not. `progress` hears of
    /// each action when it is looked at. Trouble on the way is borne till the end
    /// of the time given.
    pub async fn wait(
        &self,
        actions: &[Action],
        within: Duration,
        mut progress: impl FnMut(&Action),
    ) -> Result<(), ActionError> {
        if let Some(failed) = actions.iter().find(|action| action.has_failed()) {
            return Err(ActionError::failed(failed));
        }
        let running: Vec<&Action> = actions.iter().filter(|action| action.is_running()).collect();
        let Some(first) = running.first() else { return Ok(()) };
        let (news, start) = self.poller().enter(&running);
        if start {
            tokio::spawn(poll(self.reporting(&Reporter::silent())));
        }
        let late = ActionError::Late { command: first.command.clone(), within };
        let all = follow(news, running.len(), &mut progress);
        timeout(within, all).await.unwrap_or(Err(late))
    }
}

/// Follows the news of so many actions to their end.
async fn follow(
    mut news: UnboundedReceiver<News>,
    mut open: usize,
    progress: &mut impl FnMut(&Action),
) -> Result<(), ActionError> {
    while let Some(action) = news.recv().await {
        let action = action?;
        progress(&action);
        if action.has_failed() {
            return Err(ActionError::failed(&action));
        }
        open -= usize::from(!action.is_running());
        if open == 0 {
            return Ok(());
        }
    }
    let message = "The task that asks for actions has ended.";
    Err(ActionError::Call(ProviderError::new(ProviderErrorKind::Unavailable, message)))
}

/// Asks until nobody waits any more.
async fn poll(client: Client) {
    let poller = client.poller();
    let mut pause = poller.rhythm.first;
    loop {
        let wanted = poller.wanted();
        if wanted.is_empty() {
            return;
        }
        pause = poller.pause(pause, wanted.len());
        sleep(pause).await;
        let wanted: Vec<u64> = poller.wanted().into_iter().collect();
        if wanted.is_empty() {
            return;
        }
        for ids in wanted.chunks(BATCH) {
            let news = ask(&client, ids).await.map_err(ProviderError::from);
            poller.spread(ids, &news);
        }
    }
}

async fn ask(client: &Client, ids: &[u64]) -> Result<Vec<Action>, CallError> {
    let call = Call::get("actions", "ask for the progress of actions")
        .query(ids.iter().map(|id| ("id", id.to_string())))
        .query([("per_page", BATCH.to_string())]);
    Ok(client.fetch::<Page<Action>>(&call).await?.objects)
}
