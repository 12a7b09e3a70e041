//! Whose an object is, as labels, in the letters that a platform's labels have.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::escape;
use crate::address::Address;
use crate::object::{Lineage, OperationId, Ownership};

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Keys that begin so are ours.
pub const PREFIX: &str = "sandplan-";

/// The name of the project.
pub const PROJECT: &str = "sandplan-project";
const LINEAGE: &str = "sandplan-lineage";
const ADDRESS: &str = "sandplan-address";
/// The operation that made an object.
pub const OPERATION: &str = "sandplan-operation";
const EXPIRES: &str = "sandplan-expires";

/// How any text is written as the values of labels.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    escape: fn(&str) -> Vec<String>,
    unescape: fn(&[&str]) -> Option<String>,
}

/// Values of up to 63 letters, digits, `-`, `_` and `.`.
pub const WORDS: Dialect = Dialect { escape: escape::words, unescape: escape::of_words };
/// Values of up to 63 lower-case letters, digits, `-` and `_`.
pub const LOWER: Dialect = Dialect { escape: escape::lower, unescape: escape::of_lower };
/// Values of up to 256 characters of any kind.
pub const ANY: Dialect = Dialect { escape: escape::chunks, unescape: escape::of_chunks };

impl Dialect {
    /// Writes the ownership of an object beside the labels that the user gave it.
    /// The expiry is in whole seconds since 1970.
    pub fn write(&self, ownership: &Ownership, user: &Labels) -> Labels {
        let mut labels = users(user);
        self.put(&mut labels, PROJECT, &ownership.project);
        self.put(&mut labels, LINEAGE, ownership.lineage.as_str());
        self.put(&mut labels, ADDRESS, &ownership.address.to_string());
        self.put(&mut labels, OPERATION, ownership.operation.as_str());
        if let Some(at) = ownership.expires_at {
            self.put(&mut labels, EXPIRES, &at.as_second().to_string());
        }
        labels
    }

    /// Reads the ownership of an object; nothing where our labels are missing or damaged.
    pub fn ownership(&self, labels: &Labels) -> Option<Ownership> {
        Some(Ownership {
            project: self.take(labels, PROJECT)?,
            lineage: Lineage::from(self.take(labels, LINEAGE)?),
            address: self.take(labels, ADDRESS)?.parse::<Address>().ok()?,
            operation: OperationId::from(self.take(labels, OPERATION)?),
            expires_at: self.expiry(labels),
        })
    }

    /// Reads when an object expires, also where the other labels are damaged.
    pub fn expiry(&self, labels: &Labels) -> Option<Timestamp> {
        let seconds = self.take(labels, EXPIRES)?.parse().ok()?;
        Timestamp::from_second(seconds).ok()
    }

    /// Returns the labels, by key, that one text of ours makes.
    pub fn labels_of(&self, key: &str, text: &str) -> Vec<(String, String)> {
        let values = (self.escape)(text).into_iter().enumerate();
        values.map(|(part, value)| (key_of(key, part), value)).collect()
    }

    fn put(&self, labels: &mut Labels, key: &str, text: &str) {
        labels.extend(self.labels_of(key, text));
    }

    fn take(&self, labels: &Labels, key: &str) -> Option<String> {
        let parts = (0..).map_while(|part| labels.get(&key_of(key, part)));
        let parts: Vec<&str> = parts.map(String::as_str).collect();
        if parts.is_empty() { None } else { (self.unescape)(&parts) }
    }
}

/// Returns the labels that are the user's own.
pub fn users(labels: &Labels) -> Labels {
    labels.iter().filter(|(key, _)| !is_ours(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Tells whether a key is kept for sandplan.
pub fn is_ours(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The key of a text's part: `key`, `key-2`, `key-3`, …
pub fn key_of(key: &str, part: usize) -> String {
    if part == 0 { key.to_owned() } else { format!("{key}-{}", part + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::{BlockAddress, InstanceKey, ResourceType};

    fn owned(project: &str, key: &str, expires: Option<i64>) -> Ownership {
        let block = BlockAddress::root(ResourceType::Sandbox, "review");
        Ownership {
            project: project.to_owned(),
            lineage: Lineage::from("6f2d8c1e-0000-4000-8000-000000000001"),
            address: block.instance(Some(InstanceKey::String(key.into()))),
            operation: OperationId::from("9a"),
            expires_at: expires.and_then(|at| Timestamp::from_second(at).ok()),
        }
    }

    #[test]
    fn the_users_labels_stand_beside_ours_and_cannot_replace_them() {
        let user: Labels = [("owner", "ada"), ("sandplan-project", "other")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        let labels = WORDS.write(&owned("web", "ada", Some(1_800_000_000)), &user);
        assert_eq!(labels["owner"], "ada");
        assert_eq!(labels["sandplan-project"], "web");
        assert_eq!(labels["sandplan-address"], "sandbox.review_5b_22ada_22_5d");
        assert_eq!(labels["sandplan-expires"], "1800000000");
        assert_eq!(users(&labels).into_keys().collect::<Vec<_>>(), ["owner"]);
    }

    #[test]
    fn damaged_labels_are_nobodys() {
        let whole = WORDS.write(&owned("web", "ada", None), &Labels::new());
        for key in ["sandplan-project", "sandplan-lineage", "sandplan-address"] {
            let mut labels = whole.clone();
            labels.remove(key);
            assert_eq!(WORDS.ownership(&labels), None, "{key}");
            labels.insert(key.to_owned(), "a_zz".to_owned());
            assert_eq!(WORDS.ownership(&labels), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn ownership_comes_back_from_legal_labels(
            project in any::<String>(),
            key in any::<String>(),
            expires in proptest::option::of(0i64..4_000_000_000),
        ) {
            let ownership = owned(&project, &key, expires);
            for dialect in [WORDS, LOWER, ANY] {
                let labels = dialect.write(&ownership, &Labels::new());
                prop_assert_eq!(dialect.ownership(&labels), Some(ownership.clone()));
                let is_key = |key: &String| key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                prop_assert!(labels.keys().all(is_key));
            }
        }
    }
}
