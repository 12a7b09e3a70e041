//! Network interfaces, and the addresses that instances have while they run.

use serde_json::{Value, json};

use super::super::compute::Compute;
use super::super::fingerprint;
use super::super::paths::{link, name_of, region_of, resolve};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::zones::REGIONS;

/// Reads the interfaces of an order: at least one, each on a network that is there.
pub fn read(compute: &Compute, request: &Request) -> Result<Value, Refusal> {
    let given = request.body.get("networkInterfaces").and_then(Value::as_array);
    let given = given.cloned().unwrap_or_default();
    if given.is_empty() {
        let why = "At least one network interface is required.";
        return Err(Refusal::invalid("resource.networkInterfaces", "", why));
    }
    let each = given.iter().enumerate();
    let drawn = each.map(|(at, one)| read_one(compute, request, (at, one)));
    drawn.collect::<Result<Vec<Value>, Refusal>>().map(Value::Array)
}

fn read_one(
    compute: &Compute,
    request: &Request,
    (at, given): (usize, &Value),
) -> Result<Value, Refusal> {
    let project = request.project();
    let region = region_of(request.zone());
    let text = |field: &str| given[field].as_str().filter(|text| !text.is_empty());
    let network = resolve(project, text("network").unwrap_or("global/networks/default"));
    compute.object(&network)?;
    let usual = format!("regions/{region}/subnetworks/{}", name_of(&network));
    let subnetwork = resolve(project, text("subnetwork").unwrap_or(&usual));
    compute.object(&subnetwork)?;
    if !subnetwork.contains(&format!("/regions/{region}/")) {
        let why = format!("The subnetwork is not in region '{region}'.");
        return Err(Refusal::invalid("resource.networkInterfaces[].subnetwork", &subnetwork, why));
    }
    let mut drawn = json!({
        "kind": "compute#networkInterface",
        "name": format!("nic{at}"),
        "network": link(&network),
        "subnetwork": link(&subnetwork),
        "stackType": text("stackType").unwrap_or("IPV4_ONLY"),
        "fingerprint": fingerprint::of(given),
    });
    if let Some(accesses) = given["accessConfigs"].as_array().filter(|all| !all.is_empty()) {
        drawn["accessConfigs"] = Value::Array(read_accesses(accesses)?);
    }
    if let Some(address) = text("networkIP") {
        drawn["networkIP"] = address.into();
    }
    Ok(drawn)
}

fn read_accesses(accesses: &[Value]) -> Result<Vec<Value>, Refusal> {
    let field = "resource.networkInterfaces[].accessConfigs[]";
    if accesses.len() > 1 {
        return Err(Refusal::invalid(field, "", "At most one access config is allowed."));
    }
    let kind = accesses[0]["type"].as_str().unwrap_or("ONE_TO_ONE_NAT");
    if kind != "ONE_TO_ONE_NAT" {
        return Err(Refusal::invalid(field, kind, "Must be ONE_TO_ONE_NAT."));
    }
    if accesses[0]["natIP"].as_str().is_some_and(|address| !address.is_empty()) {
        return Err(Refusal::invalid(field, "natIP", "Static addresses are not emulated."));
    }
    Ok(vec![json!({
        "kind": "compute#accessConfig",
        "type": kind,
        "name": accesses[0]["name"].as_str().unwrap_or("External NAT"),
        "networkTier": accesses[0]["networkTier"].as_str().unwrap_or("PREMIUM"),
    })])
}

/// Gives every interface an inner address that it keeps, and an outer one where
/// it has an access config and no such address.
pub fn give_addresses(compute: &mut Compute, path: &str) {
    let Some(instance) = compute.objects.get(path) else { return };
    let id = instance.id;
    let mut nics = instance.body["networkInterfaces"].clone();
    for nic in nics.as_array_mut().into_iter().flatten() {
        if nic["networkIP"].is_null() {
            nic["networkIP"] = inner_address(nic, id).into();
        }
        for access in nic["accessConfigs"].as_array_mut().into_iter().flatten() {
            if access["natIP"].is_null() {
                access["natIP"] = compute.new_address().into();
            }
        }
    }
    if let Some(instance) = compute.objects.get_mut(path) {
        instance.set("networkInterfaces", nics);
    }
}

/// An address of the subnetwork's range.
fn inner_address(nic: &Value, id: u64) -> String {
    let subnetwork = nic["subnetwork"].as_str().unwrap_or_default();
    let region = REGIONS.iter().find(|r| subnetwork.contains(&format!("/regions/{}/", r.name)));
    let base = region.map_or("10.128.0.0/20", |region| region.range).trim_end_matches("0.0/20");
    let number = id / 7_919 % 4_000 + 2;
    format!("{base}{}.{}", number / 256, number % 256)
}

/// Takes the outer addresses away, as an instance that is off has none.
pub fn release_addresses(compute: &mut Compute, path: &str) {
    let Some(instance) = compute.objects.get_mut(path) else { return };
    let nics = instance.body["networkInterfaces"].as_array_mut().into_iter().flatten();
    for nic in nics {
        for access in nic["accessConfigs"].as_array_mut().into_iter().flatten() {
            access.as_object_mut().and_then(|access| access.remove("natIP"));
        }
    }
}

/// The outer address of an instance.
pub fn outer_address(instance: &Value) -> Option<&str> {
    instance["networkInterfaces"][0]["accessConfigs"][0]["natIP"].as_str()
}
