//! Whose an object is, as labels, and the selectors that find it again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::escape::{escape, unescape};
use crate::address::Address;
use crate::object::{Lineage, OperationId, Ownership};

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Keys that begin so are ours.
pub const PREFIX: &str = "sandplan-";

const PROJECT: &str = "sandplan-project";
const LINEAGE: &str = "sandplan-lineage";
const ADDRESS: &str = "sandplan-address";
const OPERATION: &str = "sandplan-operation";
const EXPIRES: &str = "sandplan-expires";

/// Writes the ownership of an object beside the labels that the user gave it.
/// The expiry is in whole seconds since 1970.
pub fn write(ownership: &Ownership, user: &Labels) -> Labels {
    let mut labels: Labels =
        user.iter().filter(|(key, _)| !is_ours(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    put(&mut labels, PROJECT, &ownership.project);
    put(&mut labels, LINEAGE, ownership.lineage.as_str());
    put(&mut labels, ADDRESS, &ownership.address.to_string());
    put(&mut labels, OPERATION, ownership.operation.as_str());
    if let Some(at) = ownership.expires_at {
        put(&mut labels, EXPIRES, &at.as_second().to_string());
    }
    labels
}

/// Reads the ownership of an object; nothing where our labels are missing or damaged.
pub fn ownership(labels: &Labels) -> Option<Ownership> {
    Some(Ownership {
        project: take(labels, PROJECT)?,
        lineage: Lineage::from(take(labels, LINEAGE)?),
        address: take(labels, ADDRESS)?.parse::<Address>().ok()?,
        operation: OperationId::from(take(labels, OPERATION)?),
        expires_at: expiry(labels),
    })
}

/// Reads when an object expires, also where the other labels are damaged.
pub fn expiry(labels: &Labels) -> Option<Timestamp> {
    let seconds = take(labels, EXPIRES)?.parse().ok()?;
    Timestamp::from_second(seconds).ok()
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
fn key_of(key: &str, part: usize) -> String {
    if part == 0 { key.to_owned() } else { format!("{key}-{}", part + 1) }
}

fn put(labels: &mut Labels, key: &str, text: &str) {
    for (part, value) in escape(text).into_iter().enumerate() {
        labels.insert(key_of(key, part), value);
    }
}

fn take(labels: &Labels, key: &str) -> Option<String> {
    let parts = (0..).map_while(|part| labels.get(&key_of(key, part)));
    let parts: Vec<&str> = parts.map(String::as_str).collect();
    if parts.is_empty() { None } else { unescape(parts) }
}

/// Chooses objects by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(String);

impl Selector {
    /// Chooses whatever sandplan made, of any project.
    pub fn ours() -> Self {
        Self(PROJECT.to_owned())
    }

    /// Chooses what belongs to a project.
    pub fn project(project: &str) -> Self {
        Self(exactly(PROJECT, project))
    }

    /// Chooses what an operation made.
    pub fn operation(operation: &OperationId) -> Self {
        Self(exactly(OPERATION, operation.as_str()))
    }

    /// Chooses what has a label with this value, which has to be one word.
    pub fn equal(key: &str, value: &str) -> Self {
        Self(format!("{key}={value}"))
    }

    /// Returns it as the API takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Demands every part of a text, and no further one.
fn exactly(key: &str, text: &str) -> String {
    let values = escape(text);
    let none = format!("!{}", key_of(key, values.len()));
    let parts = values.iter().enumerate().map(|(part, v)| format!("{}={v}", key_of(key, part)));
    parts.chain([none]).collect::<Vec<_>>().join(",")
}

/// Says what is wrong with a label's key: `[prefix/]name`, the prefix a domain of
/// at most 255 characters, the name as a value but not empty.
pub fn problem_of_key(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, name)| (Some(p), name));
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    match prefix {
        Some(prefix) if prefix.len() > 255 || !prefix.split('.').all(is_word) => {
            Some("what stands before `/` is no domain name".to_owned())
        }
        Some("hetzner.cloud") => Some("`hetzner.cloud/` is kept for Hetzner".to_owned()),
        Some(prefix) if prefix.ends_with(".hetzner.cloud") => {
            Some("`hetzner.cloud/` is kept for Hetzner".to_owned())
        }
        _ => problem_of_value(name),
    }
}

/// Says what is wrong with a label's value.
pub fn problem_of_value(value: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if value.is_empty() || is_word(value) {
        None
    } else if let Some(c) = value.chars().find(|c| !legal(*c)) {
        Some(format!("only letters, digits, `-`, `_` and `.` may stand in it, not {c:?}"))
    } else if value.len() > super::escape::LONGEST {
        Some(format!("it has {} characters; 63 are allowed", value.len()))
    } else {
        Some("it has to begin and end with a letter or digit".to_owned())
    }
}

fn is_word(text: &str) -> bool {
    let at_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= super::escape::LONGEST
        && at_end(text.chars().next())
        && at_end(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
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
        let labels = write(&owned("web", "ada", Some(1_800_000_000)), &user);
        assert_eq!(labels["owner"], "ada");
        assert_eq!(labels["sandplan-project"], "web");
        assert_eq!(labels["sandplan-address"], "sandbox.review_5b_22ada_22_5d");
        assert_eq!(labels["sandplan-expires"], "1800000000");
        assert_eq!(users(&labels).into_keys().collect::<Vec<_>>(), ["owner"]);
    }

    #[test]
    fn damaged_labels_are_nobodys() {
        let whole = write(&owned("web", "ada", None), &Labels::new());
        for key in ["sandplan-project", "sandplan-lineage", "sandplan-address"] {
            let mut labels = whole.clone();
            labels.remove(key);
            assert_eq!(ownership(&labels), None, "{key}");
            labels.insert(key.to_owned(), "a_zz".to_owned());
            assert_eq!(ownership(&labels), None, "{key}");
        }
    }

    #[test]
    fn a_selector_names_one_project_and_no_longer_one() {
        assert_eq!(Selector::project("web").as_str(), "sandplan-project=web,!sandplan-project-2");
        let long = Selector::project(&"a".repeat(100));
        assert!(long.as_str().ends_with(",!sandplan-project-3"), "{}", long.as_str());
    }

    #[test]
    fn problems_of_labels_are_named() {
        assert_eq!(problem_of_key("example.com/owner"), None);
        for key in ["", "a/", "/a", "-a", "a b", "x.hetzner.cloud/a", &"a".repeat(64)] {
            assert!(problem_of_key(key).is_some(), "{key}");
        }
        assert_eq!(problem_of_value(""), None);
        for value in ["-", "a_", "\u{e9}", "a b", &"a".repeat(64)] {
            assert!(problem_of_value(value).is_some(), "{value}");
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
            let labels = write(&ownership, &Labels::new());
            for (key, value) in &labels {
                prop_assert_eq!(problem_of_key(key), None, "{}", key);
                prop_assert_eq!(problem_of_value(value), None, "{}", value);
            }
            prop_assert_eq!(super::ownership(&labels), Some(ownership));
        }
    }
}
