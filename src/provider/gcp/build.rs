//! A `provider "gcp"` block in, the provider out.

use std::sync::Arc;

use super::access::{Access, Block};
use super::client::Tuning;
use super::{Gcp, Settings as Parts};
use crate::object::ProviderRef;
use crate::provider::cloud::{prices, region};
use crate::provider::settings::{Built, Settings};

/// The arguments of the block that are this platform's own.
const OWN: [&str; 5] = ["credentials", "endpoint", "prices", "project", "region"];

/// Makes it also where credentials are missing: then its first call says so.
pub fn build(name: ProviderRef, settings: Settings) -> Built {
    settings.accept("gcp", &OWN)?;
    let block = Block {
        project: settings.text("project"),
        endpoint: settings.text("endpoint"),
        credentials: settings.text("credentials"),
    };
    let mut tuning = Tuning::default();
    tuning.parallel = settings.parallel().unwrap_or(tuning.parallel);
    let parts = Parts {
        access: Access::new(&block, &settings.variable),
        tuning,
        regions: regions(&settings),
        prices: prices::given(&settings)?,
        identities: settings.identities(),
        clock: settings.clock,
        notices: settings.notices,
    };
    Ok(Arc::new(Gcp::new(name, parts)))
}

/// Returns the regions of the command line or the block, else the one that gcloud uses.
fn regions(settings: &Settings) -> Vec<String> {
    let regions = region::defaults(settings.region.as_deref(), settings.get("region"));
    match regions.is_empty() {
        true => settings.variable("CLOUDSDK_COMPUTE_REGION").into_iter().collect(),
        false => regions,
    }
}
