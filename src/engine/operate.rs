//! What changes the state: apply, recovery, import, and mending by hand. All of
//! it goes through a [`Session`], which holds the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use super::{Project, Target};
use crate::address::{Address, ResourceType};
use crate::apply::{self, ApplyInputs, ApplySettings, OnFailure, RecoverInputs, Stop};
use crate::deferred::Deferred;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::evaluate::{Surroundings, evaluate_deferred};
use crate::event::EventStream;
use crate::object::{
    Object, ObjectKey, OperationId, Ownership, Prior, ProviderRef, RemoteId, RemoteObject, RunId,
    State, Status, StepFailure, StepRecord,
};
use crate::plan::Plan;
use crate::provider::{Provider, ProvisionOutcome, ProvisionRequest, Report, Reporter};
use crate::provision;
use crate::state::{Batch, LockInfo, Locked, NewRun, StateError, Store};
use crate::value::Value;

/// How an apply is carried out.
pub struct ApplyOptions {
    pub parallelism: usize,
    pub on_failure: OnFailure,
    pub stop: watch::Receiver<Stop>,
}

/// A project whose state is locked by this process.
pub struct Session<'a> {
    project: &'a Project,
    store: Locked,
}

fn told(error: StateError) -> Diagnostics {
    error.diagnostic().into()
}

impl Project {
    /// Takes the lock and reconciles what an earlier run left open; the
    /// diagnostics are warnings of what could not be.
    pub async fn open(
        &self,
        command: &str,
        timeout: Duration,
        events: &mut EventStream,
    ) -> Result<(Session<'_>, Diagnostics), Diagnostics> {
        let store = Store::open(self.state_path()).map_err(told)?;
        let holder = LockInfo::of_this_process(command, self.now());
        let run = NewRun {
            id: RunId::from(uuid::Uuid::new_v4().to_string()),
            command: command.to_owned(),
            who: format!("{}@{}", holder.who, holder.host),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.now(),
        };
        let mut store = store.lock(holder, timeout).map_err(told)?;
        store.begin_run(&run).map_err(told)?;
        let inputs = RecoverInputs {
            store: &mut store,
            providers: &self.providers,
            events,
            clock: &*self.environment.clock,
        };
        let warnings = apply::recover(inputs).await.map_err(told)?;
        Ok((Session { project: self, store }, warnings))
    }

    /// Takes the lock away from its holder.
    pub fn force_unlock(&self, id: &str) -> Result<(), Diagnostics> {
        let store = Store::open_existing_read_only(self.state_path()).map_err(told)?;
        if store.is_none() {
            return Err(Diagnostic::error("state-lock-mismatch", "No such state lock")
                .detail("There is no state here, so nothing is locked.")
                .into());
        }
        Store::open(self.state_path()).and_then(|store| store.force_unlock(id)).map_err(told)
    }
}

