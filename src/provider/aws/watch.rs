//! Many that wait for instances ask together: one call tells them all.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::calls::Which;
use super::client::Client;
use super::wire::Instance;
use crate::provider::ProviderError;

/// What a region's instances were like, and when.
type Seen = Option<(Instant, Vec<Instance>)>;

/// The last look at the instances of each region.
#[derive(Debug, Default)]
pub struct Watch(Mutex<BTreeMap<String, Arc<Mutex<Seen>>>>);

impl Watch {
    /// Returns an instance as it was at a look that began after it was asked for: those
    /// who come while another looks share the next one. Nothing when it is not known, or not ours.
    pub async fn instance(
        &self,
        client: &Client,
        (region, id): (&str, &str),
    ) -> Result<Option<Instance>, ProviderError> {
        let came = Instant::now();
        let seen = self.0.lock().await.entry(region.to_owned()).or_default().clone();
        let mut seen = seen.lock().await;
        let is_fresh = |at: &Instant| *at >= came;
        if !seen.as_ref().is_some_and(|(at, _)| is_fresh(at)) {
            let begun = Instant::now();
            *seen = Some((begun, client.instances_ever(region, &Which::Ours).await?));
        }
        let all = seen.iter().flat_map(|(_, instances)| instances);
        Ok(all.into_iter().find(|instance| instance.id == id).cloned())
    }
}
