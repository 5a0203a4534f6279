//! Exact comparison of numbers by their digits. Nothing is expanded: `1e999999999` costs what its eleven characters cost.

use core::cmp::Ordering;

use super::Number;

/// A decimal as sign, significant digits and position: 0.d1d2d3… x 10^point, with d1 != 0.
struct Parts<'a> {
    negative: bool,
    /// The digits before and after the point, without the zeros that lead the number.
    whole: &'a [u8],
    fraction: &'a [u8],
    point: i64,
}

impl Parts<'_> {
    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn count(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    /// The digit at a place; behind the last there are zeros.
    fn digit(&self, place: usize) -> u8 {
        match self.whole.get(place) {
            Some(digit) => *digit,
            None => self.fraction.get(place - self.whole.len()).copied().unwrap_or(b'0'),
        }
    }
}

/// Compares by worth.
pub(super) fn compare(a: &Number<'_>, b: &Number<'_>) -> Ordering {
    let (mut a_digits, mut b_digits) = ([0; 20], [0; 20]);
    let (a, b) = (parts(a, &mut a_digits), parts(b, &mut b_digits));
    match (a.is_zero(), b.is_zero()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return if b.negative { Ordering::Greater } else { Ordering::Less },
        (false, true) => return if a.negative { Ordering::Less } else { Ordering::Greater },
        (false, false) => {}
    }
    if a.negative != b.negative {
        return b.negative.cmp(&a.negative);
    }
    let magnitude = a.point.cmp(&b.point).then_with(|| compare_digits(&a, &b));
    if a.negative { magnitude.reverse() } else { magnitude }
}

/// Compares the digits of two numbers whose points are at the same place.
fn compare_digits(a: &Parts<'_>, b: &Parts<'_>) -> Ordering {
    for place in 0..a.count().max(b.count()) {
        let order = a.digit(place).cmp(&b.digit(place));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

#[inline(never)]
fn parts<'a>(number: &'a Number<'_>, digits: &'a mut [u8; 20]) -> Parts<'a> {
    match number {
        Number::Int(value) => {
            let whole = without_leading_zeros(super::digits(value.unsigned_abs(), digits));
            // At most 20.
            Parts { negative: *value < 0, whole, fraction: &[], point: i64::try_from(whole.len()).unwrap_or(0) }
        }
        Number::Decimal(text) => decimal_parts(text.as_bytes()),
    }
}

fn decimal_parts(text: &[u8]) -> Parts<'_> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (text.get(..at).unwrap_or_default(), exponent(text.get(at + 1..).unwrap_or_default())),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
        Some(at) => (mantissa.get(..at).unwrap_or_default(), mantissa.get(at + 1..).unwrap_or_default()),
        None => (mantissa, &[] as &[u8]),
    };
    let whole = without_leading_zeros(whole);
    let mut point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let mut rest = fraction;
    if whole.is_empty() {
        rest = without_leading_zeros(fraction);
        point = -i64::try_from(fraction.len() - rest.len()).unwrap_or(i64::MAX);
    }
    Parts { negative, whole, fraction: rest, point: point.saturating_add(exponent) }
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

/// The exponent behind the `e`; the parsers bound its digits.
fn exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    // At most 17 digits: there is no overflow.
    let add = |value: i64, digit: &u8| value.wrapping_mul(10).wrapping_add(i64::from(digit.wrapping_sub(b'0')));
    let value = digits.iter().fold(0, add);
    if negative { -value } else { value }
}

/// The integer that a decimal text is worth, if it is one within i64; without the arithmetic of large numbers, which modules
/// that only look integers up would carry for nothing.
#[inline(never)]
pub(super) fn decimal_to_i64(text: &str) -> Option<i64> {
    let Parts { negative, whole, fraction, mut point } = decimal_parts(text.as_bytes());
    // Counted down from 0, where there is room for one more than above it.
    let mut value = 0_i64;
    for byte in whole.iter().chain(fraction) {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit > 9 || (point <= 0 && digit != 0) {
            return None;
        }
        if point > 0 {
            value = times_ten(value)?.checked_sub(digit)?;
        }
        point -= 1;
    }
    // Zeros that the exponent adds; more than a few are more than fits.
    while point > 0 && value != 0 {
        value = times_ten(value)?;
        point -= 1;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Ten times a number that is not positive, if that fits.
fn times_ten(value: i64) -> Option<i64> {
    (value >= i64::MIN / 10).then(|| value.wrapping_mul(10))
}
