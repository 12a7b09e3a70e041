//! What a sandbox will cost: the prices of what may be ordered, by the platform's
//! way of billing.

use std::time::Duration;

use super::offer::Candidate;
use super::terms::Billing;
use crate::provider::price::{Price, Span, read};

/// Returns the price of a server that will be one of these; nothing where one
/// of them has none.
pub fn of_candidates(
    candidates: &[Candidate],
    (currency, billing): (&str, Billing),
    ttl: Option<Duration>,
) -> Option<Price> {
    let amounts: Option<Vec<_>> = candidates.iter().map(|c| c.hourly.clone()).collect();
    let hourly = Span::over(&amounts?)?;
    Some(of_span(billing, (hourly, currency), ttl))
}

/// Returns the price of a living server by its recorded `hourly_cost`.
pub fn recorded(billing: Billing, hourly_cost: &str, ttl: Option<Duration>) -> Option<Price> {
    let (amount, currency) = read(hourly_cost)?;
    Some(of_span(billing, (Span::over(&[amount])?, currency), ttl))
}

fn of_span(billing: Billing, (hourly, currency): (Span, &str), ttl: Option<Duration>) -> Price {
    let ttl = ttl.map(|ttl| hourly.map(|amount| billing.billed(amount, ttl)));
    Price { currency: currency.into(), hourly, ttl }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_price_needs_no_catalogue() {
        let of = |cost| recorded(Billing::StartedHours, cost, Some(Duration::from_secs(5400)));
        let total = of("0.02 EUR").expect("a price").ttl.expect("a ttl").first;
        assert_eq!(total.to_string(), "0.04");
        assert_eq!(of("unknown"), None);
    }
}
