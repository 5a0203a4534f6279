//! Facts about a collection as a whole: count, sum, extremes, order, truth, membership.

use super::failure::{Failure, Given};
use super::operand::{computed, count, truth};
use crate::number::arithmetic;
use crate::{Heap, Kind, Number, Value, View};

builtins! { TABLE:
    "count" => sg_b_count = count_of as (collection: ARRAY | OBJECT | SET | STRING);
    "sum" => sg_b_sum = sum as (numbers: ARRAY | SET | OF_NUMBERS);
    "product" => sg_b_product = product as (numbers: ARRAY | SET | OF_NUMBERS);
    "max" => sg_b_max = max as (elements: ARRAY | SET);
    "min" => sg_b_min = min as (elements: ARRAY | SET);
    "sort" => sg_b_sort = sort as (elements: ARRAY | SET);
    "all" => sg_b_all = all as (elements: ARRAY | SET);
    "any" => sg_b_any = any as (elements: ARRAY | SET);
    "internal.member_2" => sg_b_internal_member_2 = member as (value: ANY, collection: ANY);
    "internal.member_3" => sg_b_internal_member_3 = member_at as (key: ANY, value: ANY, collection: ANY);
}

/// Elements, pairs, or code points of a string.
fn count_of<'h>(heap: Heap<'h>, collection: Value<'h>) -> Option<Value<'h>> {
    match collection.as_str() {
        Some(text) => count(heap, text.chars().count()),
        None => count(heap, collection.count()?),
    }
}

fn sum<'h>(heap: Heap<'h>, numbers: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::sum(all_numbers(numbers)?))
}

fn product<'h>(heap: Heap<'h>, numbers: Value<'h>) -> Option<Value<'h>> {
    computed(heap, arithmetic::product(all_numbers(numbers)?))
}

/// The numbers of an array or set; undefined if it has anything else.
fn all_numbers<'h>(collection: Value<'h>) -> Option<impl Iterator<Item = Number<'h>> + Clone> {
    let elements = collection.as_elements()?;
    let numbers = elements.iter().filter_map(|element| element.as_number());
    elements.iter().all(|element| element.kind() == Kind::Number).then_some(numbers)
}

/// The largest element, the last of those that are equal; undefined for none.
fn max<'h>(_: Heap<'h>, elements: Value<'h>) -> Given<'h> {
    let elements = elements.as_elements().ok_or(None)?.iter().copied();
    elements.reduce(|best, next| if best <= next { next } else { best }).ok_or(Some(Failure::Undefined))
}

/// The smallest element, the last of those that are equal; undefined for none.
fn min<'h>(_: Heap<'h>, elements: Value<'h>) -> Given<'h> {
    let elements = elements.as_elements().ok_or(None)?.iter().copied();
    elements.reduce(|best, next| if best >= next { next } else { best }).ok_or(Some(Failure::Undefined))
}

/// An array of the elements in order.
fn sort<'h>(heap: Heap<'h>, elements: Value<'h>) -> Option<Value<'h>> {
    match elements.view() {
        View::Set(sorted) => Some(Value::array(heap, sorted)),
        View::Array(elements) => {
            let mut sorted = crate::List::new(heap, elements.len());
            sorted.extend(elements);
            sorted.as_mut_slice().sort();
            Some(Value::array(heap, sorted.finish()))
        }
        _ => None,
    }
}

fn all<'h>(_: Heap<'h>, elements: Value<'h>) -> Option<Value<'h>> {
    truth(elements.as_elements()?.iter().all(|element| element.as_bool() == Some(true)))
}

fn any<'h>(_: Heap<'h>, elements: Value<'h>) -> Option<Value<'h>> {
    truth(elements.as_elements()?.iter().any(|element| element.as_bool() == Some(true)))
}

/// `value in collection`: an element of an array or set, or a value of an object; false for anything else.
fn member<'h>(_: Heap<'h>, value: Value<'h>, collection: Value<'h>) -> Option<Value<'h>> {
    truth(match collection.view() {
        View::Set(_) => collection.contains(value),
        View::Array(elements) => elements.contains(&value),
        View::Object(pairs) => pairs.iter().any(|pair| pair.value == value),
        _ => false,
    })
}

/// `key, value in collection`; a set maps each element to itself.
fn member_at<'h>(_: Heap<'h>, key: Value<'h>, value: Value<'h>, collection: Value<'h>) -> Option<Value<'h>> {
    truth(collection.get(key).is_some_and(|found| found == value))
}
