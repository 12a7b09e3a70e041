//! Servers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{or_default, time};
use super::{Image, Location, ServerType};

/// A server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Raw")]
pub struct Server {
    pub id: u64,
    pub name: String,
    /// `running`, `off`, `initializing`, …
    pub status: String,
    pub created: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
    pub public_net: PublicNet,
    pub server_type: ServerType,
    /// The name of the place.
    pub location: String,
    pub image: Option<Image>,
    pub rescue_enabled: bool,
    /// An action runs that allows no other.
    pub locked: bool,
    pub protection: Protection,
    /// In GB.
    pub primary_disk_size: u64,
}

/// A server as it is sent: until July 2026 its place was in `datacenter`.
#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default, deserialize_with = "time")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    public_net: PublicNet,
    #[serde(default, deserialize_with = "or_default")]
    server_type: ServerType,
    #[serde(default)]
    location: Option<Location>,
    #[serde(default)]
    datacenter: Option<Datacenter>,
    #[serde(default)]
    image: Option<Image>,
    #[serde(default, deserialize_with = "or_default")]
    rescue_enabled: bool,
    #[serde(default, deserialize_with = "or_default")]
    locked: bool,
    #[serde(default, deserialize_with = "or_default")]
    protection: Protection,
    #[serde(default, deserialize_with = "or_default")]
    primary_disk_size: u64,
}

#[derive(Deserialize)]
struct Datacenter {
    #[serde(default)]
    location: Option<Location>,
}

/// How a server is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PublicNet {
    pub ipv4: Option<PublicIp>,
    pub ipv6: Option<PublicIp>,
    #[serde(deserialize_with = "or_default")]
    pub firewalls: Vec<FirewallOnServer>,
}

/// A public address; of IPv6 it is a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PublicIp {
    /// Of the primary IP.
    pub id: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    pub ip: String,
}

/// A firewall that is, or is about to be, in force on a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FirewallOnServer {
    pub id: u64,
    /// `applied` or `pending`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
}

/// What nobody may do to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Protection {
    #[serde(deserialize_with = "or_default")]
    pub delete: bool,
    #[serde(deserialize_with = "or_default")]
    pub rebuild: bool,
}

impl From<Raw> for Server {
    fn from(raw: Raw) -> Self {
        let place = raw.location.or(raw.datacenter.and_then(|datacenter| datacenter.location));
        Self {
            id: raw.id,
            name: raw.name,
            status: raw.status,
            created: raw.created,
            labels: raw.labels,
            public_net: raw.public_net,
            server_type: raw.server_type,
            location: place.map(|place| place.name).unwrap_or_default(),
            image: raw.image,
            rescue_enabled: raw.rescue_enabled,
            locked: raw.locked,
            protection: raw.protection,
            primary_disk_size: raw.primary_disk_size,
        }
    }
}

impl Server {
    /// Tells whether it is switched on and up.
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Tells whether it is switched off.
    pub fn is_off(&self) -> bool {
        self.status == "off"
    }

    /// Tells whether it will be up before long.
    pub fn comes_up(&self) -> bool {
        ["initializing", "starting", "rebuilding", "migrating"].contains(&self.status.as_str())
    }

    /// Tells whether it is switched off, or on the way there.
    pub fn goes_off(&self) -> bool {
        self.is_off() || self.status == "stopping"
    }
}

super::resource!(Server, "servers", "server", "server");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Server {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_status_that_nobody_knows_is_kept() {
        let server = read(r#"{"id": 7, "status": "hibernating", "server_type": {"name": "cx99"}}"#);
        assert_eq!(server.status, "hibernating");
        assert_eq!(server.server_type.name, "cx99");
    }

    #[test]
    fn the_place_is_read_from_new_and_old_answers() {
        assert_eq!(read(r#"{"id": 1, "location": {"name": "ash"}}"#).location, "ash");
        let old = r#"{"id": 1, "datacenter": {"name": "fsn1-dc14", "location": {"name": "fsn1"}}}"#;
        assert_eq!(read(old).location, "fsn1");
        assert_eq!(read(r#"{"id": 1, "datacenter": null}"#).location, "");
    }

    #[test]
    fn null_is_nothing() {
        let server = read(
            r#"{"id": 1, "name": null, "labels": null, "image": null, "public_net":
               {"ipv4": null, "ipv6": {"id": null, "ip": "2001:db8::/64"}, "firewalls": null}}"#,
        );
        assert_eq!(server.public_net.ipv6.unwrap().ip, "2001:db8::/64");
        assert!(server.labels.is_empty() && server.image.is_none());
    }
}
