//! JSON as Go reads and writes it, and numbers of many digits.

use crate::number::Number;
use crate::value::Value;

/// Reads JSON text: no sets, no keys but strings. Bytes that are no UTF-8 become U+FFFD, each by itself.
///
/// # Errors
/// What is wrong.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = utf8(bytes);
    let value = Value::parse(&text).map_err(|error| error.to_string())?;
    if is_json(&value) { Ok(value) } else { Err("invalid character".to_owned()) }
}

fn is_json(value: &Value) -> bool {
    match value {
        Value::Set(_) => false,
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(entries) => entries.iter().all(|(key, value)| matches!(key, Value::String(_)) && is_json(value)),
        _ => true,
    }
}

/// Bytes as text, each byte that is no UTF-8 as U+FFFD.
pub(crate) fn utf8(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// Writes a value as Go's `json.Marshal` does: sets as arrays, keys as strings in order, `<`, `>` and `&` escaped.
pub(crate) fn marshal(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => string(text, out),
        Value::Array(items) => items_of(items.iter(), out),
        Value::Set(items) => items_of(items.iter(), out),
        Value::Object(entries) => {
            let mut members: Vec<(String, &Value)> = entries
                .iter()
                .map(|(key, value)| (key.as_str().map_or_else(|| marshal(key), str::to_owned), value))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(&key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.write_text(out),
    }
}

fn items_of<'a>(items: impl Iterator<Item = &'a Value>, out: &mut String) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// A string as Go's encoder writes it: what HTML or JavaScript could mistake is escaped too.
pub(crate) fn string(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// An object of named members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// A list, or `null` where Go has a nil slice.
pub(crate) fn list_or_null(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}

/// The number of big-endian bytes.
pub(crate) fn big(bytes: &[u8]) -> Value {
    // Limbs of nine decimal digits, least significant first.
    let mut limbs = vec![0_u64];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            carry += *limb << 8;
            *limb = carry % 1_000_000_000;
            carry /= 1_000_000_000;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut text = String::new();
    for limb in limbs.iter().rev() {
        text.push_str(&format!("{limb:09}"));
    }
    let digits = text.trim_start_matches('0');
    Number::parse(if digits.is_empty() { "0" } else { digits }).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_json_are_as_in_go() {
        assert_eq!(big(&[]).to_text(), "0");
        assert_eq!(big(&[0xff; 9]).to_text(), "4722366482869645213695");
        assert_eq!(big(&[1, 0, 0, 0, 0]).to_text(), "4294967296");
        let value = Value::parse("{\"b\":{3,1},\"a\":\"<\u{2028}\\b\",1:null}").unwrap();
        assert_eq!(marshal(&value), r#"{"1":null,"a":"\u003c\u2028\b","b":[1,3]}"#);
        assert!(parse(b"{1:2}").is_err() && parse(b"[{1}]").is_err() && parse(b"set()").is_err());
        assert_eq!(parse(b"\"a\xff\xfe\"").unwrap(), Value::from("a\u{fffd}\u{fffd}"));
    }
}
