//! The parser: one pass over the text, no recursion, strings without escapes borrowed from it.

use super::Notation;
use super::intern::Seen;
use super::scan::{plain_end, string_end, unescape};
use crate::collection::{compact_object_of, object_of, set_of};
use crate::heap::Pending;
use crate::layout::{TAG_ARRAY, TAG_STRING};
use crate::{Heap, Number, Value};

/// How deeply arrays, objects and sets may nest. What walks values recurses as deep.
pub const MAX_DEPTH: usize = 1000;

/// Why text is not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The text does not follow the grammar, or ends too early.
    Syntax,
    /// A string is not UTF-8.
    Encoding,
    /// A string has an escape that JSON does not know, or half a surrogate pair.
    Escape,
    /// The value nests deeper than [`MAX_DEPTH`].
    Depth,
}

impl core::fmt::Display for ParseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ParseError::Syntax => "not a value",
            ParseError::Encoding => "a string is not UTF-8",
            ParseError::Escape => "a string has an illegal escape",
            ParseError::Depth => "the value is nested too deeply",
        })
    }
}

impl core::error::Error for ParseError {}

/// What an open bracket turned out to be, and what is expected in it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Inside {
    /// The elements of an array.
    Array = 0,
    /// A value of an object, whose key is pending.
    Object = 1,
    /// The elements of a set.
    Set = 2,
    /// A key of an object that did not start with a quote.
    Key = 3,
    /// The first element of a set or the first key of an object.
    Brace = 4,
}

impl Inside {
    fn from_bits(bits: usize) -> Self {
        match bits & 7 {
            0 => Inside::Array,
            1 => Inside::Object,
            2 => Inside::Set,
            3 => Inside::Key,
            _ => Inside::Brace,
        }
    }
}

/// Reads the value that `text` is, with nothing but white space around it.
///
/// # Errors
/// See [`ParseError`].
pub fn parse<'h>(heap: Heap<'h>, text: &'h [u8], notation: Notation) -> Result<Value<'h>, ParseError> {
    let (value, end) = parse_prefix(heap, text, notation)?;
    let rest = text.get(end..).unwrap_or_default();
    if rest.iter().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        Ok(value)
    } else {
        Err(ParseError::Syntax)
    }
}

/// Reads the value that `text` starts with, and gives the index behind it.
///
/// # Errors
/// See [`ParseError`].
pub fn parse_prefix<'h>(heap: Heap<'h>, text: &'h [u8], notation: Notation) -> Result<(Value<'h>, usize), ParseError> {
    run(heap, text, notation == Notation::Rego, 0)
}

/// Reads the JSON value that `text` starts with, which lies `outer` brackets deep, and gives the index behind it.
///
/// # Errors
/// See [`ParseError`].
pub(super) fn parse_within<'h>(heap: Heap<'h>, text: &'h [u8], outer: usize) -> Result<(Value<'h>, usize), ParseError> {
    run(heap, text, false, outer)
}

