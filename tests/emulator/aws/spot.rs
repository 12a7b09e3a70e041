//! Prices of the spot market, of the size of real ones; moto has one for everything.

use super::call::Call;
use super::clock;
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::xml::Element;

/// Of a `large`, in dollars an hour.
const LARGE: f64 = 0.03;

impl Proxy {
    /// Answers what each type costs now in each zone, as Linux in a VPC.
    pub async fn describe_spot_prices(&self, call: &Call) -> Result<Element, Refusal> {
        let (form, _) = call.form.split_filters(&["product-description"]);
        let mut answer = self.upstream.ask(&call.region, &form).await?;
        let now = clock::text(self.core().now);
        for entry in &mut answer.child_mut("spotPriceHistorySet").children {
            let price = price(&entry.text("instanceType"), &entry.text("availabilityZone"));
            entry.set("spotPrice", &format!("{price:.6}"));
            entry.set("productDescription", "Linux/UNIX");
            entry.set("timestamp", &now);
        }
        Ok(answer)
    }
}

/// Every zone is a little dearer than the one before.
fn price(instance_type: &str, zone: &str) -> f64 {
    let size = instance_type.rsplit('.').next().unwrap_or_default();
    let factor = match size {
        "nano" => 0.0625,
        "micro" => 0.125,
        "small" => 0.25,
        "medium" => 0.5,
        "large" => 1.0,
        _ => 2.0 * times(size),
    };
    let dearer = zone.bytes().last().map_or(0, |letter| letter.saturating_sub(b'a'));
    LARGE * factor * (1.0 + f64::from(dearer) / 50.0)
}

/// The 4 of `4xlarge`.
fn times(size: &str) -> f64 {
    size.strip_suffix("xlarge").and_then(|number| number.parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_grow_with_the_size_and_the_zone() {
        assert!((price("t3.large", "eu-central-1a") - 0.03).abs() < 1e-9);
        assert!((price("m7i.4xlarge", "eu-central-1a") - 0.24).abs() < 1e-9);
        assert!(price("t3.large", "eu-central-1b") > price("t3.large", "eu-central-1a"));
    }
}
