//! What Hetzner sells, read leniently from the API's answers.
//!
//! An entry that cannot be read is left out; a field that is missing or of
//! another kind than expected counts as not said.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::TERMS;
use crate::provider::cloud::catalogue::{Catalogue, Image, Offer, ServerType};

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

/// Reads the API's answers, as they were at this time.
pub fn catalogue(
    answers: &Answers<'_>,
    as_of: Timestamp,
) -> Result<Catalogue, UnreadableCatalogue> {
    let pricing = answers.pricing.and_then(read::<Pricing>).unwrap_or_default();
    let types = answers.server_types.iter().filter_map(read::<TypeJson>);
    let places = answers.locations.iter().filter_map(read::<Named>);
    let catalogue = Catalogue {
        terms: &TERMS,
        as_of,
        currency: pricing.currency.as_deref().unwrap_or("EUR").into(),
        server_types: types.map(ServerType::from).collect(),
        locations: places.map(|place| place.name).collect(),
        images: answers.images.iter().filter_map(read::<ImageJson>).map(Image::from).collect(),
        ipv4: Some(pricing.ipv4()),
    };
    match (catalogue.server_types.is_empty(), catalogue.locations.is_empty()) {
        (true, _) => Err(UnreadableCatalogue { path: "/server_types" }),
        (_, true) => Err(UnreadableCatalogue { path: "/locations" }),
        _ => Ok(catalogue),
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
    #[serde(default)]
    primary_ips: Vec<Json>,
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
        let disk = Some(disk);
        Self { name, cores, memory, disk, cpu, architecture, rank: 0, offers }
    }
}

impl From<ImageJson> for Image {
    fn from(json: ImageJson) -> Self {
        let is_deprecated = !matches!(json.deprecated, Json::Null | Json::Bool(false));
        let disk = json.disk_size.as_f64().map_or(0, |size| size.ceil() as u64);
        let ImageJson { name, architecture, .. } = json;
        let id = json.id.to_string();
        Self { id, region: None, name, architecture, disk, is_deprecated }
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

#[cfg(test)]
mod tests;
