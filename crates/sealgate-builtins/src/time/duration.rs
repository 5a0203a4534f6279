//! Durations: `1h30m`, `-1.5s`, and OPA's days, weeks and years of 365 days.

use super::parse::quote;

/// Nanoseconds of a duration.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let extended = text.contains(['d', 'w', 'y']);
    if !extended {
        return standard(text).map_err(|problem| format!("time: {problem} {}", quote(text.as_bytes())));
    }
    let rewritten = in_hours(text).ok_or_else(|| format!("time: invalid duration {text:?}"))?;
    standard(&rewritten).map_err(|problem| format!("time: {problem} {text:?}"))
}

/// The text with days, weeks and years as hours.
fn in_hours(text: &str) -> Option<String> {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut out = text.get(..text.len() - rest.len())?.to_owned();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at_checked(end)?;
        if digits.is_empty() {
            return None;
        }
        let unit = ["ms", "us", "µs", "ns"].into_iter().find(|unit| tail.starts_with(unit));
        let unit = match unit {
            Some(unit) => unit,
            None if tail.starts_with(|c: char| c.is_ascii_lowercase()) => tail.get(..1)?,
            None => return None,
        };
        rest = tail.get(unit.len()..)?;
        let hours = match unit {
            "d" => 24.0,
            "w" => 168.0,
            "y" => 8760.0,
            _ => {
                out.push_str(digits);
                out.push_str(unit);
                continue;
            }
        };
        // Digits and points are a float if there is one point at most and a digit.
        let number: f64 = digits.parse().ok()?;
        if number.is_infinite() {
            return None;
        }
        out.push_str(&format!("{}h", number * hours));
    }
    Some(out)
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The magnitude of `i64::MIN`.
const LIMIT: u64 = 1 << 63;
const INVALID: &str = "invalid duration";

fn standard(text: &str) -> Result<i64, String> {
    let invalid = || INVALID.to_owned();
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        if !rest.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
            return Err(invalid());
        }
        let (whole, tail) = digits(rest);
        let mut value = 0_u64;
        for digit in whole.bytes() {
            // The last digit may pass the limit by some, which is checked.
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                .ok_or_else(invalid)?;
            if value > LIMIT {
                return Err(invalid());
            }
        }
        let (mut fraction, mut scale, mut fraction_digits) = (0_u64, 1.0_f64, "");
        rest = tail;
        if let Some(tail) = rest.strip_prefix('.') {
            (fraction_digits, rest) = digits(tail);
            (fraction, scale) = leading_fraction(fraction_digits);
        }
        if whole.is_empty() && fraction_digits.is_empty() {
            return Err(invalid());
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, tail) = rest.split_at_checked(end).unwrap_or_default();
        if unit.is_empty() {
            return Err("missing unit in duration".to_owned());
        }
        rest = tail;
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit {} in duration", quote(unit.as_bytes())));
        };
        value = value.checked_mul(*unit).filter(|value| *value <= LIMIT).ok_or_else(invalid)?;
        if fraction > 0 {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "Go computes fractions in floating point"
            )]
            let part = (fraction as f64 * (*unit as f64 / scale)) as u64;
            value = value.checked_add(part).filter(|value| *value <= LIMIT).ok_or_else(invalid)?;
        }
        sum = sum.checked_add(value).filter(|sum| *sum <= LIMIT).ok_or_else(invalid)?;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(sum));
    }
    i64::try_from(sum).map_err(|_| invalid())
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

/// The digits behind a point and what they are to be divided by; those beyond an i64 are left out.
fn leading_fraction(digits: &str) -> (u64, f64) {
    let (mut value, mut scale) = (0_u64, 1.0);
    for digit in digits.bytes() {
        if value > (LIMIT - 1) / 10 {
            break;
        }
        let longer = value * 10 + u64::from(digit - b'0');
        if longer > LIMIT {
            break;
        }
        value = longer;
        scale *= 10.0;
    }
    (value, scale)
}
