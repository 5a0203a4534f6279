//! Numbers with JSON's precision: an `i64`, or the decimal text as it was written.
//!
//! Two numbers are equal when their mathematical values are, whatever their texts: `1`, `1.0` and `10e-1` are one number.

use std::cmp::Ordering;
use std::fmt;

/// A JSON number. Made by [`Number::parse`], or from an `i64`.
#[derive(Debug, Clone)]
pub struct Number(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Int(i64),
    /// A valid JSON number that is not written as an `i64` is.
    Text(Box<str>),
}

impl Number {
    /// Reads the text of one JSON number. `None` if it is not one, or its exponent does not fit 32 bits.
    pub fn parse(text: &str) -> Option<Self> {
        Decimal::parse(text)?;
        Some(Self(text.parse().map_or_else(|_| Repr::Text(text.into()), Repr::Int)))
    }

    /// The number of a float; `None` if it is not finite.
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_finite() { Self::parse(&format!("{value:?}")) } else { None }
    }

    /// The number as an integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Text(text) => Decimal::parse(text)?.as_i64(),
        }
    }

    /// The nearest float.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
            Repr::Int(int) => *int as f64,
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether it has no fractional part.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Text(text) => Decimal::parse(text).is_some_and(|decimal| decimal.exponent >= 0),
        }
    }

    fn decimal<'a>(&self, buffer: &'a mut String) -> Option<Decimal<'a>> {
        use fmt::Write as _;
        buffer.clear();
        write!(buffer, "{self}").ok()?;
        Decimal::parse(buffer)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Repr::Int(value))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => write!(f, "{int}"),
            Repr::Text(text) => f.write_str(text),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let (mut left, mut right) = (String::new(), String::new());
        match (self.decimal(&mut left), other.decimal(&mut right)) {
            (Some(a), Some(b)) => a.compare(&b),
            // Every number's text was parsed when the number was made.
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }
}

/// A decimal number in the form ±digits × 10^exponent, digits without leading or trailing zeros (none at all for zero).
struct Decimal<'a> {
    negative: bool,
    /// The digits before and after the point; what was trimmed is not in them.
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                (mantissa, i64::from(exponent.parse::<i32>().ok()?))
            }
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        Some(Self::normal(negative, whole, fraction, exponent))
    }

    fn normal(negative: bool, whole: &'a str, fraction: &'a str, exponent: i64) -> Self {
        let fraction = fraction.trim_end_matches('0');
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let mut exponent = exponent.saturating_sub(length(fraction));
        let mut whole = whole.trim_start_matches('0');
        let mut fraction = fraction;
        if whole.is_empty() {
            fraction = fraction.trim_start_matches('0');
        }
        if fraction.is_empty() {
            let trimmed = whole.trim_end_matches('0');
            exponent = exponent.saturating_add(length(whole).saturating_sub(length(trimmed)));
            whole = trimmed;
        }
        let zero = whole.is_empty() && fraction.is_empty();
        Self { negative: negative && !zero, whole, fraction, exponent: if zero { 0 } else { exponent } }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn len(&self) -> usize {
        self.whole.len().saturating_add(self.fraction.len())
    }

    fn as_i64(&self) -> Option<i64> {
        if !(0..=18).contains(&self.exponent) {
            return None;
        }
        let mut value = 0_i64;
        let zeros = usize::try_from(self.exponent).ok()?;
        for digit in self.digits().chain(std::iter::repeat_n(b'0', zeros)) {
            let digit = i64::from(digit.wrapping_sub(b'0'));
            value = value.checked_mul(10)?;
            value = if self.negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
        }
        Some(value)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.len() == 0, number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let magnitude = |number: &Self| i64::try_from(number.len()).unwrap_or(i64::MAX).saturating_add(number.exponent);
        // With the same magnitude the digits line up from the left; a longer tail is larger.
        let order = magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits().cmp(other.digits()));
        if a < 0 { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn equal_values_are_equal_whatever_their_text() {
        for (a, b) in [("1", "1.0"), ("10", "1e1"), ("0", "-0.0"), ("100e-2", "1"), ("1e400", "10e399")] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
        assert_eq!((number("1e3").as_i64(), number("1.0").as_i64()), (Some(1000), Some(1)));
        assert_eq!((number("1e30").as_i64(), number("1.5").as_i64()), (None, None));
        assert_eq!(number("1e3").to_string(), "1e3");
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        assert_ne!(number("0.1"), number("0.10000000000000001"));
    }

    #[test]
    fn order_is_by_value() {
        let sorted =
            ["-1e400", "-10", "-9.5", "-1", "0", "1e-9", "0.5", "1", "9", "10", "9223372036854775808", "1e400"];
        for pair in sorted.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_json_number_is_refused() {
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e99999999999", "NaN", "1 ", "0x1"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
