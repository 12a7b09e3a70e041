//! What there is to know of a project before anything is planned.

use super::client::Client;
use super::wire::last;
use crate::provider::cloud::region;
use crate::provider::{Account, ProviderError};

/// The quotas that sandboxes use up most.
const TELLING: [&str; 3] = ["CPUS", "IN_USE_ADDRESSES", "SSD_TOTAL_GB"];

/// Says what the credentials open, and how much room there is.
pub async fn whoami(client: &Client, regions: &[String]) -> Result<Account, ProviderError> {
    let project = client.project_itself().await?;
    let ours = client.instances("labels.sandplan-project:*").await?.len();
    let name = project.name.unwrap_or_else(|| client.project().to_owned());
    let mut details = vec![
        ("credentials".to_owned(), client.access().source.to_string()),
        ("instances".to_owned(), format!("{ours} made by sandplan")),
        ("regions".to_owned(), regions.join(", ")),
    ];
    for name in regions {
        details.extend(quotas(client, region::of(name)).await?);
    }
    Ok(Account { summary: format!("Google Cloud, project `{name}`"), details })
}

async fn quotas(client: &Client, name: &str) -> Result<Vec<(String, String)>, ProviderError> {
    let region = client.region(name).await?;
    let name = region.name.as_deref().map(last).unwrap_or(name);
    let told = region.quotas.iter().filter_map(|quota| {
        let metric = quota.metric.as_ref()?.to_string();
        let line = format!("{} of {} used in {name}", quota.usage?, quota.limit?);
        TELLING.contains(&metric.as_str()).then(|| (format!("quota {metric}"), line))
    });
    Ok(told.collect())
}
