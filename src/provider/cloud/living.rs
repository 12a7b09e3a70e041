//! What a change asks of a server that exists: to stay, to change its type, or
//! to make way for another.
//!
//! Its location was chosen at creation and stays while the arguments still
//! allow it. Its type stays while it is one that the arguments ask for. A
//! change of type keeps the disk as it is, so only types with a disk at least
//! as large will do. What somebody changed by hand is changed back, but never
//! at the price of the disk.

use super::catalogue::{Catalogue, ServerType};
use super::offer::{Candidate, DEFAULT_ARCHITECTURE, Need, Offered, cheapest, ordered};
use super::orderable as refuse;
use super::region::{self, names};
use super::terms::Terms;
use super::wish::Wish;
use crate::provider::{ProposedChange, Refusal, price};
use crate::value::{AttributePath, Value};

/// A server that exists, and what is asked of it.
pub struct Living<'a> {
    pub terms: &'a Terms,
    pub catalogue: Option<&'a Catalogue>,
    pub before: &'a Value,
    pub change: &'a ProposedChange<'a>,
    pub wish: &'a Wish,
}

/// What becomes of a server's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    Stays,
    /// One of these types, in this order.
    Rescales(Offered),
    /// Only a new server can be as this argument asks, and why.
    Replaced(AttributePath, String),
    Refused(Vec<Refusal>),
}

/// What becomes of a server's disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Disk {
    Kept,
    /// The same server begins with another image.
    Rebuilt(AttributePath),
    /// The image does not fit the server.
    Replaced(AttributePath),
    Refused(Refusal),
}

