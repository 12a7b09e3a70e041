//! Decimal text of numbers: reading, and printing with the fewest digits.

use num_bigint::BigUint;

use super::{Magnitude, Number, WRITTEN, arithmetic};

/// Decimal exponents beyond this are not read.
const MAX_DECIMAL_EXPONENT: i64 = 100_000;

/// Reads `[+-]digits[.digits][e[+-]digits]` or `Inf`, rounded to 512 bits; digits may
/// be missing on one side of the point.
pub(super) fn parse(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    if matches!(unsigned, "Inf" | "inf") {
        return Some(Number::infinity(negative, WRITTEN));
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.checked_sub(fraction.len() as i64)?;
    if exponent.abs() > MAX_DECIMAL_EXPONENT {
        return None;
    }
    let digits = BigUint::parse_bytes(digits.as_bytes(), 10)?;
    let power = BigUint::from(10u32).pow(exponent.unsigned_abs() as u32);
    Some(if exponent >= 0 {
        Number::rounded(negative, digits * power, 0, false, WRITTEN)
    } else {
        let (quotient, exponent, more) = arithmetic::quotient(&digits, &power, WRITTEN);
        Number::rounded(negative, quotient, exponent, more, WRITTEN)
    })
}

/// Prints plain decimal without an exponent.
pub(super) fn plain(number: &Number) -> String {
    let sign = if number.negative { "-" } else { "" };
    let Magnitude::Finite { .. } = number.magnitude else {
        return format!("{}Inf", if number.negative { "-" } else { "+" });
    };
    let (digits, point) = shortest(number);
    let (length, at) = (digits.len() as i64, point);
    if at <= 0 {
        format!("{sign}0{}", fraction(&"0".repeat(at.unsigned_abs() as usize), &digits))
    } else if at >= length {
        format!("{sign}{digits}{}", "0".repeat((at - length) as usize))
    } else {
        let (whole, rest) = digits.split_at(at as usize);
        format!("{sign}{whole}.{rest}")
    }
}

fn fraction(zeros: &str, digits: &str) -> String {
    if digits.is_empty() { String::new() } else { format!(".{zeros}{digits}") }
}

/// Prints all digits with an exponent, for reading by `f64`.
pub(super) fn scientific(number: &Number) -> String {
    let (digits, point) = exact(number);
    let sign = if number.negative { "-" } else { "" };
    format!("{sign}0.{digits}0e{point}")
}

/// Returns the exact decimal digits `d` and the point `p`: the number is `0.d × 10^p`.
pub(super) fn exact(number: &Number) -> (String, i64) {
    let Some((mantissa, exponent)) = number.parts() else { return (String::new(), 0) };
    decimal(mantissa, exponent)
}

fn decimal(mantissa: &BigUint, exponent: i64) -> (String, i64) {
    let shift = exponent.unsigned_abs();
    let (whole, places) = if exponent >= 0 {
        (mantissa << shift as usize, 0)
    } else {
        (mantissa * BigUint::from(5u32).pow(shift as u32), shift as i64)
    };
    let digits = whole.to_string();
    let point = digits.len() as i64 - places;
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { (String::new(), 0) } else { (digits.to_owned(), point) }
}

/// Returns the fewest digits (and the point) that read back as this number.
fn shortest(number: &Number) -> (String, i64) {
    let Some((mantissa, exponent)) = number.parts() else { return (String::new(), 0) };
    let precision = i64::from(number.precision);
    let (digits, point) = decimal(mantissa, exponent);
    let is_short = exponent >= 0 && mantissa.bits() as i64 + exponent <= precision;
    if digits.is_empty() || is_short {
        return (digits, point);
    }
    let shift = precision - mantissa.bits() as i64;
    let full = mantissa << shift.max(0) as usize;
    let exponent = exponent - shift;
    let inclusive = !full.bit(0);
    let upper = decimal(&((&full << 1usize) + 1u32), exponent - 1).0;
    let lower = if mantissa.bits() == 1 {
        decimal(&((&full << 2usize) - 1u32), exponent - 2).0
    } else {
        decimal(&((&full << 1usize) - 1u32), exponent - 1).0
    };
    round_between(digits.into_bytes(), point, Bounds { lower, upper, inclusive })
}

struct Bounds {
    lower: String,
    upper: String,
    inclusive: bool,
}

/// Walks along until the digits differ from both neighbours', as Go does.
fn round_between(mut digits: Vec<u8>, point: i64, bounds: Bounds) -> (String, i64) {
    let (lower, upper) = (bounds.lower.as_bytes(), bounds.upper.as_bytes());
    for at in 0..digits.len() {
        let digit = digits[at];
        let below = lower.get(at).copied().unwrap_or(b'0');
        let above = upper.get(at).copied().unwrap_or(b'0');
        let down = below != digit || bounds.inclusive && at + 1 == lower.len();
        let up = digit != above && (bounds.inclusive || digit + 1 < above || at + 1 < upper.len());
        if !(down || up) {
            continue;
        }
        let round_up = if down && up { rounds_up(&digits, at + 1) } else { up };
        digits.truncate(at + 1);
        return finish(digits, point, round_up);
    }
    finish(digits, point, false)
}

/// Tells whether cutting after `keep` digits rounds up (half to even).
fn rounds_up(digits: &[u8], keep: usize) -> bool {
    match digits.get(keep) {
        None => false,
        Some(b'5') if keep + 1 == digits.len() => (digits[keep - 1] - b'0') % 2 == 1,
        Some(next) => *next >= b'5',
    }
}

fn finish(mut digits: Vec<u8>, mut point: i64, round_up: bool) -> (String, i64) {
    if round_up {
        while digits.last() == Some(&b'9') {
            digits.pop();
        }
        match digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                digits.push(b'1');
                point += 1;
            }
        }
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let text: String = digits.iter().map(|d| char::from(*d)).collect();
    if text.is_empty() { (text, 0) } else { (text, point) }
}

