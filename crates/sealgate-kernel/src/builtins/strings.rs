//! Strings searched, cut, joined and replaced. Positions and lengths count code points.

use alloc::vec::Vec;

use super::failure::{Failure, Given};
use super::operand::{clamped, count, integer, truth};
use crate::{ArrayBuilder, Heap, Pair, Text, Value, View};

builtins! { TABLE:
    "startswith" => sg_b_startswith = startswith as (text: STRING, prefix: STRING);
    "endswith" => sg_b_endswith = endswith as (text: STRING, suffix: STRING);
    "contains" => sg_b_contains = contains as (text: STRING, part: STRING);
    "strings.count" => sg_b_strings_count = strings_count as (text: STRING, part: STRING);
    "strings.any_prefix_match" => sg_b_strings_any_prefix_match = any_prefix_match as (texts: STRING | ARRAY | SET | OF_STRINGS, prefixes: STRING | ARRAY | SET | OF_STRINGS);
    "strings.any_suffix_match" => sg_b_strings_any_suffix_match = any_suffix_match as (texts: STRING | ARRAY | SET | OF_STRINGS, suffixes: STRING | ARRAY | SET | OF_STRINGS);
    "indexof" => sg_b_indexof = indexof as (text: STRING, part: STRING) or "empty search character";
    "indexof_n" => sg_b_indexof_n = indexof_n as (text: STRING, part: STRING) or "empty search character";
    "substring" => sg_b_substring = substring as (text: STRING, start: INT, length: INT) or "negative offset";
    "concat" => sg_b_concat = concat as (separator: STRING, texts: ARRAY | SET | OF_STRINGS);
    "split" => sg_b_split = split as (text: STRING, separator: STRING);
    "strings.split_n" => sg_b_strings_split_n = split_n as (text: STRING, separator: STRING, limit: INT);
    "replace" => sg_b_replace = replace as (text: STRING, old: STRING, new: STRING);
    "strings.replace_n" => sg_b_strings_replace_n = replace_n as (replacements: OBJECT, text: STRING);
    "strings.reverse" => sg_b_strings_reverse = reverse as (text: STRING);
}

fn startswith<'h>(_: Heap<'h>, text: Value<'h>, prefix: Value<'h>) -> Option<Value<'h>> {
    truth(text.as_str()?.starts_with(prefix.as_str()?))
}

fn endswith<'h>(_: Heap<'h>, text: Value<'h>, suffix: Value<'h>) -> Option<Value<'h>> {
    truth(text.as_str()?.ends_with(suffix.as_str()?))
}

fn contains<'h>(_: Heap<'h>, text: Value<'h>, part: Value<'h>) -> Option<Value<'h>> {
    truth(text.as_str()?.contains(part.as_str()?))
}

/// How often `part` occurs without overlap; the empty string once more than there are code points.
fn strings_count<'h>(heap: Heap<'h>, text: Value<'h>, part: Value<'h>) -> Option<Value<'h>> {
    count(heap, text.as_str()?.matches(part.as_str()?).count())
}

fn any_prefix_match<'h>(_: Heap<'h>, texts: Value<'h>, prefixes: Value<'h>) -> Option<Value<'h>> {
    any_pair(texts, prefixes, |text, prefix| text.starts_with(prefix))
}

fn any_suffix_match<'h>(_: Heap<'h>, texts: Value<'h>, suffixes: Value<'h>) -> Option<Value<'h>> {
    any_pair(texts, suffixes, |text, suffix| text.ends_with(suffix))
}

fn any_pair<'h>(texts: Value<'h>, parts: Value<'h>, test: fn(&str, &str) -> bool) -> Option<Value<'h>> {
    let (texts, parts) = (strings_of(&texts)?, strings_of(&parts)?);
    truth(texts.iter().any(|text| {
        let text = text.as_str().unwrap_or_default();
        parts.iter().any(|part| test(text, part.as_str().unwrap_or_default()))
    }))
}

/// One string, or the strings of an array or set; undefined if there is anything else.
fn strings_of<'a, 'h>(value: &'a Value<'h>) -> Option<&'a [Value<'h>]> {
    let elements = match value.view() {
        View::String(_) => core::slice::from_ref(value),
        View::Array(elements) | View::Set(elements) => elements,
        _ => return None,
    };
    elements.iter().all(|element| element.as_str().is_some()).then_some(elements)
}

