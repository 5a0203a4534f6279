//! Rego's total order over values, and equality by it. Recursion is as deep as the values are, which the parsers bound.

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
#[inline(never)]
fn compare_others(a: Value<'_>, b: Value<'_>) -> Ordering {
    let tag = a.tag();
    if a.is_same(b) || tag != b.tag() {
        return tag.cmp(&b.tag());
    }
    match tag {
        TAG_BOOL => a.as_bool().cmp(&b.as_bool()),
        TAG_NUMBER => a.as_number().cmp(&b.as_number()),
        TAG_ARRAY | TAG_SET => compare_elements(elements(a), elements(b)),
        TAG_OBJECT => {
            let (a, b) = (a.as_object().unwrap_or_default(), b.as_object().unwrap_or_default());
            for (a, b) in a.iter().zip(b) {
                let order = compare(a.key, b.key).then_with(|| compare(a.value, b.value));
                if order.is_ne() {
                    return order;
                }
            }
            a.len().cmp(&b.len())
        }
        // Null, of which there is one.
        _ => Ordering::Equal,
    }
}

fn elements<'h>(value: Value<'h>) -> &'h [Value<'h>] {
    value.as_elements().unwrap_or_default()
}

fn compare_elements(a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = compare(*a, *b);
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
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
