//! Binary floating point with a chosen precision, as Go's `big.Float` computes: OPA's arithmetic on fractions has
//! 64 bits of mantissa, rounds to nearest even, and prints the shortest decimal that reads back as the same value.
//!
//! Takes and gives sign, mantissa and a power of two. It has no infinities: what would become one is
//! [`NumberError::OutOfBounds`].

use super::integer::Int;
use super::nat::Nat;
use super::{Computed, NumberError, scan::Scan};
use crate::Number;
use alloc::string::String;
use alloc::vec::Vec;

/// Bits of mantissa of a number that was read from text.
pub(crate) const PRECISION: usize = 64;

/// `mantissa * 2^exponent`; zero keeps its sign.
#[derive(Clone, Debug)]
pub(crate) struct Float {
    negative: bool,
    mantissa: Nat,
    exponent: i64,
    precision: usize,
}

impl Float {
    #[inline(never)]
    pub(crate) fn from_num(number: Number<'_>) -> Result<Self, NumberError> {
        match number {
            Number::Int(value) => {
                Ok(Self::rounded(value < 0, Nat::from_u64(value.unsigned_abs()), 0, PRECISION, false))
            }
            Number::Decimal(text) => Self::from_text(text),
        }
    }

    /// An integer, with as many bits as it needs and at least [`PRECISION`].
    pub(crate) fn from_int(value: &Int) -> Self {
        let precision = value.magnitude().bits().max(PRECISION);
        Self::rounded(value.is_negative(), value.magnitude().clone(), 0, precision, false)
    }

    /// One half, exact.
    pub(crate) fn half() -> Self {
        Self { negative: false, mantissa: Nat::from_u64(1), exponent: -1, precision: PRECISION }
    }

    /// One, with the mantissa of a double.
    pub(crate) fn double_one() -> Self {
        Self { negative: false, mantissa: Nat::from_u64(1), exponent: 0, precision: 53 }
    }

    fn from_text(text: &str) -> Result<Self, NumberError> {
        let scan = Scan::of(text)?;
        scan.check_bounds()?;
        if scan.is_zero() {
            return Ok(Self::rounded(scan.negative, Nat::default(), 0, PRECISION, false));
        }
        let digits = Self {
            negative: scan.negative,
            mantissa: scan.significant(),
            exponent: scan.exponent,
            precision: PRECISION,
        };
        let power = Self::pow5(scan.exponent.unsigned_abs() as u32, PRECISION + 64);
        if scan.exponent == 0 {
            Ok(Self::rounded(digits.negative, digits.mantissa, digits.exponent, PRECISION, false))
        } else if scan.exponent < 0 {
            Ok(digits.quotient(&power, PRECISION))
        } else {
            Ok(digits.product(&power, PRECISION))
        }
    }

