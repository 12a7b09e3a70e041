//! Sandboxes are instances: from a sandbox's arguments to calls, and back.

use google_cloud_compute_v1::model::Instance;

use super::calls::Act;
use super::change::{Changing, Restart, unknown};
use super::firewalls::{SSH_TAG, tag_of};
use super::order::{self, Order};
use super::own::{Own, run_time};
use super::terms::TERMS;
use super::wire::{LONGEST_NAME, Place};
use super::{Gcp, named, remote};
use crate::object::{Ownership, RemoteObject};
use crate::provider::cloud::labels::{LOWER, Labels};
use crate::provider::cloud::object::{with, with_keys};
use crate::provider::cloud::place::{Planned, place};
use crate::provider::cloud::reach::Booting;
use crate::provider::cloud::seed::{self, Seed};
use crate::provider::cloud::wish;
use crate::provider::sandbox::Sandbox;
use crate::provider::{
    CreateRequest, DeleteRequest, ProviderError, ProviderErrorKind, ProvisionOutcome,
    ProvisionRequest, UpdateRequest,
};
use crate::provision;
use crate::value::Value;

impl Gcp {
    pub(super) async fn create_instance(
        &self,
        request: CreateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let sandbox = Sandbox::from_value(&request.attributes);
        let own = Own::of(&request.attributes);
        let seed = Seed::new(&TERMS, &self.reach, &sandbox)?;
        let order = Order {
            operation: request.operation.clone(),
            name: named(sandbox.name.as_deref(), &request.ownership, LONGEST_NAME),
            image: image_of(&request.attributes)?,
            labels: seed::owned(&LOWER, &request.ownership, (&sandbox.labels, &seed.keys)),
            tag: self.tag(&request.operation, &sandbox, &own).await?,
            user_data: seed.user_data.text().to_owned(),
            run_time: run_time(request.ownership.expires_at, (self.clock)()),
            own,
        };
        let candidates = Planned::all(&request.attributes);
        let up = |candidate| order::up(&client, &order, candidate, &request.reporter);
        let (instance, candidate) = place(&TERMS, &candidates, &request.reporter, up).await?;
        let object = remote::server(&instance).object_of(&LOWER, &sandbox);
        Ok(with(object, "hourly_cost", Value::from(candidate.hourly_cost)))
    }

    /// Returns the network tag of a sandbox; where it names no network, the rule that lets
    /// SSH through to it is there afterwards.
    async fn tag(
        &self,
        operation: &crate::object::OperationId,
        sandbox: &Sandbox,
        own: &Own,
    ) -> Result<String, ProviderError> {
        if let Some(network) = &sandbox.network {
            return Ok(tag_of(network));
        }
        self.let_ssh_through(operation, &own.vpc).await?;
        Ok(SSH_TAG.to_owned())
    }

    pub(super) async fn update_instance(
        &self,
        request: UpdateRequest,
    ) -> Result<RemoteObject, ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        let place = Place::of(&request.remote_id)?;
        let (operation, reporter) = (&request.operation, &request.reporter);
        let changing = Changing { client: &client, place: &place, operation, reporter };
        let sandbox = Sandbox::from_value(&request.attributes);
        let own = Own::of(&request.attributes);
        let changes = |root: &str| request.changed.iter().any(|path| path.root() == root);
        if changes("network") {
            changing.fence(&self.tag(operation, &sandbox, &own).await?).await?;
        }
        changing.relabel(|now| labels(&request.ownership, &sandbox, now)).await?;
        let candidates = Planned::all(&request.attributes);
        let rescales = !is_one_of(&changing.read().await?, &candidates);
        let how = Restart {
            candidates: if rescales { &candidates } else { &[] },
            spot: own.spot,
            run_time: run_time(request.ownership.expires_at, (self.clock)()),
        };
        let chosen = match rescales || changes("ttl") {
            true => changing.restart(&how).await?,
            false => changing.switch_on(&how).await.map(|()| None)?,
        };
        let instance = changing.read().await.map_err(unknown)?;
        let object = remote::server(&instance).object_of(&LOWER, &sandbox);
        Ok(match chosen {
            Some(chosen) => with(object, "hourly_cost", Value::from(chosen.hourly_cost)),
            None => object,
        })
    }

    pub(super) async fn delete_instance(
        &self,
        request: DeleteRequest,
    ) -> Result<(), ProviderError> {
        let client = self.client()?.reporting(&request.reporter);
        request.reporter.waiting();
        let place = Place::of(&request.remote_id)?;
        client.delete_instance(Act { place: &place, operation: &request.operation }).await
    }

    pub(super) async fn provision_instance(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        request.reporter.waiting();
        let client = self.client()?.reporting(&request.reporter);
        let place = Place::of(&request.remote_id)?;
        // The run that made it may not have lived to see whether it starts.
        let instance = client.instance(&place).await?.ok_or_else(|| order::gone(&place))?;
        let instance = match remote::is_running(&instance) || remote::goes_off(&instance) {
            true => instance,
            false => order::running(&client, &place, &request.reporter).await?,
        };
        let server = remote::server(&instance);
        let (reach, reporter) = (&self.reach, &request.reporter);
        let guest = Booting { platform: &client, reach, server, reporter }.guest().await?;
        let wanted = seed::wanted(reach, &Sandbox::from_value(&request.attributes))?;
        provision::provision(&guest, request, Some(&wanted), &*self.clock).await
    }
}

/// Returns all labels that a sandbox's instance has to have; its host keys stay.
fn labels(ownership: &Ownership, sandbox: &Sandbox, now: &Labels) -> Labels {
    let keys = with_keys(&Labels::new(), now);
    seed::owned(&LOWER, ownership, (&sandbox.labels, &keys))
}

/// Tells whether an instance has one of the types that were planned; where none was
/// planned, any will do.
fn is_one_of(instance: &Instance, candidates: &[Planned]) -> bool {
    let own = remote::server(instance).server_type;
    candidates.is_empty() || candidates.iter().any(|candidate| candidate.server_type == own)
}

/// Returns the name or path of what a disk begins with.
fn image_of(attributes: &Value) -> Result<String, ProviderError> {
    wish::image(&TERMS, attributes).ok_or_else(|| {
        let message = "It is not known which image the instance begins with.";
        ProviderError::new(ProviderErrorKind::Rejected, message)
    })
}
