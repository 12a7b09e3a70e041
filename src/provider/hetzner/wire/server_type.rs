//! The type that a server has. What types there are, and what they cost, is read by
//! the catalogue.

use serde::Deserialize;

use super::lenient::or_default;

/// The type that a server has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServerType {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}
