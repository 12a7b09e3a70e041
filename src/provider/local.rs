//! The embedded default provider: process sandboxes of this machine, made with
//! bubblewrap. No account, no image, no root.
//!
//! A sandbox is a directory; its commands see the host's programs read-only and
//! nothing else of the host. It has no machine that runs on: processes end with
//! the command that started them. See `docs/decisions/0011-local.md`.

mod account;
mod console;
mod jail;
mod launch;
mod record;
mod run;
mod snapshot;
mod spawner;
mod store;
mod survivors;
mod validate;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use self::jail::Jail;
use self::launch::Launch;
use self::record::Record;
use self::snapshot::Snapshotter;
use self::store::{Place, Store};
use super::registry::Registry;
use super::settings::{Built, Settings};
use super::*;
use crate::provision;
use crate::tty::Terminal;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The arguments and blocks of a sandbox that this platform honours.
pub const HONOURS: [&str; 10] =
    ["env", "file", "labels", "name", "network", "port", "provision", "ready", "sync", "ttl"];

/// The arguments that `update` changes; the rest is provisioning.
const UPDATED: [&str; 6] = ["env", "labels", "name", "network", "port", "ttl"];

/// Process sandboxes of this machine.
#[derive(Clone)]
pub struct Local {
    name: ProviderRef,
    store: Arc<Store>,
    clock: Clock,
    bwrap: PathBuf,
    /// Says which platforms can do what this one cannot.
    registry: Registry,
}

/// Makes the provider of a `provider "local"` block. Each alias keeps its sandboxes apart.
pub fn build(name: ProviderRef, settings: Settings) -> Built {
    settings.accept("local", &[])?;
    let data_dir = settings.data_dir.join(name.to_string());
    let local = Local::new(name, data_dir, settings.clock);
    Ok(Arc::new(Local { registry: settings.registry, ..local }))
}

impl Local {
    /// Keeps sandboxes in a directory, which need not exist yet.
    pub fn new(name: ProviderRef, data_dir: PathBuf, clock: Clock) -> Self {
        let (store, bwrap) = (Arc::new(Store::new(data_dir)), PathBuf::from("bwrap"));
        Self { name, store, clock, bwrap, registry: Registry::built_in() }
    }

    /// Uses this bubblewrap instead of the one in `PATH`.
    pub fn with_bwrap(self, bwrap: PathBuf) -> Self {
        Self { bwrap, ..self }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(storage)
    }

    fn place(&self, id: &RemoteId) -> Result<Place, ProviderError> {
        self.store.find(id.as_str()).ok_or_else(|| gone(id))
    }

    fn entered(&self, id: &RemoteId) -> Result<(Record, Jail, store::InUse), ProviderError> {
        let place = self.place(id)?;
        let in_use = place.enter().map_err(|_| gone(id))?;
        let record = place.record().map_err(|error| unreadable(id, &error))?;
        let jail = Jail {
            host_name: host_name(&record.name),
            shares_network: record.shares_network(),
            binds: place.binds(),
            identity: place.identity().map_err(storage)?,
        };
        Ok((record, jail, in_use))
    }

    fn snapshotter(&self) -> Snapshotter<'_> {
        Snapshotter { store: &self.store, bwrap: &self.bwrap }
    }

    /// Opens a shell on a terminal that need not be this process's own.
    async fn console_on(
        &self,
        request: ConsoleRequest,
        terminal: Terminal,
    ) -> Result<i32, ProviderError> {
        let (record, jail, _in_use) = self.entered(&request.machine.remote_id)?;
        let pair = console::Pair::like(&terminal, jail.identity).map_err(no_terminal)?;
        let env = overridden(record.env, [("TERM".to_owned(), request.term)].into());
        let argv = console::LOGIN_SHELL.map(str::to_owned);
        let stdio = pair.stdio().map_err(no_terminal)?;
        let launch = Launch {
            bwrap: &self.bwrap,
            jail: &jail,
            argv: &argv,
            env: &env,
            workdir: None,
            stdio,
        };
        let code = console::join(terminal, pair, launch.start().await?).await;
        let code = code.map_err(no_terminal)?;
        code.ok_or_else(|| ProviderError::new(ProviderErrorKind::Unavailable, account::explain("")))
    }
}

#[async_trait]
impl Provider for Local {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        (of == ResourceType::Sandbox).then(sandbox::schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Expire, default_parallel: 32 }
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        validate::validate(config, &|argument| self.registry.honouring(argument))
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        plan(change)
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        account::whoami(&self.bwrap, self.store.data()).await
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        if request.kind != ResourceType::Sandbox {
            return Ok(Vec::new());
        }
        self.blocking(move |store| store.list(request.project.as_deref())).await
    }

    async fn read(
        &self,
        kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let place = self.store.find(id.as_str()).filter(|_| kind == ResourceType::Sandbox);
        Ok(place.and_then(|place| place.describe()).map(|(_, object)| object))
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        only_sandboxes(request.kind)?;
        let id = Store::id_of(&request.operation);
        request.reporter.send(Report::RemoteId(RemoteId::from(id.as_str())));
        // Two hundred microseconds: less than handing it to another thread costs.
        if let Some((_, object)) = self.store.find(&id).and_then(|place| place.describe()) {
            return Ok(object);
        }
        let record = Record::new(&id, &request.ownership, &request.attributes, (self.clock)());
        self.store.create(&record).map_err(storage)?;
        Ok(record.to_object())
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        only_sandboxes(request.kind)?;
        let place = self.place(&request.remote_id)?;
        let record = place.record().map_err(|error| unreadable(&request.remote_id, &error))?;
        let record = record.updated(&request.ownership, &request.attributes);
        place.write(&record).map_err(storage)?;
        Ok(record.to_object())
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        self.blocking(move |store| store.delete(request.remote_id.as_str())).await
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        self.place(&request.remote_id)?;
        provision::provision(self, request, None, &*self.clock).await
    }

    fn exec(&self) -> Option<&dyn Exec> {
        Some(self)
    }

    fn files(&self) -> Option<&dyn Files> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

