//! Draws what users see: plans, events, values, tables, reports and JSON.
//!
//! Everything here turns a value into text or JSON, or an event into lines on
//! a given writer. It plans nothing, reads no clock and no environment.

pub mod change;
pub mod diagnostic;
pub mod diff;
pub mod drift;
pub mod graph;
pub mod human;
pub mod json;
pub mod left;
mod mask;
pub mod message;
mod module_tree;
pub mod paint;
pub mod plan;
pub mod plan_json;
pub mod price;
pub mod progress;
pub mod reason;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod secrecy_tests;
pub mod ssh_config;
pub mod state_json;
pub mod state_text;
pub mod style;
pub mod table;
pub mod value;
pub mod words;
mod wrap;

/// Draws the difference between two texts as a patch; empty when there is none.
pub fn text_diff(before: &str, after: &str, name: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string()
}
