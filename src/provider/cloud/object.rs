//! What a platform tells of an object, in the language's terms. Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::labels::Labels;
use crate::address::ResourceType;
use crate::object::{Ownership, RemoteId, RemoteObject};
use crate::provider::name::default_name;
use crate::ssh::HostKey;
use crate::value::{Type, Value};

/// The host key that a server was ordered with; it is replaced over the first
/// connection. While a key is being replaced, a server has both labels.
pub const ONCE_KEY: &str = "sandplan-once-key";
/// The host key that was made on the server itself.
pub const HOST_KEY: &str = "sandplan-host-key";

/// The `status` of a server that is switched off; of any other only the state
/// knows how far it has come.
pub const OFF: &str = "off";

/// The `status` of a snapshot that could not be saved; no other has one.
pub const BROKEN: &str = "unavailable";

/// Returns the host keys that a server may show, the lasting one first.
pub fn host_keys(labels: &Labels) -> Vec<HostKey> {
    let keys = [HOST_KEY, ONCE_KEY].into_iter().filter_map(|key| labels.get(key));
    keys.filter_map(|label| HostKey::from_label(label).ok()).collect()
}

/// Returns labels with the host keys of others.
pub fn with_keys(labels: &Labels, keys_of: &Labels) -> Labels {
    let is_key = |key: &str| [HOST_KEY, ONCE_KEY].contains(&key);
    let kept = labels.iter().filter(|(key, _)| !is_key(key));
    let keys = keys_of.iter().filter(|(key, _)| is_key(key));
    kept.chain(keys).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What every object has.
pub struct Whose<'a> {
    pub id: RemoteId,
    pub name: &'a str,
    pub owner: Option<Ownership>,
}

/// Describes an object.
pub fn described(
    kind: ResourceType,
    whose: Whose<'_>,
    attributes: Vec<(&'static str, Value)>,
) -> RemoteObject {
    RemoteObject {
        remote_id: whose.id,
        kind,
        name: whose.name.to_owned(),
        ownership: whose.owner,
        attributes: Value::object(attributes),
    }
}

/// Writes a time in whole seconds.
pub fn time(at: Option<Timestamp>) -> Value {
    let seconds = at.and_then(|at| Timestamp::from_second(at.as_second()).ok());
    seconds.map_or(Value::Null(Type::String), |at| Value::from(at.to_string()))
}

/// Adds an attribute that only the caller knows.
pub fn with(object: RemoteObject, name: &str, value: Value) -> RemoteObject {
    let attributes = object.attributes.with(Arc::<str>::from(name), value);
    RemoteObject { attributes, ..object }
}

/// Makes a name that no other operation makes: of the address, and the operation.
/// At most 63 characters.
pub fn unique_name(ownership: &Ownership) -> String {
    const OPERATION: usize = 6;
    let operation: String = ownership.operation.as_str().chars().take(OPERATION).collect();
    let mut name = default_name(&ownership.address);
    name.truncate(63 - 1 - OPERATION);
    format!("{}-{operation}", name.trim_end_matches('-'))
}
