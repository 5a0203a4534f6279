//! The scanner: one pass over the text, which checks every byte and makes only what is read.
//!
//! It knows the whole grammar but gives up on what is rare (an input that is no object, deep nesting, anything wrong): the
//! parser then reads the text anew, and finds the words for what is wrong with it.

use super::{Table, entry, header, node};
use crate::json::parts::{self, Found};
use crate::{Heap, Value};

/// Bytes that must be readable behind a text; the first of them must be 0.
pub(crate) const SLACK: usize = 32;
/// What is not read is passed over so deep; where it nests deeper, the text is left to the parser.
const DEPTH: u32 = u64::BITS;

/// Reads `text` into `slots`, all of which it sets. Whether it did: if not, the text is to be parsed.
///
/// One loop whose common case is straight code, a turn for each member of an object that is looked into: what is rare is
/// called, so that it takes no registers. What is open is known by the node, so there is no stack.
///
/// # Safety
/// `table` must be a table, `slots` must hold as many values as it says, and [`SLACK`] bytes behind `text` must be readable,
/// the first of them 0.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) unsafe fn scan<'h>(heap: Heap<'h>, table: Table, slots: *mut Option<Value<'h>>, text: &'h [u8]) -> bool {
    // SAFETY: offsets and slots come from the table; no pointer into the text passes the mark, because nothing that is
    // passed over contains it, and what is read at once is at most `SLACK` bytes.
    unsafe {
        clear(slots, table.word(header::SLOTS) as usize);
        let mut at = text.as_ptr();
        if byte_behind_space(&mut at) != b'{' {
            return false;
        }
        let root = table.0.add(header::ROOT);
        *slots.add(*root.add(entry::SLOT) as usize) = Some(Value::null());
        let mut node = root.add(*root.add(entry::NODE) as usize);
        at = at.add(1);
        if byte_behind_space(&mut at) == b'}' {
            at = at.add(1);
            return is_end(at, text);
        }
        'members: loop {
            'value: {
                let mut entry = candidate(node, at);
                if is_key(entry, at) {
                    at = at.add(*entry.add(entry::LEN) as usize + entry::AROUND);
                } else {
                    if *at != b'"' {
                        at = behind_space(at);
                        if *at != b'"' {
                            return false;
                        }
                        continue 'members;
                    }
                    let end = plain_end(at.add(1));
                    let is_other = *end == b'"' && *end.add(1) == b':';
                    // Such a key would have been seen above.
                    if is_other && offset(end, at) <= *node.add(node::SURE) as usize {
                        at = end.add(2);
                        entry = core::ptr::null();
                    } else {
                        let value = behind_key(heap, text, at);
                        if value.is_null() {
                            return false;
                        }
                        entry = rare_key(heap, table, node, text, at);
                        at = value;
                    }
                    if entry.is_null() {
                        byte_behind_space(&mut at);
                        at = behind_value(heap, text, at);
                        if at.is_null() {
                            return false;
                        }
                        break 'value;
                    }
                }
                let first = byte_behind_space(&mut at);
                let slot = slots.add(*entry.add(entry::SLOT) as usize);
                let below = *entry.add(entry::NODE) as usize;
                if below != 0 {
                    if (*slot).is_some() {
                        forget(slots, entry);
                    }
                    *slot = Some(Value::null());
                    if first != b'{' {
                        at = behind_value(heap, text, at);
                        if at.is_null() {
                            return false;
                        }
                        break 'value;
                    }
                    at = at.add(1);
                    if byte_behind_space(&mut at) == b'}' {
                        at = at.add(1);
                        break 'value;
                    }
                    node = entry.add(below);
                    continue 'members;
                }
                if first == b'"' {
                    let content = at.add(1);
                    let end = plain_end(content);
                    if *end == b'"' {
                        at = end.add(1);
                        let content = core::slice::from_raw_parts(content, offset(end, content));
                        *slot = Some(table.interned().string(heap, content));
                        break 'value;
                    }
                } else if let Some((value, digits)) = short_integer(at) {
                    at = at.add(digits);
                    // So few digits are always a small integer.
                    *slot = Value::small_int(value);
                    break 'value;
                }
                at = other_value(heap, table, text, at, slot, *node.add(node::DEPTH) as usize);
                if at.is_null() {
                    return false;
                }
            }
            // A value is finished, and may finish what is open. A turn of a loop costs more than to look ahead once.
            if *at == b',' {
                at = at.add(1);
                continue;
            }
            loop {
                let byte = byte_behind_space(&mut at);
                at = at.add(1);
                if byte == b',' {
                    break;
                }
                if byte != b'}' {
                    return false;
                }
                let up = *node.add(node::UP) as usize;
                if up == 0 {
                    return is_end(at, text);
                }
                node = node.sub(up);
            }
        }
    }
}

