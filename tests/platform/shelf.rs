//! A platform for tests: sandboxes are directories on a shelf, which is a directory.
//!
//! What lies beside them decides how it behaves: `down` makes every call fail with the
//! text in it (`denied` as if the credentials were wrong), `latency` makes every call
//! take as many milliseconds. `most` says how many calls were in flight at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sandplan::address::ResourceType;
use sandplan::diagnostic::Diagnostics;
use sandplan::object::{Ownership, ProviderRef, RemoteId, RemoteObject};
use sandplan::provider::registry::Platform;
use sandplan::provider::settings::{Built, Settings};
use sandplan::provider::*;
use sandplan::provision;
use sandplan::schema::ResourceSchema;
use sandplan::value::Value;

const HONOURS: [&str; 8] = ["env", "file", "labels", "name", "provision", "region", "shelf", "ttl"];

/// Describes the platform.
pub fn platform() -> Platform {
    Platform { name: "shelf", honours: &HONOURS, build }
}

fn build(name: ProviderRef, settings: Settings) -> Built {
    settings.accept("shelf", &["directory", "region"])?;
    let directory = settings.text("directory").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| settings.data_dir.join(name.to_string()));
    let clock = settings.clock;
    let (now, most) = (Arc::default(), Arc::default());
    Ok(Arc::new(Shelf { name, directory, clock, now, most }))
}

struct Shelf {
    name: ProviderRef,
    directory: PathBuf,
    clock: sandplan::engine::Clock,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// A call in flight.
struct InFlight<'a>(&'a Shelf);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shelf {
    /// Does what every call does first.
    async fn call(&self) -> Result<InFlight<'_>, ProviderError> {
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        let in_flight = InFlight(self);
        if self.most.fetch_max(now, Ordering::SeqCst) < now {
            fs::write(self.directory.join("most"), now.to_string()).map_err(failed)?;
        }
        if let Ok(why) = fs::read_to_string(self.directory.join("down")) {
            let kind = match why.contains("denied") {
                true => ProviderErrorKind::Denied,
                false => ProviderErrorKind::Unavailable,
            };
            return Err(ProviderError::new(kind, why.trim()));
        }
        let latency = fs::read_to_string(self.directory.join("latency")).unwrap_or_default();
        let latency = Duration::from_millis(latency.trim().parse().unwrap_or(0));
        tokio::time::sleep(latency).await;
        Ok(in_flight)
    }

    fn record(&self, id: &RemoteId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn found(&self, id: &RemoteId) -> Option<RemoteObject> {
        serde_json::from_slice(&fs::read(self.record(id)).ok()?).ok()
    }

    fn put(&self, object: RemoteObject) -> Result<RemoteObject, ProviderError> {
        fs::create_dir_all(self.directory.join(object.remote_id.as_str())).map_err(failed)?;
        let text = serde_json::to_string(&object).map_err(|error| failed(error.into()))?;
        fs::write(self.record(&object.remote_id), text).map_err(failed)?;
        Ok(object)
    }

    fn object(&self, id: RemoteId, ownership: Ownership, attributes: &Value) -> RemoteObject {
        let name = attributes.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = name.unwrap_or_else(|| ownership.address.block.name.to_string());
        let expires_at = ownership.expires_at.map(|at| Value::from(at.to_string()));
        let given = attributes.as_attributes().into_iter().flat_map(|all| all.iter());
        let given = given.filter(|(_, value)| !value.is_null());
        let given = given.map(|(name, value)| (name.clone(), value.clone()));
        let attributes = Value::object(given)
            .with("id", Value::from(id.as_str()))
            .with("name", Value::from(name.as_str()))
            .with("created_at", Value::from((self.clock)().to_string()));
        let attributes = match expires_at {
            Some(at) => attributes.with("expires_at", at),
            None => attributes,
        };
        let kind = ResourceType::Sandbox;
        RemoteObject { remote_id: id, kind, name, ownership: Some(ownership), attributes }
    }
}

fn failed(error: std::io::Error) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Unavailable, format!("The shelf broke: {error}."))
}

