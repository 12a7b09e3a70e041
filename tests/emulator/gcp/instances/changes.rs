//! What can be done to an instance.

use serde_json::Value;

use super::super::chassis::answer::Answer;
use super::super::compute::Compute;
use super::super::fingerprint;
use super::super::labels;
use super::super::machine_types;
use super::super::metadata;
use super::super::object::Object;
use super::super::operations::{Effect, Start};
use super::super::paths::{link, name_of};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::routes::{Endpoint, post};
use super::{insert, scheduling};

pub const ROUTES: &[Endpoint] = &[
    post("/projects/{project}/zones/{zone}/instances/{instance}/start", start),
    post("/projects/{project}/zones/{zone}/instances/{instance}/stop", stop),
    post("/projects/{project}/zones/{zone}/instances/{instance}/reset", reset),
    post("/projects/{project}/zones/{zone}/instances/{instance}/setLabels", labels::set),
    post("/projects/{project}/zones/{zone}/instances/{instance}/setMetadata", set_metadata),
    post("/projects/{project}/zones/{zone}/instances/{instance}/setTags", set_tags),
    post("/projects/{project}/zones/{zone}/instances/{instance}/setMachineType", set_type),
    post("/projects/{project}/zones/{zone}/instances/{instance}/setScheduling", set_scheduling),
    post(
        "/projects/{project}/zones/{zone}/instances/{instance}/setDeletionProtection",
        set_protection,
    ),
];

/// The instance, when it is not being made, started, stopped or deleted.
fn free<'a>(compute: &'a Compute, path: &str) -> Result<&'a Object, Refusal> {
    let instance = compute.object(path)?;
    compute.refuse_unready(path)?;
    match ["start", "stop"].iter().any(|kind| compute.running_on(path, kind).is_some()) {
        true => Err(Refusal::not_ready(path)),
        false => Ok(instance),
    }
}

/// Begins an operation that has its effect at once, unless it is to fail.
fn at_once(
    compute: &mut Compute,
    request: &Request,
    kind: &'static str,
    change: impl FnOnce(&mut Object),
) -> Result<Answer, Refusal> {
    let path = request.target();
    if !compute.will_fail(kind) {
        change(compute.object_mut(&path)?);
    }
    compute.answer_begun(Start::on(kind, &path))
}

/// Starts an instance that is off; it has to find room again.
fn start(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let instance = free(compute, &path)?;
    if instance.status() == "RUNNING" {
        return compute.answer_begun(Start::on("start", &path));
    }
    let machine_type = name_of(instance.text("machineType")).to_owned();
    let place = (request.project(), request.zone());
    let of = machine_types::find(&machine_type, request.zone());
    let failure = of.and_then(|of| insert::refuse_order(compute, place, of));
    let status = |status: &str| Effect::Status(path.clone(), status.to_owned());
    let begun = Start::on("start", &path)
        .stage(0, status("PROVISIONING"))
        .stage(35, status("STAGING"))
        .then(Effect::Started(path.clone()))
        .or_else(status("TERMINATED"));
    compute.answer_begun(Start { failure, ..begun })
}

fn stop(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    if free(compute, &path)?.status() == "TERMINATED" {
        return compute.answer_begun(Start::on("stop", &path));
    }
    let start = compute.stopping_of(&path, "emulator@example.com");
    compute.answer_begun(start)
}

fn reset(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    if free(compute, &path)?.status() != "RUNNING" {
        return Err(Refusal::not_ready(&path));
    }
    at_once(compute, request, "reset", |instance| instance.guest.boots += 1)
}

fn set_metadata(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let current = &compute.object(&path)?.body["metadata"];
    metadata::check_fingerprint(current, request.text("fingerprint"))?;
    let wanted = metadata::read(Some(&Value::Object(request.body.clone())))?;
    compute.refuse_unready(&path)?;
    at_once(compute, request, "setMetadata", |instance| instance.set("metadata", wanted))
}

fn set_tags(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let current = &compute.object(&path)?.body["tags"]["fingerprint"];
    if !fingerprint::is_same(current, request.text("fingerprint")) {
        return Err(Refusal::condition("Supplied fingerprint does not match current fingerprint."));
    }
    let wanted = insert::read_tags(Some(&Value::Object(request.body.clone())))?;
    compute.refuse_unready(&path)?;
    at_once(compute, request, "setTags", |instance| instance.set("tags", wanted))
}

/// Changes the machine type of an instance that is off.
fn set_type(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let instance = free(compute, &path)?;
    let wanted = insert::read_machine_type(request)?;
    if instance.status() != "TERMINATED" {
        return Err(Refusal::usage("Instance should be in the STOPPED state."));
    }
    let before = machine_types::find(name_of(instance.text("machineType")), request.zone());
    if before.is_some_and(|before| before.architecture() != wanted.architecture()) {
        return Err(Refusal::usage("The machine type has another architecture than the boot disk"));
    }
    let home = path.split("/instances/").next().unwrap_or_default();
    let link = link(&format!("{home}/machineTypes/{}", wanted.name));
    at_once(compute, request, "setMachineType", |instance| {
        instance.set("machineType", link);
        instance.set("cpuPlatform", wanted.platform());
    })
}

/// Changes the scheduling; how long an instance may run and how it is paid for only
/// of one that is off.
fn set_scheduling(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    let instance = free(compute, &path)?;
    let wanted = scheduling::read(Some(&Value::Object(request.body.clone())))?;
    let current = &instance.body["scheduling"];
    let fixed = ["maxRunDuration", "instanceTerminationAction", "provisioningModel"];
    let is_other = fixed.into_iter().any(|field| wanted[field] != current[field]);
    if is_other && instance.status() != "TERMINATED" {
        return Err(Refusal::usage("Instance should be in the STOPPED state."));
    }
    at_once(compute, request, "setScheduling", |instance| instance.set("scheduling", wanted))
}

fn set_protection(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let path = request.target();
    free(compute, &path)?;
    let wanted = request
        .query("deletionProtection")
        .is_none_or(|value| !value.eq_ignore_ascii_case("false"));
    at_once(compute, request, "setDeletionProtection", |instance| {
        instance.set("deletionProtection", wanted);
    })
}
