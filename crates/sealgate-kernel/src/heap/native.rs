//! The heap on the machine at hand: chunks owned by an [`Arena`], so that a value cannot outlive its memory. The Wasm build
//! does not contain it.

use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

use super::ALIGN;
use crate::Value;

const FIRST_CHUNK: usize = 64 << 10;
const LARGEST_CHUNK: usize = 64 << 20;

/// Owns the memory of values outside Wasm. Not `Sync`: one arena belongs to one thread at a time.
#[derive(Debug)]
pub struct Arena {
    top: Cell<*mut u8>,
    end: Cell<*mut u8>,
    chunks: RefCell<Vec<Vec<u64>>>,
    /// Bytes that all chunks may have together.
    limit: usize,
}

/// A handle on an [`Arena`], passed by value to whatever allocates.
#[derive(Clone, Copy, Debug)]
pub struct Heap<'h> {
    arena: &'h Arena,
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An arena without memory yet.
    pub const fn new() -> Self {
        Self::limited(usize::MAX)
    }

    /// An arena that never holds more than so many bytes: what needs more ends the call, as it would end an evaluation in
    /// Wasm. See [`caught`](crate::caught).
    pub const fn limited(limit: usize) -> Self {
        Arena {
            top: Cell::new(core::ptr::null_mut()),
            end: Cell::new(core::ptr::null_mut()),
            chunks: RefCell::new(Vec::new()),
            limit,
        }
    }

    /// The handle that allocates from this arena.
    pub fn heap(&self) -> Heap<'_> {
        Heap { arena: self }
    }

    /// Forgets every value and keeps the largest chunk for the next ones.
    pub fn reset(&mut self) {
        let chunks = self.chunks.get_mut();
        let largest = chunks.drain(..).max_by_key(Vec::capacity);
        self.top.set(core::ptr::null_mut());
        self.end.set(core::ptr::null_mut());
        if let Some(chunk) = largest {
            self.open(chunk);
        }
    }

    /// Bytes held from the system, used or not.
    pub fn capacity(&self) -> usize {
        self.chunks.borrow().iter().map(|chunk| chunk.capacity() * ALIGN).sum()
    }

    fn open(&self, mut chunk: Vec<u64>) {
        let range = chunk.spare_capacity_mut().as_mut_ptr_range();
        self.top.set(range.start.cast());
        self.end.set(range.end.cast());
        self.chunks.borrow_mut().push(chunk);
    }

    #[cold]
    fn alloc_slow(&self, size: usize) -> NonNull<u8> {
        let last = self.chunks.borrow().last().map_or(0, |chunk| chunk.capacity() * ALIGN);
        let bytes = (last * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK).max(size);
        if bytes > self.limit.saturating_sub(self.capacity()) {
            crate::abort(c"opa_malloc: failed")
        }
        self.open(Vec::with_capacity(bytes.div_ceil(ALIGN)));
        self.bump(size)
    }

    fn bump(&self, size: usize) -> NonNull<u8> {
        let top = self.top.get();
        self.top.set(top.wrapping_add(size));
        // SAFETY: `top` points into the chunk opened last, or at its end if `size` is 0; both are never null.
        unsafe { NonNull::new_unchecked(top) }
    }
}

impl Heap<'_> {
    /// `size` bytes aligned to [`ALIGN`], uninitialised.
    #[inline]
    pub(crate) fn alloc(self, size: usize) -> NonNull<u8> {
        let Some(size) = size.checked_next_multiple_of(ALIGN) else { crate::abort(c"opa_malloc: failed") };
        let arena = self.arena;
        if !arena.top.get().is_null() && size <= arena.end.get() as usize - arena.top.get() as usize {
            arena.bump(size)
        } else {
            arena.alloc_slow(size)
        }
    }

    /// Makes the block at `block` `new` bytes long where it lies, if it is the last one and there is room. `old` is its size.
    #[inline]
    pub(crate) fn resize_in_place(self, block: NonNull<u8>, old: usize, new: usize) -> bool {
        let (Some(old), Some(new)) = (old.checked_next_multiple_of(ALIGN), new.checked_next_multiple_of(ALIGN)) else {
            return false;
        };
        let start = block.as_ptr() as usize;
        let arena = self.arena;
        if start.wrapping_add(old) != arena.top.get() as usize || new > arena.end.get() as usize - start {
            return false;
        }
        // A block of another chunk can end where this chunk begins.
        let chunk_start = arena.chunks.borrow().last().map_or(0, |chunk| chunk.as_ptr() as usize);
        if start < chunk_start {
            return false;
        }
        arena.top.set(arena.top.get().wrapping_sub(old).wrapping_add(new));
        true
    }
}

/// A stack of values, and of words among them, that wait for what they belong to.
pub(crate) struct Pending<'h> {
    heap: Heap<'h>,
    items: Vec<Item<'h>>,
}

#[derive(Clone, Copy)]
enum Item<'h> {
    Value(Value<'h>),
    Word(usize),
}

impl<'h> Pending<'h> {
    pub(crate) fn new(heap: Heap<'h>) -> Self {
        Pending { heap, items: Vec::new() }
    }

    pub(super) fn heap(&self) -> Heap<'h> {
        self.heap
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn push(&mut self, value: Value<'h>) {
        self.items.push(Item::Value(value));
    }

    pub(crate) fn push_word(&mut self, word: usize) {
        self.items.push(Item::Word(word));
    }

    /// Takes off the word on top; 0 if there is none.
    pub(crate) fn pop_word(&mut self) -> usize {
        match self.items.pop() {
            Some(Item::Word(word)) => word,
            _ => 0,
        }
    }

    /// Here the values wait apart from the heap.
    pub(super) fn take_in_place(&mut self, _count: usize) -> Option<NonNull<Value<'h>>> {
        None
    }

    /// Moves the last `count` values to `target`, in order.
    ///
    /// # Safety
    /// `target` must have room for them.
    pub(super) unsafe fn take_into(&mut self, count: usize, target: *mut Value<'h>) {
        let start = self.items.len().saturating_sub(count);
        for (index, item) in self.items.drain(start..).enumerate() {
            let Item::Value(value) = item else { crate::abort(c"a word among values") };
            // SAFETY: `index < count`.
            unsafe { target.add(index).write(value) }
        }
    }
}
