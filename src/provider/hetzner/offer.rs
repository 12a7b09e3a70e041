//! Which server types in which locations creation tries, and in which order.
//!
//! Regions come in the user's order, and within a region the types do. What has
//! no room now is tried last: there may be room again when the plan is applied.
//! Where a size is asked for, or nothing, each region has one candidate: the
//! cheapest type that fits and has room.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;

use super::catalogue::{Catalogue, ServerType, Standing};
use super::orderable as refuse;
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
    /// With the IPv4 address; nothing where the platform does not say.
    pub hourly: Option<BigDecimal>,
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
        let disk = u128::from(of.disk) * 1_000_000_000;
        self.size.vcpus.is_none_or(|least| of.cores >= least)
            && memory.is_none_or(|least| &of.memory * gib >= least)
            && self.size.disk.is_none_or(|least| disk >= u128::from(least))
            && of.disk >= self.disk
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
            in_stock: standing == Standing::Sold,
        })
    }

    /// Returns the candidate as the attribute `candidates` has it.
    pub fn to_value(&self, currency: &str) -> Value {
        Value::object([
            ("server_type", Value::from(self.server_type.as_str())),
            ("location", Value::from(self.location.as_str())),
            ("hourly_cost", Value::from(price::text(self.hourly.as_ref(), currency))),
        ])
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
    match wish.server_types.is_empty() {
        true => sized(catalogue, &wish.regions, &Need::of(wish, &architectures, disk)),
        false => named(catalogue, wish, &Need { architectures, disk, ..Need::default() }),
    }
}

/// Offers the cheapest fitting type of each region.
pub fn sized(
    catalogue: &Catalogue,
    regions: &[String],
    need: &Need,
) -> Result<Offered, Vec<Refusal>> {
    let mut offered = Offered::default();
    for region in regions {
        match cheapest(catalogue, region, need) {
            Some(candidate) => offered.candidates.push(candidate),
            None => offered.notes.push(format!("no type that fits is offered in {region}")),
        }
    }
    if offered.candidates.is_empty() {
        return Err(vec![refuse::no_fit(catalogue, regions, need)]);
    }
    Ok(ordered(offered))
}

/// Finds the cheapest type that meets a need in a region, of those with room if any has.
pub fn cheapest(catalogue: &Catalogue, region: &str, need: &Need) -> Option<Candidate> {
    let fitting = catalogue.server_types.iter().filter(|of| need.is_met_by(of));
    let on_sale = fitting.filter_map(|of| Some((of, Candidate::new(catalogue, of, region)?)));
    on_sale.min_by(|(a, x), (b, y)| dearer(x, y).then_with(|| larger(a, b))).map(|(_, c)| c)
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
fn named(catalogue: &Catalogue, wish: &Wish, need: &Need) -> Result<Offered, Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut types = Vec::new();
    for name in &wish.server_types {
        match refuse::server_type(catalogue, name, (&wish.regions, need)) {
            Ok(of) => types.push(of),
            Err(refusal) => refused.push(refusal),
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut offered = Offered::default();
    for region in &wish.regions {
        for of in &types {
            match Candidate::new(catalogue, of, region) {
                Some(candidate) => offered.candidates.push(candidate),
                None => offered.notes.push(absent(catalogue, of, region)),
            }
        }
    }
    let size = Need { size: wish.size.unwrap_or_default(), ..Need::default() };
    for of in types.iter().filter(|of| !size.is_met_by(of)) {
        offered.notes.push(format!("{} is smaller than `size` asks for", of.name));
    }
    Ok(ordered(offered))
}

fn absent(catalogue: &Catalogue, of: &ServerType, region: &str) -> String {
    match catalogue.standing(of, region) {
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
        let all: Vec<_> = first.iter().chain(&last).map(Candidate::describe).collect();
        notes.push(format!("tries {}", all.join(", else ")));
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