/// Empties slots, by eights: a call that fills memory costs more than filling this little.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
unsafe fn clear(slots: *mut Option<Value<'_>>, count: usize) {
    // SAFETY: the caller's promise: so many slots. An empty one is all zeros. Volatile, so that no call is made of it.
    unsafe {
        let (mut slot, end) = (slots, slots.add(count));
        while offset(end.cast(), slot.cast()) >= 8 * size_of::<Option<Value<'_>>>() {
            let eight = slot.cast::<Word>();
            for part in 0..8 * size_of::<Option<Value<'_>>>() / size_of::<Word>() {
                eight.add(part).write_volatile(zero());
            }
            slot = slot.add(8);
        }
        while slot != end {
            slot.write_volatile(None);
            slot = slot.add(1);
        }
    }
}

/// The only entry of a node that the key may have whose quote is at `at`, if that is a key of which a look is enough.
#[inline(always)]
unsafe fn candidate(node: *const u32, at: *const u8) -> *const u32 {
    // SAFETY: an entry of the node; its window is within what is readable.
    unsafe {
        let window = word(at.add(*node.add(node::OFFSET) as usize)) & Table(node).wide(node::MASK);
        let place = super::place(window, Table(node).wide(node::FACTOR), *node.add(node::SHIFT));
        node.add(node::ENTRIES + place * entry::SIZE)
    }
}

#[cfg(target_arch = "wasm32")]
type Word = core::arch::wasm32::v128;
#[cfg(not(target_arch = "wasm32"))]
type Word = u64;

#[cfg(target_arch = "wasm32")]
#[inline(always)]
fn zero() -> Word {
    // SAFETY: all bits are values of a vector.
    unsafe { core::mem::zeroed() }
}

#[cfg(not(target_arch = "wasm32"))]
fn zero() -> Word {
    0
}

/// Whether the key of an entry is at `at`, with its quotes and colon.
#[cfg(target_arch = "wasm32")]
#[inline]
#[target_feature(enable = "simd128")]
unsafe fn is_key(entry: *const u32, at: *const u8) -> bool {
    use core::arch::wasm32::{v128_and, v128_any_true, v128_load, v128_xor};
    // SAFETY: an entry; sixteen bytes are readable behind the mark.
    unsafe {
        let (key, mask) = (v128_load(entry.add(entry::KEY).cast()), v128_load(entry.add(entry::MASK).cast()));
        !v128_any_true(v128_xor(v128_and(v128_load(at.cast()), mask), key))
    }
}

/// The same without vectors.
#[cfg(not(target_arch = "wasm32"))]
unsafe fn is_key(entry: *const u32, at: *const u8) -> bool {
    // SAFETY: as above.
    unsafe {
        let bytes = |at: *const u8| u128::from_ne_bytes(at.cast::<[u8; 16]>().read());
        bytes(at) & bytes(entry.add(entry::MASK).cast()) == bytes(entry.add(entry::KEY).cast())
    }
}

/// The entry of the key whose quote is at `at`, however it is written, or null. Keys with escapes, and those of a node without
/// a window, are looked for one by one.
///
/// # Safety
/// [`behind_key`] must have found it well formed.
#[inline(never)]
unsafe fn rare_key<'h>(heap: Heap<'h>, table: Table, node: *const u32, text: &'h [u8], at: *const u8) -> *const u32 {
    // SAFETY: the caller's promise; a key is within the text, and a node has so many entries.
    unsafe {
        let (mut entry, mut left) = (node.add(node::ENTRIES), 1_usize << *node.add(node::BITS));
        let end = plain_end(at.add(1));
        let key = if *end == b'"' {
            if Table(node).wide(node::MASK) != 0 {
                (entry, left) = (candidate(node, at), 1);
            }
            core::slice::from_raw_parts(at.add(1), offset(end, at) - 1)
        } else {
            match parts::string(heap, text, offset(at, text.as_ptr())).0 {
                Some(value) => value.str_unchecked().as_bytes(),
                None => return core::ptr::null(),
            }
        };
        loop {
            if *entry.add(entry::LEN) as usize == key.len() && crate::bytes::equal(table.key(entry), key) {
                return entry;
            }
            left -= 1;
            if left == 0 {
                return core::ptr::null();
            }
            entry = entry.add(entry::SIZE);
        }
    }
}

