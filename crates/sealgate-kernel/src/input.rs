//! The parts of the input that a policy reads: a table that says which, and a scanner that reads just them from JSON.
//!
//! A compiler that knows every path by which a policy looks into its input writes them down as a tree ([`Paths`], made
//! natively). Each place in the tree has a *slot*. [`scan::scan`] walks the text of an input once, checks all of it, and puts
//! what the policy reads into the slots: a value where the tree ends, `null` where it only leads on, nothing where the input
//! has nothing. [`fill`] does the same from a value; a host that has its input as values writes the slots itself, and
//! [`records`] of what it cannot. What is not read is not made.
//!
//! Of equal keys the last counts, with everything below it.
//!
//! Strings that are read are looked up among those that the module tests for ([`intern`](crate::intern)).
//!
//! A table is a sequence of words: the number of slots, the addresses of the slots and of the table of interned strings in a
//! module's memory (0 natively), the entry of the input itself, then nodes and texts. An *entry* is what [`entry`] lists. A *node*
//! holds the members that are read of an object: what [`node`] lists, then 2^bits entries, of which those without a key have
//! the length `u32::MAX`. Offsets are in words.
//!
//! Keys of a node are told apart by a *window*: a few bytes of the text from a place on that all of them have, counting the
//! quote behind them. So the scanner looks at an entry before it knows how long a key is, and compares the key with its
//! quotes and its colon at once. Where no window tells the keys apart, their ends give them
//! their places, and the scanner looks for them one by one.
#![allow(unsafe_code, reason = "reads a table in static data, and text whose end is marked")]

#[cfg(not(target_arch = "wasm32"))]
use crate::Heap;
use crate::Value;

#[cfg(not(target_arch = "wasm32"))]
mod paths;
pub mod records;
pub(crate) mod scan;

#[cfg(not(target_arch = "wasm32"))]
pub use paths::{PathId, Paths};

/// Where a table's parts are, in words.
pub mod header {
    /// How many slots there are.
    pub const SLOTS: usize = 0;
    /// The address of the slots, which are addresses of values.
    pub const ADDRESS: usize = 1;
    /// The address of the table of interned strings.
    pub const INTERNED: usize = 2;
    /// The entry of the input itself.
    pub const ROOT: usize = 3;
}

/// Where an entry's parts are, in words from its start.
pub mod entry {
    /// Sixteen bytes: the key between quotes and a colon, then zeros. Where that is longer, or never written so, or where
    /// there is no key, something that is not within the mask.
    pub const KEY: usize = 0;
    /// Sixteen bytes: which bits of [`KEY`] count.
    pub const MASK: usize = 4;
    /// Length of the key in bytes; [`NO_KEY`] in an entry that is not used.
    pub const LEN: usize = 8;
    /// Offset of the key's text from the start of the table.
    pub const TEXT: usize = 9;
    /// The slot.
    pub const SLOT: usize = 10;
    /// One past the last slot of what lies below, and of this one.
    pub const END: usize = 11;
    /// Offset of the node of what is read below, from the entry; 0 where the whole value is read.
    pub const NODE: usize = 12;
    /// Words of an entry.
    pub const SIZE: usize = 13;
    /// The length of no key.
    pub const NO_KEY: u32 = u32::MAX;
    /// Bytes around a key: quotes and a colon.
    pub const AROUND: usize = 3;
}

/// Where a node's parts are, in words from its start.
pub mod node {
    /// Bits of the hash.
    pub const BITS: usize = 0;
    /// By how much the hash is shifted to the right: what the bits leave of 64.
    pub const SHIFT: usize = 1;
    /// The factor of the hash (u64); 0 if it has no bits.
    pub const FACTOR: usize = 2;
    /// Which bits of the window count (u64); 0 where the hash is of the keys' ends.
    pub const MASK: usize = 4;
    /// Where the window is, from the opening quote on.
    pub const OFFSET: usize = 6;
    /// Keys whose closing quote is at most so far from the opening one are seen at the first look, if they have a colon right
    /// behind them.
    pub const SURE: usize = 7;
    /// How far the node is behind the one that it is below; 0 for the input's own.
    pub const UP: usize = 8;
    /// How many brackets are open in it.
    pub const DEPTH: usize = 9;
    /// The first entry.
    pub const ENTRIES: usize = 10;
}

/// Which entry of a node has such a hash.
#[inline(always)]
pub(crate) const fn place(bits: u64, factor: u64, shift: u32) -> usize {
    bits.wrapping_mul(factor).wrapping_shr(shift) as usize
}

/// What is hashed of a key: its window, or, if `mask` is 0, its ends and length. `offset` counts from the opening quote.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn hashed(key: &[u8], offset: u32, mask: u64) -> u64 {
    if mask == 0 {
        let (first, last) = ends(key);
        return first ^ last.rotate_left(29) ^ key.len() as u64;
    }
    let quoted = key.iter().chain(b"\"").skip((offset as usize).wrapping_sub(1));
    (0..8).zip(quoted).fold(0, |word, (place, byte)| word | u64::from(*byte) << (8 * place)) & mask
}

/// The first and the last eight bytes of a key, with zeros for those that are missing.
#[inline]
pub(crate) fn ends(key: &[u8]) -> (u64, u64) {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (word(first), word(last)),
        _ => (crate::bytes::short_word(key), 0),
    }
}

