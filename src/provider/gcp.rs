//! Google Compute Engine.
//!
//! Below [`client`] is everything that talks to the API, through Google's own client
//! library; nothing there plans. Only this folder knows that library.

pub mod access;
pub mod account;
pub mod build;
pub mod call;
pub mod calls;
pub mod change;
pub mod client;
pub mod credentials;
pub mod error;
pub mod firewalls;
pub mod keys;
pub mod operations;
pub mod order;
pub mod own;
pub mod planning;
pub mod remote;
pub mod retry;
pub mod saved;
pub mod servers;
pub mod services;
pub mod shelves;
pub mod terms;
pub mod validate;
pub mod wire;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use async_trait::async_trait;
use tokio::sync::Mutex;

use self::access::Access;
use self::calls::Act;
use self::change::Changing;
use self::client::{Client, Tuning};
use self::terms::{HONOURS, TERMS};
use self::wire::{Place, global, is_name};
use super::cloud::catalogue::Catalogue;
use super::cloud::labels::{LOWER, Labels, PROJECT, users};
use super::cloud::object::unique_name;
use super::cloud::prices::Prices;
use super::cloud::reach::{Reach, Relabel};
use super::cloud::reachable::Reachable;
use super::cloud::{self, rules};
use super::guest::Guest;
use super::local::Clock;
use super::*;
use crate::object::SshAccess;
use crate::ssh::Identities;

/// What a Google Cloud provider is made from.
pub struct Settings {
    /// Kept as an error where credentials or project are missing, until something is called.
    pub access: Result<Access, ProviderError>,
    pub tuning: Tuning,
    /// Where sandboxes run that name no region, and what they may name.
    pub regions: Vec<String>,
    /// What a machine type costs, in USD an hour.
    pub prices: Prices,
    pub identities: Identities,
    pub clock: Clock,
    /// Hears what calls wait for that no operation makes.
    pub notices: Reporter,
}

/// Instances of Compute Engine.
pub struct Gcp {
    name: ProviderRef,
    client: Result<Client, ProviderError>,
    catalogue: OnceLock<Catalogue>,
    regions: Vec<String>,
    prices: Prices,
    reach: Reach,
    clock: Clock,
    /// The VPC networks whose rule for SSH is known to be there.
    open_vpcs: Mutex<BTreeSet<String>>,
    /// Held by who writes the project's metadata.
    metadata: Mutex<()>,
}

impl Gcp {
    /// Prepares the provider; nothing is called yet.
    pub fn new(name: ProviderRef, settings: Settings) -> Self {
        let Settings { access, tuning, mut regions, prices, identities, clock, notices } = settings;
        if regions.is_empty() {
            regions.push(TERMS.default_region.to_owned());
        }
        let client = access.map(|access| Client::new(access, tuning).reporting(&notices));
        let (catalogue, reach) = (OnceLock::new(), Reach::new(identities));
        let (open_vpcs, metadata) = Default::default();
        Self { name, client, catalogue, regions, prices, reach, clock, open_vpcs, metadata }
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        self.client.as_ref().map_err(Clone::clone)
    }
}

#[async_trait]
impl Reachable for Gcp {
    async fn guest(&self, machine: &Machine) -> Result<Guest, ProviderError> {
        let ask = || async {
            let place = Place::of(&machine.remote_id)?;
            let instance = self.client()?.instance(&place).await?;
            instance.as_ref().map(remote::server).ok_or_else(|| order::gone(&place))
        };
        self.reach.connected(machine, ask).await
    }
}

#[async_trait]
impl Relabel for Client {
    async fn relabel(&self, id: &RemoteId, labels: &Labels) -> Result<(), ProviderError> {
        // Of this deed nothing is journaled; labels and fingerprint tell it from others.
        let operation = OperationId::from("relabel");
        let (place, reporter) = (Place::of(id)?, Reporter::silent());
        let (client, place, operation) = (self, &place, &operation);
        let changing = Changing { client, place, operation, reporter: &reporter };
        changing.relabel(|_| labels.clone()).await
    }
}

