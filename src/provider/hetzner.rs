//! Hetzner Cloud.
//!
//! Below [`client`] is everything that talks to the API; nothing there plans.
//! Request bodies are the models of the crate `hcloud`. Answers are read by the
//! lenient types of [`wire`], as the crate drops response headers and fails on
//! values that it does not know. Only this folder knows either.

pub mod access;
pub mod account;
pub mod actions;
pub mod build;
pub mod call;
pub mod calls;
pub mod catalogue;
pub mod change;
pub mod client;
pub mod error;
pub mod escape;
pub mod firewalls;
pub mod labels;
pub mod limit;
pub mod living;
pub mod objects;
pub mod offer;
pub mod order;
pub mod orderable;
pub mod others;
pub mod pages;
pub mod plan;
pub mod price;
pub mod reach;
pub mod remote;
pub mod retry;
pub mod saved;
pub mod schema;
pub mod servers;
pub mod transport;
pub mod validate;
pub mod wire;
pub mod wish;

pub use hcloud::models;

use std::path::Path;
use std::sync::OnceLock;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use self::access::Access;
use self::catalogue::Catalogue;
use self::client::{Client, Tuning};
use self::labels::Selector;
use self::pages::Filter;
use self::reach::Reach;
use self::validate::HONOURS;
use self::wire::{Firewall, Image, PrimaryIp, Server, SshKey};
use super::guest::Guest;
use super::local::Clock;
use super::name::default_name;
use super::*;
use crate::object::SshAccess;
use crate::ssh::Identities;

/// What a Hetzner Cloud provider is made from.
pub struct Settings {
    /// Kept as an error where the token is missing, until something is called.
    pub access: Result<Access, ProviderError>,
    pub tuning: Tuning,
    /// Where sandboxes run that name no region.
    pub regions: Vec<String>,
    pub identities: Identities,
    pub clock: Clock,
    /// Hears what calls wait for that no operation makes.
    pub notices: Reporter,
}

/// Servers of Hetzner Cloud.
pub struct Hetzner {
    name: ProviderRef,
    client: Result<Client, ProviderError>,
    catalogue: OnceLock<Catalogue>,
    regions: Vec<String>,
    reach: Reach,
    clock: Clock,
    /// The SSH keys of the project, asked for once, and again when this changed them.
    keys: Mutex<Option<Arc<Vec<SshKey>>>>,
}

impl Hetzner {
    /// Prepares the provider; nothing is called yet.
    pub fn new(name: ProviderRef, settings: Settings) -> Self {
        let Settings { access, tuning, regions, identities, clock, notices } = settings;
        let client = access.and_then(|access| Client::new(&access, tuning));
        let client = client.map(|client| client.reporting(&notices));
        let reach = Reach::new(identities);
        let (catalogue, keys) = (OnceLock::new(), Mutex::default());
        Self { name, client, catalogue, regions, reach, clock, keys }
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        self.client.as_ref().map_err(Clone::clone)
    }

    fn plan_server(&self, change: &ProposedChange<'_>) -> PlannedChange {
        let context = plan::Context {
            catalogue: self.catalogue.get(),
            regions: &self.regions,
            pending: &Self::pending,
        };
        plan::plan(&context, change)
    }

    async fn guest(&self, machine: &Machine) -> Result<Guest, ProviderError> {
        self.reach.connected(|| self.client().cloned(), machine).await
    }
}