impl Session<'_> {
    /// Reads the state.
    pub fn state(&self) -> Result<State, Diagnostics> {
        self.store.read().map_err(told)
    }

    /// Takes on a saved plan: a state without any row takes over its lineage.
    pub fn accept(&mut self, plan: &Plan) -> Result<(), Diagnostics> {
        let take = |batch: &mut Batch<'_>| match batch.is_pristine()? && plan.based_on.is_empty() {
            true => batch.take_lineage(&plan.lineage),
            false => Ok(()),
        };
        self.store.transaction(take).map_err(told)
    }

    /// Returns the prior that a saved plan was made from: the state with the drift
    /// that the plan carries.
    pub fn prior_of(&self, plan: &Plan) -> Result<Prior, Diagnostics> {
        let mut prior = Prior::unrefreshed(self.state()?);
        let drifted: BTreeSet<&ObjectKey> = plan.drift.iter().map(|drift| &drift.key).collect();
        prior.objects.retain(|object| !drifted.contains(&object.key()));
        prior.objects.extend(plan.drift.iter().filter_map(|drift| drift.after.as_deref().cloned()));
        prior.objects.sort_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        prior.drift = plan.drift.clone();
        Ok(prior)
    }

    /// Executes a plan. The diagnostics were sent as events, too.
    pub async fn apply(
        &mut self,
        plan: &Plan,
        options: ApplyOptions,
        events: &mut EventStream,
    ) -> Diagnostics {
        let project = self.project;
        let base_dir = project.base_dir().to_owned();
        let settings = ApplySettings {
            parallelism: options.parallelism,
            provider_parallel: project.provider_parallel(),
            on_failure: options.on_failure,
            base_dir: base_dir.clone(),
        };
        let evaluate = |deferred: &Deferred, lookup: apply::Lookup<'_>| {
            let now = project.now();
            evaluate_deferred(deferred, &Surroundings { block: lookup, base_dir: &base_dir, now })
        };
        let inputs = ApplyInputs {
            plan,
            store: &mut self.store,
            providers: &project.providers,
            events,
            evaluate: &evaluate,
            clock: &*project.environment.clock,
            new_id: &|| OperationId::from(uuid::Uuid::new_v4().simple().to_string()),
            stop: options.stop,
            settings: &settings,
        };
        let outcome = apply::apply(inputs).await;
        futures_util::future::join_all(project.providers.values().map(|p| p.close())).await;
        let mut problems = outcome.diagnostics;
        if let Err(error) = self.store.end_run(project.now()) {
            problems.push(error.diagnostic());
        }
        problems
    }

    /// Takes an object that exists under an address.
    pub async fn import(&mut self, address: &Address, id: &RemoteId) -> Result<(), Diagnostics> {
        let prior = Prior::unrefreshed(self.state()?);
        if prior.state.current(address).is_some() {
            return Err(told(StateError::RowExists {
                key: ObjectKey { address: address.clone(), deposed: None },
            }));
        }
        let plan = self.project.plan(&prior, &Default::default()).await?;
        let change = plan.changes.iter().find(|change| change.address == *address);
        let Some(change) = change else {
            plan.undone().into_result(())?;
            return Err(not_declared(address).into());
        };
        let Some(provider) = self.project.providers.get(&change.provider) else {
            return Err(not_declared(address).into());
        };
        let failed = |why: String| Diagnostic::error("import-failed", "Cannot import").detail(why);
        // Platforms number each type of object by itself.
        let is_it = |object: &&Object| {
            object.remote_id == *id
                && object.provider == change.provider
                && object.address.kind() == address.kind()
        };
        let taken = prior.state.objects.iter().find(is_it);
        if let Some(taken) = taken {
            let why = format!("The object `{id}` is in the state already, as {}.", taken.address);
            return Err(failed(why).into());
        }
        let place = (provider.as_ref(), &change.provider);
        self.check_owner(place, (address, id)).await?;
        let remote = provider.adopt(address.kind(), id, &self.ownership(address)?).await;
        let remote = remote.map_err(|error| failed(error.message))?;
        let Some(remote) = remote else { return Err(not_there(id, &change.provider).into()) };
        let object = adopted(address.clone(), change.provider.clone(), remote, 1);
        self.store.transaction(|batch| batch.put(&object)).map_err(told)
    }

    /// Sees that an object is there, and that no other project has made it.
    async fn check_owner(
        &self,
        (provider, name): (&dyn Provider, &ProviderRef),
        (address, id): (&Address, &RemoteId),
    ) -> Result<(), Diagnostics> {
        let failed = |why: String| Diagnostic::error("import-failed", "Cannot import").detail(why);
        let remote = provider.read(address.kind(), id).await;
        let remote =
            remote.map_err(|error| failed(error.message.clone()).failure(error.kind.failure()))?;
        let Some(remote) = remote else { return Err(not_there(id, name).into()) };
        let ours = &self.project.desired.project;
        match remote.ownership.filter(|owner| owner.project != *ours) {
            None => Ok(()),
            Some(owner) => Err(failed(format!(
                "The object `{id}` belongs to the project `{}` by its labels, as {}. Take it out \
                 there first: with `sandplan state rm`, and by removing its `sandplan-` labels.",
                owner.project, owner.address
            ))
            .into()),
        }
    }

    fn ownership(&self, address: &Address) -> Result<Ownership, Diagnostics> {
        Ok(Ownership {
            project: self.project.desired.project.clone(),
            lineage: self.state()?.lineage,
            address: address.clone(),
            operation: OperationId::from(uuid::Uuid::new_v4().simple().to_string()),
            expires_at: None,
        })
    }

    /// Returns what the configuration asks for at each address, as far as that is known.
    fn wanted(&self) -> Result<BTreeMap<Address, Value>, Diagnostics> {
        let nothing = Prior::unrefreshed(State::empty(self.state()?.lineage));
        // What cannot be planned says nothing of what there is.
        let plan = self.project.plan_offline(&nothing, &Default::default());
        let changes = plan.map(|plan| plan.changes).unwrap_or_default().into_iter();
        let wanted = |change: &crate::plan::Change| {
            Some((change.address.clone(), change.after_attributes()?.clone()))
        };
        Ok(changes.filter_map(|change| wanted(&change)).collect())
    }

    /// Puts every living object of this project that is in no row back into the
    /// state, by its labels; returns their addresses, and problems.
    pub async fn rebuild(
        &mut self,
        events: &mut EventStream,
    ) -> Result<(Vec<Address>, Diagnostics), Diagnostics> {
        let prior = self.project.refresh(self.state()?, true, events).await?;
        let taken: BTreeMap<&Address, ()> =
            prior.objects.iter().map(|object| (&object.address, ())).collect();
        let mut found = Vec::new();
        let mut problems: Diagnostics = prior.outages.values().cloned().collect();
        let wanted = self.wanted()?;
        let mut objects: BTreeMap<Address, Object> = BTreeMap::new();
        for (provider, remote) in &prior.orphans {
            let Some(owner) = &remote.ownership else { continue };
            let address = owner.address.clone();
            if taken.contains_key(&address) || objects.contains_key(&address) {
                problems.push(twice(&address, &remote.remote_id));
                continue;
            }
            let mut object = adopted(address.clone(), provider.clone(), remote.clone(), 1);
            if let Some(wanted) = wanted.get(&address) {
                object.attributes = presumed(object.attributes, wanted);
            }
            objects.insert(address, object);
        }
        self.store
            .transaction(|batch| objects.values().try_for_each(|object| batch.put(object)))
            .map_err(told)?;
        found.extend(objects.into_keys());
        Ok((found, problems))
    }

    /// Brings the synced directories of a sandbox up to date with what is here now.
    /// Returns the destinations, or how one failed.
    pub async fn sync(&mut self, target: &Target) -> Result<Vec<String>, Diagnostics> {
        let address = &target.object.address;
        let prior = Prior::unrefreshed(self.state()?);
        let plan = self.project.plan_offline(&prior, &Default::default())?;
        let change = plan.changes.iter().find(|change| change.address == *address);
        let Some(planned) = change.and_then(|change| change.after_attributes()) else {
            return Err(not_declared(address).into());
        };
        let (sender, mut reports) = tokio::sync::mpsc::unbounded_channel();
        let operation = OperationId::from(uuid::Uuid::new_v4().simple().to_string());
        let known = target.object.attributes.as_attributes();
        let attributes =
            known.into_iter().flat_map(|a| a.iter()).fold(planned.clone(), |all, (name, value)| {
                match all.get(name).is_none_or(Value::is_unknown) {
                    true => all.with(name.clone(), value.clone()),
                    false => all,
                }
            });
        let request = ProvisionRequest {
            operation: operation.clone(),
            remote_id: target.machine.remote_id.clone(),
            attributes,
            done: target.object.steps.clone(),
            base_dir: self.project.base_dir().to_owned(),
            reporter: Reporter::new(operation, sender),
        };
        let exec = self.project.exec(target)?;
        let outcome = provision::sync(exec, request, &*self.project.environment.clock).await;
        let mut records = Vec::new();
        while let Ok((_, report)) = reports.try_recv() {
            records.extend(match report {
                Report::Step(record) => Some(record),
                _ => None,
            });
        }
        self.remember_syncs(target, (planned.get("sync"), &records))?;
        match outcome.map_err(|error| self.project.call_failed(target, &error))? {
            ProvisionOutcome::Ready => Ok(destinations(&records)),
            ProvisionOutcome::Failed(failure) => Err(not_synced(address, &failure).into()),
        }
    }

    /// Puts a saved disk back into a sandbox, and writes down how that is reached since.
    pub async fn restore(&mut self, target: &Target, snapshot: &str) -> Result<(), Diagnostics> {
        let failed = |error| self.project.call_failed(target, &error);
        let id = &target.machine.remote_id;
        self.project.snapshots(target)?.restore(id, snapshot).await.map_err(failed)?;
        let Some(provider) = self.project.providers.get(&target.provider) else { return Ok(()) };
        let read = provider.read(target.object.address.kind(), id).await.map_err(failed)?;
        let Some(remote) = read else { return Ok(()) };
        let told = ["host_key", "ipv4", "ipv6", "ssh_command"].into_iter();
        let told = told.filter_map(|name| Some((name, remote.attributes.get(name)?.clone())));
        let known = target.object.attributes.clone();
        let attributes = told.fold(known, |all, (name, value)| all.with(name, value));
        let object = Object { attributes, ..target.object.clone() };
        self.store.transaction(|batch| batch.put(&object)).map_err(self::told)
    }

    /// Writes down what was synced, as if an apply had done it.
    fn remember_syncs(
        &mut self,
        target: &Target,
        (planned, records): (Option<&Value>, &[StepRecord]),
    ) -> Result<(), Diagnostics> {
        let object = &target.object;
        let all_done = records.iter().all(|record| record.rc == 0);
        let attributes = match planned.filter(|_| all_done) {
            Some(syncs) => object.attributes.with("sync", syncs.clone()),
            None => object.attributes.clone(),
        };
        let is_anew = |step: &&StepRecord| !records.iter().any(|record| record.name == step.name);
        let kept = object.steps.iter().filter(is_anew).chain(records);
        let object = Object { attributes, steps: kept.cloned().collect(), ..object.clone() };
        self.store.transaction(|batch| batch.put(&object)).map_err(told)
    }

    /// Gives a row another address.
    pub fn rename(&mut self, from: &Address, to: &Address) -> Result<(), Diagnostics> {
        self.store.transaction(|batch| batch.rename(from, to)).map_err(told)
    }

    /// Drops a row; the object lives on.
    pub fn remove(&mut self, key: &ObjectKey) -> Result<(), Diagnostics> {
        self.store.transaction(|batch| batch.remove(key)).map_err(told)
    }

    /// Replaces the whole state.
    pub fn push(&mut self, state: &State, force: bool) -> Result<(), Diagnostics> {
        self.store.transaction(|batch| batch.replace_all(state, force)).map_err(told)
    }
}