impl Living<'_> {
    /// Returns the changed argument that asks for another location.
    pub fn moves(&self) -> Option<AttributePath> {
        let path = self.changed("region")?;
        let asked = self.change.after.get("region").filter(|region| !region.is_null())?;
        let regions = names(asked)?;
        let stays =
            self.text("location").is_some_and(|at| regions.iter().any(|r| region::contains(r, at)));
        (!stays).then_some(path)
    }

    /// Says what becomes of the type.
    pub fn fate(&self) -> Fate {
        let (Some(catalogue), Some(was)) = (self.catalogue, self.text("server_type")) else {
            return Fate::Stays;
        };
        if let Some(path) = self.outgrows(catalogue) {
            let why = "its disk cannot grow in place".to_owned();
            return Fate::Replaced(path, why);
        }
        let asked = self.changed(self.terms.block).or_else(|| self.changed("size"));
        if self.wish.server_types.is_empty() {
            return self.sized(catalogue, (was, asked));
        }
        if let (true, unknown) = (asked.is_some(), self.unknown_types(catalogue))
            && !unknown.is_empty()
        {
            return Fate::Refused(unknown);
        }
        match self.wish.server_types.iter().any(|name| name == was) {
            true => Fate::Stays,
            false => self.named(catalogue, asked),
        }
    }

    /// Returns the changed argument that asks for a larger disk than the server has, where
    /// no type is named that decides that. A change of type keeps the disk as it is.
    fn outgrows(&self, catalogue: &Catalogue) -> Option<AttributePath> {
        let is_free = self.server_type(catalogue).is_some_and(|of| of.disk.is_none());
        let asked = self.wish.size.and_then(|size| size.disk)?;
        let has = u128::from(self.disk_size(catalogue)) * 1_000_000_000;
        let decides = is_free || self.wish.server_types.is_empty();
        let path = self.changed("size").filter(|_| decides)?;
        (u128::from(asked) > has && has > 0).then_some(path)
    }

    fn unknown_types(&self, catalogue: &Catalogue) -> Vec<Refusal> {
        let names = self.wish.server_types.iter();
        names.filter_map(|name| refuse::unknown_type(catalogue, name)).collect()
    }

    fn named(&self, catalogue: &Catalogue, asked: Option<AttributePath>) -> Fate {
        let location = self.text("location").unwrap_or_default();
        let need = self.need(catalogue);
        let types = self.wish.server_types.iter().filter_map(|name| catalogue.server_type(name));
        let types = types.filter(|of| need.is_met_by(of));
        let here: Vec<_> = types.filter_map(|of| Candidate::new(catalogue, of, location)).collect();
        match asked {
            _ if !here.is_empty() => {
                Fate::Rescales(ordered(Offered { candidates: here, notes: vec![] }))
            }
            Some(path) => Fate::Replaced(path, self.unfit(&need)),
            None => Fate::Stays,
        }
    }

    fn sized(&self, catalogue: &Catalogue, (was, asked): (&str, Option<AttributePath>)) -> Fate {
        let is_drift = asked.is_none() && self.is_not_a_candidate(was);
        if !is_drift && (asked.is_none() || self.wish.size.is_none()) {
            return Fate::Stays;
        }
        let location = self.text("location").unwrap_or_default();
        let need = self.need(catalogue);
        let is_enough = catalogue.server_type(was).is_some_and(|of| need.is_met_by(of));
        match (cheapest(catalogue, location, &need), asked) {
            (Some(next), _) if next.server_type == was => Fate::Stays,
            (Some(next), _) if is_enough && !self.saves(catalogue, was, &next) => Fate::Stays,
            (Some(next), _) => {
                Fate::Rescales(ordered(Offered { candidates: vec![next], notes: vec![] }))
            }
            (None, Some(path)) if !is_enough => Fate::Replaced(path, self.unfit(&need)),
            (None, _) => Fate::Stays,
        }
    }

    /// Says why no type will do.
    fn unfit(&self, need: &Need) -> String {
        format!(
            "its type cannot change in place: none that is asked for is an {} type in {} with a \
             disk of {} GB or more, as it has now",
            need.architectures.join(" or "),
            self.text("location").unwrap_or_default(),
            need.disk
        )
    }

    /// Tells whether another type costs less than the server does.
    fn saves(&self, catalogue: &Catalogue, was: &str, next: &Candidate) -> bool {
        let recorded = self.text("hourly_cost").and_then(price::read).map(|(amount, _)| amount);
        let listed = || {
            let of = catalogue.server_type(was)?;
            catalogue.hourly(of, &next.location)
        };
        // What somebody rescaled by hand has another price than is recorded.
        let costs = if self.is_not_a_candidate(was) { listed() } else { recorded.or_else(listed) };
        matches!((costs, &next.hourly), (Some(costs), Some(price)) if *price < costs)
    }

    /// Tells whether the server has a type that no plan has offered.
    fn is_not_a_candidate(&self, was: &str) -> bool {
        let candidates = self.before.get("candidates").and_then(Value::as_elements);
        let name = |candidate: &Value| candidate.get("server_type")?.as_str().map(str::to_owned);
        candidates.is_some_and(|all| !all.iter().any(|c| name(c).as_deref() == Some(was)))
    }

    /// Returns what a type must have to follow the one that the server has.
    fn need(&self, catalogue: &Catalogue) -> Need {
        let of = self.server_type(catalogue);
        let architecture = of.map_or(DEFAULT_ARCHITECTURE, |of| of.architecture.as_str());
        let architectures = vec![architecture.to_owned()];
        match self.wish.server_types.is_empty() {
            true => Need { architectures, ..Need::of(self.wish, &[], self.disk_size(catalogue)) },
            false => Need { architectures, disk: self.disk_size(catalogue), ..Need::default() },
        }
    }

    fn server_type<'c>(&self, catalogue: &'c Catalogue) -> Option<&'c ServerType> {
        catalogue.server_type(self.text("server_type")?)
    }

    /// Returns the server's disk in GB, by its type where nobody wrote it down.
    fn disk_size(&self, catalogue: &Catalogue) -> u64 {
        let own = self.before.get("disk_size").and_then(Value::as_number).and_then(|n| n.to_u64());
        own.or_else(|| self.server_type(catalogue)?.disk).unwrap_or(0)
    }

    /// Says what becomes of the disk; `was` is what the server was made as.
    pub fn disk(&self, was: Option<&Wish>) -> Disk {
        let Some(path) = self.changed("from").or_else(|| self.changed("image")) else {
            return Disk::Kept;
        };
        if self.wish.image.is_some() && was.is_some_and(|was| was.image == self.wish.image) {
            return Disk::Kept;
        }
        if !self.terms.rebuilds {
            return self.replaced(path);
        }
        let Some(catalogue) = self.catalogue else { return Disk::Rebuilt(path) };
        let need = self.need(catalogue);
        match refuse::images(catalogue, self.wish) {
            Err(refusal) => Disk::Refused(refusal),
            Ok(images) if images.is_empty() => Disk::Rebuilt(path),
            Ok(images) => {
                let size = self.disk_size(catalogue);
                let fits = images
                    .iter()
                    .any(|i| need.architectures.contains(&i.architecture) && i.disk <= size);
                if fits { Disk::Rebuilt(path) } else { Disk::Replaced(path) }
            }
        }
    }

    /// Begins anew with a server of the other image, if that can be had.
    fn replaced(&self, path: AttributePath) -> Disk {
        match self.catalogue.map(|catalogue| refuse::images(catalogue, self.wish)) {
            Some(Err(refusal)) => Disk::Refused(refusal),
            _ => Disk::Replaced(path),
        }
    }

    fn changed(&self, argument: &str) -> Option<AttributePath> {
        self.change.changed.iter().find(|path| path.root() == argument).cloned()
    }

    fn text(&self, attribute: &str) -> Option<&str> {
        self.before.get(attribute)?.as_str()
    }
}
