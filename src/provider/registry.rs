//! The platforms that this build knows: one line each.
