//! Texts of texts: base64, hexadecimal, URL queries. What decodes to broken UTF-8 gets a replacement character for each bad
//! byte, as where OPA prints it.

use super::failure::{Failure, Given};
use super::operand::{lossy_text, truth};
use crate::{ArrayBuilder, Heap, List, ObjectBuilder, Text, Value, View};

builtins! { TABLE:
    "base64.encode" => sg_b_base64_encode = base64_encode as (text: STRING);
    "base64.decode" => sg_b_base64_decode = base64_decode as (text: STRING) or "illegal base64 data";
    "base64.is_valid" => sg_b_base64_is_valid = base64_is_valid as (text: STRING);
    "base64url.encode" => sg_b_base64url_encode = base64url_encode as (text: STRING);
    "base64url.encode_no_pad" => sg_b_base64url_encode_no_pad = base64url_encode_no_pad as (text: STRING);
    "base64url.decode" => sg_b_base64url_decode = base64url_decode as (text: STRING) or "illegal base64url string";
    "hex.encode" => sg_b_hex_encode = hex_encode as (text: STRING);
    "hex.decode" => sg_b_hex_decode = hex_decode as (text: STRING) or "invalid hexadecimal digits";
    "urlquery.encode" => sg_b_urlquery_encode = urlquery_encode as (text: STRING);
    "urlquery.decode" => sg_b_urlquery_decode = urlquery_decode as (text: STRING) or "invalid URL escape";
    "urlquery.encode_object" => sg_b_urlquery_encode_object = urlquery_encode_object as (object: OBJECT);
    "urlquery.decode_object" => sg_b_urlquery_decode_object = urlquery_decode_object as (text: STRING) or "invalid URL query";
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64_encode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    Some(encode_base64(heap, text.as_str()?, STANDARD, true))
}

fn base64_decode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    Some(lossy_text(heap, decode_base64(heap, text.as_str()?.bytes(), STANDARD)?))
}

fn base64_is_valid<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    truth(text.as_str().is_some_and(|text| decode_base64(heap, text.bytes(), STANDARD).is_some()))
}

fn base64url_encode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    Some(encode_base64(heap, text.as_str()?, URL_SAFE, true))
}

fn base64url_encode_no_pad<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    Some(encode_base64(heap, text.as_str()?, URL_SAFE, false))
}

/// With or without padding.
fn base64url_decode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let missing = match text.len() % 4 {
        _ if text.ends_with('=') => 0,
        0 => 0,
        2 => 2,
        3 => 1,
        _ => return None,
    };
    let padded = text.bytes().chain(core::iter::repeat_n(b'=', missing));
    Some(lossy_text(heap, decode_base64(heap, padded, URL_SAFE)?))
}

fn encode_base64<'h>(heap: Heap<'h>, text: &str, alphabet: &[u8; 64], pad: bool) -> Value<'h> {
    let mut out = Text::new(heap, text.len() / 3 * 4 + 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            if index <= chunk.len() {
                let digit = bits >> (18 - 6 * index) & 63;
                out.push(char::from(alphabet.get(digit as usize).copied().unwrap_or(b'=')));
            } else if pad {
                out.push('=');
            }
        }
    }
    out.finish()
}

/// Padding is required, line breaks are skipped, and bits of the last digit that no byte needs may be anything.
fn decode_base64<'h>(heap: Heap<'h>, text: impl Iterator<Item = u8>, alphabet: &[u8; 64]) -> Option<&'h [u8]> {
    let mut out = List::new(heap, text.size_hint().0 / 4 * 3 + 3);
    let (mut bits, mut digits, mut padding) = (0u32, 0usize, 0usize);
    for byte in text.filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        if byte == b'=' {
            padding += 1;
            // Only the last group is padded, and it has two digits or three.
            if digits < 2 || digits + padding > 4 {
                return None;
            }
            continue;
        }
        let value = alphabet.iter().position(|digit| *digit == byte).filter(|_| padding == 0)?;
        bits = bits << 6 | value as u32;
        digits += 1;
        if digits == 4 {
            out.extend(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            (bits, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => {}
        (2, 2) => out.push((bits >> 4) as u8),
        (3, 1) => out.extend(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => return None,
    }
    Some(out.finish())
}

fn hex_encode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut out = Text::new(heap, text.len() * 2);
    for byte in text.bytes() {
        push_hex(&mut out, byte, false);
    }
    Some(out.finish())
}

fn hex_decode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let digits = text.as_str()?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then_some(())?;
    let mut out = List::new(heap, pairs.len());
    for [high, low] in pairs {
        out.push(hex_byte(*high, *low)?);
    }
    Some(lossy_text(heap, out.finish()))
}

pub(super) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

pub(super) fn push_hex(out: &mut Text<'_>, byte: u8, upper: bool) {
    for digit in [byte >> 4, byte & 15] {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
        out.push(if upper { digit.to_ascii_uppercase() } else { digit });
    }
}

fn urlquery_encode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut out = Text::new(heap, text.len());
    push_escaped(&mut out, text);
    Some(out.finish())
}

fn push_escaped(out: &mut Text<'_>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                push_hex(out, byte, true);
            }
        }
    }
}

fn urlquery_decode<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    unescape(heap, text.as_str()?)
}

fn unescape<'h>(heap: Heap<'h>, text: &str) -> Option<Value<'h>> {
    let mut out = List::new(heap, text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex_byte(bytes.next()?, bytes.next()?)?,
            _ => byte,
        });
    }
    Some(lossy_text(heap, out.finish()))
}

/// Keys in order, one that is no string by its JSON text; a value is a string or strings in an array or set.
fn urlquery_encode_object<'h>(heap: Heap<'h>, object: Value<'h>) -> Given<'h> {
    object.as_object().ok_or(None)?;
    let no_strings = Failure::Operand(1, "values must be string, array[string], or set[string]");
    encode_members(heap, object).ok_or(Some(no_strings))
}

fn encode_members<'h>(heap: Heap<'h>, object: Value<'h>) -> Option<Value<'h>> {
    let mut out = Text::new(heap, 0);
    for pair in super::json::with_text_keys(heap, object).as_object()? {
        let key = pair.key.as_str()?;
        let values = match pair.value.view() {
            View::String(_) => core::slice::from_ref(&pair.value),
            View::Array(values) | View::Set(values) => values,
            _ => return None,
        };
        for value in values {
            let value = value.as_str()?;
            if !out.is_empty() {
                out.push('&');
            }
            push_escaped(&mut out, key);
            out.push('=');
            push_escaped(&mut out, value);
        }
    }
    Some(out.finish())
}

/// Each key with an array of its values.
fn urlquery_decode_object<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let mut object = ObjectBuilder::new(heap, 0);
    let mut keys = alloc::collections::BTreeMap::<Value<'h>, alloc::vec::Vec<Value<'h>>>::new();
    for part in text.as_str()?.split('&').filter(|part| !part.is_empty()) {
        // A semicolon separated once; now it is refused.
        (!part.contains(';')).then_some(())?;
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        keys.entry(unescape(heap, key)?).or_default().push(unescape(heap, value)?);
    }
    for (key, values) in keys {
        let mut array = ArrayBuilder::new(heap, values.len());
        values.into_iter().for_each(|value| array.push(value));
        object.insert(key, array.finish());
    }
    Some(object.finish())
}
