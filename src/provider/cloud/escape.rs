//! Any text as legal label values, and back.
//!
//! In *words*, a value has at most 63 characters: letters, digits, `-`, `_` and
//! `.`, with a letter or digit at both ends. Those stand for themselves, `__` for
//! `_`, and `_xx` for any other byte of UTF-8. A value that would begin or end
//! otherwise gets a `Z` there, as does one whose own end is a `Z`. In *lower* case,
//! letters are small and there is no `.`; `_xx` stands for the rest, and no end needs
//! a guard. In *chunks*, any character is itself. Long texts go on in further values.

/// The longest value.
pub const LONGEST: usize = 63;
/// The longest value where any character may stand.
const LONGEST_CHUNK: usize = 256;

const GUARD: char = 'Z';

/// Writes a text as words; an empty text is one empty value.
pub fn words(text: &str) -> Vec<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let values = joined(text.bytes().map(|byte| unit(byte, is_plain)), LONGEST - 2);
    values.into_iter().map(|value| guarded(&value)).collect()
}

/// Reads a text from its words; nothing where they are not ours.
pub fn of_words(values: &[&str]) -> Option<String> {
    let bare = |value: &&str| {
        let value = value.strip_prefix(GUARD).unwrap_or(value).to_owned();
        value.strip_suffix(GUARD).unwrap_or(&value).to_owned()
    };
    read(values.iter().map(bare))
}

/// Writes a text in lower case; an empty text is one empty value.
pub fn lower(text: &str) -> Vec<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    joined(text.bytes().map(|byte| unit(byte, is_plain)), LONGEST)
}

/// Reads a text from its lower-case values; nothing where they are not ours.
pub fn of_lower(values: &[&str]) -> Option<String> {
    read(values.iter().map(|value| (*value).to_owned()))
}

/// Writes a text as it is, in values of legal length.
pub fn chunks(text: &str) -> Vec<String> {
    joined(text.chars().map(String::from), LONGEST_CHUNK)
}

/// Reads a text from its values.
pub fn of_chunks(values: &[&str]) -> Option<String> {
    Some(values.concat())
}

/// Joins what stands for each character, as long as a value may be.
fn joined(units: impl Iterator<Item = String>, longest: usize) -> Vec<String> {
    let mut values = vec![String::new()];
    for unit in units {
        let last = values.last_mut().filter(|last| last.len() + unit.len() <= longest);
        match last {
            Some(last) => last.push_str(&unit),
            None => values.push(unit),
        }
    }
    values
}

fn unit(byte: u8, is_plain: impl Fn(u8) -> bool) -> String {
    match byte {
        b'_' => "__".to_owned(),
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    }
}

fn needs_guard(end: Option<char>) -> bool {
    end.is_some_and(|c| !c.is_ascii_alphanumeric() || c == GUARD)
}

fn guarded(value: &str) -> String {
    let guard = |needed: bool| if needed { GUARD.to_string() } else { String::new() };
    let before = guard(needs_guard(value.chars().next()));
    let after = guard(needs_guard(value.chars().next_back()));
    format!("{before}{value}{after}")
}

fn read(values: impl Iterator<Item = String>) -> Option<String> {
    let mut bytes = Vec::new();
    for value in values {
        read_value(&value, &mut bytes)?;
    }
    String::from_utf8(bytes).ok()
}

fn read_value(value: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'_', [b'_', after @ ..]) => (b'_', after),
            (b'_', [high, low, after @ ..]) => (hex(*high)? << 4 | hex(*low)?, after),
            (b'_', _) => return None,
            (byte, after) => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Some(())
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::provider::portable::is_label;

    fn is_lower(value: &str) -> bool {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        value.len() <= LONGEST && value.bytes().all(legal)
    }

    fn back(of: fn(&[&str]) -> Option<String>, values: &[String]) -> Option<String> {
        of(&values.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["checkout-web", "sandbox.review", "a1.b-c", "7", "xyz"] {
            assert_eq!(words(name), [name]);
        }
        assert_eq!(lower("checkout-web"), ["checkout-web"]);
        assert_eq!(chunks("sandbox.review[\"Ada\"]"), ["sandbox.review[\"Ada\"]"]);
    }

    #[test]
    fn what_is_illegal_is_escaped() {
        assert_eq!(words(r#"sandbox.review["ada"]"#), ["sandbox.review_5b_22ada_22_5d"]);
        assert_eq!(words("ssh_key.a"), ["ssh__key.a"]);
        assert_eq!(words("-a_"), ["Z-a__Z"]);
        assert_eq!(words("Z"), ["ZZZ"]);
        assert_eq!(words(""), [""]);
        assert_eq!(lower("sandbox.A"), ["sandbox_2e_41"]);
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for value in ["_", "a_g0", "a_4", "_ff"] {
            assert_eq!(of_words(&[value]), None, "{value}");
            assert_eq!(of_lower(&[value]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_its_values_are_legal(text in any::<String>()) {
            let values = words(&text);
            prop_assert!(values.iter().all(|value| value.is_empty() || is_label(value)), "{:?}", values);
            prop_assert_eq!(back(of_words, &values), Some(text.clone()));
            let values = lower(&text);
            prop_assert!(values.iter().all(|value| is_lower(value)), "{:?}", values);
            prop_assert_eq!(back(of_lower, &values), Some(text.clone()));
            prop_assert_eq!(back(of_chunks, &chunks(&text)), Some(text));
        }

        #[test]
        fn texts_of_guards_and_escapes_come_back(text in "[Z_.\\-a]{0,200}") {
            let values = words(&text);
            prop_assert!(values.iter().all(|value| value.is_empty() || is_label(value)), "{:?}", values);
            prop_assert_eq!(back(of_words, &values), Some(text));
        }
    }
}
