//! Strings of the input that the module tests for become the constants themselves, so that tests compare addresses.
//!
//! The compiler lays out a table of the strings that occur in tests (`index.rs` describes it); natively there is none. What is
//! looked up and not found says so by [`FLAG_INTERNED`]: it is no constant that is tested for.
#![allow(unsafe_code, reason = "reads the compiler's table and makes headers over bytes that are known to be text")]

use crate::index::hash_text;
use crate::layout::{FLAG_INTERNED, TAG_STRING};
use crate::value::{Buffer, Header, Payload};
use crate::{Heap, Value};

/// The address of a table of interned strings, or null.
#[derive(Clone, Copy)]
pub(crate) struct Interned(pub(crate) *const u32);

impl Interned {
    /// The string of `bytes`, which are UTF-8 and live as long as the heap.
    #[inline(never)]
    pub(crate) fn string<'h>(self, heap: Heap<'h>, bytes: &'h [u8]) -> Value<'h> {
        let hash = hash_text(bytes);
        if let Some(known) = self.find(hash, bytes) {
            return known;
        }
        let Ok(len) = u32::try_from(bytes.len()) else { crate::abort(c"value too large") };
        let buffer = Buffer { start: bytes.as_ptr().cast_mut(), capacity: hash };
        Value::alloc(heap, Header { tag: TAG_STRING, sub: 0, flags: FLAG_INTERNED, len, payload: Payload { buffer } })
    }

    /// The constant that `value` is, if it is one that is tested for; else `value`.
    pub(crate) fn value(self, value: Value<'_>) -> Value<'_> {
        match value.as_str() {
            Some(text) => self.find(hash_text(text.as_bytes()), text.as_bytes()).unwrap_or(value),
            None => value,
        }
    }

    fn find<'h>(self, hash: u32, bytes: &[u8]) -> Option<Value<'h>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the compiler's table: the mask, then `mask + 1` slots with static strings, one at least free.
        unsafe {
            let (mask, slots) = (*self.0, self.0.add(1).cast::<Option<Value<'h>>>());
            let mut at = hash & mask;
            loop {
                let known = (*slots.add(at as usize))?;
                let header = &*known.header_start();
                if header.payload.buffer.capacity == hash
                    && crate::bytes::equal(known.str_unchecked().as_bytes(), bytes)
                {
                    return Some(known);
                }
                at = (at + 1) & mask;
            }
        }
    }
}
