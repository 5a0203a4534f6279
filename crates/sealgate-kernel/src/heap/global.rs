//! What `alloc`'s collections allocate from in the Wasm build: the same bump heap. Nothing in static data may own such
//! memory, because the host takes the heap back between calls.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use super::ALIGN;
use crate::Heap;

struct Global;

#[global_allocator]
static GLOBAL: Global = Global;

// SAFETY: blocks come from the heap, aligned to 8 or more, and are reused only once they were given back.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let heap = Heap::module();
        if layout.align() <= ALIGN {
            return heap.alloc(layout.size()).as_ptr();
        }
        let Some(size) = layout.size().checked_add(layout.align()) else { return core::ptr::null_mut() };
        let block = heap.alloc(size).as_ptr();
        block.wrapping_add(block.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block).filter(|_| layout.align() <= ALIGN) {
            Heap::module().resize_in_place(block, layout.size(), 0);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if let Some(block) = NonNull::new(block).filter(|_| layout.align() <= ALIGN)
            && Heap::module().resize_in_place(block, layout.size(), size)
        {
            return block.as_ptr();
        }
        // SAFETY: the caller's block holds at least the smaller of both sizes.
        unsafe {
            let target = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !target.is_null() {
                core::ptr::copy_nonoverlapping(block, target, layout.size().min(size));
            }
            target
        }
    }
}
