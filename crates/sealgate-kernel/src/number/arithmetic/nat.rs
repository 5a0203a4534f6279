//! Natural numbers of any size: the digits under [`super::integer`] and [`super::float`].
//!
//! Takes and gives little-endian `u32` limbs without leading zeros. It does not bound sizes: its callers check their
//! operands against [`super::MAX_DIGITS`] first, so that schoolbook algorithms stay affordable. Its functions are not inlined:
//! they are the slow path, and a policy that adds two numbers should not carry several copies of them.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::iter;

/// A natural number; zero has no limbs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nat {
    limbs: Vec<u32>,
}

const CHUNK: u32 = 1_000_000_000;
const CHUNK_DIGITS: usize = 9;

impl Nat {
    pub(crate) fn from_u64(value: u64) -> Self {
        Self::trimmed(alloc::vec![value as u32, (value >> 32) as u32])
    }

    pub(crate) fn from_limbs(limbs: Vec<u32>) -> Self {
        Self::trimmed(limbs)
    }

    /// Reads ASCII digits; anything else is skipped, so that a decimal point need not be removed first.
    #[inline(never)]
    pub(crate) fn from_digits(digits: &[u8]) -> Self {
        let mut out = Self::default();
        let (mut chunk, mut scale) = (0u32, 1u32);
        for digit in digits.iter().filter(|byte| byte.is_ascii_digit()) {
            chunk = chunk * 10 + u32::from(digit - b'0');
            scale *= 10;
            if scale == CHUNK {
                out.mul_add_small(scale, chunk);
                (chunk, scale) = (0, 1);
            }
        }
        if scale > 1 {
            out.mul_add_small(scale, chunk);
        }
        out
    }

    #[inline(never)]
    pub(crate) fn pow5(exponent: u32) -> Self {
        let mut out = Self::from_u64(1);
        let mut square = Self::from_u64(5);
        let mut rest = exponent;
        while rest > 0 {
            if rest & 1 == 1 {
                out = out.mul(&square);
            }
            rest >>= 1;
            if rest > 0 {
                square = square.mul(&square);
            }
        }
        out
    }

    pub(crate) fn pow10(exponent: u32) -> Self {
        Self::pow5(exponent).shl(exponent as usize)
    }

    pub(crate) fn limbs(&self) -> &[u32] {
        &self.limbs
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.limbs.first().is_some_and(|limb| limb & 1 == 1)
    }

    /// The number of bits up to the highest one that is set.
    pub(crate) fn bits(&self) -> usize {
        self.limbs.last().map_or(0, |last| self.limbs.len() * 32 - last.leading_zeros() as usize)
    }

    pub(crate) fn bit(&self, index: usize) -> bool {
        self.limbs.get(index / 32).is_some_and(|limb| limb >> (index % 32) & 1 == 1)
    }

    /// True if any of the lowest `count` bits is set.
    pub(crate) fn any_bit_below(&self, count: usize) -> bool {
        self.trailing_zeros() < count && !self.is_zero()
    }

    pub(crate) fn trailing_zeros(&self) -> usize {
        let zeros = self.limbs.iter().take_while(|limb| **limb == 0).count();
        zeros * 32 + self.limbs.get(zeros).map_or(0, |limb| limb.trailing_zeros() as usize)
    }

    pub(crate) fn to_u64(&self) -> Option<u64> {
        match self.limbs.as_slice() {
            [] => Some(0),
            [low] => Some(u64::from(*low)),
            [low, high] => Some(u64::from(*low) | u64::from(*high) << 32),
            _ => None,
        }
    }

