//! Firewalls and their rules.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{or_default, time};

/// A firewall.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Firewall {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "time")]
    pub created: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<FirewallRule>,
    #[serde(deserialize_with = "or_default")]
    pub applied_to: Vec<AppliedTo>,
}

/// What a firewall lets through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FirewallRule {
    /// `in` or `out`.
    #[serde(deserialize_with = "or_default")]
    pub direction: String,
    /// `tcp`, `udp`, `icmp`, …
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// Such as `22` or `80-85`.
    pub port: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub source_ips: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub destination_ips: Vec<String>,
    pub description: Option<String>,
}

/// What a firewall is in force on: a server, or those with certain labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AppliedTo {
    /// `server` or `label_selector`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    pub server: Option<ServerId>,
    pub label_selector: Option<LabelSelector>,
}

/// A server, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServerId {
    pub id: u64,
}

/// Servers, by their labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct LabelSelector {
    #[serde(deserialize_with = "or_default")]
    pub selector: String,
}

impl Firewall {
    /// Returns the servers that it was applied to one by one.
    pub fn servers(&self) -> impl Iterator<Item = u64> {
        self.applied_to.iter().filter_map(|applied| Some(applied.server?.id))
    }
}

super::resource!(Firewall, "firewalls", "firewall", "firewall");
