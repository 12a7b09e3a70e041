//! What people read: text drawn from values, for a width, with or without colour.
pub mod diagnostic;
pub mod style;
mod wrap;
