//! The portable shape of an SSH key, the same on every platform, its typed view,
//! and what makes a text a public key.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::portable::Check;
use super::sandbox::{text, text_map};
use crate::schema::{Attribute, BlockSchema, ResourceSchema};
use crate::value::{Type, Value};

/// Returns the portable schema of an SSH key.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
        version: 1,
        block: BlockSchema { attributes: attributes(), blocks: Vec::new() },
    });
    &SCHEMA
}

fn attributes() -> Vec<Attribute> {
    vec![
        Attribute::required(
            "public_key",
            Type::String,
            "Public key as in an `.pub` file: `ssh-ed25519 AAAA… comment`.",
        )
        .trimmed()
        .replaces(),
        Attribute::optional("name", Type::String, "Name on the platform.").or_computed(),
        Attribute::optional("labels", Type::map(Type::String), "Labels on the platform's object."),
        Attribute::computed("id", Type::String, "Id on the platform."),
        Attribute::computed("fingerprint", Type::String, "Fingerprint that the platform shows."),
    ]
}

/// An SSH key's arguments, wholly known: what a provider works from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshKey {
    /// One line, without white space at its ends.
    pub public_key: String,
    pub name: Option<String>,
    pub labels: BTreeMap<String, String>,
}

impl SshKey {
    /// Reads the typed view of an SSH key's attributes. Parts that are unknown or
    /// of a wrong type (which decoding has refused) count as absent.
    pub fn from_value(attributes: &Value) -> Self {
        let public_key = text(attributes, "public_key").unwrap_or_default();
        Self {
            public_key: public_key.trim().to_owned(),
            name: text(attributes, "name"),
            labels: text_map(attributes.get("labels")),
        }
    }
}

/// The types of key that OpenSSH 9 accepts for logging in (`ssh -Q PubkeyAcceptedAlgorithms`).
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Why a text is not a public key. Never holds any of the text, which may be a
/// private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error(
        "this is a private key, which must not leave your machine: give the public one, from the \
         file that ends in `.pub`"
    )]
    Private,
    #[error("a public key is one line, and this has several")]
    Lines,
    #[error(
        "a public key begins with its type (`ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-…` or `sk-…`), \
         and this does not"
    )]
    Type,
    #[error("what follows the type is not a key in base64; perhaps a part is missing")]
    Data,
    #[error("the type and the key that follows it do not belong together")]
    Mismatch,
}

/// Checks that a text is one public key as OpenSSH writes it: the type, the key in
/// base64 (RFC 4253, section 6.6), and perhaps a comment.
pub fn check_public_key(text: &str) -> Result<(), InvalidKey> {
    let text = text.trim();
    if text.contains("PRIVATE KEY") || text.starts_with("PuTTY-User-Key-File") {
        return Err(InvalidKey::Private);
    }
    if text.contains(char::is_control) {
        return Err(InvalidKey::Lines);
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let kind = words.next().filter(|kind| TYPES.contains(kind)).ok_or(InvalidKey::Type)?;
    let data = words.next().and_then(|data| STANDARD.decode(data).ok()).ok_or(InvalidKey::Data)?;
    let mut fields = fields(&data).ok_or(InvalidKey::Data)?.into_iter();
    match fields.next() {
        Some(name) if name != kind.as_bytes() => Err(InvalidKey::Mismatch),
        // The key itself: a curve's point, or an exponent and a modulus.
        Some(_) if fields.next().is_some_and(|field| !field.is_empty()) => Ok(()),
        _ => Err(InvalidKey::Data),
    }
}

/// Splits what is made of strings with their lengths before them (RFC 4251, section 5).
fn fields(mut data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !data.is_empty() {
        let (length, rest) = data.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        fields.push(field);
        data = rest;
    }
    Some(fields)
}

impl Check<'_> {
    pub(super) fn ssh_key(&mut self) {
        let key = self.config.attributes.get("public_key");
        self.keys("public_key", key.map(std::slice::from_ref).unwrap_or_default());
    }

    /// Checks texts that are to be public keys.
    pub(super) fn keys(&mut self, argument: &str, keys: &[Value]) {
        for key in keys {
            let Some(Err(error)) = key.as_str().map(check_public_key) else { continue };
            let detail = match argument {
                "public_key" => format!("In `public_key`, {error}."),
                _ => format!(
                    "In `{argument}`, {error}. Each element is such a line, or an `ssh_key` block \
                     such as `ssh_key.laptop`."
                ),
            };
            self.problem("invalid-public-key", argument, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk8Zc0vC3XkQ2c9XHVSkB0sR1sPqkXo5vJp8mQn4Z0l";

    #[test]
    fn a_public_key_may_have_a_comment_and_a_newline() {
        assert_eq!(check_public_key(ED25519), Ok(()));
        assert_eq!(check_public_key(&format!("{ED25519} ada@laptop of work\n")), Ok(()));
    }

    #[test]
    fn what_is_no_public_key_says_why() {
        let private =
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----";
        for (text, expected) in [
            (private, InvalidKey::Private),
            ("PuTTY-User-Key-File-3: ssh-ed25519", InvalidKey::Private),
            (&format!("{ED25519}\n{ED25519}"), InvalidKey::Lines),
            ("", InvalidKey::Type),
            ("laptop", InvalidKey::Type),
            ("ssh-dss AAAAB3NzaC1kc3M=", InvalidKey::Type),
            ("ssh-ed25519", InvalidKey::Data),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk8", InvalidKey::Data),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", InvalidKey::Data),
            ("ssh-ed25519 a=b", InvalidKey::Data),
            (&ED25519.replacen("ssh-ed25519", "ssh-rsa", 1), InvalidKey::Mismatch),
        ] {
            assert_eq!(check_public_key(text), Err(expected), "{text}");
        }
    }
}
