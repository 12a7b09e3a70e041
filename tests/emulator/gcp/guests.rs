//! The guests of instances, as their bodies are made from them. A body's place is
//! the boot disk, which can outlive its instance; a new instance on it is a first
//! boot again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::chassis::bodies::{Plan, Wanted};
use super::compute::Compute;
use super::images;
use super::instances::outer_address;
use super::metadata;
use super::object::Object;
use super::paths::{name_of, project_of, resolve};
use super::request::number;

impl Compute {
    pub fn wanted_bodies(&self) -> Wanted {
        if self.terms.body_net.is_none() {
            return Wanted::default();
        }
        let mut wanted = Wanted::default();
        for (path, object) in &self.objects {
            let collection = path.rsplit('/').nth(1).unwrap_or_default();
            match collection {
                "instances" if object.status() == "RUNNING" => {
                    let body = self.boot_disk(path).zip(self.plan(path, object));
                    wanted.running.extend(body);
                }
                "disks" => drop(wanted.places.insert(object.id)),
                "images" | "snapshots" => {
                    let copied = source_of(object).map(|source| (object.id, source));
                    wanted.snapshots.extend(copied);
                }
                _ => {}
            }
        }
        wanted
    }

    /// What the body of an instance with an address is made from.
    fn plan(&self, path: &str, instance: &Object) -> Option<Plan> {
        let address = outer_address(&instance.body)?;
        let disk = self.objects.get(&resolve("", instance.body["disks"][0]["source"].as_str()?))?;
        let (os, version) = self.release_of(disk);
        let metadata = &instance.body["metadata"];
        let guest = json!({
            "instance": instance.id.to_string(),
            "name": name_of(path),
            "address": address,
            "os": os,
            "os_version": version,
            "user_data": metadata::value(metadata, "user-data").filter(|_| has_cloud_init(os)),
            "user_data_encoding": metadata::value(metadata, "user-data-encoding"),
            "startup_script": metadata::value(metadata, "startup-script"),
            "authorized_keys": [],
            "accounts": self.accounts(path, metadata),
            "datasource": "DataSourceGCE",
        });
        let image = ["sourceImageId", "sourceSnapshotId"].map(|field| number(&disk.body[field]));
        let image = image.into_iter().flatten().next().unwrap_or_default();
        let (name, boots) = (name_of(path).to_owned(), instance.guest.boots);
        Some(Plan { disk: 1, boots, name, guest, image })
    }

    /// Accounts and keys as the guest agent makes them, from `ssh-keys` of the
    /// instance and, unless it is blocked, of the project: lines of `USER:KEY`.
    fn accounts(&self, path: &str, metadata: &Value) -> Value {
        let project = self.objects.get(&format!("projects/{}", project_of(path)));
        let common = project.map(|project| &project.body["commonInstanceMetadata"]);
        let blocked = metadata::value(metadata, "block-project-ssh-keys");
        let is_blocked = blocked.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let common = common.filter(|_| !is_blocked);
        let texts = [Some(metadata), common].into_iter().flatten();
        let texts = texts.filter_map(|metadata| metadata::value(metadata, "ssh-keys"));
        let mut accounts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (user, key) in texts.flat_map(str::lines).filter_map(|line| line.split_once(':')) {
            accounts.entry(user.trim()).or_default().push(key.trim());
        }
        json!(accounts)
    }

    /// The release that a disk began with, through images of one's own.
    fn release_of(&self, disk: &Object) -> (&'static str, String) {
        let mut object = disk;
        for _ in 0..16 {
            let fields = ["sourceImage", "sourceDisk", "sourceSnapshot"];
            let source = fields.into_iter().find_map(|field| object.body[field].as_str());
            let found = source.and_then(|link| self.objects.get(&resolve("", link)));
            match (found, source) {
                (Some(next), _) => object = next,
                (None, Some(link)) => return images::release(link),
                (None, None) => break,
            }
        }
        images::release(object.text("name"))
    }
}

/// Google's images of Debian come without cloud-init, as it would be in the way of
/// their agent; those of Ubuntu have both.
fn has_cloud_init(os: &str) -> bool {
    os != "debian"
}

/// The disk, image or snapshot that one of a project's own is a copy of.
fn source_of(object: &Object) -> Option<u64> {
    let fields = ["sourceDiskId", "sourceImageId", "sourceSnapshotId"];
    fields.into_iter().find_map(|field| number(&object.body[field]))
}
