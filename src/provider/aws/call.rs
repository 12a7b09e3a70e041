//! What a call is for, and what sending it a second time would do.

/// What a second sending would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Nothing is changed.
    Read,
    /// The second time changes nothing more: it carries a token, or sets what is so.
    Repeatable,
    /// The second time might do it twice.
    Once,
}

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Completes "AWS could not …".
    pub purpose: String,
    pub safety: Safety,
    pub region: String,
}

impl Call {
    /// Makes a call that only reads.
    pub fn read(region: &str, purpose: impl Into<String>) -> Self {
        Self { purpose: purpose.into(), safety: Safety::Read, region: region.to_owned() }
    }

    /// Makes a call that may be sent again.
    pub fn repeatable(region: &str, purpose: impl Into<String>) -> Self {
        Self { safety: Safety::Repeatable, ..Self::read(region, purpose) }
    }

    /// Makes a call that must not be done twice.
    pub fn once(region: &str, purpose: impl Into<String>) -> Self {
        Self { safety: Safety::Once, ..Self::read(region, purpose) }
    }
}
