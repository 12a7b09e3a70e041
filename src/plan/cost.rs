//! What the sandboxes of a plan cost, one and all together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Action, Change};
use crate::address::ResourceType;
use crate::provider::price::read;
pub use crate::provider::price::{Price, Span, amount};
use crate::value::Value;

/// What all sandboxes cost together that a plan leaves alive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// By currency; what is free is in none.
    pub totals: BTreeMap<Arc<str>, Total>,
    /// Sandboxes of which nobody knows the price.
    pub unknown: usize,
}

/// The sum of the prices in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    pub sandboxes: usize,
    pub hourly: Span,
    /// From creation until their TTLs end, of those that have one.
    pub ttl: Span,
    /// Sandboxes without a TTL: these cost on and on.
    pub endless: usize,
}

impl Cost {
    /// Adds up what a plan leaves.
    pub fn of(changes: &[Change]) -> Self {
        let mut cost = Self::default();
        for change in changes.iter().filter(|change| stays(change)) {
            match price(change) {
                Some(price) if price.hourly.most == 0 => {}
                Some(price) => cost.add(price),
                None => cost.unknown += usize::from(is_priced(change)),
            }
        }
        cost
    }

    fn add(&mut self, price: Price) {
        let empty = || Total { sandboxes: 0, hourly: Span::zero(), ttl: Span::zero(), endless: 0 };
        let total = self.totals.entry(price.currency).or_insert_with(empty);
        total.sandboxes += 1;
        total.hourly = total.hourly.plus(&price.hourly);
        match price.ttl {
            Some(ttl) => total.ttl = total.ttl.plus(&ttl),
            None => total.endless += 1,
        }
    }
}

/// Tells whether the platform has a price for a sandbox, known or not.
pub fn is_priced(change: &Change) -> bool {
    let cost = change.after_attributes().and_then(|attributes| attributes.get("hourly_cost"));
    cost.is_some_and(|cost| !cost.is_null())
}

fn stays(change: &Change) -> bool {
    change.address.kind() == ResourceType::Sandbox
        && change.after.is_some()
        && !matches!(change.action, Action::Delete | Action::Forget)
}

/// Returns what the sandbox of a change will cost; nothing where nobody knows.
pub fn price(change: &Change) -> Option<Price> {
    change.price.clone().or_else(|| recorded(change.after_attributes()?))
}

/// Returns the price that a sandbox's attributes tell. How long is billed only
/// its platform knows, unless it is free.
pub fn recorded(attributes: &Value) -> Option<Price> {
    let (amount, currency) = read(attributes.get("hourly_cost")?.as_str()?)?;
    let hourly = Span { first: amount.clone(), most: amount };
    Some(Price { currency: currency.into(), hourly, ttl: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Reason;
    use crate::render::sample;

    fn priced(address: &str, action: Action, amounts: Option<[&str; 2]>) -> Change {
        let span = |[first, most]: [&str; 2]| Span {
            first: first.parse().expect("a decimal"),
            most: most.parse().expect("a decimal"),
        };
        let hourly = Value::object([("hourly_cost", Value::from("unknown"))]);
        let change = sample::change(address, action, Reason::New).after(hourly).build();
        let price = |a| Price { currency: "EUR".into(), hourly: span(a), ttl: None };
        Change { price: amounts.map(price), ..change }
    }

    #[test]
    fn what_a_plan_leaves_is_added_up_and_the_unknown_is_counted() {
        let mut with_ttl = priced("sandbox.a", Action::Create, Some(["0.02", "0.03"]));
        if let Some(price) = &mut with_ttl.price {
            price.ttl = Some(price.hourly.clone());
        }
        let changes = [
            with_ttl,
            priced("sandbox.b", Action::NoOp, Some(["0.01", "0.01"])),
            priced("sandbox.c", Action::Create, None),
            priced("sandbox.d", Action::Forget, Some(["5", "5"])),
            priced("ssh_key.e", Action::Create, Some(["5", "5"])),
        ];
        let cost = Cost::of(&changes);
        assert_eq!(cost.unknown, 1);
        let total = &cost.totals["EUR"];
        assert_eq!(
            (amount(&total.hourly.first), amount(&total.hourly.most)),
            ("0.03".into(), "0.04".into())
        );
        assert_eq!(
            (total.sandboxes, total.endless, amount(&total.ttl.most)),
            (2, 1, "0.03".into())
        );
    }

    #[test]
    fn what_is_free_costs_nothing_in_any_currency() {
        let free = Value::object([("hourly_cost", Value::from("0"))]);
        let change = sample::change("sandbox.a", Action::Create, Reason::New).after(free).build();
        assert_eq!(Cost::of(&[change]), Cost::default());
    }
}
