//! Prices, as exact decimal text.

use serde::Deserialize;

use super::lenient::or_default;

/// An amount of money as decimal text, without and with tax.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Price {
    #[serde(deserialize_with = "or_default")]
    pub net: String,
    #[serde(deserialize_with = "or_default")]
    pub gross: String,
}

/// Prices of what has no type of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Pricing {
    /// Such as `EUR`.
    #[serde(deserialize_with = "or_default")]
    pub currency: String,
    /// In percent, as decimal text.
    #[serde(deserialize_with = "or_default")]
    pub vat_rate: String,
    #[serde(deserialize_with = "or_default")]
    pub primary_ips: Vec<IpPrices>,
    pub image: Option<ImagePrice>,
}

/// What images cost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ImagePrice {
    #[serde(deserialize_with = "or_default")]
    pub price_per_gb_month: Price,
}

/// What primary IPs of a type cost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct IpPrices {
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    #[serde(deserialize_with = "or_default")]
    pub prices: Vec<IpPrice>,
}

/// What a primary IP costs at a place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct IpPrice {
    #[serde(deserialize_with = "or_default")]
    pub location: String,
    #[serde(deserialize_with = "or_default")]
    pub price_hourly: Price,
    #[serde(deserialize_with = "or_default")]
    pub price_monthly: Price,
}

impl Pricing {
    /// Returns what a primary IPv4 costs at a place.
    pub fn ipv4_at(&self, location: &str) -> Option<&IpPrice> {
        let ipv4 = self.primary_ips.iter().filter(|ip| ip.kind == "ipv4");
        ipv4.flat_map(|ip| &ip.prices).find(|price| price.location == location)
    }
}