/// Position of the first occurrence, -1 for none; undefined for an empty `part`.
fn indexof<'h>(heap: Heap<'h>, text: Value<'h>, part: Value<'h>) -> Option<Value<'h>> {
    let (text, part) = (text.as_str()?, part.as_str()?);
    (!part.is_empty()).then_some(())?;
    match text.find(part) {
        Some(at) => count(heap, text.get(..at)?.chars().count()),
        None => Some(Value::int(heap, -1)),
    }
}

/// Positions of all occurrences, those that overlap too; undefined for an empty `part`.
fn indexof_n<'h>(heap: Heap<'h>, text: Value<'h>, part: Value<'h>) -> Option<Value<'h>> {
    let (text, part) = (text.as_str()?, part.as_str()?);
    (!part.is_empty()).then_some(())?;
    let borders = borders(part.as_bytes());
    let length = part.chars().count();
    let mut positions = ArrayBuilder::new(heap, 0);
    // Knuth, Morris and Pratt: how much of the part ends at each byte; code points that have ended so far.
    let (mut matched, mut ended) = (0, 0);
    for (at, byte) in text.bytes().enumerate() {
        while matched > 0 && part.as_bytes().get(matched) != Some(&byte) {
            matched = borders.get(matched - 1).copied()?;
        }
        matched += usize::from(part.as_bytes().get(matched) == Some(&byte));
        ended += usize::from(text.is_char_boundary(at + 1));
        if matched == part.len() {
            positions.push(count(heap, ended - length)?);
        }
    }
    Some(positions.finish())
}

/// For every beginning of a text, how long the longest shorter beginning is that it ends with.
fn borders(text: &[u8]) -> Vec<usize> {
    let mut borders = Vec::with_capacity(text.len());
    let mut border = 0;
    for (at, byte) in text.iter().enumerate() {
        while border > 0 && text.get(border) != Some(byte) {
            border = borders.get(border - 1).copied().unwrap_or(0);
        }
        border += usize::from(at > 0 && text.get(border) == Some(byte));
        borders.push(border);
    }
    borders
}

/// `length` code points from `start` on, or all of them for a negative length; undefined for a negative start.
fn substring<'h>(heap: Heap<'h>, text: Value<'h>, start: Value<'h>, length: Value<'h>) -> Option<Value<'h>> {
    let (text, start, length) = (text.as_str()?, integer(start)?, integer(length)?);
    (start >= 0).then_some(())?;
    let rest = text.get(byte_position(text, clamped(start))..)?;
    let kept = if length < 0 { rest } else { rest.get(..byte_position(rest, clamped(length)))? };
    Some(Value::string(heap, kept))
}

/// Where the code point at `position` starts; the end of the text if it has fewer.
fn byte_position(text: &str, position: usize) -> usize {
    text.char_indices().nth(position).map_or(text.len(), |(at, _)| at)
}

/// The strings of an array or set with `separator` between them.
fn concat<'h>(heap: Heap<'h>, separator: Value<'h>, texts: Value<'h>) -> Option<Value<'h>> {
    let (separator, texts) = (separator.as_str()?, texts.as_elements()?);
    let mut length = 0usize;
    for text in texts {
        length = length.saturating_add(text.as_str()?.len()).saturating_add(separator.len());
    }
    let mut joined = Text::new(heap, length);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text.as_str()?);
    }
    Some(joined.finish())
}

/// The parts between occurrences of `separator`; an empty one splits between code points.
fn split<'h>(heap: Heap<'h>, text: Value<'h>, separator: Value<'h>) -> Option<Value<'h>> {
    Some(split_parts(heap, text.as_str()?, separator.as_str()?, usize::MAX))
}

