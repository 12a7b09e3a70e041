//! Sandboxes are servers: from a sandbox's arguments to calls, and back.

use std::sync::Arc;

use super::change::{Changing, gone};
use super::labels::{self, Labels};
use super::order::{self, Candidate, Order};
use super::pages::Filter;
use super::reach::Booting;
use super::remote::{self, HOST_KEY, ONCE_KEY};
use super::saved::with_keys;
use super::wire::{Server, SshKey};
use super::wish::DEFAULT_IMAGE;
use super::{Hetzner, number, unique_name};
use crate::object::{Ownership, RemoteObject, StepRecord};
use crate::provider::sandbox::Sandbox;
use crate::provider::{
    Committed, CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, ProvisionOutcome,
    ProvisionRequest, ResourceConfig, UpdateRequest,
};
use crate::provision::cloud_init::{self, HostKey, UserData};
use crate::provision::{self, Guest, setup};
use crate::ssh::host_key;
use crate::value::Value;

/// The most bytes of user-data that the platform takes.
pub const USER_DATA_LIMIT: usize = 32 * 1024;

/// What a server's disk begins with.
pub(super) struct Seed {
    pub user_data: String,
    /// The labels that say which host key is in it.
    pub keys: Labels,
}

impl Hetzner {
    pub(super) async fn create_server(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let sandbox = Sandbox::from_value(&request.attributes);
        let seed = self.seed(&sandbox)?;
        let order = Order {
            operation: request.operation.clone(),
            name: name_of(&sandbox, &request.ownership),
            image: image_of(&request.attributes),
            labels: owned(&request.ownership, &sandbox, &seed.keys),
            ssh_keys: self.uploaded(&sandbox.ssh_keys).await?,
            firewall: firewall_of(&sandbox)?,
            user_data: seed.user_data,
        };
        let candidates = Candidate::planned(&request.attributes);
        let (server, candidate) =
            order::place(&client, &order, &candidates, &request.reporter).await?;
        let object = remote::server(&server);
        let object = remote::with(object, "urls", remote::urls(&sandbox, &server));
        Ok(remote::with(object, "hourly_cost", Value::from(candidate.hourly_cost)))
    }

    /// Makes a host key and the user-data that it is in.
    pub(super) fn seed(&self, sandbox: &Sandbox) -> Result<Seed, ProviderError> {
        let access_key = self.reach.access_key()?;
        let (private, public) = host_key::generate().map_err(|error| {
            let message = format!("No host key could be made: {error}.");
            ProviderError::new(ProviderErrorKind::Unavailable, message)
        })?;
        let text = public.to_openssh();
        let rendered = cloud_init::user_data(&UserData {
            host_key: HostKey { private: private.expose(), public: &text },
            keys: &authorized_keys(sandbox, &access_key),
            setup: &setup::steps(sandbox),
        });
        rendered
            .fits(USER_DATA_LIMIT)
            .map_err(|error| ProviderError::new(ProviderErrorKind::Rejected, error.to_string()))?;
        let keys = [(ONCE_KEY.to_owned(), public.to_label())].into();
        Ok(Seed { user_data: rendered.text().to_owned(), keys })
    }