#[async_trait]
impl Provider for Gcp {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        Some(match of {
            ResourceType::Sandbox => terms::schema(),
            ResourceType::SshKey => ssh_key::schema(),
            ResourceType::Network => rules::schema(),
            ResourceType::Snapshot => snapshot::schema(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Provider, default_parallel: 8 }
    }

    fn lag(&self) -> Duration {
        cloud::LAG
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        validate::validate(config)
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        planning::plan((self.catalogue.get(), &self.regions), change)
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        account::whoami(self.client()?, &self.regions).await
    }

    async fn check(&self) -> Result<(), ProviderError> {
        match self.catalogue.get() {
            Some(_) => Ok(()),
            None => self.whoami().await.map(drop),
        }
    }

    async fn prepare(&self) -> Result<(), ProviderError> {
        if self.catalogue.get().is_none() {
            let wanted = (self.regions.as_slice(), &self.prices);
            let fetched = shelves::catalogue(self.client()?, wanted, (self.clock)()).await?;
            let _ = self.catalogue.set(fetched);
        }
        Ok(())
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        let (client, project) = (self.client()?, request.project.as_deref());
        let ours = filter(project);
        let listed: Vec<RemoteObject> = match request.kind {
            ResourceType::Sandbox => {
                client.instances(&ours).await?.iter().map(remote::sandbox).collect()
            }
            ResourceType::SshKey => return client.keys(project).await,
            ResourceType::Network => return client.networks(project).await,
            ResourceType::Snapshot => {
                let images = client.images(&ours).await?;
                let resources = images.iter().filter(|image| !saved::is_by_hand(image));
                let disks = client.disks(&ours).await?;
                let left = disks.iter().filter(|disk| disk.users.is_empty());
                resources.map(remote::snapshot).chain(left.map(remote::disk)).collect()
            }
        };
        Ok(listed.into_iter().filter(|object| is_of(object, project)).collect())
    }

    async fn read(
        &self,
        kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let client = self.client()?;
        match kind {
            ResourceType::Sandbox => {
                Ok(client.instance(&Place::of(id)?).await?.as_ref().map(remote::sandbox))
            }
            ResourceType::SshKey => client.key(id).await,
            ResourceType::Network => client.network_object(id).await,
            ResourceType::Snapshot => match id.as_str().strip_prefix(remote::DISK) {
                Some(place) => {
                    let disk = client.disk(&Place::of(&place.into())?).await?;
                    Ok(disk.as_ref().map(remote::disk))
                }
                None => {
                    let image = client.image(client.project(), global(id)?).await?;
                    Ok(image.as_ref().map(remote::snapshot))
                }
            },
        }
    }

    async fn adopt(
        &self,
        kind: ResourceType,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let client = self.client()?;
        match kind {
            ResourceType::Sandbox => {
                let place = Place::of(id)?;
                if client.instance(&place).await?.is_none() {
                    return Ok(None);
                }
                let (operation, reporter) = (&ownership.operation, &Reporter::silent());
                let changing = Changing { client, place: &place, operation, reporter };
                let own = |now: &Labels| {
                    let labels = LOWER.write(ownership, &users(now));
                    super::cloud::object::with_keys(&labels, now)
                };
                changing.relabel(own).await?;
                Ok(Some(remote::sandbox(&changing.read().await?)))
            }
            ResourceType::SshKey => client.adopted_key(id, ownership).await,
            ResourceType::Network => client.adopted_network(id, ownership).await,
            ResourceType::Snapshot => client.adopted_image(id, ownership).await,
        }
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.create_instance(request).await,
            ResourceType::SshKey => self.create_key(request).await,
            ResourceType::Network => self.create_network(request).await,
            ResourceType::Snapshot => self.create_snapshot(request).await,
        }
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.update_instance(request).await,
            ResourceType::SshKey => self.update_key(request).await,
            ResourceType::Network => self.update_network(request).await,
            ResourceType::Snapshot => self.update_snapshot(request).await,
        }
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        if let Some(disk) = request.remote_id.as_str().strip_prefix(remote::DISK) {
            let place = Place::of(&disk.into())?;
            let act = Act { place: &place, operation: &request.operation };
            return self.client()?.reporting(&request.reporter).delete_disk(act).await;
        }
        match request.kind {
            ResourceType::Sandbox => self.delete_instance(request).await,
            ResourceType::SshKey => self.delete_key(request).await,
            ResourceType::Network => self.delete_network(request).await,
            ResourceType::Snapshot => self.delete_snapshot(request).await,
        }
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        self.provision_instance(request).await
    }

    async fn close(&self) {
        self.reach.settle().await;
    }

    fn exec(&self) -> Option<&dyn Exec> {
        Some(self)
    }

    fn files(&self) -> Option<&dyn Files> {
        Some(self)
    }

    fn ports(&self) -> Option<&dyn Ports> {
        Some(self)
    }

    fn ssh(&self, machine: &Machine) -> Option<SshAccess> {
        self.reach.access(machine)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

/// Writes the filter that passes what carries our labels, of a project or of all.
fn filter(project: Option<&str>) -> String {
    match project {
        None => format!("labels.{PROJECT}:*"),
        Some(project) => {
            let labels = LOWER.labels_of(PROJECT, project);
            let tests = labels.iter().map(|(key, value)| format!("(labels.{key} = \"{value}\")"));
            tests.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Tells whether an object belongs to a project; where none is asked for, whether it
/// is ours. One whose labels are damaged is ours, and of every project.
fn is_of(object: &RemoteObject, project: Option<&str>) -> bool {
    let owner = object.ownership.as_ref();
    project.is_none_or(|project| owner.is_none_or(|owner| owner.project == project))
}

/// Returns the name that was chosen, or one that no other operation makes.
fn named(chosen: Option<&str>, ownership: &Ownership, longest: usize) -> String {
    match chosen {
        Some(name) => name.to_owned(),
        None => fitting(&unique_name(ownership), longest),
    }
}

/// Makes a name legal and short enough; its end, which tells it from others, stays.
fn fitting(name: &str, longest: usize) -> String {
    const END: usize = 7;
    let name = match is_name(name) || name.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => name.to_owned(),
        false => format!("s-{name}"),
    };
    if name.len() <= longest {
        return name;
    }
    let (start, end) = name.split_at(name.len() - END);
    format!("{}{end}", start[..longest - END].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_end_when_it_is_cut() {
        let long = format!("{}-9a41c2", "a".repeat(56));
        let short = fitting(&long, 47);
        assert!(short.len() <= 47 && short.ends_with("-9a41c2") && is_name(&short), "{short}");
        assert_eq!(fitting("1st-9a41c2", 63), "s-1st-9a41c2");
    }

    #[test]
    fn a_project_is_asked_for_by_all_parts_of_its_label() {
        assert_eq!(filter(None), "labels.sandplan-project:*");
        assert_eq!(filter(Some("Web")), "(labels.sandplan-project = \"_57eb\")");
        let long = filter(Some(&"x".repeat(70)));
        assert!(long.contains("labels.sandplan-project-2 = "), "{long}");
    }
}
