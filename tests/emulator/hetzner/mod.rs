//! An emulator of the Hetzner Cloud API: stateful, with time and faults.
//!
//! It is an independent reading of the API's own document and shares no code
//! with sandplan. One module a resource; `routes` is the table of endpoints,
//! `project` all objects, `actions` what takes time; `platform` puts them on the
//! chassis that all emulators stand on.

use std::io;
use std::net::SocketAddr;

#[path = "../chassis/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "tests may have several emulators, each on its own")]
pub mod chassis;

pub mod actions;
pub mod answer;
mod firewall_rules;
mod firewalls;
mod guests;
mod images;
mod labels;
mod locations;
mod pages;
mod placement_groups;
mod platform;
mod pricing;
mod primary_ips;
mod project;
mod request;
mod routes;
mod server_types;
mod servers;
pub mod settings;
mod ssh_keys;
mod unserved;

use chassis::{clock, faults};
use project::Project;
use settings::Settings;

/// An emulator that listens; it ends when this is stopped or dropped.
pub type Running = chassis::Running<Project>;

/// Starts an emulator on an address; port 0 takes a free one.
pub async fn start(listen: SocketAddr, settings: Settings) -> io::Result<Running> {
    chassis::start(listen, settings).await
}
