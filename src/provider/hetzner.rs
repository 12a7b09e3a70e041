//! Hetzner Cloud.

pub mod catalogue;
pub mod living;
pub mod objects;
pub mod offer;
pub mod orderable;
pub mod plan;
pub mod price;
pub mod schema;
pub mod validate;
pub mod wish;
