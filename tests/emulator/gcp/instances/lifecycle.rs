//! What becomes of instances as time goes on: started, off, ended.

use serde_json::json;

use super::super::compute::Compute;
use super::super::object::timestamp;
use super::super::operations::{Effect, Start};
use super::nics;

impl Compute {
    /// The guest runs (again): it has addresses, and its time begins.
    pub fn guest_started(&mut self, path: &str, at: u64) {
        nics::give_addresses(self, path);
        let longest = self.longest_run(path);
        let Some(instance) = self.objects.get_mut(path) else { return };
        instance.set("status", "RUNNING");
        instance.set("lastStartTimestamp", timestamp(at));
        instance.guest.boots += 1;
        self.set_end(path, longest.map(|seconds| at + seconds * 1000));
    }

    /// Sets or clears the time at which an instance has run long enough.
    pub fn set_end(&mut self, path: &str, end: Option<u64>) {
        let Some(instance) = self.objects.get_mut(path) else { return };
        instance.guest.expires = end;
        let mut scheduling = json!({});
        if let Some(end) = end {
            scheduling["terminationTimestamp"] = timestamp(end).into();
            self.expiries.insert((end, path.to_owned()));
        }
        instance.set("resourceStatus", json!({ "scheduling": scheduling }));
    }

    pub fn guest_stopped(&mut self, path: &str, at: u64) {
        nics::release_addresses(self, path);
        if let Some(instance) = self.objects.get_mut(path) {
            instance.set("status", "TERMINATED");
            instance.set("lastStopTimestamp", timestamp(at));
        }
        self.set_end(path, None);
    }

    /// The guest with this boot disk has shut itself down.
    pub fn guest_went_down(&mut self, disk: u64) {
        let mut instances = self.objects.keys().filter(|path| path.contains("/instances/"));
        let found = instances.find(|path| self.boot_disk(path) == Some(disk)).cloned();
        let now = self.now;
        found.iter().for_each(|path| self.guest_stopped(path, now));
    }

    /// Ends instances that have run as long as they may.
    pub fn settle_expiries(&mut self) {
        while let Some((at, path)) = self.expiries.first().filter(|(at, _)| *at <= self.now) {
            let (at, path) = (*at, path.clone());
            self.expiries.remove(&(at, path.clone()));
            let Some(instance) = self.objects.get_mut(&path) else { continue };
            if instance.guest.expires != Some(at) {
                continue;
            }
            instance.guest.expires = None;
            let is_deleted = instance.body["scheduling"]["instanceTerminationAction"] == "DELETE";
            if self.running_on(&path, "delete").is_none() {
                let start = match is_deleted {
                    true => self.deletion_of(&path, "system"),
                    false => self.stopping_of(&path, "system"),
                };
                self.begin(start);
            }
        }
    }

    /// The operation that turns a running instance off.
    pub fn stopping_of(&mut self, path: &str, user: &'static str) -> Start {
        let running = Effect::Status(path.to_owned(), "RUNNING".to_owned());
        let start = Start::on("stop", path).then(Effect::Stopped(path.to_owned())).or_else(running);
        if !self.will_fail("stop") {
            drop(self.object_mut(path).map(|instance| instance.set("status", "STOPPING")));
        }
        Start { user, ..start }
    }
}
