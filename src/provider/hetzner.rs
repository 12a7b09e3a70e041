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
pub mod change;
pub mod client;
pub mod error;
pub mod firewalls;
pub mod limit;
pub mod order;
pub mod others;
pub mod pages;
pub mod remote;
pub mod retry;
pub mod saved;
pub mod selector;
pub mod servers;
pub mod shelves;
pub mod transport;
pub mod wire;

pub use hcloud::models;

use std::sync::{LazyLock, OnceLock};

use async_trait::async_trait;
use tokio::sync::Mutex;

use self::access::Access;
use self::client::{Client, Tuning};
use self::pages::Filter;
use self::selector::Selector;
use self::wire::{Firewall, Image, PrimaryIp, Server, SshKey};
use super::cloud::catalogue::Catalogue;
use super::cloud::labels::Labels;
use super::cloud::reach::{Reach, Relabel};
use super::cloud::reachable::Reachable;
use super::cloud::terms::{Billing, Examples, Terms, UserDataLimit};
use super::cloud::{self, objects, plan, rules, seed, validate};
use super::guest::Guest;
use super::local::Clock;
use super::*;
use crate::object::SshAccess;
use crate::ssh::Identities;

/// How the platform speaks and bills: gross, with the VAT of the project's owner (its
/// document says so of `GET /pricing`), so as the owner's invoice will say. The primary
/// IPv4 address bills apart and is added. Stopped servers bill like running ones.
pub const TERMS: Terms = Terms {
    platform: "Hetzner",
    block: "hetzner",
    type_argument: "server_type",
    server_type: "server type",
    location: "location",
    examples: Examples { types: ["cpx32", "cx33"], regions: ["ash", "hil"] },
    default_region: "ash",
    default_image: "ubuntu-24.04",
    is_image_id: |name| name.bytes().all(|byte| byte.is_ascii_digit()),
    billing: Billing::StartedHours,
    user_data: UserDataLimit { bytes: 32 * 1024, gzip: false },
    pins_images: false,
    rebuilds: true,
    keeps_address: true,
    only_own_regions: false,
};

/// The arguments and blocks of a sandbox that this platform honours.
pub const HONOURS: [&str; 20] = [
    "agent",
    "env",
    "file",
    "from",
    "hetzner",
    "image",
    "labels",
    "mirrors",
    "name",
    "network",
    "packages",
    "port",
    "provision",
    "ready",
    "region",
    "size",
    "ssh_keys",
    "sync",
    "toolchain",
    "ttl",
];

/// Returns the schema of a sandbox on this platform.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> =
        LazyLock::new(|| cloud::schema::schema(&TERMS, vec![]));
    &SCHEMA
}

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
            terms: &TERMS,
            catalogue: self.catalogue.get(),
            regions: &self.regions,
            pending: &seed::pending,
        };
        plan::plan(&context, change)
    }
}

#[async_trait]
impl Reachable for Hetzner {
    async fn guest(&self, machine: &Machine) -> Result<Guest, ProviderError> {
        let id = &machine.remote_id;
        let ask = || async {
            let server = self.client()?.read::<Server>(number(id)?).await?;
            server.as_ref().map(remote::server).ok_or_else(|| cloud::place::gone(id))
        };
        self.reach.connected(machine, ask).await
    }
}

#[async_trait]
impl Relabel for Client {
    async fn relabel(&self, id: &RemoteId, labels: &Labels) -> Result<(), ProviderError> {
        self.change::<Server>(number(id)?, None, labels).await.map(drop)
    }
}

#[async_trait]
impl Provider for Hetzner {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        Some(match of {
            ResourceType::Sandbox => schema(),
            ResourceType::SshKey => ssh_key::schema(),
            ResourceType::Network => rules::schema(),
            ResourceType::Snapshot => snapshot::schema(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Expire, default_parallel: 8 }
    }

    fn lag(&self) -> Duration {
        cloud::LAG
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        match config.kind {
            ResourceType::Sandbox => {
                let size = seed::user_data_size(&TERMS, config);
                validate::validate(&TERMS, config, Some(size))
            }
            _ => portable::check(config, None),
        }
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        match change.kind {
            ResourceType::Sandbox => self.plan_server(change),
            ResourceType::Network => rules::plan(change),
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
                client.list::<Server>(&ours).await?.iter().map(remote::sandbox).collect()
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
            ResourceType::Sandbox => client.read::<Server>(id).await?.as_ref().map(remote::sandbox),
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
                client.adopted::<Server>(to).await?.as_ref().map(remote::sandbox)
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

/// Reads an id of the platform, which are numbers.
fn number(id: &RemoteId) -> Result<u64, ProviderError> {
    id.as_str().parse().map_err(|_| {
        let message = format!("`{id}` is no id of Hetzner Cloud, whose ids are numbers.");
        ProviderError::new(ProviderErrorKind::Rejected, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ResourceType;

    fn codes(attributes: Value, user_data: Option<usize>) -> Vec<String> {
        let address = "sandbox.a".parse().expect("an address");
        let kind = ResourceType::Sandbox;
        let config = ResourceConfig {
            address: &address,
            kind,
            attributes: &attributes,
            range_of: &|_| None,
        };
        validate::validate(&TERMS, &config, user_data)
            .into_iter()
            .map(|problem| problem.code.into_owned())
            .collect()
    }

    #[test]
    fn every_portable_argument_is_honoured() {
        let mut all: Vec<_> = schema().block.configurable_names().collect();
        all.sort_unstable();
        assert_eq!(all, HONOURS);
    }

    #[test]
    fn what_no_catalogue_is_needed_for_is_said_before_anything_is_asked() {
        let types = |value: Value| Value::object([("server_type", value)]);
        let size = |name: &'static str, value: Value| Value::object([(name, value)]);
        for (argument, value, expected) in [
            ("region", Value::tuple([]), "invalid-region"),
            ("region", Value::from(3i64), "invalid-region"),
            ("hetzner", types(Value::from("")), "invalid-server-type"),
            ("hetzner", types(Value::tuple([Value::from(true)])), "invalid-server-type"),
            ("network", Value::from("none"), "unsupported-argument"),
            ("name", Value::from("Not_a_name"), "invalid-name"),
            ("labels", Value::string_map([("sandplan-owner", "me")]), "invalid-label"),
            ("size", size("memory", Value::from("8")), "invalid-size"),
            ("size", size("vcpus", Value::from(0i64)), "invalid-size"),
            ("ttl", Value::from("soon"), "invalid-duration"),
        ] {
            assert_eq!(codes(Value::object([(argument, value)]), None), [expected], "{argument}");
        }
    }

    #[test]
    fn a_good_sandbox_and_an_unknown_one_have_no_problem() {
        let unknown = || Value::unknown();
        let types = Value::object([("server_type", unknown())]);
        let good = [
            ("region", Value::tuple([Value::from("ash"), unknown()])),
            ("hetzner", types),
            ("network", unknown()),
            ("size", Value::object([("memory", Value::from("8GiB")), ("vcpus", unknown())])),
        ];
        assert_eq!(codes(Value::object(good), Some(TERMS.user_data.bytes)), [""; 0]);
        assert_eq!(
            codes(Value::object::<&str>([]), Some(TERMS.user_data.bytes + 1)),
            ["user-data-too-large"]
        );
    }
}
