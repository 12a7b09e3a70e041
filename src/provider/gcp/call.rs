//! One call of the API as plain data: what it is for, and what a second sending does.

use crate::object::OperationId;

/// What a second sending of the same call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It reads.
    Read,
    /// It changes things. It carries a request id or a fingerprint, so that a second
    /// sending changes nothing more.
    Repeatable,
}

/// A call: what it does, for users, and whether it reads or changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// "create the instance `web`".
    pub purpose: String,
    pub safety: Safety,
}

impl Call {
    /// Reads something.
    pub fn read(purpose: impl Into<String>) -> Self {
        Self { purpose: purpose.into(), safety: Safety::Read }
    }

    /// Changes something.
    pub fn change(purpose: impl Into<String>) -> Self {
        Self { purpose: purpose.into(), safety: Safety::Repeatable }
    }
}

/// Makes the id by which the platform knows a request again (a UUID): the same for the
/// same operation and the same deed, whichever run of sandplan asks.
pub fn request_id(operation: &OperationId, deed: &str) -> String {
    const OURS: uuid::Uuid = uuid::Uuid::from_u128(0x7c1f_39a0_52d8_4b8e_9d55_02b7_6fd1_44ce);
    let name = format!("{operation}\n{deed}");
    uuid::Uuid::new_v5(&OURS, name.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_again_by_operation_and_deed() {
        let of = |operation: &str, deed: &str| request_id(&operation.into(), deed);
        assert_eq!(of("a", "insert us-central1-a"), of("a", "insert us-central1-a"));
        assert_ne!(of("a", "insert us-central1-a"), of("a", "insert us-central1-b"));
        assert_ne!(of("a", "x"), of("b", "x"));
        assert_eq!(of("a", "x").len(), 36);
    }
}
