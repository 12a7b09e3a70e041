//! A public key that EC2 holds.

use aws_sdk_ec2::types;
use jiff::Timestamp;

use super::{Tags, tags, text, time};

/// A public key that EC2 holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPair {
    pub id: String,
    pub region: String,
    pub name: String,
    /// One line; empty where it was not asked for.
    pub public_key: String,
    pub fingerprint: String,
    pub tags: Tags,
    pub created: Option<Timestamp>,
}

impl KeyPair {
    /// Reads a key pair of a region.
    pub fn of(region: &str, answered: &types::KeyPairInfo) -> Self {
        Self {
            id: text(answered.key_pair_id()),
            region: region.to_owned(),
            name: text(answered.key_name()),
            public_key: text(answered.public_key()).trim().to_owned(),
            fingerprint: text(answered.key_fingerprint()),
            tags: tags(answered.tags()),
            created: answered.create_time().and_then(time),
        }
    }
}
