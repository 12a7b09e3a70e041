//! Public addresses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{or_default, time};
use super::{Location, Protection};

/// A public address that may outlive its server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PrimaryIp {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    #[serde(deserialize_with = "or_default")]
    pub ip: String,
    /// The server that has it.
    pub assignee_id: Option<u64>,
    /// `server`, `unassigned`, …
    #[serde(deserialize_with = "or_default")]
    pub assignee_type: String,
    #[serde(deserialize_with = "or_default")]
    pub auto_delete: bool,
    #[serde(deserialize_with = "time")]
    pub created: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    pub location: Option<Location>,
    #[serde(deserialize_with = "or_default")]
    pub protection: Protection,
}

super::resource!(PrimaryIp, "primary_ips", "primary_ip", "primary IP");
