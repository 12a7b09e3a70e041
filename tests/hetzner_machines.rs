//! Sandboxes of the provider `hetzner`, through the whole program: an emulator of the
//! API gives each server a body, a real sshd in which its user-data is carried out.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;
mod support;

#[path = "hetzner_machines/access.rs"]
mod access;
#[path = "hetzner_machines/changes.rs"]
mod changes;
#[path = "hetzner_machines/failures.rs"]
mod failures;
#[path = "hetzner_machines/host_keys.rs"]
mod host_keys;
#[path = "hetzner_machines/lifecycle.rs"]
mod lifecycle;
#[path = "hetzner_machines/setup.rs"]
mod setup;
#[path = "hetzner_machines/stage.rs"]
mod stage;
#[path = "hetzner_machines/terminal.rs"]
mod terminal;
#[path = "hetzner_machines/work.rs"]
mod work;
