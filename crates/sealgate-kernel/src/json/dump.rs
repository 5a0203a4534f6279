//! Values to text: objects in the order of their keys, numbers exactly as they are held, strings escaped as OPA escapes
//! them. Recursion is as deep as the value.
#![allow(unsafe_code, reason = "strings are copied and looked through in one pass, into raw room")]

use super::Notation;
use super::scan::{plain_len, stops};
use crate::bytes::short_word;
use crate::layout::FLAG_QUOTED;
#[cfg(target_arch = "wasm32")]
use crate::layout::{FLAG_SHAPE, TAG_OBJECT};
use crate::{Heap, Number, Pair, Text, Value, View};

/// The text of `value`.
#[inline(never)]
pub fn dump<'h>(heap: Heap<'h>, value: Value<'h>, notation: Notation) -> &'h str {
    let mut text = Text::new(heap, 256);
    write(&mut text, value, notation);
    text.finish_str()
}

/// Appends the text of `value`.
#[inline(never)]
pub fn write<'h>(text: &mut Text<'h>, value: Value<'h>, notation: Notation) {
    #[cfg(target_arch = "wasm32")]
    if value.tag() == TAG_OBJECT && value.flags() & FLAG_SHAPE != 0 && notation == Notation::Json {
        return write_shaped(text, value);
    }
    match value.view() {
        View::Null => text.push_str("null"),
        View::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        View::Number(number) => write_number(text, number),
        View::String(_) if value.flags() & FLAG_QUOTED != 0 => write_quoted(text, value),
        View::String(string) => write_string(text, string),
        View::Array(elements) => write_elements(text, '[', elements, ']', notation),
        View::Set([]) if notation == Notation::Rego => text.push_str("set()"),
        View::Set(elements) if notation == Notation::Rego => write_elements(text, '{', elements, '}', notation),
        View::Set(elements) => write_elements(text, '[', elements, ']', notation),
        View::Object(pairs) => write_pairs(text, pairs, notation),
    }
}

#[inline(never)]
fn write_elements<'h>(text: &mut Text<'h>, open: char, elements: &[Value<'h>], close: char, notation: Notation) {
    text.push(open);
    for (index, element) in elements.iter().enumerate() {
        if index != 0 {
            text.push_str(if notation == Notation::Rego { ", " } else { "," });
        }
        write(text, *element, notation);
    }
    text.push(close);
}

#[inline(never)]
fn write_pairs<'h>(text: &mut Text<'h>, pairs: &[Pair<'h>], notation: Notation) {
    text.push('{');
    for (index, pair) in pairs.iter().enumerate() {
        if index != 0 {
            text.push_str(if notation == Notation::Rego { ", " } else { "," });
        }
        write_key(text, pair.key, notation);
        text.push_str(if notation == Notation::Rego { ": " } else { ":" });
        write(text, pair.value, notation);
    }
    text.push('}');
}

/// Not part of the function that is called at every depth, because it needs the shadow stack.
#[inline(never)]
fn write_key<'h>(text: &mut Text<'h>, key: Value<'h>, notation: Notation) {
    match key.as_str() {
        Some(_) if key.flags() & FLAG_QUOTED != 0 => write_quoted(text, key),
        Some(key) => write_string(text, key),
        None if notation == Notation::Rego => write(text, key, notation),
        None => {
            let key = dump(text.heap(), key, notation);
            write_string(text, as_go_writes(text.heap(), key));
        }
    }
}

/// JSON text as Go writes it: `<`, `>`, `&` and the line separators, which occur within strings only, escaped.
pub(crate) fn as_go_writes<'h>(heap: Heap<'h>, json: &'h str) -> &'h str {
    let mut out = Text::new(heap, json.len());
    let mut rest = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        let (escape, len) = match byte {
            b'<' => ("\\u003c", 1),
            b'>' => ("\\u003e", 1),
            b'&' => ("\\u0026", 1),
            0xE2 if rest.get(at + 1) == Some(&0x80) => match rest.get(at + 2) {
                Some(0xA8) => ("\\u2028", 3),
                Some(0xA9) => ("\\u2029", 3),
                _ => ("", 0),
            },
            _ => ("", 0),
        };
        if len == 0 {
            at += 1;
            continue;
        }
        // SAFETY: what is replaced are whole characters, so that texts lie between them.
        unsafe { out.push_bytes(rest.get(..at).unwrap_or_default()) };
        out.push_str(escape);
        (rest, at) = (rest.get(at + len..).unwrap_or_default(), 0);
    }
    // SAFETY: as above.
    unsafe { out.push_bytes(rest) };
    out.finish_str()
}

