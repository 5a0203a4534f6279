//! Exact multiples, and numbers as Go's big floats are shown.

use super::SchemaError;
use crate::number::Number;

/// The largest divisor, so that remainders of products fit 128 bits.
const MAX_DIVISOR: u128 = 1 << 60;

/// digits × 10^exponent, digits without zeros at either end.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(number: &Number) -> Self {
        let text = number.to_string();
        let (negative, magnitude) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let (mantissa, exponent) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        // A number's exponent fits 32 bits.
        let exponent: i64 = exponent.parse().unwrap_or(0);
        let exponent = exponent - length(fraction) + length(&all) - length(digits);
        Self { negative, digits: digits.trim_start_matches('0').to_owned(), exponent }
    }
}

/// Whether a number is a multiple of another, which is not zero.
pub(super) fn is_multiple(number: &Number, of: &Number) -> Result<bool, SchemaError> {
    let (number, of) = (Decimal::of(number), Decimal::of(of));
    if number.digits.is_empty() {
        return Ok(true);
    }
    let too_large = || SchemaError::Halt("`multipleOf` has too many digits");
    let divisor: u128 = of.digits.parse().ok().filter(|divisor| *divisor < MAX_DIVISOR).ok_or_else(too_large)?;
    let mut shift = number.exponent - of.exponent;
    let mut divisor = divisor;
    // The number's digits do not end in zeros, so a divisor that is ten times something must not be left.
    while shift < 0 {
        if divisor == 0 || shift < -64 {
            return Ok(false);
        }
        divisor = divisor.checked_mul(10).filter(|divisor| *divisor < MAX_DIVISOR).ok_or_else(too_large)?;
        shift += 1;
    }
    let step = |rest: u128, digit: u128| (rest * 10 + digit) % divisor;
    let rest = number.digits.bytes().fold(0, |rest, digit| step(rest, u128::from(digit - b'0')));
    // rest × 10^shift, by squaring.
    let (mut power, mut base, mut left) = (1 % divisor, 10 % divisor, shift);
    while left > 0 {
        if left % 2 == 1 {
            power = power * base % divisor;
        }
        base = base * base % divisor;
        left /= 2;
    }
    Ok(rest * power % divisor == 0)
}

/// A number with an exponent below 1e-4 and from 1e6.
pub(super) fn shown(number: &Number) -> String {
    let Decimal { negative, digits, exponent } = Decimal::of(number);
    let sign = if negative && !digits.is_empty() { "-" } else { "" };
    let Some((first, rest)) = digits.split_at_checked(1) else { return "0".to_owned() };
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let point = count.saturating_add(exponent);
    if !(-4..6).contains(&(point - 1)) {
        let mark = if point - 1 < 0 { '-' } else { '+' };
        let dot = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{dot}{rest}e{mark}{:02}", (point - 1).unsigned_abs());
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    match usize::try_from(point) {
        Ok(0) | Err(_) => format!("{sign}0.{}{digits}", zeros(-point)),
        Ok(point) => match digits.split_at_checked(point) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits}{}", zeros(exponent)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_exact() {
        let number = |text: &str| Number::parse(text).unwrap();
        for (a, b, expected) in [
            ("0.3", "0.1", true),
            ("1e300", "3", false),
            ("3e300", "0.003", true),
            ("10", "2.5", true),
            ("1", "0.0000001", true),
            ("7", "2e1", false),
            ("-9", "3", true),
            ("1e-400", "1", false),
        ] {
            assert_eq!(is_multiple(&number(a), &number(b)).unwrap(), expected, "{a} {b}");
        }
        for (text, expected) in
            [("1000000", "1e+06"), ("100", "100"), ("0.00001", "1e-05"), ("12.50", "12.5"), ("0", "0")]
        {
            assert_eq!(shown(&number(text)), expected);
        }
        assert_eq!(shown(&number("0.001")), "0.001");
        assert_eq!(shown(&number("-1234567.5")), "-1.2345675e+06");
    }
}