    /// Five to the power of `exponent`, rounded at each step to `precision` bits: the factor that gives a text's value
    /// its last bit, so it must be computed as the reference does.
    fn pow5(exponent: u32, precision: usize) -> Self {
        const EXACT: u32 = 27;
        if exponent <= EXACT {
            return Self { negative: false, mantissa: Nat::pow5(exponent), exponent: 0, precision };
        }
        let mut out = Self { negative: false, mantissa: Nat::pow5(EXACT), exponent: 0, precision };
        let mut square = Self { negative: false, mantissa: Nat::from_u64(5), exponent: 0, precision: precision + 64 };
        let mut rest = exponent - EXACT;
        while rest > 0 {
            if rest & 1 == 1 {
                out = out.product(&square, precision);
            }
            square = square.product(&square, precision + 64);
            rest >>= 1;
        }
        out
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    pub(crate) fn abs(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    pub(crate) fn negated(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }
    }

    #[inline(never)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        let precision = self.precision.max(other.precision);
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Self { negative: self.negative && other.negative, ..self.clone() },
            (true, false) => return other.clone(),
            (false, true) => return self.clone(),
            (false, false) => {}
        }
        if let Some(sum) = self.add_far(other, precision) {
            return sum;
        }
        let exponent = self.exponent.min(other.exponent);
        let a = Int::new(self.negative, self.mantissa.shl((self.exponent - exponent) as usize));
        let b = Int::new(other.negative, other.mantissa.shl((other.exponent - exponent) as usize));
        let sum = a.add(&b);
        Self::rounded(sum.is_negative(), sum.magnitude().clone(), exponent, precision, false)
    }

    /// The sum of two numbers so far apart that the smaller one is only a sticky bit; `None` where they are near. The
    /// distance is that of the exponents, so aligning the mantissas would cost memory in proportion to it.
    fn add_far(&self, other: &Self, precision: usize) -> Option<Self> {
        let (large, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        let gap = large.top() - small.top();
        if gap <= 4 * precision as i64 + 8 {
            return None;
        }
        // Two more bits than the precision and one that stands for the rest give the same rounding as the exact sum.
        let widen = (2 * precision + 4).saturating_sub(large.mantissa.bits());
        let mantissa = large.mantissa.shl(widen + 1);
        let one = Nat::from_u64(1);
        let mantissa = if large.negative == small.negative { mantissa.add(&one) } else { mantissa.sub(&one) };
        Some(Self::rounded(large.negative, mantissa, large.exponent - widen as i64 - 1, precision, false))
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        if self.is_zero() && other.is_zero() {
            return Self { negative: self.negative && !other.negative, ..self.clone() };
        }
        self.add(&other.negated())
    }

    pub(crate) fn mul(&self, other: &Self) -> Self {
        self.product(other, self.precision.max(other.precision))
    }

    /// The product in the precision of `self`.
    pub(crate) fn mul_keeping_precision(&self, other: &Self) -> Self {
        self.product(other, self.precision)
    }

    /// `None` for a divisor of zero.
    pub(crate) fn div(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        Some(self.quotient(divisor, self.precision.max(divisor.precision)))
    }

    #[inline(never)]
    fn product(&self, other: &Self, precision: usize) -> Self {
        let mantissa = self.mantissa.mul(&other.mantissa);
        Self::rounded(self.negative != other.negative, mantissa, self.exponent + other.exponent, precision, false)
    }

    #[inline(never)]
    fn quotient(&self, divisor: &Self, precision: usize) -> Self {
        let widen = (precision + 2 + divisor.mantissa.bits()).saturating_sub(self.mantissa.bits());
        let (quotient, rest) = self.mantissa.shl(widen).div_rem(&divisor.mantissa);
        let exponent = self.exponent - divisor.exponent - widen as i64;
        Self::rounded(self.negative != divisor.negative, quotient, exponent, precision, !rest.is_zero())
    }

    /// The integer part, rounded toward zero.
    #[inline(never)]
    pub(crate) fn truncated(&self) -> Result<Int, NumberError> {
        let magnitude = if self.exponent >= 0 {
            super::check_bits(self.top().max(0) as usize)?;
            self.mantissa.shl(self.exponent as usize)
        } else {
            self.mantissa.shr(self.exponent.unsigned_abs() as usize)
        };
        Ok(Int::new(self.negative, magnitude))
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.is_zero() || self.exponent + self.mantissa.trailing_zeros() as i64 >= 0
    }

    /// The shortest decimal that reads back as this value: digits alone for an integer, else as `%g` prints it.
    #[inline(never)]
    pub(crate) fn to_number(&self) -> Result<Computed, NumberError> {
        if self.is_zero() {
            return Ok(if self.negative { Computed::Decimal(String::from("-0")) } else { Computed::Int(0) });
        }
        let shortest = self.shortest()?;
        if !self.is_integer() {
            return Ok(Computed::Decimal(shortest.general(self.negative)));
        }
        let text = shortest.fixed(self.negative);
        Ok(text.parse::<i64>().map_or_else(|_| Computed::Decimal(text), Computed::Int))
    }

    fn shortest(&self) -> Result<Decimal, NumberError> {
        // Ten digits take 33.2 bits; a fraction of n bits has n decimals.
        super::check_bits(self.top().unsigned_abs() as usize)?;
        let precision = self.precision + 1;
        let bits = self.mantissa.bits();
        let (mantissa, exponent) = if bits <= precision {
            (self.mantissa.shl(precision - bits), self.exponent - (precision - bits) as i64)
        } else {
            (self.mantissa.shr(bits - precision), self.exponent + (bits - precision) as i64)
        };
        let one = Nat::from_u64(1);
        let inclusive = !mantissa.bit(1);
        let lower = Decimal::of(&mantissa.sub(&one), exponent);
        let upper = Decimal::of(&mantissa.add(&one), exponent);
        let mut exact = Decimal::of(&self.mantissa, self.exponent);
        exact.shorten(&lower, &upper, inclusive);
        Ok(exact)
    }

    /// The position above the highest bit.
    fn top(&self) -> i64 {
        self.exponent + self.mantissa.bits() as i64
    }

    #[inline(never)]
    fn rounded(negative: bool, mantissa: Nat, exponent: i64, precision: usize, sticky: bool) -> Self {
        let bits = mantissa.bits();
        if bits <= precision {
            return Self { negative, mantissa, exponent, precision };
        }
        let cut = bits - precision;
        let mut kept = mantissa.shr(cut);
        let half = mantissa.bit(cut - 1);
        if half && (sticky || mantissa.any_bit_below(cut - 1) || kept.is_odd()) {
            kept.mul_add_small(1, 1);
        }
        Self { negative, mantissa: kept, exponent: exponent + cut as i64, precision }
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        let difference = self.sub(other);
        difference.mantissa.is_zero()
    }
}

