//! What is written down of a sandbox (`sandbox.json`), and what it says in the
//! language's terms. The file may have been changed by hand: reading never panics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::ResourceType;
use crate::object::{OperationId, Ownership, RemoteId, RemoteObject};
use crate::provider::name::default_name;
use crate::provider::sandbox::{Port, Sandbox, schema};
use crate::value::{Type, Value};

/// What a sandbox on one's own machine costs per hour, in any currency.
pub const HOURLY_COST: &str = "0";

/// The version of the file's shape.
const SCHEMA: u32 = 1;
const PREFIX: &str = "sandplan-";

/// A sandbox as written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub schema: u32,
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
    /// The user's labels and ours, flat.
    pub labels: BTreeMap<String, String>,
    /// The arguments that were given, even where they are empty.
    #[serde(default)]
    pub given: BTreeSet<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// `env`, or `env.NAME`, where the value must not be shown.
    #[serde(default)]
    pub sensitive: BTreeSet<String>,
    #[serde(default)]
    pub network: Option<String>,
    #[serde(default)]
    pub ports: BTreeMap<String, PortRecord>,
}

/// A port as written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRecord {
    pub guest: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u16>,
}

impl From<Port> for PortRecord {
    fn from(port: Port) -> Self {
        Self { guest: port.guest, host: port.host }
    }
}

impl Record {
    /// Writes down a new sandbox.
    pub fn new(id: &str, ownership: &Ownership, attributes: &Value, at: Timestamp) -> Self {
        let empty = Self {
            schema: SCHEMA,
            id: id.to_owned(),
            name: String::new(),
            created_at: at,
            labels: BTreeMap::new(),
            given: BTreeSet::new(),
            env: BTreeMap::new(),
            sensitive: BTreeSet::new(),
            network: None,
            ports: BTreeMap::new(),
        };
        empty.updated(ownership, attributes)
    }

    /// Returns the record with other labels and arguments.
    pub fn updated(self, ownership: &Ownership, attributes: &Value) -> Self {
        let sandbox = Sandbox::from_value(attributes);
        let given = ["env", "labels", "network", "port"].into_iter();
        let given = given.filter(|name| attributes.get(name).is_some_and(|v| !v.is_null()));
        let mut labels = sandbox.labels;
        labels.extend(ownership_labels(ownership));
        Self {
            name: sandbox.name.unwrap_or_else(|| default_name(&ownership.address)),
            labels,
            given: given.map(str::to_owned).collect(),
            env: sandbox.env,
            sensitive: sensitive_env(attributes.get("env")),
            network: sandbox.network,
            ports: sandbox.ports.into_iter().map(|(name, port)| (name, port.into())).collect(),
            ..self
        }
    }

    /// Reads a record; the reason when it is damaged.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Returns the bytes of the file.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// Tells whether the sandbox is on the host's network.
    pub fn shares_network(&self) -> bool {
        self.network.as_deref() != Some("none")
    }

    /// Returns the sandbox in the language's terms.
    pub fn to_object(&self) -> RemoteObject {
        RemoteObject {
            remote_id: RemoteId::from(self.id.as_str()),
            kind: ResourceType::Sandbox,
            name: self.name.clone(),
            ownership: ownership(&self.labels),
            attributes: self.attributes(),
        }
    }

