//! Equality and order of any two values, in Rego's total order.

use super::operand::truth;
use crate::{Heap, Value};

builtins! { TABLE:
    "equal" => sg_b_equal = equal as (a: ANY, b: ANY);
    "neq" => sg_b_neq = not_equal as (a: ANY, b: ANY);
    "lt" => sg_b_lt = less as (a: ANY, b: ANY);
    "lte" => sg_b_lte = less_or_equal as (a: ANY, b: ANY);
    "gt" => sg_b_gt = greater as (a: ANY, b: ANY);
    "gte" => sg_b_gte = greater_or_equal as (a: ANY, b: ANY);
}

fn equal<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a == b)
}

fn not_equal<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a != b)
}

fn less<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a < b)
}

fn less_or_equal<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a <= b)
}

fn greater<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a > b)
}

fn greater_or_equal<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    truth(a >= b)
}
