//! The portable `size` of a sandbox: the least that it needs, in units that
//! mean the same on every platform.

use bigdecimal::{BigDecimal, ToPrimitive};

use crate::value::Value;

/// The least that a sandbox needs; nothing asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub vcpus: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes.
    pub disk: Option<u64>,
}

/// Units of memory and disk, in bytes.
const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// What [`bytes`] reads, for messages.
pub const BYTES_RULE: &str = "a number with its unit, such as \"8GiB\" (KiB, MiB, GiB and TiB \
                              count in 1024s, KB, MB, GB and TB in 1000s)";

impl Size {
    /// Reads a `size` argument; nothing where it is not set. Parts that are
    /// unknown or malformed (which validation has refused) ask for nothing.
    pub fn of(size: Option<&Value>) -> Option<Self> {
        let size = size.filter(|size| !size.is_null())?;
        let text = |name: &str| bytes(size.get(name)?.as_str()?);
        Some(Self {
            vcpus: size.get("vcpus").and_then(Value::as_number).and_then(|n| n.to_u64()),
            memory: text("memory"),
            disk: text("disk"),
        })
    }
}

/// Reads `8GiB`, `1.5 TB`, `512MiB` as whole bytes; nothing for what is no size
/// above zero.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?.trim_end();
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let number: BigDecimal = number.parse().ok()?;
    (number * BigDecimal::from(*factor)).to_u64().filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, expected) in [
            ("8GiB", Some(8 << 30)),
            ("1.5 GB", Some(1_500_000_000)),
            ("512MiB", Some(512 << 20)),
            ("8", None),
            ("8G", None),
            ("-1GB", None),
            ("0GB", None),
            ("1e3GB", None),
            ("GB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn an_absent_part_asks_for_nothing() {
        let size = Value::object([("memory", Value::from("8GiB"))]);
        let expected = Size { memory: Some(8 << 30), ..Size::default() };
        assert_eq!(Size::of(Some(&size)), Some(expected));
        assert_eq!(Size::of(None), None);
    }
}
