//! Which resources `-target`, `-exclude` and `-replace` mean.

use std::fmt;
use std::str::FromStr;

use crate::address::{Address, BlockAddress};
use crate::value::Value;

/// A way of naming resources: an address, a glob of addresses, or a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `sandbox.review`, `sandbox.review["ada"]`, `sandbox.review[*]`; a block means
    /// all its instances.
    Address(String),
    /// `label:owner=ada`
    Label { key: String, value: String },
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => f.write_str(text),
            Self::Label { key, value } => write!(f, "label:{key}={value}"),
        }
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(label) = text.strip_prefix("label:") {
            let (key, value) =
                label.split_once('=').ok_or("a label selector has the form `label:key=value`")?;
            return Ok(Self::Label { key: key.to_owned(), value: value.to_owned() });
        }
        if !text.contains('*') {
            text.parse::<Address>().map_err(|error| error.to_string())?;
        }
        Ok(Self::Address(text.to_owned()))
    }
}

impl Selector {
    /// Tells whether a resource with these attributes is meant.
    pub fn matches(&self, address: &Address, attributes: Option<&Value>) -> bool {
        match self {
            Self::Address(pattern) => {
                let text = address.to_string();
                glob(pattern, &text) || glob(pattern, &address.block.to_string())
            }
            Self::Label { key, value } => {
                let label = attributes.and_then(|a| a.get("labels")?.get(key)?.as_str());
                label == Some(value.as_str())
            }
        }
    }

    /// Tells whether an instance of this block could be meant, whatever its key and labels.
    pub fn may_match(&self, block: &BlockAddress) -> bool {
        let Self::Address(pattern) = self else { return true };
        let text = block.to_string();
        let begins = |longer: &str, shorter: &str| {
            longer
                .strip_prefix(shorter)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        match pattern.split_once('*') {
            None => begins(pattern, &text),
            Some((start, _)) => text.starts_with(start) || begins(start, &text),
        }
    }

    /// Tells whether every instance of this block is meant.
    pub fn means_all_of(&self, block: &BlockAddress) -> bool {
        matches!(self, Self::Address(pattern) if glob(pattern, &block.to_string()))
    }
}

/// Matches a text against a pattern in which `*` stands for any characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = pattern.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_addresses() {
        for (pattern, text, expected) in [
            ("sandbox.review[*]", "sandbox.review[\"ada\"]", true),
            ("sandbox.*", "sandbox.review[0]", true),
            ("sandbox.r*w", "sandbox.review", true),
            ("sandbox.r*x", "sandbox.review", false),
            ("*", "anything", true),
            ("a*a", "a", false),
            ("sandbox.review", "sandbox.review2", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_block_means_all_its_instances_and_a_label_its_bearers() {
        let address: Address = "sandbox.review[\"ada\"]".parse().expect("an address");
        let attributes = Value::object([("labels", Value::string_map([("owner", "ada")]))]);
        let matches = |text: &str| {
            let selector: Selector = text.parse().expect(text);
            selector.matches(&address, Some(&attributes))
        };
        assert!(matches("sandbox.review"));
        assert!(matches("label:owner=ada"));
        assert!(!matches("label:owner=lin"));
        assert!(!matches("sandbox.review[\"lin\"]"));
        assert!("review".parse::<Selector>().is_err());
    }
}
