//! What builtins share about their operands and results: integers as OPA takes them, strings of a collection, numbers.

use crate::number::arithmetic::{self, Computed, NumberError};
use crate::{Heap, Number, Value};

/// A number written as an integer within i64: `1.0` is none.
pub(super) fn integer(value: Value<'_>) -> Option<i64> {
    match value.as_number()? {
        Number::Int(value) => Some(value),
        Number::Decimal(text) => (text == "-0").then_some(0),
    }
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
