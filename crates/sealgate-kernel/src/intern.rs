//! Strings of the input that the module tests for become the constants themselves, so that tests compare addresses.
//!
//! The compiler lays out a table of the strings that occur in tests (`index.rs` describes it); natively there is none. What is
//! looked up and not found says so by [`FLAG_INTERNED`]: it is no constant that is tested for.
#![allow(unsafe_code, reason = "reads the compiler's table and makes headers over bytes that are known to be text")]

use crate::index::{hash_of_short, hash_with_ends};
use crate::input::{ends, ends_at};
use crate::layout::{FLAG_INTERNED, TAG_STRING};
use crate::value::{Buffer, Header, Payload};
use crate::{Heap, Value};

/// The address of a table of interned strings, or null.
#[derive(Clone, Copy)]
pub(crate) struct Interned(pub(crate) *const u32);

impl Interned {
    /// The string of `bytes`, which are UTF-8 and live as long as the heap.
    ///
    /// # Safety
    /// Eight bytes must be readable wherever one of `bytes` is.
    #[inline(never)]
    pub(crate) unsafe fn string<'h>(self, heap: Heap<'h>, bytes: &'h [u8]) -> Value<'h> {
        // SAFETY: the caller's promise.
        match unsafe { self.short_constant(bytes) } {
            Some(known) => known,
            None => self.any_string(heap, bytes),
        }
    }

    /// What a string mostly is: a short constant that lies where it is looked for first, or at the next place.
    ///
    /// # Safety
    /// As for [`Interned::string`].
    #[inline(always)]
    pub(crate) unsafe fn short_constant<'h>(self, bytes: &[u8]) -> Option<Value<'h>> {
        if bytes.len() > 16 || self.0.is_null() {
            return None;
        }
        // SAFETY: the caller's promise; as in `find`, and behind the text of a static string lies more memory.
        unsafe {
            let ends = ends_at(bytes.as_ptr(), bytes.len());
            let (mask, slots) = (*self.0, self.0.add(1).cast::<Option<Value<'h>>>());
            let is_it = |known: Value<'h>| {
                let header = known.header_start();
                (*header).len as usize == bytes.len() && ends == ends_at((*header).payload.buffer.start, bytes.len())
            };
            let place = hash_of_short(bytes.len(), ends);
            let first = (*slots.add((place & mask) as usize))?;
            if is_it(first) {
                return Some(first);
            }
            let next = (*slots.add((place.wrapping_add(1) & mask) as usize))?;
            is_it(next).then_some(next)
        }
    }

    #[inline(never)]
    pub(crate) fn any_string<'h>(self, heap: Heap<'h>, bytes: &'h [u8]) -> Value<'h> {
        let ends = ends(bytes);
        let hash = hash_with_ends(bytes, ends);
        if let Some(known) = self.find(hash, bytes, ends) {
            return known;
        }
        let Ok(len) = u32::try_from(bytes.len()) else { crate::abort(c"value too large") };
        let buffer = Buffer { start: bytes.as_ptr().cast_mut(), capacity: hash };
        Value::alloc(heap, Header { tag: TAG_STRING, sub: 0, flags: FLAG_INTERNED, len, payload: Payload { buffer } })
    }

    /// The constant that `value` is, if it is one that is tested for; else `value`.
    #[inline(never)]
    pub(crate) fn value(self, value: Value<'_>) -> Value<'_> {
        let Some(text) = value.as_str() else { return value };
        let ends = ends(text.as_bytes());
        self.find(hash_with_ends(text.as_bytes(), ends), text.as_bytes(), ends).unwrap_or(value)
    }

    #[inline(never)]
    fn find<'h>(self, hash: u32, bytes: &[u8], bytes_ends: (u64, u64)) -> Option<Value<'h>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the compiler's table: the mask, then `mask + 1` slots with static strings, one at least free.
        unsafe {
            let (mask, slots) = (*self.0, self.0.add(1).cast::<Option<Value<'h>>>());
            let mut at = hash & mask;
            loop {
                let known = (*slots.add(at as usize))?;
                let header = known.header_start();
                if (*header).payload.buffer.capacity == hash {
                    let text = content(header);
                    // The ends of short strings are all of them.
                    if text.len() == bytes.len()
                        && ends(text) == bytes_ends
                        && (text.len() <= 16 || crate::bytes::equal(text, bytes))
                    {
                        return Some(known);
                    }
                }
                at = (at + 1) & mask;
            }
        }
    }
}

/// The bytes of a static string.
///
/// # Safety
/// `header` must be one of a string, and a full one.
#[inline(always)]
unsafe fn content<'h>(header: *const Header) -> &'h [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts((*header).payload.buffer.start, (*header).len as usize) }
}
