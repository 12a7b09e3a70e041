//! State and the platforms' listings in, what is alive and what drifted out.
//!
//! One listing per provider and resource type, never one call per object.
//! Nothing is written: what refresh found travels in the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream};
use crate::object::{
    Drift, Lineage, Object, Prior, ProviderRef, RemoteId, RemoteObject, State, same,
};
use crate::provider::{ListRequest, Provider, ProviderError};
use crate::redact::redact;
use crate::value::{AttributePath, Attributes, Value};

/// What to refresh, and whom to ask.
pub struct RefreshInputs<'a> {
    pub state: State,
    pub project: &'a str,
    pub providers: &'a BTreeMap<ProviderRef, Arc<dyn Provider>>,
    /// Ask these also where the state has none of their objects, to find orphans.
    pub ask: &'a BTreeSet<ProviderRef>,
}

type Listings = BTreeMap<(ProviderRef, ResourceType), BTreeMap<RemoteId, RemoteObject>>;

/// Asks every platform that the state or the caller names, at the same time.
pub async fn refresh(
    inputs: RefreshInputs<'_>,
    events: &mut EventStream,
) -> Result<Prior, Diagnostics> {
    let wanted = wanted(&inputs);
    let listings = list(&inputs, (wanted, Some(inputs.project)), events).await?;
    elsewhere(&inputs, &listings, events).await?;
    let prior = compare(inputs.state, listings);
    for drift in &prior.drift {
        events.emit(Event::ResourceDrift { drift: Box::new(drift.clone()) });
    }
    Ok(prior)
}

fn wanted(inputs: &RefreshInputs<'_>) -> BTreeSet<(ProviderRef, ResourceType)> {
    let rows = inputs.state.objects.iter();
    let mut wanted: BTreeSet<_> =
        rows.map(|object| (object.provider.clone(), object.address.kind())).collect();
    for provider in inputs.ask {
        let kinds = ResourceType::ALL.into_iter();
        let known = kinds.filter(|kind| {
            inputs.providers.get(provider).is_some_and(|p| p.schema(*kind).is_some())
        });
        wanted.extend(known.map(|kind| (provider.clone(), kind)));
    }
    wanted
}

type Listed = (ProviderRef, ResourceType, f64, Result<Vec<RemoteObject>, ProviderError>);

/// Refuses to call an object gone that is alive under another project's label:
/// the project's name was changed, and nobody relabelled what exists.
async fn elsewhere(
    inputs: &RefreshInputs<'_>,
    listings: &Listings,
    events: &mut EventStream,
) -> Result<(), Diagnostics> {
    let place = |row: &Object| (row.provider.clone(), row.address.kind());
    let is_missing = |row: &&Object| {
        listings.get(&place(row)).is_some_and(|listing| !listing.contains_key(&row.remote_id))
    };
    let missing: Vec<&Object> = inputs.state.objects.iter().filter(is_missing).collect();
    let places: BTreeSet<_> = missing.iter().map(|row| place(row)).collect();
    if places.is_empty() {
        return Ok(());
    }
    let everywhere = list(inputs, (places, None), events).await?;
    let found = missing.iter().filter_map(|row| {
        let remote = everywhere.get(&place(row))?.get(&row.remote_id)?;
        let owner = remote.ownership.as_ref()?;
        (owner.project != inputs.project).then(|| renamed(row, &owner.project, inputs.project))
    });
    found.take(1).collect::<Diagnostics>().into_result(())
}

fn renamed(row: &Object, was: &str, now: &str) -> Diagnostic {
    Diagnostic::error("project-changed", "The project was renamed")
        .detail(format!(
            "{} is alive with the label of the project `{was}`, and the configuration now says `{now}`. Objects keep the label that they were made with: put the old name back, or destroy everything under it first.",
            row.address
        ))
        .address(&row.address)
}

