//! A platform in memory: it keeps labels, gives ids, honours operation ids, and
//! fails where it is told to. A request that was sent is carried out even when
//! nobody waits for the answer any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::sleep;

use crate::address::{Address, ResourceType};
use crate::diagnostic::Diagnostics;
use crate::object::{
    OperationId, Ownership, ProviderRef, RemoteId, RemoteObject, StepFailure, StepRecord,
};
use crate::provider::{
    Account, Capabilities, Committed, CreateRequest, DeleteRequest, ListRequest, PlannedChange,
    ProposedChange, Provider, ProviderError, ProviderErrorKind, ProvisionOutcome, ProvisionRequest,
    Report, ResourceConfig, TtlEnforcement, UpdateRequest,
};
use crate::schema::ResourceSchema;
use crate::value::Value;

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It changes nothing and says so.
    Refused(ProviderErrorKind),
    /// It makes an object, and then fails and says so.
    HalfMade,
    /// It changes nothing, and nobody knows.
    LostBefore,
    /// It is carried out, and nobody knows.
    LostAfter,
    /// It is carried out some time after its sender has given up.
    Late(Duration),
    /// It is carried out, with another value for this argument.
    Other(&'static str),
    /// The provider panics.
    Panic,
    /// Provisioning fails at its second step.
    StepFails,
}

pub type Witness = Arc<dyn Fn(&OperationId) + Send + Sync>;

#[derive(Default)]
pub struct Platform {
    pub objects: BTreeMap<RemoteId, RemoteObject>,
    /// By verb and address.
    pub faults: BTreeMap<(&'static str, Address), Fault>,
    /// Every call, as `create sandbox.a`.
    pub calls: Vec<String>,
    /// What each create and provision was asked for.
    pub asked: Vec<(Address, Value)>,
    pub in_flight: usize,
    pub most_in_flight: usize,
    /// No call succeeds, not even a listing.
    pub down: bool,
    /// Creates say that they wait, half-way.
    pub says_waiting: bool,
    /// What provisioning finds out before its first step.
    pub finds_out: Vec<(Arc<str>, Value)>,
    /// See [`Provider::lag`].
    pub lag: Duration,
    /// How long each half of a call takes, in turn.
    pub pace: Vec<u64>,
    /// Is asked about every create as soon as it arrives.
    pub witness: Option<Witness>,
    made: u32,
    turns: usize,
}

/// A provider of a [`Platform`].
pub struct Fake {
    pub name: ProviderRef,
    pub platform: Arc<Mutex<Platform>>,
    pub parallel: usize,
}

impl Platform {
    fn pause(&mut self) -> Duration {
        self.turns += 1;
        let pace = if self.pace.is_empty() { 5 } else { self.pace[self.turns % self.pace.len()] };
        Duration::from_millis(pace)
    }

    /// Makes an object, once for each operation.
    pub fn make(
        &mut self,
        kind: ResourceType,
        ownership: &Ownership,
        asked: &Value,
    ) -> RemoteObject {
        let by = |o: &&RemoteObject| {
            o.ownership.as_ref().map(|o| &o.operation) == Some(&ownership.operation)
        };
        if let Some(object) = self.objects.values().find(by) {
            return object.clone();
        }
        self.made += 1;
        let id = RemoteId::from(format!("r{}", self.made));
        let attributes = asked
            .with("id", Value::from(id.as_str()))
            .with("ipv4", Value::from(format!("10.0.0.{}", self.made)));
        let object = RemoteObject {
            remote_id: id.clone(),
            kind,
            name: ownership.address.to_string(),
            ownership: Some(ownership.clone()),
            attributes: attributes.deep_revealed(),
        };
        self.objects.insert(id, object.clone());
        object
    }
}

impl Fake {
    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap()
    }

    /// Carries out `work` on the platform, whether or not the caller stays.
    async fn call<T: Send + 'static>(
        &self,
        verb: &'static str,
        address: &Address,
        work: impl FnOnce(&mut Platform) -> T + Send + 'static,
    ) -> Result<(T, Option<Fault>, Landed), ProviderError> {
        let fault = {
            let mut platform = self.platform();
            platform.calls.push(format!("{verb} {address}"));
            platform.in_flight += 1;
            platform.most_in_flight = platform.most_in_flight.max(platform.in_flight);
            platform.faults.get(&(verb, address.clone())).cloned()
        };
        let landed = Landed(self.platform.clone());
        if self.platform().down {
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, "It is down."));
        }
        match &fault {
            Some(Fault::Refused(kind)) => {
                let pause = self.platform().pause();
                sleep(pause).await;
                return Err(ProviderError::new(*kind, "It says no."));
            }
            Some(Fault::LostBefore) => return Err(lost()),
            Some(Fault::Panic) => panic!("as the test asks"),
            _ => {}
        }
        let server = self.platform.clone();
        let pause = match fault {
            Some(Fault::Late(pause)) => pause,
            _ => self.platform().pause(),
        };
        let work = tokio::spawn(async move {
            sleep(pause).await;
            work(&mut server.lock().unwrap())
        });
        if let Some(Fault::Late(_)) = fault {
            return Err(lost());
        }
        let done = work.await.unwrap();
        Ok((done, fault, landed))
    }

    fn address_of(&self, id: &RemoteId) -> Address {
        let platform = self.platform();
        let object = platform.objects.get(id).and_then(|object| object.ownership.clone());
        object.map_or_else(|| "sandbox.gone".parse().unwrap(), |ownership| ownership.address)
    }

    async fn rest(&self) {
        let pause = self.platform().pause();
        sleep(pause).await;
    }
}

