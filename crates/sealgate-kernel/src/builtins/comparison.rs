//! Equality and order of any two values, in Rego's total order.

use super::operand::truth;
use crate::{Heap, Value};

builtins! { TABLE:
    "equal" => sg_b_equal = equal as (a, b);
    "neq" => sg_b_neq = not_equal as (a, b);
    "lt" => sg_b_lt = less as (a, b);
    "lte" => sg_b_lte = less_or_equal as (a, b);
    "gt" => sg_b_gt = greater as (a, b);
    "gte" => sg_b_gte = greater_or_equal as (a, b);
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