/// Appends a string that lies between its quotes.
#[inline]
fn write_quoted(text: &mut Text<'_>, value: Value<'_>) {
    let string = value.str_unchecked();
    // SAFETY: the flag says that there is a quote on either side.
    unsafe { text.push_bytes(core::slice::from_raw_parts(string.as_ptr().sub(1), string.len() + 2)) };
}

/// Appends an object that has the flag of a shape.
#[cfg(target_arch = "wasm32")]
#[inline(never)]
fn write_shaped<'h>(text: &mut Text<'h>, value: Value<'h>) {
    let pairs = value.slice_unchecked::<Pair<'h>>();
    // SAFETY: the flag says that the shape's address is there, and a shape has two words for the text before each value, which
    // is JSON, and two for what is behind the last.
    unsafe {
        let mut texts = (*value.header_start()).payload.buffer.capacity as *const u32;
        for pair in pairs {
            // The text of a constant is part of the next one.
            if *texts != 0 {
                push_piece(text, texts);
                write(text, pair.value, Notation::Json);
            }
            texts = texts.add(2);
        }
        push_piece(text, texts);
    }
}

/// Appends the text whose address and length lie at `words`.
#[cfg(target_arch = "wasm32")]
unsafe fn push_piece(text: &mut Text<'_>, words: *const u32) {
    // SAFETY: as the caller promises.
    unsafe { text.push_bytes(core::slice::from_raw_parts(*words as *const u8, *words.add(1) as usize)) }
}

#[inline(never)]
fn write_number(text: &mut Text<'_>, number: Number<'_>) {
    match number {
        Number::Int(value) => {
            let mut digits = [0; 20];
            if value < 0 {
                text.push('-');
            }
            text.push_ascii(crate::number::digits(value.unsigned_abs(), &mut digits));
        }
        Number::Decimal(decimal) => text.push_str(decimal),
    }
}

/// Appends `string` in quotes: copied word by word, and undone if a word shows something to escape.
#[inline(never)]
fn write_string(text: &mut Text<'_>, string: &str) {
    let bytes = string.as_bytes();
    // A quote at either end, and a word that reaches beyond the last byte.
    let room = text.room(bytes.len() + 10);
    let len = bytes.len();
    // SAFETY: everything lies within the `len + 10` bytes of room; reads lie within `bytes`.
    unsafe {
        room.write(b'"');
        let target = room.add(1);
        let mut found = 0;
        if len < 8 {
            let word = short_word(bytes);
            target.cast::<u64>().write_unaligned(word.to_le());
            // Spaces stand for what is missing.
            found = stops(word | 0x2020_2020_2020_2020 << (8 * len));
        } else {
            let mut at = 0;
            loop {
                let word = bytes.as_ptr().add(at).cast::<u64>().read_unaligned();
                target.add(at).cast::<u64>().write_unaligned(word);
                found |= stops(word.to_le());
                if at == len - 8 {
                    break;
                }
                at = (at + 8).min(len - 8);
            }
        }
        if found == 0 {
            target.add(len).write(b'"');
            text.advance(len + 2);
            return;
        }
    }
    write_escaped(text, string);
}

#[inline(never)]
fn write_escaped(text: &mut Text<'_>, string: &str) {
    text.push('"');
    let mut rest = string.as_bytes();
    while let Some((plain, escape)) = rest.split_at_checked(plain_len(rest)) {
        // SAFETY: the byte behind the plain ones is ASCII, so both sides are texts.
        unsafe { text.push_bytes(plain) };
        let Some(byte) = escape.first() else { break };
        match *byte {
            byte @ (b'"' | b'\\') => text.push_ascii(&[b'\\', byte]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            byte => {
                let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                text.push_str("\\u00");
                text.push_ascii(&[hex(byte >> 4), hex(byte & 15)]);
            }
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    text.push('"');
}
