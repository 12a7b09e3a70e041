//! What the API answers of an object, in the language's terms. Pure.

use std::net::IpAddr;

use google_cloud_compute_v1::model::image::Status as Saved;
use google_cloud_compute_v1::model::instance::Status;
use google_cloud_compute_v1::model::{Disk, Image, Instance};
use jiff::Timestamp;

use super::firewalls::network_of;
use super::wire::{Place, last, partial};
use crate::address::ResourceType;
use crate::object::{RemoteId, RemoteObject};
use crate::provider::cloud::labels::{self, LOWER, Labels};
use crate::provider::cloud::object::{BROKEN, Whose, described, time};
use crate::provider::cloud::server::Server;
use crate::value::Value;

/// The entry of an instance's metadata that says what its disk began with.
pub const IMAGE: &str = "sandplan-image";

/// The ids of disks that outlived their instances, which are reported among snapshots,
/// begin so.
pub const DISK: &str = "disk/";

/// Returns where an instance is.
pub fn place(instance: &Instance) -> Place {
    let zone = instance.zone.as_deref().map(last).unwrap_or_default();
    Place::new(zone, instance.name.clone().unwrap_or_default())
}

/// Returns an instance's labels.
pub fn labels_of(instance: &Instance) -> Labels {
    instance.labels.clone().into_iter().collect()
}

/// Reads an instance.
pub fn server(instance: &Instance) -> Server {
    let place = place(instance);
    let boot = instance.disks.iter().find(|disk| disk.boot == Some(true));
    let size = boot.or(instance.disks.first()).and_then(|disk| disk.disk_size_gb);
    let kind = instance.machine_type.as_deref().map(last).unwrap_or_default();
    let image = metadata(instance, IMAGE).map(|image| ("image_id", Value::from(image)));
    let tags = instance.tags.as_ref().map(|tags| tags.items.as_slice()).unwrap_or_default();
    Server {
        id: place.id(),
        name: place.name,
        labels: labels_of(instance),
        ipv4: ipv4(instance),
        ipv6: None,
        created: at(instance.creation_timestamp.as_deref()),
        server_type: kind.to_owned(),
        location: place.zone,
        disk_size: size.and_then(|size| u64::try_from(size).ok()),
        is_off: goes_off(instance),
        networks: tags.iter().filter_map(|tag| network_of(tag).map(str::to_owned)).collect(),
        more: image.into_iter().collect(),
    }
}

/// Describes an instance.
pub fn sandbox(instance: &Instance) -> RemoteObject {
    server(instance).object(&LOWER)
}

/// Returns an entry of an instance's metadata.
pub fn metadata<'a>(instance: &'a Instance, key: &str) -> Option<&'a str> {
    let items = &instance.metadata.as_ref()?.items;
    items.iter().find(|item| item.key.as_deref() == Some(key))?.value.as_deref()
}

/// Tells whether an instance is off, or about to be.
pub fn goes_off(instance: &Instance) -> bool {
    use Status::{PendingStop, Stopped, Stopping, Suspended, Suspending, Terminated};
    let off = [PendingStop, Stopped, Stopping, Suspended, Suspending, Terminated];
    instance.status.as_ref().is_some_and(|status| off.contains(status))
}

/// Tells whether an instance is off.
pub fn is_off(instance: &Instance) -> bool {
    let off = [Status::Stopped, Status::Suspended, Status::Terminated];
    instance.status.as_ref().is_some_and(|status| off.contains(status))
}

/// Tells whether an instance runs.
pub fn is_running(instance: &Instance) -> bool {
    instance.status == Some(Status::Running)
}

fn ipv4(instance: &Instance) -> Option<IpAddr> {
    let access = instance.network_interfaces.iter().flat_map(|nic| &nic.access_configs);
    access.filter_map(|access| access.nat_ip.as_deref()?.parse().ok()).next()
}

