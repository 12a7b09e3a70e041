//! Plan, apply and destroy sandboxes from a reviewed file.
pub mod address;
pub mod config;
pub mod deferred;
pub mod diagnostic;
pub mod duration;
pub mod evaluate;
pub mod event;
pub mod graph;
pub mod object;
pub mod plan;
pub mod provider;
pub mod redact;
pub mod refresh;
pub mod schema;
pub mod state;
pub mod value;
