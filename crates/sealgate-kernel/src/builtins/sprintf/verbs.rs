//! One argument under one verb.

use alloc::string::String;

use super::{Argument, Spec};
use crate::number::arithmetic::{self, Style};
use crate::{Number, Text};

/// Prints `argument` as `verb` says, or a note that the verb is not for its type.
pub(super) fn print(out: &mut Text<'_>, argument: Argument<'_>, verb: char, spec: Spec) {
    if verb == 'T' {
        return text(out, argument.type_name(), spec);
    }
    match (argument, verb) {
        (Argument::Big(number), _) => big(out, number, verb, spec),
        (Argument::Int(value), 'c') => pad(out, character(value).encode_utf8(&mut [0; 4]), spec),
        (Argument::Int(value), 'q') => {
            pad(out, &quoted(character(value).encode_utf8(&mut [0; 4]), '\'', spec.plus), spec)
        }
        (Argument::Int(value), 'U') => code_point(out, value, spec),
        (Argument::Int(value), 'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X') => integer(out, value, verb, spec),
        (Argument::Float(value), 'v' | 'b' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F' | 'x' | 'X') => {
            float(out, value, verb, spec)
        }
        (Argument::Text(value), 'v') if spec.go_syntax => quote(out, value, spec),
        (Argument::Text(value), 'v' | 's') => text(out, value, spec),
        (Argument::Text(value), 'q') => quote(out, value, spec),
        (Argument::Text(value), 'x' | 'X') => hexadecimal(out, value, verb == 'X', spec),
        _ => {
            out.push_str("%!");
            out.push(verb);
            out.push('(');
            out.push_str(argument.type_name());
            out.push('=');
            print(out, argument, 'v', spec);
            out.push(')');
        }
    }
}

fn text(out: &mut Text<'_>, value: &str, spec: Spec) {
    pad(out, truncated(value, spec), spec);
}

