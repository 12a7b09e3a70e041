//! The rules of names.

use super::refusal::Refusal;

const RULE: &str = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)";

/// A name by RFC 1035: 1 to 63 lower-case letters, digits and dashes, a letter
/// first and no dash last.
pub fn is_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(is_fine)
}

pub fn check(field: &str, name: &str) -> Result<(), Refusal> {
    match is_name(name) {
        true => Ok(()),
        false => Err(Refusal::invalid(field, name, format!("Must be a match of regex '{RULE}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_begin_with_a_letter() {
        assert!(is_name("a") && is_name("web-1"));
        for name in ["", "1a", "-a", "a-", "A", "a_b", "a.b", &"x".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
