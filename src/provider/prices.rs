//! The `prices` of a `provider` block: what a user says that machines cost, where no
//! API says it. `prices = { "t3.medium" = 0.0416 }` is per hour, in `currency`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::BigDecimal;

use super::settings::Settings;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::Value;

/// The attributes that this reads, for `Settings::accept`.
pub const OWN: [&str; 2] = ["prices", "currency"];

/// What counts where the block names no currency.
const CURRENCY: &str = "USD";

/// Prices by server type, per hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    pub currency: Arc<str>,
    hourly: BTreeMap<Arc<str>, BigDecimal>,
}

impl Default for Prices {
    fn default() -> Self {
        Self { currency: CURRENCY.into(), hourly: BTreeMap::new() }
    }
}

impl Prices {
    /// Reads them from the attributes of a `provider` block; none are no problem.
    pub fn read(settings: &Settings) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut wrong = |detail: String| problems.push(invalid(settings, detail));
        let currency = match settings.get("currency").filter(|value| !value.is_null()) {
            None => CURRENCY.into(),
            Some(value) => currency(value).unwrap_or_else(|| {
                wrong("`currency` must be a code of three capitals, such as \"USD\".".to_owned());
                CURRENCY.into()
            }),
        };
        let mut hourly = BTreeMap::new();
        match settings.get("prices").filter(|value| !value.is_null()) {
            None => {}
            Some(Value::Object(prices) | Value::Map(_, prices)) => {
                for (name, value) in prices.iter() {
                    match amount(value.revealed()) {
                        Ok(amount) => {
                            hourly.insert(name.clone(), amount);
                        }
                        Err(why) => wrong(format!("The price of `{name}` {why}.")),
                    }
                }
            }
            Some(_) => wrong(
                "`prices` must be a map from server types to prices per hour, such as `{ \"t3.medium\" = 0.0416 }`.".to_owned(),
            ),
        }
        problems.into_result(Self { currency, hourly })
    }

    /// Returns what a server type costs per hour; nothing where nobody has said.
    pub fn of(&self, server_type: &str) -> Option<&BigDecimal> {
        self.hourly.get(server_type)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hourly.is_empty()
    }
}

/// Reads a price; a text is taken as the number that it is.
fn amount(value: &Value) -> Result<BigDecimal, &'static str> {
    const NUMBER: &str = "must be a number, such as 0.0416";
    let text = match (value.as_number(), value.as_str()) {
        (Some(number), _) => number.to_string(),
        (None, Some(text)) => text.trim().to_owned(),
        (None, None) => return Err(NUMBER),
    };
    let amount = BigDecimal::from_str(&text).map_err(|_| NUMBER)?;
    if amount < 0 { Err("is negative") } else { Ok(amount) }
}

fn currency(value: &Value) -> Option<Arc<str>> {
    let text = value.as_str()?;
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then(|| text.into())
}

fn invalid(settings: &Settings, detail: String) -> Diagnostic {
    Diagnostic::error("invalid-prices", "Invalid prices of a provider")
        .detail(detail)
        .at(settings.range.clone())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::provider::Reporter;
    use crate::provider::registry::Registry;

    fn read(attributes: Value) -> Result<Prices, Diagnostics> {
        Prices::read(&Settings {
            attributes,
            range: None,
            region: None,
            data_dir: "/nonexistent".into(),
            clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            variable: Arc::new(|_| None),
            notices: Reporter::silent(),
            registry: Registry::built_in(),
        })
    }

    fn number(text: &str) -> Value {
        Value::Number(text.parse().expect(text))
    }

    #[test]
    fn prices_are_exact_and_dollars_unless_another_currency_is_named() {
        let map = Value::object([("t3.medium", number("0.0416")), ("n2-standard-2", "0.1".into())]);
        let prices = read(Value::object([("prices", map.clone())])).expect("prices");
        assert_eq!(&*prices.currency, "USD");
        assert_eq!(prices.of("t3.medium"), Some(&"0.0416".parse().expect("a decimal")));
        assert_eq!(prices.of("n2-standard-2"), Some(&"0.1".parse().expect("a decimal")));
        assert_eq!(prices.of("t3.large"), None);
        let euros = read(Value::object([("prices", map), ("currency", "EUR".into())]));
        assert_eq!(&*euros.expect("prices").currency, "EUR");
        assert!(read(Value::object::<&str>([])).expect("none").is_empty());
        assert!(read(Value::object([("prices", Value::null())])).expect("none").is_empty());
    }

    #[test]
    fn what_is_no_price_is_refused_by_name() {
        let prices = Value::object([
            ("a", number("-0.01")),
            ("b", "cheap".into()),
            ("c", Value::tuple([])),
            ("d", number("0")),
        ]);
        let wrong = Value::object([("prices", prices), ("currency", "dollars".into())]);
        let problems = read(wrong).expect_err("problems");
        assert_eq!(problems.len(), 4, "{problems}");
        for part in ["`a` is negative", "`b` must be", "`c` must be", "`currency` must be"] {
            assert!(problems.to_string().contains(part), "{part}: {problems}");
        }
        assert!(read(Value::object([("prices", number("1"))])).is_err());
    }
}
