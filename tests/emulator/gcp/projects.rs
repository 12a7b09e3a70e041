//! A project: its metadata and quotas, and what it begins with.

use serde_json::{Value, json};

use super::chassis::answer::Answer;
use super::compute::Compute;
use super::firewalls;
use super::metadata;
use super::networks;
use super::operations::Start;
use super::paths::link;
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, get, post};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}", show),
    post("/projects/{project}/setCommonInstanceMetadata", set_metadata),
];

/// Makes what a new project has, when it is named for the first time.
pub fn make_ready(compute: &mut Compute, name: &str) {
    let path = format!("projects/{name}");
    if compute.objects.contains_key(&path) {
        return;
    }
    let mut project = compute.new_object("project", &path);
    let number = project.id % 1_000_000_000_000;
    let account = format!("{number}-compute@developer.gserviceaccount.com");
    project.set("defaultServiceAccount", account);
    project.set("defaultNetworkTier", "PREMIUM");
    project.set("xpnProjectStatus", "UNSPECIFIED_XPN_PROJECT_STATUS");
    project.set("commonInstanceMetadata", metadata::read(None).unwrap_or_default());
    project.set("quotas", quotas());
    project.set("selfLink", link(&path));
    compute.objects.insert(path, project);
    networks::make_default(compute, name);
    firewalls::make_default(compute, name);
}

fn quotas() -> Value {
    let of = |metric: &str, limit: u64| json!({"metric": metric, "limit": limit, "usage": 0});
    json!([
        of("CPUS_ALL_REGIONS", 10_000),
        of("FIREWALLS", 100),
        of("IMAGES", 2_000),
        of("NETWORKS", 5),
        of("SNAPSHOTS", 5_000),
    ])
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

fn set_metadata(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let project = compute.object(&path)?;
    let current = &project.body["commonInstanceMetadata"];
    metadata::check_fingerprint(current, request.text("fingerprint"))?;
    let wanted = metadata::read(Some(&Value::Object(request.body.clone())))?;
    if !compute.will_fail("setMetadata") {
        compute.object_mut(&path)?.set("commonInstanceMetadata", wanted);
    }
    compute.answer_begun(Start::on("setMetadata", &path))
}
