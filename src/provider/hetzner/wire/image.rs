//! Images and snapshots.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::Protection;
use super::lenient::{or_default, time};

/// An image: the platform's own, or a snapshot.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Image {
    pub id: u64,
    /// Snapshots have none.
    pub name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    /// `system`, `app`, `snapshot` or `backup`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// `available`, `creating` or `unavailable`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// `x86` or `arm`.
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    #[serde(deserialize_with = "or_default")]
    pub os_flavor: String,
    pub os_version: Option<String>,
    /// In GB, as stored.
    pub image_size: Option<f64>,
    /// In GB, of the disk that it needs at least.
    #[serde(deserialize_with = "or_default")]
    pub disk_size: f64,
    #[serde(deserialize_with = "time")]
    pub created: Option<Timestamp>,
    pub created_from: Option<CreatedFrom>,
    /// Since when it should not be used.
    #[serde(deserialize_with = "time")]
    pub deprecated: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub deleted: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub protection: Protection,
}

/// The server that a snapshot was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct CreatedFrom {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

super::resource!(Image, "images", "image", "image");
