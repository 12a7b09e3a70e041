//! Draws what users see: plans, events, values, tables, reports and JSON.
//!
//! Everything here turns a value into text or JSON, or an event into lines on
//! a given writer. It plans nothing, reads no clock and no environment.

pub mod change;
pub mod diff;
pub mod drift;
pub mod graph;
pub mod human;
pub mod json;
pub mod mask;
pub mod message;
pub mod module_tree;
pub mod paint;
pub mod plan;
pub mod plan_json;
pub mod progress;
pub mod reason;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod secrecy_tests;
pub mod state_json;
pub mod state_text;
pub mod table;
pub mod value;
pub mod words;
