//! Plan, apply and destroy sandboxes from a reviewed file.
pub mod address;
pub mod diagnostic;
pub mod evaluate;
pub mod value;
