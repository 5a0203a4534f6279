//! Tells documents apart without writing them: words that no other document of the same module has.
//!
//! Takes a value, gives the addresses of the constants that it is made of, or nothing where it holds what is no constant.
#![allow(unsafe_code, reason = "reads the words of an object's shape")]

use crate::compact::COMPACT;
use crate::layout::{FLAG_SHAPE, FLAG_STATIC, INLINE_BIT, TAG_ARRAY, TAG_OBJECT, TAG_SET};
use crate::{Heap, Pair, Value};

/// Larger documents are not told apart.
const MOST_WORDS: usize = 64;
/// What stands before the elements of an array and a set. No address and no small integer has these bits.
const ARRAY: u32 = 2;
const SET: u32 = 6;

/// The words of `value`: equal words mean equal values, as long as the module's static data stays as it is.
pub(crate) fn of<'h>(heap: Heap<'h>, value: Value<'h>) -> &'h [u32] {
    let start = heap.alloc_array::<u32>(MOST_WORDS);
    // SAFETY: fresh memory for so many words, of which `push` writes those up to the place that it gives.
    unsafe {
        match push(start.as_ptr(), 0, value) {
            Some(end) => core::slice::from_raw_parts(start.as_ptr(), end),
            None => &[],
        }
    }
}

/// Writes the words of `value` from the place `at` on, and gives the place behind them; `None` if it has none, or too many.
///
/// # Safety
/// There must be room for [`MOST_WORDS`] words.
unsafe fn push(words: *mut u32, at: usize, value: Value<'_>) -> Option<usize> {
    if at >= MOST_WORDS {
        return None;
    }
    let word = value.address() as u32;
    // SAFETY: the place is within the room; no small integer's header is read, and of a compact header, which is never
    // static, no more than the marks. A shape's address is where its flag says.
    unsafe {
        if word & INLINE_BIT != 0 {
            words.add(at).write(word);
            return Some(at + 1);
        }
        let header = value.header_start();
        if (*header).sub & COMPACT != 0 {
            return None;
        }
        let (tag, flags) = ((*header).tag, (*header).flags);
        if flags & FLAG_SHAPE != 0 && tag == TAG_OBJECT {
            words.add(at).write((*header).payload.buffer.capacity);
            return members(words, at + 1, value);
        }
        if flags & FLAG_STATIC != 0 {
            words.add(at).write(word);
            return Some(at + 1);
        }
        if tag != TAG_ARRAY && tag != TAG_SET {
            return None;
        }
        let elements = value.as_elements().unwrap_or_default();
        words.add(at).write((elements.len() as u32) << 3 | if tag == TAG_ARRAY { ARRAY } else { SET });
        elements.iter().try_fold(at + 1, |at, element| push(words, at, *element))
    }
}

/// As [`push`], for the members of an object of a shape, most of which are constants.
unsafe fn members(words: *mut u32, mut at: usize, object: Value<'_>) -> Option<usize> {
    for pair in object.slice_unchecked::<Pair<'_>>() {
        let word = pair.value.address() as u32;
        // SAFETY: as in `push`.
        unsafe {
            let header = pair.value.header_start();
            let is_constant = word & INLINE_BIT != 0
                || ((*header).sub & COMPACT == 0 && (*header).flags & (FLAG_STATIC | FLAG_SHAPE) == FLAG_STATIC);
            if is_constant && at < MOST_WORDS {
                words.add(at).write(word);
                at += 1;
            } else {
                at = push(words, at, pair.value)?;
            }
        }
    }
    Some(at)
}
