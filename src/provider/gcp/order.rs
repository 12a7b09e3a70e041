//! Orders an instance, once and no second time, and waits until it is up.
//!
//! The platform knows a request again by its id, and names are unique in a zone, so an
//! order whose answer was lost can be sent again: at most one of the two is taken.

use std::time::Duration;

use google_cloud_compute_v1::model::metadata::Items;
use google_cloud_compute_v1::model::scheduling::{InstanceTerminationAction, ProvisioningModel};
use google_cloud_compute_v1::model::{
    AccessConfig, AttachedDisk, AttachedDiskInitializeParams, Duration as Span, Instance, Metadata,
    NetworkInterface, Operation, Scheduling, Tags, access_config,
};
use tokio::time::{Instant as Clock, sleep};

use super::call::Call;
use super::calls::Act;
use super::client::Client;
use super::own::Own;
use super::remote::{self, IMAGE, image_path};
use super::terms::DEFAULT_DISK;
use super::wire::Place;
use crate::object::{OperationId, RemoteId};
use crate::provider::cloud::labels::{LOWER, Labels};
use crate::provider::cloud::once::once;
use crate::provider::cloud::place::{Planned, half_made};
use crate::provider::{Committed, ProviderError, ProviderErrorKind, Report, Reporter};
use crate::value::Value;

/// How long an instance may take to be up after it was ordered.
pub const STARTING: Duration = Duration::from_secs(600);
/// Between two looks at an instance whose operation is not known.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks at an instance that is off, nothing more is waited for.
const MOST_RESTS: usize = 5;

/// What is ordered, whatever the candidate.
pub struct Order {
    pub operation: OperationId,
    pub name: String,
    /// A path or a name, where the candidate has none.
    pub image: String,
    pub labels: Labels,
    /// The network tag by which firewall rules know it.
    pub tag: String,
    pub user_data: String,
    pub own: Own,
    pub run_time: Option<Duration>,
}

impl Order {
    fn place(&self, candidate: &Planned) -> Place {
        Place::new(&candidate.location, &self.name)
    }

    fn request(&self, client: &Client, candidate: &Planned) -> Instance {
        let zone = &candidate.location;
        let image = candidate.image.as_deref().unwrap_or(&self.image);
        let image = image_path(client.project(), image);
        Instance::new()
            .set_name(&self.name)
            .set_machine_type(format!("zones/{zone}/machineTypes/{}", candidate.server_type))
            .set_labels(self.labels.clone())
            .set_tags(Tags::new().set_items([self.tag.as_str()]))
            .set_disks([self.disk(candidate, &image)])
            .set_network_interfaces([self.interface(zone)])
            .set_metadata(self.metadata(&image))
            .set_scheduling(scheduling(self.own.spot, self.run_time))
    }

    /// It goes with its instance, and has its labels in case it does not.
    fn disk(&self, candidate: &Planned, image: &str) -> AttachedDisk {
        let kind = disk_type(&candidate.server_type);
        // What was saved, or has a path of its own, says itself how large it is.
        let size = self.own.disk.or(candidate.image.as_ref().map(|_| DEFAULT_DISK));
        let size = size.and_then(|size| i64::try_from(size).ok());
        let params = AttachedDiskInitializeParams::new()
            .set_source_image(image)
            .set_or_clear_disk_size_gb(size)
            .set_disk_type(format!("zones/{}/diskTypes/{kind}", candidate.location))
            .set_labels(self.labels.clone());
        AttachedDisk::new().set_boot(true).set_auto_delete(true).set_initialize_params(params)
    }

    fn interface(&self, zone: &str) -> NetworkInterface {
        let access =
            AccessConfig::new().set_name("External NAT").set_type(access_config::Type::OneToOneNat);
        let region = crate::provider::cloud::region::of(zone);
        let subnetwork = self.own.subnetwork.as_ref();
        let subnetwork = subnetwork.map(|name| format!("regions/{region}/subnetworks/{name}"));
        NetworkInterface::new()
            .set_network(format!("global/networks/{}", self.own.vpc))
            .set_or_clear_subnetwork(subnetwork)
            .set_access_configs([access])
    }

    /// Nobody gets in but by the keys of its user-data, whatever the project's own are.
    fn metadata(&self, image: &str) -> Metadata {
        let item = |key: &str, value: &str| Items::new().set_key(key).set_value(value);
        Metadata::new().set_items([
            item("user-data", &self.user_data),
            item("block-project-ssh-keys", "TRUE"),
            item("enable-oslogin", "FALSE"),
            item(IMAGE, image),
        ])
    }
}

/// Some families take no disks but those of their own time.
fn disk_type(machine_type: &str) -> &'static str {
    const NEWER: [&str; 10] = ["n4", "n4a", "n4d", "c4", "c4a", "c4d", "m4", "x4", "a4", "g4"];
    let family = machine_type.split('-').next().unwrap_or(machine_type);
    if NEWER.contains(&family) { "hyperdisk-balanced" } else { "pd-balanced" }
}

