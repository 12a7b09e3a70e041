//! Prices: net in ten-thousandths of a euro, gross with 19 % VAT, as the
//! API's decimal strings. The numbers are of the size of real ones, no more.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::locations::LOCATIONS;
use super::project::Project;
use super::request::Request;
use super::routes::{Route, get};
use super::server_types::{self, SERVER_TYPES};

pub const ROUTES: &[Route] = &[get("/pricing", show)];

const VAT_PERCENT: u64 = 19;

/// A price of so many ten-thousandths of a euro. Gross amounts have as many
/// decimals as they need, four at least.
pub fn price(net: u64) -> Value {
    json!({"net": decimal(net * 100), "gross": decimal(net * (100 + VAT_PERCENT))})
}

/// Writes millionths with four to six decimals.
fn decimal(millionths: u64) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    let spare = text.len() - text.trim_end_matches('0').len();
    text[..text.len() - spare.min(2)].to_owned()
}

fn per_location(draw: impl Fn(&'static str) -> Value) -> Vec<Value> {
    LOCATIONS
        .iter()
        .map(|location| {
            let mut prices = draw(location.name);
            prices["location"] = json!(location.name);
            prices
        })
        .collect()
}

fn show(_: &mut Project, _: &Request) -> Result<Answer, Refusal> {
    let ipv4 = per_location(|_| json!({"price_hourly": price(8), "price_monthly": price(5_000)}));
    let ipv6 = per_location(|_| json!({"price_hourly": price(0), "price_monthly": price(0)}));
    let floating = |net| per_location(move |_| json!({"price_monthly": price(net)}));
    let types: Vec<Value> = SERVER_TYPES
        .iter()
        .map(|t| json!({"id": t.id, "name": t.name, "prices": server_types::draw_prices(t)}))
        .collect();
    Answer::ok(json!({"pricing": {
        "currency": "EUR",
        "vat_rate": format!("{VAT_PERCENT}.00"),
        "image": {"price_per_gb_month": price(110)},
        "volume": {"price_per_gb_month": price(440)},
        "server_backup": {"percentage": "20.00"},
        "server_types": types,
        "load_balancer_types": [],
        "primary_ips": [{"type": "ipv4", "prices": ipv4}, {"type": "ipv6", "prices": ipv6}],
        "floating_ip": {"price_monthly": price(30_000)},
        "floating_ips": [
            {"type": "ipv4", "prices": floating(30_000)},
            {"type": "ipv6", "prices": floating(10_000)},
        ],
    }}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_decimals_with_four_digits_at_least() {
        assert_eq!(price(10_000), json!({"net": "1.0000", "gross": "1.1900"}));
        assert_eq!(price(56), json!({"net": "0.0056", "gross": "0.006664"}));
    }
}
