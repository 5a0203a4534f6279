//! A growing list on the heap: what `Vec` is elsewhere. Its memory is never freed, but while it is the last block of the
//! heap it grows and shrinks where it lies.
#![allow(unsafe_code, reason = "initialises and reads its own raw buffer")]

use core::ptr::NonNull;

use crate::Heap;

/// A growing list of copyable items on a [`Heap`].
#[derive(Debug)]
pub struct List<'h, T: Copy> {
    heap: Heap<'h>,
    start: NonNull<T>,
    len: usize,
    capacity: usize,
}

impl<'h, T: Copy> List<'h, T> {
    /// An empty list that holds `capacity` items before it must grow.
    pub fn new(heap: Heap<'h>, capacity: usize) -> Self {
        let start = if capacity == 0 { NonNull::dangling() } else { heap.alloc_array(capacity) };
        List { heap, start, len: 0, capacity }
    }

    /// The heap that the list lies on.
    pub fn heap(&self) -> Heap<'h> {
        self.heap
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: the first `len` items of the buffer are initialised.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The items, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the first `len` items of the buffer are initialised, and the buffer belongs to this list alone.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Appends `item`.
    #[inline]
    pub fn push(&mut self, item: T) {
        if self.len == self.capacity {
            self.grow(1);
        }
        // SAFETY: `len < capacity`.
        unsafe { self.start.as_ptr().add(self.len).write(item) }
        self.len += 1;
    }

    /// Appends `items`.
    #[inline]
    pub fn extend(&mut self, items: &[T]) {
        if items.len() > self.capacity - self.len {
            self.grow(items.len());
        }
        // SAFETY: there is room for `items.len()` more; `items` cannot lie in the unused part of the buffer.
        unsafe {
            let target = self.start.as_ptr().add(self.len).cast();
            crate::bytes::copy(items.as_ptr().cast(), target, size_of_val(items));
        }
        self.len += items.len();
    }

    /// Room for `count` items behind the last, uninitialised.
    #[inline]
    pub(crate) fn room(&mut self, count: usize) -> *mut T {
        self.reserve(count);
        // SAFETY: within the buffer.
        unsafe { self.start.as_ptr().add(self.len) }
    }

    /// Counts `count` more items.
    ///
    /// # Safety
    /// They must lie, initialised, at the start of [`List::room`].
    #[inline]
    pub(crate) unsafe fn advance(&mut self, count: usize) {
        self.len += count;
    }

    /// Takes the last item off.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.as_slice().last().copied();
        self.len = self.len.saturating_sub(1);
        last
    }

    /// Keeps the first `len` items.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes room for `more` further items.
    pub fn reserve(&mut self, more: usize) {
        if more > self.capacity - self.len {
            self.grow(more);
        }
    }

    /// The items, for as long as the heap lives. Unused capacity goes back to the heap where that is possible.
    pub fn finish(self) -> &'h [T] {
        if self.capacity != 0 {
            let size = size_of::<T>();
            self.heap.resize_in_place(self.start.cast(), self.capacity * size, self.len * size);
        }
        // SAFETY: the first `len` items are initialised, live for 'h, and nobody can change them any more.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        let size = size_of::<T>();
        let wanted = self.len.checked_add(more).map(|wanted| wanted.max(self.capacity.saturating_mul(2)).max(8));
        let Some((wanted, bytes)) = wanted.and_then(|wanted| Some((wanted, wanted.checked_mul(size)?))) else {
            crate::abort(c"opa_malloc: failed")
        };
        if self.capacity != 0 && self.heap.resize_in_place(self.start.cast(), self.capacity * size, bytes) {
            self.capacity = wanted;
            return;
        }
        let target = self.heap.alloc_array::<T>(wanted);
        // SAFETY: fresh memory for `wanted >= len` items.
        unsafe { core::ptr::copy_nonoverlapping(self.start.as_ptr(), target.as_ptr(), self.len) }
        self.start = target;
        self.capacity = wanted;
    }
}
