//! Places.

use serde::Deserialize;

use super::lenient::or_default;

/// A place where servers stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Location {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub city: String,
    #[serde(deserialize_with = "or_default")]
    pub country: String,
    #[serde(deserialize_with = "or_default")]
    pub network_zone: String,
}

super::resource!(Location, "locations", "location", "location");