/// As many characters as the precision says.
fn truncated(value: &str, spec: Spec) -> &str {
    let end = spec.precision.and_then(|precision| value.char_indices().nth(precision));
    end.and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// `value` filled up to the width: with zeros where the flag says so, on the left only.
fn pad(out: &mut Text<'_>, value: &str, spec: Spec) {
    let missing = spec.width.unwrap_or(0).saturating_sub(value.chars().count());
    if spec.minus {
        out.push_str(value);
        fill(out, ' ', missing);
    } else {
        fill(out, if spec.zero { '0' } else { ' ' }, missing);
        out.push_str(value);
    }
}

fn fill(out: &mut Text<'_>, character: char, count: usize) {
    for _ in 0..count {
        out.push(character);
    }
}

fn base(verb: char) -> u32 {
    match verb {
        'b' => 2,
        'o' | 'O' => 8,
        'x' | 'X' => 16,
        _ => 10,
    }
}

/// The digits of an integer without its sign.
fn digits(number: Number<'_>, verb: char) -> String {
    let mut digits = match arithmetic::format_integer(number, base(verb)) {
        Ok(digits) => digits,
        Err(_) => crate::abort(c"number has too many digits"),
    };
    if digits.starts_with('-') {
        digits.remove(0);
    }
    if verb == 'X' {
        digits.make_ascii_uppercase();
    }
    digits
}

fn sign(negative: bool, spec: Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

fn integer(out: &mut Text<'_>, value: i64, verb: char, spec: Spec) {
    let blank = Spec { zero: false, ..spec };
    if spec.precision == Some(0) && value == 0 {
        return fill(out, ' ', spec.width.unwrap_or(0));
    }
    let sign = sign(value < 0, spec);
    let digits = digits(Number::Int(value), verb);
    // Zeros up to the width leave room for the sign and not for a prefix.
    let least = match (spec.precision, spec.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    let prefix = match verb {
        'O' if spec.sharp && zeros.is_empty() && !digits.starts_with('0') => "0o0",
        'O' => "0o",
        'b' if spec.sharp => "0b",
        'o' if spec.sharp && zeros.is_empty() && !digits.starts_with('0') => "0",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    pad(out, &[sign, prefix, &zeros, &digits].concat(), blank);
}

fn big(out: &mut Text<'_>, number: Number<'_>, verb: char, spec: Spec) {
    let digits = digits(number, verb);
    let negative = matches!(number, Number::Decimal(text) if text.starts_with('-'));
    if !matches!(verb, 'b' | 'o' | 'O' | 'd' | 's' | 'v' | 'x' | 'X') {
        out.push_str("%!");
        out.push(verb);
        out.push_str("(big.Int=");
        out.push_str(if negative { "-" } else { "" });
        out.push_str(&digits);
        return out.push(')');
    }
    let sign = sign(negative, spec);
    let prefix = match verb {
        'O' => "0o",
        'b' if spec.sharp => "0b",
        'o' if spec.sharp => "0",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    let mut zeros = spec.precision.unwrap_or(0).saturating_sub(digits.len());
    let length = sign.len() + prefix.len() + zeros + digits.len();
    let missing = spec.width.unwrap_or(0).saturating_sub(length);
    let (mut left, mut right) = (0, 0);
    match (spec.minus, spec.zero && spec.precision.is_none()) {
        (true, _) => right = missing,
        (false, true) => zeros += missing,
        (false, false) => left = missing,
    }
    fill(out, ' ', left);
    out.push_str(sign);
    out.push_str(prefix);
    fill(out, '0', zeros);
    out.push_str(&digits);
    fill(out, ' ', right);
}

fn float(out: &mut Text<'_>, value: f64, verb: char, spec: Spec) {
    let decimal = |style, precision| arithmetic::format_double(value, style, precision);
    let mut number = match verb {
        'b' => arithmetic::format_binary(value),
        'x' | 'X' => arithmetic::format_hexadecimal(value, spec.precision),
        'e' | 'E' => decimal(Style::Exponent, spec.precision.or(Some(6))),
        'f' | 'F' => decimal(Style::Fixed, spec.precision.or(Some(6))),
        _ => decimal(Style::General, spec.precision),
    };
    if spec.sharp && verb != 'b' {
        with_point(&mut number, matches!(verb, 'v' | 'g' | 'G' | 'x' | 'X'), spec);
    }
    if matches!(verb, 'E' | 'G' | 'X') {
        number.make_ascii_uppercase();
    }
    let sign = sign(value.is_sign_negative(), spec);
    let length = sign.len() + number.len();
    match spec.width {
        // The sign goes before the zeros.
        Some(width) if spec.zero && !spec.minus && !sign.is_empty() && width > length => {
            out.push_str(sign);
            fill(out, '0', width - length);
            out.push_str(&number);
        }
        _ => pad(out, &[sign, &number].concat(), spec),
    }
}

/// `#`: a point in any case, and the zeros that the general and the hexadecimal form leave out. Go counts the `x` among the
/// digits.
fn with_point(number: &mut String, leaves_out: bool, spec: Spec) {
    let exponent = if number.starts_with("0x") { 'p' } else { 'e' };
    let tail = number.split_off(number.find(exponent).unwrap_or(number.len()));
    let mut missing = if leaves_out { spec.precision.unwrap_or(6) } else { 0 };
    let significant = number.trim_start_matches(['0', '.']).bytes().filter(|byte| *byte != b'.').count();
    missing = missing.saturating_sub(significant);
    if !number.contains('.') {
        if number == "0" {
            missing = missing.saturating_sub(1);
        }
        number.push('.');
    }
    number.push_str(&"0".repeat(missing));
    number.push_str(&tail);
}

fn character(value: i64) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `U+0041`, with `#` also the character.
fn code_point(out: &mut Text<'_>, value: i64, spec: Spec) {
    // A negative integer shows as the unsigned one of its bits.
    let digits = arithmetic::hexadecimal(value.cast_unsigned());
    let zeros = "0".repeat(spec.precision.unwrap_or(0).max(4).saturating_sub(digits.len()));
    let mut text = ["U+", &zeros, &digits.to_ascii_uppercase()].concat();
    if let Some(character) =
        u32::try_from(value).ok().and_then(char::from_u32).filter(|c| spec.sharp && is_printable(*c))
    {
        text.push_str(" '");
        text.push(character);
        text.push('\'');
    }
    pad(out, &text, Spec { zero: false, ..spec });
}

fn hexadecimal(out: &mut Text<'_>, value: &str, upper: bool, spec: Spec) {
    let length = spec.precision.unwrap_or(usize::MAX).min(value.len());
    let mark = if upper { "0X" } else { "0x" };
    let mut text = String::new();
    for (index, byte) in value.bytes().take(length).enumerate() {
        if spec.space && index > 0 {
            text.push(' ');
        }
        if spec.sharp && (spec.space || index == 0) {
            text.push_str(mark);
        }
        for digit in [byte >> 4, byte & 15] {
            let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
            text.push(if upper { digit.to_ascii_uppercase() } else { digit });
        }
    }
    pad(out, &text, spec);
}

fn quote(out: &mut Text<'_>, value: &str, spec: Spec) {
    let value = truncated(value, spec);
    let plain = |c: char| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_ascii_control());
    if spec.sharp && value.chars().all(plain) {
        return pad(out, &["`", value, "`"].concat(), spec);
    }
    pad(out, &quoted(value, '"', spec.plus), spec);
}

/// A Go literal.
fn quoted(value: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push(mark);
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            _ if character == mark => {
                out.push('\\');
                out.push(mark);
            }
            _ if is_printable(character) && (character.is_ascii() || !ascii) => out.push(character),
            _ => {
                let code = u64::from(u32::from(character));
                let (start, width) = match code {
                    0..=0x7f => ("\\x", 2),
                    0x80..=0xffff => ("\\u", 4),
                    _ => ("\\U", 8),
                };
                let digits = arithmetic::hexadecimal(code);
                out.push_str(start);
                out.push_str(&"0".repeat(width - digits.len().min(width)));
                out.push_str(&digits);
            }
        }
    }
    out.push(mark);
    out
}

/// Letters, marks, digits, punctuation and symbols of Unicode, and the space.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    // Behind another character, so that a mark is not escaped for want of one.
    let mut buffer = [b'a'; 5];
    let Some(slot) = buffer.get_mut(1..) else { return false };
    let length = character.encode_utf8(slot).len();
    let text = buffer.get(..=length).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default();
    !character.is_whitespace() && text.escape_debug().nth(1) == Some(character)
}