/// One loop for all of the grammar. Finished elements wait on `pending` until their bracket closes; below them lies a word
/// that says what was open before.
fn run<'h>(heap: Heap<'h>, text: &'h [u8], rego: bool, outer: usize) -> Result<(Value<'h>, usize), ParseError> {
    let mut seen = Seen::new(heap, text);
    let mut pending = Pending::new(heap);
    let mut at = 0;
    let mut depth = 0;
    let mut inside = Inside::Array;
    // Length of `pending` where the open bracket's elements start.
    let mut base = 0;
    loop {
        let mut value = match skip_space(text, &mut at)? {
            b'"' => string(heap, &mut seen, text, &mut at)?,
            b'{' => {
                at += 1;
                if skip_space(text, &mut at)? == b'}' {
                    at += 1;
                    object_of(heap, &mut [])
                } else {
                    depth += 1;
                    if depth + outer > MAX_DEPTH {
                        return Err(ParseError::Depth);
                    }
                    pending.push_word(base << 3 | inside as usize);
                    base = pending.len();
                    match key(heap, &mut seen, text, &mut at, &mut pending)? {
                        Key::Pending => {
                            inside = Inside::Object;
                            continue;
                        }
                        Key::NotAString if rego => {
                            inside = Inside::Brace;
                            continue;
                        }
                        Key::NoColon(value) if rego => {
                            inside = Inside::Set;
                            value
                        }
                        _ => return Err(ParseError::Syntax),
                    }
                }
            }
            b'[' => {
                at += 1;
                if skip_space(text, &mut at)? == b']' {
                    at += 1;
                    Value::empty_array()
                } else {
                    depth += 1;
                    if depth + outer > MAX_DEPTH {
                        return Err(ParseError::Depth);
                    }
                    pending.push_word(base << 3 | inside as usize);
                    base = pending.len();
                    inside = Inside::Array;
                    continue;
                }
            }
            b'-' | b'0'..=b'9' => number(heap, &mut seen, text, &mut at)?,
            b't' => literal(text, &mut at, b"true", Value::bool(true))?,
            b'f' => literal(text, &mut at, b"false", Value::bool(false))?,
            b'n' => literal(text, &mut at, b"null", Value::null())?,
            b's' if rego => empty_set(heap, text, &mut at)?,
            _ => return Err(ParseError::Syntax),
        };
        // A value is finished: it goes to what is open, and may finish that.
        loop {
            if depth == 0 {
                return Ok((value, at));
            }
            pending.push(value);
            let byte = skip_space(text, &mut at)?;
            at += 1;
            if rego && matches!(inside, Inside::Key | Inside::Brace) {
                inside = match (byte, inside) {
                    (b':', _) => {
                        inside = Inside::Object;
                        break;
                    }
                    (b',' | b'}', Inside::Brace) => Inside::Set,
                    _ => return Err(ParseError::Syntax),
                };
            }
            value = match (byte, inside) {
                (b',', Inside::Object) => {
                    skip_space(text, &mut at)?;
                    match key(heap, &mut seen, text, &mut at, &mut pending)? {
                        Key::Pending => break,
                        Key::NotAString if rego => {
                            inside = Inside::Key;
                            break;
                        }
                        _ => return Err(ParseError::Syntax),
                    }
                }
                (b',', _) => break,
                (b'}', Inside::Object) if seen.is_on() => compact_object_of(heap, pending.take_pairs(base)),
                (b'}', Inside::Object) => object_of(heap, pending.take_pairs(base)),
                (b'}', Inside::Set) => set_of(heap, pending.take(base)),
                (b']', Inside::Array) if seen.is_on() => Value::compact(heap, TAG_ARRAY, 0, pending.take(base)),
                (b']', Inside::Array) => Value::array(heap, pending.take(base)),
                _ => return Err(ParseError::Syntax),
            };
            let word = pending.pop_word();
            (base, inside) = (word >> 3, Inside::from_bits(word));
            depth -= 1;
        }
    }
}

/// Passes over white space and gives the byte behind it.
#[inline(always)]
fn skip_space(text: &[u8], at: &mut usize) -> Result<u8, ParseError> {
    match text.get(*at) {
        Some(byte) if *byte > b' ' => Ok(*byte),
        _ => skip_spaces(text, at),
    }
}

#[inline(never)]
fn skip_spaces(text: &[u8], at: &mut usize) -> Result<u8, ParseError> {
    loop {
        let byte = *text.get(*at).ok_or(ParseError::Syntax)?;
        if byte > b' ' {
            return Ok(byte);
        }
        if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return Err(ParseError::Syntax);
        }
        *at += 1;
    }
}

/// What stands where a key may.
enum Key<'h> {
    /// A string and its colon; the string is pending.
    Pending,
    /// A string without a colon.
    NoColon(Value<'h>),
    /// Something else, not read yet.
    NotAString,
}

