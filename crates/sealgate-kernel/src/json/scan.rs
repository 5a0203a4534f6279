//! Finding the end of a JSON string, eight bytes at a time, and undoing its escapes.
#![allow(unsafe_code, reason = "a text is taken apart at ASCII bytes")]

use super::ParseError;
use crate::{Heap, Text};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A bit in the top of every byte of `word` that ends a plain run: a quote, a backslash, a control character. The lowest
/// one is exact, what is above it may be false.
#[inline(always)]
pub(super) const fn stops(word: u64) -> u64 {
    // A byte that is zero, or below a space, borrows from its top bit; those that had it set are masked.
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * b' ' as u64);
    (quote | backslash | control) & !word & HIGHS
}

/// The index of the first byte from `start` on that is not plain ASCII: a quote, a backslash, a control character or a part
/// of a longer character. The length of `bytes` if there is none.
#[inline(always)]
pub(super) fn plain_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let stops = stops(word) | word & HIGHS;
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if !matches!(*byte, b' '..=0x7F) || matches!(*byte, b'"' | b'\\') {
            break;
        }
        at += 1;
    }
    at
}

/// The closing quote of the string whose content starts at `start`, and whether there is an escape in it.
#[inline(never)]
pub(super) fn string_end(bytes: &[u8], start: usize) -> Result<(usize, bool), ParseError> {
    let mut at = start;
    let mut escaped = false;
    loop {
        at += plain_len(bytes.get(at..).unwrap_or_default());
        match *bytes.get(at).ok_or(ParseError::Syntax)? {
            b'"' => return Ok((at, escaped)),
            b'\\' => {
                escaped = true;
                // What follows is looked at when the escapes are undone; only its first byte could be a quote.
                at += 2;
            }
            _ => return Err(ParseError::Syntax),
        }
    }
}

/// How many bytes at the start of `bytes` are written as they are: neither quote, backslash nor control character.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| **byte >= b' ' && !matches!(**byte, b'"' | b'\\')).count()
}

/// The text that `raw`, the content of a string, stands for.
#[cold]
#[inline(never)]
pub(super) fn unescape<'h>(heap: Heap<'h>, raw: &str) -> Result<&'h str, ParseError> {
    let mut text = Text::new(heap, raw.len());
    let mut rest = raw.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, escape) = rest.split_at_checked(at).ok_or(ParseError::Escape)?;
        // SAFETY: escapes are ASCII, so that texts lie between them.
        unsafe { text.push_bytes(plain) };
        let (character, used) = match escape.get(1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => (char::from(*byte), 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(escape)?,
            _ => return Err(ParseError::Escape),
        };
        text.push(character);
        rest = escape.get(used..).ok_or(ParseError::Escape)?;
    }
    // SAFETY: as above.
    unsafe { text.push_bytes(rest) };
    Ok(text.finish_str())
}

/// The character that `\uXXXX`, or a surrogate pair of them, at the start of `escape` stands for, and its length in bytes.
fn unicode(escape: &[u8]) -> Result<(char, usize), ParseError> {
    let first = unit(escape, 0)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    let second = unit(escape, 6)?;
    let pair = first.wrapping_sub(0xD800) << 10 | second.wrapping_sub(0xDC00);
    if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
        return Err(ParseError::Escape);
    }
    char::from_u32(0x1_0000 + pair).map(|character| (character, 12)).ok_or(ParseError::Escape)
}

/// The UTF-16 unit written `\uXXXX` at `at`.
#[inline(never)]
fn unit(escape: &[u8], at: usize) -> Result<u32, ParseError> {
    let Some([b'\\', b'u', digits @ ..]) = escape.get(at..at + 6) else { return Err(ParseError::Escape) };
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(ParseError::Escape)?;
        Ok(unit << 4 | digit)
    })
}