    #[inline(never)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        let (long, short) = if self.limbs.len() >= other.limbs.len() { (self, other) } else { (other, self) };
        let mut carry = 0u64;
        let mut limbs = Vec::with_capacity(long.limbs.len() + 1);
        for (a, b) in long.limbs.iter().zip(short.limbs.iter().chain(iter::repeat(&0))) {
            carry += u64::from(*a) + u64::from(*b);
            limbs.push(carry as u32);
            carry >>= 32;
        }
        limbs.push(carry as u32);
        Self::trimmed(limbs)
    }

    /// `self - other`, or zero where `other` is larger.
    #[inline(never)]
    pub(crate) fn sub(&self, other: &Self) -> Self {
        if *self < *other {
            return Self::default();
        }
        let mut borrow = false;
        let mut limbs = Vec::with_capacity(self.limbs.len());
        for (a, b) in self.limbs.iter().zip(other.limbs.iter().chain(iter::repeat(&0))) {
            let (low, under) = a.overflowing_sub(*b);
            let (low, under_again) = low.overflowing_sub(u32::from(borrow));
            borrow = under || under_again;
            limbs.push(low);
        }
        Self::trimmed(limbs)
    }

    #[inline(never)]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let mut limbs = alloc::vec![0u32; self.limbs.len() + other.limbs.len() + 1];
        for (shift, a) in self.limbs.iter().enumerate() {
            let mut carry = 0u64;
            for (out, b) in limbs.iter_mut().skip(shift).zip(other.limbs.iter().chain(iter::once(&0))) {
                carry += u64::from(*out) + u64::from(*a) * u64::from(*b);
                *out = carry as u32;
                carry >>= 32;
            }
        }
        Self::trimmed(limbs)
    }

    /// `self = self * factor + term`
    #[inline(never)]
    pub(crate) fn mul_add_small(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for limb in &mut self.limbs {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
    }

    /// `self = self / divisor`; gives the remainder.
    #[inline(never)]
    pub(crate) fn div_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0u64;
        for limb in self.limbs.iter_mut().rev() {
            rest = rest << 32 | u64::from(*limb);
            *limb = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    #[inline(never)]
    pub(crate) fn shl(&self, count: usize) -> Self {
        if self.is_zero() {
            return Self::default();
        }
        let bits = count % 32;
        let mut limbs = alloc::vec![0u32; count / 32];
        limbs.reserve(self.limbs.len() + 1);
        let mut carry = 0u64;
        for limb in &self.limbs {
            carry |= u64::from(*limb) << bits;
            limbs.push(carry as u32);
            carry >>= 32;
        }
        limbs.push(carry as u32);
        Self::trimmed(limbs)
    }

    #[inline(never)]
    pub(crate) fn shr(&self, count: usize) -> Self {
        let bits = count % 32;
        let kept = self.limbs.get(count / 32..).unwrap_or(&[]);
        let above = kept.iter().skip(1).chain(iter::once(&0));
        let limbs =
            kept.iter().zip(above).map(|(low, high)| ((u64::from(*high) << 32 | u64::from(*low)) >> bits) as u32);
        Self::trimmed(limbs.collect())
    }

    /// Quotient and remainder; a divisor of zero gives zero and `self`.
    #[inline(never)]
    pub(crate) fn div_rem(&self, divisor: &Self) -> (Self, Self) {
        if *self < *divisor || divisor.is_zero() {
            return (Self::default(), self.clone());
        }
        if let [small] = divisor.limbs.as_slice() {
            let mut quotient = self.clone();
            let rest = quotient.div_small(*small);
            return (quotient, Self::from_u64(u64::from(rest)));
        }
        self.div_rem_long(divisor)
    }

    /// Long division (Knuth, algorithm D); the divisor has two limbs or more and is not above `self`.
    #[inline(never)]
    fn div_rem_long(&self, divisor: &Self) -> (Self, Self) {
        let shift = divisor.limbs.last().map_or(0, |last| last.leading_zeros() as usize);
        let divisor = divisor.shl(shift);
        let mut rest = self.shl(shift);
        rest.limbs.resize(rest.limbs.len().max(self.limbs.len()) + 1, 0);

        let width = divisor.limbs.len();
        let top = divisor.limbs.last().copied().map_or(1, u64::from);
        let second = divisor.limbs.iter().rev().nth(1).copied().map_or(0, u64::from);
        let steps = rest.limbs.len() - width;
        let mut quotient = alloc::vec![0u32; steps];
        for (index, out) in quotient.iter_mut().enumerate().rev() {
            let Some(window) = rest.limbs.get_mut(index..=index + width) else { continue };
            let mut tops = window.iter().rev().map(|limb| u64::from(*limb));
            let high = tops.next().unwrap_or(0) << 32 | tops.next().unwrap_or(0);
            let third = tops.next().unwrap_or(0);
            let (mut guess, mut left) = (high / top, high % top);
            while guess > u64::from(u32::MAX) || guess * second > (left << 32 | third) {
                guess -= 1;
                left += top;
                if left > u64::from(u32::MAX) {
                    break;
                }
            }
            if subtract_product(window, &divisor.limbs, guess) {
                guess -= 1;
                add_back(window, &divisor.limbs);
            }
            *out = guess as u32;
        }
        rest.trim();
        (Self::trimmed(quotient), rest.shr(shift))
    }

    /// The decimal digits, `0` for zero.
    #[inline(never)]
    pub(crate) fn to_digits(&self) -> String {
        let mut reversed = Vec::with_capacity(self.limbs.len() * 10 + 1);
        let mut rest = self.clone();
        while !rest.is_zero() {
            let mut chunk = rest.div_small(CHUNK);
            for _ in 0..CHUNK_DIGITS {
                reversed.push(b'0' + (chunk % 10) as u8);
                chunk /= 10;
            }
        }
        while reversed.last() == Some(&b'0') {
            reversed.pop();
        }
        if reversed.is_empty() {
            reversed.push(b'0');
        }
        reversed.iter().rev().map(|digit| char::from(*digit)).collect()
    }

    /// The digits in a base that is a power of two (2, 8 or 16), in lower case.
    pub(crate) fn to_radix(&self, base: u32) -> String {
        let mut reversed = Vec::new();
        let mut rest = self.clone();
        while !rest.is_zero() {
            let digit = rest.div_small(base);
            reversed.push(char::from_digit(digit, base).unwrap_or('0'));
        }
        if reversed.is_empty() {
            reversed.push('0');
        }
        reversed.iter().rev().collect()
    }

    fn trimmed(limbs: Vec<u32>) -> Self {
        let mut out = Self { limbs };
        out.trim();
        out
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

/// `window -= divisor * factor`; true if that went below zero (and wrapped).
fn subtract_product(window: &mut [u32], divisor: &[u32], factor: u64) -> bool {
    let (mut carry, mut borrow) = (0u64, false);
    for (out, limb) in window.iter_mut().zip(divisor.iter().chain(iter::once(&0))) {
        carry += u64::from(*limb) * factor;
        let (low, under) = out.overflowing_sub(carry as u32);
        let (low, under_again) = low.overflowing_sub(u32::from(borrow));
        borrow = under || under_again;
        *out = low;
        carry >>= 32;
    }
    borrow
}

fn add_back(window: &mut [u32], divisor: &[u32]) {
    let mut carry = 0u64;
    for (out, limb) in window.iter_mut().zip(divisor.iter().chain(iter::once(&0))) {
        carry += u64::from(*out) + u64::from(*limb);
        *out = carry as u32;
        carry >>= 32;
    }
}

impl PartialOrd for Nat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nat {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::Nat;
    use alloc::string::ToString;

    fn nat(digits: &str) -> Nat {
        Nat::from_digits(digits.as_bytes())
    }

    #[test]
    fn digits_round_trip() {
        for text in
            ["0", "1", "999999999", "1000000000", "18446744073709551616", "340282366920938463463374607431768211456"]
        {
            assert_eq!(nat(text).to_digits(), text);
        }
    }

    #[test]
    fn arithmetic_agrees_with_u128() {
        let samples = [
            0u128,
            1,
            9,
            u32::MAX as u128,
            1 << 32,
            u64::MAX as u128,
            1 << 64,
            (1 << 96) - 1,
            0xffff_fffe_ffff_ffff_0000_0001,
            1 << 63,
        ];
        for a in samples {
            for b in samples {
                let (x, y) = (nat(&a.to_string()), nat(&b.to_string()));
                assert_eq!(x.add(&y).to_digits(), (a + b).to_string());
                assert_eq!(x.sub(&y).to_digits(), a.saturating_sub(b).to_string());
                assert_eq!(x.cmp(&y), a.cmp(&b));
                if let Some(product) = a.checked_mul(b) {
                    assert_eq!(x.mul(&y).to_digits(), product.to_string());
                }
                if let (Some(quotient), Some(rest)) = (a.checked_div(b), a.checked_rem(b)) {
                    let ours = x.div_rem(&y);
                    assert_eq!(ours.0.to_digits(), quotient.to_string(), "{a} / {b}");
                    assert_eq!(ours.1.to_digits(), rest.to_string(), "{a} % {b}");
                }
            }
        }
    }

    #[test]
    fn long_division_undoes_multiplication() {
        let mut seed = 0x1234_5678_9abc_def1_u64;
        let mut next = |limbs: usize| {
            let mut out = alloc::vec![];
            for _ in 0..limbs {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Runs of ones and zeros reach the rare corrections of the quotient's digit.
                out.push(match seed >> 61 {
                    0 => 0,
                    1 => u32::MAX,
                    2 => 1 << 31,
                    _ => (seed >> 32) as u32,
                });
            }
            Nat::from_limbs(out)
        };
        for round in 0..4000 {
            let (a, b) = (next(1 + round % 9), next(2 + round % 5));
            if b.is_zero() {
                continue;
            }
            let (quotient, rest) = a.div_rem(&b);
            assert!(rest < b);
            assert_eq!(quotient.mul(&b).add(&rest), a);
        }
    }

    #[test]
    fn shifts() {
        let n = nat("123456789012345678901234567890");
        for count in [0, 1, 31, 32, 33, 64, 97] {
            assert_eq!(n.shl(count).shr(count), n);
            assert_eq!(n.shl(count).trailing_zeros(), n.trailing_zeros() + count);
        }
        assert_eq!(n.shr(200), Nat::default());
        assert_eq!(Nat::pow10(20).to_digits(), "100000000000000000000");
    }
}
