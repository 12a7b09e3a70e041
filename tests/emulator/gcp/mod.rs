//! An emulator of the Compute Engine API: stateful, with time and faults.
//!
//! It is an independent reading of the API's reference and shares no code with
//! sandplan. One module a resource; `routes` is the table of endpoints, `compute`
//! all objects, `operations` what takes time; `platform` puts them on the
//! chassis that all emulators stand on.

use std::io;
use std::net::SocketAddr;

#[path = "../chassis/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "tests may have several emulators, each on its own")]
pub mod chassis;

mod aggregated;
mod compute;
mod disks;
mod filter;
mod fingerprint;
mod firewall_rules;
mod firewalls;
mod guests;
mod images;
mod instances;
mod labels;
mod lists;
mod machine_types;
mod metadata;
mod names;
mod networks;
mod object;
mod operations;
mod paths;
mod platform;
mod projects;
mod public_images;
mod quotas;
mod refusal;
mod request;
mod routes;
pub mod settings;
mod snapshots;
mod zones;

use compute::Compute;
use settings::Settings;

/// An emulator that listens; it ends when this is stopped or dropped.
pub type Running = chassis::Running<Compute>;

/// Starts an emulator on an address; port 0 takes a free one.
pub async fn start(listen: SocketAddr, settings: Settings) -> io::Result<Running> {
    chassis::start(listen, settings).await
}
