//! Numeric constants as Go reads them.

use super::{TemplateError, wrong};

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

/// Reads a constant: an integer in any of Go's bases, or a decimal float.
pub(super) fn parse(text: &str) -> Result<Number, TemplateError> {
    let bad = || wrong(format!("illegal number syntax: {text:?}"));
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(magnitude) = integer(magnitude) {
        let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
        return value.map(Number::Int).ok_or_else(|| wrong(format!("{text} overflows int")));
    }
    if !text.contains(['.', 'e', 'E']) || text.contains(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))) {
        return Err(bad());
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float).ok_or_else(bad)
}

fn integer(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits, prefixed) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?, true),
        [b'0', b'o', ..] => (8, lower.get(2..)?, true),
        [b'0', b'b', ..] => (2, lower.get(2..)?, true),
        [b'0', _, ..] => (8, lower.get(1..)?, true),
        _ => (10, lower.as_str(), false),
    };
    // Underscores stand between digits, and behind a prefix.
    let apart = !digits.ends_with('_') && !digits.contains("__") && (prefixed || !digits.starts_with('_'));
    if !apart || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}
