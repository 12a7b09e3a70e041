//! Public SSH keys.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{or_default, time};

/// A public SSH key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SshKey {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// MD5, as pairs of digits with colons.
    #[serde(deserialize_with = "or_default")]
    pub fingerprint: String,
    #[serde(deserialize_with = "or_default")]
    pub public_key: String,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "time")]
    pub created: Option<Timestamp>,
}

super::resource!(SshKey, "ssh_keys", "ssh_key", "SSH key");
