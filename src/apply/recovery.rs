//! What became of the operations that an earlier run left open. Every command
//! that writes starts with this.
//!
//! It asks the platforms: by one listing for each provider and type, and by id
//! for what the listing does not show. What a run had sent when it was killed may
//! still arrive; so where an operation is not seen to have ended, they are asked once
//! more after a while. What is found is adopted as it is, what is not there is
//! closed; where a platform cannot be asked, the operation stays open. It makes
//! nothing and deletes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream, Recovery};
use crate::object::{
    DeposedKey, Object, ObjectKey, OperationId, ProviderRef, RemoteId, RemoteObject, State, Status,
};
use crate::provider::{ListRequest, Provider, ProviderError};
use crate::state::{Ending, Locked, OpenOperation, OperationKind, StateError};
use crate::value::Value;

use super::Providers;
use super::attributes::{completed, merge};
use super::call::verb;
use super::prepare::with_status;
use super::world::current_key;
use super::writes::Write;

/// What recovery works with.
pub struct RecoverInputs<'a> {
    pub store: &'a mut Locked,
    pub providers: &'a Providers,
    pub events: &'a mut EventStream,
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Settles every operation that an earlier run left open, as far as the platforms
/// can be asked; what stays open is warned of. An error is one of the state.
pub async fn recover(inputs: RecoverInputs<'_>) -> Result<Diagnostics, StateError> {
    let RecoverInputs { store, providers, events, clock } = inputs;
    let open = store.open_operations()?;
    if open.is_empty() {
        return Ok(Diagnostics::new());
    }
    let mut warnings = Diagnostics::new();
    let mut platforms = Platforms::ask(&open, providers).await;
    let late: Vec<Duration> = open.iter().filter_map(|o| platforms.may_still_land(o)).collect();
    if let Some(lag) = late.iter().max() {
        let (operations, seconds) = (late.len(), lag.as_secs_f64());
        events.emit(Event::Settling { operations, seconds });
        tokio::time::sleep(*lag).await;
        platforms = Platforms::ask(&open, providers).await;
    }
    let mut rows = Rows::new(store.read()?);
    let mut settled = Vec::new();
    for operation in &open {
        match platforms.look_up(operation).await {
            Ok(found) => settled.push((operation, rows.settle(operation, found, providers))),
            Err(why) => {
                let warning = unsure(operation, &why);
                warnings.push(warning.clone());
                events.emit(recovered(operation, Recovery::Unsure));
                events.emit(Event::Diagnostic { diagnostic: warning });
            }
        }
    }
    let now = clock();
    store.transaction(|batch| rows.writes.iter().try_for_each(|write| write.apply(batch, now)))?;
    settled.into_iter().for_each(|(operation, outcome)| events.emit(recovered(operation, outcome)));
    Ok(warnings)
}

fn recovered(operation: &OpenOperation, outcome: Recovery) -> Event {
    let address = operation.key.address.clone();
    Event::Recovered { address, verb: verb(operation.kind), outcome }
}

fn unsure(operation: &OpenOperation, why: &str) -> Diagnostic {
    let OpenOperation { key, kind, begun_at, provider, .. } = operation;
    Diagnostic::warning("operation-open", "An earlier operation could not be settled")
        .detail(format!(
            "A {} of `{}` that began at {begun_at} did not come to an end, and provider \
             `{provider}` cannot say what became of it: {why} It stays in the journal, and the \
             next command asks again.",
            kind.as_str(),
            key.address
        ))
        .address(&key.address)
}

type Listing = Result<Vec<RemoteObject>, ProviderError>;

/// What the platforms say of all our objects.
struct Platforms<'a> {
    providers: &'a Providers,
    listings: BTreeMap<(ProviderRef, ResourceType), Listing>,
}

impl<'a> Platforms<'a> {
    /// Lists each type of each provider that an operation is about, once. Objects of
    /// every project are listed: what an operation made carries its label, and a
    /// project may have been given another name since.
    async fn ask(open: &[OpenOperation], providers: &'a Providers) -> Self {
        let asks = |o: &&OpenOperation| o.kind != OperationKind::Provision;
        let places: BTreeSet<_> =
            open.iter().filter(asks).map(|o| (o.provider.clone(), o.key.address.kind())).collect();
        let mut listings = BTreeMap::new();
        for (name, kind) in places {
            if let Some(provider) = providers.get(&name) {
                let listing = provider.list(ListRequest { kind, project: None }).await;
                listings.insert((name, kind), listing);
            }
        }
        Self { providers, listings }
    }

