//! Any text as legal label values, and back.
//!
//! A value has at most 63 characters: letters, digits, `-`, `_` and `.`, with a
//! letter or digit at both ends. Letters, digits, `-` and `.` stand for
//! themselves, `__` for `_`, and `_xx` for any other byte of UTF-8. A value that
//! would begin or end otherwise gets a `Z` there, as does one whose own end is
//! a `Z`. Long texts go on in further values.

/// The longest value.
pub const LONGEST: usize = 63;

const GUARD: char = 'Z';

/// Writes a text as label values; an empty text is one empty value.
pub fn escape(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    for unit in text.bytes().map(unit) {
        let last = values.last_mut().filter(|last| last.len() + unit.len() <= LONGEST - 2);
        match last {
            Some(last) => last.push_str(&unit),
            None => values.push(unit),
        }
    }
    values.into_iter().map(|value| guarded(&value)).collect()
}

/// Reads a text from its label values; nothing where they are not ours.
pub fn unescape<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut bytes = Vec::new();
    for value in values {
        read_value(value, &mut bytes)?;
    }
    String::from_utf8(bytes).ok()
}

fn unit(byte: u8) -> String {
    match byte {
        b'_' => "__".to_owned(),
        b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
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

fn read_value(value: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let value = value.strip_prefix(GUARD).unwrap_or(value);
    let value = value.strip_suffix(GUARD).unwrap_or(value);
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

    use super::super::labels::problem_of_value;
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["checkout-web", "sandbox.review", "a1.b-c", "7", "xyz"] {
            assert_eq!(escape(name), [name]);
        }
    }

    #[test]
    fn what_is_illegal_is_escaped() {
        assert_eq!(escape(r#"sandbox.review["ada"]"#), ["sandbox.review_5b_22ada_22_5d"]);
        assert_eq!(escape("ssh_key.a"), ["ssh__key.a"]);
        assert_eq!(escape("-a_"), ["Z-a__Z"]);
        assert_eq!(escape("Z"), ["ZZZ"]);
        assert_eq!(escape(""), [""]);
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for value in ["_", "a_g0", "a_4", "_ff"] {
            assert_eq!(unescape([value]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_its_values_are_legal(text in any::<String>()) {
            let values = escape(&text);
            for value in &values {
                prop_assert_eq!(problem_of_value(value), None, "{}", value);
            }
            prop_assert_eq!(unescape(values.iter().map(String::as_str)), Some(text));
        }

        #[test]
        fn texts_of_guards_and_escapes_come_back(text in "[Z_.\\-a]{0,200}") {
            let values = escape(&text);
            for value in &values {
                prop_assert_eq!(problem_of_value(value), None, "{}", value);
            }
            prop_assert_eq!(unescape(values.iter().map(String::as_str)), Some(text));
        }
    }
}
