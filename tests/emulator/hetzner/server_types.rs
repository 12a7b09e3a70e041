//! Server types: a table of what can be ordered where, at which price.
//!
//! Deprecations are fixed points far from any test's clock: the first
//! generation (cx22…, cpx11…) cannot be ordered in Europe and `ash` since
//! the end of 2025, and is deprecated but still sold in `hil` and `sin`.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::faults::Faults;
use super::locations;
use super::pages::{Listed, Listing};
use super::pricing::price;
use super::project::Project;
use super::request::Request;
use super::routes::{Route, get};

pub const ROUTES: &[Route] = &[get("/server_types", list), get("/server_types/{id}", show)];

pub struct ServerType {
    pub id: u64,
    pub name: &'static str,
    pub cores: u64,
    pub memory: u64,
    pub disk: u64,
    /// Net in ten-thousandths of a euro, in Europe.
    hourly: u64,
    monthly: u64,
    family: Family,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// cx22 … cx52: Intel, Europe, withdrawn.
    OldCost,
    /// cpx11 … cpx51: AMD, withdrawn in most places.
    OldRegular,
    /// cx23 … cx53: Europe.
    Cost,
    /// cpx12 … cpx62: everywhere.
    Regular,
    /// cax: arm, Europe.
    Arm,
    /// ccx: dedicated, everywhere.
    Dedicated,
}

use Family::{Arm, Cost, Dedicated, OldCost, OldRegular, Regular};

pub const SERVER_TYPES: &[ServerType] = &[
    row(22, "cpx11", [2, 2, 40], [71, 43_500], OldRegular),
    row(23, "cpx21", [3, 4, 80], [114, 70_500], OldRegular),
    row(24, "cpx31", [4, 8, 160], [211, 131_000], OldRegular),
    row(25, "cpx41", [8, 16, 240], [398, 247_000], OldRegular),
    row(26, "cpx51", [16, 32, 360], [872, 544_000], OldRegular),
    row(45, "cax11", [2, 4, 40], [61, 37_900], Arm),
    row(93, "cax21", [4, 8, 80], [104, 64_900], Arm),
    row(94, "cax31", [8, 16, 160], [200, 124_900], Arm),
    row(95, "cax41", [16, 32, 320], [393, 244_900], Arm),
    row(96, "ccx13", [2, 8, 80], [200, 124_900], Dedicated),
    row(97, "ccx23", [4, 16, 160], [393, 244_900], Dedicated),
    row(98, "ccx33", [8, 32, 240], [777, 484_900], Dedicated),
    row(99, "ccx43", [16, 64, 360], [1_546, 964_900], Dedicated),
    row(100, "ccx53", [32, 128, 600], [3_085, 1_924_900], Dedicated),
    row(101, "ccx63", [48, 192, 960], [4_623, 2_884_900], Dedicated),
    row(104, "cx22", [2, 4, 40], [61, 37_900], OldCost),
    row(105, "cx32", [4, 8, 80], [109, 68_000], OldCost),
    row(106, "cx42", [8, 16, 160], [263, 164_000], OldCost),
    row(107, "cx52", [16, 32, 320], [519, 324_000], OldCost),
    row(108, "cpx12", [1, 2, 40], [64, 39_900], Regular),
    row(109, "cpx22", [2, 4, 80], [104, 64_900], Regular),
    row(110, "cpx32", [4, 8, 160], [176, 109_900], Regular),
    row(111, "cpx42", [8, 16, 320], [320, 199_900], Regular),
    row(112, "cpx52", [12, 24, 480], [457, 284_900], Regular),
    row(113, "cpx62", [16, 32, 640], [625, 389_900], Regular),
    row(114, "cx23", [2, 4, 40], [56, 34_900], Cost),
    row(115, "cx33", [4, 8, 80], [88, 54_900], Cost),
    row(116, "cx43", [8, 16, 160], [152, 94_900], Cost),
    row(117, "cx53", [16, 32, 320], [280, 174_900], Cost),
];

/// Types that are sold at a place but out of stock there.
const OUT_OF_STOCK: &[(&str, &str)] = &[("cax41", "hel1"), ("cx53", "nbg1"), ("ccx63", "sin")];

const fn row(
    id: u64,
    name: &'static str,
    [cores, memory, disk]: [u64; 3],
    [hourly, monthly]: [u64; 2],
    family: Family,
) -> ServerType {
    ServerType { id, name, cores, memory, disk, hourly, monthly, family }
}

