//! Types of disks, which are the same in every zone.

use serde_json::{Value, json};

use super::aggregated::{self, Aggregate};
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::lists;
use super::object::timestamp;
use super::paths::link;
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, get};
use super::zones;

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/aggregated/diskTypes", list_everywhere),
    get("/projects/{project}/zones/{zone}/diskTypes", list),
    get("/projects/{project}/zones/{zone}/diskTypes/{disk_type}", show),
];

pub struct DiskType {
    name: &'static str,
    description: &'static str,
    smallest_gb: u64,
    default_gb: u64,
}

/// By name.
const ALL: [DiskType; 4] = [
    DiskType {
        name: "hyperdisk-balanced",
        description: "Hyperdisk Balanced Persistent Disk",
        smallest_gb: 4,
        default_gb: 100,
    },
    DiskType {
        name: "pd-balanced",
        description: "Balanced Persistent Disk",
        smallest_gb: 10,
        default_gb: 100,
    },
    DiskType {
        name: "pd-ssd",
        description: "SSD Persistent Disk",
        smallest_gb: 10,
        default_gb: 100,
    },
    DiskType {
        name: "pd-standard",
        description: "Standard Persistent Disk",
        smallest_gb: 10,
        default_gb: 500,
    },
];

pub const LARGEST_GB: u64 = 65_536;

impl DiskType {
    fn path(&self, project: &str, zone: &str) -> String {
        format!("projects/{project}/zones/{zone}/diskTypes/{}", self.name)
    }

    fn draw(&self, project: &str, zone: &str) -> Value {
        let number = ALL.iter().position(|of| of.name == self.name).unwrap_or_default();
        json!({
            "kind": "compute#diskType",
            "id": (30_000 + number).to_string(),
            "creationTimestamp": timestamp(0),
            "name": self.name,
            "description": self.description,
            "validDiskSize": format!("{}GB-{LARGEST_GB}GB", self.smallest_gb),
            "defaultDiskSizeGb": self.default_gb.to_string(),
            "zone": link(&format!("projects/{project}/zones/{zone}")),
            "selfLink": link(&self.path(project, zone)),
        })
    }
}

pub fn find(name: &str) -> Option<&'static DiskType> {
    ALL.iter().find(|of| of.name == name)
}

fn drawn_of(project: &str, zone: &str) -> Vec<(String, Value)> {
    ALL.iter().map(|of| (of.path(project, zone), of.draw(project, zone))).collect()
}

fn list(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let drawn = drawn_of(request.project(), request.zone());
    lists::answer(request, "diskType", drawn.iter().map(|(path, of)| (path.clone(), of)).collect())
}

fn list_everywhere(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let unreachable = aggregated::unreachable(compute);
    let drawn: Vec<(String, Value)> =
        zones::all_zones().flat_map(|zone| drawn_of(request.project(), zone)).collect();
    let objects = drawn.iter().map(|(path, of)| (path.clone(), of)).collect();
    let aggregate = Aggregate { kind: "diskType", collection: "diskTypes", objects };
    aggregated::answer(request, aggregate, &unreachable)
}

fn show(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let found = find(request.parameter("disk_type"));
    let of = found.ok_or_else(|| Refusal::not_found(&request.path))?;
    Answer::ok(of.draw(request.project(), request.zone()))
}
