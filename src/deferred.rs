//! Expressions that only apply can evaluate, with all that they need from the
//! configuration captured, so that a plan can be applied without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::{BlockAddress, ResourceType};
use crate::object::ProviderRef;
use crate::value::Value;

/// An expression whose value depends on what apply will make.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Deferred {
    /// The expression's source text.
    pub expression: String,
    /// What its names stand for, by `root.name` (`var.a`, `local.b`, `each.key`) or `root`.
    pub captures: BTreeMap<String, Capture>,
    /// The resource blocks that it refers to, whose objects apply supplies.
    pub references: Vec<BlockAddress>,
    /// Of the resources in its value, only what identifies them is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker: Option<Taker>,
}

/// An argument that may name a resource of a type, and the provider that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taker {
    pub kind: ResourceType,
    pub provider: ProviderRef,
}

impl Deferred {
    /// Lists the blocks that the expression, or one that it captured, refers to.
    pub fn all_references(&self) -> Vec<&BlockAddress> {
        let captured = self.captures.values().filter_map(|capture| match capture {
            Capture::Deferred(inner) => Some(inner.all_references()),
            Capture::Value(_) => None,
        });
        self.references.iter().chain(captured.flatten()).collect()
    }
}

/// What a captured name stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    Value(Value),
    Deferred(Deferred),
}