    /// Returns the ids of those public keys that the project holds.
    async fn uploaded(&self, keys: &[String]) -> Result<Vec<String>, ProviderError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let held = self.held_keys().await?;
        let is_asked = |key: &&SshKey| keys.iter().any(|k| is_same_key(k, &key.public_key));
        Ok(held.iter().filter(is_asked).map(|key| key.id.to_string()).collect())
    }

    /// Returns the public keys that the project holds.
    pub(super) async fn held_keys(&self) -> Result<Arc<Vec<SshKey>>, ProviderError> {
        let mut known = self.keys.lock().await;
        if let Some(keys) = &*known {
            return Ok(keys.clone());
        }
        let keys = Arc::new(self.client()?.list::<SshKey>(&Filter::all()).await?);
        *known = Some(keys.clone());
        Ok(keys)
    }

    pub(super) async fn update_server(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let id = number(&request.remote_id)?;
        let server = client.read::<Server>(id).await?.ok_or_else(|| gone(id))?;
        let changing = Changing { client: &client, server, reporter: &request.reporter };
        let sandbox = Sandbox::from_value(&request.attributes);
        let changes = |roots: &[&str]| request.changed.iter().any(|p| roots.contains(&p.root()));
        let rebuilds = changes(&["image", "from"]);
        let candidates = Candidate::planned(&request.attributes);
        let rescales = !changing.is_one_of(&candidates);
        if rebuilds || !rescales {
            changing.switch_on().await?;
        }
        if changes(&["network"]) {
            let was = Sandbox::from_value(&request.before);
            changing.fence(firewall_id(&was)?, firewall_id(&sandbox)?).await?;
        }
        let mut server = match rebuilds {
            true => self.with_new_disk(&changing, &request).await?,
            false => {
                let keys = with_keys(&Labels::new(), &changing.server.labels);
                let labels = owned(&request.ownership, &sandbox, &keys);
                changing.relabel(sandbox.name.as_deref(), &labels).await?
            }
        };
        let mut rescaled = None;
        if rescales {
            let done = changing.rescale(&candidates).await;
            rescaled = Some(if rebuilds { done.map_err(unknown) } else { done }?);
        }
        if rebuilds || rescales || changes(&["network"]) || changing.server.goes_off() {
            let read = client.read::<Server>(id).await.map_err(unknown)?;
            server = read.ok_or_else(|| gone(id))?;
        }
        let object = remote::server(&server);
        let object = remote::with(object, "urls", remote::urls(&sandbox, &server));
        Ok(match rescaled {
            Some(chosen) => remote::with(object, "hourly_cost", Value::from(chosen.hourly_cost)),
            None => object,
        })
    }

    /// Rebuilds a server. Whatever disk a run that is killed leaves, its host key is pinned.
    async fn with_new_disk(
        &self,
        changing: &Changing<'_>,
        request: &UpdateRequest,
    ) -> Result<Server, ProviderError> {
        let sandbox = Sandbox::from_value(&request.attributes);
        let name = sandbox.name.as_deref();
        let seed = self.seed(&sandbox)?;
        let label = |keys| owned(&request.ownership, &sandbox, keys);
        let either = either_key(&changing.server.labels, &seed.keys);
        changing.relabel(name, &label(&either)).await?;
        changing.rebuild(&image_of(&request.attributes), Some(&seed.user_data)).await?;
        changing.relabel(name, &label(&seed.keys)).await.map_err(unknown)
    }

    pub(super) async fn delete_server(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let actions = client.delete::<Server>(number(&request.remote_id)?).await?;
        request.reporter.waiting();
        Ok(client.wait(&actions, order::STARTING, |_| ()).await?)
    }

    pub(super) async fn provision_server(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        request.reporter.waiting();
        let client = self.client()?.reporting(&request.reporter);
        let id = number(&request.remote_id)?;
        let server = client.read::<Server>(id).await?.ok_or_else(|| gone(id))?;
        // The run that made it may not have lived to see whether it starts.
        let server = match server.comes_up() {
            true => order::running(&client, id, &request.reporter).await?,
            false => server,
        };
        let booting =
            Booting { client: &client, reach: &self.reach, server, reporter: &request.reporter };
        let guest = booting.guest().await?;
        let wanted = self.wanted(&Sandbox::from_value(&request.attributes))?;
        provision::provision(&guest, request, Some(&wanted), &*self.clock).await
    }

    /// Names the provisioning steps that are still to run.
    pub(super) fn pending(attributes: &Value, done: &[StepRecord]) -> Vec<String> {
        let sandbox = Sandbox::from_value(attributes);
        let steps = provision::pending(&sandbox, Some(&machine(&sandbox)), done);
        steps.into_iter().map(|step| step.name).collect()
    }

    /// Says what a server gets besides files and steps.
    pub(super) fn wanted(&self, sandbox: &Sandbox) -> Result<Guest, ProviderError> {
        Ok(Guest { access_key: Some(self.reach.access_key()?), ..machine(sandbox) })
    }
}

/// Says of an error that what came before it has been done.
fn unknown(error: ProviderError) -> ProviderError {
    error.committed(Committed::Unknown)
}

/// Pins the host key that a server shows now beside the one of its next disk.
fn either_key(now: &Labels, next: &Labels) -> Labels {
    let shown = [HOST_KEY, ONCE_KEY].into_iter().find_map(|key| now.get(key));
    let shown = shown.map(|label| (HOST_KEY.to_owned(), label.clone()));
    next.clone().into_iter().chain(shown).collect()
}

fn machine(sandbox: &Sandbox) -> Guest {
    let authorized_keys = sandbox.ssh_keys.clone();
    Guest { setup: setup::steps(sandbox), authorized_keys, access_key: None }
}

/// Returns the size in bytes of the user-data that a sandbox would be ordered with.
pub fn user_data_size(config: &ResourceConfig<'_>) -> usize {
    const KEY: usize = 81;
    const PRIVATE_KEY: usize = 400;
    let (key, private) = ("k".repeat(KEY), "k".repeat(PRIVATE_KEY));
    let sandbox = Sandbox::from_value(config.attributes);
    let data = UserData {
        host_key: HostKey { private: &private, public: &key },
        keys: &authorized_keys(&sandbox, &key),
        setup: &setup::steps(&sandbox),
    };
    cloud_init::user_data(&data).size()
}

/// Each operation has its own name unless the user chose one, so that a lost answer
/// never makes a second server, and old and new can stand side by side.
fn name_of(sandbox: &Sandbox, ownership: &Ownership) -> String {
    sandbox.name.clone().unwrap_or_else(|| unique_name(ownership))
}

fn image_of(attributes: &Value) -> String {
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    text("from").or(text("image")).unwrap_or(DEFAULT_IMAGE).to_owned()
}

fn owned(ownership: &Ownership, sandbox: &Sandbox, keys: &Labels) -> Labels {
    debug_assert!(keys.keys().all(|key| [HOST_KEY, ONCE_KEY].contains(&key.as_str())));
    let mut labels = labels::write(ownership, &sandbox.labels);
    labels.extend(keys.clone());
    labels
}

fn authorized_keys(sandbox: &Sandbox, access_key: &str) -> Vec<String> {
    let own = std::iter::once(access_key.to_owned());
    own.chain(sandbox.ssh_keys.iter().cloned()).collect()
}

fn firewall_id(sandbox: &Sandbox) -> Result<Option<u64>, ProviderError> {
    sandbox.network.as_ref().map(|id| number(&id.as_str().into())).transpose()
}

fn firewall_of(sandbox: &Sandbox) -> Result<Option<i64>, ProviderError> {
    Ok(firewall_id(sandbox)?.and_then(|id| i64::try_from(id).ok()))
}

/// Compares public keys without their comments.
pub(super) fn is_same_key(a: &str, b: &str) -> bool {
    let parts = |key: &str| {
        let mut words = key.split_whitespace();
        (words.next().map(str::to_owned), words.next().map(str::to_owned))
    };
    parts(a) == parts(b)
}
