//! Remote things as plain data: what the state remembers, what a platform
//! reports, and the labels that say whose they are. No SQL and no calls here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Address, BlockAddress, ResourceType};
use crate::diagnostic::Diagnostic;
use crate::value::{AttributePath, Attributes, Value};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id!(
    /// The id that a platform gave to an object.
    RemoteId
);
text_id!(
    /// One journaled call; also the idempotency token on platforms that take one.
    OperationId
);
text_id!(
    /// One run of a command.
    RunId
);
text_id!(
    /// Tells apart the states of different projects for ever, also across copies.
    Lineage
);
text_id!(
    /// Names an object that was replaced but is not deleted yet.
    DeposedKey
);

/// A provider as configured: `hetzner`, or `hetzner.eu` for an alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderRef {
    /// The platform: `local`, `hetzner`, …
    pub platform: Arc<str>,
    pub alias: Option<Arc<str>>,
}

impl ProviderRef {
    /// Names the platform's default configuration.
    pub fn of(platform: &str) -> Self {
        Self { platform: platform.into(), alias: None }
    }
}

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{}.{alias}", self.platform),
            None => f.write_str(&self.platform),
        }
    }
}

impl FromStr for ProviderRef {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('.') {
            Some((platform, alias)) => {
                Self { platform: platform.into(), alias: Some(alias.into()) }
            }
            None => Self::of(text),
        })
    }
}

impl Serialize for ProviderRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProviderRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How far an object in the state has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exists, and all that was asked of it was done.
    Ready,
    /// It exists; its provisioning has not ended.
    Provisioning,
    /// It exists; a provisioning step or a probe failed. The next apply goes on there.
    Failed,
    /// Its creation did not complete; it will be replaced.
    Tainted,
}

impl Status {
    /// Returns the word that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Provisioning => "provisioning",
            Self::Failed => "failed",
            Self::Tainted => "tainted",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ready, Self::Provisioning, Self::Failed, Self::Tainted]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// How one provisioning step ended, on the machine that it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// `file:/home/agent/.gitconfig`, `sync:/home/agent/app`, `provision:install`, `probe:docker`.
    pub name: String,
    /// Digest of what the step does; a step whose hash changed runs again.
    pub hash: String,
    /// The exit code: 0 when it succeeded.
    pub rc: i32,
    pub seconds: f64,
    pub ended_at: Timestamp,
}

/// One object as the state remembers it: a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    pub address: Address,
    /// Set when the object was replaced under its address and waits to be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<DeposedKey>,
    /// The state's serial at the last write of this row, so that no version ever
    /// comes again; a plan names the versions that it read. The store sets it.
    pub version: u64,
    pub provider: ProviderRef,
    pub remote_id: RemoteId,
    pub status: Status,
    pub schema_version: u32,
    /// Arguments and computed attributes; sensitive leaves are redacted when stored.
    pub attributes: Value,
    /// The blocks that it was created after; deletion goes the other way.
    #[serde(default)]
    pub depends_on: Vec<BlockAddress>,
    /// The provisioning steps done so far, in order.
    #[serde(default)]
    pub steps: Vec<StepRecord>,
    /// The tail of the failed step's log, while the status is `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StepFailure>,
    #[serde(default)]
    pub create_before_destroy: bool,
}

/// What is kept of a step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    pub step: String,
    /// The exit code; 124 when the step ran out of time (as `timeout` does).
    pub rc: i32,
    /// The last lines of its log, at most 40.
    pub log_tail: Vec<String>,
    /// Where the whole log is, inside the sandbox.
    pub log_path: String,
}

/// Identifies a row: an address, and which deposed object under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    pub address: Address,
    pub deposed: Option<DeposedKey>,
}

impl Object {
    /// Returns the key of the row.
    pub fn key(&self) -> ObjectKey {
        ObjectKey { address: self.address.clone(), deposed: self.deposed.clone() }
    }

    /// Returns a text attribute, such as `name` or `expires_at`.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    /// Returns the attributes as expressions see them, a sandbox's status among them.
    pub fn value(&self) -> Value {
        match self.address.kind() {
            ResourceType::Sandbox => {
                self.attributes.with("status", Value::from(self.status.as_str()))
            }
            _ => self.attributes.clone(),
        }
    }

    /// Returns when the object expires, if it does.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.text("expires_at")?.parse().ok()
    }
}

