//! What happens, as values. Everything that a user sees during a command is
//! drawn by a subscriber; every event can be stored and replayed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Address, ResourceType};
use crate::diagnostic::Diagnostic;
use crate::object::{OutputValue, ProviderRef, RemoteId, RemoteObject, StepFailure, StepRecord};
use crate::plan::{Change, Drift, Left, Mode, OutputChange, Summary};

/// An event with its place in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    pub at: Timestamp,
    pub sequence: u64,
    pub event: Event,
}

/// What a running step does to its resource, in Terraform's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Create,
    Update,
    Provision,
    Delete,
    Forget,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    RefreshStart {
        provider: ProviderRef,
        kind: ResourceType,
    },
    RefreshComplete {
        provider: ProviderRef,
        kind: ResourceType,
        objects: usize,
        seconds: f64,
    },
    /// Refresh found an object to differ from the state.
    ResourceDrift {
        drift: Box<Drift>,
    },
    /// An object carries our labels and is in no state.
    Orphan {
        provider: ProviderRef,
        object: Box<RemoteObject>,
    },
    /// A sandbox is past its TTL.
    Expired {
        address: Address,
        expires_at: Timestamp,
    },
    PlannedChange {
        change: Box<Change>,
    },
    /// The plan leaves something alone because a provider cannot be worked with.
    Left {
        left: Box<Left>,
    },
    PlannedOutputs {
        outputs: Vec<OutputChange>,
    },
    ChangeSummary {
        summary: Summary,
        mode: Mode,
    },
    ApplyStart {
        address: Address,
        verb: Verb,
        id: Option<RemoteId>,
    },
    /// What a running step does now; also sent every ten seconds without news.
    ApplyProgress {
        address: Address,
        verb: Verb,
        phase: String,
        seconds: f64,
    },
    ApplyComplete {
        address: Address,
        verb: Verb,
        id: Option<RemoteId>,
        seconds: f64,
    },
    ApplyErrored {
        address: Address,
        verb: Verb,
        seconds: f64,
    },
    StepComplete {
        address: Address,
        step: StepRecord,
    },
    StepOutput {
        address: Address,
        step: String,
        line: String,
    },
    StepFailed {
        address: Address,
        failure: StepFailure,
    },
    /// Not tried, because what it depends on failed.
    Skipped {
        address: Address,
        verb: Verb,
        because: Vec<Address>,
    },
    /// An earlier run was cut off; what it had sent may still happen, and is waited for.
    Settling {
        operations: usize,
        seconds: f64,
    },
    /// An operation that an earlier run left open was reconciled.
    Recovered {
        address: Address,
        verb: Verb,
        outcome: Recovery,
    },
    /// A stop was asked for; calls in flight are waited for.
    Stopping {
        in_flight: usize,
    },
    ApplySummary {
        summary: Summary,
        mode: Mode,
        failed: usize,
        skipped: usize,
    },
    Outputs {
        outputs: BTreeMap<Arc<str>, OutputValue>,
    },
    Diagnostic {
        diagnostic: Diagnostic,
    },
}

/// What became of an operation that an earlier run left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The object was found and is in the state now.
    Adopted,
    /// The call had not changed anything.
    NothingHappened,
    /// The object was deleted after all.
    Deleted,
    /// The platform could not be asked; the row stays open.
    Unsure,
}

/// Receives every event, in order.
pub trait Subscriber: Send {
    /// Takes note of one event.
    fn receive(&mut self, event: &Stamped);
}

/// Numbers and stamps events and hands them to the subscribers.
pub struct EventStream {
    clock: Box<dyn Fn() -> Timestamp + Send>,
    next: u64,
    subscribers: Vec<Box<dyn Subscriber>>,
}

impl EventStream {
    /// Makes a stream that stamps by this clock.
    pub fn new(clock: impl Fn() -> Timestamp + Send + 'static) -> Self {
        Self { clock: Box::new(clock), next: 0, subscribers: Vec::new() }
    }

    /// Adds a subscriber, which sees every event from now on.
    pub fn subscribe(&mut self, subscriber: Box<dyn Subscriber>) {
        self.subscribers.push(subscriber);
    }

    /// Stamps an event and hands it to every subscriber.
    pub fn emit(&mut self, event: Event) {
        let stamped = Stamped { at: (self.clock)(), sequence: self.next, event };
        self.next += 1;
        self.subscribers.iter_mut().for_each(|s| s.receive(&stamped));
    }
}
