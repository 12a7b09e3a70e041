//! Plan, apply and destroy sandboxes from a reviewed file.
pub mod address;
pub mod deferred;
pub mod diagnostic;
pub mod event;
pub mod object;
pub mod plan;
pub mod provider;
pub mod provision;
pub mod redact;
pub mod schema;
pub mod value;
