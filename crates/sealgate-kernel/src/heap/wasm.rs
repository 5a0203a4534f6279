//! The heap inside a compiled module: everything from the heap base up, grown by the module itself. Its only state is two
//! words of static data; `opa_heap_ptr_set` resets it.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::ALIGN;

const PAGE: usize = 64 << 10;

unsafe extern "C" {
    /// Provided by the linker: the first byte that no static data or stack occupies.
    static __heap_base: u8;
}

/// First free byte, always a multiple of [`ALIGN`].
static mut TOP: *const u8 = &raw const __heap_base;
/// End of the memory known to exist; 0 until the first look.
static mut LIMIT: usize = 0;

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
            let end = match top.checked_add(size) {
                Some(end) if end <= LIMIT => (end + (ALIGN - 1)) & !(ALIGN - 1),
                _ => alloc_slow(size),
            };
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

/// Sets the heap pointer, rounded up to [`ALIGN`]: hosts pass what lies behind an input of any length.
pub(crate) fn set_top(address: usize) {
    // SAFETY: as in `alloc`.
    unsafe { TOP = ((address.saturating_add(ALIGN - 1)) & !(ALIGN - 1)) as *const u8 }
}

/// The heap base.
pub(crate) fn base() -> usize {
    &raw const __heap_base as usize
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
    let needed = end.div_ceil(PAGE);
    if needed > pages {
        // An eighth more than asked for, so that steady growth costs few calls; exactly that if the host refuses.
        let wanted = needed.saturating_add(needed / 8).min(PAGE);
        let grown =
            [wanted, needed].into_iter().any(|target| core::arch::wasm32::memory_grow(0, target - pages) != usize::MAX);
        if !grown {
            crate::abort(c"opa_malloc: failed")
        }
        pages = core::arch::wasm32::memory_size(0);
    }
    // SAFETY: as in `alloc`.
    unsafe { LIMIT = pages.checked_mul(PAGE).unwrap_or(END) }
    end
}
