//! Parts of JSON texts, for readers that know what they look for: one string, one number, one value, and where a string's
//! plain run ends.
#![allow(unsafe_code, reason = "looks at sixteen bytes at once")]

use super::intern::Seen;
use super::parse;
use crate::{Heap, Value};

/// A value and the index behind it; no value where there is none.
pub(crate) struct Found<'h>(pub(crate) Option<Value<'h>>, pub(crate) usize);

/// A bit for each of sixteen bytes that is no plain ASCII of a string: a quote, a backslash, a control character, or a part
/// of a longer character.
///
/// # Safety
/// Sixteen bytes must be readable at `bytes`.
#[cfg(target_arch = "wasm32")]
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) unsafe fn stops16(bytes: *const u8) -> u32 {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_lt, i8x16_splat, v128_load, v128_or};
    // SAFETY: the caller's promise.
    let block = unsafe { v128_load(bytes.cast()) };
    let quote = i8x16_eq(block, i8x16_splat(b'"'.cast_signed()));
    let backslash = i8x16_eq(block, i8x16_splat(b'\\'.cast_signed()));
    // Bytes beyond ASCII are negative.
    let others = i8x16_lt(block, i8x16_splat(b' '.cast_signed()));
    i8x16_bitmask(v128_or(v128_or(quote, backslash), others)).into()
}

/// The same without vectors.
///
/// # Safety
/// As above.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) unsafe fn stops16(bytes: *const u8) -> u32 {
    // SAFETY: the caller's promise.
    let block = unsafe { bytes.cast::<[u8; 16]>().read_unaligned() };
    let stops = |byte: &u8| !matches!(*byte, b' '..=0x7F) || matches!(*byte, b'"' | b'\\');
    (0..).zip(&block).map(|(place, byte)| u32::from(stops(byte)) << place).sum()
}

/// The string whose opening quote is at `at`, whatever is in it.
#[inline(never)]
pub(crate) fn string<'h>(heap: Heap<'h>, text: &'h [u8], mut at: usize) -> Found<'h> {
    Found(parse::other_string(heap, false, text, &mut at).ok(), at)
}

/// The number, `true`, `false` or `null` at `at`.
#[inline(never)]
pub(crate) fn scalar<'h>(heap: Heap<'h>, text: &'h [u8], mut at: usize) -> Found<'h> {
    let (literal, value) = match text.get(at) {
        Some(b't') => (&b"true"[..], Value::bool(true)),
        Some(b'f') => (&b"false"[..], Value::bool(false)),
        Some(b'n') => (&b"null"[..], Value::null()),
        Some(b'-' | b'0'..=b'9') => {
            return Found(parse::number(heap, &mut Seen::new(heap, &[]), text, &mut at).ok(), at);
        }
        _ => return Found(None, at),
    };
    Found(parse::literal(text, &mut at, literal, value).ok(), at)
}

/// The value at `at`, which lies `depth` brackets deep.
#[inline(never)]
pub(crate) fn value<'h>(heap: Heap<'h>, text: &'h [u8], at: usize, depth: usize) -> Found<'h> {
    match parse::parse_within(heap, text.get(at..).unwrap_or_default(), depth) {
        Ok((value, length)) => Found(Some(value), at + length),
        Err(_) => Found(None, at),
    }
}
