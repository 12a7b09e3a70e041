//! Amazon EC2.
//!
//! Below [`client`] is everything that talks to the API; nothing there plans.
//! Answers are read into the plain data of [`wire`]. Only this folder knows the SDK.

pub mod access;
pub mod account;
pub mod build;
pub mod call;
pub mod calls;
pub mod change;
pub mod client;
pub mod error;
pub mod expiry;
pub mod ids;
pub mod networks;
pub mod order;
pub mod others;
pub mod own;
pub mod planning;
pub mod remote;
pub mod retry;
pub mod sandboxes;
pub mod saved;
pub mod shelves;
pub mod watch;
pub mod wire;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex as StdMutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bigdecimal::BigDecimal;
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, OnceCell};

use self::access::Access;
use self::calls::Which;
use self::calls::subnets::Subnet;
use self::client::{Client, Tuning};
use self::ids::Place;
use self::shelves::{Answers, Expected, Shelves};
use self::wire::Image;
use super::cloud::reach::Reach;
use super::cloud::reachable::Reachable;
use super::cloud::terms::{Billing, Examples, Terms, UserDataLimit};
use super::cloud::{self, objects, rules, seed, validate};
use super::guest::Guest;
use super::local::Clock;
use super::*;
use crate::object::SshAccess;
use crate::ssh::Identities;

/// How the platform speaks and bills. EC2 has no price list that its own API answers;
/// prices are the user's, or the spot market's. Linux is billed by the second, for a
/// minute at least; a stopped instance costs its disk only.
pub const TERMS: Terms = Terms {
    platform: "AWS",
    block: "aws",
    type_argument: "instance_type",
    server_type: "instance type",
    location: "zone",
    examples: Examples { types: ["t3.large", "t3a.large"], regions: ["us-east-1", "eu-central-1"] },
    default_region: "us-east-1",
    default_image: "ubuntu-24.04",
    is_image_id: |name| name.starts_with("ami-") || name.contains("/ami-"),
    billing: Billing::Seconds { least: 60 },
    user_data: UserDataLimit { bytes: 16 * 1024, gzip: true },
    pins_images: true,
    rebuilds: false,
    keeps_address: false,
    only_own_regions: true,
};

/// The arguments and blocks of a sandbox that this platform honours.
pub const HONOURS: [&str; 20] = [
    "agent",
    "aws",
    "env",
    "file",
    "from",
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
        LazyLock::new(|| cloud::schema::schema(&TERMS, own::arguments()));
    &SCHEMA
}

/// What an AWS provider is made from.
pub struct Settings {
    /// Kept as an error where it is wrong, until something is called.
    pub access: Result<Access, ProviderError>,
    pub tuning: Tuning,
    /// USD per hour, by instance type.
    pub prices: BTreeMap<String, BigDecimal>,
    pub identities: Identities,
    pub clock: Clock,
    /// Hears what calls wait for that no operation makes.
    pub notices: Reporter,
}

/// Instances of Amazon EC2.
pub struct Aws {
    name: ProviderRef,
    access: Result<Access, ProviderError>,
    tuning: Tuning,
    prices: BTreeMap<String, BigDecimal>,
    notices: Reporter,
    /// Made with the first call; a failure is kept, as looking for credentials may take long.
    client: OnceCell<Result<Client, ProviderError>>,
    expected: StdMutex<Expected>,
    shelves: OnceLock<Shelves>,
    /// Images that were looked up, and the subnets of regions.
    images: Mutex<Vec<Image>>,
    known_subnets: Mutex<BTreeMap<String, Vec<Subnet>>>,
    /// By VPC.
    ssh_groups: Mutex<BTreeMap<String, String>>,
    reach: Reach,
    clock: Clock,
}

impl Aws {
    /// Prepares the provider; nothing is called yet.
    pub fn new(name: ProviderRef, settings: Settings) -> Self {
        let Settings { access, tuning, prices, identities, clock, notices } = settings;
        Self {
            name,
            access,
            tuning,
            prices,
            notices,
            client: OnceCell::new(),
            expected: StdMutex::default(),
            shelves: OnceLock::new(),
            images: Mutex::default(),
            known_subnets: Mutex::default(),
            ssh_groups: Mutex::default(),
            reach: Reach::new(identities),
            clock,
        }
    }

    async fn client(&self) -> Result<&Client, ProviderError> {
        let connect = || async {
            let access = self.access.as_ref().map_err(Clone::clone)?;
            let client = Client::connect(access, self.tuning.clone()).await?;
            Ok(client.reporting(&self.notices))
        };
        self.client.get_or_init(connect).await.as_ref().map_err(Clone::clone)
    }

    /// Returns the regions that the provider works in, as far as that is known without a call.
    fn regions(&self) -> Vec<String> {
        match (self.client.get(), &self.access) {
            (Some(Ok(client)), _) => client.regions().to_vec(),
            (_, Ok(access)) => access.regions.clone(),
            _ => Vec::new(),
        }
    }

    fn place(
        &self,
        client: &Client,
        id: &RemoteId,
        prefixes: &[&str],
    ) -> Result<Place, ProviderError> {
        Place::of(id, client.first_region(), prefixes)
    }

    async fn in_region(
        &self,
        client: &Client,
        (kind, region): (ResourceType, &str),
        which: &Which,
    ) -> Result<Vec<RemoteObject>, ProviderError> {
        Ok(match kind {
            ResourceType::Sandbox => {
                let found = client.instances(region, which).await?;
                let living = found.iter().filter(|instance| !instance.is_going());
                living
                    .map(|instance| remote::server(instance).object(&cloud::labels::ANY))
                    .collect()
            }
            ResourceType::SshKey => {
                client.key_pairs(region, which).await?.iter().map(remote::ssh_key).collect()
            }
            ResourceType::Network => {
                client.groups(region, which).await?.iter().map(remote::network).collect()
            }
            ResourceType::Snapshot => saved::list(client, region, which).await?,
        })
    }
}

