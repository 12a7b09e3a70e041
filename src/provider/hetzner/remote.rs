//! What the API answers of an object, in the language's terms. Pure.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::labels::{self, Labels};
use super::wire::{Firewall, Image, PrimaryIp, Server, SshKey};
use crate::address::ResourceType;
use crate::object::{RemoteId, RemoteObject};
use crate::provider::sandbox::Sandbox;
use crate::ssh::HostKey;
use crate::value::{Type, Value};

/// The host key that the server was ordered with; it is replaced over the first
/// connection. While a key is being replaced, a server has both labels.
pub const ONCE_KEY: &str = "sandplan-once-key";
/// The host key that was made on the server itself.
pub const HOST_KEY: &str = "sandplan-host-key";

/// The `status` of a server that is switched off; of any other only the state
/// knows how far it has come.
pub const OFF: &str = "off";

/// The `status` of a snapshot that could not be saved; no other has one.
pub const BROKEN: &str = "unavailable";

/// The ids of primary IPs, which are reported among networks, begin so.
pub const PRIMARY_IP: &str = "primary-ip/";

/// Returns the host keys that a server may show, the lasting one first.
pub fn host_keys(labels: &Labels) -> Vec<HostKey> {
    let keys = [HOST_KEY, ONCE_KEY].into_iter().filter_map(|key| labels.get(key));
    keys.filter_map(|label| HostKey::from_label(label).ok()).collect()
}

/// Describes a server.
pub fn server(server: &Server) -> RemoteObject {
    let key = host_keys(&server.labels).into_iter().next().map(|key| key.to_openssh());
    let ipv4 = ipv4(server).map(|address| address.to_string());
    let command = key.as_ref().zip(ipv4.as_ref()).map(|(key, address)| ssh_command(key, address));
    let text = |text: Option<String>| text.map_or(Value::Null(Type::String), Value::from);
    let disk = i64::try_from(server.primary_disk_size).unwrap_or_default();
    let mut attributes = vec![
        ("id", Value::from(server.id.to_string())),
        ("name", Value::from(server.name.as_str())),
        ("labels", user_labels(&server.labels)),
        ("ipv4", text(ipv4)),
        ("ipv6", text(ipv6(server).map(|address| address.to_string()))),
        ("host_key", text(key)),
        ("ssh_command", text(command)),
        ("created_at", time(server.created)),
        ("expires_at", time(labels::expiry(&server.labels))),
        ("server_type", Value::from(server.server_type.name.as_str())),
        ("location", Value::from(server.location.as_str())),
        ("disk_size", Value::from(disk)),
    ];
    if server.goes_off() {
        attributes.push(("status", Value::from(OFF)));
    }
    // Of several firewalls nobody can tell which one was asked for.
    match server.public_net.firewalls.as_slice() {
        [] => attributes.push(("network", Value::Null(Type::String))),
        [one] => attributes.push(("network", Value::from(one.id.to_string()))),
        _ => {}
    }
    object(ResourceType::Sandbox, server.id, (&server.name, &server.labels), attributes)
}

/// Returns the address of each port of a sandbox.
pub fn urls(sandbox: &Sandbox, server: &Server) -> Value {
    let address = ipv4(server).or_else(|| ipv6(server));
    let url = |guest: u16| address.map(|ip| std::net::SocketAddr::new(ip, guest));
    let urls = sandbox.ports.iter().filter_map(|(name, port)| Some((name, url(port.guest)?)));
    Value::string_map(urls.map(|(name, url)| (name.as_str(), format!("http://{url}"))))
}

/// Returns the address by which a server is reached.
pub fn address(server: &Server) -> Option<IpAddr> {
    ipv4(server).or_else(|| ipv6(server))
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

/// A command line that opens a shell, with the host key pinned in it.
fn ssh_command(key: &str, address: &str) -> String {
    format!(
        "ssh -o 'KnownHostsCommand=/bin/echo %H {key}' -o StrictHostKeyChecking=yes \
         -o UserKnownHostsFile=none agent@{address}"
    )
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
        ("expires_at", time(labels::expiry(&image.labels))),
    ];
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
    RemoteObject {
        remote_id: RemoteId::from(id.to_string()),
        kind,
        name: name.to_owned(),
        ownership: labels::ownership(labels),
        attributes: Value::object(attributes),
    }
}

fn user_labels(all: &Labels) -> Value {
    Value::string_map(labels::users(all))
}

fn time(at: Option<Timestamp>) -> Value {
    let seconds = at.and_then(|at| Timestamp::from_second(at.as_second()).ok());
    seconds.map_or(Value::Null(Type::String), |at| Value::from(at.to_string()))
}

/// Adds an attribute that only the caller knows.
pub fn with(object: RemoteObject, name: &str, value: Value) -> RemoteObject {
    let attributes = object.attributes.with(Arc::<str>::from(name), value);
    RemoteObject { attributes, ..object }
}
