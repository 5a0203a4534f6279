//! Numbers: an i64, or the exact text of any other JSON number. Takes and gives text; arithmetic is in its submodules.

use core::cmp::Ordering;

pub mod arithmetic;
mod compare;

/// A number of any size and precision.
#[derive(Clone, Copy, Debug)]
pub enum Number<'h> {
    /// An integer within i64. Every integer that is written without fraction and exponent and fits is one.
    Int(i64),
    /// A JSON number as it was written: one with a fraction or an exponent, one beyond i64, or `-0`.
    Decimal(&'h str),
}

/// Digits that an exponent may have. Any number that a computer can hold has fewer, and positions stay within i64.
const MAX_EXPONENT_DIGITS: usize = 17;

impl<'h> Number<'h> {
    /// Reads a number that `text` is altogether, by JSON's grammar. `None` if it is not one, or if its exponent has more than
    /// 17 digits.
    pub fn parse(text: &'h str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (number, end) = Self::scan(bytes, 0)?;
        (end == bytes.len()).then_some(number)
    }

    /// The integer that it is, if it is written as one within i64: digits, and behind a point nothing but zeros. `1.0` is,
    /// `1e0` is not, as with OPA's indexes.
    pub fn as_integer(self) -> Option<i64> {
        let text = match self {
            Number::Int(value) => return Some(value),
            Number::Decimal(text) => text,
        };
        let point = text.bytes().position(|byte| byte == b'.');
        let (whole, fraction) = point.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))).unwrap_or((text, ""));
        if !fraction.bytes().all(|digit| digit == b'0') {
            return None;
        }
        match Self::parse(whole)? {
            Number::Int(value) => Some(value),
            Number::Decimal(zero) => (zero == "-0").then_some(0),
        }
    }

    /// Reads the number that starts at `start` in `bytes`, and the index behind it.
    pub(crate) fn scan(bytes: &'h [u8], start: usize) -> Option<(Self, usize)> {
        let mut at = start;
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - from
        };
        let negative = bytes.get(at) == Some(&b'-');
        at += usize::from(negative);
        let first = at;
        let leading_zero = bytes.get(at) == Some(&b'0');
        let whole = digits(&mut at);
        if whole == 0 || (leading_zero && whole > 1) {
            return None;
        }
        let mut plain = true;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            plain = false;
            if digits(&mut at) == 0 {
                return None;
            }
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            plain = false;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            while bytes.get(at) == Some(&b'0') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            if !(1..=MAX_EXPONENT_DIGITS).contains(&digits(&mut at)) {
                return None;
            }
        }
        if plain
            && whole <= 19
            && let Some(value) = integer(bytes.get(first..at)?, negative)
        {
            return Some((Number::Int(value), at));
        }
        // Only ASCII was passed over.
        core::str::from_utf8(bytes.get(start..at)?).ok().map(|text| (Number::Decimal(text), at))
    }
}

/// The decimal digits of `value`, at the end of `buffer`.
pub(crate) fn digits(mut value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut used = 0;
    for slot in buffer.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    buffer.get(20 - used..).unwrap_or_default()
}

/// The integer that up to 19 `digits` are, if it fits; `-0` does not, because its text must survive.
fn integer(digits: &[u8], negative: bool) -> Option<i64> {
    let mut value: u64 = 0;
    for digit in digits {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
    }
    if negative {
        (1..=i64::MIN.unsigned_abs()).contains(&value).then(|| value.wrapping_neg().cast_signed())
    } else {
        i64::try_from(value).ok()
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number<'_> {}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number<'_> {
    /// By what the numbers are worth, exactly: `1 == 1.0`, and 2^53 + 1 is more than 2^53.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(b),
            _ => compare::compare(self, other),
        }
    }
}
