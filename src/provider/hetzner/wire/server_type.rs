//! Types of server, with prices and what can be had where.

use jiff::Timestamp;
use serde::Deserialize;

use super::Price;
use super::lenient::{or_default, time};

/// A type of server.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ServerType {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    #[serde(deserialize_with = "or_default")]
    pub cores: u32,
    /// In GB.
    #[serde(deserialize_with = "or_default")]
    pub memory: f64,
    /// In GB.
    #[serde(deserialize_with = "or_default")]
    pub disk: u64,
    /// `x86` or `arm`.
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    /// `shared` or `dedicated`.
    #[serde(deserialize_with = "or_default")]
    pub cpu_type: String,
    pub deprecation: Option<Deprecation>,
    #[serde(deserialize_with = "or_default")]
    pub prices: Vec<TypePrice>,
    /// Where it is sold; since April 2026 with what can be had now.
    #[serde(deserialize_with = "or_default")]
    pub locations: Vec<TypeAtLocation>,
}

/// When something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Deprecation {
    #[serde(deserialize_with = "time")]
    pub announced: Option<Timestamp>,
    /// From then on it cannot be ordered.
    #[serde(deserialize_with = "time")]
    pub unavailable_after: Option<Timestamp>,
}

/// What a type costs at a place.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TypePrice {
    #[serde(deserialize_with = "or_default")]
    pub location: String,
    #[serde(deserialize_with = "or_default")]
    pub price_hourly: Price,
    #[serde(deserialize_with = "or_default")]
    pub price_monthly: Price,
    /// In bytes a month.
    pub included_traffic: Option<u64>,
    pub price_per_tb_traffic: Option<Price>,
}

/// A type at a place.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TypeAtLocation {
    pub id: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Whether one can be had now; older answers do not say.
    pub available: Option<bool>,
    pub recommended: Option<bool>,
    pub deprecation: Option<Deprecation>,
}

impl ServerType {
    /// Returns the type as it is sold at a place.
    pub fn at(&self, location: &str) -> Option<&TypeAtLocation> {
        self.locations.iter().find(|at| at.name == location)
    }

    /// Returns the price at a place.
    pub fn price_at(&self, location: &str) -> Option<&TypePrice> {
        self.prices.iter().find(|price| price.location == location)
    }
}

super::resource!(ServerType, "server_types", "server_type", "server type", None);