    /// Returns for how long what an operation had sent may still be carried out;
    /// nothing where it was, or where its provider does not work like that.
    fn may_still_land(&self, operation: &OpenOperation) -> Option<Duration> {
        let lag = self.providers.get(&operation.provider)?.lag();
        let place = (operation.provider.clone(), operation.key.address.kind());
        let listing = self.listings.get(&place)?.as_ref().ok()?;
        let is_there = listing.iter().any(|object| is_of(object, operation));
        let has_ended = match operation.kind {
            OperationKind::Create => is_there,
            OperationKind::Delete => !is_there,
            OperationKind::Update => false,
            OperationKind::Provision => true,
        };
        (!has_ended && !lag.is_zero()).then_some(lag)
    }

    /// Finds what an operation is about, or made; more than one only where a
    /// platform broke its promise. An error says why nothing can be said.
    async fn look_up(&self, operation: &OpenOperation) -> Result<Vec<RemoteObject>, String> {
        if operation.kind == OperationKind::Provision {
            return Ok(Vec::new());
        }
        let provider = self.providers.get(&operation.provider);
        let provider = provider.ok_or("it is not configured.")?;
        let place = (operation.provider.clone(), operation.key.address.kind());
        let listing = match self.listings.get(&place) {
            Some(Ok(listing)) => listing,
            Some(Err(error)) => return Err(error.message.clone()),
            None => return Err("it was not asked.".to_owned()),
        };
        let found: Vec<_> = listing.iter().filter(|object| is_of(object, operation)).collect();
        match &operation.remote_id {
            Some(id) if found.is_empty() => read(provider, place.1, id).await,
            _ => Ok(found.into_iter().cloned().collect()),
        }
    }
}

async fn read(
    provider: &Arc<dyn Provider>,
    kind: ResourceType,
    id: &RemoteId,
) -> Result<Vec<RemoteObject>, String> {
    let read = provider.read(kind, id).await.map_err(|error| error.message)?;
    Ok(read.into_iter().collect())
}

/// Tells whether an object is the one that an operation is about: by id, or, of a
/// create, by the label that says what made it.
fn is_of(object: &RemoteObject, operation: &OpenOperation) -> bool {
    let by: Option<&OperationId> = object.ownership.as_ref().map(|o| &o.operation);
    Some(&object.remote_id) == operation.remote_id.as_ref()
        || (operation.kind == OperationKind::Create && by == Some(&operation.id))
}

/// An object of a platform. Platforms number each type of object by itself.
type Remote = (ProviderRef, ResourceType, RemoteId);

fn remote_of(object: &Object) -> Remote {
    (object.provider.clone(), object.address.kind(), object.remote_id.clone())
}

/// The rows as they will be, and the writes that make them so.
struct Rows {
    objects: BTreeMap<ObjectKey, Object>,
    /// What rows name, so that no object gets two.
    known: BTreeSet<Remote>,
    writes: Vec<Write>,
}

impl Rows {
    fn new(state: State) -> Self {
        let objects: BTreeMap<_, _> =
            state.objects.into_iter().map(|object| (object.key(), object)).collect();
        let known = objects.values().map(remote_of).collect();
        Self { objects, known, writes: Vec::new() }
    }

    /// Settles one operation by what was found of it.
    fn settle(
        &mut self,
        operation: &OpenOperation,
        found: Vec<RemoteObject>,
        providers: &Providers,
    ) -> Recovery {
        match operation.kind {
            OperationKind::Create => self.settle_create(operation, found, providers),
            OperationKind::Update => self.settle_update(operation, found, providers),
            OperationKind::Delete => self.settle_delete(operation, found.is_empty()),
            OperationKind::Provision => {
                self.end(operation, Ending::Failed("interrupted".to_owned()));
                Recovery::NothingHappened
            }
        }
    }

    fn end(&mut self, operation: &OpenOperation, ending: Ending) {
        self.writes.push(Write::End(operation.id.clone(), ending));
    }

    fn put(&mut self, object: Object) {
        self.known.insert(remote_of(&object));
        self.writes.push(Write::Put(Box::new(object.clone())));
        self.objects.insert(object.key(), object);
    }

