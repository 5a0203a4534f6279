//! Rego's total order over values, and equality by it. Recursion is as deep as the values are, which the parsers bound.

use core::cmp::Ordering;

use crate::layout::{FLAG_INTERNED, FLAG_STATIC};
use crate::{Value, View, bytes};

/// Orders by type (null, boolean, number, string, array, object, set), then by content: numbers by what they are worth,
/// strings by code points, arrays element by element, sets likewise in order. Objects compare key by key and value by value
/// in the order of keys, as OPA's do.
#[inline]
pub(crate) fn compare(a: Value<'_>, b: Value<'_>) -> Ordering {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => bytes::compare(a.as_bytes(), b.as_bytes()),
        _ => compare_any(a, b),
    }
}

fn compare_any(a: Value<'_>, b: Value<'_>) -> Ordering {
    if a.is_same(b) {
        return Ordering::Equal;
    }
    match (a.view(), b.view()) {
        (View::Null, View::Null) => Ordering::Equal,
        (View::Bool(a), View::Bool(b)) => a.cmp(&b),
        (View::Number(a), View::Number(b)) => a.cmp(&b),
        (View::String(a), View::String(b)) => bytes::compare(a.as_bytes(), b.as_bytes()),
        (View::Array(a), View::Array(b)) | (View::Set(a), View::Set(b)) => compare_elements(a, b),
        (View::Object(a), View::Object(b)) => {
            for (a, b) in a.iter().zip(b) {
                let order = compare(a.key, b.key).then_with(|| compare(a.value, b.value));
                if order.is_ne() {
                    return order;
                }
            }
            a.len().cmp(&b.len())
        }
        _ => a.kind().cmp(&b.kind()),
    }
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
    if a.is_same(b) {
        return true;
    }
    match (a.as_str(), b.as_str()) {
        (Some(left), Some(right)) => {
            !differ_by_flags(a.header().flags, b.header().flags) && bytes::equal(left.as_bytes(), right.as_bytes())
        }
        _ => equal_any(a, b),
    }
}

/// Whether strings with these flags, at different addresses, are different for sure.
const fn differ_by_flags(a: u16, b: u16) -> bool {
    a & b & FLAG_INTERNED != 0 && (a | b) & FLAG_STATIC != 0
}

fn equal_any(a: Value<'_>, b: Value<'_>) -> bool {
    if a.is_same(b) {
        return true;
    }
    match (a.view(), b.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::Number(a), View::Number(b)) => a == b,
        (View::String(a), View::String(b)) => bytes::equal(a.as_bytes(), b.as_bytes()),
        (View::Array(a), View::Array(b)) | (View::Set(a), View::Set(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(*a, *b))
        }
        (View::Object(a), View::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a.key, b.key) && equal(a.value, b.value))
        }
        _ => false,
    }
}
