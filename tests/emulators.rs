//! The emulators of platforms are true to the platforms: official clients pass
//! their tours on them, answers have the shape of the API's own document, and
//! faults do what they say.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "emulator/hetzner/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod hetzner;

#[path = "support/python.rs"]
mod python;

#[path = "emulator/gcp/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod gcp;

#[path = "emulators/bodies.rs"]
mod bodies;
#[path = "emulators/catalogue.rs"]
mod catalogue;
#[path = "emulators/client.rs"]
mod client;
#[path = "emulators/compute/mod.rs"]
mod compute;
#[path = "emulators/document.rs"]
mod document;
#[path = "emulators/faults.rs"]
mod faults;
#[path = "emulators/tours.rs"]
mod tours;

use std::time::Duration;

use hetzner::settings::{ActionTimes, Settings};

/// Settings of tests: actions that take a moment, no rate limit.
fn quick() -> Settings {
    Settings {
        action_times: ActionTimes { every: Duration::from_millis(30), ..ActionTimes::default() },
        ..Settings::default()
    }
}
