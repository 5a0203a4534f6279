//! Arithmetic, bits and ranges of numbers, and integers as text. The arithmetic itself is in [`crate::number::arithmetic`].

use super::operand::{computed, integer, whole_number};
use crate::number::arithmetic::{self, Bits, Computed, NumberError};
use crate::{ArrayBuilder, Heap, Number, Value};

builtins! { TABLE:
    "plus" => sg_b_plus = plus as (a, b);
    "minus" => sg_b_minus = minus as (a, b);
    "mul" => sg_b_mul = mul as (a, b);
    "div" => sg_b_div = div as (a, b);
    "rem" => sg_b_rem = rem as (a, b);
    "abs" => sg_b_abs = abs as (number);
    "round" => sg_b_round = round as (number);
    "ceil" => sg_b_ceil = ceil as (number);
    "floor" => sg_b_floor = floor as (number);
    "bits.and" => sg_b_bits_and = bits_and as (a, b);
    "bits.or" => sg_b_bits_or = bits_or as (a, b);
    "bits.xor" => sg_b_bits_xor = bits_xor as (a, b);
    "bits.negate" => sg_b_bits_negate = bits_negate as (number);
    "bits.lsh" => sg_b_bits_lsh = bits_lsh as (number, count);
    "bits.rsh" => sg_b_bits_rsh = bits_rsh as (number, count);
    "numbers.range" => sg_b_numbers_range = numbers_range as (from, to);
    "numbers.range_step" => sg_b_numbers_range_step = numbers_range_step as (from, to, step);
    "format_int" => sg_b_format_int = format_int as (number, base);
}

/// The most numbers that a range may have: about 200 MB.
const LONGEST_RANGE: i64 = 10_000_000;

fn plus<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::add(a.as_number()?, b.as_number()?))
}

/// The difference of two numbers or of two sets.
fn minus<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => computed(heap, arithmetic::sub(a, b)),
        (None, None) => super::sets::difference(heap, a, b),
        _ => None,
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

fn bits_lsh<'h>(heap: Heap<'h>, number: Value<'h>, count: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::shift_left(number.as_number()?, count.as_number()?))
}

fn bits_rsh<'h>(heap: Heap<'h>, number: Value<'h>, count: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::shift_right(number.as_number()?, count.as_number()?))
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
fn format_int<'h>(heap: Heap<'h>, number: Value<'h>, base: Value<'h>) -> Option<Value<'h>> {
    let number = number.as_number()?;
    let base = u32::try_from(integer(base)?).ok()?;
    match arithmetic::format_integer(number, base) {
        Ok(text) => Some(Value::string_copy(heap, &text)),
        Err(NumberError::OutOfBounds) => crate::abort(c"number has too many digits"),
        Err(_) => None,
    }
}
