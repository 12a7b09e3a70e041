//! Actions: what takes time.

use serde::Deserialize;

use super::lenient::or_default;

/// What takes time: running, then a success or an error.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Action {
    pub id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub command: String,
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// In percent.
    #[serde(default, deserialize_with = "or_default")]
    pub progress: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub resources: Vec<ActionResource>,
    #[serde(default)]
    pub error: Option<ActionFailure>,
}

/// An object that an action is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ActionResource {
    pub id: u64,
    /// Such as `server`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ActionFailure {
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

impl Action {
    /// Tells whether it ended in an error.
    pub fn has_failed(&self) -> bool {
        self.status == "error"
    }

    /// Tells whether its end is still to come.
    pub fn is_running(&self) -> bool {
        !self.has_failed() && self.status != "success"
    }
}

super::resource!(Action, "actions", "action", "action", None);
