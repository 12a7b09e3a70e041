//! A process that is killed at any moment of its work on AWS, while the API
//! itself fails, loses nothing and makes nothing twice. The witness is
//! what moto holds behind the proxy, held against the state and its journal.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]
#![allow(clippy::print_stderr, reason = "the seed is needed to repeat a failure")]

#[path = "emulator/aws/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod aws;
#[path = "support/python.rs"]
mod python;

#[path = "support/crash/mod.rs"]
mod crash;
#[path = "aws_crash/platform.rs"]
mod platform;
#[path = "aws_crash/witness.rs"]
mod witness;

use aws as emulator;

#[test]
fn after_any_number_of_kills_one_apply_leaves_exactly_what_is_desired() {
    crash::torment_all();
}
