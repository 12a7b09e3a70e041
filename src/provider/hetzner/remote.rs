//! What the API answers of an object, in the language's terms. Pure.

use std::net::IpAddr;

use super::wire::{Firewall, Image, PrimaryIp, Server, SshKey};
use crate::address::ResourceType;
use crate::object::{RemoteId, RemoteObject};
use crate::provider::cloud::labels::{self, Labels, WORDS};
use crate::provider::cloud::object::{BROKEN, Whose, described, time};
use crate::provider::cloud::server as cloud;
use crate::value::Value;

/// The ids of primary IPs, which are reported among networks, begin so.
pub const PRIMARY_IP: &str = "primary-ip/";

/// Reads a server.
pub fn server(server: &Server) -> cloud::Server {
    cloud::Server {
        id: RemoteId::from(server.id.to_string()),
        name: server.name.clone(),
        labels: server.labels.clone(),
        ipv4: ipv4(server),
        ipv6: ipv6(server),
        created: server.created,
        server_type: server.server_type.name.clone(),
        location: server.location.clone(),
        disk_size: Some(server.primary_disk_size),
        is_off: server.goes_off(),
        networks: server.public_net.firewalls.iter().map(|one| one.id.to_string()).collect(),
        more: Vec::new(),
    }
}

/// Describes a server.
pub fn sandbox(server: &Server) -> RemoteObject {
    self::server(server).object(&WORDS)
}

fn ipv4(server: &Server) -> Option<IpAddr> {
    server.public_net.ipv4.as_ref()?.ip.parse().ok()
}

/// A server has a network of addresses and uses the first after the network's own.
fn ipv6(server: &Server) -> Option<IpAddr> {
    let network = &server.public_net.ipv6.as_ref()?.ip;
    let (start, _) = network.split_once('/').unwrap_or((network, ""));
    let start: std::net::Ipv6Addr = start.parse().ok()?;
    Some(std::net::Ipv6Addr::from(u128::from(start) | 1).into())
}

/// Describes an SSH key.
pub fn ssh_key(key: &SshKey) -> RemoteObject {
    let attributes = vec![
        ("id", Value::from(key.id.to_string())),
        ("name", Value::from(key.name.as_str())),
        ("public_key", Value::from(key.public_key.as_str())),
        ("fingerprint", Value::from(key.fingerprint.as_str())),
        ("labels", user_labels(&key.labels)),
    ];
    object(ResourceType::SshKey, key.id, (&key.name, &key.labels), attributes)
}

/// Describes a firewall; `rules` are its rules in the language's terms.
pub fn firewall(firewall: &Firewall, rules: Vec<(&'static str, Value)>) -> RemoteObject {
    let mut attributes = vec![
        ("id", Value::from(firewall.id.to_string())),
        ("name", Value::from(firewall.name.as_str())),
        ("labels", user_labels(&firewall.labels)),
    ];
    attributes.extend(rules);
    object(ResourceType::Network, firewall.id, (&firewall.name, &firewall.labels), attributes)
}

/// Describes a snapshot.
pub fn snapshot(image: &Image) -> RemoteObject {
    let mut attributes = vec![
        ("id", Value::from(image.id.to_string())),
        ("name", Value::from(image.description.as_str())),
        ("labels", user_labels(&image.labels)),
        ("created_at", time(image.created)),
        ("expires_at", time(WORDS.expiry(&image.labels))),
    ];
    if let Some(from) = &image.created_from {
        attributes.push(("sandbox", Value::from(from.id.to_string())));
    }
    if image.status == BROKEN {
        attributes.push(("status", Value::from(BROKEN)));
    }
    object(ResourceType::Snapshot, image.id, (&image.description, &image.labels), attributes)
}

/// Describes an address that outlived its server.
pub fn primary_ip(ip: &PrimaryIp) -> RemoteObject {
    let attributes = vec![("name", Value::from(ip.name.as_str()))];
    let mut object = object(ResourceType::Network, ip.id, (&ip.ip, &ip.labels), attributes);
    object.remote_id = RemoteId::from(format!("{PRIMARY_IP}{}", ip.id));
    object
}

fn object(
    kind: ResourceType,
    id: u64,
    (name, labels): (&str, &Labels),
    attributes: Vec<(&'static str, Value)>,
) -> RemoteObject {
    let owner = WORDS.ownership(labels);
    described(kind, Whose { id: RemoteId::from(id.to_string()), name, owner }, attributes)
}

fn user_labels(all: &Labels) -> Value {
    Value::string_map(labels::users(all))
}
