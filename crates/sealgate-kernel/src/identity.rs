//! Tells documents apart without writing them: words that no other document of the same module has.
//!
//! Takes a value, gives the addresses of the constants that it is made of, or nothing where it holds what is no constant.
#![allow(unsafe_code, reason = "reads the words of an object's shape")]

use crate::compact::COMPACT;
use crate::heap::wasm;
use crate::layout::{FLAG_SHAPE, FLAG_TAIL, FLAG_UNSORTED, INLINE_BIT, TAG_ARRAY, TAG_OBJECT, TAG_SET};
use crate::{Heap, Pair, Value};

/// Larger documents are not told apart.
const MOST_WORDS: usize = 64;
/// A place that is none.
const NONE: usize = usize::MAX;
/// What stands first where words were gathered, and before the elements of an array and a set. No address and no small
/// integer has these bits.
const GATHERED: u32 = 4;
const ARRAY: u32 = 2;
const SET: u32 = 6;

/// The words of `value`: equal words mean equal values, as long as the module's static data stays as it is.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn of<'h>(heap: Heap<'h>, value: Value<'h>) -> &'h [u32] {
    // SAFETY: pairs are words; fresh memory for so many words, of which `push` writes those up to the place that it gives.
    unsafe {
        if let Some(pairs) = members(value)
            && pairs.len() <= MOST_WORDS / 2
            && are_constants(pairs)
        {
            // Its keys are constants as well, which say what shape it has.
            return core::slice::from_raw_parts(pairs.as_ptr().cast(), pairs.len() * 2);
        }
        let start = heap.alloc_array::<u32>(MOST_WORDS).as_ptr();
        start.write(GATHERED);
        match push(start, 1, value) {
            NONE => &[],
            end => core::slice::from_raw_parts(start, end),
        }
    }
}

/// The pairs of an object of a shape.
#[inline]
fn members<'h>(value: Value<'h>) -> Option<&'h [Pair<'h>]> {
    // SAFETY: an object of a shape has a full header, and its pairs.
    value.is_marked(TAG_OBJECT, FLAG_SHAPE).then(|| unsafe { content(value) })
}

/// The elements of an array or a set.
#[inline]
fn elements<'h>(value: Value<'h>) -> Option<&'h [Value<'h>]> {
    const UNSETTLED: u32 = (COMPACT as u32) << 8 | ((FLAG_TAIL | FLAG_UNSORTED) as u32) << 16;
    match value.first_word() {
        // SAFETY: a full header, with values in order.
        word if word & UNSETTLED == 0 && matches!(word as u8, TAG_ARRAY | TAG_SET) => Some(unsafe { content(value) }),
        _ => value.as_elements(),
    }
}

/// # Safety
/// The value must have a full header, and hold such things.
#[inline(always)]
unsafe fn content<'h, T>(value: Value<'h>) -> &'h [T] {
    let header = value.header_start();
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts((*header).payload.buffer.start.cast(), (*header).len as usize) }
}

/// Writes the words of `value` from the place `at` on, and gives the place behind them; [`NONE`] if it has none, or too many.
///
/// # Safety
/// There must be room for [`MOST_WORDS`] words, here and below.
#[inline(always)]
unsafe fn push(words: *mut u32, at: usize, value: Value<'_>) -> usize {
    // SAFETY: the caller's promise.
    unsafe { if is_constant(value) { write(words, at, value.address() as u32) } else { push_parts(words, at, value) } }
}

/// The same for a value that is no constant, and so no small integer.
#[inline(never)]
unsafe fn push_parts(words: *mut u32, at: usize, value: Value<'_>) -> usize {
    // SAFETY: the caller's promise; the flag of a shape says that its address is there.
    unsafe {
        if let Some(pairs) = members(value) {
            let at = write(words, at, (*value.header_start()).payload.buffer.capacity);
            return pairs.iter().fold(at, |at, pair| push(words, at, pair.value));
        }
        let Some(elements) = elements(value) else { return NONE };
        let mark = if value.tag() == TAG_ARRAY { ARRAY } else { SET };
        let at = write(words, at, (elements.len() as u32) << 3 | mark);
        elements.iter().fold(at, |at, element| push(words, at, *element))
    }
}

#[inline(always)]
unsafe fn write(words: *mut u32, at: usize, word: u32) -> usize {
    if at >= MOST_WORDS {
        return NONE;
    }
    // SAFETY: the place is within the room.
    unsafe { words.add(at).write(word) };
    at + 1
}

/// Whether all of pairs are constants: of up to eight the first four and the last four, because a turn of a loop costs more than
/// looking at some twice.
#[inline]
#[target_feature(enable = "simd128")]
fn are_constants(pairs: &[Pair<'_>]) -> bool {
    use core::arch::wasm32::{
        i32x4_bitmask, i32x4_lt, i32x4_shl, u32x4_splat, v128, v128_and, v128_andnot, v128_load, v128_or,
    };
    if pairs.len() < 4 || pairs.len() > 8 {
        return pairs.iter().all(|pair| is_constant(pair.value));
    }
    let end = u32x4_splat(wasm::static_end() as u32);
    // The sign of each word says it. Addresses beyond half of all memory are less than any other as signed numbers.
    let constant = |words: v128| {
        let below = v128_andnot(i32x4_lt(words, end), words);
        v128_or(below, i32x4_shl(words, u32::BITS - INLINE_BIT.trailing_zeros() - 1))
    };
    // SAFETY: four pairs are twice as many bytes as a vector, and there are so many from the first on and up to the last.
    let four = |pairs: *const Pair<'_>| unsafe {
        let words: *const v128 = pairs.cast();
        v128_and(constant(v128_load(words)), constant(v128_load(words.add(1))))
    };
    // SAFETY: as above.
    let last = unsafe { pairs.as_ptr().add(pairs.len() - 4) };
    i32x4_bitmask(v128_and(four(pairs.as_ptr()), four(last))) == 0b1111
}

/// Whether a value is a small integer, or lies in static data, where nothing but constants lies.
#[inline(always)]
fn is_constant(value: Value<'_>) -> bool {
    let word = value.address();
    (word & INLINE_BIT as usize != 0) | (word < wasm::static_end())
}
