//! Sandboxes are servers: from a sandbox's arguments to calls, and back.

use std::sync::Arc;

use super::change::Changing;
use super::order::{self, Order};
use super::pages::Filter;
use super::wire::{Server, SshKey};
use super::{Hetzner, TERMS, number, remote};
use crate::object::RemoteObject;
use crate::provider::cloud::labels::{Labels, WORDS};
use crate::provider::cloud::object::{with, with_keys};
use crate::provider::cloud::place::{Planned, gone, place};
use crate::provider::cloud::reach::Booting;
use crate::provider::cloud::seed::{self, Seed, is_same_key};
use crate::provider::cloud::wish;
use crate::provider::sandbox::Sandbox;
use crate::provider::{
    Committed, CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, ProvisionOutcome,
    ProvisionRequest, UpdateRequest,
};
use crate::provision;
use crate::value::Value;

impl Hetzner {
    pub(super) async fn create_server(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let sandbox = Sandbox::from_value(&request.attributes);
        let seed = Seed::new(&TERMS, &self.reach, &sandbox)?;
        let order = Order {
            operation: request.operation.clone(),
            name: seed::name_of(&sandbox, &request.ownership),
            image: image_of(&request.attributes)?,
            labels: seed::owned(&WORDS, &request.ownership, (&sandbox.labels, &seed.keys)),
            ssh_keys: self.uploaded(&sandbox.ssh_keys).await?,
            firewall: firewall_of(&sandbox)?,
            user_data: seed.user_data.text().to_owned(),
        };
        let candidates = Planned::all(&request.attributes);
        let up = |candidate| order::up(&client, &order, candidate, &request.reporter);
        let (server, candidate) = place(&TERMS, &candidates, &request.reporter, up).await?;
        let object = remote::server(&server).object_of(&WORDS, &sandbox);
        Ok(with(object, "hourly_cost", Value::from(candidate.hourly_cost)))
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
        let server = client.read::<Server>(id).await?.ok_or_else(|| gone(&request.remote_id))?;
        let changing = Changing { client: &client, server, reporter: &request.reporter };
        let sandbox = Sandbox::from_value(&request.attributes);
        let changes = |roots: &[&str]| request.changed.iter().any(|p| roots.contains(&p.root()));
        let rebuilds = changes(&["image", "from"]);
        let candidates = Planned::all(&request.attributes);
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
                let user = &sandbox.labels;
                let labels = seed::owned(&WORDS, &request.ownership, (user, &keys));
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
            server = read.ok_or_else(|| gone(&request.remote_id))?;
        }
        let object = remote::server(&server).object_of(&WORDS, &sandbox);
        Ok(match rescaled {
            Some(chosen) => with(object, "hourly_cost", Value::from(chosen.hourly_cost)),
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
        let seed = Seed::new(&TERMS, &self.reach, &sandbox)?;
        let user = &sandbox.labels;
        let label = |keys: &Labels| seed::owned(&WORDS, &request.ownership, (user, keys));
        let either = seed::either_key(&changing.server.labels, &seed.keys);
        changing.relabel(name, &label(&either)).await?;
        let image = image_of(&request.attributes)?;
        changing.rebuild(&image, Some(seed.user_data.text())).await?;
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
        let server = client.read::<Server>(id).await?.ok_or_else(|| gone(&request.remote_id))?;
        // The run that made it may not have lived to see whether it starts.
        let server = match server.comes_up() {
            true => order::running(&client, id, &request.reporter).await?,
            false => server,
        };
        let server = remote::server(&server);
        let (reach, reporter) = (&self.reach, &request.reporter);
        let guest = Booting { platform: &client, reach, server, reporter }.guest().await?;
        let wanted = seed::wanted(reach, &Sandbox::from_value(&request.attributes))?;
        provision::provision(&guest, request, Some(&wanted), &*self.clock).await
    }
}

/// Says of an error that what came before it has been done.
fn unknown(error: ProviderError) -> ProviderError {
    error.committed(Committed::Unknown)
}

fn firewall_id(sandbox: &Sandbox) -> Result<Option<u64>, ProviderError> {
    sandbox.network.as_ref().map(|id| number(&id.as_str().into())).transpose()
}

fn firewall_of(sandbox: &Sandbox) -> Result<Option<i64>, ProviderError> {
    Ok(firewall_id(sandbox)?.and_then(|id| i64::try_from(id).ok()))
}

/// Returns the name or id of what a disk begins with.
fn image_of(attributes: &Value) -> Result<String, ProviderError> {
    wish::image(&TERMS, attributes).ok_or_else(|| {
        let message = "It is not known which image the server begins with.";
        ProviderError::new(ProviderErrorKind::Rejected, message)
    })
}