/// Passes over a key, its colon and white space; null if they are not there.
#[inline(never)]
unsafe fn behind_key<'h>(heap: Heap<'h>, text: &'h [u8], at: *const u8) -> *const u8 {
    // SAFETY: as in `scan`.
    unsafe {
        if *at != b'"' {
            return core::ptr::null();
        }
        let mut at = behind_string(heap, text, at);
        if at.is_null() || byte_behind_space(&mut at) != b':' {
            return core::ptr::null();
        }
        at = at.add(1);
        byte_behind_space(&mut at);
        at
    }
}

/// Passes over the string whose quote is at `at`; null if it is none.
#[inline(never)]
unsafe fn behind_string<'h>(heap: Heap<'h>, text: &'h [u8], at: *const u8) -> *const u8 {
    // SAFETY: as in `scan`.
    unsafe {
        let end = plain_end(at.add(1));
        if *end == b'"' {
            return end.add(1);
        }
        match parts::string(heap, text, offset(at, text.as_ptr())) {
            Found(Some(_), end) => text.as_ptr().add(end),
            _ => core::ptr::null(),
        }
    }
}

/// Passes over a value that nobody reads; null if it is none, or too deep.
#[inline(never)]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
unsafe fn behind_value<'h>(heap: Heap<'h>, text: &'h [u8], mut at: *const u8) -> *const u8 {
    // SAFETY: as in `scan`.
    unsafe {
        // A bit for each open bracket, the innermost lowest: whether it is an array's.
        let (mut arrays, mut depth) = (0_u64, 0);
        loop {
            let first = *at;
            if first == b'"' {
                at = behind_string(heap, text, at);
                if at.is_null() {
                    return at;
                }
            } else if matches!(first, b'{' | b'[') {
                if depth == DEPTH {
                    return core::ptr::null();
                }
                at = at.add(1);
                // The closing bracket is two behind the opening one.
                if byte_behind_space(&mut at) != first + 2 {
                    depth += 1;
                    arrays = arrays << 1 | u64::from(first == b'[');
                    if first == b'{' {
                        at = behind_key(heap, text, at);
                        if at.is_null() {
                            return at;
                        }
                    }
                    continue;
                }
                at = at.add(1);
            } else {
                let Found(Some(_), end) = parts::scalar(heap, text, offset(at, text.as_ptr())) else {
                    return core::ptr::null();
                };
                at = text.as_ptr().add(end);
            }
            loop {
                if depth == 0 {
                    return at;
                }
                let byte = byte_behind_space(&mut at);
                at = at.add(1);
                if byte == b',' {
                    byte_behind_space(&mut at);
                    if arrays & 1 == 0 {
                        at = behind_key(heap, text, at);
                        if at.is_null() {
                            return at;
                        }
                    }
                    break;
                }
                if byte != (if arrays & 1 == 1 { b']' } else { b'}' }) {
                    return core::ptr::null();
                }
                depth -= 1;
                arrays >>= 1;
            }
        }
    }
}

/// Reads into `slot` what is no plain string and no short integer, which lies `depth` brackets deep. Gives the place behind
/// it, or null.
#[inline(never)]
unsafe fn other_value<'h>(
    heap: Heap<'h>,
    table: Table,
    text: &'h [u8],
    at: *const u8,
    slot: *mut Option<Value<'h>>,
    depth: usize,
) -> *const u8 {
    // SAFETY: as in `scan`.
    unsafe {
        let start = offset(at, text.as_ptr());
        let found = match *at {
            b'"' => parts::string(heap, text, start),
            b'{' | b'[' => parts::value(heap, text, start, depth),
            _ => parts::scalar(heap, text, start),
        };
        let Found(Some(value), end) = found else { return core::ptr::null() };
        *slot = Some(table.interned().value(value));
        text.as_ptr().add(end)
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