    fn attributes(&self) -> Value {
        let text = || Value::Null(Type::String);
        let expires = self.labels.get("sandplan-expires");
        Value::object([
            ("id", Value::from(self.id.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("created_at", Value::from(self.created_at.to_string())),
            ("expires_at", expires.map_or_else(text, |at| Value::from(at.as_str()))),
            ("ipv4", text()),
            ("ipv6", text()),
            ("host_key", text()),
            ("ssh_command", text()),
            ("hourly_cost", Value::from(HOURLY_COST)),
            ("urls", self.urls()),
            ("labels", self.unless_absent("labels", user_labels(&self.labels))),
            ("env", self.unless_absent("env", self.marked_env())),
            ("network", self.network.as_deref().map_or_else(text, Value::from)),
            ("port", self.port()),
        ])
    }

    /// An argument that was not given is null, not empty.
    fn unless_absent(&self, name: &str, value: Value) -> Value {
        let empty = value.revealed().as_attributes().is_none_or(|all| all.is_empty());
        if empty && !self.given.contains(name) { Value::Null(value.type_of()) } else { value }
    }

    fn marked_env(&self) -> Value {
        let mark = |name: &str, value: Value| {
            if self.sensitive.contains(name) { value.sensitive() } else { value }
        };
        let variables = self.env.iter().map(|(name, value)| {
            (Arc::from(name.as_str()), mark(&format!("env.{name}"), Value::from(value.as_str())))
        });
        mark("env", Value::Map(Type::String, Arc::new(variables.collect())))
    }

    fn port(&self) -> Value {
        let number = |n: u16| Value::from(i64::from(n));
        let ports = self.ports.iter().map(|(name, port)| {
            let host = port.host.map_or(Value::Null(Type::Number), number);
            (
                Arc::from(name.as_str()),
                Value::object([("guest", number(port.guest)), ("host", host)]),
            )
        });
        let Some(Type::Map(element)) = schema().block.block("port").map(|b| b.value_type()) else {
            return Value::null();
        };
        let value = Value::Map((*element).clone(), Arc::new(ports.collect()));
        self.unless_absent("port", value)
    }

    fn urls(&self) -> Value {
        let reachable = self.ports.iter().filter(|_| self.shares_network());
        Value::string_map(
            reachable
                .map(|(name, port)| (name.as_str(), format!("http://127.0.0.1:{}", port.guest))),
        )
    }
}

/// Returns what can be read of a damaged record. Nobody owns it.
pub fn damaged(id: &str, text: &[u8]) -> RemoteObject {
    let json = serde_json::from_slice::<Json>(text).unwrap_or(Json::Null);
    let field = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let name = field("name").unwrap_or_else(|| id.to_owned());
    let created = field("created_at").filter(|text| text.parse::<Timestamp>().is_ok());
    let labels = json.get("labels").and_then(Json::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let mut attributes = vec![("id", Value::from(id)), ("name", Value::from(name.as_str()))];
    attributes.push(("labels", user_labels(&labels.collect())));
    attributes.extend(created.map(|at| ("created_at", Value::from(at))));
    RemoteObject {
        remote_id: RemoteId::from(id),
        kind: ResourceType::Sandbox,
        name,
        ownership: None,
        attributes: Value::object(attributes),
    }
}

/// Returns the project that a record's labels name, readable even when the rest is not.
pub fn project(text: &[u8]) -> Option<String> {
    let json = serde_json::from_slice::<Json>(text).ok()?;
    json.get("labels")?.get("sandplan-project")?.as_str().map(str::to_owned)
}

fn user_labels(labels: &BTreeMap<String, String>) -> Value {
    let own = labels.iter().filter(|(key, _)| !key.starts_with(PREFIX));
    Value::string_map(own.map(|(key, value)| (key.as_str(), value.as_str())))
}

fn ownership_labels(ownership: &Ownership) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        ("sandplan-project", ownership.project.clone()),
        ("sandplan-lineage", ownership.lineage.to_string()),
        ("sandplan-address", ownership.address.to_string()),
        ("sandplan-operation", ownership.operation.to_string()),
    ]);
    labels.extend(ownership.expires_at.map(|at| ("sandplan-expires", at.to_string())));
    labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn ownership(labels: &BTreeMap<String, String>) -> Option<Ownership> {
    let label = |name: &str| labels.get(&format!("{PREFIX}{name}")).map(String::as_str);
    let expires_at = match label("expires") {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    Some(Ownership {
        project: label("project")?.to_owned(),
        lineage: label("lineage")?.into(),
        address: label("address")?.parse().ok()?,
        operation: OperationId::from(label("operation")?),
        expires_at,
    })
}

fn sensitive_env(env: Option<&Value>) -> BTreeSet<String> {
    let Some(env) = env else { return BTreeSet::new() };
    if let Value::Sensitive(_) = env {
        return BTreeSet::from(["env".to_owned()]);
    }
    let variables = env.as_attributes().into_iter().flat_map(|all| all.iter());
    let marked = variables.filter(|(_, value)| value.contains_sensitive());
    marked.map(|(name, _)| format!("env.{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Ownership {
        Ownership {
            project: "p".into(),
            lineage: "l".into(),
            address: "sandbox.review[\"ada\"]".parse().unwrap(),
            operation: "op".into(),
            expires_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn a_record_says_again_what_it_was_made_from() {
        let env = [("A", Value::from("x")), ("T", Value::from("hunter2").sensitive())];
        let env = env.map(|(name, value)| (Arc::from(name), value)).into();
        let attributes = Value::object([
            ("env", Value::Map(Type::String, Arc::new(env))),
            ("labels", Value::string_map([("owner", "ada")])),
            ("network", Value::Null(Type::String)),
        ]);
        let record = Record::new("sb", &owner(), &attributes, Timestamp::UNIX_EPOCH);
        let record = Record::parse(&record.to_json().unwrap()).unwrap();
        let object = record.to_object();
        assert_eq!(object.name, "review-ada");
        assert_eq!(object.ownership, Some(owner()));
        for name in ["env", "labels", "network"] {
            assert_eq!(object.attributes.get(name), attributes.get(name), "{name}");
        }
        assert!(object.attributes.get("port").unwrap().is_null());
    }

    #[test]
    fn a_damaged_record_is_owned_by_nobody_and_keeps_its_name() {
        let object = damaged("sb", br#"{"name": "x", "labels": {"a": "b", "c": 1}}"#);
        assert_eq!((object.name.as_str(), object.ownership), ("x", None));
        assert_eq!(object.attributes.get("labels"), Some(&Value::string_map([("a", "b")])));
        assert_eq!(damaged("sb", b"\xff").name, "sb");
    }
}
