//! Orders an instance, once and no second time, and waits until it runs.
//!
//! The order's token is made of the operation and the candidate: EC2 takes it once,
//! however often it is sent.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Aws;
use super::calls::Which;
use super::calls::instances::Run;
use super::calls::subnets::Subnet;
use super::client::Client;
use super::ids::{Place, id};
use super::networks::no_default;
use super::remote::DISK;
use super::wire::{Image, Instance, Tags};
use crate::object::OperationId;
use crate::provider::cloud::once::once;
use crate::provider::cloud::place::{Planned, half_made};
use crate::provider::cloud::region;
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Report, Reporter};
use crate::value::Value;

/// How long an instance may take to run after it was ordered.
pub const STARTING: Duration = Duration::from_secs(600);
/// How long EC2 may take to know of what it has just made.
const APPEARING: Duration = Duration::from_secs(60);

/// What is ordered, whatever the candidate.
pub struct Order {
    pub operation: OperationId,
    pub name: String,
    /// The id of an image, where the candidate names none.
    pub image: Option<String>,
    pub tags: Tags,
    /// A security group, with its region; nothing takes the one for SSH.
    pub network: Option<Place>,
    pub subnet: Option<String>,
    pub user_data: Vec<u8>,
    /// GiB.
    pub disk: u64,
    pub is_spot: bool,
}

impl Aws {
    /// Orders one candidate and waits until it runs. One that EC2 took and then had no
    /// room for is gone again.
    pub(super) async fn up(
        &self,
        client: &Client,
        (order, candidate): (&Order, &Planned),
        reporter: &Reporter,
    ) -> Result<Instance, ProviderError> {
        let run = self.run(client, order, candidate).await?;
        let find = async || {
            let made = Which::Operation(order.operation.clone());
            let made = client.instances(&run.region, &made).await?;
            Ok(made.into_iter().find(|instance| !instance.is_going()))
        };
        let made = once(|| client.run_instance(&run), find).await?;
        let remote = id(&run.region, &made.id);
        reporter.send(Report::RemoteId(remote.clone()));
        let cost = Value::from(candidate.hourly_cost.as_str());
        reporter.send(Report::Attributes(vec![("hourly_cost".into(), cost)]));
        reporter.waiting();
        match running(client, (&run.region, &made.id), reporter).await {
            Err(error) if error.kind == ProviderErrorKind::NoCapacity => Err(error),
            Err(error) => Err(half_made(error, &order.name, &remote)),
            up => up,
        }
    }

    async fn run(
        &self,
        client: &Client,
        order: &Order,
        candidate: &Planned,
    ) -> Result<Run, ProviderError> {
        let region = region::of(&candidate.location).to_owned();
        let image = candidate.image.as_ref().or(order.image.as_ref());
        let image = self.image_there(client, &region, image.map_or("", String::as_str)).await?;
        let subnet = self.subnet(client, order.subnet.as_deref(), &candidate.location).await?;
        let group = match &order.network {
            Some(place) if place.region == region => place.id.clone(),
            Some(place) => return Err(elsewhere(place, &region)),
            None => self.ssh_group(client, &region, &subnet.vpc).await?,
        };
        let disk = order.disk.max(image.disk);
        let mut tags = order.tags.clone();
        tags.insert(DISK.to_owned(), disk.to_string());
        Ok(Run {
            token: token(&order.operation, candidate, order.is_spot),
            image: image.id.clone(),
            root_device: image.root_device.clone(),
            instance_type: candidate.server_type.clone(),
            zone: candidate.location.clone(),
            subnet: subnet.id,
            groups: vec![group],
            user_data: STANDARD.encode(&order.user_data),
            is_spot: order.is_spot,
            region,
            tags,
            disk,
        })
    }

    /// Reads an image, once.
    async fn image_there(
        &self,
        client: &Client,
        region: &str,
        image: &str,
    ) -> Result<Image, ProviderError> {
        let place = Place::of(&image.into(), region, &["ami-"])?;
        if place.region != region {
            return Err(no_room(format!(
                "The snapshot {image} is in another region than {region}."
            )));
        }
        let mut known = self.images.lock().await;
        if let Some(image) =
            known.iter().find(|known| known.region == region && known.id == place.id)
        {
            return Ok(image.clone());
        }
        let Some(found) = client.image(region, &place.id).await? else {
            let message = format!(
                "There is no image {} in {region}, or it may not be used. Images of AWS are of one \
                 region only.",
                place.id
            );
            return Err(ProviderError::new(ProviderErrorKind::Rejected, message));
        };
        known.push(found.clone());
        Ok(found)
    }

    /// Returns the subnet that was named, or the default one of a zone.
    async fn subnet(
        &self,
        client: &Client,
        named: Option<&str>,
        zone: &str,
    ) -> Result<Subnet, ProviderError> {
        let region = region::of(zone);
        let all = self.subnets(client, region).await?;
        let found = match named {
            Some(id) => all.iter().find(|subnet| subnet.id == id),
            None => all.iter().find(|subnet| subnet.is_default && subnet.zone == zone),
        };
        match (found, named) {
            (Some(subnet), _) => Ok(subnet.clone()),
            (None, Some(id)) => Err(no_room(format!("There is no subnet {id} in {region}."))),
            (None, None) if all.iter().any(|subnet| subnet.is_default) => {
                Err(no_room(format!("The zone {zone} has no default subnet.")))
            }
            (None, None) => Err(no_default(region)),
        }
    }

