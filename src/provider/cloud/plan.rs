//! How a change of a sandbox is carried out on this platform. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::catalogue::Catalogue;
use super::living::{Disk, Fate, Living};
use super::object::OFF;
use super::offer::{self, Candidate, Offered};
use super::price as costs;
use super::terms::{Billing, Terms};
use super::wish::Wish;
use crate::object::{Status, StepRecord};
use crate::provider::price;
use crate::provider::sandbox::Sandbox;
use crate::provider::{PlannedChange, ProposedChange};
use crate::provision;
use crate::value::{AttributePath, Value};

/// The arguments that `update` changes by calling the platform or the sandbox;
/// the rest is provisioning, or only written down.
const UPDATED: [&str; 7] = ["env", "labels", "name", "network", "port", "ssh_keys", "ttl"];

/// Computed attributes that creation alone can tell.
const TOLD_BY_CREATION: [&str; 8] =
    ["id", "status", "ipv4", "ipv6", "host_key", "ssh_command", "created_at", "disk_size"];

/// Names the provisioning steps that are still to run, by a sandbox's
/// attributes and what was done.
pub type Pending<'a> = dyn Fn(&Value, &[StepRecord]) -> Vec<String> + Send + Sync + 'a;

/// What a plan is made with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub terms: &'static Terms,
    /// Nothing where the platform could not be asked: the plan then says less.
    pub catalogue: Option<&'a Catalogue>,
    /// The provider's regions, for sandboxes that name none.
    pub regions: &'a [String],
    pub pending: &'a Pending<'a>,
}

/// Names the files, syncs, steps and probes that are still to run.
pub fn pending(attributes: &Value, done: &[StepRecord]) -> Vec<String> {
    let steps = provision::pending(&Sandbox::from_value(attributes), None, done);
    steps.into_iter().map(|step| step.name).collect()
}

/// Says how a change of a sandbox would be carried out.
pub fn plan(context: &Context<'_>, change: &ProposedChange<'_>) -> PlannedChange {
    match change.before {
        None => creation(context, change),
        Some(before) => update(context, before, change),
    }
}

fn creation(context: &Context<'_>, change: &ProposedChange<'_>) -> PlannedChange {
    let given = |name: &str| change.after.get(name).is_some_and(|value| !value.is_null());
    let mut planned = PlannedChange {
        provision: (context.pending)(change.after, &[]),
        unknown: TOLD_BY_CREATION.map(Arc::from).into(),
        ..PlannedChange::default()
    };
    let on_demand =
        [("name", !given("name")), ("expires_at", given("ttl")), ("urls", given("port"))];
    planned.unknown.extend(on_demand.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).into()));
    let wish = Wish::of(context.terms, change.after, context.regions);
    match wish.as_ref().zip(context.catalogue) {
        None => planned.unknown.extend(CHOSEN.map(Arc::from)),
        Some((wish, catalogue)) => match offer::offer(catalogue, wish) {
            Ok(offered) => choose(&mut planned, (offered, catalogue), change.after),
            Err(refused) => planned.refused = refused,
        },
    }
    planned
}

/// Computed attributes that follow from which candidate has room.
const CHOSEN: [&str; 4] = ["server_type", "location", "hourly_cost", "candidates"];

/// Writes down what was offered: what all candidates share is known.
fn choose(planned: &mut PlannedChange, (offered, catalogue): (Offered, &Catalogue), after: &Value) {
    let Offered { candidates, notes } = offered;
    let currency = &catalogue.currency;
    let billing = catalogue.terms.billing;
    planned.price = costs::of_candidates(&candidates, (currency, billing), ttl(after));
    let cost = |c: &Candidate| price::text(c.hourly.as_ref(), currency);
    let chosen: [(&str, Vec<String>); 3] = [
        ("server_type", candidates.iter().map(|c| c.server_type.clone()).collect()),
        ("location", candidates.iter().map(|c| c.location.clone()).collect()),
        ("hourly_cost", candidates.iter().map(cost).collect()),
    ];
    for (name, values) in &chosen {
        settle(planned, (name, values));
    }
    if candidates.iter().any(|c| c.image.is_some()) {
        let images: Vec<_> = candidates.iter().filter_map(|c| c.image.clone()).collect();
        settle(planned, ("image_id", &images));
    }
    planned.known.push(("candidates".into(), offer::to_value(&candidates, currency)));
    planned.notes.extend(notes);
}

/// Writes down what all candidates have alike, or that only apply will know it.
fn settle(planned: &mut PlannedChange, (name, values): (&str, &[String])) {
    match values.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => {
            planned.known.push((name.into(), Value::from(first.as_str())));
        }
        _ => planned.unknown.push(name.into()),
    }
}

fn ttl(attributes: &Value) -> Option<Duration> {
    crate::duration::parse(attributes.get("ttl")?.as_str()?)
}

