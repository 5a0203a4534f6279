//! The bump allocator under every value. Takes sizes, gives memory that lives as long as the heap; frees nothing but the
//! block allocated last.
#![allow(unsafe_code, reason = "hands out raw memory; the safe types over it are List, Text and Value")]

use core::ptr::NonNull;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{Arena, Heap};
#[cfg(target_arch = "wasm32")]
pub use wasm::Heap;

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

    /// A copy of `text` that lives as long as the heap.
    pub fn copy_str(self, text: &str) -> &'h str {
        // SAFETY: the bytes are those of a `str`.
        unsafe { core::str::from_utf8_unchecked(self.copy(text.as_bytes())) }
    }
}
