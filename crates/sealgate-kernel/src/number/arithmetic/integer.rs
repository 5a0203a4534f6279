//! Signed integers of any size, as Go's `big.Int` computes with them.
//!
//! Takes and gives sign and magnitude; the bit operations work on the infinite two's complement form. It does not
//! bound sizes, see [`super::nat`].

use super::nat::Nat;
use super::{Computed, NumberError, scan::Scan};
use crate::Number;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A signed integer; zero is never negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Int {
    negative: bool,
    magnitude: Nat,
}

impl Int {
    pub(crate) fn new(negative: bool, magnitude: Nat) -> Self {
        Self { negative: negative && !magnitude.is_zero(), magnitude }
    }

    pub(crate) fn from_i64(value: i64) -> Self {
        Self::new(value < 0, Nat::from_u64(value.unsigned_abs()))
    }

    /// The exact integer that `number` denotes: `1e3` and `2.0` are integers, `0.5` is not (`Ok(None)`).
    #[inline(never)]
    pub(crate) fn from_num(number: Number<'_>) -> Result<Option<Self>, NumberError> {
        let text = match number {
            Number::Int(value) => return Ok(Some(Self::from_i64(value))),
            Number::Decimal(text) => text,
        };
        let scan = Scan::of(text)?;
        if scan.is_zero() {
            return Ok(Some(Self::from_i64(0)));
        }
        let Some(zeros) = scan.trailing_integer_zeros() else { return Ok(None) };
        scan.check_digits(zeros)?;
        Ok(Some(Self::new(scan.negative, scan.significant().mul(&Nat::pow10(zeros)))))
    }

    /// The significant digits as an integer, and the power of ten that scales them.
    pub(crate) fn with_exponent(number: Number<'_>) -> Result<(Self, i64), NumberError> {
        match number {
            Number::Int(value) => Ok((Self::from_i64(value), 0)),
            Number::Decimal(text) => {
                let scan = Scan::of(text)?;
                scan.check_bounds()?;
                scan.check_digits(u32::try_from(scan.exponent.unsigned_abs()).unwrap_or(u32::MAX))?;
                Ok((Self::new(scan.negative, scan.significant()), scan.exponent))
            }
        }
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.magnitude.is_zero()
    }

    pub(crate) fn magnitude(&self) -> &Nat {
        &self.magnitude
    }

    pub(crate) fn negated(&self) -> Self {
        Self::new(!self.negative, self.magnitude.clone())
    }

    #[inline(never)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        if self.negative == other.negative {
            return Self::new(self.negative, self.magnitude.add(&other.magnitude));
        }
        match self.magnitude.cmp(&other.magnitude) {
            Ordering::Less => Self::new(other.negative, other.magnitude.sub(&self.magnitude)),
            _ => Self::new(self.negative, self.magnitude.sub(&other.magnitude)),
        }
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        self.add(&other.negated())
    }

    pub(crate) fn mul(&self, other: &Self) -> Self {
        Self::new(self.negative != other.negative, self.magnitude.mul(&other.magnitude))
    }

    /// The remainder with the sign of `self`; `None` for a divisor of zero.
    pub(crate) fn rem(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        Some(Self::new(self.negative, self.magnitude.div_rem(&divisor.magnitude).1))
    }

    pub(crate) fn not(&self) -> Self {
        // -x - 1
        self.negated().sub(&Self::from_i64(1))
    }

    #[inline(never)]
    pub(crate) fn bitwise(&self, other: &Self, operation: fn(u32, u32) -> u32) -> Self {
        let width = self.magnitude.limbs().len().max(other.magnitude.limbs().len()) + 1;
        let pairs = self.complement(width).into_iter().zip(other.complement(width));
        Self::from_complement(pairs.map(|(a, b)| operation(a, b)).collect())
    }

    pub(crate) fn shl(&self, count: usize) -> Self {
        Self::new(self.negative, self.magnitude.shl(count))
    }

    /// Shifts right and rounds down, as two's complement does.
    pub(crate) fn shr(&self, count: usize) -> Self {
        let inexact = self.negative && self.magnitude.any_bit_below(count);
        let shifted = Self::new(self.negative, self.magnitude.shr(count));
        if inexact { shifted.sub(&Self::from_i64(1)) } else { shifted }
    }

    pub(crate) fn to_i64(&self) -> Option<i64> {
        let magnitude = self.magnitude.to_u64()?;
        if self.negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }

    /// The shortest form: an `i64` where it fits, else its digits.
    #[inline(never)]
    pub(crate) fn to_number(&self) -> Result<Computed, NumberError> {
        if let Some(small) = self.to_i64() {
            return Ok(Computed::Int(small));
        }
        super::check_bits(self.magnitude.bits())?;
        Ok(Computed::Decimal(self.to_text()))
    }

    pub(crate) fn to_text(&self) -> String {
        let digits = self.magnitude.to_digits();
        if self.negative { ["-", &digits].concat() } else { digits }
    }

    fn complement(&self, width: usize) -> Vec<u32> {
        let mut limbs = self.magnitude.limbs().to_vec();
        limbs.resize(width, 0);
        if self.negative {
            negate(&mut limbs);
        }
        limbs
    }

    fn from_complement(mut limbs: Vec<u32>) -> Self {
        let negative = limbs.last().is_some_and(|last| last >> 31 == 1);
        if negative {
            negate(&mut limbs);
        }
        Self::new(negative, Nat::from_limbs(limbs))
    }
}

fn negate(limbs: &mut [u32]) {
    let mut carry = true;
    for limb in limbs {
        (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
    }
}
