//! The plan: what apply will do, as a value.
//!
//! `plan` is pure. It reads no file, no clock and no platform; the same inputs
//! give the same bytes.

mod build;
pub mod cost;
pub mod diff;
mod left;
mod limits;
mod once;
mod order;
mod outputs;
mod removal;
pub mod select;
mod selection;
mod stays;
mod triggers;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Address, BlockAddress};
use crate::deferred::Deferred;
use crate::diagnostic::Diagnostics;
pub use crate::object::Drift;
use crate::object::{DeposedKey, Lineage, Object, ObjectKey, Outages, ProviderRef};
use crate::value::{AttributePath, Value};
pub use build::{PlanInputs, PlanOptions, ProviderSet, plan};
pub use left::{Left, Through};
pub use select::Selector;

pub use crate::provider::TtlEnforcement;
pub use crate::provider::price::Price;

/// The version of the plan file's shape.
pub const FORMAT: u32 = 1;

/// What apply will do, and nothing else: printable, savable, reviewable, and
/// applicable later without the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub format: u32,
    /// The sandplan that made it.
    pub version: String,
    pub mode: Mode,
    pub created_at: Timestamp,
    pub project: String,
    /// The state that it was made against.
    pub lineage: Lineage,
    /// The version of each row that it read; apply refuses when one of these moved.
    pub based_on: Vec<(ObjectKey, u64)>,
    /// What a person reviews: one per resource instance or deposed object, in
    /// address order, those without a change (`NoOp`) included.
    pub changes: Vec<Change>,
    /// What apply executes; a replacement is two.
    pub steps: Vec<Step>,
    /// What refresh found to differ from the state; apply writes it down first.
    pub drift: Vec<Drift>,
    pub outputs: Vec<OutputChange>,
    /// The values of the root module's variables, for readers of the plan.
    pub variables: BTreeMap<Arc<str>, Value>,
    pub warnings: Diagnostics,
    /// The providers that could not be worked with.
    #[serde(default, skip_serializing_if = "Outages::is_empty")]
    pub outages: Outages,
    /// What the plan leaves alone for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
}

/// What kind of plan it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Normal,
    Destroy,
    RefreshOnly,
}

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    NoOp,
    Create,
    Update,
    /// Same id and address, disk lost.
    Rebuild,
    /// Delete, then create.
    Replace,
    /// Create, then delete what was there.
    ReplaceCreateFirst,
    Delete,
    /// Drop from the state; the object lives on.
    Forget,
}

impl Action {
    /// Returns the symbol in the plan's text.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::NoOp => " ",
            Self::Create => "+",
            Self::Update => "~",
            Self::Rebuild => "@",
            Self::Replace => "-/+",
            Self::ReplaceCreateFirst => "+/-",
            Self::Delete => "-",
            Self::Forget => ".",
        }
    }

    /// Tells whether an object is deleted for another at the same address.
    pub fn is_replace(self) -> bool {
        matches!(self, Self::Replace | Self::ReplaceCreateFirst)
    }
}

/// Why a change is planned: the first reason, which the plan's text names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing differs.
    Unchanged,
    /// It is in the configuration and not there yet.
    New,
    /// It was made before, and is gone from the platform.
    Gone,
    /// Arguments differ that can be changed in place.
    Changed,
    /// Arguments differ that cannot be changed in place.
    CannotUpdate,
    /// Its creation did not complete.
    Tainted,
    /// Its TTL ended at this time.
    Expired(Timestamp),
    /// `-replace` names it.
    ByRequest,
    /// `replace_triggered_by` names something that changes.
    TriggeredBy(String),
    /// It moves to another provider.
    ProviderChanged { from: ProviderRef, to: ProviderRef },
    /// This provisioning step failed, or has not run.
    ProvisioningIncomplete { failed: Option<String> },
    /// Its block is gone.
    NotInConfiguration,
    /// Its `count` index or `for_each` key is gone.
    NoSuchInstance,
    /// The plan destroys everything.
    Destroy,
    /// What was left of an earlier replacement.
    Deposed,
}

/// What happens to one resource instance, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub address: Address,
    pub deposed: Option<DeposedKey>,
    /// The provider that has the object, or will have it.
    pub provider: ProviderRef,
    pub action: Action,
    pub reason: Reason,
    /// The object as refresh found it.
    pub before: Option<Box<Object>>,
    /// What it is to be.
    pub after: Option<Box<Planned>>,
    /// The top-level arguments that differ.
    pub changed: Vec<AttributePath>,
    /// Those of them that force a replacement.
    pub replace_because: Vec<AttributePath>,
    /// The provisioning steps that will run, by name.
    pub provision: Vec<String>,
    /// Commands that the change runs on this machine, and whatever else the user should know.
    pub notes: Vec<String>,
    /// What the sandbox will cost; its `hourly_cost` counts where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    pub ttl: Option<TtlEnforcement>,
}

