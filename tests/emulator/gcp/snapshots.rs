//! Snapshots of disks.

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::labels;
use super::names;
use super::operations::{Effect, Start};
use super::paths::{link, resolve};
use super::refusal::Refusal;
use super::request::Request;
use super::routes::{Endpoint, delete, get, post};

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/global/snapshots", |c, r| aggregated::of_place(c, r, "snapshot")),
    post("/projects/{project}/global/snapshots", insert),
    get("/projects/{project}/global/snapshots/{snapshot}", show),
    delete("/projects/{project}/global/snapshots/{snapshot}", remove),
    post("/projects/{project}/global/snapshots/{snapshot}/setLabels", labels::set),
];

fn insert(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let disk = resolve(request.project(), request.required("sourceDisk")?);
    let path = make(compute, request, &disk)?;
    begin(compute, Start::on("insert", &path), path.clone())
}

/// `createSnapshot` of a disk: the operation is one on the disk.
pub fn of_disk(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let disk = request.target();
    let path = make(compute, request, &disk)?;
    begin(compute, Start::on("createSnapshot", &disk), path)
}

fn begin(compute: &mut Compute, start: Start, path: String) -> Result<Answer, Refusal> {
    let ready = Effect::Status(path.clone(), "READY".to_owned());
    compute.answer_begun(start.then(ready).or_else(Effect::Status(path, "FAILED".to_owned())))
}

/// Makes a snapshot that is not ready yet, and answers its path.
fn make(compute: &mut Compute, request: &Request, disk: &str) -> Result<String, Refusal> {
    let name = request.required("name")?;
    names::check("resource.name", name)?;
    let path = format!("projects/{}/global/snapshots/{name}", request.project());
    compute.refuse_same_name(&path)?;
    let labels = labels::read(request.body.get("labels"))?;
    compute.refuse_unready(disk)?;
    let source = compute.object(disk)?.clone();
    let mut snapshot = compute.new_object("snapshot", &path);
    snapshot.set_given("description", request.body.get("description"));
    snapshot.set_given("architecture", Some(&source.body["architecture"]));
    snapshot.set_given("licenses", Some(&source.body["licenses"]));
    snapshot.set_given("diskSizeGb", Some(&source.body["sizeGb"]));
    snapshot.set("sourceDisk", link(disk));
    snapshot.set("sourceDiskId", source.id.to_string());
    snapshot.set("status", "CREATING");
    snapshot.set("storageBytes", "0");
    snapshot.set("storageLocations", vec!["us"]);
    snapshot.set_labels(labels);
    compute.objects.insert(path.clone(), snapshot);
    Ok(path)
}

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

fn remove(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    if compute.object(&request.path)?.status() == "CREATING" {
        return Err(Refusal::not_ready(&request.path));
    }
    compute.refuse_unready(&request.path)?;
    let gone = Effect::Gone(request.path.clone());
    compute.answer_begun(Start::on("delete", &request.path).then(gone))
}
