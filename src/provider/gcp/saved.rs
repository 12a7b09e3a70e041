//! Saved disks are images: those of `snapshot` blocks, and those of `sandplan snapshot`.

use async_trait::async_trait;
use google_cloud_compute_v1::model::image::Status;
use google_cloud_compute_v1::model::{AttachedDisk, GlobalSetLabelsRequest, Image, Instance};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::{Instant as Clock, sleep};

use super::calls::SAVING;
use super::change::is_stale;
use super::client::Client;
use super::order::gone;
use super::wire::{LONGEST_NAME, Place, global, partial};
use super::{Gcp, fitting, named, remote};
use crate::object::{OperationId, Ownership, RemoteId, RemoteObject};
use crate::provider::cloud::labels::{self, LOWER, Labels};
use crate::provider::cloud::object::with_keys;
use crate::provider::snapshot::Snapshot;
use crate::provider::{
    Committed, CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, Report,
    SnapshotInfo, Snapshots, UpdateRequest,
};

/// The number of the instance that a disk was saved of.
const SANDBOX: &str = "sandplan-sandbox";
/// What a disk was saved as, by a command.
const NAME: &str = "sandplan-snapshot";
const MOST_TURNS: usize = 4;
/// Between two looks at a disk that is being saved.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// Tells whether a disk was saved by a command, not by a `snapshot` block.
pub fn is_by_hand(image: &Image) -> bool {
    image.labels.contains_key(SANDBOX)
}

impl Client {
    /// Waits until a disk is saved, also where the operation that saves it is not known.
    async fn available(&self, name: &str) -> Result<Image, ProviderError> {
        let end = Clock::now() + SAVING;
        let unusable = |why: &str| {
            let message = format!("The image `{name}` {why}.");
            Err(ProviderError::new(ProviderErrorKind::Unavailable, message))
        };
        loop {
            match self.image(self.project(), name).await? {
                Some(image) if image.status == Some(Status::Ready) => return Ok(image),
                Some(image) if image.status == Some(Status::Pending) && Clock::now() < end => {}
                Some(_) => return unusable("could not be saved"),
                None => return unusable("vanished while it was being saved"),
            }
            sleep(LOOK).await;
        }
    }