struct Landed(Arc<Mutex<Platform>>);

impl Drop for Landed {
    fn drop(&mut self) {
        if let Ok(mut platform) = self.0.lock() {
            platform.in_flight -= 1;
        }
    }
}

fn lost() -> ProviderError {
    let error = ProviderError::new(ProviderErrorKind::Unavailable, "The connection broke.");
    error.committed(Committed::Unknown)
}

#[async_trait]
impl Provider for Fake {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, _: ResourceType) -> Option<&ResourceSchema> {
        None
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            honours: vec![],
            ttl: TtlEnforcement::Expire,
            default_parallel: self.parallel,
        }
    }

    fn lag(&self) -> Duration {
        self.platform().lag
    }

    fn validate(&self, _: &ResourceConfig<'_>) -> Diagnostics {
        Diagnostics::new()
    }

    fn plan(&self, _: &ProposedChange<'_>) -> PlannedChange {
        PlannedChange::default()
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        Ok(Account::default())
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        let mut platform = self.platform();
        platform.calls.push(format!("list {}", request.kind));
        if platform.down {
            return Err(ProviderError::new(ProviderErrorKind::Unavailable, "It is down."));
        }
        Ok(platform.objects.values().filter(|o| o.kind == request.kind).cloned().collect())
    }

    async fn read(
        &self,
        _: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let mut platform = self.platform();
        platform.calls.push(format!("read {id}"));
        Ok(platform.objects.get(id).cloned())
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        let CreateRequest { kind, ownership, attributes, reporter, .. } = request;
        let witness = self.platform().witness.clone();
        if let Some(witness) = witness {
            witness(&ownership.operation);
        }
        let address = ownership.address.clone();
        self.platform().asked.push((address.clone(), attributes.clone()));
        let made = move |platform: &mut Platform| platform.make(kind, &ownership, &attributes);
        let (mut object, fault, _landed) = self.call("create", &address, made).await?;
        reporter.send(Report::RemoteId(object.remote_id.clone()));
        if self.platform().says_waiting {
            reporter.waiting();
        }
        self.rest().await;
        match fault {
            Some(Fault::HalfMade) => {
                let error = ProviderError::new(ProviderErrorKind::Rejected, "It broke half-way.");
                Err(error.committed(Committed::Partially(object.remote_id)))
            }
            Some(Fault::LostAfter) => Err(lost()),
            Some(Fault::Other(name)) => {
                object.attributes = object.attributes.with(name, Value::from("other"));
                Ok(object)
            }
            _ => Ok(object),
        }
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        let UpdateRequest { remote_id, attributes, ownership, .. } = request;
        let address = ownership.address.clone();
        let change = move |platform: &mut Platform| {
            let object = platform.objects.get_mut(&remote_id)?;
            for (name, value) in attributes.as_attributes()?.iter() {
                object.attributes = object.attributes.with(name.clone(), value.deep_revealed());
            }
            Some(object.clone())
        };
        match self.call("update", &address, change).await? {
            (_, Some(Fault::LostAfter), _) => Err(lost()),
            (Some(object), ..) => Ok(object),
            (None, ..) => Err(ProviderError::new(ProviderErrorKind::NotFound, "It is gone.")),
        }
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let address = self.address_of(&request.remote_id);
        let remove = move |platform: &mut Platform| platform.objects.remove(&request.remote_id);
        match self.call("delete", &address, remove).await? {
            (_, Some(Fault::LostAfter), _) => Err(lost()),
            (Some(_), ..) => Ok(()),
            (None, ..) => Err(ProviderError::new(ProviderErrorKind::NotFound, "It is gone.")),
        }
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        let address = self.address_of(&request.remote_id);
        self.platform().asked.push((address.clone(), request.attributes.clone()));
        let (_, fault, _landed) = self.call("provision", &address, |_| ()).await?;
        let found = self.platform().finds_out.clone();
        if !found.is_empty() {
            request.reporter.send(Report::Attributes(found));
        }
        for name in ["provision:one", "provision:two"] {
            if request.done.iter().any(|record| record.name == name && record.rc == 0) {
                continue;
            }
            self.rest().await;
            let fails = fault == Some(Fault::StepFails) && name == "provision:two";
            let record = record(name, if fails { 3 } else { 0 });
            request.reporter.send(Report::Step(record));
            if fails {
                return Ok(ProvisionOutcome::Failed(StepFailure {
                    step: name.to_owned(),
                    rc: 3,
                    log_tail: vec!["no such package".to_owned()],
                    log_path: "/var/lib/sandplan/log/two".to_owned(),
                }));
            }
        }
        Ok(ProvisionOutcome::Ready)
    }
}

/// Makes the record of a step.
pub fn record(name: &str, rc: i32) -> StepRecord {
    let (hash, ended_at) = ("h".to_owned(), Timestamp::UNIX_EPOCH);
    StepRecord { name: name.to_owned(), hash, rc, seconds: 1.0, ended_at }
}

/// Makes the labels of an object of the test's project.
pub fn ownership(address: &Address, operation: &str) -> Ownership {
    Ownership {
        project: "p".to_owned(),
        lineage: "l".into(),
        address: address.clone(),
        operation: OperationId::from(operation),
        expires_at: None,
    }
}