/// Finds a type by name or id.
pub fn find(reference: &str) -> Option<&'static ServerType> {
    SERVER_TYPES.iter().find(|t| t.name == reference || t.id.to_string() == reference)
}

impl ServerType {
    pub fn architecture(&self) -> &'static str {
        if self.family == Arm { "arm" } else { "x86" }
    }

    fn places(&self) -> &'static [&'static str] {
        match self.family {
            OldCost | Cost | Arm => &["fsn1", "nbg1", "hel1"],
            OldRegular | Regular | Dedicated => &["fsn1", "nbg1", "hel1", "ash", "hil", "sin"],
        }
    }

    pub fn is_sold_in(&self, location: &str) -> bool {
        self.places().contains(&location)
    }

    /// When it was announced that the type goes, and when it is gone.
    fn deprecation(&self, location: &str) -> Option<(&'static str, &'static str)> {
        match (self.family, location) {
            (OldRegular, "hil" | "sin") => Some(("2026-06-15T00:00:00Z", "2099-12-31T00:00:00Z")),
            (OldRegular | OldCost, _) => Some(("2025-10-16T00:00:00Z", "2025-12-31T00:00:00Z")),
            _ => None,
        }
    }

    /// Whether it can no longer be ordered there at all.
    pub fn is_withdrawn_in(&self, location: &str) -> bool {
        self.deprecation(location).is_some_and(|(_, gone)| gone < "2026")
    }

    /// Whether there is room for one, apart from scripted faults.
    pub fn has_stock_in(&self, location: &str) -> bool {
        !self.is_withdrawn_in(location) && !OUT_OF_STOCK.contains(&(self.name, location))
    }

    fn cpu(&self) -> &'static str {
        if self.family == Dedicated { "dedicated" } else { "shared" }
    }

    fn category(&self) -> &'static str {
        match self.family {
            OldCost | Cost | Arm => "Cost-Optimized",
            OldRegular | Regular => "Regular Performance",
            Dedicated => "General Purpose",
        }
    }
}

pub fn draw_prices(of: &ServerType) -> Vec<Value> {
    let prices = of.places().iter().map(|location| {
        // A fifth more outside Europe, as a price per location has to differ.
        let (times, per) = if locations::find(location).is_some_and(|l| l.zone == "eu-central") {
            (1, 1)
        } else {
            (6, 5)
        };
        json!({
            "location": location,
            "price_hourly": price(of.hourly * times / per),
            "price_monthly": price(of.monthly * times / per),
            "included_traffic": 21_990_232_555_520_u64,
            "price_per_tb_traffic": price(10_000),
        })
    });
    prices.collect()
}

fn draw_deprecation(dates: Option<(&str, &str)>) -> Value {
    dates.map_or(
        Value::Null,
        |(announced, gone)| json!({"announced": announced, "unavailable_after": gone}),
    )
}

fn draw_place(of: &ServerType, location: &str, faults: &Faults) -> Value {
    let stock = of.has_stock_in(location) && !faults.lists_as_unavailable(of.name, location);
    json!({
        "id": locations::find(location).map(|l| l.id),
        "name": location,
        "available": stock,
        "recommended": of.deprecation(location).is_none(),
        "deprecation": draw_deprecation(of.deprecation(location)),
    })
}

pub fn draw(of: &ServerType, faults: &Faults) -> Value {
    let places: Vec<Value> = of.places().iter().map(|l| draw_place(of, l, faults)).collect();
    let deprecation = of.deprecation(of.places()[0]);
    json!({
        "id": of.id,
        "name": of.name,
        "description": of.name.to_uppercase(),
        "category": of.category(),
        "cores": of.cores,
        "memory": of.memory,
        "disk": of.disk,
        "deprecated": deprecation.is_some(),
        "deprecation": draw_deprecation(deprecation),
        "prices": draw_prices(of),
        "storage_type": "local",
        "cpu_type": of.cpu(),
        "architecture": of.architecture(),
        "locations": places,
    })
}

impl Listed for ServerType {
    fn id(&self) -> u64 {
        self.id
    }
    fn name(&self) -> &str {
        self.name
    }
}

fn list(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let objects = SERVER_TYPES.iter().collect();
    let listing = Listing { key: "server_types", sortable: &["id", "name"], objects };
    listing.answer(request, |of| draw(of, &project.faults))
}

fn show(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    match SERVER_TYPES.iter().find(|t| t.id == request.id) {
        Some(of) => Answer::ok(json!({"server_type": draw(of, &project.faults)})),
        None => Err(Refusal::not_found("server type", request.id)),
    }
}