    /// Sets all labels of an image, to what `labels` makes of those that are there; nothing
    /// when it is gone.
    async fn relabelled(
        &self,
        name: &str,
        labels: impl Fn(&Labels) -> Labels,
    ) -> Result<Option<Image>, ProviderError> {
        let mut turns = 0;
        loop {
            turns += 1;
            let Some(image) = self.image(self.project(), name).await? else { return Ok(None) };
            let before = remote::labels_of_image(&image);
            let wanted = labels(&before);
            if wanted == before {
                return Ok(Some(image));
            }
            let body = GlobalSetLabelsRequest::new()
                .set_or_clear_label_fingerprint(image.label_fingerprint.clone())
                .set_labels(wanted.clone());
            match self.label_image(name, body).await {
                Ok(()) => return Ok(Some(image.set_labels(wanted))),
                Err(error) if is_stale(&error) && turns < MOST_TURNS => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Labels an image as ours, and keeps its user's labels; nothing when it is gone.
    pub(super) async fn adopted_image(
        &self,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let own = |now: &Labels| LOWER.write(ownership, &labels::users(now));
        let image = self.relabelled(global(id)?, own).await?;
        Ok(image.as_ref().map(remote::snapshot))
    }
}

/// Returns the path of the disk that an instance starts from.
fn boot_disk(instance: &Instance) -> Option<&AttachedDisk> {
    instance.disks.iter().find(|disk| disk.boot == Some(true)).or(instance.disks.first())
}

/// Asks for an image of the disk that an instance starts from.
fn image_of(instance: &Instance, name: &str, labels: Labels) -> Image {
    let disk = boot_disk(instance).and_then(|disk| disk.source.as_deref()).unwrap_or_default();
    Image::new().set_name(name).set_source_disk(partial(disk)).set_labels(labels)
}

impl Gcp {
    /// Saves the disk of a sandbox.
    pub(super) async fn create_snapshot(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Snapshot::from_value(&request.attributes);
        let place = Place::of(&arguments.sandbox.as_str().into())?;
        let instance = client.instance(&place).await?.ok_or_else(|| gone(&place))?;
        let name = named(arguments.name.as_deref(), &request.ownership, LONGEST_NAME);
        let labels = LOWER.write(&request.ownership, &arguments.labels);
        let saved = client.save_disk(&request.operation, image_of(&instance, &name, labels)).await;
        let begun = match saved {
            Ok(operation) => Some(operation),
            Err(error) => found(&client, (&name, &request.operation), error).await?,
        };
        let id = RemoteId::from(name.as_str());
        request.reporter.send(Report::RemoteId(id.clone()));
        request.reporter.waiting();
        request.reporter.phase(format!("saving the disk of {}", place.name));
        let partly = |error: ProviderError| error.committed(Committed::Partially(id.clone()));
        if let Some(operation) = begun {
            let saved = client.saved(&name, operation).await;
            saved.map_err(|error| partly(error.into()))?;
        }
        let image = client.available(&name).await.map_err(partly)?;
        Ok(remote::snapshot(&image))
    }

    pub(super) async fn update_snapshot(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Snapshot::from_value(&request.attributes);
        let name = global(&request.remote_id)?;
        let own = |_: &Labels| LOWER.write(&request.ownership, &arguments.labels);
        let image = client.relabelled(name, own).await?;
        image.as_ref().map(remote::snapshot).ok_or_else(|| unknown_image(name))
    }

    pub(super) async fn delete_snapshot(
        &self,
        request: DeleteRequest,
    ) -> Result<(), ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        client.delete_image(&request.operation, global(&request.remote_id)?).await
    }
}

/// Finds an image that the operation may have begun to make, though the answer was lost.
async fn found(
    client: &Client,
    (name, operation): (&str, &OperationId),
    error: ProviderError,
) -> Result<Option<google_cloud_compute_v1::model::Operation>, ProviderError> {
    let may_be =
        error.committed == Committed::Unknown || error.kind == ProviderErrorKind::AlreadyExists;
    if !may_be {
        return Err(error);
    }
    // Who cannot ask is no wiser: then what the call said stands.
    let image = client.image(client.project(), name).await.ok().flatten();
    let owner = image.and_then(|image| LOWER.ownership(&remote::labels_of_image(&image)));
    match owner {
        Some(owner) if owner.operation == *operation => Ok(None),
        _ => Err(error),
    }
}

#[async_trait]
impl Snapshots for Gcp {
    async fn snapshot(&self, id: &RemoteId, name: &str) -> Result<SnapshotInfo, ProviderError> {
        let (client, place) = (self.client()?, Place::of(id)?);
        let instance = client.instance(&place).await?.ok_or_else(|| gone(&place))?;
        if of(client, &instance).await?.iter().any(|image| name_of(image) == name) {
            let message = format!("There is a snapshot called `{name}` already.");
            return Err(ProviderError::new(ProviderErrorKind::AlreadyExists, message));
        }
        let image = image_name(&instance, name);
        let labels = own_labels(&instance, name);
        let operation = one_off();
        let begun = client.save_disk(&operation, image_of(&instance, &image, labels)).await?;
        client.saved(&image, begun).await?;
        Ok(info(&client.available(&image).await?, id))
    }

    /// A disk that an instance starts from could only be exchanged.
    fn restores(&self) -> bool {
        false
    }

    async fn restore(&self, id: &RemoteId, snapshot: &str) -> Result<(), ProviderError> {
        let (client, place) = (self.client()?, Place::of(id)?);
        let instance = client.instance(&place).await?.ok_or_else(|| gone(&place))?;
        let saved = of(client, &instance).await?;
        let Some(image) = saved.iter().find(|image| name_of(image) == snapshot) else {
            return Err(unknown_snapshot(snapshot, &saved));
        };
        let message = format!(
            "sandplan puts no disk back on Google Cloud. Begin a sandbox with it instead: from = \
             \"{}\".",
            image.name.as_deref().unwrap_or_default()
        );
        Err(ProviderError::new(ProviderErrorKind::Rejected, message))
    }

    async fn snapshots(&self, id: &RemoteId) -> Result<Vec<SnapshotInfo>, ProviderError> {
        let (client, place) = (self.client()?, Place::of(id)?);
        let instance = client.instance(&place).await?.ok_or_else(|| gone(&place))?;
        let saved = of(client, &instance).await?;
        let mut infos: Vec<_> = saved.iter().map(|image| info(image, id)).collect();
        infos.sort_by_key(|info| (info.created_at, info.name.clone()));
        Ok(infos)
    }
}

fn one_off() -> OperationId {
    OperationId::from(uuid::Uuid::new_v4().simple().to_string())
}

async fn of(client: &Client, instance: &Instance) -> Result<Vec<Image>, ProviderError> {
    let number = instance.id.unwrap_or_default();
    client.images(&format!("labels.{SANDBOX} = \"{number}\"")).await
}

/// Names of images are the project's, those of snapshots the sandbox's.
fn image_name(instance: &Instance, name: &str) -> String {
    let text = format!("{}\n{name}", instance.id.unwrap_or_default());
    let digest = Sha256::digest(text.as_bytes());
    let end: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    fitting(&format!("{}-{end}", instance.name.as_deref().unwrap_or("saved")), LONGEST_NAME)
}

/// The disk has the host key that is in force now, so its labels have it, too.
fn own_labels(instance: &Instance, name: &str) -> Labels {
    let all = remote::labels_of(instance);
    let project = all.iter().filter(|(key, _)| key.starts_with(labels::PROJECT));
    let project = project.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut labels = with_keys(&project, &all);
    labels.insert(SANDBOX.to_owned(), instance.id.unwrap_or_default().to_string());
    labels.extend(LOWER.labels_of(NAME, name));
    labels
}

fn name_of(image: &Image) -> String {
    LOWER.take(&remote::labels_of_image(image), NAME).unwrap_or_default()
}

fn info(image: &Image, sandbox: &RemoteId) -> SnapshotInfo {
    let created = image.creation_timestamp.as_deref().and_then(|at| at.parse().ok());
    let bytes = image.archive_size_bytes.and_then(|bytes| u64::try_from(bytes).ok());
    SnapshotInfo {
        id: RemoteId::from(image.name.clone().unwrap_or_default()),
        name: name_of(image),
        sandbox: sandbox.clone(),
        created_at: created.unwrap_or(Timestamp::UNIX_EPOCH),
        bytes: bytes.unwrap_or_default(),
    }
}

fn unknown_image(name: &str) -> ProviderError {
    let message =
        format!("The image `{name}` is gone. Run `sandplan plan` to see what is missing.");
    ProviderError::new(ProviderErrorKind::NotFound, message)
}

fn unknown_snapshot(name: &str, saved: &[Image]) -> ProviderError {
    let names: Vec<String> = saved.iter().map(name_of).collect();
    let message = match names.as_slice() {
        [] => "Nothing was saved of this sandbox yet: `sandplan snapshot` does that.".to_owned(),
        some => format!("There is no snapshot `{name}`; there are: {}.", some.join(", ")),
    };
    ProviderError::new(ProviderErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_disk_remembers_its_sandbox_its_name_and_its_host_key() {
        let keys = [("sandplan-host-key", "abc"), ("sandplan-project", "p"), ("team", "a")];
        let instance = Instance::new().set_name("web").set_id(7_u64).set_labels(keys);
        let labels = own_labels(&instance, "Before Upgrade");
        let image = Image::new().set_labels(labels.clone());
        assert_eq!(name_of(&image), "Before Upgrade");
        assert!(is_by_hand(&image) && labels["sandplan-host-key"] == "abc");
        assert!(!labels.contains_key("team"));
        assert_ne!(image_name(&instance, "a"), image_name(&instance, "b"));
    }
}
