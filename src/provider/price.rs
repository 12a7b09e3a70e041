//! What a sandbox costs, as exact decimals with their currency. Nothing here
//! knows how a platform bills: it is told the amounts.

use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::{BigDecimal, RoundingMode};
use serde::{Deserialize, Serialize};

/// What stands in place of a price that nobody knows.
pub const UNKNOWN: &str = "unknown";

/// What one sandbox will cost, by the billing rules of its platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub currency: Arc<str>,
    pub hourly: Span,
    /// From creation until its TTL ends; missing where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// An amount that depends on which candidate has room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// With the candidate that is tried first.
    #[serde(with = "plain")]
    pub first: BigDecimal,
    /// With the dearest.
    #[serde(with = "plain")]
    pub most: BigDecimal,
}

impl Span {
    /// Makes a span of these amounts; the first one counts first. Nothing of nothing.
    pub fn over(amounts: &[BigDecimal]) -> Option<Self> {
        Some(Self { first: amounts.first()?.clone(), most: amounts.iter().max()?.clone() })
    }

    /// Returns the span of what all its amounts become.
    pub fn map(&self, change: impl Fn(&BigDecimal) -> BigDecimal) -> Self {
        Self { first: change(&self.first), most: change(&self.most) }
    }

    /// Adds another span, end by end.
    pub fn plus(&self, other: &Self) -> Self {
        Self { first: &self.first + &other.first, most: &self.most + &other.most }
    }

    /// Returns a span of nothing.
    pub fn zero() -> Self {
        Self { first: BigDecimal::from(0), most: BigDecimal::from(0) }
    }
}

/// Writes an amount exactly, with two decimals at least and without an exponent.
pub fn amount(value: &BigDecimal) -> String {
    let value = value.normalized();
    let decimals = value.fractional_digit_count().max(2);
    value.with_scale_round(decimals, RoundingMode::HalfEven).to_plain_string()
}

/// Writes a price as attributes have it: `0.0219 EUR`, or `unknown`.
pub fn text(value: Option<&BigDecimal>, currency: &str) -> String {
    match value {
        Some(value) => format!("{} {currency}", amount(value)),
        None => UNKNOWN.to_owned(),
    }
}

/// Reads an amount and its currency; what is free has none. Nothing for `unknown`.
pub fn read(text: &str) -> Option<(BigDecimal, &str)> {
    let (number, currency) = text.split_once(' ').unwrap_or((text, ""));
    let amount = BigDecimal::from_str(number).ok()?;
    (amount == 0 || !currency.is_empty()).then_some((amount, currency))
}

/// Stores an amount as the text of a plain decimal.
mod plain {
    use super::{BigDecimal, FromStr, amount};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &BigDecimal, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&amount(value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BigDecimal, D::Error> {
        BigDecimal::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> BigDecimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn amounts_are_written_exactly_and_read_back() {
        for (number, written) in [
            ("0.0219", "0.0219"),
            ("0.0000001", "0.0000001"),
            ("0.5000", "0.50"),
            ("12", "12.00"),
            ("1E+3", "1000.00"),
        ] {
            assert_eq!(amount(&decimal(number)), written);
            let priced = text(Some(&decimal(number)), "EUR");
            assert_eq!(read(&priced), Some((decimal(number), "EUR")));
        }
        assert_eq!(read("0"), Some((decimal("0"), "")));
        assert_eq!(text(None, "EUR"), UNKNOWN);
        assert_eq!((read(UNKNOWN), read("0.5")), (None, None));
    }

    #[test]
    fn a_price_survives_a_plan_file() {
        let span = Span::over(&[decimal("0.0000001"), decimal("0.3"), decimal("0.2")]).expect("x");
        assert_eq!(span.most, decimal("0.3"));
        let price = Price { currency: "EUR".into(), hourly: span, ttl: None };
        let json = serde_json::to_string(&price).expect("prints");
        assert_eq!(json, r#"{"currency":"EUR","hourly":{"first":"0.0000001","most":"0.30"}}"#);
        assert_eq!(serde_json::from_str::<Price>(&json).expect("reads"), price);
    }
}