fn update(context: &Context<'_>, before: &Value, change: &ProposedChange<'_>) -> PlannedChange {
    let changes = |name: &str| change.changed.iter().any(|path| path.root() == name);
    let mut planned = PlannedChange {
        update: UPDATED.iter().any(|name| changes(name)),
        price: recorded(context.terms.billing, before, change.after)
            .or_else(|| listed(context, before, change.after)),
        ..PlannedChange::default()
    };
    if before.get("status").and_then(Value::as_str) == Some(OFF) {
        switch_on(&mut planned, context.terms);
    }
    let told = [("expires_at", changes("ttl")), ("urls", changes("port"))];
    planned.unknown.extend(told.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).into()));
    if let Some(wish) = Wish::of(context.terms, change.after, context.regions) {
        let Context { terms, catalogue, .. } = *context;
        let living = Living { terms, catalogue, before, change, wish: &wish };
        planned.requires_replace.extend(living.moves());
        let why = retype(&mut planned, &living);
        let was = Wish::of(context.terms, before, context.regions);
        redisk(&mut planned, living.disk(was.as_ref()));
        if !planned.requires_replace.is_empty() && !planned.rebuild {
            // What would be done to a server that goes is of no interest.
            planned.notes = why.into_iter().collect();
        }
    }
    let done = if planned.rebuild { &[] } else { change.done };
    planned.provision = (context.pending)(change.after, done);
    planned
}

/// A server that is off was switched off by hand, or by a run that did not end.
fn switch_on(planned: &mut PlannedChange, terms: &Terms) {
    planned.update = true;
    planned.drifted.push(AttributePath::attribute("status"));
    planned.known.push(("status".into(), Value::from(Status::Ready.as_str())));
    planned.notes.push("will be switched on".to_owned());
    readdress(planned, terms);
}

/// A server that was off has another address, on some platforms.
fn readdress(planned: &mut PlannedChange, terms: &Terms) {
    if !terms.keeps_address {
        planned.unknown.extend(["ipv4", "ssh_command", "urls"].map(Arc::from));
        planned.notes.push("its address changes".to_owned());
    }
}

/// Returns the price of a living server, which keeps the one that it was made at.
fn recorded(billing: Billing, before: &Value, after: &Value) -> Option<price::Price> {
    costs::recorded(billing, before.get("hourly_cost")?.as_str()?, ttl(after))
}

/// Returns today's price of a living server of which nobody wrote down what it costs:
/// it was imported or recovered.
fn listed(context: &Context<'_>, before: &Value, after: &Value) -> Option<price::Price> {
    let catalogue = context.catalogue?;
    let text = |name: &str| before.get(name).and_then(Value::as_str);
    let of = catalogue.server_type(text("server_type")?)?;
    let hourly = catalogue.hourly(of, text("location")?);
    let cost = price::text(hourly.as_ref(), &catalogue.currency);
    costs::recorded(context.terms.billing, &cost, ttl(after))
}

/// Returns why the server has to make way for another type, if it has.
fn retype(planned: &mut PlannedChange, living: &Living<'_>) -> Option<String> {
    match living.fate() {
        Fate::Stays => remember(planned, living),
        Fate::Refused(refused) => planned.refused.extend(refused),
        Fate::Rescales(offered) => rescale(planned, living, offered),
        Fate::Replaced(path, why) => {
            planned.requires_replace.push(path);
            return Some(why);
        }
    }
    None
}

/// Writes the server's own type among the candidates where a plan has accepted
/// it that was not among them: after an import.
fn remember(planned: &mut PlannedChange, living: &Living<'_>) {
    let own = |name| living.before.get(name).filter(|value: &&Value| value.as_str().is_some());
    let (Some(server_type), Some(location)) = (own("server_type"), own("location")) else { return };
    let candidates = living.before.get("candidates").and_then(Value::as_elements);
    let is_own = |candidate: &Value| candidate.get("server_type") == Some(server_type);
    let is_known = candidates.is_some_and(|all| all.iter().any(is_own));
    if is_known || living.change.changed.is_empty() {
        return;
    }
    let cost = own("hourly_cost").cloned().unwrap_or_else(|| Value::from(price::UNKNOWN));
    let candidate = Value::object([
        ("server_type", server_type.clone()),
        ("location", location.clone()),
        ("hourly_cost", cost),
    ]);
    let candidates = Value::List(candidate.type_of(), vec![candidate].into());
    planned.known.push(("candidates".into(), candidates));
}

fn rescale(planned: &mut PlannedChange, living: &Living<'_>, offered: Offered) {
    let Some(catalogue) = living.catalogue else { return };
    let was = living.before.get("server_type").and_then(Value::as_str).unwrap_or_default();
    let names: Vec<_> = offered.candidates.iter().map(|c| c.server_type.as_str()).collect();
    planned.notes.push(format!(
        "will be powered off to change its type from {was} to {}; its disk stays as it is",
        names.join(" or ")
    ));
    let block = living.terms.block;
    let is_asked = |path: &AttributePath| [block, "size"].contains(&path.root());
    if !living.change.changed.iter().any(is_asked) {
        planned.drifted.push(AttributePath::attribute("server_type"));
    }
    planned.update = true;
    readdress(planned, living.terms);
    choose(planned, (offered, catalogue), living.change.after);
}

fn redisk(planned: &mut PlannedChange, disk: Disk) {
    match disk {
        Disk::Kept => {}
        Disk::Refused(refusal) => planned.refused.push(refusal),
        Disk::Replaced(path) => planned.requires_replace.push(path),
        Disk::Rebuilt(path) => {
            // A server that goes anyway is not rebuilt first.
            planned.rebuild = planned.requires_replace.is_empty();
            planned.requires_replace.push(path);
            planned.unknown.push("host_key".into());
        }
    }
}
