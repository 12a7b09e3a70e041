//! Numbers of the language: binary floating point of up to 512 bits, as in
//! Terraform (Go's `big.Float`), so that results and their decimal forms agree.
//!
//! A number read from text has 512 bits, a counted one (a length, an index) 64
//! and one from `log` or `pow` 53; an operation keeps the larger of the two.

mod arithmetic;
mod text;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use num_bigint::{BigInt, BigUint, Sign};

/// Bits of a number that was written down.
const WRITTEN: u32 = 512;
/// Beyond this binary exponent a number is infinite (or zero).
const MAX_EXPONENT: i64 = 1 << 20;

/// A number; `1.50` equals `1.5`. Two numbers are equal when they print alike.
#[derive(Debug, Clone)]
pub struct Number {
    negative: bool,
    magnitude: Magnitude,
    precision: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa × 2^exponent`; the mantissa is odd, or zero with exponent zero.
    Finite {
        mantissa: BigUint,
        exponent: i64,
    },
    Infinite,
}

/// The text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number is required")]
pub struct ParseNumberError;

impl Number {
    /// Returns the number if it is whole and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_bigint().and_then(|whole| i64::try_from(whole).ok())
    }

    /// Returns the number if it is whole, not negative, and fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.to_bigint().and_then(|whole| u64::try_from(whole).ok())
    }

    /// Returns the number if it is whole.
    pub fn to_bigint(&self) -> Option<BigInt> {
        match &self.magnitude {
            Magnitude::Finite { exponent, .. } if *exponent >= 0 => self.truncated(),
            _ => None,
        }
    }

    /// Returns the whole part, towards zero; nothing for an infinity.
    pub fn truncated(&self) -> Option<BigInt> {
        let Magnitude::Finite { mantissa, exponent } = &self.magnitude else { return None };
        let shift = usize::try_from(exponent.unsigned_abs()).ok()?;
        let whole = if *exponent < 0 { mantissa >> shift } else { mantissa << shift };
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        Some(BigInt::from_biguint(sign, whole))
    }

    /// Returns the nearest floating-point number.
    pub fn to_f64(&self) -> f64 {
        let sign = if self.negative { -1.0 } else { 1.0 };
        match &self.magnitude {
            Magnitude::Infinite => sign * f64::INFINITY,
            Magnitude::Finite { .. } => text::scientific(self).parse().unwrap_or(f64::NAN),
        }
    }

    /// Tells whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        matches!(&self.magnitude, Magnitude::Finite { exponent, .. } if *exponent >= 0)
    }

    /// Tells whether it is an infinity, as `1/0` is.
    pub fn is_infinite(&self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// Tells whether it is zero, of either sign.
    pub fn is_zero(&self) -> bool {
        matches!(&self.magnitude, Magnitude::Finite { mantissa, .. } if mantissa.bits() == 0)
    }

    /// Tells whether it is below zero (or a negative zero).
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Converts a floating-point number exactly; nothing for what is not a number.
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_nan() {
            return None;
        }
        let negative = value.is_sign_negative();
        if value.is_infinite() {
            return Some(Self { negative, magnitude: Magnitude::Infinite, precision: 53 });
        }
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let biased = ((bits >> 52) & 0x7ff) as i64;
        let (mantissa, exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
        Some(Self::rounded(negative, mantissa.into(), exponent, false, 53))
    }

    /// Converts a count, such as a length.
    pub fn count(count: usize) -> Self {
        Self::rounded(false, count.into(), 0, false, 64)
    }

    /// Converts a whole number of any size.
    pub fn from_bigint(value: &BigInt) -> Self {
        let precision = u32::try_from(value.bits()).unwrap_or(u32::MAX).max(64);
        let negative = value.sign() == Sign::Minus;
        Self::rounded(negative, value.magnitude().clone(), 0, false, precision)
    }

    /// Makes the number of this precision that is nearest to `mantissa × 2^exponent`
    /// (ties to even); `more` says that the exact value is a little larger.
    fn rounded(
        negative: bool,
        mantissa: BigUint,
        exponent: i64,
        more: bool,
        precision: u32,
    ) -> Self {
        let (mantissa, exponent) =
            arithmetic::round(mantissa, exponent, more, u64::from(precision));
        let top = exponent + mantissa.bits() as i64;
        let magnitude = if mantissa.bits() == 0 || top < -MAX_EXPONENT {
            Magnitude::Finite { mantissa: BigUint::ZERO, exponent: 0 }
        } else if top > MAX_EXPONENT {
            Magnitude::Infinite
        } else {
            Magnitude::Finite { mantissa, exponent }
        };
        Self { negative, magnitude, precision }
    }

    fn infinity(negative: bool, precision: u32) -> Self {
        Self { negative, magnitude: Magnitude::Infinite, precision }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::rounded(value < 0, value.unsigned_abs().into(), 0, false, 64)
    }
}

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text::parse(text).ok_or(ParseNumberError)
    }
}

/// Prints plain decimal, with as many digits as tell it from its neighbours.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::plain(self))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        if self.is_zero() || other.is_zero() {
            return self.is_zero() && other.is_zero();
        }
        self.negative == other.negative
            && (self.magnitude == other.magnitude
                || !(self.is_integer() && other.is_integer())
                    && self.to_string() == other.to_string())
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other { Ordering::Equal } else { arithmetic::compare(self, other) }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_zero() { "0".hash(state) } else { self.to_string().hash(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().expect(text)
    }

    #[test]
    fn numbers_print_in_plain_decimal() {
        for (text, plain) in [
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("-0.25", "-0.25"),
            ("0.0", "0"),
            ("0.1", "0.1"),
            ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
        ] {
            assert_eq!(number(text).to_string(), plain);
        }
        assert_eq!(number("1e400").to_string(), format!("1{}", "0".repeat(400)));
    }

    #[test]
    fn sums_and_quotients_have_terraforms_digits() {
        assert_eq!(number("0.1").add(&number("0.2")), Some(number("0.3")));
        let third = number("1").divide(&number("3")).expect("a quotient").to_string();
        assert_eq!(third, format!("0.{}5", "3".repeat(154)));
        let short = Number::from(1).divide(&Number::from(3)).expect("a quotient").to_string();
        assert_eq!(short, "0.33333333333333333334");
        assert_eq!(number("1").divide(&number("0")).expect("infinite").to_string(), "+Inf");
        assert_eq!(number("0").divide(&number("0")), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "x", ".", ".5x", "1e", "0x10", " 1", "1_000", "--1"] {
            assert_eq!(text.parse::<Number>(), Err(ParseNumberError), "{text}");
        }
    }
}
