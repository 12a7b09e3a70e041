//! What EC2 answers, as plain data. A field that is missing counts as not said; a
//! word that is not known stays a word.

pub mod group;
pub mod image;
pub mod instance;
pub mod key_pair;
pub mod offer;

use std::collections::BTreeMap;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::Tag;
use jiff::Timestamp;

pub use group::Group;
pub use image::Image;
pub use instance::Instance;
pub use key_pair::KeyPair;
pub use offer::{InstanceType, SpotPrice};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Reads tags; one without a key is left out.
pub fn tags(answered: &[Tag]) -> Tags {
    let pair =
        |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    answered.iter().filter_map(pair).collect()
}

/// Reads a time.
pub fn time(answered: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(answered.secs()).ok()
}

/// Returns a text that may be missing; empty where it is.
pub(super) fn text(answered: Option<&str>) -> String {
    answered.unwrap_or_default().to_owned()
}
