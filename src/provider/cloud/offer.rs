//! Which server types in which locations creation tries, and in which order.
//!
//! Regions come in the user's order, and within a region the types do. What has
//! no room now is tried last: there may be room again when the plan is applied.
//! Where a size is asked for, or nothing, each region has one candidate: the
//! cheapest type that fits and has room.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;

use super::catalogue::{Catalogue, Image, ServerType, Standing};
use super::orderable as refuse;
use super::region;
use super::wish::Wish;
use crate::provider::Refusal;
use crate::provider::price;
use crate::provider::size::Size;
use crate::value::{Type, Value};

/// A server type in a location that creation may try.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub server_type: String,
    pub location: String,
    /// With the IPv4 address; nothing where nobody says.
    pub hourly: Option<BigDecimal>,
    /// The id of what its disk begins with, where a name means another in each region
    /// or for each architecture.
    pub image: Option<String>,
    /// The platform does not say that there is no room.
    pub in_stock: bool,
}

/// What creation tries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offered {
    /// Never empty.
    pub candidates: Vec<Candidate>,
    /// What the user should know of the choice.
    pub notes: Vec<String>,
}

/// What a type must have besides what the user names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Need {
    pub size: Size,
    /// Any where none is named.
    pub architectures: Vec<String>,
    /// GB.
    pub disk: u64,
    pub shared_only: bool,
}

/// The class of a sandbox that asks for nothing: 4 vCPU, 8 GB.
const DEFAULT_SIZE: Size = Size { vcpus: Some(4), memory: Some(8 << 30), disk: None };
/// What an image leaves open is decided for this one.
pub const DEFAULT_ARCHITECTURE: &str = "x86";

impl Need {
    /// Tells whether a type has all that is needed.
    pub fn is_met_by(&self, of: &ServerType) -> bool {
        let gib = BigDecimal::from(1u64 << 30);
        let memory = self.size.memory.map(BigDecimal::from);
        let disk = of.disk.map(|disk| u128::from(disk) * 1_000_000_000);
        self.size.vcpus.is_none_or(|least| of.cores >= least)
            && memory.is_none_or(|least| &of.memory * gib >= least)
            && self.size.disk.zip(disk).is_none_or(|(least, disk)| disk >= u128::from(least))
            && of.disk.is_none_or(|disk| disk >= self.disk)
            && (self.architectures.is_empty() || self.architectures.contains(&of.architecture))
            && (!self.shared_only || of.cpu != "dedicated")
    }

    /// Returns what a wish without named types needs.
    pub fn of(wish: &Wish, architectures: &[String], disk: u64) -> Self {
        let has_default = architectures.iter().any(|a| a == DEFAULT_ARCHITECTURE);
        let architecture = match architectures.first() {
            Some(first) if !has_default => first.as_str(),
            _ => DEFAULT_ARCHITECTURE,
        };
        Self {
            size: wish.size.unwrap_or(DEFAULT_SIZE),
            architectures: vec![architecture.to_owned()],
            disk,
            shared_only: wish.size.is_none(),
        }
    }
}

impl Candidate {
    /// Offers a type in a location, if it is on sale there.
    pub fn new(catalogue: &Catalogue, of: &ServerType, location: &str) -> Option<Self> {
        let standing = catalogue.standing(of, location);
        standing.is_orderable().then(|| Self {
            server_type: of.name.clone(),
            location: location.to_owned(),
            hourly: catalogue.hourly(of, location),
            image: None,
            in_stock: standing == Standing::Sold,
        })
    }

    /// Returns the candidate as the attribute `candidates` has it.
    pub fn to_value(&self, currency: &str) -> Value {
        let image = self.image.as_deref().map(|image| ("image", Value::from(image)));
        let known = [
            ("server_type", Value::from(self.server_type.as_str())),
            ("location", Value::from(self.location.as_str())),
            ("hourly_cost", Value::from(price::text(self.hourly.as_ref(), currency))),
        ];
        Value::object(known.into_iter().chain(image))
    }

    fn describe(&self) -> String {
        format!("{} in {}", self.server_type, self.location)
    }
}

