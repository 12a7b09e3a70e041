//! Tests of the planner: properties over generated configurations and states,
//! and cases one by one.

mod changes;
pub mod fixture;
mod generate;
mod parts;
mod properties;
mod resources;