#[async_trait]
impl Provider for Shelf {
    fn name(&self) -> &ProviderRef {
        &self.name
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        (of == ResourceType::Sandbox).then(sandbox::schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: HONOURS.into(), ttl: TtlEnforcement::Expire, default_parallel: 4 }
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        portable::check(config, None)
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        let sandbox = sandbox::Sandbox::from_value(change.after);
        let pending = provision::pending(&sandbox, None, change.done);
        let moves = change.changed.iter().filter(|path| path.root() == "region");
        let is_new = change.before.is_none();
        let computed = [
            ("id", is_new),
            ("name", is_new && change.after.get("name").is_none()),
            ("created_at", is_new),
            ("status", is_new),
            ("expires_at", change.changed.iter().any(|path| path.root() == "ttl") || is_new),
        ];
        PlannedChange {
            requires_replace: moves.cloned().collect(),
            update: !is_new && !change.changed.is_empty(),
            provision: pending.iter().map(|step| step.name.clone()).collect(),
            unknown: computed.into_iter().filter(|c| c.1).map(|(name, _)| name.into()).collect(),
            ..PlannedChange::default()
        }
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        let _call = self.call().await?;
        let summary = format!("the shelf {}", self.directory.display());
        Ok(Account { summary, details: Vec::new() })
    }

    async fn list(&self, request: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        let _call = self.call().await?;
        let entries = fs::read_dir(&self.directory).map_err(failed)?;
        let ids = entries.filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some(RemoteId::from(name.strip_suffix(".json")?))
        });
        let is_meant = |object: &RemoteObject| {
            let owner = object.ownership.as_ref().map(|owner| owner.project.as_str());
            request.project.is_none() || owner == request.project.as_deref()
        };
        Ok(ids.filter_map(|id| self.found(&id)).filter(is_meant).collect())
    }

    async fn read(
        &self,
        _kind: ResourceType,
        id: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        let _call = self.call().await?;
        Ok(self.found(id))
    }

    async fn create(&self, request: CreateRequest) -> Result<RemoteObject, ProviderError> {
        let _call = self.call().await?;
        let id = RemoteId::from(format!("shelf-{}", &request.operation.as_str()[..8]));
        request.reporter.send(Report::RemoteId(id.clone()));
        self.put(self.object(id, request.ownership, &request.attributes))
    }

    async fn update(&self, request: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        let _call = self.call().await?;
        self.put(self.object(request.remote_id, request.ownership, &request.attributes))
    }

    async fn delete(&self, request: DeleteRequest) -> Result<(), ProviderError> {
        let _call = self.call().await?;
        let _ = fs::remove_dir_all(self.directory.join(request.remote_id.as_str()));
        let _ = fs::remove_file(self.record(&request.remote_id));
        Ok(())
    }

    async fn provision(
        &self,
        request: ProvisionRequest,
    ) -> Result<ProvisionOutcome, ProviderError> {
        provision::provision(self, request, None, &*self.clock).await
    }

    fn exec(&self) -> Option<&dyn Exec> {
        Some(self)
    }
}

#[async_trait]
impl Exec for Shelf {
    /// Runs it on this machine, in the sandbox's directory.
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, ProviderError> {
        let _call = self.call().await?;
        let home = self.directory.join(request.machine.remote_id.as_str());
        let env = sandbox::Sandbox::from_value(&request.machine.attributes).env;
        let env: BTreeMap<String, String> = env.into_iter().chain(request.env).collect();
        let run = |home: &Path| {
            let mut command = std::process::Command::new(&request.argv[0]);
            command.args(&request.argv[1..]).current_dir(home).envs(env).env("HOME", home);
            match request.io {
                ExecIo::Inherit => {
                    command.stdin(Stdio::null()).status().map(|s| (s, vec![], vec![]))
                }
                _ => command
                    .stdin(Stdio::null())
                    .output()
                    .map(|output| (output.status, output.stdout, output.stderr)),
            }
        };
        let (status, stdout, stderr) = run(&home).map_err(failed)?;
        Ok(ExecOutcome { code: status.code().unwrap_or(128), stdout, stderr })
    }

    async fn console(&self, request: ConsoleRequest) -> Result<i32, ProviderError> {
        let argv = vec!["/bin/sh".to_owned()];
        let (machine, io) = (request.machine, ExecIo::Inherit);
        let (env, workdir, timeout) = Default::default();
        let done = Exec::exec(self, ExecRequest { machine, argv, env, workdir, timeout, io });
        Ok(done.await?.code)
    }
}
