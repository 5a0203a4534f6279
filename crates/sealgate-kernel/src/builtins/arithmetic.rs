//! Arithmetic, bits and ranges of numbers, and integers as text. The arithmetic itself is in [`crate::number::arithmetic`].

use super::failure::{Failure, Given, Operand};
use super::operand::{computed, integer, whole_number};
use crate::number::arithmetic::{self, Bits, Computed, NumberError};
use crate::{ArrayBuilder, Heap, Number, Value};

builtins! { TABLE:
    "plus" => sg_b_plus = plus as (a: NUMBER, b: NUMBER);
    "minus" => sg_b_minus = minus as (a: NUMBER | SET, b: NUMBER | SET);
    "mul" => sg_b_mul = mul as (a: NUMBER, b: NUMBER);
    "div" => sg_b_div = div as (a: NUMBER, b: NUMBER) or "divide by zero";
    "rem" => sg_b_rem = rem as (a: NUMBER, b: NUMBER) or "modulo by zero or on a floating-point number";
    "abs" => sg_b_abs = abs as (number: NUMBER);
    "round" => sg_b_round = round as (number: NUMBER);
    "ceil" => sg_b_ceil = ceil as (number: NUMBER);
    "floor" => sg_b_floor = floor as (number: NUMBER);
    "bits.and" => sg_b_bits_and = bits_and as (a: INTEGER, b: INTEGER);
    "bits.or" => sg_b_bits_or = bits_or as (a: INTEGER, b: INTEGER);
    "bits.xor" => sg_b_bits_xor = bits_xor as (a: INTEGER, b: INTEGER);
    "bits.negate" => sg_b_bits_negate = bits_negate as (number: INTEGER);
    "bits.lsh" => sg_b_bits_lsh = bits_lsh as (number: INTEGER, count: INTEGER);
    "bits.rsh" => sg_b_bits_rsh = bits_rsh as (number: INTEGER, count: INTEGER);
    "numbers.range" => sg_b_numbers_range = numbers_range as (from: INTEGER, to: INTEGER);
    "numbers.range_step" => sg_b_numbers_range_step = numbers_range_step as (from: INTEGER, to: INTEGER, step: INTEGER) or "step must be a positive integer";
    "format_int" => sg_b_format_int = format_int as (number: NUMBER, base: NUMBER);
}

/// The most numbers that a range may have: about 200 MB.
const LONGEST_RANGE: i64 = 10_000_000;

fn plus<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::add(a.as_number()?, b.as_number()?))
}

/// The difference of two numbers or of two sets.
fn minus<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Given<'h> {
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => computed(heap, arithmetic::sub(a, b)).ok_or(None),
        (None, Some(_)) if a.as_set().is_some() => Err(Some(Failure::Type(2, Operand::SET))),
        (Some(_), None) => Err(Some(Failure::Type(2, Operand::NUMBER))),
        _ => super::sets::difference(heap, a, b).ok_or(None),
    }
}

fn mul<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::mul(a.as_number()?, b.as_number()?))
}

fn div<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::div(a.as_number()?, b.as_number()?))
}

fn rem<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::rem(a.as_number()?, b.as_number()?))
}

fn abs<'h>(heap: Heap<'h>, number: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::abs(number.as_number()?))
}

fn round<'h>(heap: Heap<'h>, number: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::round(number.as_number()?))
}

fn ceil<'h>(heap: Heap<'h>, number: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::ceil(number.as_number()?))
}

fn floor<'h>(heap: Heap<'h>, number: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::floor(number.as_number()?))
}

fn bits_and<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::bits(a.as_number()?, b.as_number()?, Bits::And))
}

fn bits_or<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::bits(a.as_number()?, b.as_number()?, Bits::Or))
}

fn bits_xor<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::bits(a.as_number()?, b.as_number()?, Bits::Xor))
}

fn bits_negate<'h>(heap: Heap<'h>, number: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::bits_not(number.as_number()?))
}

fn bits_lsh<'h>(heap: Heap<'h>, number: Value<'h>, count: Value<'h>) -> Given<'h> {
    let (number, places) = shifted(number, count)?;
    computed(heap, arithmetic::shift_left(number, places)).ok_or(None)
}

fn bits_rsh<'h>(heap: Heap<'h>, number: Value<'h>, count: Value<'h>) -> Given<'h> {
    let (number, places) = shifted(number, count)?;
    computed(heap, arithmetic::shift_right(number, places)).ok_or(None)
}

