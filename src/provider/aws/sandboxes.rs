//! Sandboxes are instances: from a sandbox's arguments to calls, and back.

use async_trait::async_trait;

use super::change::Changing;
use super::client::Client;
use super::expiry;
use super::ids::Place;
use super::order::{self, Order, running};
use super::remote::{self, DISK, NAME, named};
use super::wire::Tags;
use super::{Aws, TERMS, own};
use crate::object::{RemoteId, RemoteObject};
use crate::provider::cloud::labels::{ANY, Labels};
use crate::provider::cloud::object::{with, with_keys};
use crate::provider::cloud::place::{Planned, gone, place};
use crate::provider::cloud::reach::{Booting, Relabel};
use crate::provider::cloud::seed::{self, Seed};
use crate::provider::cloud::wish;
use crate::provider::sandbox::Sandbox;
use crate::provider::{
    CreateRequest, DeleteRequest, Machine, ProviderError, ProvisionOutcome, ProvisionRequest,
    UpdateRequest,
};
use crate::provision;
use crate::value::Value;

const INSTANCE: [&str; 1] = ["i-"];

impl Aws {
    pub(super) async fn create_sandbox(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let sandbox = Sandbox::from_value(&request.attributes);
        let expires = request.ownership.expires_at;
        let seed = Seed::expiring(&TERMS, &self.reach, &sandbox, expires)?;
        let name = seed::name_of(&sandbox, &request.ownership);
        let labels = seed::owned(&ANY, &request.ownership, (&sandbox.labels, &seed.keys));
        let order = Order {
            operation: request.operation.clone(),
            tags: named(&labels, &name),
            name,
            image: wish::image(&TERMS, &request.attributes),
            network: self.network_of(&client, &sandbox)?,
            subnet: own::subnet(&request.attributes).map(str::to_owned),
            user_data: seed.user_data.bytes().to_vec(),
            disk: own::disk(&request.attributes),
            is_spot: own::is_spot(&request.attributes),
        };
        let candidates = Planned::all(&request.attributes);
        let up = |candidate| self.up(&client, (&order, candidate), &request.reporter);
        let (instance, candidate) = place(&TERMS, &candidates, &request.reporter, up).await?;
        let object = remote::server(&instance).object_of(&ANY, &sandbox);
        Ok(with(object, "hourly_cost", Value::from(candidate.hourly_cost)))
    }

    fn network_of(
        &self,
        client: &Client,
        sandbox: &Sandbox,
    ) -> Result<Option<Place>, ProviderError> {
        let place = |id: &String| self.place(client, &id.as_str().into(), &["sg-"]);
        sandbox.network.as_ref().map(place).transpose()
    }

    pub(super) async fn update_sandbox(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, &INSTANCE)?;
        let instance = client.instance(&place.region, &place.id).await?;
        let instance = instance.ok_or_else(|| gone(&request.remote_id))?;
        let changing = Changing { client: &client, instance, reporter: &request.reporter };
        let sandbox = Sandbox::from_value(&request.attributes);
        let changes = |root: &str| request.changed.iter().any(|path| path.root() == root);
        let candidates = Planned::all(&request.attributes);
        let rescales = !changing.is_one_of(&candidates);
        if !rescales {
            changing.switch_on().await?;
        }
        if changes("network") {
            let vpc = &changing.instance.vpc;
            let group = match self.network_of(&client, &sandbox)? {
                Some(network) => network.id,
                None => self.ssh_group(&client, &place.region, vpc).await?,
            };
            changing.fence(&group).await?;
        }
        let rescaled = match rescales {
            true => Some(changing.rescale(&candidates).await?),
            false => None,
        };
        if changes("ttl") {
            self.rearm(&request, changing.read().await?).await?;
        }
        changing.retag(&self.tags_of(&request, &sandbox, &changing)).await?;
        let object = remote::server(&changing.read().await?).object_of(&ANY, &sandbox);
        Ok(match rescaled {
            Some(chosen) => with(object, "hourly_cost", Value::from(chosen.hourly_cost)),
            None => object,
        })
    }

    /// Returns the tags that a living instance is to have.
    fn tags_of(&self, request: &UpdateRequest, sandbox: &Sandbox, changing: &Changing<'_>) -> Tags {
        let was = &changing.instance.tags;
        let keys = with_keys(&Labels::new(), was);
        let mut labels = seed::owned(&ANY, &request.ownership, (&sandbox.labels, &keys));
        labels.extend(was.get(DISK).map(|disk| (DISK.to_owned(), disk.clone())));
        let name = sandbox.name.as_ref().or(was.get(NAME));
        match name {
            Some(name) => named(&labels, name),
            None => labels,
        }
    }

    /// Tells the guest of its new end, by which it switches itself off.
    async fn rearm(
        &self,
        request: &UpdateRequest,
        instance: super::wire::Instance,
    ) -> Result<(), ProviderError> {
        request.reporter.phase("setting the new time of expiry");
        let machine = Machine::of(request.remote_id.clone()).as_root();
        let guest = self.reach.told(&remote::server(&instance))?;
        expiry::rearm(&guest, &machine, request.ownership.expires_at).await
    }

    pub(super) async fn delete_sandbox(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, &INSTANCE)?;
        client.terminate(&place.region, &place.id).await?;
        request.reporter.waiting();
        order::gone(&client, &place, &request.reporter).await
    }

    pub(super) async fn provision_sandbox(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        request.reporter.waiting();
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, &INSTANCE)?;
        let instance = client.instance(&place.region, &place.id).await?;
        let instance = instance.ok_or_else(|| gone(&request.remote_id))?;
        // The run that made it may not have lived to see whether it starts.
        let instance = match instance.comes_up() {
            true => running(&client, place.parts(), &request.reporter).await?,
            false => instance,
        };
        let server = remote::server(&instance);
        let (reach, reporter) = (&self.reach, &request.reporter);
        let booting = Booting { platform: &client, reach, server, reporter };
        let guest = tokio::select! {
            guest = booting.guest() => guest?,
            error = order::end(&client, place.parts()) => return Err(error),
        };
        let wanted = seed::wanted(reach, &Sandbox::from_value(&request.attributes))?;
        provision::provision(&guest, request, Some(&wanted), &*self.clock).await
    }
}

#[async_trait]
impl Relabel for Client {
    async fn relabel(&self, id: &RemoteId, labels: &Labels) -> Result<(), ProviderError> {
        let place = Place::of(id, self.first_region(), &INSTANCE)?;
        let instance = self.instance(&place.region, &place.id).await?.ok_or_else(|| gone(id))?;
        let wanted = match instance.tags.get(NAME) {
            Some(name) => named(labels, name),
            None => labels.clone(),
        };
        self.retag(place.parts(), &instance.tags, &wanted).await
    }
}
