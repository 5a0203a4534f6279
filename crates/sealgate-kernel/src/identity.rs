//! Tells documents apart without writing them: words that no other document of the same module has.
//!
//! Takes a value, gives the addresses of the constants that it is made of, or nothing where it holds what is no constant.
#![allow(unsafe_code, reason = "reads the words of an object's shape")]

use crate::compact::COMPACT;
use crate::layout::{FLAG_SHAPE, FLAG_STATIC, INLINE_BIT, TAG_ARRAY, TAG_OBJECT, TAG_SET};
use crate::{Heap, List, Pair, Value};

/// Larger documents are not told apart.
const MOST_WORDS: usize = 64;
/// What stands before the elements of an array and a set. No address and no small integer has these bits.
const ARRAY: u32 = 2;
const SET: u32 = 6;

/// The words of `value`: equal words mean equal values, as long as the module's static data stays as it is.
pub(crate) fn of<'h>(heap: Heap<'h>, value: Value<'h>) -> &'h [u32] {
    let mut words = List::new(heap, 16);
    if push(&mut words, value) { words.finish() } else { &[] }
}

fn push<'h>(words: &mut List<'h, u32>, value: Value<'h>) -> bool {
    if words.len() >= MOST_WORDS {
        return false;
    }
    let word = value.address() as u32;
    if word & INLINE_BIT != 0 {
        words.push(word);
        return true;
    }
    // SAFETY: no small integer; the marks come first, and a compact header is never static.
    let (tag, marks, flags) = unsafe { ((*value.header_start()).tag, value.marks(), (*value.header_start()).flags) };
    if marks & COMPACT != 0 {
        return false;
    }
    if flags & FLAG_SHAPE != 0 && tag == TAG_OBJECT {
        // SAFETY: the flag says that the shape's address is there.
        words.push(unsafe { value.header().payload.buffer.capacity });
        return value.slice_unchecked::<Pair<'h>>().iter().all(|pair| push(words, pair.value));
    }
    if flags & FLAG_STATIC != 0 {
        words.push(word);
        return true;
    }
    if tag != TAG_ARRAY && tag != TAG_SET {
        return false;
    }
    let elements = value.as_elements().unwrap_or_default();
    words.push((elements.len() as u32) << 3 | if tag == TAG_ARRAY { ARRAY } else { SET });
    elements.iter().all(|element| push(words, *element))
}
