//! State and the platforms' listings in, what is alive and what drifted out.
//!
//! One listing per provider and resource type, never one call per object. A
//! provider that cannot be asked does not stop the others: nothing is concluded of
//! its rows.
//! Nothing is written: what refresh found travels in the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::address::ResourceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventStream};
use crate::object::{
    Drift, Lineage, Object, Outages, Prior, ProviderRef, RemoteId, RemoteObject, State, same,
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

/// What came of asking.
#[derive(Default)]
struct Asked {
    listings: Listings,
    outages: Outages,
}

/// Asks every platform that the state or the caller names, at the same time. An error
/// is one of the configuration; who could not be asked is in the prior.
pub async fn refresh(
    inputs: RefreshInputs<'_>,
    events: &mut EventStream,
) -> Result<Prior, Diagnostics> {
    let wanted = wanted(&inputs);
    let mut asked = list(&inputs, (wanted, Some(inputs.project)), events).await?;
    elsewhere(&inputs, &mut asked, events).await?;
    let Asked { mut listings, outages } = asked;
    listings.retain(|(provider, _), _| !outages.contains_key(provider));
    let prior = Prior { outages, ..compare(inputs.state, listings) };
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
    asked: &mut Asked,
    events: &mut EventStream,
) -> Result<(), Diagnostics> {
    let place = |row: &Object| (row.provider.clone(), row.address.kind());
    let is_missing = |row: &&Object| {
        let listing = asked.listings.get(&place(row));
        listing.is_some_and(|listing| !listing.contains_key(&row.remote_id))
    };
    let missing: Vec<&Object> = inputs.state.objects.iter().filter(is_missing).collect();
    let places: BTreeSet<_> = missing.iter().map(|row| place(row)).collect();
    if places.is_empty() {
        return Ok(());
    }
    let everywhere = list(inputs, (places, None), events).await?;
    let found = missing.iter().filter_map(|row| {
        let remote = everywhere.listings.get(&place(row))?.get(&row.remote_id)?;
        let owner = remote.ownership.as_ref()?;
        (owner.project != inputs.project).then(|| renamed(row, &owner.project, inputs.project))
    });
    found.take(1).collect::<Diagnostics>().into_result(())?;
    asked.outages.extend(everywhere.outages);
    Ok(())
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
) -> Result<Asked, Diagnostics> {
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
    let mut asked = Asked::default();
    while let Some(call) = calls.join_next().await {
        let Ok((provider, kind, seconds, listed)) = call else { continue };
        match listed {
            Ok(objects) => {
                let count = objects.len();
                let by_id = objects.into_iter().map(|o| (o.remote_id.clone(), o)).collect();
                asked.listings.insert((provider.clone(), kind), by_id);
                events.emit(Event::RefreshComplete { provider, kind, objects: count, seconds });
            }
            Err(error) => {
                let problem = unreachable(&provider, &error);
                asked.outages.entry(provider).or_insert(problem);
            }
        }
    }
    problems.into_result(asked)
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
        let listing = listings.get(&(row.provider.clone(), row.address.kind()));
        let Some(listing) = listing else {
            objects.push(row.clone());
            continue;
        };
        match listing.get(&row.remote_id) {
            None => drift.push(drifted(row, None, Vec::new())),
            Some(remote) => {
                let (object, changed) = overlay(row, remote, &state.lineage);
                if !changed.is_empty() {
                    drift.push(drifted(row, Some(object.clone()), changed));
                }
                objects.push(object);
            }
        }
    }
    // Only now: two rows may speak of one object.
    for row in &state.objects {
        if let Some(listing) = listings.get_mut(&(row.provider.clone(), row.address.kind())) {
            listing.remove(&row.remote_id);
        }
    }
    let orphans = listings
        .into_iter()
        .flat_map(|((provider, _), left)| left.into_values().map(move |o| (provider.clone(), o)))
        .collect();
    Prior { state, objects, drift, orphans, outages: Outages::new() }
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

/// Gives a reported value the marks that the state has, and redacts what is marked.
fn like(before: &Value, reported: &Value, lineage: &Lineage) -> Value {
    let null = Value::null();
    match (before, reported.revealed()) {
        (Value::Redacted(_), known) => redact(&known.clone().sensitive(), lineage),
        (before, _) if !before.contains_sensitive() => redact(reported, lineage),
        (before, Value::Map(_, members) | Value::Object(members)) => {
            let member = |(name, value): (&Arc<str>, &Value)| {
                (name.clone(), like(before.get(name).unwrap_or(&null), value, lineage))
            };
            let members = Arc::new(members.iter().map(member).collect());
            match reported.revealed() {
                Value::Map(kind, _) => Value::Map(kind.clone(), members),
                _ => Value::Object(members),
            }
        }
        (before, known) => match (before.as_elements(), known.as_elements()) {
            (Some(was), Some(is)) if was.len() == is.len() => {
                let pairs = was.iter().zip(is);
                Value::tuple(pairs.map(|(was, is)| like(was, is, lineage)))
            }
            // Which of them is the secret, nobody can tell any more.
            _ => redact(&known.clone().sensitive(), lineage),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Status;

    fn lineage() -> Lineage {
        Lineage::from("lineage")
    }

    fn row(address: &str, id: &str, attributes: Value) -> Object {
        Object {
            address: address.parse().expect("an address"),
            deposed: None,
            version: 1,
            provider: ProviderRef::of("local"),
            remote_id: RemoteId::from(id),
            status: Status::Ready,
            schema_version: 1,
            attributes: redact(&attributes, &lineage()),
            depends_on: vec![],
            steps: vec![],
            failure: None,
            create_before_destroy: false,
        }
    }

    fn refreshed(rows: Vec<Object>, reported: &[(&str, Value)]) -> Prior {
        let object = |(id, attributes): &(&str, Value)| RemoteObject {
            remote_id: RemoteId::from(*id),
            kind: ResourceType::Sandbox,
            name: (*id).to_owned(),
            ownership: None,
            attributes: attributes.clone(),
        };
        let listing = reported.iter().map(object).map(|o| (o.remote_id.clone(), o)).collect();
        let listings = [((ProviderRef::of("local"), ResourceType::Sandbox), listing)].into();
        compare(State { objects: rows, ..State::empty(lineage()) }, listings)
    }

    fn drift(before: &Value, reported: &Value) -> Vec<String> {
        let prior = refreshed(
            vec![row("sandbox.a", "1", Value::object([("x", before.clone())]))],
            &[("1", Value::object([("x", reported.clone())]))],
        );
        let text = serde_json::to_string(&prior.drift).expect("writes");
        assert!(!text.contains("hunter2"), "{text}");
        let changed = prior.drift.iter().flat_map(|drift| &drift.changed);
        changed.map(ToString::to_string).collect()
    }

    #[test]
    fn a_secret_that_is_as_it_was_is_no_drift_however_it_is_reported() {
        let secret = || Value::from("hunter2");
        let plain = |s: Value| Value::object([("A", s), ("B", Value::from("1"))]);
        let list = |s: Value| Value::tuple([s, Value::from("1")]);
        for (before, reported) in [
            (secret().sensitive(), secret()),
            (plain(secret().sensitive()), plain(secret())),
            (plain(secret().sensitive()), plain(secret()).sensitive()),
            (plain(secret()).sensitive(), plain(secret())),
            (plain(secret()).sensitive(), Value::string_map([("A", "hunter2"), ("B", "1")])),
            (list(secret().sensitive()), list(secret())),
            (list(secret()).sensitive(), list(secret().sensitive())),
        ] {
            assert_eq!(drift(&before, &reported), Vec::<String>::new(), "{before:?} {reported:?}");
        }
    }

    #[test]
    fn a_secret_that_changed_is_drift_and_stays_secret() {
        let secret = || Value::from("hunter2");
        for (before, reported) in [
            (Value::from("old").sensitive(), secret()),
            (Value::tuple([Value::from("old").sensitive()]), Value::tuple([secret(), secret()])),
            (Value::object([("A", Value::from("old").sensitive())]), secret()),
            (Value::null(), secret().sensitive()),
        ] {
            assert_eq!(drift(&before, &reported), ["x"], "{before:?}");
        }
    }

    #[test]
    fn rows_without_object_are_gone_and_objects_without_row_are_orphans() {
        let nothing = || Value::object::<&str>([]);
        let rows = vec![
            row("sandbox.a", "1", nothing()),
            row("sandbox.b", "1", nothing()),
            row("sandbox.c", "2", nothing()),
        ];
        let prior = refreshed(rows, &[("1", nothing()), ("3", nothing())]);
        assert_eq!(prior.objects.len(), 2, "two rows may speak of one object");
        assert_eq!(prior.drift.len(), 1);
        assert!(prior.is_gone(&prior.state.objects[2].key()));
        assert_eq!(prior.orphans.len(), 1);
        assert_eq!(prior.orphans[0].1.remote_id.as_str(), "3");
    }
}
