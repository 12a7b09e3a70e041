//! What things cost.

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::call::Call;
use super::super::client::Client;
use crate::provider::ProviderError;

#[derive(Deserialize)]
struct Envelope {
    pricing: Json,
}

impl Client {
    /// Reads the currency, and the prices of what has no type of its own.
    pub async fn pricing(&self) -> Result<Json, ProviderError> {
        let call = Call::get("pricing", "read the prices");
        Ok(self.fetch::<Envelope>(&call).await?.pricing)
    }
}
