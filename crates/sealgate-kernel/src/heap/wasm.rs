//! The heap inside a compiled module: everything from the heap base up, grown by the module itself. Its only state is two
//! words of static data; `opa_heap_ptr_set` resets it.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::ALIGN;
use crate::Value;

const PAGE: usize = 64 << 10;
/// From so many pages on memory grows by smaller parts.
const LARGE: usize = 256;

unsafe extern "C" {
    /// Provided by the linker: the first byte that no static data or stack occupies.
    static __heap_base: u8;
}

/// From so many values on it matters that they are not in memory twice.
const MANY: usize = 1 << 12;

/// First free byte, always a multiple of [`ALIGN`].
static mut TOP: *const u8 = &raw const __heap_base;
/// End of the memory that may be allocated; 0 until the first look. Values that wait ([`Pending`]) lie between it and
/// `PENDING_END`.
static mut LIMIT: usize = 0;
/// End of the memory known to exist.
static mut PENDING_END: usize = 0;

/// The module's heap. It has no size, so that passing it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Heap<'h> {
    marker: PhantomData<&'h u8>,
}

impl Heap<'static> {
    /// The one heap of the module. Values made from it are valid until the host resets the heap pointer, which it does only
    /// between calls.
    pub(crate) const fn module() -> Self {
        Heap { marker: PhantomData }
    }
}

impl Heap<'_> {
    /// `size` bytes aligned to [`ALIGN`], uninitialised.
    #[inline(always)]
    pub(crate) fn alloc(self, size: usize) -> NonNull<u8> {
        // SAFETY: a Wasm instance is single-threaded, and no reference to the statics is kept.
        unsafe {
            let top = TOP as usize;
            let end = (top as u64 + size as u64 + (ALIGN as u64 - 1)) & !(ALIGN as u64 - 1);
            let end = if end <= LIMIT as u64 { end as usize } else { alloc_slow(size) };
            TOP = end as *const u8;
            NonNull::new_unchecked(top as *mut u8)
        }
    }

    /// Makes the block at `block` `new` bytes long where it lies, if it is the last one. `old` is its size.
    #[inline]
    pub(crate) fn resize_in_place(self, block: NonNull<u8>, old: usize, new: usize) -> bool {
        // SAFETY: as in `alloc`.
        unsafe {
            let start = block.as_ptr() as usize;
            if (start + old + (ALIGN - 1)) & !(ALIGN - 1) != TOP as usize {
                return false;
            }
            TOP = start as *const u8;
        }
        self.alloc(new);
        true
    }
}

/// The heap pointer: the first free byte.
pub(crate) fn top() -> usize {
    // SAFETY: as in `alloc`.
    unsafe { TOP as usize }
}

/// Where static data ends: no value below is on the heap.
#[inline(always)]
pub(crate) fn static_end() -> usize {
    (&raw const __heap_base).addr()
}

/// Sets the heap pointer, rounded up to [`ALIGN`]: hosts pass what lies behind an input of any length.
pub(crate) fn set_top(address: usize) {
    // SAFETY: as in `alloc`.
    unsafe { TOP = ((address.saturating_add(ALIGN - 1)) & !(ALIGN - 1)) as *const u8 }
}

/// Sets the heap pointer to a multiple of [`ALIGN`].
#[inline(always)]
pub(crate) fn set_aligned_top(address: usize) {
    // SAFETY: as in `alloc`.
    unsafe { TOP = (address & !(ALIGN - 1)) as *const u8 }
}

/// Sees to it that `size` bytes above the heap pointer exist.
#[inline(always)]
pub(crate) fn ensure(size: usize) {
    // SAFETY: as in `alloc`.
    unsafe {
        if (TOP as u64 + size as u64) > LIMIT as u64 {
            alloc_slow(size);
        }
    }
}

