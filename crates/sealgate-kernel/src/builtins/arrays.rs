//! Arrays joined, cut and turned round.

use super::operand::{clamped, integer};
use crate::{ArrayBuilder, Heap, List, Value};

builtins! { TABLE:
    "array.concat" => sg_b_array_concat = concat as (a: ARRAY, b: ARRAY);
    "array.flatten" => sg_b_array_flatten = flatten as (array: ARRAY);
    "array.reverse" => sg_b_array_reverse = reverse as (array: ARRAY);
    "array.slice" => sg_b_array_slice = slice as (array: ARRAY, start: INT, stop: INT);
}

fn concat<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    let (a, b) = (a.as_array()?, b.as_array()?);
    let mut joined = List::new(heap, a.len() + b.len());
    joined.extend(a);
    joined.extend(b);
    Some(Value::array(heap, joined.finish()))
}

/// Arrays within the array replaced by their elements, one level deep.
fn flatten<'h>(heap: Heap<'h>, array: Value<'h>) -> Option<Value<'h>> {
    let elements = array.as_array()?;
    let mut flat = ArrayBuilder::new(heap, elements.len());
    for element in elements {
        match element.as_array() {
            Some(inner) => inner.iter().for_each(|element| flat.push(*element)),
            None => flat.push(*element),
        }
    }
    Some(flat.finish())
}

fn reverse<'h>(heap: Heap<'h>, array: Value<'h>) -> Option<Value<'h>> {
    let elements = array.as_array()?;
    let mut reversed = ArrayBuilder::new(heap, elements.len());
    elements.iter().rev().for_each(|element| reversed.push(*element));
    Some(reversed.finish())
}

/// The elements from `start` up to but not `stop`, both moved into the array's bounds.
fn slice<'h>(heap: Heap<'h>, array: Value<'h>, start: Value<'h>, stop: Value<'h>) -> Option<Value<'h>> {
    let elements = array.as_array()?;
    let (start, stop) = (clamped(integer(start)?), clamped(integer(stop)?));
    let stop = stop.min(elements.len());
    Some(Value::array(heap, elements.get(start.min(stop)..stop)?))
}