/// What EC2's ids of each kind begin with; the second is what an object may leave behind.
fn prefixes(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::Sandbox => &["i-"],
        ResourceType::SshKey => &["key-"],
        ResourceType::Network => &["sg-"],
        ResourceType::Snapshot => &["ami-", "snap-"],
    }
}

#[async_trait]
impl Reachable for Aws {
    async fn guest(&self, machine: &Machine) -> Result<Guest, ProviderError> {
        let id = &machine.remote_id;
        let ask = || async {
            let client = self.client().await?;
            let place = self.place(client, id, prefixes(ResourceType::Sandbox))?;
            let instance = client.instance(&place.region, &place.id).await?;
            instance.as_ref().map(remote::server).ok_or_else(|| cloud::place::gone(id))
        };
        self.reach.connected(machine, ask).await
    }
}

#[async_trait]
impl Provider for Aws {
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
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Guest, default_parallel: 8 }
    }

    fn lag(&self) -> Duration {
        cloud::LAG
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        match config.kind {
            ResourceType::Sandbox => {
                let size = seed::user_data_size(&TERMS, config) + expiry::user_data_size(config);
                let problems = validate::validate(&TERMS, config, Some(size));
                problems.into_iter().chain(own::problems(config)).collect()
            }
            _ => portable::check(config, None),
        }
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        match change.kind {
            ResourceType::Sandbox => planning::plan(self.shelves.get(), &self.regions(), change),
            ResourceType::Network => rules::plan(change),
            _ => objects::plan(change),
        }
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        account::whoami(self.client().await?).await
    }

    async fn check(&self) -> Result<(), ProviderError> {
        match self.shelves.get() {
            Some(_) => Ok(()),
            None => self.whoami().await.map(drop),
        }
    }

    fn expects(&self) -> bool {
        true
    }

    fn expect(&self, sandboxes: &[Value]) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Expected::of(sandboxes);
    }

    async fn prepare(&self) -> Result<(), ProviderError> {
        if self.shelves.get().is_some() {
            return Ok(());
        }
        let client = self.client().await?;
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = client.regions().iter().map(|region| Answers::fetch(client, region, &expected));
        let answers = try_join_all(asked).await?;
        let mut subnets = self.known_subnets.lock().await;
        subnets.extend(answers.iter().map(|of| (of.region.clone(), of.subnets.clone())));
        let shelves = Shelves::new(&answers, (&expected, &self.prices), (self.clock)());
        let _ = self.shelves.set(shelves);
        Ok(())
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        let client = self.client().await?;
        let which = request.project.map_or(Which::Ours, Which::Project);
        let asked = client.regions().iter();
        let asked = asked.map(|region| self.in_region(client, (request.kind, region), &which));
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    async fn read(
        &self,
        kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let client = self.client().await?;
        let place = self.place(client, id, prefixes(kind))?;
        let which = Which::Id(place.id.clone());
        Ok(self.in_region(client, (kind, &place.region), &which).await?.into_iter().next())
    }

    async fn adopt(
        &self,
        kind: ResourceType,
        id: &RemoteId,
        ownership: &Ownership,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let client = self.client().await?;
        let place = self.place(client, id, prefixes(kind))?;
        if let Some(tags) = self.tags(client, kind, &place).await? {
            let wanted = remote::adopted(&tags, ownership);
            client.retag(place.parts(), &tags, &wanted).await?;
        }
        self.read(kind, id).await
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.create_sandbox(request).await,
            ResourceType::SshKey => self.create_ssh_key(request).await,
            ResourceType::Network => self.create_network(request).await,
            ResourceType::Snapshot => self.create_snapshot(request).await,
        }
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        match request.kind {
            ResourceType::Sandbox => self.update_sandbox(request).await,
            ResourceType::SshKey => self.update_ssh_key(request).await,
            ResourceType::Network => self.update_network(request).await,
            ResourceType::Snapshot => self.update_snapshot(request).await,
        }
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        if request.kind == ResourceType::Sandbox {
            return self.delete_sandbox(request).await;
        }
        let client = self.client().await?.reporting(&request.reporter);
        let place = self.place(&client, &request.remote_id, prefixes(request.kind))?;
        match request.kind {
            ResourceType::SshKey => client.delete_key(&place.region, &place.id).await,
            ResourceType::Network => client.delete_group(&place.region, &place.id).await,
            _ => self.delete_snapshot(&client, &place).await,
        }
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        self.provision_sandbox(request).await
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

impl Aws {
    /// Reads the tags of an object; nothing when it is gone.
    async fn tags(
        &self,
        client: &Client,
        kind: ResourceType,
        place: &Place,
    ) -> Result<Option<wire::Tags>, ProviderError> {
        let (region, id) = place.parts();
        Ok(match kind {
            ResourceType::Sandbox => client.instance(region, id).await?.map(|of| of.tags),
            ResourceType::SshKey => client.key_pair(region, id).await?.map(|of| of.tags),
            ResourceType::Network => client.group(region, id).await?.map(|of| of.tags),
            ResourceType::Snapshot => client.image(region, id).await?.map(|of| of.tags),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_portable_argument_is_honoured() {
        let mut all: Vec<_> = schema().block.configurable_names().collect();
        all.sort_unstable();
        assert_eq!(all, HONOURS);
    }
}
