//! SSH keys are entries of the project's metadata, `sandplan-ssh-key-NAME`, that nothing
//! but sandplan reads: Compute Engine has no keys of its own, and its entry `ssh-keys`
//! would let a key into every instance of the project.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use google_cloud_compute_v1::model::Metadata;
use google_cloud_compute_v1::model::metadata::Items;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::change::is_stale;
use super::client::Client;
use super::wire::{LONGEST_NAME, global};
use super::{Gcp, named};
use crate::address::ResourceType;
use crate::object::{OperationId, Ownership, RemoteId, RemoteObject};
use crate::provider::cloud::labels::{self, ANY, Labels};
use crate::provider::cloud::object::{Whose, described};
use crate::provider::ssh_key::SshKey as Arguments;
use crate::provider::{
    CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, Report, UpdateRequest,
};
use crate::value::Value;

const PREFIX: &str = "sandplan-ssh-key-";
/// How often the metadata is read and written again that others write, too.
const MOST_TURNS: usize = 8;

/// A key, as the entry has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    public_key: String,
    labels: Labels,
}

/// Reads the keys among the project's metadata, by name.
fn keys(metadata: &Metadata) -> BTreeMap<String, Entry> {
    let read = |item: &Items| {
        let name = item.key.as_deref()?.strip_prefix(PREFIX)?.to_owned();
        Some((name, serde_json::from_str(item.value.as_deref()?).ok()?))
    };
    metadata.items.iter().filter_map(read).collect()
}

/// Puts an entry into the metadata, or takes it out.
fn with(metadata: &Metadata, name: &str, entry: Option<&Entry>) -> Metadata {
    let key = format!("{PREFIX}{name}");
    let others = metadata.items.iter().filter(|item| item.key.as_deref() != Some(&key)).cloned();
    let text = entry.map(|entry| serde_json::to_string(entry).unwrap_or_default());
    let own = text.map(|text| Items::new().set_key(&key).set_value(text));
    metadata.clone().set_items(others.chain(own))
}

fn object(name: &str, entry: &Entry) -> RemoteObject {
    let fingerprint = fingerprint(&entry.public_key);
    let fingerprint = fingerprint.map(|text| ("fingerprint", Value::from(text)));
    let attributes = [
        ("id", Value::from(name)),
        ("name", Value::from(name)),
        ("public_key", Value::from(entry.public_key.as_str())),
        ("labels", Value::string_map(labels::users(&entry.labels))),
    ];
    let owner = ANY.ownership(&entry.labels);
    let whose = Whose { id: RemoteId::from(name), name, owner };
    described(ResourceType::SshKey, whose, attributes.into_iter().chain(fingerprint).collect())
}

/// Returns a key's fingerprint as `ssh-keygen -l` prints it.
fn fingerprint(public_key: &str) -> Option<String> {
    let blob = STANDARD.decode(public_key.split_whitespace().nth(1)?).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
}

impl Client {
    async fn metadata(&self) -> Result<Metadata, ProviderError> {
        Ok(self.project_itself().await?.common_instance_metadata.unwrap_or_default())
    }

    /// Lists the keys that are ours; of one project, or of all.
    pub(super) async fn keys(
        &self,
        project: Option<&str>,
    ) -> Result<Vec<RemoteObject>, ProviderError> {
        let keys = keys(&self.metadata().await?);
        let objects = keys.iter().map(|(name, entry)| object(name, entry));
        Ok(objects.filter(|object| super::is_of(object, project)).collect())
    }

    pub(super) async fn key(&self, id: &RemoteId) -> Result<Option<RemoteObject>, ProviderError> {
        let name = global(id)?;
        Ok(keys(&self.metadata().await?).get(name).map(|entry| object(name, entry)))
    }