/// A resource instance as it is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Arguments and computed attributes; what only apply will know is unknown.
    pub attributes: Value,
    /// How apply finds out the unknown arguments.
    pub deferred: Vec<(AttributePath, Deferred)>,
    pub depends_on: Vec<BlockAddress>,
    pub schema_version: u32,
    pub create_before_destroy: bool,
}

impl Change {
    /// Starts a change of which nothing but this is known.
    pub(crate) fn new(address: Address, provider: ProviderRef, action: Action) -> Self {
        Self {
            address,
            deposed: None,
            provider,
            action,
            reason: Reason::Unchanged,
            before: None,
            after: None,
            changed: Vec::new(),
            replace_because: Vec::new(),
            provision: Vec::new(),
            notes: Vec::new(),
            price: None,
            ttl: None,
        }
    }

    /// Returns the attributes before the change.
    pub fn before_attributes(&self) -> Option<&Value> {
        self.before.as_ref().map(|object| &object.attributes)
    }

    /// Returns the attributes after the change.
    pub fn after_attributes(&self) -> Option<&Value> {
        self.after.as_ref().map(|planned| &planned.attributes)
    }

    /// Returns the key of the row that it is about.
    pub fn key(&self) -> ObjectKey {
        ObjectKey { address: self.address.clone(), deposed: self.deposed.clone() }
    }
}

/// A step's number: its index in `Plan::steps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// One thing that apply does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    /// The change that it belongs to, as an index into `Plan::changes`; a gate has none.
    pub change: Option<u32>,
    pub operation: Operation,
    pub waits_for: Vec<StepId>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Makes the object of `change.after`.
    Create {
        /// The object now under the address becomes deposed under this key first.
        deposes: Option<DeposedKey>,
    },
    /// Changes `change.before` in place into `change.after`.
    Update,
    /// Runs the pending provisioning steps of what is then under the address.
    Provision,
    /// Deletes the object of this row.
    Delete(ObjectKey),
    /// Drops this row.
    Forget(ObjectKey),
    /// Does nothing; many steps wait for it, and it for many.
    Gate,
}

/// What happens to an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    pub name: Arc<str>,
    pub sensitive: bool,
    pub before: Option<Value>,
    /// Missing when the output is gone; unknown when apply has to evaluate it.
    pub after: Option<Value>,
    pub deferred: Option<Deferred>,
}

impl OutputChange {
    /// Returns what happens, in the vocabulary of resources.
    pub fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, Some(_)) => Action::Create,
            (Some(_), None) => Action::Delete,
            (before, after) if before == after => Action::NoOp,
            _ => Action::Update,
        }
    }
}

/// Counts of what a plan does, as its last line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    pub add: usize,
    pub change: usize,
    pub remove: usize,
    pub forget: usize,
}

impl Summary {
    /// Adds one action: a replacement adds and removes.
    pub fn count(&mut self, action: Action) {
        match action {
            Action::NoOp => {}
            Action::Create => self.add += 1,
            Action::Update | Action::Rebuild => self.change += 1,
            Action::Replace | Action::ReplaceCreateFirst => {
                self.add += 1;
                self.remove += 1;
            }
            Action::Delete => self.remove += 1,
            Action::Forget => self.forget += 1,
        }
    }
}

impl Plan {
    /// Lists the expressions that apply has to evaluate.
    pub fn deferred(&self) -> impl Iterator<Item = &Deferred> {
        let planned = self.changes.iter().filter_map(|change| change.after.as_ref());
        let arguments = planned.flat_map(|after| after.deferred.iter().map(|(_, d)| d));
        arguments.chain(self.outputs.iter().filter_map(|output| output.deferred.as_ref()))
    }

    /// Says what the plan leaves undone because a provider cannot be worked with.
    pub fn undone(&self) -> Diagnostics {
        left::undone(&self.left, &self.outages)
    }

    /// Counts what the plan does to resources.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        self.changes.iter().for_each(|change| summary.count(change.action));
        summary
    }

    /// Tells whether apply has nothing to do but to write down what refresh found.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.outputs.iter().all(|o| o.action() == Action::NoOp)
    }
}

#[cfg(test)]
pub(crate) mod tests;
