//! Placeholder keys until the shared labels are there.
pub const PROJECT: &str = "sandplan-project";