    /// Writes an entry, as `change` makes it of the one that is there; others may write
    /// the metadata at the same time.
    async fn write_key(
        &self,
        (operation, name): (&OperationId, &str),
        change: impl Fn(Option<Entry>) -> Result<Option<Entry>, ProviderError>,
    ) -> Result<Option<Entry>, ProviderError> {
        let mut turns = 0;
        loop {
            turns += 1;
            let metadata = self.metadata().await?;
            let there = keys(&metadata).remove(name);
            let wanted = change(there.clone())?;
            if wanted == there {
                return Ok(wanted);
            }
            let deed = format!("write the SSH key `{name}`");
            let body = with(&metadata, name, wanted.as_ref());
            match self.set_project_metadata((operation, &deed), body).await {
                Ok(()) => return Ok(wanted),
                Err(error) if is_stale(&error) && turns < MOST_TURNS => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Labels a key as ours, and keeps its user's labels; nothing when it is gone.
    pub(super) async fn adopted_key(
        &self,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let name = global(id)?;
        let labelled = |there: Option<Entry>| {
            Ok(there.map(|entry| {
                let labels = ANY.write(ownership, &labels::users(&entry.labels));
                Entry { labels, ..entry }
            }))
        };
        let entry = self.write_key((&ownership.operation, name), labelled).await?;
        Ok(entry.map(|entry| object(name, &entry)))
    }
}

impl Gcp {
    pub(super) async fn create_key(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let arguments = Arguments::from_value(&request.attributes);
        let name = named(arguments.name.as_deref(), &request.ownership, LONGEST_NAME);
        let labels = ANY.write(&request.ownership, &arguments.labels);
        let wanted = Entry { public_key: arguments.public_key, labels };
        let is_ours = |entry: &Entry| {
            let owner = ANY.ownership(&entry.labels);
            owner.is_some_and(|owner| owner.operation == request.operation)
        };
        let change = |there: Option<Entry>| match there {
            Some(entry) if !is_ours(&entry) => Err(taken(&name)),
            _ => Ok(Some(wanted.clone())),
        };
        // Writers of the same run take turns, instead of meeting each other's fingerprints.
        let _turn = self.metadata.lock().await;
        let client = self.client()?.reporting(&request.reporter);
        client.write_key((&request.operation, &name), change).await?;
        request.reporter.send(Report::RemoteId(RemoteId::from(name.as_str())));
        Ok(object(&name, &wanted))
    }

    pub(super) async fn update_key(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let arguments = Arguments::from_value(&request.attributes);
        let name = global(&request.remote_id)?;
        let labels = ANY.write(&request.ownership, &arguments.labels);
        let wanted = Entry { public_key: arguments.public_key, labels };
        let change = |there: Option<Entry>| match there {
            Some(_) => Ok(Some(wanted.clone())),
            None => Err(gone(name)),
        };
        let _turn = self.metadata.lock().await;
        let client = self.client()?.reporting(&request.reporter);
        client.write_key((&request.operation, name), change).await?;
        Ok(object(name, &wanted))
    }

    pub(super) async fn delete_key(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let name = global(&request.remote_id)?;
        let _turn = self.metadata.lock().await;
        let client = self.client()?.reporting(&request.reporter);
        client.write_key((&request.operation, name), |_| Ok(None)).await.map(drop)
    }
}

fn taken(name: &str) -> ProviderError {
    let message = format!(
        "The project's metadata has an SSH key `{name}` already, which this one is not. Choose \
         another `name`, or leave it out."
    );
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}

fn gone(name: &str) -> ProviderError {
    let message =
        format!("The SSH key `{name}` is gone. Run `sandplan plan` to see what is missing.");
    ProviderError::new(ProviderErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_entry_among_those_of_others() {
        let other = Items::new().set_key("startup-script").set_value("#!/bin/sh");
        let metadata = Metadata::new().set_items([other.clone()]);
        let entry = Entry { public_key: "ssh-ed25519 AAAA a".into(), labels: Labels::new() };
        let written = with(&metadata, "ada", Some(&entry));
        assert_eq!(keys(&written)["ada"], entry);
        assert_eq!(written.items.len(), 2);
        assert_eq!(with(&written, "ada", None).items, [other]);
    }

    #[test]
    fn a_fingerprint_is_the_one_that_ssh_keygen_prints() {
        // Of the key that RFC 8709 has no example of: 32 zero bytes.
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let text = fingerprint(key).expect("a fingerprint");
        assert!(text.starts_with("SHA256:") && text.len() == 50, "{text}");
        assert_eq!(fingerprint("nonsense"), None);
    }
}