    fn settle_create(
        &mut self,
        operation: &OpenOperation,
        found: Vec<RemoteObject>,
        providers: &Providers,
    ) -> Recovery {
        if found.is_empty() {
            self.restore(operation);
            self.end(operation, Ending::Failed("it had not happened".to_owned()));
            return Recovery::NothingHappened;
        }
        for remote in found {
            let kind = operation.key.address.kind();
            let id = (operation.provider.clone(), kind, remote.remote_id.clone());
            if !self.known.contains(&id) {
                let object = self.adopted(operation, remote, providers);
                self.put(object);
            }
        }
        self.end(operation, Ending::Succeeded);
        Recovery::Adopted
    }

    /// Makes the row of an object that was found. Where the address has another
    /// current object by now, the found one is deposed, so that the next plan deletes it.
    fn adopted(
        &self,
        operation: &OpenOperation,
        remote: RemoteObject,
        providers: &Providers,
    ) -> Object {
        let address = operation.key.address.clone();
        let taken = self.objects.contains_key(&current_key(&address));
        let intent = operation.intent.as_ref();
        let provider = providers.get(&operation.provider);
        let schema = provider.and_then(|provider| provider.schema(address.kind()));
        let nothing = Value::object::<&str>([]);
        let planned = intent.map_or(&nothing, |intent| &intent.attributes);
        let reported = remote.attributes.with("id", Value::from(remote.remote_id.as_str()));
        let attributes = completed(&merge(planned, &reported, schema).attributes, schema);
        let object = Object {
            address,
            deposed: taken.then(|| DeposedKey::from(operation.id.as_str())),
            version: 0,
            provider: operation.provider.clone(),
            remote_id: remote.remote_id,
            status: Status::Ready,
            schema_version: intent.map_or(0, |intent| intent.schema_version),
            attributes,
            depends_on: intent.map(|intent| intent.depends_on.clone()).unwrap_or_default(),
            steps: Vec::new(),
            failure: None,
            create_before_destroy: intent.is_some_and(|intent| intent.create_before_destroy),
        };
        let status = adopted_status(&remote.attributes, intent.is_some_and(|i| i.provision));
        with_status(object, status)
    }

    /// Makes what a create had moved aside the current object again.
    fn restore(&mut self, operation: &OpenOperation) {
        let Some(key) = &operation.key.deposed else { return };
        let current = current_key(&operation.key.address);
        if self.objects.contains_key(&current) {
            return;
        }
        if let Some(object) = self.objects.remove(&operation.key) {
            self.writes.push(Write::Restore(operation.key.address.clone(), key.clone()));
            self.objects.insert(current, Object { deposed: None, ..object });
        }
    }

    fn settle_update(
        &mut self,
        operation: &OpenOperation,
        found: Vec<RemoteObject>,
        providers: &Providers,
    ) -> Recovery {
        let before = self.objects.get(&operation.key).cloned();
        let (Some(object), Some(remote)) = (before, found.into_iter().next()) else {
            // That an object is gone is for refresh to find.
            self.end(operation, Ending::Failed("there is nothing to update".to_owned()));
            return Recovery::NothingHappened;
        };
        let provider = providers.get(&operation.provider);
        let schema = provider.and_then(|provider| provider.schema(object.address.kind()));
        let attributes = merge(&object.attributes, &remote.attributes, schema).attributes;
        let status = object.status;
        self.put(with_status(Object { attributes, ..object }, status));
        self.end(operation, Ending::Succeeded);
        Recovery::Adopted
    }

    fn settle_delete(&mut self, operation: &OpenOperation, gone: bool) -> Recovery {
        if !gone {
            self.end(operation, Ending::Failed("it had not happened".to_owned()));
            return Recovery::NothingHappened;
        }
        if self.objects.remove(&operation.key).is_some() {
            self.writes.push(Write::Remove(operation.key.clone()));
        }
        self.end(operation, Ending::Succeeded);
        Recovery::Deleted
    }
}

/// Returns how far an object has come that was found: as its platform says where it
/// says so in our words, else by whether provisioning was to follow.
fn adopted_status(reported: &Value, provision: bool) -> Status {
    let word = reported.get("status").and_then(Value::as_str);
    match word.and_then(Status::from_word) {
        Some(status @ (Status::Tainted | Status::Failed)) => status,
        _ if provision => Status::Provisioning,
        _ => Status::Ready,
    }
}