/// [`ends`] of `len` bytes at `start`.
///
/// # Safety
/// Eight bytes must be readable wherever one of them is.
#[inline(always)]
pub(crate) unsafe fn ends_at(start: *const u8, len: usize) -> (u64, u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let word = |at: *const u8| u64::from_le(at.cast::<u64>().read_unaligned());
        if len >= 8 { (word(start), word(start.add(len - 8))) } else { (word(start) & ((1 << (8 * len)) - 1), 0) }
    }
}

/// A table in memory.
#[derive(Clone, Copy)]
pub(crate) struct Table(pub(crate) *const u32);

impl Table {
    /// # Safety
    /// `offset` must be one of a word in the table, here and below.
    #[inline(always)]
    pub(crate) unsafe fn word(self, offset: usize) -> u32 {
        // SAFETY: the caller's promise.
        unsafe { *self.0.add(offset) }
    }

    /// # Safety
    /// As for `word`.
    #[inline(always)]
    pub(crate) unsafe fn wide(self, offset: usize) -> u64 {
        // SAFETY: the caller's promise; a table need not be aligned to 8.
        unsafe { self.0.add(offset).cast::<u64>().read_unaligned() }
    }

    /// The strings that the module tests for.
    ///
    /// # Safety
    /// It must be a table.
    #[inline(always)]
    pub(crate) unsafe fn interned(self) -> crate::intern::Interned {
        // SAFETY: the table has that word.
        crate::intern::Interned(unsafe { self.word(header::INTERNED) } as usize as *const u32)
    }

    /// The bytes of an entry's key.
    ///
    /// # Safety
    /// `entry` must be one of the table's that has a key.
    pub(crate) unsafe fn key<'t>(self, entry: *const u32) -> &'t [u8] {
        // SAFETY: the text lies in the table.
        unsafe {
            let text = self.0.add(*entry.add(entry::TEXT) as usize).cast::<u8>();
            core::slice::from_raw_parts(text, *entry.add(entry::LEN) as usize)
        }
    }
}

/// Fills slots from a value: what [`scan::scan`] does from its text.
///
/// # Safety
/// `table` must be a table, and `slots` must hold as many values as it says.
pub(crate) unsafe fn fill<'h>(table: Table, slots: *mut Option<Value<'h>>, input: Option<Value<'h>>) {
    // SAFETY: all slots are within those that the table counts.
    unsafe {
        for slot in 0..table.word(header::SLOTS) as usize {
            *slots.add(slot) = None;
        }
        if let Some(input) = input {
            fill_entry(table, slots, header::ROOT, input);
        }
    }
}

/// Recurses as deep as the tree.
///
/// # Safety
/// As for [`fill`]; `at` must be the offset of an entry.
unsafe fn fill_entry<'h>(table: Table, slots: *mut Option<Value<'h>>, at: usize, value: Value<'h>) {
    // SAFETY: as in `fill`.
    unsafe {
        let below = table.word(at + entry::NODE) as usize;
        let slot = slots.add(table.word(at + entry::SLOT) as usize);
        if below == 0 {
            *slot = Some(table.interned().value(value));
            return;
        }
        *slot = Some(Value::null());
        let node = at + below;
        let entries = node + node::ENTRIES;
        for place in 0..1_usize << table.word(node + node::BITS) {
            let child = entries + place * entry::SIZE;
            if table.word(child + entry::LEN) != entry::NO_KEY
                // Keys were texts when the table was made.
                && let Some(member) = value.get_str(core::str::from_utf8_unchecked(table.key(table.0.add(child))))
            {
                fill_entry(table, slots, child, member);
            }
        }
    }
}

/// Reads JSON by a table, natively: the slots, or `None` where the scanner leaves the text to the parser. For tests and
/// tools; a module calls `scan` and `fill` on its own memory.
#[cfg(not(target_arch = "wasm32"))]
pub fn read<'h>(heap: Heap<'h>, table: &[u32], text: &[u8]) -> Option<Vec<Option<Value<'h>>>> {
    let mut marked = Vec::with_capacity(text.len() + scan::SLACK);
    marked.extend_from_slice(text);
    marked.resize(text.len() + scan::SLACK, 0);
    let marked = heap.copy(&marked);
    let mut slots = vec![None; *table.first()? as usize];
    // SAFETY: the text is followed by zeros enough, and tables are made by `Paths` only.
    let done = unsafe { scan::scan(heap, Table(table.as_ptr()), slots.as_mut_ptr(), marked.get(..text.len())?) };
    done.then_some(slots)
}

/// Fills slots from `count` records, natively; `None` if they are not well formed.
///
/// # Safety
/// Strings in `input` must be UTF-8.
#[cfg(not(target_arch = "wasm32"))]
pub unsafe fn read_records<'h>(
    heap: Heap<'h>,
    table: &[u32],
    input: &'h [u8],
    count: usize,
) -> Option<Vec<Option<Value<'h>>>> {
    let mut slots = vec![None; *table.first()? as usize];
    // SAFETY: tables are made by `Paths` only, and the caller's promise.
    let done = unsafe { records::fill(heap, Table(table.as_ptr()), slots.as_mut_ptr(), input, count) };
    done.then_some(slots)
}

/// Fills slots from a value, natively.
#[cfg(not(target_arch = "wasm32"))]
pub fn read_value<'h>(table: &[u32], input: Option<Value<'h>>) -> Vec<Option<Value<'h>>> {
    let mut slots = vec![None; table.first().map_or(0, |count| *count as usize)];
    if !slots.is_empty() {
        // SAFETY: as in `read`.
        unsafe { fill(Table(table.as_ptr()), slots.as_mut_ptr(), input) }
    }
    slots
}
