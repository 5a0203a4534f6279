//! The scanner: one pass over the text, which checks every byte and makes only what is read.
//!
//! It knows the whole grammar but gives up on what is rare (an input that is no object, deep nesting, anything wrong): the
//! parser then reads the text anew, and finds the words for what is wrong with it.

use core::mem::MaybeUninit;

use super::{Table, entry, header, node};
use crate::json::parts::{self, Found};
use crate::{Heap, Value};

/// Bytes that must be readable behind a text; the first of them must be 0.
pub(crate) const SLACK: usize = 32;
/// Deeper values are left to the parser.
const DEPTH: usize = 64;

/// What an open bracket is, if it is not a node that members are read of: an object, or an array, of which nothing is read.
const OBJECT: usize = 0;
const ARRAY: usize = 1;

/// Reads `text` into `slots`, all of which it sets. Whether it did: if not, the text is to be parsed.
///
/// One loop whose common case is straight code: what is rare is called, so that it takes no registers.
///
/// # Safety
/// `table` must be a table, `slots` must hold as many values as it says, and [`SLACK`] bytes behind `text` must be readable,
/// the first of them 0.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) unsafe fn scan<'h>(heap: Heap<'h>, table: Table, slots: *mut Option<Value<'h>>, text: &'h [u8]) -> bool {
    // SAFETY: offsets and slots come from the table; no pointer into the text passes the mark, because nothing that is
    // passed over contains it, and what is read at once is at most `SLACK` bytes.
    unsafe {
        for slot in 0..table.word(header::SLOTS) as usize {
            // Volatile, because a call that fills memory costs more than filling this little.
            slots.add(slot).write_volatile(None);
        }
        let start = text.as_ptr();
        let mut at = start;
        if byte_behind_space(&mut at) != b'{' {
            return false;
        }
        *slots.add(table.word(header::ROOT + entry::SLOT) as usize) = Some(Value::null());
        at = at.add(1);
        let mut open = MaybeUninit::<[usize; DEPTH]>::uninit();
        let open = open.as_mut_ptr().cast::<usize>();
        let mut depth = 0;
        let mut context = table.0.add(table.word(header::ROOT + entry::NODE) as usize) as usize;
        if byte_behind_space(&mut at) == b'}' {
            at = at.add(1);
            return is_end(at, text);
        }
        loop {
            // Where the value goes that comes next, and the node of its members.
            let mut slot = core::ptr::null_mut();
            let mut node = OBJECT;
            if context != ARRAY {
                if *at != b'"' {
                    return false;
                }
                let key = at.add(1);
                let end = plain_end(key);
                let mut found = core::ptr::null::<u32>();
                if *end == b'"' {
                    at = end.add(1);
                    if context > ARRAY {
                        found = find(table, context as *const u32, key, end);
                    }
                } else {
                    let Found(Some(value), end) = parts::string(heap, text, offset(at, start)) else { return false };
                    at = start.add(end);
                    if context > ARRAY {
                        found = table.find(context as *const u32, value.str_unchecked().as_bytes());
                    }
                }
                if *at != b':' {
                    at = behind_space(at);
                    if *at != b':' {
                        return false;
                    }
                }
                at = at.add(1);
                byte_behind_space(&mut at);
                if !found.is_null() {
                    slot = slots.add(*found.add(entry::SLOT) as usize);
                    if (*slot).is_some() {
                        forget(slots, found);
                    }
                    *slot = Some(Value::null());
                    let below = *found.add(entry::NODE) as usize;
                    if below != 0 {
                        slot = core::ptr::null_mut();
                        node = table.0.add(below) as usize;
                    }
                }
            }
            let first = *at;
            if first == b'"' {
                let content = at.add(1);
                let end = plain_end(content);
                if *end == b'"' {
                    at = end.add(1);
                    if !slot.is_null() {
                        let content = core::slice::from_raw_parts(content, offset(end, content));
                        let interned = table.interned();
                        *slot = Some(match interned.short_constant(content) {
                            Some(known) => known,
                            None => interned.any_string(heap, content),
                        });
                    }
                } else {
                    let Found(Some(value), end) = parts::string(heap, text, offset(at, start)) else { return false };
                    at = start.add(end);
                    if !slot.is_null() {
                        *slot = Some(table.interned().value(value));
                    }
                }
            } else if matches!(first, b'{' | b'[') {
                if depth == DEPTH {
                    return false;
                }
                if slot.is_null() {
                    open.add(depth).write(context);
                    depth += 1;
                    at = at.add(1);
                    // The closing bracket is two behind the opening one.
                    let next = byte_behind_space(&mut at);
                    context = if first == b'[' { ARRAY } else { node };
                    if next != first + 2 {
                        continue;
                    }
                    at = at.add(1);
                    depth -= 1;
                    context = open.add(depth).read();
                } else {
                    // The input's own bracket is open too.
                    let Found(Some(value), end) = parts::value(heap, text, offset(at, start), depth + 1) else {
                        return false;
                    };
                    *slot = Some(value);
                    at = start.add(end);
                }
            } else if let Some((value, digits)) = short_integer(at) {
                at = at.add(digits);
                if !slot.is_null() {
                    // So few digits are always a small integer.
                    *slot = Value::small_int(value);
                }
            } else {
                let Found(Some(value), end) = parts::scalar(heap, text, offset(at, start)) else { return false };
                at = start.add(end);
                if !slot.is_null() {
                    *slot = Some(value);
                }
            }
            // A value is finished, and may finish what is open. A turn of a loop costs more than to look ahead once.
            if *at == b',' {
                at = at.add(1);
                byte_behind_space(&mut at);
                continue;
            }
            loop {
                let byte = byte_behind_space(&mut at);
                at = at.add(1);
                if byte == b',' {
                    byte_behind_space(&mut at);
                    break;
                }
                if byte != (if context == ARRAY { b']' } else { b'}' }) {
                    return false;
                }
                if depth == 0 {
                    return is_end(at, text);
                }
                depth -= 1;
                context = open.add(depth).read();
            }
        }
    }
}