/// Takes from the configuration what an object began with, where its platform does not
/// tell: to be wrong about that costs less than to make it anew for not knowing.
fn presumed(known: Value, wanted: &Value) -> Value {
    ["image", "from", "sandbox"].into_iter().fold(known, |known, name| {
        let is_told = known.get(name).is_some_and(|value| !value.is_null());
        match wanted.get(name) {
            Some(value) if !is_told && !value.is_null() && value.is_wholly_known() => {
                known.with(name, value.clone())
            }
            _ => known,
        }
    })
}

fn adopted(address: Address, provider: ProviderRef, remote: RemoteObject, schema: u32) -> Object {
    Object {
        address,
        deposed: None,
        version: 0,
        provider,
        remote_id: remote.remote_id,
        status: Status::Ready,
        schema_version: schema,
        attributes: match remote.attributes {
            attributes @ Value::Object(_) => attributes,
            _ => Value::object::<&str>([]),
        },
        depends_on: Vec::new(),
        steps: Vec::new(),
        failure: None,
        create_before_destroy: false,
    }
}

fn destinations(records: &[StepRecord]) -> Vec<String> {
    let named = records.iter().filter_map(|record| record.name.strip_prefix("sync:"));
    named.map(str::to_owned).collect()
}

fn not_synced(address: &Address, failure: &StepFailure) -> Diagnostic {
    let to = failure.step.strip_prefix("sync:").unwrap_or(&failure.step);
    Diagnostic::error("sync-failed", "Directory could not be synced")
        .detail(format!("{to} of {address}: {}", failure.log_tail.join("\n")))
        .address(address)
}

fn not_declared(address: &Address) -> Diagnostic {
    let advice = match address.kind() {
        ResourceType::SshKey | ResourceType::Network => {
            " Its key is a provider that a sandbox using it runs on."
        }
        _ => "",
    };
    Diagnostic::error("import-undeclared", "Resource is not in the configuration").detail(format!(
        "Write a block for {address} first, so that the next plan keeps what is imported.{advice}"
    ))
}

fn not_there(id: &RemoteId, provider: &ProviderRef) -> Diagnostic {
    Diagnostic::error("import-missing", "Cannot import what does not exist")
        .detail(format!("The provider `{provider}` has no object `{id}`."))
}

fn twice(address: &Address, id: &RemoteId) -> Diagnostic {
    Diagnostic::warning("recover-twice", "Two objects claim one address").detail(format!(
        "The object `{id}` says that it is {address}, and another one is that already. Destroy it, or take it under another address with `sandplan import`."
    ))
}
