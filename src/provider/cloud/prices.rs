//! Prices that a user has written down, for platforms whose API tells none.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::Sign;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::settings::Settings;

/// Prices per hour, by server type.
pub type Prices = BTreeMap<String, BigDecimal>;

/// Reads the argument `prices` of a `provider` block.
pub fn given(settings: &Settings) -> Result<Prices, Diagnostics> {
    let Some(given) = settings.get("prices").filter(|given| !given.is_null()) else {
        return Ok(Prices::new());
    };
    let wrong = |detail: String| {
        let problem = Diagnostic::error("invalid-prices", "Invalid prices").detail(detail);
        Diagnostics::from(problem.at(settings.range.clone()))
    };
    let Some(listed) = given.as_attributes() else {
        let detail = "`prices` is no map. It has prices per hour by type, such as \
                      `prices = { \"t3.medium\" = 0.0416 }`.";
        return Err(wrong(detail.to_owned()));
    };
    let mut prices = Prices::new();
    for (name, price) in listed.iter() {
        let amount = price.as_number().and_then(|number| number.to_string().parse().ok());
        match amount.filter(|amount: &BigDecimal| amount.sign() != Sign::Minus) {
            Some(amount) => prices.insert(name.to_string(), amount),
            None => {
                return Err(wrong(format!("The price of `{name}` is no number of zero or more.")));
            }
        };
    }
    Ok(prices)
}
