//! Quotas: what instances of a project use in a region, and what they may.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::compute::Compute;
use super::machine_types::{self, MachineType};
use super::operations::Failure;
use super::paths::{name_of, part, region_of};

const METRICS: [&str; 4] = ["C3_CPUS", "CPUS", "N2_CPUS", "T2A_CPUS"];

/// vCPUs of instances that are not off, by metric.
fn used(compute: &Compute, project: &str, region: &str) -> BTreeMap<String, u64> {
    let mut used = BTreeMap::new();
    for (path, instance) in compute.of_kind(project, "instances") {
        let zone = part(path, "zones").unwrap_or_default();
        if region_of(zone) != region || instance.status() == "TERMINATED" {
            continue;
        }
        *used.entry("INSTANCES".to_owned()).or_default() += 1;
        if let Some(of) = machine_types::find(name_of(instance.text("machineType")), zone) {
            *used.entry(of.metric()).or_default() += of.cpus;
        }
    }
    used
}

pub fn of_region(compute: &Compute, project: &str, region: &str) -> Value {
    let used = used(compute, project, region);
    let usage = |metric: &str| used.get(metric).copied().unwrap_or_default();
    let limit = compute.terms.cpu_quota;
    let cpus = METRICS.map(|metric| (metric, limit));
    let all = cpus.into_iter().chain([("INSTANCES", 10_000), ("IN_USE_ADDRESSES", 10_000)]);
    let drawn = all
        .map(|(metric, limit)| json!({"metric": metric, "limit": limit, "usage": usage(metric)}));
    Value::Array(drawn.collect())
}

/// Why one more instance of a type would be too much, if it would.
pub fn exceeded(
    compute: &Compute,
    (project, zone): (&str, &str),
    of: &MachineType,
) -> Option<Failure> {
    let region = region_of(zone);
    let used = used(compute, project, region);
    let (metric, limit) = (of.metric(), compute.terms.cpu_quota);
    let after = used.get(&metric).copied().unwrap_or_default() + of.cpus;
    (after > limit).then(|| Failure::quota(&metric, limit, region))
}
