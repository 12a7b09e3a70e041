//! What things cost.

use serde::Deserialize;

use super::super::call::Call;
use super::super::client::Client;
use super::super::wire::Pricing;
use crate::provider::ProviderError;

#[derive(Deserialize)]
struct Envelope {
    pricing: Pricing,
}

impl Client {
    /// Reads the currency, and the prices of what has no type of its own.
    pub async fn pricing(&self) -> Result<Pricing, ProviderError> {
        let call = Call::get("pricing", "read the prices");
        Ok(self.fetch::<Envelope>(&call).await?.pricing)
    }
}
