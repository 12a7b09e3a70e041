//! Names of resources as users write them: `module.team["a"].sandbox.review["ada"]`.
//!
//! Parsing and printing are inverse. Ordering is the order in which a person
//! expects to read addresses: by module, type, name, then key (numbers as numbers).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The kind of a declared resource; the language fixes the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    SshKey,
    Network,
    Snapshot,
    Sandbox,
}

impl ResourceType {
    pub const ALL: [ResourceType; 4] = [Self::SshKey, Self::Network, Self::Snapshot, Self::Sandbox];

    /// Returns the word that users write: `sandbox`, `ssh_key`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SshKey => "ssh_key",
            Self::Network => "network",
            Self::Snapshot => "snapshot",
            Self::Sandbox => "sandbox",
        }
    }

    /// Returns the word with its article, for sentences.
    pub fn with_article(self) -> &'static str {
        match self {
            Self::SshKey => "an `ssh_key`",
            Self::Network => "a `network`",
            Self::Snapshot => "a `snapshot`",
            Self::Sandbox => "a `sandbox`",
        }
    }

    /// Finds the type that a block of this name declares.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which instance of a block with `count` (numbers) or `for_each` (strings).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceKey {
    Number(u64),
    String(Arc<str>),
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "[{number}]"),
            Self::String(text) => {
                f.write_str("[\"")?;
                for c in text.chars() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\t' => f.write_str("\\t")?,
                        '\r' => f.write_str("\\r")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// One `module.NAME[KEY]` part of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleStep {
    pub name: Arc<str>,
    pub key: Option<InstanceKey>,
}

/// A resource block, all its instances: `sandbox.review`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockAddress {
    pub module: Vec<ModuleStep>,
    pub kind: ResourceType,
    pub name: Arc<str>,
}

impl BlockAddress {
    /// Names a block of the root module.
    pub fn root(kind: ResourceType, name: impl Into<Arc<str>>) -> Self {
        Self { module: Vec::new(), kind, name: name.into() }
    }

    /// Names one instance of this block.
    pub fn instance(&self, key: Option<InstanceKey>) -> Address {
        Address { block: self.clone(), key }
    }
}

impl fmt::Display for BlockAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.module {
            write!(f, "module.{}", step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
            f.write_str(".")?;
        }
        write!(f, "{}.{}", self.kind, self.name)
    }
}

/// One resource instance: `sandbox.review["ada"]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    pub block: BlockAddress,
    pub key: Option<InstanceKey>,
}

impl Address {
    /// Returns the type of the resource.
    pub fn kind(&self) -> ResourceType {
        self.block.kind
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        match &self.key {
            Some(key) => write!(f, "{key}"),
            None => Ok(()),
        }
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a resource address: {why}")]
pub struct AddressError {
    pub text: String,
    pub why: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |why: &str| AddressError { text: text.to_owned(), why: why.to_owned() };
        let mut steps = split(text).map_err(|why| fail(&why))?.into_iter().peekable();
        let mut module = Vec::new();
        loop {
            let Some((word, key)) = steps.next() else {
                return Err(fail("expected TYPE.NAME, such as `sandbox.review`"));
            };
            if word == "module" && key.is_none() {
                let (name, key) = steps.next().ok_or_else(|| fail("`module.` needs a name"))?;
                module.push(ModuleStep { name: name.into(), key });
                continue;
            }
            let kind = ResourceType::from_word(&word).ok_or_else(|| {
                fail(&format!(
                    "`{word}` is not a resource type (sandbox, ssh_key, network, snapshot)"
                ))
            })?;
            if key.is_some() {
                return Err(fail("a resource type takes no key"));
            }
            let (name, key) = steps.next().ok_or_else(|| fail("the resource's name is missing"))?;
            if steps.next().is_some() {
                return Err(fail("unexpected text after the address"));
            }
            return Ok(Self { block: BlockAddress { module, kind, name: name.into() }, key });
        }
    }
}

/// Splits `a.b["k"].c[0]` into words with their keys.
fn split(text: &str) -> Result<Vec<(String, Option<InstanceKey>)>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let word = &rest[..end];
        if !is_identifier(word) {
            return Err(format!("`{word}` is not a name"));
        }
        rest = &rest[end..];
        let mut key = None;
        if let Some(inside) = rest.strip_prefix('[') {
            let (parsed, after) = parse_key(inside)?;
            key = Some(parsed);
            rest = after;
        }
        steps.push((word.to_owned(), key));
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(steps),
            None => return Err(format!("unexpected `{rest}`")),
        }
    }
}

/// Reads `"text"]` or `12]` and returns the key and what follows.
fn parse_key(text: &str) -> Result<(InstanceKey, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(']').ok_or("missing `]`")?;
        let number = text[..end].parse().map_err(|_| {
            format!("`{}` is neither a whole number nor a quoted string", &text[..end])
        })?;
        return Ok((InstanceKey::Number(number), &text[end + 1..]));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = quoted[at + 1..].strip_prefix(']').ok_or("missing `]`")?;
                return Ok((InstanceKey::String(key.into()), rest));
            }
            '\\' => match chars.next() {
                Some((_, 'n')) => key.push('\n'),
                Some((_, 't')) => key.push('\t'),
                Some((_, 'r')) => key.push('\r'),
                Some((_, c)) => key.push(c),
                None => break,
            },
            c => key.push(c),
        }
    }
    Err("missing `\"]`".to_owned())
}

/// Tells whether a word may name a block, variable or attribute.
pub fn is_identifier(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_text!(Address);
serde_as_text!(BlockAddress);

impl FromStr for BlockAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: Address = text.parse()?;
        match address.key {
            None => Ok(address.block),
            Some(_) => Err(AddressError {
                text: text.to_owned(),
                why: "a block's address takes no key".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_prints() {
        for text in [
            "sandbox.review",
            "sandbox.review[0]",
            "sandbox.review[\"a.b]\\\"c\"]",
            "module.team[\"a\"].module.x.ssh_key.laptop[\"hetzner\"]",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_text_that_is_no_address_says_why() {
        for (text, why) in [
            ("", "`` is not a name"),
            ("sandbox", "name is missing"),
            ("server.x", "not a resource type"),
            ("sandbox.x[\"a\"", "missing `]`"),
            ("sandbox.x[a]", "neither a whole number"),
            ("sandbox.x.y", "unexpected text"),
        ] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn numeric_keys_sort_as_numbers() {
        let block = BlockAddress::root(ResourceType::Sandbox, "a");
        let at = |n| block.instance(Some(InstanceKey::Number(n)));
        assert!(at(2) < at(10));
    }
}
