//! SSH keys and snapshots: from arguments to calls, and back.

use std::time::Duration;

use tokio::time::Instant;

use super::calls::Which;
use super::client::Client;
use super::ids::{Place, id};
use super::remote::{COMMENT, NAME, comment, named};
use super::wire::{Image, KeyPair};
use super::{Aws, remote};
use crate::object::RemoteObject;
use crate::provider::cloud::labels::ANY;
use crate::provider::cloud::object::unique_name;
use crate::provider::cloud::once::once;
use crate::provider::cloud::place::gone;
use crate::provider::snapshot::Snapshot;
use crate::provider::ssh_key::SshKey;
use crate::provider::{
    Committed, CreateRequest, ProviderError, ProviderErrorKind, Report, UpdateRequest,
};

/// How long saving a disk may take.
const SAVING: Duration = Duration::from_secs(3600);
/// How long EC2 may take to know of what it has just made.
const APPEARING: Duration = Duration::from_secs(60);

impl Aws {
    pub(super) async fn create_ssh_key(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let region = client.first_region();
        let arguments = SshKey::from_value(&request.attributes);
        let name = arguments.name.clone().unwrap_or_else(|| unique_name(&request.ownership));
        let mut tags = ANY.write(&request.ownership, &arguments.labels);
        tags.insert(COMMENT.to_owned(), comment(&arguments.public_key));
        let send = || client.import_key((region, &name), &arguments.public_key, &tags);
        let find = async || {
            let made =
                client.key_pairs(region, &Which::Operation(request.operation.clone())).await?;
            Ok(made.into_iter().next().map(|key| key.id))
        };
        let made = once(send, find).await.map_err(|error| taken(error, &name))?;
        request.reporter.send(Report::RemoteId(id(region, &made)));
        let key = KeyPair {
            id: made,
            region: region.to_owned(),
            name,
            public_key: arguments.public_key,
            fingerprint: String::new(),
            tags,
            created: None,
        };
        let read = client.key_pair(region, &key.id).await?;
        Ok(remote::ssh_key(read.as_ref().unwrap_or(&key)))
    }

    pub(super) async fn update_ssh_key(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, &["key-"])?;
        let arguments = SshKey::from_value(&request.attributes);
        let key = client.key_pair(&place.region, &place.id).await?;
        let key = key.ok_or_else(|| gone(&request.remote_id))?;
        let mut wanted = ANY.write(&request.ownership, &arguments.labels);
        wanted.insert(COMMENT.to_owned(), comment(&arguments.public_key));
        client.retag(place.parts(), &key.tags, &wanted).await?;
        let key = client.key_pair(&place.region, &place.id).await?;
        key.as_ref().map(remote::ssh_key).ok_or_else(|| gone(&request.remote_id))
    }

    /// Saves the disk of a sandbox. The image's own name is the operation's, so a lost
    /// answer never makes a second one; a tag has the name that the user sees.
    pub(super) async fn create_snapshot(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let arguments = Snapshot::from_value(&request.attributes);
        let sandbox = self.place(&client, &arguments.sandbox.as_str().into(), &["i-"])?;
        let unique = unique_name(&request.ownership);
        let shown = arguments.name.clone().unwrap_or_else(|| unique.clone());
        let tags = named(&ANY.write(&request.ownership, &arguments.labels), &shown);
        let region = &sandbox.region;
        let find = async || {
            let made =
                client.own_images(region, &Which::Operation(request.operation.clone())).await?;
            Ok(made.into_iter().next().map(|image| image.id))
        };
        let made = once(|| client.create_image(sandbox.parts(), &unique, &tags), find).await?;
        let remote = id(region, &made);
        request.reporter.send(Report::RemoteId(remote.clone()));
        request.reporter.waiting();
        request.reporter.phase(format!("saving the disk of {}", sandbox.id));
        let saved = available(&client, (region, &made)).await;
        let image = saved.map_err(|error| error.committed(Committed::Partially(remote.clone())))?;
        Ok(remote::snapshot(&image))
    }

    pub(super) async fn update_snapshot(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, &["ami-"])?;
        let arguments = Snapshot::from_value(&request.attributes);
        let read = || client.image(&place.region, &place.id);
        let image = read().await?.ok_or_else(|| gone(&request.remote_id))?;
        let labels = ANY.write(&request.ownership, &arguments.labels);
        let name = arguments.name.as_ref().or(image.tags.get(NAME)).unwrap_or(&image.name);
        client.retag(place.parts(), &image.tags, &named(&labels, name)).await?;
        read().await?.as_ref().map(remote::snapshot).ok_or_else(|| gone(&request.remote_id))
    }

    /// Deletes an image with what it is made of, or what was left of one.
    pub(super) async fn delete_snapshot(
        &self,
        client: &Client,
        place: &Place,
    ) -> Result<(), ProviderError> {
        if place.id.starts_with("snap-") {
            return client.delete_snapshot(&place.region, &place.id).await;
        }
        match client.image(&place.region, &place.id).await? {
            Some(image) => client.delete_image(&place.region, &image).await,
            None => Ok(()),
        }
    }
}

/// Waits until a disk is saved.
pub async fn available(
    client: &Client,
    (region, id): (&str, &str),
) -> Result<Image, ProviderError> {
    let (begin, mut looks) = (Instant::now(), client.looks());
    let unusable = |why: String| {
        let message = format!("The snapshot {region}/{id} {why}.");
        Err(ProviderError::new(ProviderErrorKind::Unavailable, message))
    };
    loop {
        match client.image(region, id).await? {
            Some(image) if image.state == "available" => return Ok(image),
            Some(image) if image.state == "pending" && begin.elapsed() < SAVING => {}
            Some(image) => return unusable(format!("is `{}`: {}", image.state, image.reason)),
            None if begin.elapsed() < APPEARING => {}
            None => return unusable("vanished while it was being saved".to_owned()),
        }
        looks.pause().await;
    }
}

/// Says what to do about a key whose name is taken.
fn taken(error: ProviderError, name: &str) -> ProviderError {
    if error.kind != ProviderErrorKind::AlreadyExists || error.committed != Committed::No {
        return error;
    }
    let message = format!(
        "The region has another SSH key called `{name}`. Choose another `name`, or leave it out."
    );
    ProviderError { message, ..error }
}