/// The state as plain data: what one read of the store yields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub lineage: Lineage,
    pub serial: u64,
    /// Current and deposed objects, in address order.
    pub objects: Vec<Object>,
    /// The root module's outputs as of the last apply.
    #[serde(default)]
    pub outputs: BTreeMap<Arc<str>, OutputValue>,
}

/// An output as stored; a sensitive one is redacted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputValue {
    pub value: Value,
    pub sensitive: bool,
}

impl State {
    /// Makes the state of a project that has none yet.
    pub fn empty(lineage: Lineage) -> Self {
        Self { lineage, serial: 0, objects: Vec::new(), outputs: BTreeMap::new() }
    }

    /// Finds the current (not deposed) object under an address.
    pub fn current(&self, address: &Address) -> Option<&Object> {
        let at = self.objects.partition_point(|o| o.address < *address);
        self.objects[at..]
            .iter()
            .take_while(|o| o.address == *address)
            .find(|o| o.deposed.is_none())
    }
}

/// Whose an object is, as its labels on the platform say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    pub project: String,
    pub lineage: Lineage,
    pub address: Address,
    /// The operation that made it.
    pub operation: OperationId,
    pub expires_at: Option<Timestamp>,
}

/// One object as its platform reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteObject {
    pub remote_id: RemoteId,
    pub kind: ResourceType,
    /// The name on the platform.
    pub name: String,
    /// From our labels; absent when they were damaged by hand.
    pub ownership: Option<Ownership>,
    /// The attributes that the platform knows, arguments and computed, by the
    /// names of the schema. What it does not know is absent.
    pub attributes: Value,
}

/// What refresh found to differ from the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub key: ObjectKey,
    pub provider: ProviderRef,
    pub before: Box<Object>,
    /// Missing when the object is gone.
    pub after: Option<Box<Object>>,
    /// The top-level attributes that differ.
    pub changed: Vec<AttributePath>,
}

/// The state after refresh: what is known to be alive.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// As the store had it, whose row versions the plan is based on.
    pub state: State,
    /// The rows as their platforms report them, in address order; those that
    /// are gone are missing.
    pub objects: Vec<Object>,
    pub drift: Vec<Drift>,
    /// What carries our labels and is in no row.
    pub orphans: Vec<(ProviderRef, RemoteObject)>,
    /// The providers that could not be asked; their rows are as the state has them.
    pub outages: Outages,
}

/// Why a provider cannot be worked with, by provider.
pub type Outages = BTreeMap<ProviderRef, Diagnostic>;

impl Prior {
    /// Takes the state as it is, without asking any platform.
    pub fn unrefreshed(state: State) -> Self {
        let objects = state.objects.clone();
        let (drift, orphans, outages) = Default::default();
        Self { state, objects, drift, orphans, outages }
    }

    /// Tells whether a row's object is gone from its platform.
    pub fn is_gone(&self, key: &ObjectKey) -> bool {
        self.drift.iter().any(|drift| drift.after.is_none() && drift.key == *key)
    }
}

/// Tells whether two values mean the same to a platform: absent, null and empty
/// are one; lists and tuples, maps and objects are alike.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Sensitive(a), Value::Sensitive(b)) => same(a, b),
        (Value::Sensitive(_), _) | (_, Value::Sensitive(_)) => false,
        _ if is_nothing(a) || is_nothing(b) => is_nothing(a) && is_nothing(b),
        _ => match (a.as_attributes(), b.as_attributes(), a.as_elements(), b.as_elements()) {
            (Some(a), Some(b), _, _) => same_members(a, b),
            (_, _, Some(a), Some(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            _ => a == b,
        },
    }
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null(_))
        || value.as_attributes().is_some_and(|a| a.is_empty())
        || value.as_elements().is_some_and(<[Value]>::is_empty)
}

fn same_members(a: &Attributes, b: &Attributes) -> bool {
    let null = Value::null();
    let covers = |a: &Attributes, b: &Attributes| {
        a.iter().all(|(key, value)| same(value, b.get(key).unwrap_or(&null)))
    };
    covers(a, b) && covers(b, a)
}
/// How any SSH client reaches a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    pub address: std::net::IpAddr,
    pub port: u16,
    pub user: String,
    /// The keys that the server may show, as OpenSSH writes public keys.
    pub host_keys: Vec<String>,
    /// A private key of this machine that may log in.
    pub identity: Option<std::path::PathBuf>,
}
