//! Refuses what the `limits` block does not allow, whoever wrote the sandbox block.

use bigdecimal::BigDecimal;

use super::cost::{self, amount};
use super::{Action, Change, Price};
use crate::address::{Address, ResourceType};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure, SourceRange};
use crate::duration;
use crate::graph::Limits;
use crate::object::Object;
use crate::value::Value;

/// Checks what a plan would leave: what it makes or keeps, and the living objects
/// that it does not speak of, such as those that `-target` leaves out.
pub fn check(limits: &Limits, changes: &[Change], others: &[&Object]) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let sandboxes = || {
        changes.iter().filter(|c| c.address.kind() == ResourceType::Sandbox && c.after.is_some())
    };
    let others = others.iter().filter(|o| o.address.kind() == ResourceType::Sandbox);
    problems.extend(too_many(limits, sandboxes().count() + others.clone().count()));
    let planned = sandboxes().map(|change| (&change.address, cost::price(change)));
    let others = others.map(|object| (&object.address, cost::recorded(&object.attributes)));
    problems.extend(too_dear(limits, planned.chain(others)));
    for change in sandboxes().filter(|change| change.action != Action::NoOp) {
        problems.extend(too_long(limits, change));
    }
    let made = changes.iter().filter(|c| c.action != Action::NoOp && c.after.is_some());
    problems.extend(made.filter_map(|change| not_allowed(limits, change)));
    problems
}

fn refused(summary: &str, detail: String, range: &SourceRange) -> Diagnostic {
    Diagnostic::error("limit", summary).detail(detail).at(range.clone()).failure(Failure::Refused)
}

fn too_many(limits: &Limits, count: usize) -> Option<Diagnostic> {
    let limit = limits.max_sandboxes.as_ref()?;
    (count as u64 > limit.value).then(|| {
        let detail =
            format!("The configuration asks for {count} sandboxes; the limit is {}.", limit.value);
        refused("More sandboxes than the limit allows", detail, &limit.range)
    })
}

fn too_long(limits: &Limits, change: &Change) -> Option<Diagnostic> {
    let limit = limits.max_ttl.as_ref()?;
    let ttl = change.after_attributes()?.get("ttl");
    let most = duration::format(limit.value);
    let detail = match ttl.and_then(Value::as_str) {
        None if ttl.is_some_and(Value::is_unknown) => format!(
            "The sandbox's `ttl` is known only after apply, so nobody can say that the limit of {most} is kept."
        ),
        None => format!("The sandbox has no `ttl`; the limit is {most}."),
        Some(text) if duration::parse(text).is_none_or(|ttl| ttl > limit.value) => {
            format!("The sandbox's `ttl` is {text}; the limit is {most}.")
        }
        Some(_) => return None,
    };
    Some(refused("TTL over the limit", detail, &limit.range).address(&change.address))
}

fn not_allowed(limits: &Limits, change: &Change) -> Option<Diagnostic> {
    let limit = limits.allowed_providers.as_ref()?;
    let provider = &change.provider;
    let full = provider.to_string();
    if limit.value.iter().any(|name| **name == *provider.platform || *name == full) {
        return None;
    }
    let what = match change.address.kind() {
        ResourceType::Sandbox => "sandbox would run".to_owned(),
        other => format!("{other} would be made"),
    };
    let detail = format!(
        "The {what} on `{provider}`; the limits allow {}.",
        limit.value.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    Some(refused("Provider not allowed", detail, &limit.range).address(&change.address))
}

/// Counts the dearest candidate of each sandbox: apply may have to take it.
fn too_dear<'a>(
    limits: &Limits,
    sandboxes: impl Iterator<Item = (&'a Address, Option<Price>)>,
) -> Option<Diagnostic> {
    let limit = limits.max_hourly_cost.as_ref()?;
    let currency = &limit.value.currency;
    let mut total = BigDecimal::from(0);
    for (address, price) in sandboxes {
        match price.and_then(|price| within(&price, currency)) {
            Some(amount) => total += amount,
            None => {
                let detail = format!(
                    "The hourly price of {address} in {currency} is not known, so the limit of {} {currency} cannot be kept.",
                    limit.value.amount
                );
                return Some(refused("Price unknown under a cost limit", detail, &limit.range));
            }
        }
    }
    (total > limit.value.amount).then(|| {
        let detail = format!(
            "All sandboxes together would cost {} {currency} per hour; the limit is {} {currency}.",
            amount(&total),
            limit.value.amount
        );
        refused("Hourly cost over the limit", detail, &limit.range)
    })
}

/// Returns the most that a price may be in this currency; what is free costs
/// nothing in any.
fn within(price: &Price, currency: &str) -> Option<BigDecimal> {
    let most = &price.hourly.most;
    (*most == 0 || *price.currency == *currency).then(|| most.clone())
}
