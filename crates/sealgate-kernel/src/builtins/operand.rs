//! What builtins share about their operands and results: integers as OPA takes them, strings of a collection, numbers.

use crate::number::arithmetic::{self, Computed, NumberError};
use crate::{Heap, Number, Text, Value};

/// A number written as an integer within i64, be it with a point and zeros, in 19 characters at most: what OPA takes for an
/// index or a length.
pub(super) fn integer(value: Value<'_>) -> Option<i64> {
    match value.as_number()? {
        Number::Int(value) => Some(value),
        Number::Decimal(text) => integer_text(text),
    }
}

/// As [`integer`], of a text.
pub(super) fn integer_text(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let zeros = digits.split_once('.').map_or("", |(_, zeros)| zeros);
    let fits = digits.len() <= 19 && zeros.bytes().all(|zero| zero == b'0');
    // What stands before the point; an exponent is no integer.
    text.split('.').next().filter(|_| fits)?.parse().ok()
}

/// A number that has no fraction, however it is written, within i64.
pub(super) fn whole_number(value: Value<'_>) -> Option<i64> {
    arithmetic::to_i64(value.as_number()?)
}

/// An operation's result as a value: undefined for an error of its operands.
pub(super) fn computed<'h>(heap: Heap<'h>, result: Result<Computed, NumberError>) -> Option<Value<'h>> {
    match result {
        Ok(Computed::Int(value)) => Some(Value::int(heap, value)),
        Ok(Computed::Decimal(text)) => Some(Value::number(heap, Number::Decimal(heap.copy_str(&text)))),
        // A limit of this kernel and not of the language: undefined would let `not` succeed.
        Err(NumberError::OutOfBounds) => crate::abort(c"number has too many digits"),
        Err(_) => None,
    }
}

/// A count or position as a value.
pub(super) fn count<'h>(heap: Heap<'h>, count: usize) -> Option<Value<'h>> {
    Some(Value::int(heap, i64::try_from(count).ok()?))
}

/// A truth value, always defined.
pub(super) fn truth<'h>(value: bool) -> Option<Value<'h>> {
    Some(Value::bool(value))
}

/// A position or length that came as an integer; one below zero is zero, one beyond memory the largest.
pub(super) fn clamped(value: i64) -> usize {
    usize::try_from(value.max(0)).unwrap_or(usize::MAX)
}

/// The digits of a count.
pub(super) fn decimal<'h>(heap: Heap<'h>, mut count: usize) -> &'h str {
    let mut reversed = crate::List::new(heap, 4);
    loop {
        reversed.push(b'0' + (count % 10) as u8);
        count /= 10;
        if count == 0 {
            break;
        }
    }
    let mut text = Text::new(heap, reversed.len());
    reversed.as_slice().iter().rev().for_each(|digit| text.push(char::from(*digit)));
    text.finish_str()
}

/// Bytes as a string; each byte that is no UTF-8 becomes a replacement character.
pub(super) fn lossy_text<'h>(heap: Heap<'h>, bytes: &'h [u8]) -> Value<'h> {
    let mut rest = match core::str::from_utf8(bytes) {
        Ok(text) => return Value::string(heap, text),
        Err(_) => bytes,
    };
    let mut text = Text::new(heap, bytes.len() + 8);
    loop {
        let error = match core::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return text.finish();
            }
            Err(error) => error,
        };
        let (valid, bad) = rest.split_at_checked(error.valid_up_to()).unwrap_or_default();
        text.push_str(core::str::from_utf8(valid).unwrap_or_default());
        text.push(char::REPLACEMENT_CHARACTER);
        rest = bad.get(1..).unwrap_or_default();
    }
}
