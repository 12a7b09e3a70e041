//! The proxy in front of the real moto server is true to EC2: the official Python
//! client passes its tour on it, and what it adds to moto does what it says.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

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

#[path = "aws_emulator/bodies.rs"]
mod bodies;
#[path = "aws_emulator/faults.rs"]
mod faults;
#[path = "aws_emulator/instances.rs"]
mod instances;
#[path = "aws_emulator/tour.rs"]
mod tour;
