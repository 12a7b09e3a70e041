//! How the platform speaks and bills, and what a sandbox may hold here.

use std::sync::LazyLock;

use crate::provider::cloud::schema;
use crate::provider::cloud::terms::{Billing, Examples, Terms, UserDataLimit};
use crate::schema::{Attribute, ResourceSchema};
use crate::value::Type;

/// How the platform speaks and bills: by the second, the first minute whole. User-data is
/// an entry of the instance's metadata, of which each holds 256 KiB. An address that was
/// not reserved is given back when the instance stops.
pub const TERMS: Terms = Terms {
    platform: "Google Cloud",
    block: "gcp",
    type_argument: "machine_type",
    server_type: "machine type",
    location: "zone",
    examples: Examples {
        types: ["e2-standard-4", "n2-standard-4"],
        regions: ["us-central1", "us-east1"],
    },
    default_region: "us-central1",
    default_image: "ubuntu-24.04",
    is_image_id: |name| name.contains('/'),
    billing: Billing::Seconds { least: 60 },
    user_data: UserDataLimit { bytes: 256 * 1024, gzip: false },
    pins_images: true,
    rebuilds: false,
    keeps_address: false,
    only_own_regions: true,
};

/// The arguments and blocks of a sandbox that this platform honours.
pub const HONOURS: [&str; 20] = [
    "agent",
    "env",
    "file",
    "from",
    "gcp",
    "image",
    "labels",
    "mirrors",
    "name",
    "network",
    "packages",
    "port",
    "provision",
    "ready",
    "region",
    "size",
    "ssh_keys",
    "sync",
    "toolchain",
    "ttl",
];

/// The VPC network of a sandbox that names none.
pub const DEFAULT_VPC: &str = "default";

/// The size in GB of a disk that nobody named one for.
pub const DEFAULT_DISK: u64 = 50;

/// Returns the schema of a sandbox on this platform.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| {
        let own = vec![
            Attribute::optional(
                "network",
                Type::String,
                "VPC network of the project that the instance is in; `default` where none is named.",
            ),
            Attribute::optional(
                "spot",
                Type::Bool,
                "The instance is cheaper, and Google may take it away at any time.",
            ),
            Attribute::optional(
                "subnetwork",
                Type::String,
                "Subnetwork in the instance's region; needed where the network has no automatic ones.",
            ),
        ];
        schema::schema(&TERMS, own)
    });
    &SCHEMA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_portable_argument_is_honoured() {
        let mut all: Vec<_> = schema().block.configurable_names().collect();
        all.sort_unstable();
        assert_eq!(all, HONOURS);
    }
}
