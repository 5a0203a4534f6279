//! The bump allocator under every value. Takes sizes, gives memory that lives as long as the heap; frees nothing but the
//! block allocated last.
#![allow(unsafe_code, reason = "hands out raw memory; the safe types over it are List, Text and Value")]

use core::ptr::NonNull;

use crate::{Pair, Value};

#[cfg(target_arch = "wasm32")]
mod global;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Pending;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Arena, Heap};
#[cfg(target_arch = "wasm32")]
pub use wasm::Heap;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::Pending;

/// Alignment of every block, and the unit that sizes are rounded up to.
pub(crate) const ALIGN: usize = 8;

impl<'h> Heap<'h> {
    /// Memory for `count` values of `T`, uninitialised.
    pub(crate) fn alloc_array<T: Copy>(self, count: usize) -> NonNull<T> {
        const { assert!(align_of::<T>() <= ALIGN) };
        match count.checked_mul(size_of::<T>()) {
            Some(size) => self.alloc(size).cast(),
            None => crate::abort(c"opa_malloc: failed"),
        }
    }

    /// A copy of `items` that lives as long as the heap.
    pub fn copy<T: Copy>(self, items: &[T]) -> &'h [T] {
        let target = self.alloc_array::<T>(items.len());
        // SAFETY: `target` is fresh memory for `items.len()` values, aligned for T (asserted in `alloc_array`), disjoint from
        // `items`, alive for 'h; the copy initialises all of it.
        unsafe {
            core::ptr::copy_nonoverlapping(items.as_ptr(), target.as_ptr(), items.len());
            core::slice::from_raw_parts(target.as_ptr(), items.len())
        }
    }

    /// Room for `count` pairs, each of null and null.
    pub(crate) fn alloc_pairs(self, count: usize) -> &'h mut [Pair<'h>] {
        let target = self.alloc_array::<Pair<'h>>(count);
        let null = Pair { key: Value::null(), value: Value::null() };
        // SAFETY: `target` is fresh memory for `count` pairs; the loop initialises all of it.
        unsafe {
            for index in 0..count {
                target.as_ptr().add(index).write(null);
            }
            core::slice::from_raw_parts_mut(target.as_ptr(), count)
        }
    }

    /// A copy of `text` that lives as long as the heap.
    pub fn copy_str(self, text: &str) -> &'h str {
        // SAFETY: the bytes are those of a `str`.
        unsafe { core::str::from_utf8_unchecked(self.copy(text.as_bytes())) }
    }
}

impl<'h> Pending<'h> {
    /// Takes the values from `base` on off, in order, into a buffer of their own.
    pub(crate) fn take(&mut self, base: usize) -> &'h mut [Value<'h>] {
        let count = self.len() - base;
        if let Some(target) = self.take_in_place(count) {
            // SAFETY: `take_in_place` gives `count` values that are nobody else's.
            return unsafe { core::slice::from_raw_parts_mut(target.as_ptr(), count) };
        }
        let target = self.heap().alloc_array::<Value<'h>>(count);
        // SAFETY: fresh memory for `count` values, which `take_into` initialises.
        unsafe {
            self.take_into(count, target.as_ptr());
            core::slice::from_raw_parts_mut(target.as_ptr(), count)
        }
    }

    /// Takes the values from `base` on off: keys and values in turn.
    pub(crate) fn take_pairs(&mut self, base: usize) -> &'h mut [Pair<'h>] {
        let values = self.take(base);
        // SAFETY: a pair is two values, and the buffer is nobody else's.
        unsafe { core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len() / 2) }
    }
}
