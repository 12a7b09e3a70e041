//! A `provider "hetzner"` block in, the provider out.

use std::sync::Arc;

use super::access::Access;
use super::client::Tuning;
use super::{Hetzner, Settings as Parts};
use crate::object::ProviderRef;
use crate::provider::cloud::region;
use crate::provider::settings::{Built, Settings};

/// The arguments of the block that are this platform's own.
const OWN: [&str; 3] = ["endpoint", "region", "token"];

/// Makes it also where the token is missing: then its first call says so.
pub fn build(name: ProviderRef, settings: Settings) -> Built {
    settings.accept("hetzner", &OWN)?;
    let endpoint = settings.text("endpoint").or_else(|| settings.variable("HCLOUD_ENDPOINT"));
    let token = settings.text("token").or_else(|| settings.variable("HCLOUD_TOKEN"));
    let mut tuning = Tuning::default();
    if let Some(parallel) = settings.parallel() {
        tuning.bounds.parallel = parallel;
    }
    let parts = Parts {
        access: Access::new(endpoint.as_deref(), token.as_deref()),
        tuning,
        regions: region::defaults(settings.region.as_deref(), settings.get("region")),
        identities: settings.identities(),
        clock: settings.clock,
        notices: settings.notices,
    };
    Ok(Arc::new(Hetzner::new(name, parts)))
}
