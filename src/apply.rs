//! Executes a plan's steps, exactly those, and writes down what happens.
//!
//! One task owns the store and the event stream; the tasks it starts only call
//! providers and report back. Before a call its intent is on disk; its result
//! is committed together with the row that it changes. Apply reads the plan,
//! not the configuration, and never plans again.

mod attributes;
mod call;
mod check;
mod lanes;
mod outputs;
mod prepare;
mod ready;
mod recovery;
mod run;
mod settle;
mod world;
mod writes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::address::BlockAddress;
use crate::deferred::Deferred;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream};
use crate::object::{OperationId, OutputValue, ProviderRef};
use crate::plan::{Plan, Summary};
use crate::provider::Provider;
use crate::state::Locked;
use crate::value::Value;

pub use recovery::{RecoverInputs, recover};

/// The configured providers by name.
pub type Providers = BTreeMap<ProviderRef, Arc<dyn Provider>>;

/// Finds the value of a block: an object for a single instance, a tuple with
/// `count`, an object of objects with `for_each`; nothing for a block without instances.
pub type Lookup<'a> = &'a dyn Fn(&BlockAddress) -> Option<Value>;

/// Evaluates what a plan left for apply.
pub type Evaluator<'a> = &'a dyn Fn(&Deferred, Lookup<'_>) -> Result<Value, Diagnostics>;

/// What to do when a step fails. Its dependents are skipped in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Keep what there is, and go on with what does not depend on it.
    #[default]
    Keep,
    /// Destroy what this run made and could not complete; go on with the rest.
    DestroyNew,
    /// Start nothing more.
    Stop,
}

/// Whether the user wants it to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stop {
    #[default]
    No,
    /// Start nothing new; let calls in flight land.
    Gently,
    /// Drop the calls in flight; their operations stay open for recovery.
    Now,
}

/// How to go about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplySettings {
    /// Calls in flight at once; calls that only wait may be four times as many.
    pub parallelism: usize,
    /// Calls in flight at once by provider, where not the provider's own default.
    pub provider_parallel: BTreeMap<ProviderRef, usize>,
    pub on_failure: OnFailure,
    /// The directory that relative host paths start from.
    pub base_dir: PathBuf,
}

impl Default for ApplySettings {
    fn default() -> Self {
        Self {
            parallelism: 10,
            provider_parallel: BTreeMap::new(),
            on_failure: OnFailure::Keep,
            base_dir: PathBuf::new(),
        }
    }
}

/// All that apply works with.
pub struct ApplyInputs<'a> {
    pub plan: &'a Plan,
    pub store: &'a mut Locked,
    pub providers: &'a Providers,
    pub events: &'a mut EventStream,
    pub evaluate: Evaluator<'a>,
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Makes operation ids, each another one.
    pub new_id: &'a dyn Fn() -> OperationId,
    pub stop: watch::Receiver<Stop>,
    pub settings: &'a ApplySettings,
}

/// What came of an apply. Its diagnostics were sent as events too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// What was done.
    pub summary: Summary,
    /// Changes that failed.
    pub failed: usize,
    /// Changes that were not tried because one that they depend on failed.
    pub skipped: usize,
    /// Steps that were not started because a stop was asked for.
    pub not_started: usize,
    /// The outputs as stored; sensitive ones are redacted.
    pub outputs: BTreeMap<Arc<str>, OutputValue>,
    pub diagnostics: Diagnostics,
}

/// Executes a plan against the state that it was made of.
///
/// A plan of another lineage, or one of whose rows has moved, is refused before
/// anything is done. Dropping the future is like a kill: operations that were
/// begun stay open, and the next command's [`recover`] finds out about them.
pub async fn apply(inputs: ApplyInputs<'_>) -> Outcome {
    let ApplyInputs { plan, store, events, .. } = inputs;
    if let Err(diagnostics) = check::accept(plan, store) {
        return refused(events, diagnostics);
    }
    let run = run::Run::new(ApplyInputs { store, events, ..inputs });
    match run {
        Ok(run) => run.finish().await,
        Err((events, diagnostics)) => refused(events, diagnostics),
    }
}

fn refused(events: &mut EventStream, diagnostics: Diagnostics) -> Outcome {
    diagnostics.iter().for_each(|d| tell(events, d.clone()));
    Outcome { diagnostics, ..Outcome::default() }
}

fn tell(events: &mut EventStream, diagnostic: Diagnostic) {
    events.emit(Event::Diagnostic { diagnostic });
}

/// The pure parts, for the planner's tests.
#[cfg(test)]
pub(crate) mod pure {
    pub(crate) use super::attributes::{merge, resolve};
    pub(crate) use super::world::World;
}

#[cfg(test)]
mod tests;
