//! Decimal text of numbers: reading, and printing with the fewest digits.

use num_bigint::BigUint;

use super::{Magnitude, Number, WRITTEN, arithmetic};

/// Decimal exponents beyond this are not read.
const MAX_DECIMAL_EXPONENT: i64 = 100_000;

/// Reads `[+-]digits[.digits][e[+-]digits]`, rounded to 512 bits.
pub(super) fn parse(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
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
