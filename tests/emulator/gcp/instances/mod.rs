//! Instances: lists, what they show, and their end.

use serde_json::json;

use super::aggregated;
use super::chassis::answer::Answer;
use super::compute::Compute;
use super::disks;
use super::operations::{Effect, Start};
use super::paths::link;
use super::refusal::Refusal;
use super::request::{Request, number};
use super::routes::{Endpoint, delete, get, post};

pub mod changes;
mod console;
mod insert;
mod lifecycle;
mod nics;
mod scheduling;

pub use nics::outer_address;

pub const ROUTES: &[Endpoint] = &[
    get("/projects/{project}/aggregated/instances", |c, r| {
        aggregated::of_objects(c, r, ("instance", "instances"))
    }),
    get("/projects/{project}/zones/{zone}/instances", |c, r| {
        aggregated::of_place(c, r, "instance")
    }),
    post("/projects/{project}/zones/{zone}/instances", insert::insert),
    get("/projects/{project}/zones/{zone}/instances/{instance}", show),
    get("/projects/{project}/zones/{zone}/instances/{instance}/serialPort", console::show),
    delete("/projects/{project}/zones/{zone}/instances/{instance}", remove),
];

fn show(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    Answer::ok(compute.object(&request.path)?.body.clone())
}

/// Deletes an instance, once it has been made.
fn remove(compute: &mut Compute, request: &Request) -> Result<Answer, Refusal> {
    let instance = compute.object(&request.path)?;
    if instance.body["deletionProtection"] == json!(true) {
        let why = format!(
            "Resource cannot be deleted if it's protected against deletion. {}",
            link(&request.path)
        );
        return Err(Refusal::usage(&why));
    }
    if compute.running_on(&request.path, "delete").is_some() {
        return Err(Refusal::not_ready(&request.path));
    }
    let start = compute.deletion_of(&request.path, "emulator@example.com");
    compute.answer_begun(start)
}

impl Compute {
    /// The operation that deletes an instance, after what is done to it now.
    pub fn deletion_of(&mut self, path: &str, user: &'static str) -> Start {
        let before = self.objects.get(path).map(|o| o.status().to_owned()).unwrap_or_default();
        let busy = ["insert", "stop", "start"].into_iter().find_map(|k| self.running_on(path, k));
        let status = |status: &str| Effect::Status(path.to_owned(), status.to_owned());
        let mut start = Start::on("delete", path).then(Effect::InstanceGone(path.to_owned()));
        start = match busy {
            Some(_) => start.or_else(status("RUNNING")),
            None => start.or_else(status(&before)),
        };
        if busy.is_some() {
            start = start.stage(0, status("STOPPING"));
        } else if !self.will_fail("delete") {
            drop(self.object_mut(path).map(|instance| instance.set("status", "STOPPING")));
        }
        Start { after: busy, user, ..start }
    }

    /// Removes an instance, and its disks but for those that are to be kept.
    pub fn forget_instance(&mut self, path: &str) {
        let Some(instance) = self.objects.remove(path) else { return };
        for attached in instance.body["disks"].as_array().into_iter().flatten() {
            let disk = disks::path_of_source(attached);
            match attached["autoDelete"] == json!(true) {
                true => drop(self.objects.remove(&disk)),
                false => self.release_disk(&disk),
            }
        }
    }

    fn release_disk(&mut self, disk: &str) {
        if let Some(fields) = self.objects.get_mut(disk).and_then(|d| d.body.as_object_mut()) {
            fields.remove("users");
        }
    }

    /// The disk that an instance starts from.
    pub fn boot_disk(&self, path: &str) -> Option<u64> {
        let instance = self.objects.get(path)?;
        let mut attached = instance.body["disks"].as_array()?.iter();
        let boot = attached.find(|disk| disk["boot"] == json!(true))?;
        Some(self.objects.get(&disks::path_of_source(boot))?.id)
    }

    /// Seconds that an instance may run.
    fn longest_run(&self, path: &str) -> Option<u64> {
        let scheduling = &self.objects.get(path)?.body["scheduling"];
        number(&scheduling["maxRunDuration"]["seconds"])
    }
}