/// Whether only white space is left from `at` on.
#[inline(always)]
unsafe fn is_end(at: *const u8, text: &[u8]) -> bool {
    // SAFETY: as below.
    offset(at, text.as_ptr()) == text.len() || unsafe { is_end_behind_space(at, text) }
}

#[cold]
#[inline(never)]
unsafe fn is_end_behind_space(mut at: *const u8, text: &[u8]) -> bool {
    // SAFETY: `at` is at most at the mark.
    unsafe { byte_behind_space(&mut at) == 0 && offset(at, text.as_ptr()) == text.len() }
}

/// How far a pointer is behind another into the same text.
#[inline(always)]
fn offset(at: *const u8, start: *const u8) -> usize {
    at as usize - start as usize
}

/// Passes over white space and gives the byte behind it, which may be the mark.
///
/// # Safety
/// `at` must not lie beyond the mark, here and below.
#[inline(always)]
unsafe fn byte_behind_space(at: &mut *const u8) -> u8 {
    // SAFETY: the mark is no white space.
    unsafe {
        let byte = **at;
        if byte > b' ' {
            return byte;
        }
        *at = behind_space(*at);
        **at
    }
}

#[cold]
#[inline(never)]
unsafe fn behind_space(mut at: *const u8) -> *const u8 {
    // SAFETY: as above.
    unsafe {
        while matches!(*at, b' ' | b'\n' | b'\r' | b'\t') {
            at = at.add(1);
        }
    }
    at
}

#[inline(always)]
unsafe fn word(at: *const u8) -> u64 {
    // SAFETY: eight bytes are readable wherever a byte is, behind the mark too.
    u64::from_le(unsafe { at.cast::<u64>().read_unaligned() })
}

/// The first byte from `at` on that is not plain ASCII of a string: a quote, a backslash, a control character (as the mark
/// is) or a part of a longer character.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
unsafe fn plain_end(at: *const u8) -> *const u8 {
    // SAFETY: sixteen bytes are readable behind the mark.
    unsafe {
        let stops = parts::stops16(at);
        if stops != 0 { at.add(stops.trailing_zeros() as usize) } else { long_plain_end(at.add(16)) }
    }
}

#[inline(never)]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
unsafe fn long_plain_end(mut at: *const u8) -> *const u8 {
    // SAFETY: the mark ends the search.
    unsafe {
        loop {
            let stops = parts::stops16(at);
            if stops != 0 {
                return at.add(stops.trailing_zeros() as usize);
            }
            at = at.add(16);
        }
    }
}

/// The integer at `at`, if it is one of up to seven digits without a sign, and how many digits it has.
#[inline(always)]
unsafe fn short_integer(at: *const u8) -> Option<(i64, usize)> {
    // SAFETY: as for `word`.
    unsafe {
        let word = word(at) ^ 0x3030_3030_3030_3030;
        // The top bit of every byte that is no digit.
        let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
        let bits = others.trailing_zeros() & !7;
        let digits = (bits / 8) as usize;
        // Eight digits or more, none, one that is no whole number, or a zero in front of others.
        if others == 0
            || digits == 0
            || matches!(*at.add(digits), b'.' | b'e' | b'E')
            || (digits > 1 && word & 0xFF == 0)
        {
            return None;
        }
        // Zeros in front; then pairs, fours and eights of digits are added up.
        let word = word << (64 - bits);
        let word = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00FF_00FF_00FF_00FF;
        let word = word.wrapping_mul(100).wrapping_add(word >> 16) & 0x0000_FFFF_0000_FFFF;
        let word = word.wrapping_mul(10_000).wrapping_add(word >> 32) & 0xFFFF_FFFF;
        Some((word.cast_signed(), digits))
    }
}

/// The entry of the key between two pointers in a node, or null.
///
/// # Safety
/// `node` must be a node of the table, and the key text without escapes.
#[inline(always)]
unsafe fn find(table: Table, node: *const u32, key: *const u8, end: *const u8) -> *const u32 {
    // SAFETY: the place is within the node's entries.
    unsafe {
        let len = offset(end, key);
        let (first, last) = super::ends_at(key, len);
        let place = super::place(first, last, len as u32, Table(node).wide(node::FACTOR), *node.add(node::BITS));
        let found = node.add(node::ENTRIES + place * entry::SIZE);
        // One branch for all three.
        let other = u64::from(*found.add(entry::LEN) ^ len as u32)
            | (Table(found).wide(entry::FIRST) ^ first)
            | (Table(found).wide(entry::LAST) ^ last);
        if other != 0 || (len > 16 && !same_text(table, found, key)) { core::ptr::null() } else { found }
    }
}

#[inline(never)]
unsafe fn same_text(table: Table, entry: *const u32, key: *const u8) -> bool {
    // SAFETY: the lengths are the same.
    unsafe {
        let known = table.key(entry);
        crate::bytes::equal(known, core::slice::from_raw_parts(key, known.len()))
    }
}

/// Empties the slots of a key that has come before.
#[cold]
#[inline(never)]
unsafe fn forget(slots: *mut Option<Value<'_>>, found: *const u32) {
    // SAFETY: slots of the table.
    unsafe {
        for slot in *found.add(entry::SLOT)..*found.add(entry::END) {
            *slots.add(slot as usize) = None;
        }
    }
}
