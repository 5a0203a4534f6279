//! Objects read, joined, cut and compared.

use core::cmp::Ordering;

use super::failure::{Failure, Given};
use crate::{Heap, ObjectBuilder, Pair, SetBuilder, Value, View};

builtins! { TABLE:
    "object.get" => sg_b_object_get = get as (object: OBJECT, path: ANY, default: ANY);
    "object.keys" => sg_b_object_keys = keys as (object: OBJECT);
    "object.filter" => sg_b_object_filter = filter as (object: OBJECT, keys: ARRAY | SET | OBJECT);
    "object.remove" => sg_b_object_remove = remove as (object: OBJECT, keys: ARRAY | SET | OBJECT);
    "object.union" => sg_b_object_union = union as (a: OBJECT, b: OBJECT);
    "object.union_n" => sg_b_object_union_n = union_n as (objects: ARRAY | OF_OBJECTS);
    "object.subset" => sg_b_object_subset = subset as (whole: ANY, part: ANY);
}

/// The member under a key, or at the end of a path that is an array of keys; `default` where there is none.
fn get<'h>(_: Heap<'h>, object: Value<'h>, path: Value<'h>, default: Value<'h>) -> Option<Value<'h>> {
    object.as_object()?;
    let found = match path.as_array() {
        Some(keys) => keys.iter().try_fold(object, |inner, key| inner.get(*key)),
        None => object.get(path),
    };
    Some(found.unwrap_or(default))
}

fn keys<'h>(heap: Heap<'h>, object: Value<'h>) -> Option<Value<'h>> {
    let pairs = object.as_object()?;
    let mut keys = SetBuilder::new(heap, pairs.len());
    pairs.iter().for_each(|pair| keys.add(pair.key));
    Some(keys.finish())
}

/// The members under the given keys.
fn filter<'h>(heap: Heap<'h>, object: Value<'h>, keys: Value<'h>) -> Option<Value<'h>> {
    let (pairs, keys) = (object.as_object()?, key_set(heap, keys)?);
    // Of two keys that differ in notation only (1 and 1.0), OPA takes that of the smaller operand.
    let own_keys = keys.count()? <= pairs.len();
    let mut picked = ObjectBuilder::new(heap, pairs.len());
    for pair in pairs {
        if let Some(key) = keys.get(pair.key) {
            picked.insert(if own_keys { pair.key } else { key }, pair.value);
        }
    }
    Some(picked.finish())
}

/// The members under other keys than the given ones.
fn remove<'h>(heap: Heap<'h>, object: Value<'h>, keys: Value<'h>) -> Option<Value<'h>> {
    let (pairs, keys) = (object.as_object()?, key_set(heap, keys)?);
    let mut rest = ObjectBuilder::new(heap, pairs.len());
    pairs.iter().filter(|pair| !keys.contains(pair.key)).for_each(|pair| rest.insert(pair.key, pair.value));
    Some(rest.finish())
}

/// The elements of a set or an array, or the keys of an object.
fn key_set<'h>(heap: Heap<'h>, keys: Value<'h>) -> Option<Value<'h>> {
    Some(match keys.view() {
        View::Set(_) => keys,
        View::Object(pairs) => set_of(heap, pairs.iter().map(|pair| pair.key)),
        View::Array(elements) => set_of(heap, elements.iter().copied()),
        _ => return None,
    })
}

fn set_of<'h>(heap: Heap<'h>, elements: impl Iterator<Item = Value<'h>>) -> Value<'h> {
    let mut set = SetBuilder::new(heap, 0);
    elements.for_each(|element| set.add(element));
    set.finish()
}

/// Both objects in one: where both have a key, objects are joined and any other value of `b` wins.
fn union<'h>(heap: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    Some(join(heap, a.as_object()?, b.as_object()?))
}

/// The objects of an array joined from left to right.
fn union_n<'h>(heap: Heap<'h>, objects: Value<'h>) -> Option<Value<'h>> {
    let objects = objects.as_array()?;
    objects.iter().all(|object| object.as_object().is_some()).then_some(())?;
    let Some((first, rest)) = objects.split_first() else { return Some(ObjectBuilder::new(heap, 0).finish()) };
    rest.iter().try_fold(*first, |joined, object| union(heap, joined, *object))
}

fn join<'h>(heap: Heap<'h>, mut a: &'h [Pair<'h>], mut b: &'h [Pair<'h>]) -> Value<'h> {
    let mut joined = ObjectBuilder::new(heap, a.len() + b.len());
    loop {
        let order = match (a, b) {
            ([], []) => return joined.finish(),
            (_, []) => Ordering::Less,
            ([], _) => Ordering::Greater,
            ([first_a, ..], [first_b, ..]) => first_a.key.cmp(&first_b.key),
        };
        match (order, a, b) {
            (Ordering::Equal, [first_a, rest_a @ ..], [first_b, rest_b @ ..]) => {
                let value = match (first_a.value.as_object(), first_b.value.as_object()) {
                    (Some(inner_a), Some(inner_b)) => join(heap, inner_a, inner_b),
                    _ => first_b.value,
                };
                joined.insert(first_a.key, value);
                (a, b) = (rest_a, rest_b);
            }
            (Ordering::Greater, _, [first, rest @ ..]) => {
                joined.insert(first.key, first.value);
                b = rest;
            }
            (_, [first, rest @ ..], _) => {
                joined.insert(first.key, first.value);
                a = rest;
            }
            _ => return joined.finish(),
        }
    }
}

/// Whether `part` is within `whole`: members of an object, by and by; elements of a set; a run of elements of an array; the
/// elements of a set anywhere in an array. Undefined for other pairs of types.
fn subset<'h>(_: Heap<'h>, whole: Value<'h>, part: Value<'h>) -> Given<'h> {
    Ok(Value::bool(match (whole.view(), part.view()) {
        (View::Array(elements), View::Set(wanted)) => {
            // An array without elements has not even none of them.
            !elements.is_empty() && wanted.iter().all(|one| elements.contains(one))
        }
        (View::Object(_), View::Object(_)) | (View::Set(_), View::Set(_)) | (View::Array(_), View::Array(_)) => {
            is_within(whole, part)
        }
        _ => return Err(Some(Failure::Operand(2, "must be of the same type as operand 1, or a set beside an array"))),
    }))
}

fn is_within(whole: Value<'_>, part: Value<'_>) -> bool {
    match (whole.view(), part.view()) {
        (View::Object(_), View::Object(pairs)) => pairs
            .iter()
            .all(|pair| whole.get(pair.key).is_some_and(|value| value == pair.value || is_within(value, pair.value))),
        (View::Set(_), View::Set(elements)) => elements.iter().all(|element| whole.contains(*element)),
        (View::Array(elements), View::Array(run)) => {
            run.is_empty() || elements.windows(run.len()).any(|window| window == run)
        }
        _ => false,
    }
}