/// The operands of a shift: two integers, the second not below zero.
fn shifted<'h>(number: Value<'h>, count: Value<'h>) -> Result<(Number<'h>, Number<'h>), Option<Failure>> {
    let integer = |value: Value<'h>| value.as_number().filter(|number| arithmetic::is_integer(*number)).ok_or(None);
    let (number, count) = (integer(number)?, integer(count)?);
    if count < Number::Int(0) {
        let problem = "must be an unsigned integer number but got a negative integer";
        return Err(Some(Failure::Operand(2, problem)));
    }
    Ok((number, count))
}

/// The integers from one to another, both included, upwards or downwards.
fn numbers_range<'h>(heap: Heap<'h>, from: Value<'h>, to: Value<'h>) -> Option<Value<'h>> {
    range(heap, from, to, Number::Int(1))
}

/// As `numbers.range`, with steps of a positive integer.
fn numbers_range_step<'h>(heap: Heap<'h>, from: Value<'h>, to: Value<'h>, step: Value<'h>) -> Option<Value<'h>> {
    let step = step.as_number()?;
    (arithmetic::is_integer(step) && step > Number::Int(0)).then_some(())?;
    range(heap, from, to, step)
}

fn range<'h>(heap: Heap<'h>, from: Value<'h>, to: Value<'h>, step: Number<'_>) -> Option<Value<'h>> {
    if let (Some(start), Some(end), Some(step)) = (whole_number(from), whole_number(to), arithmetic::to_i64(step)) {
        return Some(small_range(heap, start, end, step));
    }
    let (from, to) = (from.as_number()?, to.as_number()?);
    (arithmetic::is_integer(from) && arithmetic::is_integer(to)).then_some(())?;
    large_range(heap, from, to, step)
}

fn small_range<'h>(heap: Heap<'h>, start: i64, end: i64, step: i64) -> Value<'h> {
    let length = start.abs_diff(end) / step.unsigned_abs().max(1);
    if length >= LONGEST_RANGE.unsigned_abs() {
        too_long();
    }
    let mut array = ArrayBuilder::new(heap, length as usize + 1);
    let step = if start <= end { step } else { -step };
    let mut next = start;
    for _ in 0..=length {
        array.push(Value::int(heap, next));
        next = next.wrapping_add(step);
    }
    array.finish()
}

/// A range with an end or a step that is no i64.
fn large_range<'h>(heap: Heap<'h>, from: Number<'_>, to: Number<'_>, step: Number<'_>) -> Option<Value<'h>> {
    let upwards = from <= to;
    let (low, high) = if upwards { (from, to) } else { (to, from) };
    let longest = bounded(arithmetic::mul(step, Number::Int(LONGEST_RANGE)))?;
    if bounded(arithmetic::sub(high, low))?.as_number() >= longest.as_number() {
        too_long();
    }
    let mut array = ArrayBuilder::new(heap, 0);
    // Adding zero writes the number as an integer.
    let mut next = bounded(arithmetic::add(from, Number::Int(0)))?;
    while if upwards { next.as_number() <= to } else { next.as_number() >= to } {
        array.push(computed(heap, Ok(next.clone()))?);
        let moved = if upwards { arithmetic::add } else { arithmetic::sub };
        next = bounded(moved(next.as_number(), step))?;
    }
    Some(array.finish())
}

fn bounded(result: Result<Computed, NumberError>) -> Option<Computed> {
    match result {
        Err(NumberError::OutOfBounds) => crate::abort(c"number has too many digits"),
        result => result.ok(),
    }
}

fn too_long() -> ! {
    crate::abort(c"numbers.range: too many numbers")
}

/// A number's integer part in base 2, 8, 10 or 16.
fn format_int<'h>(heap: Heap<'h>, number: Value<'h>, base: Value<'h>) -> Given<'h> {
    let number = number.as_number().ok_or(None)?;
    // Its type comes first, and then the notation counts: `10.0` is no base.
    base.as_number().ok_or(None)?;
    let base = integer(base).and_then(|base| u32::try_from(base).ok()).unwrap_or(0);
    match arithmetic::format_integer(number, base) {
        Ok(text) => Ok(Value::string_copy(heap, &text)),
        Err(NumberError::OutOfBounds) => crate::abort(c"number has too many digits"),
        Err(_) => Err(Some(Failure::Operand(2, "must be one of {2, 8, 10, 16}"))),
    }
}
