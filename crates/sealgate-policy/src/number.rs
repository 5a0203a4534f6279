//! Exact order of JSON numbers as they are written: no float, no big integer, no limit on the exponent.
//!
//! A number is brought to sign, digits and the power of ten of its first digit; those compare without being expanded,
//! so `1e999999999` costs as little as `1`.

use std::cmp::Ordering;

use serde_json::Number;

/// The numeric order of two numbers: `1` equals `1.0`, `2^53 + 1` is itself.
pub(crate) fn compare(left: &Number, right: &Number) -> Ordering {
    let (left, right) = (Decimal::new(left.as_str()), Decimal::new(right.as_str()));
    match (left.is_negative(), right.is_negative()) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => left.magnitude_cmp(&right),
        (true, true) => right.magnitude_cmp(&left),
    }
}

/// A text that is the same for equal numbers.
pub(crate) fn canonical(number: &Number) -> String {
    let Decimal { negative, digits, scale } = Decimal::new(number.as_str());
    if digits.is_empty() {
        return "0".to_owned();
    }
    let digits: String = digits.into_iter().map(char::from).collect();
    format!("{}0.{digits}e{scale}", if negative { "-" } else { "" })
}

/// `0.d₁d₂d₃… × 10^scale`, with no zero digit at either end; zero has no digits.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    scale: i128,
}

impl Decimal {
    fn new(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let leading = all.clone().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all.skip(leading).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let length = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
        let scale = parse_exponent(exponent).saturating_add(length(whole.len()) - length(leading));
        Self { negative, digits, scale }
    }

    fn is_negative(&self) -> bool {
        self.negative && !self.digits.is_empty()
    }

    fn magnitude_cmp(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.scale.cmp(&other.scale).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

/// The exponent, held within ±10^30: beyond that no two texts that fit in memory can compare differently.
fn parse_exponent(text: &str) -> i128 {
    const BOUND: i128 = 10_i128.pow(30);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut value: i128 = 0;
    for digit in digits.bytes() {
        value = (value * 10 + i128::from(digit.saturating_sub(b'0'))).min(BOUND);
    }
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_numbers_by_value_not_by_spelling() {
        let ascending = [
            "-1e1000000000000",
            "-1e400",
            "-10.5",
            "-10",
            "-1e-5",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000000001",
            "1",
            "2",
            "9.99",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "18446744073709551617",
            "1e400",
            "1.0000001e400",
            "1e1000000000000",
        ];
        let number = |text: &str| -> Number { serde_json::from_str(text).unwrap() };
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                assert_eq!(compare(&number(left), &number(right)), i.cmp(&j), "{left} and {right}");
            }
        }
        for (left, right) in [("1", "1.0"), ("100", "1e2"), ("0", "-0.0"), ("0e5", "0"), ("1200e-2", "12.00")] {
            assert_eq!(compare(&number(left), &number(right)), Ordering::Equal, "{left} and {right}");
            assert_eq!(canonical(&number(left)), canonical(&number(right)));
        }
    }
}
