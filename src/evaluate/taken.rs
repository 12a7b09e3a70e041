//! What an argument takes of a resource that it names whole, as in
//! `network = network.agents`: its id, or the text of an SSH key.
//!
//! Only values are looked at, so it does not matter over which locals, variables
//! and `for` expressions a resource came.

use crate::address::ResourceType;
use crate::deferred::Taker;
use crate::value::{Attributes, Type, Value};

/// Why nothing can be taken, as the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("this is not {}, nor what identifies one", .0.with_article())]
    OtherThing(ResourceType),
    #[error(
        "one {0} is needed, and this is a whole block of several: name one, as in `{0}.NAME[\"KEY\"]`"
    )]
    Several(ResourceType),
    #[error("there is no such {kind} on the provider `{provider}`")]
    NotHere { kind: ResourceType, provider: String },
}

/// Replaces each resource in a value by what identifies it; all else stays.
pub fn take(value: &Value, taker: &Taker) -> Result<Value, NotTaken> {
    match value {
        Value::Sensitive(inner) => Ok(take(inner, taker)?.sensitive()),
        Value::Map(_, members) | Value::Object(members) => one(members, taker),
        Value::List(_, elements) | Value::Set(_, elements) | Value::Tuple(elements) => {
            if taker.kind != ResourceType::SshKey {
                return Err(NotTaken::Several(taker.kind));
            }
            elements
                .iter()
                .map(|element| take(element, taker))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::tuple)
        }
        Value::String(text) if taker.kind == ResourceType::SshKey => Ok(Value::from(text.trim())),
        other => Ok(other.clone()),
    }
}

/// Takes of a resource instance, or of a block with an instance on each provider.
fn one(members: &Attributes, taker: &Taker) -> Result<Value, NotTaken> {
    let kind = taker.kind;
    if is_instance(members, kind) {
        let unknown = || Value::Unknown(Type::String);
        return match members.get(identity(kind)) {
            Some(Value::String(text)) => Ok(Value::from(text.trim())),
            found => Ok(found.cloned().unwrap_or_else(unknown)),
        };
    }
    let is_block = |value: &Value| {
        value.is_unknown() || value.as_attributes().is_some_and(|a| is_instance(a, kind))
    };
    if !members.values().all(is_block) {
        return Err(NotTaken::OtherThing(kind));
    }
    let instance = match kind {
        ResourceType::Snapshot | ResourceType::Sandbox => return Err(NotTaken::Several(kind)),
        // Its text is the same everywhere.
        ResourceType::SshKey => members.values().next(),
        ResourceType::Network => members.get(&*taker.provider.to_string()),
    };
    match instance {
        Some(instance) => take(instance, taker),
        None => Err(NotTaken::NotHere { kind, provider: taker.provider.to_string() }),
    }
}

/// The attribute that identifies a resource to others.
fn identity(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::SshKey => "public_key",
        _ => "id",
    }
}

/// Tells whether attributes are those of an instance of a type, by one that only
/// this type has. Instances have all attributes of their schema.
fn is_instance(attributes: &Attributes, kind: ResourceType) -> bool {
    let telling = match kind {
        ResourceType::SshKey => "public_key",
        ResourceType::Network => "ingress",
        ResourceType::Snapshot => "sandbox",
        ResourceType::Sandbox => "ssh_command",
    };
    attributes.contains_key(telling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ProviderRef;

    fn taker(kind: ResourceType) -> Taker {
        Taker { kind, provider: ProviderRef::of("hetzner") }
    }

    fn key(text: &str) -> Value {
        Value::object([("public_key", Value::from(text)), ("id", Value::from("1"))])
    }

    fn network(id: Value) -> Value {
        Value::object([("ingress", Value::null()), ("id", id)])
    }

    #[test]
    fn ssh_keys_are_their_texts() {
        let laptop = Value::object([("hetzner.eu", key("ssh-ed25519 A\n"))]);
        let keys = Value::tuple([laptop.clone(), key("ssh-ed25519 B"), Value::from("raw \n")]);
        let texts = ["ssh-ed25519 A", "ssh-ed25519 B", "raw"].map(Value::from);
        assert_eq!(take(&keys, &taker(ResourceType::SshKey)), Ok(Value::tuple(texts)));
        let secret = laptop.sensitive();
        let text = Value::from("ssh-ed25519 A").sensitive();
        assert_eq!(take(&secret, &taker(ResourceType::SshKey)), Ok(text));
    }

    #[test]
    fn a_network_is_its_id_on_the_provider_that_asks() {
        let taker = taker(ResourceType::Network);
        let both =
            [("hetzner", network(Value::from("1"))), ("hetzner.eu", network(Value::from("2")))];
        assert_eq!(take(&Value::object(both), &taker), Ok(Value::from("1")));
        let unknown = network(Value::Unknown(Type::String));
        assert_eq!(take(&unknown, &taker), Ok(Value::Unknown(Type::String)));
        assert_eq!(take(&Value::from("none"), &taker), Ok(Value::from("none")));
        let elsewhere = Value::object([("hetzner.eu", network(Value::from("2")))]);
        let error = take(&elsewhere, &taker).expect_err("elsewhere").to_string();
        assert_eq!(error, "there is no such network on the provider `hetzner`");
    }

    #[test]
    fn what_is_no_such_resource_says_so() {
        let sandbox = Value::object([("ssh_command", Value::null()), ("id", Value::from("1"))]);
        let fleet = Value::object([("ada", sandbox.clone())]);
        let error =
            |value: &Value, kind| take(value, &taker(kind)).expect_err("refused").to_string();
        assert!(error(&fleet, ResourceType::Sandbox).contains("a whole block of several"));
        assert!(error(&Value::tuple([sandbox]), ResourceType::Sandbox).contains("several"));
        assert!(error(&fleet, ResourceType::Network).contains("not a `network`"));
        assert!(error(&key("x"), ResourceType::Snapshot).contains("not a `snapshot`"));
    }
}
