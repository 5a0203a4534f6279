//! What a host that has its input as values cannot write into the slots itself: records of it.
//!
//! A host writes the slots, and behind the heap base some records, one after the other, and the bytes that they point to. A
//! record is four words: its kind and the slot's number (u16 each), a length, and either an integer (i64) or the offset of
//! its bytes from the first record (u32). [`kind`] lists what records are. The texts that they point to must stay where they
//! are as long as the values are used.
#![allow(unsafe_code, reason = "reads records that lie in memory behind a raw address")]

use super::{Table, header};
use crate::intern::Interned;
use crate::json::parts;
use crate::{Heap, Value};

/// Bytes of a record.
pub const SIZE: usize = 16;

/// What a record is.
pub mod kind {
    /// `null`.
    pub const NULL: u32 = 2;
    /// `false`.
    pub const FALSE: u32 = 3;
    /// `true`.
    pub const TRUE: u32 = 4;
    /// An integer.
    pub const INTEGER: u32 = 5;
    /// A string: UTF-8, as it is.
    pub const STRING: u32 = 6;
    /// Any other value, as JSON.
    pub const JSON: u32 = 7;
}

/// Fills slots from the `count` records that `input` begins with. Whether all of them were as they should be.
///
/// # Safety
/// `table` must be a table, `slots` must hold as many values as it says, strings must be UTF-8, and eight bytes must be
/// readable wherever one of the input is.
pub(crate) unsafe fn fill<'h>(
    heap: Heap<'h>,
    table: Table,
    slots: *mut Option<Value<'h>>,
    input: &'h [u8],
    count: usize,
) -> bool {
    let Some((records, _)) = count.checked_mul(SIZE).and_then(|size| input.split_at_checked(size)) else {
        return false;
    };
    // SAFETY: the table has that word, and the slot is one of those that it counts; the caller's promise for strings.
    unsafe {
        let (interned, most) = (table.interned(), table.word(header::SLOTS));
        for record in records.as_chunks::<SIZE>().0 {
            let words = u128::from_le_bytes(*record);
            let slot = (words as u32) >> 16;
            let Some(value) = value(heap, interned, words, input).filter(|_| slot < most) else { return false };
            *slots.add(slot as usize) = Some(value);
        }
    }
    true
}

/// The value of one record, `None` if it is no record.
///
/// # Safety
/// As for [`fill`].
#[inline(always)]
unsafe fn value<'h>(heap: Heap<'h>, interned: Interned, words: u128, input: &'h [u8]) -> Option<Value<'h>> {
    let (kind, len, content) = (words as u32 & 0xFFFF, (words >> 32) as u32 as usize, (words >> 64) as u64);
    let bytes = || input.get(content as u32 as usize..)?.get(..len);
    Some(match kind {
        kind::NULL => Value::null(),
        kind::FALSE => Value::bool(false),
        kind::TRUE => Value::bool(true),
        kind::INTEGER => Value::int(heap, content.cast_signed()),
        // SAFETY: the caller's promise.
        kind::STRING => unsafe { interned.string(heap, bytes()?) },
        kind::JSON => {
            let bytes = bytes()?;
            let found = parts::value(heap, bytes, 0, 1);
            return found.0.filter(|_| found.1 == bytes.len());
        }
        _ => return None,
    })
}
