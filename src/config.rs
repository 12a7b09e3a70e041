//! Configuration: from the text of `sandboxes.hcl` to typed blocks.
pub mod format;
