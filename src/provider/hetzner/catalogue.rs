//! What the platform sells: server types and their prices per location, and
//! images, read leniently from the API's answers into plain data.
//!
//! An entry that cannot be read is left out; a field that is missing or of
//! another kind than expected counts as not said.

use std::collections::BTreeMap;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// The elements of the API's answers, all pages together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers<'a> {
    /// `server_types` of `GET /server_types`.
    pub server_types: &'a [Json],
    /// `locations` of `GET /locations`.
    pub locations: &'a [Json],
    /// `images` of `GET /images?include_deprecated=true`, without which a deprecated
    /// image counts as unknown; snapshots may be among them.
    pub images: &'a [Json],
    /// `pricing` of `GET /pricing`.
    pub pricing: Option<&'a Json>,
}

/// The answers hold nothing that can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Hetzner's answer to `GET {path}` lists nothing that sandplan can read")]
pub struct UnreadableCatalogue {
    pub path: &'static str,
}

/// What can be ordered, where, and at which price.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// What "since" and "until" count from.
    pub as_of: Timestamp,
    pub currency: Arc<str>,
    pub server_types: Vec<ServerType>,
    /// Names, in the platform's order.
    pub locations: Vec<String>,
    pub images: Vec<Image>,
    /// Gross per hour, by location.
    pub ipv4: BTreeMap<String, BigDecimal>,
    /// Gross per gigabyte and month.
    pub snapshot_gb_month: Option<BigDecimal>,
}

/// A server type.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerType {
    pub name: String,
    pub cores: u64,
    /// Gigabytes of 1024³ bytes.
    pub memory: BigDecimal,
    /// Gigabytes of 1000³ bytes.
    pub disk: u64,
    /// `shared` or `dedicated`.
    pub cpu: String,
    /// `x86` or `arm`.
    pub architecture: String,
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
    pub id: u64,
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
    /// Reads the API's answers, as they were at this time.
    pub fn from_json(answers: &Answers<'_>, as_of: Timestamp) -> Result<Self, UnreadableCatalogue> {
        let pricing = answers.pricing.and_then(read::<Pricing>).unwrap_or_default();
        let types = answers.server_types.iter().filter_map(read::<TypeJson>);
        let places = answers.locations.iter().filter_map(read::<Named>);
        let catalogue = Self {
            as_of,
            currency: pricing.currency.as_deref().unwrap_or("EUR").into(),
            server_types: types.map(ServerType::from).collect(),
            locations: places.map(|place| place.name).collect(),
            images: answers.images.iter().filter_map(read::<ImageJson>).map(Image::from).collect(),
            ipv4: pricing.ipv4(),
            snapshot_gb_month: pricing.image.and_then(|i| i.price_per_gb_month).and_then(gross),
        };
        match (catalogue.server_types.is_empty(), catalogue.locations.is_empty()) {
            (true, _) => Err(UnreadableCatalogue { path: "/server_types" }),
            (_, true) => Err(UnreadableCatalogue { path: "/locations" }),
            _ => Ok(catalogue),
        }
    }

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
    /// the platform does not say.
    pub fn hourly(&self, of: &ServerType, location: &str) -> Option<BigDecimal> {
        Some(of.offers.get(location)?.hourly.as_ref()? + self.ipv4.get(location)?)
    }

    /// Lists the images that a name or an id means, one per architecture.
    pub fn images_of(&self, reference: &str) -> Vec<&Image> {
        let id: Option<u64> = reference.parse().ok();
        let is_meant =
            |image: &&Image| Some(image.id) == id || image.name.as_deref() == Some(reference);
        self.images.iter().filter(is_meant).collect()
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct TypeJson {
    name: String,
    cores: u64,
    memory: serde_json::Number,
    disk: u64,
    #[serde(default)]
    cpu_type: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    deprecation: Json,
    #[serde(default)]
    prices: Vec<Json>,
    #[serde(default)]
    locations: Vec<Json>,
}

#[derive(Deserialize)]
struct PriceJson {
    location: String,
    #[serde(default)]
    price_hourly: Json,
}

#[derive(Deserialize)]
struct PlaceJson {
    name: String,
    #[serde(default)]
    available: Json,
    #[serde(default)]
    deprecation: Json,
}

#[derive(Deserialize)]
struct ImageJson {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    disk_size: Json,
    #[serde(default)]
    deprecated: Json,
}

#[derive(Deserialize, Default)]
struct Pricing {
    currency: Option<String>,
    image: Option<ImagePrice>,
    #[serde(default)]
    primary_ips: Vec<Json>,
}

#[derive(Deserialize)]
struct ImagePrice {
    price_per_gb_month: Option<Json>,
}

#[derive(Deserialize)]
struct AddressPrices {
    #[serde(rename = "type")]
    kind: String,
    prices: Vec<Json>,
}

impl From<TypeJson> for ServerType {
    fn from(json: TypeJson) -> Self {
        let mut offers: BTreeMap<String, Offer> = BTreeMap::new();
        // An API without places says in its prices where a type is sold.
        let whole = end_of(&json.deprecation);
        for price in json.prices.iter().filter_map(read::<PriceJson>) {
            let hourly = gross(price.price_hourly);
            offers.insert(
                price.location,
                Offer { hourly, available: None, unavailable_after: whole },
            );
        }
        let places: Vec<PlaceJson> = json.locations.iter().filter_map(read).collect();
        if !places.is_empty() {
            offers.retain(|name, _| places.iter().any(|place| place.name == *name));
        }
        for place in places {
            let offer = offers.entry(place.name).or_default();
            offer.available = place.available.as_bool();
            offer.unavailable_after = end_of(&place.deprecation);
        }
        let memory = json.memory.to_string().parse().unwrap_or_default();
        let TypeJson { name, cores, disk, cpu_type: cpu, architecture, .. } = json;
        Self { name, cores, memory, disk, cpu, architecture, offers }
    }
}

impl From<ImageJson> for Image {
    fn from(json: ImageJson) -> Self {
        let is_deprecated = !matches!(json.deprecated, Json::Null | Json::Bool(false));
        let disk = json.disk_size.as_f64().map_or(0, |size| size.ceil() as u64);
        Self { id: json.id, name: json.name, architecture: json.architecture, disk, is_deprecated }
    }
}

impl Pricing {
    fn ipv4(&self) -> BTreeMap<String, BigDecimal> {
        let kinds = self.primary_ips.iter().filter_map(read::<AddressPrices>);
        let prices = kinds.filter(|kind| kind.kind == "ipv4").flat_map(|kind| kind.prices);
        let prices = prices.filter_map(|price| read::<PriceJson>(&price));
        prices.filter_map(|price| Some((price.location, gross(price.price_hourly)?))).collect()
    }
}

fn read<T: DeserializeOwned>(json: &Json) -> Option<T> {
    serde_json::from_value(json.clone()).ok()
}

fn gross(price: Json) -> Option<BigDecimal> {
    price.get("gross")?.as_str()?.parse().ok()
}

/// Returns when something deprecated can no longer be ordered.
fn end_of(deprecation: &Json) -> Option<Timestamp> {
    if deprecation.is_null() {
        return None;
    }
    let end = deprecation.get("unavailable_after").and_then(Json::as_str);
    Some(end.and_then(|end| end.parse().ok()).unwrap_or(Timestamp::MIN))
}
