//! What the provider `hetzner` does at the API, through the whole program: the real
//! binary against an emulator, whose servers have bodies where they are provisioned.
//!
//! Bodies need bubblewrap, openssh-server, python3, and port 22 of loopback addresses
//! (root, or `net.ipv4.ip_unprivileged_port_start`).
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;
#[path = "support/site.rs"]
mod site;
mod support;

#[path = "hetzner_objects/capacity.rs"]
mod capacity;
#[path = "hetzner_objects/changes.rs"]
mod changes;
#[path = "hetzner_objects/drift.rs"]
mod drift;
#[path = "hetzner_objects/errors.rs"]
mod errors;
#[path = "hetzner_objects/orphans.rs"]
mod orphans;
#[path = "hetzner_objects/resources.rs"]
mod resources;
#[path = "hetzner_objects/scale.rs"]
mod scale;
#[path = "hetzner_objects/world.rs"]
mod world;
