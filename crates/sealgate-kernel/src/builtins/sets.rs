//! Set operations. Sets are sorted, so each is one pass over its operands.

use core::cmp::Ordering;

use crate::{Heap, SetBuilder, Value};

builtins! { TABLE:
    "and" => sg_b_and = intersection as (a: SET, b: SET);
    "or" => sg_b_or = union as (a: SET, b: SET);
    "set_diff" => sg_b_set_diff = difference as (a: SET, b: SET);
    "intersection" => sg_b_intersection = intersection_of as (sets: SET | OF_SETS);
    "union" => sg_b_union = union_of as (sets: SET | OF_SETS);
}

/// The elements of `a` that are in `b`.
fn intersection<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    merge(heap, a, b, [false, true, false])
}

/// The elements of either.
fn union<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    merge(heap, a, b, [true, true, true])
}

/// The elements of `a` that are not in `b`.
pub(super) fn difference<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    merge(heap, a, b, [true, false, false])
}

/// The elements that all sets of a set have.
fn intersection_of<'h>(heap: Heap<'h>, sets: Value<'h>) -> Option<Value<'h>> {
    let sets = sets.as_set()?;
    sets.iter().all(|set| set.as_set().is_some()).then_some(())?;
    let mut rest = sets.iter().copied();
    let Some(first) = rest.next() else { return Some(SetBuilder::new(heap, 0).finish()) };
    rest.try_fold(first, |common, set| intersection(heap, common, set))
}

/// The elements that any set of a set has.
fn union_of<'h>(heap: Heap<'h>, sets: Value<'h>) -> Option<Value<'h>> {
    let mut all = SetBuilder::new(heap, 0);
    for set in sets.as_set()? {
        for element in set.as_set()? {
            all.add(*element);
        }
    }
    Some(all.finish())
}

/// Walks two sets side by side and keeps what is only in `a`, in both, only in `b`.
fn merge<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>, keep: [bool; 3]) -> Option<Value<'h>> {
    let (mut a, mut b) = (a.as_set()?, b.as_set()?);
    let [keep_a, keep_both, keep_b] = keep;
    // Of two elements that differ in notation only (1 and 1.0), OPA keeps that of the smaller set in an intersection.
    let both_from_b = !keep_a && b.len() < a.len();
    let mut out = SetBuilder::new(heap, if keep_b { a.len() + b.len() } else { a.len() });
    loop {
        let order = match (a, b) {
            ([], []) => return Some(out.finish()),
            (_, []) => Ordering::Less,
            ([], _) => Ordering::Greater,
            ([first_a, ..], [first_b, ..]) => first_a.cmp(first_b),
        };
        let (source, keep) = match order {
            Ordering::Less => (a, keep_a),
            Ordering::Equal => (if both_from_b { b } else { a }, keep_both),
            Ordering::Greater => (b, keep_b),
        };
        if let ([element, ..], true) = (source, keep) {
            out.add(*element);
        }
        if order.is_le() {
            a = a.get(1..).unwrap_or(&[]);
        }
        if order.is_ge() {
            b = b.get(1..).unwrap_or(&[]);
        }
    }
}
