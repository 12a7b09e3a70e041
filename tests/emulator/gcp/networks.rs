//! Networks and subnetworks: the default network that a project begins with.

use serde_json::json;

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::paths::link;
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, get};
use super::zones::REGIONS;

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/global/networks", |c, r| aggregated::of_place(c, r, "network")),
    get("/projects/{project}/global/networks/{network}", show),
    get("/projects/{project}/regions/{region}/subnetworks", |c, r| {
        aggregated::of_place(c, r, "subnetwork")
    }),
    get("/projects/{project}/regions/{region}/subnetworks/{subnetwork}", show),
];

pub fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

/// Makes the default network, which has a subnetwork in every region.
pub fn make_default(compute: &mut Compute, project: &str) {
    let path = format!("projects/{project}/global/networks/default");
    let mut network = compute.new_object("network", &path);
    let mut subnetworks = Vec::new();
    for region in REGIONS {
        let below = format!("projects/{project}/regions/{}/subnetworks/default", region.name);
        let mut subnetwork = compute.new_object("subnetwork", &below);
        let base = region.range.trim_end_matches("0/20");
        subnetwork.set("network", link(&path));
        subnetwork.set("ipCidrRange", region.range);
        subnetwork.set("gatewayAddress", format!("{base}1"));
        subnetwork.set("privateIpGoogleAccess", false);
        subnetwork.set("purpose", "PRIVATE");
        subnetwork.set("stackType", "IPV4_ONLY");
        compute.objects.insert(below.clone(), subnetwork);
        subnetworks.push(link(&below));
    }
    network.set("autoCreateSubnetworks", true);
    network.set("description", "Default network for the project");
    network.set("mtu", 1460);
    network.set("routingConfig", json!({"routingMode": "REGIONAL"}));
    network.set("subnetworks", subnetworks);
    compute.objects.insert(path, network);
}
