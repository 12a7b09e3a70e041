//! How Hetzner bills: gross, in whole started hours, until the server is deleted.
//!
//! The API gives each price net and gross. Gross is with the VAT of the
//! project's owner (its document says so of `GET /pricing`), so it is what the
//! owner's invoice will say; that counts here. The primary IPv4 address bills
//! apart and is added. Stopped servers bill like running ones.

use std::time::Duration;

use bigdecimal::BigDecimal;

use super::offer::Candidate;
use crate::provider::price::{Price, Span, read};

/// Returns what is billed for a server that is deleted after this time.
pub fn billed(hourly: &BigDecimal, lifetime: Duration) -> BigDecimal {
    let seconds = lifetime.as_secs() + u64::from(lifetime.subsec_nanos() > 0);
    hourly * BigDecimal::from(seconds.div_ceil(3600).max(1))
}

/// Returns the price of a server that will be one of these; nothing where one
/// of them has none.
pub fn of_candidates(
    candidates: &[Candidate],
    currency: &str,
    ttl: Option<Duration>,
) -> Option<Price> {
    let amounts: Option<Vec<_>> = candidates.iter().map(|c| c.hourly.clone()).collect();
    let hourly = Span::over(&amounts?)?;
    Some(of_span(hourly, currency, ttl))
}

/// Returns the price of a living server by its recorded `hourly_cost`.
pub fn recorded(hourly_cost: &str, ttl: Option<Duration>) -> Option<Price> {
    let (amount, currency) = read(hourly_cost)?;
    Some(of_span(Span::over(&[amount])?, currency, ttl))
}

fn of_span(hourly: Span, currency: &str, ttl: Option<Duration>) -> Price {
    let ttl = ttl.map(|ttl| hourly.map(|amount| billed(amount, ttl)));
    Price { currency: currency.into(), hourly, ttl }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn started_hours_are_billed_whole() {
        let hourly: BigDecimal = "0.0219".parse().expect("a decimal");
        for (seconds, total) in
            [(1, "0.0219"), (3600, "0.0219"), (3601, "0.0438"), (8 * 3600, "0.1752")]
        {
            let total: BigDecimal = total.parse().expect("a decimal");
            assert_eq!(billed(&hourly, Duration::from_secs(seconds)), total);
        }
        let a_bit = Duration::from_secs(3600) + Duration::from_nanos(1);
        assert_eq!(billed(&BigDecimal::from(1), a_bit), BigDecimal::from(2));
    }

    #[test]
    fn a_recorded_price_needs_no_catalogue() {
        let price = recorded("0.02 EUR", Some(Duration::from_secs(5400))).expect("a price");
        assert_eq!(
            price.ttl.expect("a ttl").first,
            "0.04".parse::<BigDecimal>().expect("a decimal")
        );
        assert_eq!(recorded("unknown", None), None);
    }

    proptest! {
        #[test]
        fn a_ttl_never_costs_less_than_its_hours(tenthousandths in 0u64..1_000_000, seconds in 1u64..100_000_000) {
            let hourly = BigDecimal::new(tenthousandths.into(), 4);
            let total = billed(&hourly, Duration::from_secs(seconds));
            prop_assert!(&total * 3600 >= &hourly * seconds);
            prop_assert!(&total * 3600 < &hourly * (seconds + 3600) + 1);
        }
    }
}
