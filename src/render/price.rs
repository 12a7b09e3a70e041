//! Says what sandboxes cost: per hour, and until their TTLs end.

use crate::plan::cost::{self, Cost, Span, Total, amount};
use crate::plan::{Action, Change, Plan, Price};
use crate::render::words::count;
use crate::value::Value;

/// Says what the sandbox of a change will cost; nothing where it is free, or where
/// nothing of it changes its price.
pub fn of_change(change: &Change) -> Option<String> {
    let planned = change.after_attributes()?;
    if matches!(change.action, Action::Delete | Action::Forget) {
        return None;
    }
    match cost::price(change) {
        Some(price) => (price.hourly.most != 0).then(|| priced(&price, planned)),
        None => cost::is_priced(change).then(|| "price: unknown".to_owned()),
    }
}

fn priced(price: &Price, planned: &Value) -> String {
    let currency = &price.currency;
    let hourly = span(&price.hourly, currency);
    let ttl = planned.get("ttl").and_then(Value::as_str).unwrap_or_default();
    match &price.ttl {
        Some(total) => {
            format!("price: {hourly} per hour, {} for its TTL of {ttl}", span(total, currency))
        }
        None => format!("price: {hourly} per hour"),
    }
}

fn span(span: &Span, currency: &str) -> String {
    let first = amount(&span.first);
    match span.first == span.most {
        true => format!("{first} {currency}"),
        false => format!("{first} {currency} (at most {})", amount(&span.most)),
    }
}

/// Says what all sandboxes cost together that a plan leaves; nothing where all
/// are free.
pub fn of_plan(plan: &Plan) -> Option<String> {
    let cost = Cost::of(&plan.changes);
    let mut parts: Vec<String> =
        cost.totals.iter().map(|(currency, total)| summed(total, currency)).collect();
    if cost.unknown > 0 {
        parts.push(format!("unknown for {}", boxes(cost.unknown)));
    }
    (!parts.is_empty()).then(|| parts.join("; ") + ".")
}

fn summed(total: &Total, currency: &str) -> String {
    let number = boxes(total.sandboxes);
    let hourly = format!("{} per hour for {number}", span(&total.hourly, currency));
    let whose = if total.sandboxes == 1 { "its TTL" } else { "their TTLs" };
    let ttl = format!("{} for {whose}", span(&total.ttl, currency));
    match total.endless {
        0 => format!("{hourly}, {ttl}"),
        all if all == total.sandboxes => format!("{hourly}, without a TTL"),
        some => format!("{hourly}, {ttl}, {some} of them without a TTL"),
    }
}

fn boxes(number: usize) -> String {
    match number {
        1 => count(1, "sandbox"),
        many => format!("{many} sandboxes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Reason;
    use crate::render::sample;

    fn change(hourly: &str) -> Change {
        let after = Value::object([("hourly_cost", Value::from(hourly)), ("ttl", "8h".into())]);
        sample::change("sandbox.a", Action::Create, Reason::New).after(after).build()
    }

    fn with_price(first: &str, most: &str) -> Change {
        let decimal = |text: &str| text.parse().expect("a decimal");
        let hourly = Span { first: decimal(first), most: decimal(most) };
        let ttl = Some(hourly.map(|amount| amount * 8));
        Change { price: Some(Price { currency: "EUR".into(), hourly, ttl }), ..change("unknown") }
    }

    #[test]
    fn a_price_is_said_per_hour_and_for_the_ttl() {
        let said = |change: &Change| of_change(change).unwrap_or_default();
        assert_eq!(
            said(&with_price("0.02", "0.02")),
            "price: 0.02 EUR per hour, 0.16 EUR for its TTL of 8h"
        );
        assert_eq!(
            said(&with_price("0.02", "0.025")),
            "price: 0.02 EUR (at most 0.025) per hour, 0.16 EUR (at most 0.20) for its TTL of 8h"
        );
        assert_eq!(said(&change("unknown")), "price: unknown");
        assert_eq!(said(&change("0.5 USD")), "price: 0.50 USD per hour");
        assert_eq!(of_change(&change("0")), None);
    }

    #[test]
    fn all_prices_are_added_up_by_currency() {
        let all = vec![
            with_price("0.02", "0.03"),
            with_price("0.01", "0.01"),
            change("0.5 USD"),
            change("unknown"),
            change("0"),
        ];
        assert_eq!(
            of_plan(&sample::plan(all)).unwrap_or_default(),
            "0.03 EUR (at most 0.04) per hour for 2 sandboxes, 0.24 EUR (at most 0.32) for their \
             TTLs; 0.50 USD per hour for 1 sandbox, without a TTL; unknown for 1 sandbox."
        );
        assert_eq!(of_plan(&sample::plan(vec![change("0")])), None);
    }
}