#[inline(always)]
fn key<'h>(
    heap: Heap<'h>,
    seen: &mut Seen<'h>,
    text: &'h [u8],
    at: &mut usize,
    pending: &mut Pending<'h>,
) -> Result<Key<'h>, ParseError> {
    if text.get(*at) != Some(&b'"') {
        return Ok(Key::NotAString);
    }
    let key = string(heap, seen, text, at)?;
    if skip_space(text, at)? != b':' {
        return Ok(Key::NoColon(key));
    }
    *at += 1;
    pending.push(key);
    Ok(Key::Pending)
}

/// Reads the string whose opening quote is at `at`.
#[inline(never)]
fn string<'h>(heap: Heap<'h>, seen: &mut Seen<'h>, text: &'h [u8], at: &mut usize) -> Result<Value<'h>, ParseError> {
    let start = *at + 1;
    let end = plain_end(text, start);
    if text.get(end) != Some(&b'"') {
        return other_string(heap, seen.is_on(), text, at);
    }
    *at = end + 1;
    let raw = text.get(start..end).unwrap_or_default();
    Ok(if seen.is_on() { seen.ascii(heap, raw) } else { Value::ascii(heap, raw) })
}

#[inline(never)]
pub(super) fn other_string<'h>(
    heap: Heap<'h>,
    compact: bool,
    text: &'h [u8],
    at: &mut usize,
) -> Result<Value<'h>, ParseError> {
    let start = *at + 1;
    let (end, escaped) = string_end(text, start)?;
    *at = end + 1;
    let raw = text.get(start..end).ok_or(ParseError::Syntax)?;
    let raw = core::str::from_utf8(raw).map_err(|_| ParseError::Encoding)?;
    let string = if escaped { unescape(heap, raw)? } else { raw };
    Ok(if compact { Value::compact(heap, TAG_STRING, 0, string.as_bytes()) } else { Value::string(heap, string) })
}

/// Reads the number at `at`: short integers here, the rest by [`Number::scan`].
#[inline(never)]
pub(super) fn number<'h>(
    heap: Heap<'h>,
    seen: &mut Seen<'h>,
    text: &'h [u8],
    at: &mut usize,
) -> Result<Value<'h>, ParseError> {
    let mut end = *at;
    let mut value: i64 = 0;
    while let Some(digit) = text.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    let plain = !matches!(text.get(end), Some(b'.' | b'e' | b'E'));
    if plain && (end - *at == 1 || ((1..=18).contains(&(end - *at)) && text.get(*at) != Some(&b'0'))) {
        *at = end;
        return Ok(Value::int(heap, value));
    }
    other_number(heap, seen, text, at)
}

#[inline(never)]
fn other_number<'h>(
    heap: Heap<'h>,
    seen: &mut Seen<'h>,
    text: &'h [u8],
    at: &mut usize,
) -> Result<Value<'h>, ParseError> {
    let (number, end) = Number::scan(text, *at).ok_or(ParseError::Syntax)?;
    *at = end;
    Ok(match number {
        Number::Decimal(text) if seen.is_on() => seen.decimal(heap, text),
        number => Value::number(heap, number),
    })
}

#[inline(never)]
pub(super) fn literal<'h>(
    text: &[u8],
    at: &mut usize,
    literal: &[u8],
    value: Value<'h>,
) -> Result<Value<'h>, ParseError> {
    if text.get(*at..).is_some_and(|rest| rest.starts_with(literal)) {
        *at += literal.len();
        return Ok(value);
    }
    Err(ParseError::Syntax)
}

/// Reads `set()`, which is how an empty set is written.
#[cold]
fn empty_set<'h>(heap: Heap<'h>, text: &[u8], at: &mut usize) -> Result<Value<'h>, ParseError> {
    let open = literal(text, at, b"set(", Value::null());
    if open.is_err() || skip_space(text, at)? != b')' {
        return Err(ParseError::Syntax);
    }
    *at += 1;
    Ok(set_of(heap, &mut []))
}
