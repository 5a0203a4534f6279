//! Documents by path: `with`, data edits by the host, merging of objects, and lookups in base data.

use crate::collection::{object_insert, object_of};
use crate::layout::TAG_OBJECT;
use crate::{Heap, Number, ObjectBuilder, Pair, Value, View};

/// Why a document cannot be changed at a path. The numbers are those of the OPA ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum PathError {
    /// What the path leads through is not an object.
    InvalidType = 2,
    /// The path is not a non-empty array of strings.
    InvalidPath = 3,
}

impl core::fmt::Display for PathError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            PathError::InvalidType => "the path leads through a value that is not an object",
            PathError::InvalidPath => "the path is not a non-empty array of strings",
        })
    }
}

impl core::error::Error for PathError {}

/// Puts `value` at `path` in `document`, in place, creating the objects that are missing.
///
/// # Errors
/// See [`PathError`].
pub fn add<'h>(heap: Heap<'h>, document: Value<'h>, path: Value<'h>, value: Value<'h>) -> Result<(), PathError> {
    let (last, parents) = split(path)?;
    let mut current = document;
    for key in parents {
        current = match current.get(*key) {
            Some(next) => next,
            None if current.tag() == TAG_OBJECT => {
                let next = ObjectBuilder::new(heap, 1).finish();
                object_insert(heap, current, *key, next);
                next
            }
            None => return Err(PathError::InvalidType),
        };
    }
    if current.tag() != TAG_OBJECT {
        return Err(PathError::InvalidType);
    }
    object_insert(heap, current, last, value);
    Ok(())
}

/// Removes what is at `path` in `document`, in place. A path that leads nowhere is no error.
///
/// # Errors
/// See [`PathError`].
pub fn remove<'h>(document: Value<'h>, path: Value<'h>) -> Result<(), PathError> {
    let (last, parents) = split(path)?;
    let mut current = document;
    for key in parents {
        match current.get(*key) {
            Some(next) => current = next,
            None => return Ok(()),
        }
    }
    if current.tag() != TAG_OBJECT {
        return Err(PathError::InvalidType);
    }
    crate::collection::object_remove(current, last);
    Ok(())
}

fn split(path: Value<'_>) -> Result<(Value<'_>, &[Value<'_>]), PathError> {
    let keys = path.as_array().ok_or(PathError::InvalidPath)?;
    if keys.iter().any(|key| key.as_str().is_none()) {
        return Err(PathError::InvalidPath);
    }
    keys.split_last().map(|(last, parents)| (*last, parents)).ok_or(PathError::InvalidPath)
}

/// What `base` is with `value` at the keys of `path`: objects on the path are copied, never changed; whatever else stands on
/// it, or nothing, gives way to a new object.
pub fn put<'h>(heap: Heap<'h>, base: Option<Value<'h>>, path: &[Value<'h>], value: Value<'h>) -> Value<'h> {
    let Some((key, rest)) = path.split_first() else { return value };
    let pairs = base.and_then(Value::as_object).unwrap_or_default();
    let below = base.and_then(Value::as_object).and(base).and_then(|base| base.get(*key));
    let inner = put(heap, below, rest, value);
    let mut object = ObjectBuilder::new(heap, pairs.len() + 1);
    for pair in pairs {
        object.insert(pair.key, pair.value);
    }
    object.insert(*key, inner);
    object.finish()
}

/// What lies at `key` in base data, whose paths are text: a number leads to the member that it names, digits to the element
/// that they count to.
pub fn base_member<'h>(value: Value<'h>, key: Value<'h>) -> Option<Value<'h>> {
    value.get(key).or_else(|| match key.view() {
        View::Number(Number::Int(number)) => {
            let mut buffer = [0; 21];
            let mut digits = [0; 20];
            let digits = crate::number::digits(number.unsigned_abs(), &mut digits);
            let start = buffer.len() - digits.len();
            buffer.get_mut(start..)?.copy_from_slice(digits);
            *buffer.get_mut(start - 1)? = b'-';
            let text = buffer.get(start - usize::from(number < 0)..)?;
            value.get_str(core::str::from_utf8(text).ok()?)
        }
        View::Number(Number::Decimal(text)) => value.get_str(text),
        View::String(text) => {
            let elements = value.as_array()?;
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            let index = digits.parse().ok().filter(|index| plain && (*index == 0 || !text.starts_with('-')))?;
            elements.get::<usize>(index).copied()
        }
        _ => None,
    })
}

/// Both objects in one, recursively; where only one can be, it is `a`'s. Neither is changed.
pub fn merge<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Value<'h> {
    let (Some(left), Some(right)) = (a.as_object(), b.as_object()) else { return a };
    let target = heap.alloc_pairs(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut len = 0;
    for slot in target.iter_mut() {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.key.cmp(&b.key),
            (Some(_), None) => core::cmp::Ordering::Less,
            (None, Some(_)) => core::cmp::Ordering::Greater,
            (None, None) => break,
        };
        let from_left = if order.is_le() { left.next() } else { None };
        let from_right = if order.is_ge() { right.next() } else { None };
        *slot = match (from_left, from_right) {
            (Some(a), Some(b)) => Pair { key: a.key, value: merge(heap, a.value, b.value) },
            (Some(pair), None) | (None, Some(pair)) => *pair,
            (None, None) => break,
        };
        len += 1;
    }
    object_of(heap, target.get_mut(..len).unwrap_or_default())
}
