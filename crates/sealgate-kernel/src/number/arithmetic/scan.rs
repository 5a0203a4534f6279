//! Taking a number's text apart, without allocating.
//!
//! Takes the text of a JSON number, gives its sign, digits and exponent. It does not evaluate it.

use super::nat::Nat;
use super::{MAX_DIGITS, MAX_EXPONENT, NumberError};

/// A number's text: `digits` (with an optional point) times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) negative: bool,
    /// Digits and at most one point, from the first to the last digit that is not zero.
    digits: &'a [u8],
    /// The power of ten of the last digit in `digits`.
    pub(crate) exponent: i64,
    /// How many digits `digits` has.
    pub(crate) count: i64,
}

impl<'a> Scan<'a> {
    /// Takes `text` apart; `NumberError::Invalid` if it is not a JSON number.
    #[inline(never)]
    pub(crate) fn of(text: &'a str) -> Result<Self, NumberError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mark = rest.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = match mark {
            Some(at) => (rest.get(..at).unwrap_or(&[]), read_exponent(rest.get(at + 1..).unwrap_or(&[]))?),
            None => (rest, 0),
        };
        check_mantissa(mantissa)?;
        Ok(Self::trimmed(negative, mantissa, exponent))
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.count == 0
    }

    /// The digits as one natural number, to be scaled by `exponent`.
    pub(crate) fn significant(&self) -> Nat {
        Nat::from_digits(self.digits)
    }

    /// How many zeros follow the last significant digit of an integer; `None` for a fraction.
    pub(crate) fn trailing_integer_zeros(&self) -> Option<u32> {
        u32::try_from(self.exponent).ok()
    }

    /// Refuses a number whose digits, with `zeros` more, are too many to compute with.
    pub(crate) fn check_digits(&self, zeros: u32) -> Result<(), NumberError> {
        let total = self.count.saturating_add(i64::from(zeros));
        if total > MAX_DIGITS as i64 { Err(NumberError::OutOfBounds) } else { Ok(()) }
    }

    /// Refuses a number whose exponent or digits are too many to compute with.
    pub(crate) fn check_bounds(&self) -> Result<(), NumberError> {
        if self.exponent.unsigned_abs() > MAX_EXPONENT as u64 {
            return Err(NumberError::OutOfBounds);
        }
        self.check_digits(0)
    }

    fn trimmed(negative: bool, mantissa: &'a [u8], exponent: i64) -> Self {
        let significant = |byte: &u8| matches!(byte, b'1'..=b'9');
        let (Some(first), Some(last)) = (mantissa.iter().position(significant), mantissa.iter().rposition(significant))
        else {
            return Self { negative, digits: &[], exponent: 0, count: 0 };
        };
        let digits = mantissa.get(first..=last).unwrap_or(&[]);
        let length = mantissa.len() as i64;
        let point = mantissa.iter().position(|byte| *byte == b'.').map_or(length, |at| at as i64);
        let last = last as i64;
        // Digits between the last significant one and the point count up, those behind the point count down.
        let scale = if last < point { point - last - 1 } else { point - last };
        let count = digits.len() as i64 - i64::from(digits.contains(&b'.'));
        Self { negative, digits, exponent: exponent.saturating_add(scale), count }
    }
}

/// `digits [. digits]`, without a leading zero before another digit.
fn check_mantissa(mantissa: &[u8]) -> Result<(), NumberError> {
    let mut parts = mantissa.split(|byte| *byte == b'.');
    let whole = parts.next().unwrap_or(&[]);
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let leading_zero = matches!(whole, [b'0', _, ..]);
    let fraction_ok = parts.next().is_none_or(all_digits);
    if all_digits(whole) && !leading_zero && fraction_ok && parts.next().is_none() {
        Ok(())
    } else {
        Err(NumberError::Invalid)
    }
}

/// `[+-] digits`; one beyond every bound stays beyond it.
fn read_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return Err(NumberError::Invalid);
    }
    let mut value = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(NumberError::Invalid);
        }
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(i64::MAX / 4);
    }
    Ok(if negative { -value } else { value })
}
