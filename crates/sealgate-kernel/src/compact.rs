//! Compact headers: how the values of a large document lie in memory.
//!
//! What is parsed from a large text is many and rarely changed. Its strings, decimals, arrays and objects get half a header:
//! no capacity, and a length of 16 bits. Only the parser makes them, and only [`Value::content`], [`Value::flags`] and the few
//! functions here know; generated code reads no more of a value than its tag, which lies where it always does.
#![allow(unsafe_code, reason = "reads and writes headers behind raw pointers")]

use crate::layout::{FLAG_UNSORTED, TAG_OBJECT};
use crate::value::{Buffer, Header, Payload};
use crate::{Heap, Pair, Value};

/// In the sub-tag: the header is compact.
pub(crate) const COMPACT: u8 = 0x80;
/// In the sub-tag of a compact header: pairs in the order of the text, as [`FLAG_UNSORTED`] says of a full one.
const UNSORTED: u8 = 0x40;
/// In the sub-tag of a compact header: its value was changed, and `start` is where its full header lies now.
const MOVED: u8 = 0x20;
const MARKS: u8 = COMPACT | UNSORTED | MOVED;

/// Half a header. Tag and sub-tag lie as in a full one.
#[repr(C)]
struct Compact {
    tag: u8,
    sub: u8,
    len: u16,
    start: *mut u8,
}

/// Where the content lies.
///
/// # Safety
/// `at` must be the address of a header whose sub-tag has [`COMPACT`], here and below.
#[inline(never)]
pub(crate) unsafe fn start(at: *const Header) -> *mut u8 {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        match moved(at) {
            Some(full) => (*full).payload.buffer.start,
            None => (*at.cast::<Compact>()).start,
        }
    }
}

/// How many items the content has.
///
/// # Safety
/// As for [`start`].
#[inline(never)]
pub(crate) unsafe fn len(at: *const Header) -> usize {
    // SAFETY: as above.
    unsafe {
        match moved(at) {
            Some(full) => (*full).len as usize,
            None => (*at.cast::<Compact>()).len.into(),
        }
    }
}

/// The flags that a full header would have.
///
/// # Safety
/// As for [`start`].
#[inline(never)]
pub(crate) unsafe fn flags(at: *const Header) -> u16 {
    // SAFETY: as above.
    unsafe {
        match moved(at) {
            Some(full) => (*full).flags,
            None if (*at).sub & UNSORTED != 0 => FLAG_UNSORTED,
            None => 0,
        }
    }
}

/// The full header of a value that was changed.
unsafe fn moved(at: *const Header) -> Option<*const Header> {
    // SAFETY: as above.
    unsafe { ((*at).sub & MOVED != 0).then(|| (*at.cast::<Compact>()).start.cast_const().cast()) }
}

impl<'h> Value<'h> {
    /// A value that borrows `items`, with a compact header where they are few enough.
    #[inline]
    pub(crate) fn compact<T>(heap: Heap<'h>, tag: u8, sub: u8, items: &'h [T]) -> Self {
        match u16::try_from(items.len()) {
            Ok(len) => Self::alloc_compact(
                heap,
                Compact { tag, sub: sub | COMPACT, len, start: items.as_ptr().cast_mut().cast() },
            ),
            Err(_) => Self::borrowing(heap, tag, sub, items),
        }
    }

    /// A compact object whose pairs are few, in any order, and nobody else's.
    pub(crate) fn compact_unsorted(heap: Heap<'h>, pairs: &'h mut [Pair<'h>]) -> Self {
        Self::compact(heap, TAG_OBJECT, UNSORTED, pairs)
    }

    fn alloc_compact(heap: Heap<'h>, compact: Compact) -> Self {
        let target = heap.alloc(size_of::<Compact>()).cast::<Compact>();
        // SAFETY: fresh memory of the right size, aligned to 8.
        unsafe {
            target.as_ptr().write(compact);
            Self::from_header(target.cast())
        }
    }

    /// Gives a value that is about to be changed a full header.
    #[inline]
    pub(crate) fn make_full(self, heap: Heap<'h>) {
        if self.marks() & (COMPACT | MOVED) == COMPACT {
            // SAFETY: the header is compact, and nobody holds a reference to it.
            unsafe {
                let compact = self.header_start().cast::<Compact>();
                let (tag, sub, len) = ((*compact).tag, (*compact).sub & !MARKS, (*compact).len.into());
                let buffer = Buffer { start: (*compact).start, capacity: 0 };
                let full =
                    Self::alloc(heap, Header { tag, sub, flags: self.flags(), len, payload: Payload { buffer } });
                (*compact).sub |= MOVED;
                (*compact).start = full.header_start().cast();
            }
        }
    }

    /// The full header, to be changed: of a value that has one, or was given one by [`Value::make_full`]. Never where
    /// FLAG_STATIC is set.
    pub(crate) fn header_ptr(self) -> *mut Header {
        if self.marks() & COMPACT == 0 {
            return self.header_start();
        }
        // SAFETY: the header is compact and, by the promise above, moved.
        unsafe { (*self.header_start().cast::<Compact>()).start.cast() }
    }

    /// Notes that the buffer of a set or object is in order, with `len` entries, no more than before.
    pub(crate) fn set_settled(self, len: usize) {
        // SAFETY: collections that are not static; the casts lose nothing, because lengths only fall.
        unsafe {
            if self.marks() & (COMPACT | MOVED) == COMPACT {
                let compact = self.header_start().cast::<Compact>();
                (*compact).sub &= !UNSORTED;
                (*compact).len = len as u16;
            } else {
                let header = self.header_ptr();
                (*header).flags &= !(crate::layout::FLAG_TAIL | FLAG_UNSORTED);
                (*header).len = len as u32;
            }
        }
    }
}