    /// Lists the subnets of a region, once.
    pub(super) async fn subnets(
        &self,
        client: &Client,
        region: &str,
    ) -> Result<Vec<Subnet>, ProviderError> {
        let mut known = self.known_subnets.lock().await;
        if let Some(subnets) = known.get(region) {
            return Ok(subnets.clone());
        }
        let subnets = client.subnets(region).await?;
        known.insert(region.to_owned(), subnets.clone());
        Ok(subnets)
    }
}

/// Says of a candidate that it cannot be, so that the next one is tried.
fn no_room(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::NoCapacity, message)
}

fn elsewhere(network: &Place, region: &str) -> ProviderError {
    no_room(format!(
        "The network {}/{} cannot be used in {region}: a security group belongs to one region.",
        network.region, network.id
    ))
}

/// Makes the token of an order: the same for the same operation and candidate.
fn token(operation: &OperationId, candidate: &Planned, is_spot: bool) -> String {
    let Planned { server_type, location, .. } = candidate;
    let text = format!("{}/{server_type}/{location}/{is_spot}", operation.as_str());
    format!("sandplan-{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
}

/// Waits until an instance runs.
pub async fn running(
    client: &Client,
    (region, id): (&str, &str),
    reporter: &Reporter,
) -> Result<Instance, ProviderError> {
    let (begin, mut looks) = (Instant::now(), client.looks());
    loop {
        let waited = begin.elapsed();
        match client.watched(region, id).await? {
            Some(instance) if instance.is_running() => return Ok(instance),
            Some(instance) if instance.is_going() => return Err(ended(&instance)),
            // EC2 may not know yet of what it has just made.
            None if waited >= APPEARING => return Err(vanished(region, id)),
            Some(instance) if instance.is_off() && waited >= APPEARING => {
                let message = format!("The instance {id} does not start: {}.", instance.reason);
                return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
            }
            Some(instance) if waited >= STARTING => {
                let message = format!("The instance {id} is still `{}`.", instance.state);
                return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
            }
            Some(instance) => reporter.phase(format!("instance is {}", instance.state)),
            None => {}
        }
        looks.pause().await;
    }
}

/// Waits until an instance is ended by somebody else, and says why: while its guest is
/// waited for, which would never answer.
pub async fn end(client: &Client, (region, id): (&str, &str)) -> ProviderError {
    const LOOK: Duration = Duration::from_secs(10);
    loop {
        sleep(LOOK).await;
        match client.watched(region, id).await {
            Ok(Some(instance)) if instance.is_going() => return ended(&instance),
            _ => {}
        }
    }
}

/// Says why an instance was ended before it could be used.
fn ended(instance: &Instance) -> ProviderError {
    let Instance { id, reason, .. } = instance;
    let kind = match reason {
        reason if reason.contains("InsufficientInstanceCapacity") => ProviderErrorKind::NoCapacity,
        reason if reason.contains("SpotInstance") => ProviderErrorKind::NoCapacity,
        reason if reason.contains("LimitExceeded") => ProviderErrorKind::QuotaExceeded,
        _ => ProviderErrorKind::Unavailable,
    };
    let message = format!("The instance {id} was ended before it could be used: {reason}.");
    ProviderError::new(kind, message).committed(Committed::No)
}

fn vanished(region: &str, id: &str) -> ProviderError {
    let message = format!("The instance {region}/{id} vanished while it was starting.");
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}

/// Waits until an instance is gone.
pub async fn gone(
    client: &Client,
    place: &Place,
    reporter: &Reporter,
) -> Result<(), ProviderError> {
    let (end, mut looks) = (Instant::now() + STARTING, client.looks());
    while let Some(instance) = client.watched(&place.region, &place.id).await? {
        if instance.is_gone() {
            break;
        }
        if Instant::now() >= end {
            let message = format!(
                "The instance {} is still `{}`. Run the command again to wait longer.",
                place.id, instance.state
            );
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, message));
        }
        reporter.phase(format!("instance is {}", instance.state));
        looks.pause().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_operation_and_one_candidate() {
        let candidate = |location: &str| Planned {
            server_type: "t3.large".into(),
            location: location.into(),
            hourly_cost: "unknown".into(),
            image: None,
        };
        let of =
            |operation: &str, zone: &str, spot| token(&operation.into(), &candidate(zone), spot);
        let first = of("op-1", "us-east-1a", false);
        assert_eq!(first, of("op-1", "us-east-1a", false));
        assert!(first.len() <= 64 && first.is_ascii());
        for other in [
            of("op-2", "us-east-1a", false),
            of("op-1", "us-east-1b", false),
            of("op-1", "us-east-1a", true),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn what_ended_for_lack_of_room_lets_the_next_candidate_try() {
        for (reason, kind) in [
            ("Server.InsufficientInstanceCapacity: none left", ProviderErrorKind::NoCapacity),
            ("Client.VolumeLimitExceeded: Volume limit exceeded", ProviderErrorKind::QuotaExceeded),
            ("Server.InternalError: oops", ProviderErrorKind::Unavailable),
        ] {
            let instance = Instance { reason: reason.into(), ..Instance::default() };
            assert_eq!(ended(&instance).kind, kind, "{reason}");
        }
    }
}
