//! Disks saved by `sandplan snapshot`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use super::calls::Which;
use super::client::Client;
use super::ids::id;
use super::others::available;
use super::remote::{NAME, SANDBOX, own};
use super::wire::{Image, Instance, Tags};
use super::{Aws, remote};
use crate::object::{RemoteId, RemoteObject};
use crate::provider::cloud::labels::{OPERATION, PROJECT};
use crate::provider::cloud::object::with_keys;
use crate::provider::cloud::place::gone;
use crate::provider::{ProviderError, ProviderErrorKind, SnapshotInfo, Snapshots};

#[async_trait]
impl Snapshots for Aws {
    async fn snapshot(&self, id: &RemoteId, name: &str) -> Result<SnapshotInfo, ProviderError> {
        let client = self.client().await?;
        let place = self.place(client, id, &["i-"])?;
        let instance = client.instance(&place.region, &place.id).await?.ok_or_else(|| gone(id))?;
        if self.snapshots(id).await?.iter().any(|saved| saved.name == name) {
            let message = format!("There is a snapshot called `{name}` already.");
            return Err(ProviderError::new(ProviderErrorKind::AlreadyExists, message));
        }
        // An image's own name is unique in the account.
        let unique = format!("{} {}", place.id, (self.clock)().as_millisecond());
        let made = client.create_image(place.parts(), &unique, &tags(&instance, name)).await?;
        Ok(info(&available(client, (&place.region, &made)).await?))
    }

    fn restores(&self) -> bool {
        false
    }

    async fn restore(&self, id: &RemoteId, snapshot: &str) -> Result<(), ProviderError> {
        let saved = self.snapshots(id).await?;
        let named = saved.iter().find(|saved| saved.name == snapshot);
        let message = match named {
            Some(saved) => format!(
                "sandplan puts no disk back on EC2. Begin a sandbox with it instead: from = \"{}\".",
                saved.id
            ),
            None => format!("There is no snapshot `{snapshot}` of this sandbox."),
        };
        Err(ProviderError::new(ProviderErrorKind::Rejected, message))
    }

    async fn snapshots(&self, id: &RemoteId) -> Result<Vec<SnapshotInfo>, ProviderError> {
        let client = self.client().await?;
        let place = self.place(client, id, &["i-"])?;
        let of = Which::Tagged(SANDBOX, place.id.clone());
        let mut saved = client.own_images(&place.region, &of).await?;
        saved.sort_by_key(|image| (image.created, image.id.clone()));
        Ok(saved.iter().map(info).collect())
    }
}

/// The disk has the host key that is in force now, so its tags have it, too.
fn tags(instance: &Instance, name: &str) -> Tags {
    let labels = own(&instance.tags);
    let project = labels.iter().filter(|(key, _)| key.starts_with(PROJECT));
    let project = project.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut tags = with_keys(&project, &labels);
    tags.insert(SANDBOX.to_owned(), instance.id.clone());
    tags.insert(NAME.to_owned(), name.to_owned());
    tags
}

/// Lists disks that `snapshot` blocks have saved and, beside them, what is left of
/// images that are gone.
pub async fn list(
    client: &Client,
    region: &str,
    which: &Which,
) -> Result<Vec<RemoteObject>, ProviderError> {
    if let Which::Id(id) = which
        && id.starts_with("snap-")
    {
        let left = client.disk_snapshots(region, which).await?;
        return Ok(left.iter().map(|(id, tags)| remote::left_over(region, id, tags)).collect());
    }
    let (images, parts) = tokio::try_join!(client.own_images(region, which), async {
        match which {
            Which::Id(_) => Ok(Vec::new()),
            which => client.disk_snapshots(region, which).await,
        }
    })?;
    let used: BTreeSet<&String> = images.iter().flat_map(|image| &image.snapshots).collect();
    // One that is being saved does not know its parts yet.
    let is_saving = |tags: &Tags| {
        images.iter().any(|image| {
            image.state == "pending" && image.tags.get(OPERATION) == tags.get(OPERATION)
        })
    };
    let left = parts.iter().filter(|(id, tags)| !used.contains(id) && !is_saving(tags));
    let blocks = images.iter().filter(|image| !is_by_hand(&image.tags)).map(remote::snapshot);
    let left = left.map(|(id, tags)| remote::left_over(region, id, tags));
    Ok(blocks.chain(left.collect::<Vec<_>>()).collect())
}

/// Tells whether a disk was saved by a command, not by a `snapshot` block.
pub fn is_by_hand(tags: &Tags) -> bool {
    tags.contains_key(SANDBOX)
}

fn info(image: &Image) -> SnapshotInfo {
    let sandbox = image.tags.get(SANDBOX).map_or("", String::as_str);
    SnapshotInfo {
        id: id(&image.region, &image.id),
        name: image.tags.get(NAME).unwrap_or(&image.name).clone(),
        sandbox: id(&image.region, sandbox),
        created_at: image.created.unwrap_or(Timestamp::UNIX_EPOCH),
        bytes: image.disk << 30,
    }
}
