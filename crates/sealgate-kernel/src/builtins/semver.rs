//! Semantic versions compared and checked.

use core::cmp::Ordering;

use super::operand::truth;
use crate::{Heap, Value};

builtins! { TABLE:
    "semver.compare" => sg_b_semver_compare = compare as (a: STRING, b: STRING) or "an operand is not a valid SemVer";
    "semver.is_valid" => sg_b_semver_is_valid = is_valid as (version: STRING);
}

/// A version; its metadata is checked and has no part in the order.
#[derive(Clone, Copy)]
struct Version<'v> {
    numbers: [i64; 3],
    pre_release: &'v str,
}

/// -1, 0 or 1.
fn compare<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    let (a, b) = (parse(a.as_str()?)?, parse(b.as_str()?)?);
    let order = a.numbers.cmp(&b.numbers).then_with(|| compare_pre_releases(a.pre_release, b.pre_release));
    Some(Value::int(heap, order as i64))
}

fn is_valid<'h>(_: Heap<'h>, version: Value<'h>) -> Option<Value<'h>> {
    truth(version.as_str().and_then(parse).is_some())
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
    let (text, pre_release) = text.split_once('-').unwrap_or((text, ""));
    for identifiers in [metadata, pre_release] {
        let valid = |one: &str| !one.is_empty() && one.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric());
        if !identifiers.is_empty() && !identifiers.split('.').all(valid) {
            return None;
        }
    }
    let mut numbers = [0; 3];
    let mut parts = text.split('.');
    for number in &mut numbers {
        let part = parts.next()?;
        (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(Version { numbers, pre_release })
}

fn compare_pre_releases(a: &str, b: &str) -> Ordering {
    // A version without a pre-release is the later one.
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => compare_identifiers(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers by value and before everything else.
fn compare_identifiers(a: &str, b: &str) -> Ordering {
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (numeric(a), numeric(b)) {
        (true, true) => {
            // One beyond an i64 is the largest of them.
            let number = |text: &str| text.parse().unwrap_or(i64::MAX);
            number(a).cmp(&number(b))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}
