//! Operations on numbers, rounded as Go's `big.Float` rounds them.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

use super::{Magnitude, Number};

impl Number {
    /// Adds; nothing for infinities of opposite sign.
    pub fn add(&self, other: &Self) -> Option<Self> {
        let precision = self.precision.max(other.precision);
        match (self.is_infinite(), other.is_infinite()) {
            (true, true) if self.negative != other.negative => return None,
            (true, _) => return Some(self.clone()),
            (_, true) => return Some(other.clone()),
            _ => {}
        }
        Some(self.sum(other, precision))
    }

    /// Subtracts; nothing for infinities of the same sign.
    pub fn subtract(&self, other: &Self) -> Option<Self> {
        self.add(&other.negate())
    }

    /// Multiplies; nothing for zero times infinity.
    pub fn multiply(&self, other: &Self) -> Option<Self> {
        let precision = self.precision.max(other.precision);
        let negative = self.negative != other.negative;
        let (Some((a, x)), Some((b, y))) = (self.parts(), other.parts()) else {
            let undefined = self.is_zero() || other.is_zero();
            return (!undefined).then(|| Self::infinity(negative, precision));
        };
        let product = Self::rounded(negative, a * b, x + y, false, super::WRITTEN);
        let needed = product.parts().map_or(0, |(mantissa, _)| mantissa.bits() as u32);
        Some(Self { precision: precision.max(needed), ..product })
    }

    /// Divides; by zero it is an infinity, and nothing for `0/0` and `∞/∞`.
    pub fn divide(&self, other: &Self) -> Option<Self> {
        let precision = self.precision.max(other.precision);
        let negative = self.negative != other.negative;
        let infinite = || Some(Self::infinity(negative, precision));
        match (self.parts(), other.parts()) {
            (None, None) => None,
            (None, Some(_)) => infinite(),
            (Some(_), None) => Some(Self::rounded(negative, BigUint::ZERO, 0, false, precision)),
            (Some((a, x)), Some((b, y))) => match (a.bits(), b.bits()) {
                (0, 0) => None,
                (_, 0) => infinite(),
                _ => {
                    let (quotient, exponent, more) = quotient(a, b, precision);
                    Some(Self::rounded(negative, quotient, exponent + x - y, more, precision))
                }
            },
        }
    }

    /// Returns the remainder of a whole division towards zero; by zero, the
    /// number itself; nothing for zero with an infinity.
    pub fn modulo(&self, other: &Self) -> Option<Self> {
        if self.is_infinite() || other.is_infinite() {
            return self.multiply(other);
        }
        if other.is_zero() {
            return Some(self.clone());
        }
        let whole = self.divide(other)?.truncated()?;
        let whole = Self::from_bigint(&whole).with_precision(self.precision);
        let (a, x) = whole.parts()?;
        let (b, y) = other.parts()?;
        let negative = whole.negative != other.negative;
        let product = Self::rounded(negative, a * b, x + y, false, self.precision);
        Some(self.sum(&product.negate(), self.precision))
    }

    /// Returns the number with its sign turned.
    pub fn negate(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }
    }

    /// Returns the number without its sign.
    pub fn absolute(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    /// Rounds down to a whole number; an infinity stays.
    pub fn floor(&self) -> Self {
        self.whole(self.negative)
    }

    /// Rounds up to a whole number; an infinity stays.
    pub fn ceil(&self) -> Self {
        self.whole(!self.negative)
    }

    fn whole(&self, away_from_zero: bool) -> Self {
        let Some(mut whole) = self.truncated() else { return self.clone() };
        if away_from_zero && !self.is_integer() {
            whole += if self.negative { -1 } else { 1 };
        }
        Self::from_bigint(&whole).with_precision(self.precision)
    }

    fn with_precision(self, precision: u32) -> Self {
        match self.parts() {
            Some((a, x)) => Self::rounded(self.negative, a.clone(), x, false, precision),
            None => Self { precision, ..self },
        }
    }

    fn sum(&self, other: &Self, precision: u32) -> Self {
        let (Some((a, x)), Some((b, y))) = (self.parts(), other.parts()) else {
            return self.clone();
        };
        let exponent = x.min(y);
        let total = signed(self.negative, a << (x - exponent) as usize)
            + signed(other.negative, b << (y - exponent) as usize);
        let negative = match total.sign() {
            Sign::NoSign => self.negative && other.negative,
            sign => sign == Sign::Minus,
        };
        Self::rounded(negative, total.magnitude().clone(), exponent, false, precision)
    }

    pub(super) fn parts(&self) -> Option<(&BigUint, i64)> {
        match &self.magnitude {
            Magnitude::Finite { mantissa, exponent } => Some((mantissa, *exponent)),
            Magnitude::Infinite => None,
        }
    }
}

fn signed(negative: bool, magnitude: BigUint) -> BigInt {
    BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude)
}

/// Divides whole numbers to two bits more than the precision; the last part
/// says whether there is a remainder.
pub(super) fn quotient(a: &BigUint, b: &BigUint, precision: u32) -> (BigUint, i64, bool) {
    let wanted = u64::from(precision) + 2 + b.bits();
    let shift = wanted.saturating_sub(a.bits());
    let shifted = a << shift as usize;
    let quotient = &shifted / b;
    let more = &quotient * b != shifted;
    (quotient, -(shift as i64), more)
}

/// Rounds to the nearest with ties to even, and makes the mantissa odd.
pub(super) fn round(
    mantissa: BigUint,
    exponent: i64,
    more: bool,
    precision: u64,
) -> (BigUint, i64) {
    let excess = mantissa.bits().saturating_sub(precision);
    let (mantissa, exponent) = if excess == 0 {
        (mantissa, exponent)
    } else {
        let half_up = mantissa.bit(excess - 1);
        let exact = !more && mantissa.trailing_zeros().is_some_and(|zeros| zeros >= excess - 1);
        let kept = mantissa >> excess as usize;
        let up = half_up && (!exact || kept.bit(0));
        (if up { kept + 1u32 } else { kept }, exponent + excess as i64)
    };
    match mantissa.trailing_zeros() {
        None => (mantissa, 0),
        Some(zeros) => (mantissa >> zeros as usize, exponent + zeros as i64),
    }
}

/// Compares by value.
pub(super) fn compare(left: &Number, right: &Number) -> Ordering {
    let sign = |n: &Number| match (n.is_zero(), n.negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    };
    let (a, b) = (sign(left), sign(right));
    if a != b || a == 0 {
        return a.cmp(&b);
    }
    let by_size = match (left.parts(), right.parts()) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some((a, x)), Some((b, y))) => {
            let exponent = x.min(y);
            (a << (x - exponent) as usize).cmp(&(b << (y - exponent) as usize))
        }
    };
    if a < 0 { by_size.reverse() } else { by_size }
}