/// Decimal digits `0.d1 d2 d3 … * 10^point`, the last digit not zero.
pub(super) struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// The exact digits of `mantissa * 2^exponent`.
    #[inline(never)]
    pub(super) fn of(mantissa: &Nat, exponent: i64) -> Self {
        if mantissa.is_zero() {
            return Self { digits: Vec::new(), point: 0 };
        }
        let (scaled, decimals) = if exponent >= 0 {
            (mantissa.shl(exponent as usize), 0)
        } else {
            let spare = (mantissa.trailing_zeros() as i64).min(-exponent);
            let decimals = (-exponent - spare) as u32;
            (mantissa.shr(spare as usize).mul(&Nat::pow5(decimals)), decimals)
        };
        let digits = scaled.to_digits().into_bytes();
        let point = digits.len() as i64 - i64::from(decimals);
        let mut out = Self { digits, point };
        out.trim();
        out
    }

    /// Cuts digits off as long as the result stays between the neighbours' midpoints.
    fn shorten(&mut self, lower: &Self, upper: &Self, inclusive: bool) {
        for index in 0..self.digits.len() {
            // The bounds may have another number of digits before the point than this has; `at` is by position from the
            // first digit in all three, as in the reference.
            let (digit, below, above) = (self.at(index), lower.at(index), upper.at(index));
            let down = below != digit || inclusive && index + 1 == lower.digits.len();
            let up = above != digit && (inclusive || digit + 1 < above || index + 1 < upper.digits.len());
            match (down, up) {
                (true, true) => return self.round(index + 1),
                (true, false) => return self.cut(index + 1),
                (false, true) => return self.cut_up(index + 1),
                (false, false) => {}
            }
        }
    }

    fn round(&mut self, length: usize) {
        let Some(next) = self.digits.get(length).copied() else { return };
        let tie = next == b'5' && length + 1 == self.digits.len();
        let odd = length > 0 && (self.at(length - 1) - b'0') & 1 == 1;
        if if tie { odd } else { next >= b'5' } { self.cut_up(length) } else { self.cut(length) }
    }

    fn cut(&mut self, length: usize) {
        self.digits.truncate(length);
        self.trim();
    }

    fn cut_up(&mut self, length: usize) {
        if length >= self.digits.len() {
            return;
        }
        self.digits.truncate(length);
        while self.digits.last() == Some(&b'9') {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(b'1');
                self.point += 1;
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.digits.len()
    }

    /// Where the point is, counted from the first digit.
    pub(super) fn point(&self) -> i64 {
        self.point
    }

    /// The digit at a position from the first one; zero beyond the digits.
    pub(super) fn digit(&self, index: i64) -> char {
        usize::try_from(index).map_or('0', |index| char::from(self.at(index)))
    }

    /// Rounds to this many digits, ties to even; none at all for fewer than zero.
    pub(super) fn round_to(&mut self, length: i64) {
        match usize::try_from(length) {
            Ok(length) => self.round(length),
            Err(_) => self.set_zero(),
        }
        if self.digits.is_empty() {
            self.set_zero();
        }
    }

    /// Cuts to this many digits.
    pub(super) fn truncate_to(&mut self, length: i64) {
        self.cut(usize::try_from(length).unwrap_or(0));
    }

    /// Cuts to this many digits and adds one to the last.
    pub(super) fn raise_to(&mut self, length: i64) {
        self.cut_up(usize::try_from(length).unwrap_or(0));
    }

    fn set_zero(&mut self) {
        self.digits.clear();
        self.point = 0;
    }

    fn at(&self, index: usize) -> u8 {
        self.digits.get(index).copied().unwrap_or(b'0')
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
    }

    fn text(&self) -> String {
        self.digits.iter().map(|digit| char::from(*digit)).collect()
    }

    fn fixed(&self, negative: bool) -> String {
        let sign = if negative { "-" } else { "" };
        let digits = self.text();
        let count = digits.len() as i64;
        if self.point <= 0 {
            let zeros = "0".repeat(self.point.unsigned_abs() as usize);
            [sign, "0.", &zeros, &digits].concat()
        } else if self.point >= count {
            let zeros = "0".repeat((self.point - count) as usize);
            [sign, &digits, &zeros].concat()
        } else {
            let (whole, fraction) = digits.split_at(self.point as usize);
            [sign, whole, ".", fraction].concat()
        }
    }

    /// `%g` with the shortest precision: an exponent below -4 or above 5 is written as one.
    fn general(&self, negative: bool) -> String {
        const SHORTEST_PLACES: i64 = 6;
        let exponent = self.point - 1;
        if (-4..SHORTEST_PLACES).contains(&exponent) {
            return self.fixed(negative);
        }
        let sign = if negative { "-" } else { "" };
        let digits = self.text();
        let (first, rest) = digits.split_at(digits.len().min(1));
        let point = if rest.is_empty() { "" } else { "." };
        let mark = if exponent < 0 { "e-" } else { "e+" };
        let exponent = Nat::from_u64(exponent.unsigned_abs()).to_digits();
        // The exponent has two digits or more.
        let pad = if exponent.len() < 2 { "0" } else { "" };
        [sign, first, point, rest, mark, pad, &exponent].concat()
    }
}
