//! `json.patch`: RFC 6902 over any document, also through sets, whose elements are their own keys.

use super::failure::{Failure, Given};
use super::json_paths::{NO_PATH, segments};
use crate::{ArrayBuilder, Heap, Kind, List, ObjectBuilder, SetBuilder, Value, View};

builtins! { TABLE:
    "json.patch" => sg_b_json_patch = patch as (document: ANY, operations: ARRAY) or "the patch does not apply";
}

/// The document after all operations; undefined if one of them fails.
fn patch<'h>(heap: Heap<'h>, document: Value<'h>, operations: Value<'h>) -> Given<'h> {
    // `None` is a document that was removed as a whole.
    let mut document = Some(document);
    for operation in operations.as_array().ok_or(None)? {
        let member = |name: &str| operation.get_str(name).ok_or(None);
        operation.as_object().ok_or(None)?;
        let path = member("path")?;
        let op = member("op")?.as_str().ok_or(None)?;
        let path = segments(heap, path).ok_or(Some(NO_PATH))?;
        let from = match operation.get_str("from").filter(|_| matches!(op, "move" | "copy")) {
            Some(from) => Some(segments(heap, from).ok_or(Some(NO_PATH))?),
            None => None,
        };
        document = apply(heap, document, *operation, op, &path, from.as_deref()).ok_or(None)?;
    }
    document.ok_or(Some(Failure::Undefined))
}

/// The document after one operation; the inner `None` is no document.
fn apply<'h>(
    heap: Heap<'h>,
    mut document: Option<Value<'h>>,
    operation: Value<'h>,
    op: &str,
    path: &[Value<'h>],
    from: Option<&[Value<'h>]>,
) -> Option<Option<Value<'h>>> {
    match op {
        "add" => document = Some(insert(heap, document, path, operation.get_str("value")?)?),
        "remove" => document = delete(heap, document?, path)?,
        "replace" => {
            let rest = delete(heap, document?, path)?;
            document = Some(insert(heap, rest, path, operation.get_str("value")?)?);
        }
        "move" => {
            let moved = find(document?, from?)?;
            let rest = delete(heap, document?, from?)?;
            document = Some(insert(heap, rest, path, moved)?);
        }
        "copy" => {
            let copied = find(document?, from?)?;
            document = Some(insert(heap, document, path, copied)?);
        }
        "test" => (find(document?, path)? == operation.get_str("value")?).then_some(())?,
        _ => return None,
    }
    Some(document)
}

fn find<'h>(value: Value<'h>, path: &[Value<'h>]) -> Option<Value<'h>> {
    path.iter().try_fold(value, |value, key| child(value, *key))
}

fn child<'h>(value: Value<'h>, key: Value<'h>) -> Option<Value<'h>> {
    match value.as_array() {
        Some(elements) => elements.get(index(elements.len(), key)?).copied(),
        None => value.get(key),
    }
}

/// The document with `new` at the end of the path: in place of what is there, in front of it in an array.
fn insert<'h>(heap: Heap<'h>, value: Option<Value<'h>>, path: &[Value<'h>], new: Value<'h>) -> Option<Value<'h>> {
    let Some((key, rest)) = path.split_first() else { return Some(new) };
    let value = value?;
    if !rest.is_empty() {
        let inner = insert(heap, Some(child(value, *key)?), rest, new)?;
        return with_child(heap, value, *key, Some(inner));
    }
    match value.kind() {
        Kind::Array => {
            let elements = value.as_array()?;
            let (before, behind) = elements.split_at_checked(index(elements.len(), *key)?)?;
            let mut longer = List::new(heap, elements.len() + 1);
            longer.extend(before);
            longer.push(new);
            longer.extend(behind);
            Some(Value::array(heap, longer.finish()))
        }
        Kind::Set if *key != new => None,
        _ => with_child(heap, value, *key, Some(new)),
    }
}

/// The document without what is at the end of the path, which must be there; the inner `None` is no document.
fn delete<'h>(heap: Heap<'h>, value: Value<'h>, path: &[Value<'h>]) -> Option<Option<Value<'h>>> {
    let Some((key, rest)) = path.split_first() else { return Some(None) };
    let inner = delete(heap, child(value, *key)?, rest)?;
    with_child(heap, value, *key, inner).map(Some)
}

/// `value` with another child under `key`, or with none.
fn with_child<'h>(heap: Heap<'h>, value: Value<'h>, key: Value<'h>, new: Option<Value<'h>>) -> Option<Value<'h>> {
    Some(match value.view() {
        View::Array(elements) => {
            let at = index(elements.len(), key)?;
            let mut array = ArrayBuilder::new(heap, elements.len());
            for (position, element) in elements.iter().enumerate() {
                if let Some(element) = if position == at { new } else { Some(*element) } {
                    array.push(element);
                }
            }
            array.finish()
        }
        View::Set(elements) => {
            let mut set = SetBuilder::new(heap, elements.len() + 1);
            elements.iter().filter(|element| **element != key).for_each(|element| set.add(*element));
            new.into_iter().for_each(|element| set.add(element));
            set.finish()
        }
        View::Object(pairs) => {
            let mut object = ObjectBuilder::new(heap, pairs.len() + 1);
            pairs.iter().filter(|pair| pair.key != key).for_each(|pair| object.insert(pair.key, pair.value));
            new.into_iter().for_each(|member| object.insert(key, member));
            object.finish()
        }
        _ => return None,
    })
}

/// The index that a key stands for: a number, its text without leading zeros, or `-` for the place behind the last element.
fn index(length: usize, key: Value<'_>) -> Option<usize> {
    let index = match key.as_str() {
        None => super::operand::integer(key)?,
        Some("-") => return Some(length),
        Some(text) if text != "0" && text.starts_with('0') => return None,
        Some(text) => super::operand::integer_text(text)?,
    };
    usize::try_from(index).ok()
}