fn at(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// Returns an image's labels.
pub fn labels_of_image(image: &Image) -> Labels {
    image.labels.clone().into_iter().collect()
}

/// Describes a snapshot.
pub fn snapshot(image: &Image) -> RemoteObject {
    let labels = labels_of_image(image);
    let name = image.name.clone().unwrap_or_default();
    let mut attributes = vec![
        ("id", Value::from(name.as_str())),
        ("name", Value::from(name.as_str())),
        ("labels", Value::string_map(labels::users(&labels))),
        ("created_at", time(at(image.creation_timestamp.as_deref()))),
        ("expires_at", time(LOWER.expiry(&labels))),
    ];
    if let Some(bytes) = image.archive_size_bytes.filter(|bytes| *bytes > 0) {
        attributes.push(("bytes", Value::from(bytes)));
    }
    if image.status == Some(Saved::Failed) {
        attributes.push(("status", Value::from(BROKEN)));
    }
    let whose =
        Whose { id: RemoteId::from(name.as_str()), name: &name, owner: LOWER.ownership(&labels) };
    described(ResourceType::Snapshot, whose, attributes)
}

/// Describes a disk that outlived its instance.
pub fn disk(disk: &Disk) -> RemoteObject {
    let labels: Labels = disk.labels.clone().into_iter().collect();
    let zone = disk.zone.as_deref().map(last).unwrap_or_default();
    let place = Place::new(zone, disk.name.clone().unwrap_or_default());
    let whose = Whose {
        id: RemoteId::from(format!("{DISK}{place}")),
        name: &place.name,
        owner: LOWER.ownership(&labels),
    };
    let attributes = vec![("name", Value::from(place.name.as_str()))];
    described(ResourceType::Snapshot, whose, attributes)
}

/// Returns what a disk is made of, as the API takes it: a path as it is, a name as that of
/// an image of the project's own.
pub fn image_path(project: &str, image: &str) -> String {
    match image.contains('/') {
        true => partial(image).to_owned(),
        false => format!("projects/{project}/global/images/{image}"),
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_compute_v1::model::metadata::Items;
    use google_cloud_compute_v1::model::{
        AccessConfig, AttachedDisk, Metadata, NetworkInterface, Tags,
    };

    use super::*;

    fn instance() -> Instance {
        let zone = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a";
        let access = AccessConfig::new().set_nat_ip("203.0.113.7");
        let nic = NetworkInterface::new().set_access_configs([access]);
        let image = Items::new().set_key(IMAGE).set_value("projects/x/global/images/y");
        Instance::new()
            .set_name("web")
            .set_zone(zone)
            .set_machine_type(format!("{zone}/machineTypes/e2-standard-4"))
            .set_status(Status::Running)
            .set_creation_timestamp("2026-01-02T03:04:05.678-08:00")
            .set_disks([AttachedDisk::new().set_boot(true).set_disk_size_gb(50)])
            .set_network_interfaces([nic])
            .set_metadata(Metadata::new().set_items([image]))
            .set_tags(Tags::new().set_items(["sandplan-inner", "http-server"]))
    }

    #[test]
    fn an_instance_is_read_as_a_server() {
        let server = server(&instance());
        assert_eq!(server.id.as_str(), "us-central1-a/web");
        assert_eq!(server.server_type, "e2-standard-4");
        assert_eq!(server.ipv4.map(|ip| ip.to_string()).as_deref(), Some("203.0.113.7"));
        assert_eq!(server.networks, ["inner"]);
        assert_eq!(server.disk_size, Some(50));
        assert!(!server.is_off && server.created.is_some());
        assert_eq!(server.more, [("image_id", Value::from("projects/x/global/images/y"))]);
        let off = instance().set_status(Status::Terminated);
        assert!(self::server(&off).is_off && is_off(&off) && !is_running(&off));
    }

    #[test]
    fn an_image_is_named_by_its_path() {
        assert_eq!(image_path("p", "saved"), "projects/p/global/images/saved");
        let other = "projects/q/global/images/i";
        assert_eq!(image_path("p", other), other);
    }
}
