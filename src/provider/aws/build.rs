//! A `provider "aws"` block in, the provider out.

use std::sync::Arc;

use super::access::Access;
use super::client::Tuning;
use super::{Aws, Settings as Parts};
use crate::object::ProviderRef;
use crate::provider::cloud::{prices, region};
use crate::provider::settings::{Built, Settings};

/// The arguments of the block that are this platform's own.
const OWN: [&str; 4] = ["endpoint", "prices", "profile", "region"];

/// Makes it also where credentials are missing: then its first call says so.
pub fn build(name: ProviderRef, settings: Settings) -> Built {
    settings.accept("aws", &OWN)?;
    let regions = region::defaults(settings.region.as_deref(), settings.get("region"));
    let mut tuning = Tuning::default();
    tuning.parallel = settings.parallel().unwrap_or(tuning.parallel);
    let parts = Parts {
        access: Access::new(regions, settings.text("profile"), settings.text("endpoint")),
        tuning,
        prices: prices::given(&settings)?,
        identities: settings.identities(),
        clock: settings.clock,
        notices: settings.notices,
    };
    Ok(Arc::new(Aws::new(name, parts)))
}
