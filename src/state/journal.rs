//! Operations: what was asked of a platform, written down before it was asked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::BlockAddress;
use crate::object::{ObjectKey, OperationId, ProviderRef, RemoteId, RunId};
use crate::value::Value;

/// What a journaled call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    Create,
    Update,
    Provision,
    Delete,
}

impl OperationKind {
    const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Provision, Self::Delete];

    /// Returns the word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Provision => "provision",
            Self::Delete => "delete",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOperation {
    pub id: OperationId,
    pub kind: OperationKind,
    /// The row that it is about. Of a create, `deposed` is the key that it gave
    /// to the object that was under the address.
    pub key: ObjectKey,
    pub provider: ProviderRef,
    pub remote_id: Option<RemoteId>,
    /// Of a create: what recovery needs to make a row of the object that it finds.
    pub intent: Option<Intent>,
    pub begun_at: Timestamp,
}

/// What a create was to make, as far as the platform may not know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The known arguments; sensitive parts are redacted when stored.
    pub attributes: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<BlockAddress>,
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_before_destroy: bool,
    /// Provisioning was to follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provision: bool,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Succeeded,
    /// It ended, and nothing more will come of it.
    Failed(String),
    /// Nobody knows; the operation stays open for recovery.
    Unknown(String),
}

/// An operation whose end is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOperation {
    pub id: OperationId,
    /// The run that began it, unless that was pruned.
    pub run: Option<RunId>,
    pub kind: OperationKind,
    /// As in [`NewOperation`].
    pub key: ObjectKey,
    pub provider: ProviderRef,
    /// Where the platform had given one before contact was lost.
    pub remote_id: Option<RemoteId>,
    pub intent: Option<Intent>,
    /// What the platform said, where it said something.
    pub error: Option<String>,
    pub begun_at: Timestamp,
}

/// One run of a command, as the journal remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    pub id: RunId,
    pub command: String,
    pub who: String,
    pub version: String,
    pub started_at: Timestamp,
}
