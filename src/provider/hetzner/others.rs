//! SSH keys and snapshots: from arguments to calls, and back.

use super::calls::{Owned, hashed};
use super::client::Client;
use super::models::CreateSshKeyRequest;
use super::pages::Filter;
use super::selector::Selector;
use super::wire::{Image, Made, Server, SshKey};
use super::{Hetzner, number, remote, saved};
use crate::address::Address;
use crate::object::{OperationId, RemoteId, RemoteObject};
use crate::provider::cloud::labels::WORDS;
use crate::provider::cloud::object::unique_name;
use crate::provider::cloud::once::once;
use crate::provider::cloud::place::gone;
use crate::provider::cloud::seed::is_same_key;
use crate::provider::snapshot::Snapshot;
use crate::provider::ssh_key::SshKey as Arguments;
use crate::provider::{
    Committed, CreateRequest, ProviderError, ProviderErrorKind, Report, UpdateRequest,
};

impl Hetzner {
    pub(super) async fn create_ssh_key(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Arguments::from_value(&request.attributes);
        let name = arguments.name.unwrap_or_else(|| unique_name(&request.ownership));
        let wanted = CreateSshKeyRequest {
            name,
            public_key: arguments.public_key,
            labels: Some(hashed(&WORDS.write(&request.ownership, &arguments.labels))),
        };
        let send = || client.create_ssh_key(&wanted);
        let made = once(send, || found::<SshKey>(&client, &request.operation)).await;
        *self.keys.lock().await = None;
        let key = match made {
            Err(error) if error.kind == ProviderErrorKind::AlreadyExists => {
                return Err(self.held(error, (&request.ownership.address, &wanted)).await);
            }
            made => made?.object,
        };
        request.reporter.send(Report::RemoteId(RemoteId::from(key.id.to_string())));
        Ok(remote::ssh_key(&key))
    }

    /// Says which key of the project stands in the way: a project holds a public key
    /// once, and a name once.
    async fn held(
        &self,
        error: ProviderError,
        (address, wanted): (&Address, &CreateSshKeyRequest),
    ) -> ProviderError {
        let held = self.held_keys().await.unwrap_or_default();
        let is_it = |key: &&SshKey| {
            is_same_key(&key.public_key, &wanted.public_key) || key.name == wanted.name
        };
        let Some(key) = held.iter().find(is_it) else { return error };
        let remedy = match WORDS.ownership(&key.labels) {
            Some(owner) => format!(
                "It belongs to the project `{}`, as {}. Write the public key itself into \
                 `ssh_keys` of the sandboxes instead.",
                owner.project, owner.address
            ),
            None => format!(
                "Take it over with `sandplan import '{address}' {}`, delete it in the Cloud \
                 Console, or write the public key itself into `ssh_keys` of the sandboxes.",
                key.id
            ),
        };
        let message = format!(
            "{} The project has that key already: `{}` ({}). {remedy}",
            error.message, key.name, key.id
        );
        ProviderError { message, ..error }
    }

    pub(super) async fn update_ssh_key(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Arguments::from_value(&request.attributes);
        let labels = WORDS.write(&request.ownership, &arguments.labels);
        let id = number(&request.remote_id)?;
        let key = client.change::<SshKey>(id, arguments.name.as_deref(), &labels).await?;
        Ok(remote::ssh_key(&key))
    }

    /// Saves the disk of a sandbox. Unlike names of servers, descriptions need not be
    /// unique, so of a lost answer the platform has to say what became of it.
    pub(super) async fn create_snapshot(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Snapshot::from_value(&request.attributes);
        let id = number(&arguments.sandbox.as_str().into())?;
        let server = client
            .read::<Server>(id)
            .await?
            .ok_or_else(|| gone(&arguments.sandbox.as_str().into()))?;
        let name = arguments.name.unwrap_or_else(|| unique_name(&request.ownership));
        let labels = WORDS.write(&request.ownership, &arguments.labels);
        let made = match client.create_image(id, &name, &labels).await {
            Ok(made) => made,
            Err(error) if error.committed == Committed::Unknown => {
                // Who cannot ask is no wiser: then what the call said stands.
                let found = found::<Image>(&client, &request.operation).await;
                found.ok().flatten().ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        let remote_id = RemoteId::from(made.object.id.to_string());
        request.reporter.send(Report::RemoteId(remote_id.clone()));
        request.reporter.waiting();
        request.reporter.phase(format!("saving the disk of {}", server.name));
        let partly =
            |error: ProviderError| error.committed(Committed::Partially(remote_id.clone()));
        let waited = client.wait(&made.actions, saved::SAVING, |_| ()).await;
        waited.map_err(|error| partly(error.into()))?;
        let image = saved::available(&client, made.object.id).await.map_err(partly)?;
        Ok(remote::snapshot(&image))
    }

    pub(super) async fn update_snapshot(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let arguments = Snapshot::from_value(&request.attributes);
        let labels = WORDS.write(&request.ownership, &arguments.labels);
        let id = number(&request.remote_id)?;
        let image = client.change::<Image>(id, arguments.name.as_deref(), &labels).await?;
        Ok(remote::snapshot(&image))
    }

    /// Deletes an object and waits until it is gone.
    pub(super) async fn gone<T: Owned>(&self, id: u64) -> Result<(), ProviderError> {
        let client = self.client()?;
        let actions = client.delete::<T>(id).await?;
        Ok(client.wait(&actions, super::order::STARTING, |_| ()).await?)
    }
}

/// Looks for what an operation has made; what still goes on in it is not known.
pub(super) async fn found<T: Owned>(
    client: &Client,
    operation: &OperationId,
) -> Result<Option<Made<T>>, ProviderError> {
    let filter = Filter::labelled(&Selector::operation(operation));
    let made = client.list::<T>(&filter).await?.into_iter().next();
    Ok(made.map(|object| Made { object, actions: Vec::new() }))
}
