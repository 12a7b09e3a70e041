//! Zones and regions.

use serde_json::{Value, json};

use super::chassis::answer::Answer;
use super::compute::Compute;
use super::lists;
use super::object::timestamp;
use super::paths::{link, region_of};
use super::quotas;
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, get};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/zones", list_zones),
    get("/projects/{project}/zones/{zone}", show_zone),
    get("/projects/{project}/regions", list_regions),
    get("/projects/{project}/regions/{region}", show_region),
];

pub struct Region {
    pub name: &'static str,
    /// The last letters of its zones.
    zones: &'static [&'static str],
    /// The range of its subnetwork in the default network.
    pub range: &'static str,
    id: u64,
}

/// Three of the many that there are.
pub const REGIONS: &[Region] = &[
    Region { name: "europe-west1", zones: &["b", "c", "d"], range: "10.132.0.0/20", id: 1100 },
    Region { name: "us-central1", zones: &["a", "b", "c", "f"], range: "10.128.0.0/20", id: 1000 },
    Region { name: "us-east1", zones: &["b", "c", "d"], range: "10.142.0.0/20", id: 1230 },
];

/// The names of all zones, in order.
pub fn all_zones() -> impl Iterator<Item = &'static str> {
    const NAMES: [&str; 10] = [
        "europe-west1-b",
        "europe-west1-c",
        "europe-west1-d",
        "us-central1-a",
        "us-central1-b",
        "us-central1-c",
        "us-central1-f",
        "us-east1-b",
        "us-east1-c",
        "us-east1-d",
    ];
    NAMES.into_iter()
}

fn draw_zone(project: &str, name: &str) -> Value {
    let region = REGIONS.iter().find(|region| region.name == region_of(name));
    let number = all_zones().position(|zone| zone == name).unwrap_or_default() as u64;
    json!({
        "kind": "compute#zone",
        "id": (region.map_or(0, |region| region.id) * 10 + number).to_string(),
        "creationTimestamp": timestamp(0),
        "name": name,
        "description": name,
        "status": "UP",
        "region": link(&format!("projects/{project}/regions/{}", region_of(name))),
        "selfLink": link(&format!("projects/{project}/zones/{name}")),
        "availableCpuPlatforms": ["Intel Broadwell", "Intel Cascade Lake", "Intel Ice Lake"],
        "supportsPzs": false,
    })
}

fn draw_region(compute: &Compute, project: &str, region: &Region) -> Value {
    let zone = |letter: &&str| link(&format!("projects/{project}/zones/{}-{letter}", region.name));
    json!({
        "kind": "compute#region",
        "id": region.id.to_string(),
        "creationTimestamp": timestamp(0),
        "name": region.name,
        "description": region.name,
        "status": "UP",
        "zones": region.zones.iter().map(zone).collect::<Vec<String>>(),
        "quotas": quotas::of_region(compute, project, region.name),
        "selfLink": link(&format!("projects/{project}/regions/{}", region.name)),
        "supportsPzs": false,
    })
}

fn list_zones(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let drawn: Vec<(String, Value)> =
        all_zones().map(|name| (name.to_owned(), draw_zone(request.project(), name))).collect();
    lists::answer(request, "zone", drawn.iter().map(|(path, zone)| (path.clone(), zone)).collect())
}

fn show_zone(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(draw_zone(request.project(), request.zone()))
}

fn list_regions(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let draw = |region| draw_region(compute, request.project(), region);
    let drawn: Vec<(String, Value)> =
        REGIONS.iter().map(|region| (region.name.to_owned(), draw(region))).collect();
    lists::answer(request, "region", drawn.iter().map(|(path, r)| (path.clone(), r)).collect())
}

fn show_region(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let name = request.parameter("region");
    let region = REGIONS.iter().find(|region| region.name == name);
    let region = region.ok_or_else(|| Refusal::not_found(&request.path))?;
    Answer::ok(draw_region(compute, request.project(), region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_zones_name_each_other() {
        let by_region = REGIONS.iter().flat_map(|region| {
            region.zones.iter().map(move |letter| format!("{}-{letter}", region.name))
        });
        assert_eq!(by_region.collect::<Vec<_>>(), all_zones().collect::<Vec<_>>());
    }
}