/// Finds room for `size` bytes at the top, growing the memory if it must, and gives the new top.
#[cold]
#[inline(never)]
fn alloc_slow(size: usize) -> usize {
    // The last 8 bytes of a full 4 GiB stay unused, so that the end of memory is always a number.
    const END: usize = usize::MAX - (ALIGN - 1);
    let top = top();
    let Some(end) = top.checked_add(size).and_then(|end| end.checked_next_multiple_of(ALIGN)).filter(|end| *end <= END)
    else {
        crate::abort(c"opa_malloc: failed")
    };
    let mut pages = core::arch::wasm32::memory_size(0);
    // SAFETY: as in `alloc`.
    let (limit, pending) = unsafe { (LIMIT, PENDING_END.saturating_sub(LIMIT)) };
    let Some(needed) = end.checked_add(pending).map(|end| end.div_ceil(PAGE)) else {
        crate::abort(c"opa_malloc: failed")
    };
    if needed > pages {
        // Some more than asked for, so that steady growth costs few calls and moves what is pending seldom; exactly that if
        // the host refuses.
        let wanted = needed.saturating_add(if needed < LARGE { needed / 8 } else { needed / 16 }).min(PAGE);
        let grown =
            [wanted, needed].into_iter().any(|target| core::arch::wasm32::memory_grow(0, target - pages) != usize::MAX);
        if !grown {
            crate::abort(c"opa_malloc: failed")
        }
        pages = core::arch::wasm32::memory_size(0);
    }
    // SAFETY: as in `alloc`. What is pending moves to the new end of memory, which is not below the old one.
    unsafe {
        PENDING_END = pages.checked_mul(PAGE).unwrap_or(END);
        LIMIT = PENDING_END - pending;
        core::ptr::copy(limit as *const u8, LIMIT as *mut u8, pending);
    }
    end
}

/// A stack of values, and of words among them, that wait for what they belong to. It grows down from the end of memory, so
/// that what is allocated meanwhile stays dense. Only one may be in use at a time.
pub(crate) struct Pending<'h> {
    heap: Heap<'h>,
}

impl<'h> Pending<'h> {
    pub(crate) fn new(heap: Heap<'h>) -> Self {
        // SAFETY: as in `alloc`; a trap may have left some pending.
        unsafe {
            LIMIT = PENDING_END;
        }
        Pending { heap }
    }

    pub(super) fn heap(&self) -> Heap<'h> {
        self.heap
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `alloc`.
        unsafe { (PENDING_END - LIMIT) / size_of::<usize>() }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: Value<'h>) {
        self.push_word(value.address());
    }

    #[inline(always)]
    pub(crate) fn push_word(&mut self, word: usize) {
        const SIZE: usize = size_of::<usize>();
        // SAFETY: as in `alloc`; there is at least a word between `TOP` and `LIMIT` when it is written, and memory above
        // `LIMIT` is nobody else's.
        unsafe {
            if LIMIT < TOP as usize + SIZE {
                alloc_slow(SIZE);
            }
            LIMIT -= SIZE;
            (LIMIT as *mut usize).write(word);
        }
    }

    /// Takes off the word on top.
    #[inline(always)]
    pub(crate) fn pop_word(&mut self) -> usize {
        // SAFETY: as in `alloc`; only called when a word was pushed.
        unsafe {
            let word = (LIMIT as *const usize).read();
            LIMIT += size_of::<usize>();
            word
        }
    }

    /// Makes the last `count` values a buffer without taking more memory for them: what they wait in becomes free heap. Gives
    /// nothing, and does nothing, where they are few or there is no room to align them.
    pub(super) fn take_in_place(&mut self, count: usize) -> Option<NonNull<Value<'h>>> {
        if count < MANY {
            return None;
        }
        // SAFETY: as in `alloc`. The values lie from `LIMIT` on, the last one first; `TOP` is not above `LIMIT`, and what is
        // between is nobody's.
        unsafe {
            let (start, size) = (LIMIT, count * size_of::<Value<'h>>());
            let (top, limit) = (TOP as usize, start + size);
            let end = (top + size + (ALIGN - 1)) & !(ALIGN - 1);
            if end > limit {
                return None;
            }
            core::slice::from_raw_parts_mut(start as *mut usize, count).reverse();
            core::ptr::copy(start as *const u8, top as *mut u8, size);
            TOP = end as *const u8;
            LIMIT = limit;
            Some(NonNull::new_unchecked(top as *mut Value<'h>))
        }
    }

    /// Moves the last `count` values to `target`, in order.
    ///
    /// # Safety
    /// `target` must have room for them.
    #[inline(always)]
    pub(super) unsafe fn take_into(&mut self, count: usize, target: *mut Value<'h>) {
        // SAFETY: the last value pushed lies at `LIMIT`; as many were pushed.
        unsafe {
            let end = (LIMIT as *const Value<'h>).add(count);
            for index in 0..count {
                target.add(index).write(end.sub(index + 1).read());
            }
            LIMIT = end as usize;
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // SAFETY: as in `alloc`.
        unsafe { LIMIT = PENDING_END }
    }
}