#[async_trait]
impl Provider for Hetzner {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        Some(match of {
            ResourceType::Sandbox => schema::schema(),
            ResourceType::SshKey => ssh_key::schema(),
            ResourceType::Network => firewalls::schema(),
            ResourceType::Snapshot => snapshot::schema(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Expire, default_parallel: 8 }
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        match config.kind {
            ResourceType::Sandbox => {
                validate::validate(config, Some(servers::user_data_size(config)))
            }
            _ => portable::check(config, None),
        }
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        match change.kind {
            ResourceType::Sandbox => self.plan_server(change),
            ResourceType::Network => firewalls::plan(change),
            _ => objects::plan(change),
        }
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        account::whoami(self.client()?).await
    }

    async fn check(&self) -> Result<(), ProviderError> {
        match self.catalogue.get() {
            Some(_) => Ok(()),
            None => self.whoami().await.map(drop),
        }
    }

    async fn prepare(&self) -> Result<(), ProviderError> {
        if self.catalogue.get().is_none() {
            let fetched = account::catalogue(self.client()?, (self.clock)()).await?;
            let _ = self.catalogue.set(fetched);
        }
        Ok(())
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        let client = self.client()?;
        let selector = request.project.as_deref().map_or_else(Selector::ours, Selector::project);
        let ours = Filter::labelled(&selector);
        Ok(match request.kind {
            ResourceType::Sandbox => {
                client.list::<Server>(&ours).await?.iter().map(remote::server).collect()
            }
            ResourceType::SshKey => {
                client.list::<SshKey>(&ours).await?.iter().map(remote::ssh_key).collect()
            }
            ResourceType::Network => firewalls::list(client, &ours).await?,
            ResourceType::Snapshot => {
                let saved = client.snapshots(&selector).await?;
                let resources = saved.iter().filter(|image| !saved::is_by_hand(image));
                resources.map(remote::snapshot).collect()
            }
        })
    }

    async fn read(
        &self,
        kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let (client, id) = (self.client()?, number(id)?);
        Ok(match kind {
            ResourceType::Sandbox => client.read::<Server>(id).await?.as_ref().map(remote::server),
            ResourceType::SshKey => client.read::<SshKey>(id).await?.as_ref().map(remote::ssh_key),
            ResourceType::Network => {
                client.read::<Firewall>(id).await?.as_ref().map(firewalls::object)
            }
            ResourceType::Snapshot => {
                client.read::<Image>(id).await?.as_ref().map(remote::snapshot)
            }
        })
    }

    async fn adopt(
        &self,
        kind: ResourceType,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let to = (number(id)?, ownership);
        let client = self.client()?;
        Ok(match kind {
            ResourceType::Sandbox => {
                client.adopted::<Server>(to).await?.as_ref().map(remote::server)
            }
            ResourceType::SshKey => {
                client.adopted::<SshKey>(to).await?.as_ref().map(remote::ssh_key)
            }
            ResourceType::Network => {
                client.adopted::<Firewall>(to).await?.as_ref().map(firewalls::object)
            }
            ResourceType::Snapshot => {
                client.adopted::<Image>(to).await?.as_ref().map(remote::snapshot)
            }
        })
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.create_server(request).await,
            ResourceType::SshKey => self.create_ssh_key(request).await,
            ResourceType::Network => self.create_firewall(request).await,
            ResourceType::Snapshot => self.create_snapshot(request).await,
        }
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.update_server(request).await,
            ResourceType::SshKey => self.update_ssh_key(request).await,
            ResourceType::Network => self.update_firewall(request).await,
            ResourceType::Snapshot => self.update_snapshot(request).await,
        }
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        if let Some(ip) = request.remote_id.as_str().strip_prefix(remote::PRIMARY_IP) {
            return self.gone::<PrimaryIp>(number(&ip.into())?).await;
        }
        match request.kind {
            ResourceType::Sandbox => self.delete_server(request).await,
            ResourceType::SshKey => {
                let gone = self.gone::<SshKey>(number(&request.remote_id)?).await;
                *self.keys.lock().await = None;
                gone
            }
            ResourceType::Network => self.gone::<Firewall>(number(&request.remote_id)?).await,
            ResourceType::Snapshot => self.gone::<Image>(number(&request.remote_id)?).await,
        }
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        self.provision_server(request).await
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

#[async_trait]
impl Exec for Hetzner {
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        self.guest(&request.machine).await?.exec(request).await
    }

    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError> {
        self.guest(&request.machine).await?.console(request).await
    }
}

#[async_trait]
impl Files for Hetzner {
    async fn upload(&self, machine: &Machine, from: &Path, to: &str) -> Result<(), ProviderError> {
        self.guest(machine).await?.upload(machine, from, to).await
    }

    async fn download(
        &self,
        machine: &Machine,
        from: &str,
        to: &Path,
    ) -> Result<(), ProviderError> {
        self.guest(machine).await?.download(machine, from, to).await
    }
}

#[async_trait]
impl Ports for Hetzner {
    async fn forward(
        &self,
        machine: &Machine,
        from: TcpListener,
        to: u16,
        problems: UnboundedSender<String>,
    ) -> Result<(), ProviderError> {
        self.guest(machine).await?.forward(machine, from, to, problems).await
    }
}

/// Reads an id of the platform, which are numbers.
fn number(id: &RemoteId) -> Result<u64, ProviderError> {
    id.as_str().parse().map_err(|_| {
        let message = format!("`{id}` is no id of Hetzner Cloud, whose ids are numbers.");
        ProviderError::new(ProviderErrorKind::Rejected, message)
    })
}

/// Makes a name that no other operation makes: of the address, and the operation.
fn unique_name(ownership: &Ownership) -> String {
    const OPERATION: usize = 6;
    let operation: String = ownership.operation.as_str().chars().take(OPERATION).collect();
    let mut name = default_name(&ownership.address);
    name.truncate(63 - 1 - OPERATION);
    format!("{}-{operation}", name.trim_end_matches('-'))
}