/// The first `limit` parts, or the last ones for a negative limit.
fn split_n<'h>(heap: Heap<'h>, text: Value<'h>, separator: Value<'h>, limit: Value<'h>) -> Option<Value<'h>> {
    let (text, separator, limit) = (text.as_str()?, separator.as_str()?, integer(limit)?);
    let wanted = usize::try_from(limit.unsigned_abs()).unwrap_or(usize::MAX);
    if limit >= 0 {
        return Some(split_parts(heap, text, separator, wanted));
    }
    let parts = split_parts(heap, text, separator, usize::MAX).as_array()?;
    Some(Value::array(heap, parts.get(parts.len().saturating_sub(wanted)..)?))
}

fn split_parts<'h>(heap: Heap<'h>, text: &'h str, separator: &str, limit: usize) -> Value<'h> {
    let mut parts = ArrayBuilder::new(heap, 0);
    if separator.is_empty() {
        for (at, character) in text.char_indices().take(limit) {
            let part = text.get(at..at + character.len_utf8()).unwrap_or_default();
            parts.push(Value::string(heap, part));
        }
    } else {
        text.split(separator).take(limit).for_each(|part| parts.push(Value::string(heap, part)));
    }
    parts.finish()
}

/// Every occurrence of `old` replaced; an empty one occurs around every byte.
fn replace<'h>(heap: Heap<'h>, text: Value<'h>, old: Value<'h>, new: Value<'h>) -> Option<Value<'h>> {
    if old.as_str()?.is_empty() {
        new.as_str()?;
        return replace_pairs(heap, &[Pair { key: old, value: new }], text.as_str()?);
    }
    let (text, old, new) = (text.as_str()?, old.as_str()?, new.as_str()?);
    let mut out = Text::new(heap, text.len());
    let mut end = 0;
    for (at, part) in text.match_indices(old) {
        out.push_str(text.get(end..at)?);
        out.push_str(new);
        end = at + part.len();
    }
    out.push_str(text.get(end..)?);
    Some(out.finish())
}

/// Replaces the keys of an object by their values. At each position the first key in order that is there wins, and what was
/// replaced is not looked at again.
fn replace_n<'h>(heap: Heap<'h>, replacements: Value<'h>, text: Value<'h>) -> Given<'h> {
    let pairs = replacements.as_object().ok_or(None)?;
    let text = text.as_str().ok_or(None)?;
    if pairs.iter().all(|pair| pair.key.as_str().is_some() && pair.value.as_str().is_some()) {
        replace_pairs(heap, pairs, text).ok_or(None)
    } else {
        Err(Some(Failure::Operand(1, "must be an object of strings under strings")))
    }
}

fn replace_pairs<'h>(heap: Heap<'h>, pairs: &[Pair<'h>], mut rest: &'h str) -> Option<Value<'h>> {
    let torn_by = pairs.iter().find(|pair| pair.key.as_str() == Some("")).and_then(|pair| pair.value.as_str());
    let torn_by = torn_by.unwrap_or_default();
    let mut out = Text::new(heap, rest.len());
    let mut after_empty_match = false;
    loop {
        let found = pairs.iter().find_map(|pair| {
            let key = pair.key.as_str()?;
            // An empty key matches once per position.
            (rest.starts_with(key) && !(key.is_empty() && after_empty_match)).then_some((key, pair.value.as_str()?))
        });
        after_empty_match = false;
        if let Some((key, value)) = found {
            out.push_str(value);
            rest = rest.get(key.len()..)?;
            after_empty_match = key.is_empty();
            if !after_empty_match || !rest.is_empty() {
                continue;
            }
        }
        let Some(character) = rest.chars().next() else { return Some(out.finish()) };
        push_torn(&mut out, character, torn_by);
        rest = rest.get(character.len_utf8()..)?;
    }
}

/// A character between whose bytes stands `inside`, which leaves bytes that are no UTF-8: replacement characters.
fn push_torn(out: &mut Text<'_>, character: char, inside: &str) {
    if inside.is_empty() || character.is_ascii() {
        return out.push(character);
    }
    out.push(char::REPLACEMENT_CHARACTER);
    for _ in 1..character.len_utf8() {
        out.push_str(inside);
        out.push(char::REPLACEMENT_CHARACTER);
    }
}

fn reverse<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut reversed = Text::new(heap, text.len());
    text.chars().rev().for_each(|character| reversed.push(character));
    Some(reversed.finish())
}
