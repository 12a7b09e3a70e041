//! Numbers of the language: decimal, of any size.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, ToPrimitive};

/// A decimal number without a limit of size; `1.50` equals `1.5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

impl Number {
    /// Wraps a decimal in its shortest form.
    pub fn new(decimal: BigDecimal) -> Self {
        Self(decimal.normalized())
    }

    /// Returns the decimal.
    pub fn decimal(&self) -> &BigDecimal {
        &self.0
    }

    /// Returns the number if it is whole and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.is_integer().then(|| self.0.to_i64()).flatten()
    }

    /// Returns the number if it is whole, not negative, and fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.is_integer().then(|| self.0.to_u64()).flatten()
    }

    /// Returns the nearest floating-point number.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Tells whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    /// Converts a finite floating-point number by its shortest decimal form.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| format!("{value}").parse().ok()).flatten()
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::new(BigDecimal::from(value))
    }
}

impl FromStr for Number {
    type Err = bigdecimal::ParseBigDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(BigDecimal::from_str(text)?))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_in_plain_decimal() {
        for (text, plain) in [("1.50", "1.5"), ("1e3", "1000"), ("-0.25", "-0.25"), ("0.0", "0")] {
            assert_eq!(text.parse::<Number>().expect(text).to_string(), plain);
        }
    }
}
