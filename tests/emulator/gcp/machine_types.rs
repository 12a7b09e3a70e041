//! Machine types: which there are in which zone.

use std::sync::LazyLock;

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
    get("/projects/{project}/aggregated/machineTypes", list_everywhere),
    get("/projects/{project}/zones/{zone}/machineTypes", list),
    get("/projects/{project}/zones/{zone}/machineTypes/{machine_type}", show),
];

#[derive(Debug)]
pub struct MachineType {
    pub name: String,
    pub family: &'static str,
    pub cpus: u64,
    pub memory_mb: u64,
    is_shared: bool,
    number: u64,
}

/// A series of types: its sizes in vCPUs, and megabytes of memory for each.
struct Series {
    family: &'static str,
    kind: &'static str,
    sizes: &'static [u64],
    memory_mb: u64,
}

const SERIES: &[Series] = &[
    Series { family: "c3", kind: "highcpu", sizes: &[4, 8, 22, 44, 88], memory_mb: 2048 },
    Series { family: "c3", kind: "highmem", sizes: &[4, 8, 22, 44, 88], memory_mb: 8192 },
    Series { family: "c3", kind: "standard", sizes: &[4, 8, 22, 44, 88], memory_mb: 4096 },
    Series { family: "e2", kind: "highcpu", sizes: &[2, 4, 8, 16, 32], memory_mb: 1024 },
    Series { family: "e2", kind: "highmem", sizes: &[2, 4, 8, 16], memory_mb: 8192 },
    Series { family: "e2", kind: "standard", sizes: &[2, 4, 8, 16, 32], memory_mb: 4096 },
    Series {
        family: "n2",
        kind: "highcpu",
        sizes: &[2, 4, 8, 16, 32, 48, 64, 80],
        memory_mb: 1024,
    },
    Series {
        family: "n2",
        kind: "highmem",
        sizes: &[2, 4, 8, 16, 32, 48, 64, 80],
        memory_mb: 8192,
    },
    Series {
        family: "n2",
        kind: "standard",
        sizes: &[2, 4, 8, 16, 32, 48, 64, 80],
        memory_mb: 4096,
    },
    Series { family: "t2a", kind: "standard", sizes: &[1, 2, 4, 8, 16, 32, 48], memory_mb: 4096 },
];

/// Types that share their cores with others: name, megabytes.
const SHARED: [(&str, u64); 3] = [("e2-medium", 4096), ("e2-micro", 1024), ("e2-small", 2048)];

/// By name.
static ALL: LazyLock<Vec<MachineType>> = LazyLock::new(|| {
    let mut all: Vec<MachineType> = SERIES.iter().flat_map(Series::types).collect();
    all.extend(SHARED.map(|(name, memory_mb)| MachineType {
        name: name.to_owned(),
        family: "e2",
        cpus: 2,
        memory_mb,
        is_shared: true,
        number: memory_mb / 1024,
    }));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
});

impl Series {
    fn types(&self) -> impl Iterator<Item = MachineType> + '_ {
        self.sizes.iter().map(|cpus| MachineType {
            name: format!("{}-{}-{cpus}", self.family, self.kind),
            family: self.family,
            cpus: *cpus,
            memory_mb: cpus * self.memory_mb,
            is_shared: false,
            number: cpus * 100 + self.memory_mb / 1024,
        })
    }
}

impl MachineType {
    pub fn architecture(&self) -> &'static str {
        if self.family == "t2a" { "ARM64" } else { "X86_64" }
    }

    /// T2A is in three zones of one region; everything else everywhere.
    fn is_in(&self, zone: &str) -> bool {
        self.family != "t2a" || ["us-central1-a", "us-central1-b", "us-central1-f"].contains(&zone)
    }

    /// Disks that it cannot have.
    pub fn refuses_disk(&self, disk_type: &str) -> bool {
        match self.family {
            "c3" => disk_type == "pd-standard",
            _ => disk_type.starts_with("hyperdisk-"),
        }
    }

    /// The quota that its vCPUs count against.
    pub fn metric(&self) -> String {
        match self.family {
            "e2" => "CPUS".to_owned(),
            family => format!("{}_CPUS", family.to_uppercase()),
        }
    }

    pub fn platform(&self) -> &'static str {
        match self.family {
            "c3" => "Intel Sapphire Rapids",
            "n2" => "Intel Cascade Lake",
            "t2a" => "Ampere Altra",
            _ => "Intel Broadwell",
        }
    }

    fn draw(&self, project: &str, zone: &str) -> Value {
        let gigabytes = self.memory_mb / 1024;
        let number = self.family.bytes().fold(0, |all, byte| all * 64 + u64::from(byte));
        json!({
            "kind": "compute#machineType",
            "id": (number * 100_000 + self.number).to_string(),
            "creationTimestamp": timestamp(0),
            "name": self.name,
            "description": format!("{} vCPUs, {gigabytes} GB RAM", self.cpus),
            "guestCpus": self.cpus,
            "memoryMb": self.memory_mb,
            "imageSpaceGb": 0,
            "maximumPersistentDisks": if self.is_shared { 16 } else { 128 },
            "maximumPersistentDisksSizeGb": if self.is_shared { "3072" } else { "263168" },
            "zone": zone,
            "selfLink": link(&format!("projects/{project}/zones/{zone}/machineTypes/{}", self.name)),
            "isSharedCpu": self.is_shared,
            "architecture": self.architecture(),
        })
    }
}

pub fn find(name: &str, zone: &str) -> Option<&'static MachineType> {
    ALL.iter().find(|of| of.name == name && of.is_in(zone))
}

fn drawn_of(project: &str, zone: &str) -> Vec<(String, Value)> {
    let path =
        |of: &MachineType| format!("projects/{project}/zones/{zone}/machineTypes/{}", of.name);
    let here = ALL.iter().filter(|of| of.is_in(zone));
    here.map(|of| (path(of), of.draw(project, zone))).collect()
}

fn list(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let drawn = drawn_of(request.project(), request.zone());
    let listed = drawn.iter().map(|(path, of)| (path.clone(), of)).collect();
    lists::answer(request, "machineType", listed)
}

fn list_everywhere(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let unreachable = aggregated::unreachable(compute);
    let drawn: Vec<(String, Value)> =
        zones::all_zones().flat_map(|zone| drawn_of(request.project(), zone)).collect();
    let objects = drawn.iter().map(|(path, of)| (path.clone(), of)).collect();
    let aggregate = Aggregate { kind: "machineType", collection: "machineTypes", objects };
    aggregated::answer(request, aggregate, &unreachable)
}

fn show(_: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let found = find(request.parameter("machine_type"), request.zone());
    let of = found.ok_or_else(|| Refusal::not_found(&request.path))?;
    Answer::ok(of.draw(request.project(), request.zone()))
}
