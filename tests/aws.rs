//! What the provider `aws` does at the API, through the whole program: the real binary
//! against the real moto server, with a proxy in front of it that adds what moto lacks,
//! and whose instances have bodies where they are provisioned.
//!
//! Bodies need bubblewrap, openssh-server, python3, and port 22 of loopback addresses
//! (root, or `net.ipv4.ip_unprivileged_port_start`).
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

#[path = "emulator/aws/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod aws;
#[path = "support/python.rs"]
mod python;
#[path = "support/site.rs"]
mod site;
mod support;
#[path = "support/aws.rs"]
#[allow(dead_code, reason = "not every test binary uses all of this")]
mod world;

#[path = "aws/capacity.rs"]
mod capacity;
#[path = "aws/changes.rs"]
mod changes;
#[path = "aws/credentials.rs"]
mod credentials;
#[path = "aws/drift.rs"]
mod drift;
#[path = "aws/errors.rs"]
mod errors;
#[path = "aws/lifecycle.rs"]
mod lifecycle;
#[path = "aws/resources.rs"]
mod resources;
