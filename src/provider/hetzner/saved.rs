//! Disks saved by `sandplan snapshot`, and put back by `sandplan restore`.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::change::Changing;
use super::client::Client;
use super::selector::Selector;
use super::wire::{Image, Server};
use super::{Hetzner, TERMS, number, remote};
use crate::object::RemoteId;
use crate::provider::cloud::labels::Labels;
use crate::provider::cloud::object::with_keys;
use crate::provider::cloud::place::gone;
use crate::provider::cloud::reach::Booting;
use crate::provider::cloud::seed::Seed;
use crate::provider::sandbox::Sandbox;
use crate::provider::{ProviderError, ProviderErrorKind, Reporter, SnapshotInfo, Snapshots};

/// The id of the server that a disk was saved of.
const SANDBOX: &str = "sandplan-sandbox";
/// How long saving a disk may take.
pub const SAVING: Duration = Duration::from_secs(3600);
/// Between two looks at a disk that is being saved.
const LOOK: Duration = Duration::from_secs(1);

#[async_trait]
impl Snapshots for Hetzner {
    async fn snapshot(&self, id: &RemoteId, name: &str) -> Result<SnapshotInfo, ProviderError> {
        let client = self.client()?;
        let server = client.read::<Server>(number(id)?).await?.ok_or_else(|| gone(id))?;
        if of(client, server.id).await?.iter().any(|image| image.description == name) {
            let message = format!("There is a snapshot called `{name}` already.");
            return Err(ProviderError::new(ProviderErrorKind::AlreadyExists, message));
        }
        let image = save(client, &server, name, labels(&server)).await?;
        Ok(info(&image))
    }

    async fn restore(&self, id: &RemoteId, snapshot: &str) -> Result<(), ProviderError> {
        let client = self.client()?;
        let server = client.read::<Server>(number(id)?).await?.ok_or_else(|| gone(id))?;
        let saved = of(client, server.id).await?;
        let Some(image) = saved.iter().find(|image| image.description == snapshot) else {
            return Err(unknown(snapshot, &saved));
        };
        self.rebuilt(client, server, image).await
    }

    async fn snapshots(&self, id: &RemoteId) -> Result<Vec<SnapshotInfo>, ProviderError> {
        let mut saved = of(self.client()?, number(id)?).await?;
        saved.sort_by_key(|image| (image.created, image.id));
        Ok(saved.iter().map(info).collect())
    }
}

impl Hetzner {
    /// Gives a server a saved disk and waits until it can be reached. Whether the guest
    /// then keeps the host key of that disk or takes the new one is its own affair, so
    /// both are pinned until it was reached.
    async fn rebuilt(
        &self,
        client: &Client,
        server: Server,
        image: &Image,
    ) -> Result<(), ProviderError> {
        let seed = Seed::new(&TERMS, &self.reach, &Sandbox::default())?;
        let mut labels = with_keys(&server.labels, &image.labels);
        labels.extend(seed.keys);
        let reporter = Reporter::silent();
        let changing = Changing { client, server, reporter: &reporter };
        let server = changing.relabel(None, &labels).await?;
        changing.rebuild(&image.id.to_string(), Some(seed.user_data.text())).await?;
        let server = remote::server(&server);
        let booting = Booting { platform: client, reach: &self.reach, server, reporter: &reporter };
        booting.guest().await.map(drop)
    }
}

/// Saves a server's disk and waits until that is done.
pub async fn save(
    client: &Client,
    server: &Server,
    name: &str,
    labels: Labels,
) -> Result<Image, ProviderError> {
    let made = client.create_image(server.id, name, &labels).await?;
    client.wait(&made.actions, SAVING, |_| ()).await?;
    available(client, made.object.id).await
}

/// Waits until a disk is saved, also where the action that saves it is not known.
pub async fn available(client: &Client, id: u64) -> Result<Image, ProviderError> {
    let end = Instant::now() + SAVING;
    let unusable = |why: String| {
        let message = format!("The snapshot {id} {why}.");
        Err(ProviderError::new(ProviderErrorKind::Unavailable, message))
    };
    loop {
        match client.read::<Image>(id).await? {
            Some(image) if image.status == "available" => return Ok(image),
            Some(image) if image.status == "creating" && Instant::now() < end => {}
            Some(image) => return unusable(format!("is `{}`", image.status)),
            None => return unusable("vanished while it was being saved".to_owned()),
        }
        sleep(LOOK).await;
    }
}

async fn of(client: &Client, server: u64) -> Result<Vec<Image>, ProviderError> {
    client.snapshots(&Selector::equal(SANDBOX, &server.to_string())).await
}

/// The disk has the host key that is in force now, so its labels have it, too.
fn labels(server: &Server) -> Labels {
    let project = server.labels.iter().filter(|(key, _)| key.starts_with("sandplan-project"));
    let project = project.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut labels = with_keys(&project, &server.labels);
    labels.insert(SANDBOX.to_owned(), server.id.to_string());
    labels
}

/// Tells whether a disk was saved by a command, not by a `snapshot` block.
pub fn is_by_hand(image: &Image) -> bool {
    image.labels.contains_key(SANDBOX)
}

fn info(image: &Image) -> SnapshotInfo {
    const GB: f64 = 1e9;
    SnapshotInfo {
        id: RemoteId::from(image.id.to_string()),
        name: image.description.clone(),
        sandbox: RemoteId::from(image.labels.get(SANDBOX).map_or("", String::as_str)),
        created_at: image.created.unwrap_or(Timestamp::UNIX_EPOCH),
        bytes: (image.image_size.unwrap_or_default() * GB) as u64,
    }
}

fn unknown(name: &str, saved: &[Image]) -> ProviderError {
    let names: Vec<&str> = saved.iter().map(|image| image.description.as_str()).collect();
    let message = match names.as_slice() {
        [] => "Nothing was saved of this sandbox yet: `sandplan snapshot` does that.".to_owned(),
        some => format!("There is no snapshot `{name}`; there are: {}.", some.join(", ")),
    };
    ProviderError::new(ProviderErrorKind::NotFound, message)
}
