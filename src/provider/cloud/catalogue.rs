//! What a platform sells: server types and their prices per location, and images,
//! as plain data, whichever platform's answers it was read from.

use std::collections::BTreeMap;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use jiff::Timestamp;

use super::terms::Terms;

/// What can be ordered, where, and at which price.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// Who sells it.
    pub terms: &'static Terms,
    /// What "since" and "until" count from.
    pub as_of: Timestamp,
    pub currency: Arc<str>,
    pub server_types: Vec<ServerType>,
    /// Names, in the platform's order.
    pub locations: Vec<String>,
    pub images: Vec<Image>,
    /// What an address costs per hour, by location; nothing where servers come with one.
    pub ipv4: Option<BTreeMap<String, BigDecimal>>,
}

/// A server type.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerType {
    pub name: String,
    pub cores: u64,
    /// Gigabytes of 1024³ bytes.
    pub memory: BigDecimal,
    /// Gigabytes of 1000³ bytes; nothing where it is as large as one asks.
    pub disk: Option<u64>,
    /// `shared` or `dedicated`.
    pub cpu: String,
    /// `x86` or `arm`.
    pub architecture: String,
    /// Where prices do not decide: the lower one is taken.
    pub rank: u32,
    /// By location.
    pub offers: BTreeMap<String, Offer>,
}

/// A server type in a location.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offer {
    /// Gross, without the IPv4 address.
    pub hourly: Option<BigDecimal>,
    /// Whether there is room now; nothing where the platform does not say.
    pub available: Option<bool>,
    /// When it can no longer be ordered; nothing where it stays. A deprecation
    /// without a date counts as long past.
    pub unavailable_after: Option<Timestamp>,
}

/// An operating system image or a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// As the platform takes it.
    pub id: String,
    /// The only region that it is in; nothing where it is everywhere.
    pub region: Option<String>,
    /// Snapshots have none. Each architecture has an image of its own by a name.
    pub name: Option<String>,
    pub architecture: String,
    /// The smallest disk that it fits on, in GB.
    pub disk: u64,
    pub is_deprecated: bool,
}

/// Whether a server type can be ordered in a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Sold,
    /// It is sold, but there is no room now.
    OutOfStock,
    /// It is sold until then.
    Deprecated(Timestamp),
    /// It could be ordered until then.
    Withdrawn(Timestamp),
    NotOffered,
}

impl Standing {
    /// Tells whether a new server may be planned: it stays on sale, though it may
    /// be out of stock.
    pub fn is_orderable(self) -> bool {
        matches!(self, Self::Sold | Self::OutOfStock)
    }
}

impl Catalogue {
    /// Finds a server type.
    pub fn server_type(&self, name: &str) -> Option<&ServerType> {
        self.server_types.iter().find(|of| of.name == name)
    }

    /// Says whether a server type can be ordered in a location.
    pub fn standing(&self, of: &ServerType, location: &str) -> Standing {
        let Some(offer) = of.offers.get(location) else { return Standing::NotOffered };
        match (offer.unavailable_after, offer.available) {
            (Some(end), _) if end <= self.as_of => Standing::Withdrawn(end),
            (Some(end), _) => Standing::Deprecated(end),
            (None, Some(false)) => Standing::OutOfStock,
            (None, _) => Standing::Sold,
        }
    }

    /// Returns what a server costs per hour with its IPv4 address; nothing where
    /// nobody says.
    pub fn hourly(&self, of: &ServerType, location: &str) -> Option<BigDecimal> {
        let hourly = of.offers.get(location)?.hourly.as_ref()?;
        match &self.ipv4 {
            None => Some(hourly.clone()),
            Some(prices) => Some(hourly + prices.get(location)?),
        }
    }

    /// Lists the locations that a region means, in the platform's order: all in it, or
    /// the one that it names.
    pub fn locations_of(&self, region: &str) -> Vec<&str> {
        let all = self.locations.iter().map(String::as_str);
        all.filter(|location| super::region::contains(region, location)).collect()
    }

    /// Lists the images that a name or an id means, one per architecture.
    pub fn images_of(&self, reference: &str) -> Vec<&Image> {
        let is_meant =
            |image: &&Image| image.id == reference || image.name.as_deref() == Some(reference);
        self.images.iter().filter(is_meant).collect()
    }
}
