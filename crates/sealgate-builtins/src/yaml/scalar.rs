//! What a plain scalar means, and floats as Go writes them.

/// The value of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond an `i64`.
    Large(u64),
    Float(f64),
    Text,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    if let Some(word) = word(text) {
        return word;
    }
    match text.bytes().next() {
        Some(b'.') => go_float(text).map_or(Scalar::Text, Scalar::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(&text.replace('_', "")),
        _ => Scalar::Text,
    }
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Scalar {
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if let Some(magnitude) = integer(magnitude) {
        let signed = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
        match signed {
            Some(value) => return Scalar::Int(value),
            // Beyond an i64 a sign is none of an integer's.
            None if magnitude.to_string() == text || text.starts_with('0') => return Scalar::Large(magnitude),
            None => {}
        }
    }
    if is_float(magnitude) { go_float(text).map_or(Scalar::Text, Scalar::Float) } else { Scalar::Text }
}

/// Digits in base 10, or behind `0x`, `0o`, `0b` or `0`.
fn integer(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (radix, digits) = match (bytes.first()?, bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, text.get(2..)?),
        (b'0', Some(b'o' | b'O')) => (8, text.get(2..)?),
        (b'0', Some(b'b' | b'B')) => (2, text.get(2..)?),
        (b'0', Some(_)) => (8, text.get(1..)?),
        _ => (10, text),
    };
    // Rust's parser takes a sign, Go's does not here.
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}

/// `1`, `1.`, `1.5`, `.5`, each with or without an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_fits && exponent_fits
}

/// A decimal float; none where it would be infinite.
fn go_float(text: &str) -> Option<f64> {
    if text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

/// A float as Go's format `g` has it in as few digits as tell it apart, from how Rust writes it with an exponent and without.
pub(super) fn shortest(exponential: &str, positional: &str) -> String {
    // An infinity or no number has no exponent.
    let Some((mantissa, exponent)) = exponential.split_once('e') else { return special(exponential) };
    let number: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&number) {
        return positional.to_owned();
    }
    let sign = if number < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", number.unsigned_abs())
}

fn special(text: &str) -> String {
    match text {
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        _ => ".nan".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_those_of_yaml_1_1() {
        for (text, expected) in [
            ("yes", Scalar::Bool(true)),
            ("N", Scalar::Bool(false)),
            ("010", Scalar::Int(8)),
            ("0o17", Scalar::Int(15)),
            ("1_000", Scalar::Int(1000)),
            ("-0b11", Scalar::Int(-3)),
            ("0x_1F", Scalar::Int(31)),
            ("18446744073709551615", Scalar::Large(u64::MAX)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("1e3", Scalar::Float(1000.0)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("089", Scalar::Float(89.0)),
            ("1e999", Scalar::Text),
            ("12:30", Scalar::Text),
            ("2001-01-01", Scalar::Text),
            ("+", Scalar::Text),
            ("0x", Scalar::Text),
            ("<<", Scalar::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
