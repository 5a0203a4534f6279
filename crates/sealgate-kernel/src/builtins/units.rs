//! Amounts with units: `10Ki`, `1.5M`, `200m`; bytes: `10KB`, `1.5GiB`.

use super::operand::computed;
use crate::number::arithmetic;
use crate::{Heap, Number, Text, Value};

builtins! { TABLE:
    "units.parse" => sg_b_units_parse = parse as (text: STRING) or "not an amount with a known unit";
    "units.parse_bytes" => sg_b_units_parse_bytes = parse_bytes as (text: STRING) or "not a byte amount with a known unit";
}

/// Digits that an exponent may have.
const MAX_EXPONENT_DIGITS: usize = 6;
/// What a thousandth is as a double: `MILLI / 2^MILLI_TWOS`.
const MILLI: u64 = 0x0010_624d_d2f1_a9fc;
const MILLI_TWOS: u32 = 62;

fn parse<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = without_quotes(heap, text.as_str()?, |c| c);
    let (amount, unit) = split(text)?;
    let mut letters = unit.chars();
    let (first, second) = (letters.next(), letters.next());
    // The case of the first letter tells a thousandth from a million; the second is an `i` or nothing.
    let (factor, twos) = match (first, second.map(super::casing::lower_letter)) {
        (Some('m'), None) => (MILLI, MILLI_TWOS),
        (None, None) => (1, 0),
        (Some(letter), None) => (1000u64.checked_pow(power(letter)?)?, 0),
        (Some(letter), Some('i')) => (1024u64.checked_pow(power(letter)?)?, 0),
        _ => return None,
    };
    letters.next().is_none().then_some(())?;
    let amount = super::types::parse_decimal(heap, amount)?;
    computed(heap, arithmetic::scale(amount, factor, twos))
}

fn parse_bytes<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = without_quotes(heap, text.as_str()?, super::casing::lower_letter);
    let (amount, unit) = split(text)?;
    let unit = unit.strip_suffix('b').filter(|rest| !rest.is_empty()).unwrap_or(unit);
    let mut letters = unit.chars();
    let factor = match (letters.next(), letters.next()) {
        (None, _) => 1,
        (Some(letter), None) => 1000i64.checked_pow(power(letter)?)?,
        (Some(letter), Some('i')) => 1024i64.checked_pow(power(letter)?)?,
        _ => return None,
    };
    letters.next().is_none().then_some(())?;
    let amount = super::types::parse_decimal(heap, amount)?;
    computed(heap, arithmetic::mul_truncated(amount, Number::Int(factor)))
}

/// How many thousands a letter multiplies.
fn power(letter: char) -> Option<u32> {
    Some(match letter {
        'k' | 'K' => 1,
        'm' | 'M' => 2,
        'g' | 'G' => 3,
        't' | 'T' => 4,
        'p' | 'P' => 5,
        'e' | 'E' => 6,
        _ => return None,
    })
}

fn without_quotes<'h>(heap: Heap<'h>, text: &str, map: fn(char) -> char) -> &'h str {
    let mut out = Text::new(heap, text.len());
    text.chars().filter(|c| *c != '"').for_each(|c| out.push(map(c)));
    out.finish_str()
}

/// The amount in front, which is not empty, and the unit behind it.
fn split(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let sign = |at: usize| matches!(bytes.get(at), Some(b'+' | b'-'));
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => at += 1,
            b'e' | b'E' if digit(at + 1) || sign(at + 1) => {
                at += 1 + usize::from(sign(at + 1));
                let digits = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
                (digits <= MAX_EXPONENT_DIGITS).then_some(())?;
            }
            _ => break,
        }
    }
    (at > 0 && !text.contains(' ')).then_some(())?;
    text.split_at_checked(at)
}
