//! What EC2 answers of an object, in the language's terms. Pure.

use super::ids::id;
use super::wire::{Group, Image, Instance, KeyPair, Tags};
use crate::address::ResourceType;
use crate::object::{Ownership, RemoteObject};
use crate::provider::cloud::labels::{self, ANY, Labels};
use crate::provider::cloud::object::{BROKEN, Whose, described, time};
use crate::provider::cloud::rules;
use crate::provider::cloud::server::Server;
use crate::value::Value;

/// The tag that EC2's console shows as the name.
pub const NAME: &str = "Name";
/// The size of the root volume, in GiB.
pub const DISK: &str = "sandplan-disk";
/// The id of the instance that an image was made of by `sandplan snapshot`.
pub const SANDBOX: &str = "sandplan-sandbox";
/// What stands behind a public key, as its user wrote it.
pub const COMMENT: &str = "sandplan-comment";
/// The security group of sandboxes that name no network.
pub const SSH_GROUP: &str = "sandplan-ssh";

/// Describes an instance as a server.
pub fn server(instance: &Instance) -> Server {
    let named = |(_, name): &&(String, String)| name != SSH_GROUP;
    let networks = instance.groups.iter().filter(named);
    Server {
        id: id(&instance.region, &instance.id),
        name: name(&instance.tags, &instance.id),
        labels: own(&instance.tags),
        ipv4: instance.address,
        ipv6: None,
        created: instance.launched,
        server_type: instance.instance_type.clone(),
        location: instance.zone.clone(),
        disk_size: instance.tags.get(DISK).and_then(|size| size.parse().ok()),
        is_off: instance.goes_off(),
        networks: networks.map(|(group, _)| id(&instance.region, group).to_string()).collect(),
        more: vec![("image_id", Value::from(instance.image.as_str()))],
    }
}

/// Returns what a name tag says, or else the id.
fn name(tags: &Tags, id: &str) -> String {
    tags.get(NAME).filter(|name| !name.is_empty()).map_or(id, String::as_str).to_owned()
}

/// Returns tags without the name and AWS's own.
pub fn own(tags: &Tags) -> Labels {
    let is_own = |(key, _): &(&String, &String)| *key != NAME && !key.starts_with("aws:");
    tags.iter().filter(is_own).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns labels with a name, as EC2 has them.
pub fn named(labels: &Labels, name: &str) -> Tags {
    let mut tags = labels.clone();
    tags.insert(NAME.to_owned(), name.to_owned());
    tags
}

/// Returns the tags that make an object ours; its name and the user's own stay, and
/// so do its host keys.
pub fn adopted(tags: &Tags, ownership: &Ownership) -> Tags {
    let mut wanted = ANY.write(ownership, &labels::users(tags));
    let kept = tags.iter().filter(|(key, _)| {
        [NAME, DISK, SANDBOX, COMMENT].contains(&key.as_str()) || key.ends_with("-key")
    });
    wanted.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
    wanted
}

/// EC2 puts the name in place of a key's comment; a tag has the comment.
fn public_key(key: &KeyPair) -> String {
    let Some(comment) = key.tags.get(COMMENT) else { return key.public_key.clone() };
    let words: Vec<&str> = key.public_key.split_whitespace().take(2).collect();
    format!("{} {comment}", words.join(" ")).trim().to_owned()
}

/// Returns the comment of a public key.
pub fn comment(public_key: &str) -> String {
    public_key.trim().splitn(3, char::is_whitespace).nth(2).unwrap_or_default().to_owned()
}

/// Describes a key pair.
pub fn ssh_key(key: &KeyPair) -> RemoteObject {
    let own_name = if key.name.is_empty() { &key.id } else { &key.name };
    let attributes = vec![
        ("id", Value::from(id(&key.region, &key.id).as_str())),
        ("name", Value::from(own_name.as_str())),
        ("public_key", Value::from(public_key(key))),
        ("labels", Value::string_map(labels::users(&own(&key.tags)))),
        ("fingerprint", Value::from(key.fingerprint.as_str())),
    ];
    let owner = ANY.ownership(&key.tags);
    let whose = Whose { id: id(&key.region, &key.id), name: own_name, owner };
    described(ResourceType::SshKey, whose, attributes)
}

/// Describes a security group.
pub fn network(group: &Group) -> RemoteObject {
    let name = name(&group.tags, &group.name);
    let attributes = vec![
        ("id", Value::from(id(&group.region, &group.id).as_str())),
        ("name", Value::from(name.as_str())),
        ("labels", Value::string_map(labels::users(&own(&group.tags)))),
        (rules::RULES, rules::value(super::networks::in_force(group))),
    ];
    let owner = ANY.ownership(&group.tags);
    let whose = Whose { id: id(&group.region, &group.id), name: &name, owner };
    described(ResourceType::Network, whose, attributes)
}

/// Describes an image as a snapshot.
pub fn snapshot(image: &Image) -> RemoteObject {
    let name = name(&image.tags, &image.name);
    let mut attributes = vec![
        ("id", Value::from(id(&image.region, &image.id).as_str())),
        ("name", Value::from(name.as_str())),
        ("labels", Value::string_map(labels::users(&own(&image.tags)))),
        ("created_at", time(image.created)),
        ("expires_at", time(ANY.expiry(&image.tags))),
    ];
    if !["available", "pending"].contains(&image.state.as_str()) {
        attributes.push(("status", Value::from(BROKEN)));
    }
    let owner = ANY.ownership(&image.tags);
    let whose = Whose { id: id(&image.region, &image.id), name: &name, owner };
    described(ResourceType::Snapshot, whose, attributes)
}

/// Describes a snapshot whose image is gone.
pub fn left_over(region: &str, snapshot: &str, tags: &Tags) -> RemoteObject {
    let whose =
        Whose { id: id(region, snapshot), name: &name(tags, snapshot), owner: ANY.ownership(tags) };
    described(
        ResourceType::Snapshot,
        whose,
        vec![("id", Value::from(id(region, snapshot).as_str()))],
    )
}
