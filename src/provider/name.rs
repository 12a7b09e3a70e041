//! Names that the user did not choose, from addresses.

use crate::address::{Address, InstanceKey};

/// Derives an object's name from its address: `sandbox.review["ada"]` is `review-ada`.
///
/// The result is a DNS label (RFC 1123): lower-case letters, digits and inner
/// hyphens, 1 to 63 of them. Two addresses may have the same name.
pub fn default_name(address: &Address) -> String {
    let modules = address.block.module.iter().map(|step| (&step.name, step.key.as_ref()));
    let own = (&address.block.name, address.key.as_ref());
    let words =
        modules.chain([own]).flat_map(|(name, key)| [Some(name.to_string()), key.map(word)]);
    let label = dns_label(&words.flatten().collect::<Vec<_>>().join("-"));
    if label.is_empty() { "sandbox".to_owned() } else { label }
}

/// Tells whether a text is a DNS label (RFC 1123).
pub fn is_dns_label(text: &str) -> bool {
    !text.is_empty() && dns_label(text) == text
}

fn word(key: &InstanceKey) -> String {
    match key {
        InstanceKey::Number(number) => number.to_string(),
        InstanceKey::String(text) => text.to_string(),
    }
}

fn dns_label(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => label.push(c),
            '-' => label.push('-'),
            _ if label.ends_with('-') => {}
            _ => label.push('-'),
        }
    }
    label.truncate(63);
    label.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_dns_label_whatever_the_address() {
        for (address, name) in [
            ("sandbox.review[\"ada\"]", "review-ada"),
            ("sandbox.review[3]", "review-3"),
            ("module.team[\"a\"].sandbox.Dev_Box[\"Ada L.\"]", "team-a-dev-box-ada-l"),
            ("sandbox._[\"é\"]", "sandbox"),
        ] {
            let address: Address = address.parse().expect(address);
            assert_eq!(default_name(&address), name);
            assert!(is_dns_label(name));
        }
        assert!(!is_dns_label("-a") && !is_dns_label("A") && !is_dns_label(&"a".repeat(64)));
    }
}
