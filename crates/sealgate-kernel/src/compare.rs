//! Rego's total order over values, and equality by it. Recursion is as deep as the values are, which the parsers bound.
#![allow(unsafe_code, reason = "looks at pairs as at twice so many values")]

use core::cmp::Ordering;

use crate::layout::{FLAG_INTERNED, FLAG_STATIC, TAG_ARRAY, TAG_BOOL, TAG_NUMBER, TAG_OBJECT, TAG_SET};
use crate::{Value, bytes};

/// Orders by type (null, boolean, number, string, array, object, set), then by content: numbers by what they are worth,
/// strings by code points, arrays element by element, sets likewise in order. Objects compare key by key and value by value
/// in the order of keys, as OPA's do.
#[inline(never)]
pub(crate) fn compare(a: Value<'_>, b: Value<'_>) -> Ordering {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => bytes::compare(a.as_bytes(), b.as_bytes()),
        _ => compare_others(a, b),
    }
}

/// Compares values that are not both strings. Tags are in the order of types.
///
/// It calls itself at every depth, so it keeps nothing on the shadow stack: what does is a function of its own.
#[inline(never)]
fn compare_others(a: Value<'_>, b: Value<'_>) -> Ordering {
    let tag = a.tag();
    if a.is_same(b) || tag != b.tag() {
        return tag.cmp(&b.tag());
    }
    // A pair is two values, the key first.
    let values = match tag {
        TAG_BOOL => return a.marks().cmp(&b.marks()),
        TAG_NUMBER => return compare_numbers(a, b),
        TAG_ARRAY | TAG_SET => 1,
        TAG_OBJECT => 2,
        // Null, of which there is one.
        _ => return Ordering::Equal,
    };
    let (left, right) = (first(a), first(b));
    let (count, other) = (count(a), count(b));
    for place in 0..count.min(other) * values {
        // SAFETY: there are so many values in both.
        let order = unsafe { compare(*left.add(place), *right.add(place)) };
        if order.is_ne() {
            return order;
        }
    }
    count.cmp(&other)
}

#[inline(never)]
fn compare_numbers(a: Value<'_>, b: Value<'_>) -> Ordering {
    a.as_number().cmp(&b.as_number())
}

/// Where the values of an array, set or object lie, in order.
#[inline(never)]
fn first<'h>(collection: Value<'h>) -> *const Value<'h> {
    match collection.as_object() {
        Some(pairs) => pairs.as_ptr().cast(),
        None => collection.as_elements().unwrap_or_default().as_ptr(),
    }
}

/// How many there are, once they are in order.
#[inline(never)]
fn count(collection: Value<'_>) -> usize {
    collection.content().1
}

/// Whether [`compare`] gives `Equal`, found out faster.
#[inline]
pub(crate) fn equal(a: Value<'_>, b: Value<'_>) -> bool {
    a.is_same(b) || equal_texts(a, b)
}

#[inline(never)]
fn equal_texts(a: Value<'_>, b: Value<'_>) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(left), Some(right)) => {
            !differ_by_flags(a.flags(), b.flags()) && bytes::equal(left.as_bytes(), right.as_bytes())
        }
        // Lengths tell most collections apart.
        _ => a.count() == b.count() && compare_others(a, b).is_eq(),
    }
}

/// Whether strings with these flags, at different addresses, are different for sure.
const fn differ_by_flags(a: u16, b: u16) -> bool {
    a & b & FLAG_INTERNED != 0 && (a | b) & FLAG_STATIC != 0
}
