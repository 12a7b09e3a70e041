//! Durations as users write them: `90s`, `8h`, `1h30m`.

use std::time::Duration;

/// Reads `90s`, `30m`, `8h`, `2d`, `1h30m`; each number with its unit.
pub fn parse(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |length| digits + length);
        let seconds = match &rest[digits..end] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        total = total.checked_add(Duration::from_secs(number.checked_mul(seconds)?))?;
        rest = &rest[end..];
    }
    Some(total)
}

/// Writes a duration as [`parse`] reads it, with its two largest units: `1h30m`.
pub fn format(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            parts.push(format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts[..parts.len().min(2)].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_prints_with_its_two_largest_units() {
        for (seconds, text) in [(0, "0s"), (5400, "1h30m"), (90_061, "1d1h"), (59, "59s")] {
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn durations_need_units() {
        assert_eq!(parse("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse("2d"), Some(Duration::from_secs(172_800)));
        for wrong in ["", "5", "h", "5x", "-5m", "1h 30m", "99999999999999999999s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
