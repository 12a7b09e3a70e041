//! Plan, apply and destroy sandboxes from a reviewed file.
pub mod address;
pub mod config;
pub mod diagnostic;
pub mod render;
pub mod value;