async fn list(
    inputs: &RefreshInputs<'_>,
    (wanted, project): (BTreeSet<(ProviderRef, ResourceType)>, Option<&str>),
    events: &mut EventStream,
) -> Result<Listings, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut calls: JoinSet<Listed> = JoinSet::new();
    for (name, kind) in wanted {
        let Some(provider) = inputs.providers.get(&name).cloned() else {
            problems.push(unknown_provider(&name));
            continue;
        };
        events.emit(Event::RefreshStart { provider: name.clone(), kind });
        let request = ListRequest { kind, project: project.map(str::to_owned) };
        calls.spawn(async move {
            let start = std::time::Instant::now();
            let listed = provider.list(request).await;
            (name, kind, start.elapsed().as_secs_f64(), listed)
        });
    }
    let mut listings = Listings::new();
    while let Some(call) = calls.join_next().await {
        let Ok((provider, kind, seconds, listed)) = call else { continue };
        match listed {
            Ok(objects) => {
                let count = objects.len();
                let by_id = objects.into_iter().map(|o| (o.remote_id.clone(), o)).collect();
                listings.insert((provider.clone(), kind), by_id);
                events.emit(Event::RefreshComplete { provider, kind, objects: count, seconds });
            }
            Err(error) => problems.push(unreachable(&provider, &error)),
        }
    }
    problems.into_result(listings)
}

fn unknown_provider(name: &ProviderRef) -> Diagnostic {
    Diagnostic::error("unknown-provider", "Unknown provider in the state").detail(format!(
        "The state holds objects of the provider `{name}`, which this configuration does not configure. Keep its `provider` block until they are destroyed."
    ))
}

fn unreachable(name: &ProviderRef, error: &ProviderError) -> Diagnostic {
    Diagnostic::error("refresh-failed", "Cannot refresh")
        .detail(format!("The provider `{name}` could not list its objects: {}", error.message))
        .failure(error.kind.failure())
}

/// Holds the rows against the listings.
fn compare(state: State, mut listings: Listings) -> Prior {
    let mut objects = Vec::with_capacity(state.objects.len());
    let mut drift = Vec::new();
    for row in &state.objects {
        let listing = listings.get_mut(&(row.provider.clone(), row.address.kind()));
        let Some(listing) = listing else {
            objects.push(row.clone());
            continue;
        };
        match listing.remove(&row.remote_id) {
            None => drift.push(drifted(row, None, Vec::new())),
            Some(remote) => {
                let (object, changed) = overlay(row, &remote, &state.lineage);
                if !changed.is_empty() {
                    drift.push(drifted(row, Some(object.clone()), changed));
                }
                objects.push(object);
            }
        }
    }
    let orphans = listings
        .into_iter()
        .flat_map(|((provider, _), left)| left.into_values().map(move |o| (provider.clone(), o)))
        .collect();
    Prior { state, objects, drift, orphans }
}

fn drifted(row: &Object, after: Option<Object>, changed: Vec<AttributePath>) -> Drift {
    Drift {
        key: row.key(),
        provider: row.provider.clone(),
        before: Box::new(row.clone()),
        after: after.map(Box::new),
        changed,
    }
}

/// Lays what the platform reports over what the state remembers.
fn overlay(row: &Object, remote: &RemoteObject, lineage: &Lineage) -> (Object, Vec<AttributePath>) {
    let (Some(was), Some(reported)) =
        (row.attributes.as_attributes(), remote.attributes.as_attributes())
    else {
        return (row.clone(), Vec::new());
    };
    let mut changed = Vec::new();
    let mut attributes: Attributes = (**was).clone();
    for (name, value) in reported.iter() {
        let null = Value::null();
        let before = was.get(name).unwrap_or(&null);
        let value = like(before, value, lineage);
        if !same(before, &value) {
            changed.push(AttributePath::attribute(name.clone()));
            attributes.insert(name.clone(), value);
        }
    }
    if changed.is_empty() {
        return (row.clone(), changed);
    }
    (Object { attributes: Value::Object(Arc::new(attributes)), ..row.clone() }, changed)
}

/// Redacts the parts of a reported value that the state has redacted.
fn like(before: &Value, reported: &Value, lineage: &Lineage) -> Value {
    match before {
        Value::Redacted(_) => redact(&reported.clone().sensitive(), lineage),
        _ if before.contains_sensitive() => match reported {
            Value::Map(kind, members) => {
                Value::Map(kind.clone(), like_members(before, members, lineage))
            }
            Value::Object(members) => Value::Object(like_members(before, members, lineage)),
            other => other.clone(),
        },
        _ => reported.clone(),
    }
}

fn like_members(before: &Value, members: &Attributes, lineage: &Lineage) -> Arc<Attributes> {
    let null = Value::null();
    let member = |(name, value): (&Arc<str>, &Value)| {
        (name.clone(), like(before.get(name).unwrap_or(&null), value, lineage))
    };
    Arc::new(members.iter().map(member).collect())
}