#[async_trait]
impl Exec for Local {
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        let (record, jail, _in_use) = self.entered(&request.machine.remote_id)?;
        let env = overridden(record.env, request.env);
        shell::check(&request.argv, &env)?;
        let launch = Launch {
            bwrap: &self.bwrap,
            jail: &jail,
            argv: &request.argv,
            env: &env,
            workdir: request.workdir.as_deref(),
            stdio: run::stdio(&request.io),
        };
        run::finish(launch.start().await?, request.io, request.timeout).await
    }

    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError> {
        let terminal = Terminal::of_this_process().map_err(no_terminal)?;
        if let Some(terminal) = terminal {
            return self.console_on(request, terminal).await;
        }
        let shell = ExecRequest {
            machine: request.machine,
            argv: ["/bin/bash", "-l"].map(str::to_owned).into(),
            env: BTreeMap::new(),
            workdir: None,
            timeout: None,
            io: ExecIo::Inherit,
        };
        Ok(Exec::exec(self, shell).await?.code)
    }
}

#[async_trait]
impl Snapshots for Local {
    async fn snapshot(&self, id: &RemoteId, name: &str) -> Result<SnapshotInfo, ProviderError> {
        let place = self.place(id)?;
        self.snapshotter().save(&place, name, (self.clock)()).await
    }

    async fn restore(&self, id: &RemoteId, snapshot: &str) -> Result<(), ProviderError> {
        let place = self.place(id)?;
        self.snapshotter().restore(&place, snapshot).await
    }

    async fn snapshots(&self, id: &RemoteId) -> Result<Vec<SnapshotInfo>, ProviderError> {
        Ok(self.snapshotter().list(id.as_str()))
    }
}

/// Says how a change would be carried out. Pure.
fn plan(change: &ProposedChange<'_>) -> PlannedChange {
    let sandbox = sandbox::Sandbox::from_value(change.after);
    let pending = provision::pending(&sandbox, None, change.done);
    let replaces = |path: &&AttributePath| matches!(path.root(), "region" | "from");
    let changes = |roots: &[&str]| change.changed.iter().any(|path| roots.contains(&path.root()));
    let is_new = change.before.is_none();
    let given = |name: &str| is_new && change.after.get(name).is_some();
    let computed = [
        ("id", is_new),
        ("name", is_new && !given("name")),
        ("created_at", is_new),
        ("status", is_new),
        ("expires_at", given("ttl") || changes(&["ttl"])),
        ("urls", given("port") || changes(&["port", "network"])),
    ];
    let unknown = computed.into_iter().filter(|(_, will)| *will).map(|(name, _)| name.into());
    PlannedChange {
        requires_replace: change.changed.iter().filter(replaces).cloned().collect(),
        update: change.before.is_some() && changes(&UPDATED),
        provision: pending.iter().map(|step| step.name.clone()).collect(),
        unknown: unknown.collect(),
        // One's own machine costs nothing.
        known: vec![("hourly_cost".into(), Value::from(record::HOURLY_COST))],
        ..PlannedChange::default()
    }
}

/// Makes a host name of a name: the kernel takes 64 bytes.
fn host_name(name: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = name.chars().map(good).take(63).collect();
    if name.is_empty() { "sandbox".to_owned() } else { name }
}

fn overridden(
    mut env: BTreeMap<String, String>,
    by: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    env.extend(by);
    env
}

fn only_sandboxes(kind: ResourceType) -> Result<(), ProviderError> {
    match kind {
        ResourceType::Sandbox => Ok(()),
        other => Err(ProviderError::new(
            ProviderErrorKind::Rejected,
            format!("The provider `local` has no objects of type `{other}`."),
        )),
    }
}

fn gone(id: &RemoteId) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::NotFound,
        format!(
            "The sandbox {id} is gone from this machine. Run `sandplan plan` to see what is missing."
        ),
    )
}

fn unreadable(id: &RemoteId, error: &io::Error) -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Rejected,
        format!(
            "The `sandbox.json` of {id} is damaged ({error}). Repair it, or destroy the sandbox."
        ),
    )
}

fn storage(error: io::Error) -> ProviderError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ProviderErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ProviderErrorKind::NoCapacity,
        _ => ProviderErrorKind::Unavailable,
    };
    let message = format!("The sandboxes of this machine cannot be read or written: {error}.");
    ProviderError::new(kind, message).committed(Committed::Unknown)
}

fn no_terminal(error: io::Error) -> ProviderError {
    let message = format!("The terminal could not be joined to the sandbox: {error}.");
    ProviderError::new(ProviderErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests;