/// Returns the attribute `candidates`.
pub fn to_value(candidates: &[Candidate], currency: &str) -> Value {
    let elements: Vec<Value> = candidates.iter().map(|c| c.to_value(currency)).collect();
    let kind = elements.first().map_or(Type::Dynamic, Value::type_of);
    Value::List(kind, elements.into())
}

/// Chooses what creation tries, or says why nothing can be ordered.
pub fn offer(catalogue: &Catalogue, wish: &Wish) -> Result<Offered, Vec<Refusal>> {
    let unknown: Vec<_> =
        wish.regions.iter().filter_map(|r| refuse::region(catalogue, r)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let images = refuse::images(catalogue, wish).map_err(|refusal| vec![refusal])?;
    let architectures: Vec<String> = images.iter().map(|i| i.architecture.clone()).collect();
    let disk = images.iter().map(|image| image.disk).min().unwrap_or(0);
    let places = places(catalogue, &wish.regions);
    let offered = match wish.server_types.is_empty() {
        true => sized(catalogue, &places, &Need::of(wish, &architectures, disk)),
        false => {
            let need = Need { architectures, disk, ..Need::default() };
            named(catalogue, &places, (wish, &need))
        }
    };
    imaged(catalogue, offered?, &images)
}

/// Lists the locations that regions mean, each once, in the user's order of regions.
pub fn places(catalogue: &Catalogue, regions: &[String]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for place in regions.iter().flat_map(|region| catalogue.locations_of(region)) {
        if !places.iter().any(|known| known == place) {
            places.push(place.to_owned());
        }
    }
    places
}

/// Says of each candidate what its disk begins with, where that differs between
/// regions; those that have no such image are left out.
fn imaged(
    catalogue: &Catalogue,
    offered: Offered,
    images: &[&Image],
) -> Result<Offered, Vec<Refusal>> {
    if !catalogue.terms.pins_images || images.is_empty() {
        return Ok(offered);
    }
    let fitting = |candidate: &Candidate| {
        let of = catalogue.server_type(&candidate.server_type)?;
        let is_there = |image: &Image| {
            image.region.as_deref().is_none_or(|r| region::contains(r, &candidate.location))
        };
        let fits = |image: &&&Image| image.architecture == of.architecture && is_there(image);
        images.iter().find(fits).map(|image| image.id.clone())
    };
    let Offered { candidates, notes } = offered;
    let candidates: Vec<_> = candidates
        .into_iter()
        .filter_map(|c| Some(Candidate { image: Some(fitting(&c)?), ..c }))
        .collect();
    match candidates.is_empty() {
        true => Err(vec![refuse::image_elsewhere(catalogue, images)]),
        false => Ok(Offered { candidates, notes }),
    }
}

/// Offers the cheapest fitting type of each place.
pub fn sized(
    catalogue: &Catalogue,
    places: &[String],
    need: &Need,
) -> Result<Offered, Vec<Refusal>> {
    let found = places.iter().filter_map(|place| cheapest(catalogue, place, need));
    let candidates: Vec<Candidate> = found.collect();
    if candidates.is_empty() {
        return Err(vec![refuse::no_fit(catalogue, places, need)]);
    }
    let is_empty = |region: &&str| !candidates.iter().any(|c| region::of(&c.location) == *region);
    let none = regions(places).into_iter().filter(is_empty);
    let notes = none.map(|region| format!("no type that fits is offered in {region}")).collect();
    Ok(ordered(Offered { candidates, notes }))
}

/// Lists the regions of places, each once.
pub fn regions(places: &[String]) -> Vec<&str> {
    let mut regions: Vec<&str> = places.iter().map(|place| region::of(place)).collect();
    regions.dedup();
    regions
}

/// Finds the cheapest type that meets a need in a region, of those with room if any has.
pub fn cheapest(catalogue: &Catalogue, region: &str, need: &Need) -> Option<Candidate> {
    let fitting = catalogue.server_types.iter().filter(|of| need.is_met_by(of));
    let on_sale = fitting.filter_map(|of| Some((of, Candidate::new(catalogue, of, region)?)));
    let by_size = |a: &ServerType, b: &ServerType| a.rank.cmp(&b.rank).then_with(|| larger(a, b));
    on_sale.min_by(|(a, x), (b, y)| dearer(x, y).then_with(|| by_size(a, b))).map(|(_, c)| c)
}

/// Orders by room, then by price; what has no price comes last.
fn dearer(a: &Candidate, b: &Candidate) -> Ordering {
    let unpriced = |c: &Candidate| (!c.in_stock, c.hourly.is_none());
    unpriced(a).cmp(&unpriced(b)).then_with(|| a.hourly.cmp(&b.hourly))
}

/// Orders by size, and types of one size by name.
pub fn larger(a: &ServerType, b: &ServerType) -> Ordering {
    let by_memory = a.memory.cmp(&b.memory);
    a.cores.cmp(&b.cores).then(by_memory).then(a.disk.cmp(&b.disk)).then(a.name.cmp(&b.name))
}

/// Offers the types that the user names, in the user's order.
fn named(
    catalogue: &Catalogue,
    places: &[String],
    (wish, need): (&Wish, &Need),
) -> Result<Offered, Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut types = Vec::new();
    for name in &wish.server_types {
        match refuse::server_type(catalogue, name, (places, need)) {
            Ok(of) => types.push(of),
            Err(refusal) => refused.push(refusal),
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut offered = Offered::default();
    for region in regions(places) {
        let here: Vec<&String> = places.iter().filter(|p| region::of(p) == region).collect();
        for of in &types {
            let found = here.iter().filter_map(|place| Candidate::new(catalogue, of, place));
            let before = offered.candidates.len();
            offered.candidates.extend(found);
            if let (true, Some(place)) = (offered.candidates.len() == before, here.first()) {
                offered.notes.push(absent(catalogue, of, (place, region)));
            }
        }
    }
    let size = Need { size: wish.size.unwrap_or_default(), ..Need::default() };
    for of in types.iter().filter(|of| !size.is_met_by(of)) {
        offered.notes.push(format!("{} is smaller than `size` asks for", of.name));
    }
    Ok(ordered(offered))
}

fn absent(catalogue: &Catalogue, of: &ServerType, (place, region): (&str, &str)) -> String {
    match catalogue.standing(of, place) {
        Standing::NotOffered => format!("{} is not offered in {region}", of.name),
        _ => format!("{} is deprecated in {region}", of.name),
    }
}

/// Puts what has no room last, and says in which order all is tried.
pub fn ordered(mut offered: Offered) -> Offered {
    let (mut first, last): (Vec<_>, Vec<_>) =
        offered.candidates.into_iter().partition(|candidate| candidate.in_stock);
    let mut notes = Vec::new();
    if first.len() + last.len() > 1 {
        let all: Vec<&Candidate> = first.iter().chain(&last).collect();
        notes.push(format!("tries {}", in_turn(&all).join(", else ")));
    }
    for candidate in &last {
        let remedy = match first.is_empty() {
            true => "; name another type or region to fall back on",
            false => ", so it is tried last",
        };
        notes.push(format!("there is no room for {} now{remedy}", candidate.describe()));
    }
    first.extend(last);
    notes.append(&mut offered.notes);
    Offered { candidates: first, notes }
}

/// Names candidates in order; a type in several zones of a region once.
fn in_turn(candidates: &[&Candidate]) -> Vec<String> {
    let is_near = |a: &&Candidate, b: &&Candidate| {
        let has_zones = region::of(&a.location) != a.location;
        a.server_type == b.server_type
            && has_zones
            && region::of(&a.location) == region::of(&b.location)
    };
    let groups = candidates.chunk_by(is_near).filter_map(|group| group.split_first());
    let named = |(first, rest): (&&Candidate, &[&Candidate])| {
        let more: Vec<&str> = rest.iter().map(|c| c.location.as_str()).collect();
        match more.as_slice() {
            [] => first.describe(),
            more => format!("{}, {}", first.describe(), more.join(", ")),
        }
    };
    groups.map(named).collect()
}
