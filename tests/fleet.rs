//! Several providers at once, through the whole program: one platform more than the
//! build has, sandboxes that stay where they are, and providers that are down.
//!
//! The program is the example `sandplan-with-shelf`: the real one, and a platform.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work should fail")]

mod support;

#[path = "fleet/added.rs"]
mod added;
#[path = "fleet/outages.rs"]
mod outages;
#[path = "fleet/shelves.rs"]
mod shelves;
#[path = "fleet/stays.rs"]
mod stays;
