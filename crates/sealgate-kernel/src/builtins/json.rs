//! JSON texts as strings: written as Go writes them, read, checked.

use alloc::collections::BTreeMap;

use super::operand::truth;
use crate::json::{self, Notation};
use crate::{ArrayBuilder, Heap, ObjectBuilder, Text, Value, View};

builtins! { TABLE:
    "json.marshal" => sg_b_json_marshal = marshal as (value: ANY);
    "json.unmarshal" => sg_b_json_unmarshal = unmarshal as (text: STRING) or "invalid JSON";
    "json.is_valid" => sg_b_json_is_valid = is_valid as (text: STRING);
}

/// The JSON text of a value as Go writes it, keys in the order of their texts.
fn marshal<'h>(heap: Heap<'h>, value: Value<'h>) -> Option<Value<'h>> {
    let plain = json::dump(heap, with_text_keys(heap, value), Notation::Json);
    Some(Value::string(heap, json::as_go_writes(heap, plain)))
}

/// The value with keys that are no strings replaced by their JSON text, so that they come in that text's order; of keys with
/// the same text the last stays. Almost always that is the value itself.
pub(super) fn with_text_keys<'h>(heap: Heap<'h>, value: Value<'h>) -> Value<'h> {
    if has_only_text_keys(value) {
        return value;
    }
    match value.view() {
        View::Array(elements) | View::Set(elements) => {
            let mut array = ArrayBuilder::new(heap, elements.len());
            elements.iter().for_each(|element| array.push(with_text_keys(heap, *element)));
            array.finish()
        }
        View::Object(pairs) => {
            let mut texts = BTreeMap::new();
            for pair in pairs {
                let key = match pair.key.as_str() {
                    Some(text) => text,
                    None => json::as_go_writes(heap, json::dump(heap, with_text_keys(heap, pair.key), Notation::Json)),
                };
                texts.insert(key, with_text_keys(heap, pair.value));
            }
            let mut object = ObjectBuilder::new(heap, texts.len());
            texts.into_iter().for_each(|(key, value)| object.insert(Value::string(heap, key), value));
            object.finish()
        }
        _ => value,
    }
}

fn has_only_text_keys(value: Value<'_>) -> bool {
    match value.view() {
        View::Array(elements) | View::Set(elements) => elements.iter().all(|element| has_only_text_keys(*element)),
        View::Object(pairs) => pairs.iter().all(|pair| pair.key.as_str().is_some() && has_only_text_keys(pair.value)),
        _ => true,
    }
}

fn unmarshal<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    read(heap, text.as_str()?)
}

/// Whether a text is JSON; false for what is no string.
fn is_valid<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    truth(text.as_str().is_some_and(|text| read(heap, text).is_some()))
}

/// Reads JSON. As in Go, half a surrogate pair is a replacement character; the parser by itself refuses it.
fn read<'h>(heap: Heap<'h>, text: &'h str) -> Option<Value<'h>> {
    match json::parse(heap, text.as_bytes(), Notation::Json) {
        Err(json::ParseError::Escape) => {
            json::parse(heap, with_whole_pairs(heap, text).as_bytes(), Notation::Json).ok()
        }
        read => read.ok(),
    }
}

/// The text with `\ufffd` in the place of every escape that is half a surrogate pair.
fn with_whole_pairs<'h>(heap: Heap<'h>, text: &'h str) -> &'h str {
    let mut out = Text::new(heap, text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // Whatever is escaped, a backslash among it.
            _ => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        let (kept, behind) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = behind;
    }
    out.push_str(rest);
    out.finish_str()
}

/// The code unit of an escape `\uXXXX` that the text begins with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}