/// Says how an instance runs: who ends it, and when.
pub fn scheduling(spot: bool, run_time: Option<Duration>) -> Scheduling {
    let mut scheduling = Scheduling::new();
    if spot {
        scheduling = scheduling
            .set_provisioning_model(ProvisioningModel::Spot)
            .set_automatic_restart(false)
            .set_instance_termination_action(InstanceTerminationAction::Stop);
    }
    match run_time {
        Some(time) => scheduling
            .set_max_run_duration(Span::new().set_seconds(seconds(time)))
            .set_instance_termination_action(InstanceTerminationAction::Delete),
        None => scheduling,
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Orders one candidate and waits until it is up. One that there was no room for is not
/// there afterwards.
pub async fn up(
    client: &Client,
    order: &Order,
    candidate: &Planned,
    reporter: &Reporter,
) -> Result<Instance, ProviderError> {
    let place = order.place(candidate);
    let call = Call::change(format!("create the instance `{place}`"));
    let send = || async { submit(client, (order, candidate), &call).await.map(Some) };
    let find = || async { Ok(ours(client, &place, &order.operation).await?.map(|_| None)) };
    let begun = once(send, find).await.map_err(|error| taken(&place, error))?;
    reporter.send(Report::RemoteId(place.id()));
    let cost = Value::from(candidate.hourly_cost.as_str());
    reporter.send(Report::Attributes(vec![("hourly_cost".into(), cost)]));
    reporter.waiting();
    let ended = match begun {
        Some(operation) => client.finish(&call, operation, STARTING).await.map(drop),
        None => Ok(()),
    };
    let id = place.id();
    if let Err(error) = ended {
        return Err(cleared(client, (order, &place), error.into()).await);
    }
    let partly = |error: ProviderError| half_made(error, &order.name, &id);
    running(client, &place, reporter).await.map_err(partly)
}

async fn submit(
    client: &Client,
    (order, candidate): (&Order, &Planned),
    call: &Call,
) -> Result<Operation, ProviderError> {
    let place = order.place(candidate);
    let act = Act { place: &place, operation: &order.operation };
    let insert = client.services().instances().await?.insert();
    let insert = insert.set_project(client.project()).set_zone(&place.zone);
    let insert = insert.set_request_id(act.request("insert"));
    let insert = insert.set_body(order.request(client, candidate));
    Ok(client.call(call, || insert.clone().send()).await?)
}

/// Finds what the operation has made.
async fn ours(
    client: &Client,
    place: &Place,
    operation: &OperationId,
) -> Result<Option<Instance>, ProviderError> {
    let found = client.instance(place).await?;
    let is_ours = |instance: &Instance| {
        let owner = LOWER.ownership(&remote::labels_of(instance));
        owner.is_some_and(|owner| owner.operation == *operation)
    };
    Ok(found.filter(is_ours))
}

/// Sees what an order that failed has left, and says so; where there was no room, it
/// takes that away.
async fn cleared(
    client: &Client,
    (order, place): (&Order, &Place),
    error: ProviderError,
) -> ProviderError {
    let partly = |error| half_made(error, &order.name, &place.id());
    match ours(client, place, &order.operation).await {
        Ok(None) => error.committed(Committed::No),
        Ok(Some(_)) if error.kind == ProviderErrorKind::NoCapacity => {
            let act = Act { place, operation: &order.operation };
            match client.delete_instance(act).await {
                Ok(()) => error.committed(Committed::No),
                Err(error) => partly(error),
            }
        }
        Ok(Some(_)) => partly(error),
        // Who cannot ask is no wiser.
        Err(_) => error.committed(Committed::Unknown),
    }
}

/// Waits until an instance runs.
pub async fn running(
    client: &Client,
    place: &Place,
    reporter: &Reporter,
) -> Result<Instance, ProviderError> {
    let end = Clock::now() + STARTING;
    let unavailable = |why: String| {
        let message = format!("The instance `{place}` {why}.");
        ProviderError::new(ProviderErrorKind::Unavailable, message)
    };
    let mut rests = 0;
    loop {
        let Some(instance) = client.instance(place).await? else {
            return Err(unavailable("vanished while it was starting".to_owned()));
        };
        if remote::is_running(&instance) {
            return Ok(instance);
        }
        let status = instance.status.as_ref().map(ToString::to_string).unwrap_or_default();
        rests = if remote::is_off(&instance) { rests + 1 } else { 0 };
        if Clock::now() >= end || rests == MOST_RESTS {
            return Err(unavailable(format!("is still {status}")));
        }
        reporter.phase(format!("instance is {}", status.to_lowercase()));
        sleep(LOOK).await;
    }
}

/// Says of a name that it belongs to another instance.
fn taken(place: &Place, error: ProviderError) -> ProviderError {
    if error.kind != ProviderErrorKind::AlreadyExists || error.committed != Committed::No {
        return error;
    }
    let message = format!(
        "The zone {} has an instance called `{}` already, which this sandbox is not. Choose \
         another `name`, or leave it out.",
        place.zone, place.name
    );
    ProviderError::new(ProviderErrorKind::AlreadyExists, message)
}

/// Says that an instance is not there any more.
pub fn gone(place: &Place) -> ProviderError {
    crate::provider::cloud::place::gone(&RemoteId::from(place.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_itself_ends_what_has_a_time() {
        let limited = scheduling(false, Some(Duration::from_secs(7200)));
        assert_eq!(limited.max_run_duration, Some(Span::new().set_seconds(7200)));
        assert_eq!(limited.instance_termination_action, Some(InstanceTerminationAction::Delete));
        assert_eq!(scheduling(false, None), Scheduling::new());
        let spot = scheduling(true, None);
        assert_eq!(spot.provisioning_model, Some(ProvisioningModel::Spot));
        assert_eq!(spot.instance_termination_action, Some(InstanceTerminationAction::Stop));
    }

    #[test]
    fn newer_families_have_disks_of_their_own() {
        assert_eq!(disk_type("e2-standard-4"), "pd-balanced");
        assert_eq!(disk_type("c4-standard-8"), "hyperdisk-balanced");
    }
}
