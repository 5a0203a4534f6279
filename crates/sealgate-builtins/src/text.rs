//! Values as text: JSON, and Rego's extension of it with sets (`{1, 2}`, `set()`) and keys of any type.
//!
//! This is what `opa_value_dump` gives and `opa_value_parse` takes. The text comes from a sandbox that is not trusted, so
//! depth is bounded and every byte is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use thiserror::Error;

use crate::number::Number;
use crate::value::Value;

/// Nesting that is accepted.
const MAX_DEPTH: u32 = 256;

/// Why a text is not a value.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{problem} at byte {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub problem: &'static str,
    /// Where, in bytes from the start.
    pub offset: usize,
}

impl Value {
    /// Reads exactly one value.
    ///
    /// # Errors
    /// [`ParseError`] if the text is anything else, or nested more than 256 deep.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser { text, offset: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.offset == text.len() { Ok(value) } else { parser.fail("unexpected text after the value") }
    }

    /// Appends the value as Rego text. Without sets and with string keys only, that is JSON.
    pub fn write_text(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Self::String(text) => write_string(text, out),
            Self::Array(items) => write_items('[', items.iter(), ']', out),
            Self::Set(items) if items.is_empty() => out.push_str("set()"),
            Self::Set(items) => write_items('{', items.iter(), '}', out),
            Self::Object(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    key.write_text(out);
                    out.push(':');
                    value.write_text(out);
                }
                out.push('}');
            }
        }
    }

    /// The value as Rego text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out);
        out
    }
}

fn write_items<'a>(open: char, items: impl Iterator<Item = &'a Value>, close: char, out: &mut String) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write_text(out);
    }
    out.push(close);
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: u32) -> Result<Value, ParseError> {
        if depth > MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b's') => self.word("set()", Value::Set(BTreeSet::new())),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.braces(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fail("expected a value"),
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value, ParseError> {
        self.offset += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    /// An object or a set; which one shows after the first element.
    fn braces(&mut self, depth: u32) -> Result<Value, ParseError> {
        self.offset += 1;
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(BTreeMap::new()));
        }
        let first = self.value(depth + 1)?;
        self.space();
        if self.take(b':') {
            let value = self.value(depth + 1)?;
            return self.object(depth, BTreeMap::from([(first, value)]));
        }
        let mut items = BTreeSet::from([first]);
        loop {
            self.space();
            if self.take(b'}') {
                return Ok(Value::Set(items));
            }
            self.expect(b',', "expected `,` or `}`")?;
            items.insert(self.value(depth + 1)?);
        }
    }

    fn object(&mut self, depth: u32, mut entries: BTreeMap<Value, Value>) -> Result<Value, ParseError> {
        loop {
            self.space();
            if self.take(b'}') {
                return Ok(Value::Object(entries));
            }
            self.expect(b',', "expected `,` or `}`")?;
            let key = self.value(depth + 1)?;
            self.space();
            self.expect(b':', "expected `:`")?;
            let value = self.value(depth + 1)?;
            entries.insert(key, value);
        }
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        match rest.get(..end).and_then(Number::parse) {
            Some(number) => {
                self.offset += end;
                Ok(Value::Number(number))
            }
            None => self.fail("malformed number"),
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.offset += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(stop) = rest.find(|c: char| c == '"' || c == '\\' || u32::from(c) < 0x20) else {
                return self.fail("unterminated string");
            };
            out.push_str(rest.get(..stop).unwrap_or_default());
            self.offset += stop;
            match self.bump() {
                Some(b'"') => return Ok(out),
                Some(b'\\') => out.push(self.escape()?),
                _ => return self.fail("control character in a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        match self.bump() {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.code_point(),
            _ => self.fail("unknown escape"),
        }
    }

    /// What follows `\u`: a code unit, or a pair of surrogates. A lone surrogate becomes U+FFFD, as in Go.
    fn code_point(&mut self) -> Result<char, ParseError> {
        let high = self.code_unit()?;
        if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            let back = self.offset;
            self.offset += 2;
            let low = self.code_unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.offset = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&mut self) -> Result<u32, ParseError> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.offset += 4;
                Ok(unit)
            }
            None => self.fail("malformed `\\u` escape"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        if self.rest().starts_with(word) {
            self.offset += word.len();
            Ok(value)
        } else {
            self.fail("expected a value")
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.offset += 1;
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.offset += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.offset += 1;
        }
        found
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), ParseError> {
        if self.take(byte) { Ok(()) } else { self.fail(problem) }
    }

    fn fail<T>(&self, problem: &'static str) -> Result<T, ParseError> {
        Err(ParseError { problem, offset: self.offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "null",
            "[true,false]",
            r#"{"a":{1,2,[3]},"b":set(),"c":{}}"#,
            r#"{1:"x",[2]:null}"#,
            "[1.50,1e400,-9223372036854775808,18446744073709551616]",
            r#""\"\\\n\u0001é😀""#,
        ] {
            let value = Value::parse(text).unwrap();
            assert_eq!(Value::parse(&value.to_text()).unwrap(), value, "{text}");
            assert_eq!(value.to_text(), text);
        }
        assert_eq!(Value::parse(r#" "\ud83d\ude00\ud83d" "#).unwrap(), Value::from("😀\u{fffd}"));
        assert_eq!(Value::parse("{2,1,1.0}").unwrap().to_text(), "{1,2}");
    }

    #[test]
    fn hostile_text_is_an_error() {
        for text in ["", "[", "{1:", "{1:2,3}", "\"a", "\"\\x\"", "1 2", "nul", "\"\u{1}\"", "[1,]", "\"\\u12\""] {
            assert!(Value::parse(text).is_err(), "{text}");
        }
        assert!(Value::parse(&"[".repeat(100_000)).is_err());
    }
}