impl Number {
    /// Prints with so many digits after the point, as `%f` does.
    pub fn to_fixed(&self, places: usize) -> String {
        if self.is_infinite() {
            return plain(self);
        }
        let (digits, point) = exact(self);
        let kept = usize::try_from(point.saturating_add(places as i64)).unwrap_or(0);
        let (digits, point) = if point + (places as i64) < 0 {
            (String::new(), 0)
        } else {
            cut(digits.into_bytes(), point, kept)
        };
        let sign = if self.negative { "-" } else { "" };
        let at = |index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|i| digits.as_bytes().get(i))
                .map_or('0', |d| char::from(*d))
        };
        let whole: String = if point > 0 { (0..point).map(at).collect() } else { "0".into() };
        if places == 0 {
            return format!("{sign}{whole}");
        }
        let fraction: String = (point..point + places as i64).map(at).collect();
        format!("{sign}{whole}.{fraction}")
    }

    /// Prints with an exponent and so many digits after the point, as `%e` does.
    pub fn to_exponential(&self, places: usize) -> String {
        if self.is_infinite() {
            return plain(self);
        }
        let (digits, point) = exact(self);
        let (digits, point) = cut(digits.into_bytes(), point, places + 1);
        self.with_exponent(&digits, point, places)
    }

    /// Prints as `%g` does; without a precision, with the fewest digits.
    pub fn to_general(&self, precision: Option<usize>) -> String {
        if self.is_infinite() {
            return plain(self);
        }
        let (digits, point) = match precision {
            None => shortest(self),
            Some(precision) => {
                let (digits, point) = exact(self);
                cut(digits.into_bytes(), point, precision.max(1))
            }
        };
        let length = digits.len() as i64;
        let most = match precision {
            None => 6,
            Some(precision) => {
                let precision = precision.max(1) as i64;
                if precision > length && length >= point { length } else { precision }
            }
        };
        let exponent = if digits.is_empty() { 0 } else { point - 1 };
        if exponent < -4 || exponent >= most {
            return self.with_exponent(&digits, point, digits.len().saturating_sub(1));
        }
        self.to_fixed(usize::try_from(length - point).unwrap_or(0))
    }

    fn with_exponent(&self, digits: &str, point: i64, places: usize) -> String {
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = if digits.is_empty() { ("0", "") } else { digits.split_at(1) };
        let exponent = if digits.is_empty() { 0 } else { point - 1 };
        let zeros = "0".repeat(places.saturating_sub(rest.len()));
        let dot = if places > 0 { "." } else { "" };
        let e = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{first}{dot}{rest}{zeros}e{e}{:02}", exponent.abs())
    }
}

/// Keeps so many digits, rounding half to even.
fn cut(digits: Vec<u8>, point: i64, keep: usize) -> (String, i64) {
    if keep >= digits.len() {
        return finish(digits, point, false);
    }
    let up = if keep == 0 {
        // Half of the unit before the first digit: zero is even.
        digits.first().is_some_and(|d| *d > b'5' || *d == b'5' && digits.len() > 1)
    } else {
        rounds_up(&digits, keep)
    };
    let mut kept = digits;
    kept.truncate(keep);
    finish(kept, point, up)
}
