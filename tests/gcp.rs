//! What the provider `gcp` does, through the whole program: the real binary against an
//! emulator of Compute Engine, whose instances have bodies where they are provisioned.
//!
//! Bodies need bubblewrap, openssh-server, python3, and port 22 of loopback addresses
//! (root, or `net.ipv4.ip_unprivileged_port_start`).
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

#[path = "emulator/gcp/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;
#[path = "support/site.rs"]
mod site;
mod support;

#[path = "gcp/capacity.rs"]
mod capacity;
#[path = "gcp/changes.rs"]
mod changes;
#[path = "gcp/credentials.rs"]
mod credentials;
#[path = "gcp/drift.rs"]
mod drift;
#[path = "gcp/errors.rs"]
mod errors;
#[path = "gcp/lifecycle.rs"]
mod lifecycle;
#[path = "gcp/resources.rs"]
mod resources;
#[path = "gcp/world.rs"]
mod world;
