//! Inputs that are not text: a record for each slot, as a host writes it that has its input as values.
//!
//! The input is `count` records, one for each slot in order, and behind them the bytes that records point to. A record is
//! four words: its kind, a length, and either an integer (i64) or the offset of its bytes from the start of the input (u32).
//! [`kind`] lists what records are. The texts that they point to must stay where they are as long as the values are used.
#![allow(unsafe_code, reason = "reads records that lie in memory behind a raw address")]

use super::{Table, header};
use crate::intern::Interned;
use crate::json::parts;
use crate::{Heap, Value};

/// Bytes of a record.
pub const SIZE: usize = 16;

/// What a record is.
pub mod kind {
    /// Nothing: the input has no such member.
    pub const ABSENT: u32 = 0;
    /// Something of which only members are read.
    pub const PRESENT: u32 = 1;
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

/// Fills `slots` from records. Whether all of them were as they should be.
///
/// # Safety
/// `table` must be a table, `slots` must hold as many values as it says, strings must be UTF-8, and eight bytes must be
/// readable wherever one of the input is.
pub(crate) unsafe fn fill<'h>(heap: Heap<'h>, table: Table, slots: *mut Option<Value<'h>>, input: &'h [u8]) -> bool {
    // SAFETY: the table has that word, and the caller's promise for the slots.
    let count = unsafe { table.word(header::SLOTS) } as usize;
    let Some((records, _)) = count.checked_mul(SIZE).and_then(|size| input.split_at_checked(size)) else {
        return false;
    };
    // SAFETY: it is a table; there are as many slots as records.
    unsafe {
        let interned = table.interned();
        for (index, record) in records.as_chunks::<SIZE>().0.iter().enumerate() {
            let Some(value) = value(heap, interned, record, input) else { return false };
            *slots.add(index) = value;
        }
    }
    true
}

/// The value of one record, `None` if it is no record.
///
/// # Safety
/// As for [`fill`].
#[inline(always)]
unsafe fn value<'h>(
    heap: Heap<'h>,
    interned: Interned,
    record: &[u8; SIZE],
    input: &'h [u8],
) -> Option<Option<Value<'h>>> {
    let words = u128::from_le_bytes(*record);
    let (kind, len, content) = (words as u32, (words >> 32) as u32 as usize, (words >> 64) as u64);
    let bytes = || input.get(content as u32 as usize..)?.get(..len);
    Some(Some(match kind {
        kind::ABSENT => return Some(None),
        kind::PRESENT | kind::NULL => Value::null(),
        kind::FALSE => Value::bool(false),
        kind::TRUE => Value::bool(true),
        kind::INTEGER => Value::int(heap, content.cast_signed()),
        // SAFETY: the caller's promise.
        kind::STRING => unsafe { interned.string(heap, bytes()?) },
        kind::JSON => {
            let bytes = bytes()?;
            let found = parts::value(heap, bytes, 0, 1);
            return found.0.filter(|_| found.1 == bytes.len()).map(Some);
        }
        _ => return None,
    }))
}
