//! A process that is killed at any moment of its work on Compute Engine, while
//! the API itself fails, loses nothing and makes nothing twice. The witness is
//! what the emulator holds, held against the state and its journal.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]
#![allow(clippy::print_stderr, reason = "the seed is needed to repeat a failure")]

#[path = "emulator/gcp/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod emulator;

#[path = "support/crash/mod.rs"]
mod crash;
#[path = "gcp_crash/platform.rs"]
mod platform;
#[path = "gcp_crash/witness.rs"]
mod witness;

#[test]
fn after_any_number_of_kills_one_apply_leaves_exactly_what_is_desired() {
    crash::torment_all();
}
