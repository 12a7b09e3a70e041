//! A server, in the terms of every platform; each reads its own answers into one.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::labels::{self, Dialect, Labels};
use super::object::{self, OFF, host_keys, time};
use crate::address::ResourceType;
use crate::object::{RemoteId, RemoteObject};
use crate::provider::sandbox::Sandbox;
use crate::value::{Type, Value};

/// A server that a platform has told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub id: RemoteId,
    pub name: String,
    /// As the platform has them, ours among them.
    pub labels: Labels,
    pub ipv4: Option<IpAddr>,
    pub ipv6: Option<IpAddr>,
    pub created: Option<Timestamp>,
    pub server_type: String,
    pub location: String,
    /// In GB.
    pub disk_size: Option<u64>,
    /// It is switched off, or about to be.
    pub is_off: bool,
    /// The ids of the networks (firewalls) that it is in.
    pub networks: Vec<String>,
    /// What only this platform tells.
    pub more: Vec<(&'static str, Value)>,
}

impl Server {
    /// Returns the address by which it is reached.
    pub fn address(&self) -> Option<IpAddr> {
        self.ipv4.or(self.ipv6)
    }

    /// Describes it as a sandbox.
    pub fn object(&self, dialect: &Dialect) -> RemoteObject {
        let text = |text: Option<String>| text.map_or(Value::Null(Type::String), Value::from);
        let ip = |ip: Option<IpAddr>| text(ip.map(|address| address.to_string()));
        let key = host_keys(&self.labels).into_iter().next().map(|key| key.to_openssh());
        let disk = self.disk_size.and_then(|disk| i64::try_from(disk).ok());
        let mut attributes = vec![
            ("id", Value::from(self.id.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("labels", Value::string_map(labels::users(&self.labels))),
            ("ipv4", ip(self.ipv4)),
            ("ipv6", ip(self.ipv6)),
            ("host_key", text(key.clone())),
            ("ssh_command", text(self.ssh_command(key.as_deref()))),
            ("created_at", time(self.created)),
            ("expires_at", time(dialect.expiry(&self.labels))),
            ("server_type", Value::from(self.server_type.as_str())),
            ("location", Value::from(self.location.as_str())),
            ("disk_size", disk.map_or(Value::Null(Type::Number), Value::from)),
        ];
        if self.is_off {
            attributes.push(("status", Value::from(OFF)));
        }
        // Of several networks nobody can tell which one was asked for.
        match self.networks.as_slice() {
            [] => attributes.push(("network", Value::Null(Type::String))),
            [one] => attributes.push(("network", Value::from(one.as_str()))),
            _ => {}
        }
        attributes.extend(self.more.iter().cloned());
        let owner = dialect.ownership(&self.labels);
        let whose = object::Whose { id: self.id.clone(), name: &self.name, owner };
        object::described(ResourceType::Sandbox, whose, attributes)
    }

    /// Describes it as this sandbox, with the address of each of its ports.
    pub fn object_of(&self, dialect: &Dialect, sandbox: &Sandbox) -> RemoteObject {
        object::with(self.object(dialect), "urls", self.urls(sandbox))
    }

    fn urls(&self, sandbox: &Sandbox) -> Value {
        let url = |guest: u16| self.address().map(|ip| std::net::SocketAddr::new(ip, guest));
        let urls = sandbox.ports.iter().filter_map(|(name, port)| Some((name, url(port.guest)?)));
        Value::string_map(urls.map(|(name, url)| (name.as_str(), format!("http://{url}"))))
    }

    /// A command line that opens a shell, with the host key pinned in it.
    fn ssh_command(&self, key: Option<&str>) -> Option<String> {
        let (key, address) = key.zip(self.ipv4)?;
        Some(format!(
            "ssh -o 'KnownHostsCommand=/bin/echo %H {key}' -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile=none agent@{address}"
        ))
    }

    /// Returns where it is reached now, as attributes.
    pub fn whereabouts(&self) -> Vec<(Arc<str>, Value)> {
        let key = host_keys(&self.labels).into_iter().next().map(|key| key.to_openssh());
        let command = self.ssh_command(key.as_deref());
        let told = [("ipv4", self.ipv4.map(|ip| ip.to_string())), ("ssh_command", command)];
        told.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into()))).collect()
    }

    /// Returns its host key and how to use it, as attributes.
    pub fn access(&self, key: &str) -> Vec<(Arc<str>, Value)> {
        let command = self.ssh_command(Some(key)).map(|line| ("ssh_command".into(), line.into()));
        [("host_key".into(), Value::from(key))].into_iter().chain(command).collect()
    }
}
