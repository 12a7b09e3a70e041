//! Firewalls: rules of a network.

use serde_json::{Map, Value, json};

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::firewall_rules;
use super::names;
use super::object::Object;
use super::operations::{Effect, Start};
use super::paths::{link, resolve};
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, delete, get, patch, post, put};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/global/firewalls", |c, r| aggregated::of_place(c, r, "firewall")),
    post("/projects/{project}/global/firewalls", insert),
    get("/projects/{project}/global/firewalls/{firewall}", show),
    put("/projects/{project}/global/firewalls/{firewall}", update),
    patch("/projects/{project}/global/firewalls/{firewall}", change),
    delete("/projects/{project}/global/firewalls/{firewall}", remove),
];

/// What a request may set.
const FIELDS: [&str; 14] = [
    "allowed",
    "denied",
    "description",
    "destinationRanges",
    "direction",
    "disabled",
    "logConfig",
    "network",
    "priority",
    "sourceRanges",
    "sourceServiceAccounts",
    "sourceTags",
    "targetServiceAccounts",
    "targetTags",
];

fn is_settable(field: &str) -> bool {
    FIELDS.contains(&field)
}

/// Makes the rules that a project's default network begins with.
pub fn make_default(compute: &mut Compute, project: &str) {
    let ports = |protocol: &str, ports: &[&str]| json!({"IPProtocol": protocol, "ports": ports});
    let inside =
        [ports("tcp", &["0-65535"]), ports("udp", &["0-65535"]), json!({"IPProtocol": "icmp"})];
    let rules = [
        ("default-allow-icmp", json!([{"IPProtocol": "icmp"}]), "0.0.0.0/0"),
        ("default-allow-internal", json!(inside), "10.128.0.0/9"),
        ("default-allow-rdp", json!([ports("tcp", &["3389"])]), "0.0.0.0/0"),
        ("default-allow-ssh", json!([ports("tcp", &["22"])]), "0.0.0.0/0"),
    ];
    for (name, allowed, range) in rules {
        let path = format!("projects/{project}/global/firewalls/{name}");
        let mut firewall = compute.new_object("firewall", &path);
        let fields = json!({"allowed": allowed, "sourceRanges": [range], "priority": 65534});
        fill(&mut firewall, project, fields.as_object().unwrap_or(&Map::new()));
        compute.objects.insert(path, firewall);
    }
}

/// Sets the fields that are given, and the usual values of those that are not.
fn fill(firewall: &mut Object, project: &str, fields: &Map<String, Value>) {
    for field in FIELDS {
        firewall.set_given(field, fields.get(field));
    }
    let network = firewall.text("network").to_owned();
    let network = if network.is_empty() { "global/networks/default" } else { &network };
    firewall.set("network", link(&resolve(project, network)));
    let usual = [
        ("description", json!("")),
        ("direction", json!("INGRESS")),
        ("disabled", json!(false)),
        ("logConfig", json!({"enable": false})),
        ("priority", json!(1000)),
    ];
    for (field, value) in usual {
        if firewall.body[field].is_null() {
            firewall.set(field, value);
        }
    }
    let is_ingress = firewall.text("direction") != "EGRESS";
    let ranges = if is_ingress { "sourceRanges" } else { "destinationRanges" };
    let others = ["sourceRanges", "sourceTags", "sourceServiceAccounts", "destinationRanges"];
    let is_empty = |field: &str| firewall.body[field].as_array().is_none_or(Vec::is_empty);
    if others.into_iter().all(is_empty) {
        firewall.set(ranges, json!(["0.0.0.0/0"]));
    }
}

fn insert(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let name = request.required("name")?;
    names::check("resource.name", name)?;
    let path = format!("{}/{name}", request.path);
    compute.refuse_same_name(&path)?;
    let mut firewall = compute.new_object("firewall", &path);
    fill(&mut firewall, request.project(), &request.body);
    check(compute, &firewall)?;
    compute.objects.insert(path.clone(), firewall);
    compute.answer_begun(Start::on("insert", &path).or_else(Effect::Gone(path.clone())))
}

fn check(compute: &Compute, firewall: &Object) -> Result<(), Refusal> {
    firewall_rules::check(&firewall.body)?;
    compute.object(&resolve("", firewall.text("network"))).map(drop)
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

/// `PUT`: what is not given has its usual value again.
fn update(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let mut firewall = compute.object(&request.path)?.clone();
    if let Some(fields) = firewall.body.as_object_mut() {
        fields.retain(|field, _| field == "network" || !is_settable(field));
    }
    replace(compute, request, firewall, "update")
}

/// `PATCH`: what is not given stays.
fn change(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let firewall = compute.object(&request.path)?.clone();
    replace(compute, request, firewall, "patch")
}

fn replace(
    compute: &mut Compute,
    request: &Request,
    mut firewall: Object,
    kind: &'static str,
) -> Result<Answer, Refusal> {
    compute.refuse_unready(&request.path)?;
    let before = compute.object(&request.path)?.clone();
    fill(&mut firewall, request.project(), &request.body);
    for fixed in ["network", "direction"] {
        if firewall.text(fixed) != before.text(fixed) {
            let field = format!("resource.{fixed}");
            return Err(Refusal::invalid(&field, firewall.text(fixed), "It cannot be changed."));
        }
    }
    check(compute, &firewall)?;
    if !compute.will_fail(kind) {
        compute.objects.insert(request.path.clone(), firewall);
    }
    compute.answer_begun(Start::on(kind, &request.path))
}

fn remove(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    compute.object(&request.path)?;
    compute.refuse_unready(&request.path)?;
    let gone = Effect::Gone(request.path.clone());
    compute.answer_begun(Start::on("delete", &request.path).then(gone))
}
