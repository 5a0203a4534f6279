//! Building arrays, objects and sets. Takes values in any order; what it gives is sorted and unique as soon as it is read.
//!
//! Objects and sets are sorted buffers. An entry that does not belong at the end goes into a short sorted *tail* behind the
//! sorted rest, and a full tail is merged, so that n entries in random order cost about n·√n moved bytes in place of n²
//! while every lookup is two binary searches. [`settle`] merges what is left when the collection is read.
#![allow(unsafe_code, reason = "changes headers and buffers that the kernel owns, in place")]

use core::cmp::Ordering;

use crate::layout::{FLAG_STATIC, FLAG_TAIL, FLAG_UNSORTED, TAG_ARRAY, TAG_OBJECT, TAG_SET};
use crate::value::{Buffer, Header, Payload};
use crate::{Heap, Pair, Value};

mod sort;

/// Bytes in front of every buffer that grows: how many of its entries are merged.
const PREFIX: usize = 8;
/// Up to so many keys are looked through one by one: equality is cheaper than order.
const FEW: usize = 8;
/// An insertion that moves at most this many entries is made in place.
const SHORT_MOVE: usize = 32;

/// What objects and sets are made of.
pub(crate) trait Entry<'h>: Copy {
    /// Which of two entries with equal keys stays when all arrive at once.
    const LAST_STAYS: bool;

    /// What entries are sorted by.
    fn key(&self) -> Value<'h>;
}

impl<'h> Entry<'h> for Value<'h> {
    const LAST_STAYS: bool = false;

    fn key(&self) -> Value<'h> {
        *self
    }
}

impl<'h> Entry<'h> for Pair<'h> {
    const LAST_STAYS: bool = true;

    fn key(&self) -> Value<'h> {
        self.key
    }
}

/// Builds an array.
#[derive(Debug)]
pub struct ArrayBuilder<'h> {
    heap: Heap<'h>,
    array: Value<'h>,
}

impl<'h> ArrayBuilder<'h> {
    /// An empty array that holds `capacity` elements before it must grow.
    pub fn new(heap: Heap<'h>, capacity: usize) -> Self {
        ArrayBuilder { heap, array: new_collection::<Value<'h>>(heap, TAG_ARRAY, capacity) }
    }

    /// Appends `value`.
    pub fn push(&mut self, value: Value<'h>) {
        array_push(self.heap, self.array, value);
    }

    /// The array.
    pub fn finish(self) -> Value<'h> {
        self.array
    }
}

/// Builds a set.
#[derive(Debug)]
pub struct SetBuilder<'h> {
    heap: Heap<'h>,
    set: Value<'h>,
}

impl<'h> SetBuilder<'h> {
    /// An empty set that holds `capacity` elements before it must grow.
    pub fn new(heap: Heap<'h>, capacity: usize) -> Self {
        SetBuilder { heap, set: new_collection::<Value<'h>>(heap, TAG_SET, capacity) }
    }

    /// Adds `value`, which may be there already.
    pub fn add(&mut self, value: Value<'h>) {
        set_add(self.heap, self.set, value);
    }

    /// The set.
    pub fn finish(self) -> Value<'h> {
        self.set
    }
}

/// Builds an object.
#[derive(Debug)]
pub struct ObjectBuilder<'h> {
    heap: Heap<'h>,
    object: Value<'h>,
}

impl<'h> ObjectBuilder<'h> {
    /// An empty object that holds `capacity` pairs before it must grow.
    pub fn new(heap: Heap<'h>, capacity: usize) -> Self {
        ObjectBuilder { heap, object: new_collection::<Pair<'h>>(heap, TAG_OBJECT, capacity) }
    }

    /// Puts `value` under `key`, in place of what was there.
    pub fn insert(&mut self, key: Value<'h>, value: Value<'h>) {
        object_insert(self.heap, self.object, key, value);
    }

    /// Puts `value` under `key`, unless another value is there: then it gives false and changes nothing.
    pub fn insert_once(&mut self, key: Value<'h>, value: Value<'h>) -> bool {
        object_insert_once(self.heap, self.object, key, value)
    }

    /// The object.
    pub fn finish(self) -> Value<'h> {
        self.object
    }
}

impl<'h> Value<'h> {
    /// The member of an object under `key`, the element of an array at an integer `key`, or the element of a set that equals
    /// `key`.
    pub fn get(self, key: Value<'h>) -> Option<Value<'h>> {
        match self.tag() {
            TAG_OBJECT => find(self, key).map(|pair: Pair<'h>| pair.value),
            TAG_SET => find(self, key),
            TAG_ARRAY => {
                let index = usize::try_from(key.as_number()?.as_integer()?).ok()?;
                self.as_array()?.get(index).copied()
            }
            _ => None,
        }
    }

    /// The member of an object under the string `key`.
    pub fn get_str(self, key: &str) -> Option<Value<'h>> {
        if self.tag() != TAG_OBJECT {
            return None;
        }
        if let Some(pairs) = few::<Pair<'h>>(self) {
            return pairs.iter().rev().find(|pair| pair.key.is_str(key)).map(|pair| pair.value);
        }
        let pairs = self.as_object()?;
        let at = pairs.binary_search_by(|pair| match pair.key.as_str() {
            Some(text) => text.cmp(key),
            None => pair.key.kind().cmp(&crate::Kind::String),
        });
        pairs.get(at.ok()?).map(|pair| pair.value)
    }

    /// Whether a set has an element that equals `value`.
    pub fn contains(self, value: Value<'h>) -> bool {
        self.tag() == TAG_SET && find::<Value<'h>>(self, value).is_some()
    }
}

/// The object of `pairs`. Of equal keys the last wins. Few pairs are sorted when somebody wants them in order, which for
/// most inputs is never; many are sorted here.
#[inline]
pub(crate) fn object_of<'h>(heap: Heap<'h>, pairs: &'h mut [Pair<'h>]) -> Value<'h> {
    if (2..=FEW).contains(&pairs.len()) {
        return Value::unsorted_object(heap, pairs);
    }
    sorted_object(heap, pairs)
}

/// [`object_of`] for an object of a large document.
pub(crate) fn compact_object_of<'h>(heap: Heap<'h>, pairs: &'h mut [Pair<'h>]) -> Value<'h> {
    if (2..=FEW).contains(&pairs.len()) {
        return Value::compact_unsorted(heap, pairs);
    }
    let len = sort::sort(heap, pairs);
    Value::compact(heap, TAG_OBJECT, 0, pairs.get(..len).unwrap_or_default())
}

fn sorted_object<'h>(heap: Heap<'h>, pairs: &'h mut [Pair<'h>]) -> Value<'h> {
    let len = sort::sort(heap, pairs);
    Value::borrowing(heap, TAG_OBJECT, 0, pairs.get(..len).unwrap_or_default())
}

/// The set of `elements`, which are sorted in place. Of equal elements the first stays.
pub(crate) fn set_of<'h>(heap: Heap<'h>, elements: &'h mut [Value<'h>]) -> Value<'h> {
    let len = sort::sort(heap, elements);
    Value::borrowing(heap, TAG_SET, 0, elements.get(..len).unwrap_or_default())
}

/// An empty collection with room for `capacity` entries.
pub(crate) fn new_collection<'h, T: Copy>(heap: Heap<'h>, tag: u8, capacity: usize) -> Value<'h> {
    let mut header = Header {
        tag,
        sub: 0,
        flags: 0,
        len: 0,
        payload: Payload { buffer: Buffer { start: core::ptr::dangling_mut::<u64>().cast(), capacity: 0 } },
    };
    let value = Value::alloc(heap, header);
    if capacity != 0 {
        header.payload.buffer = new_buffer::<T>(heap, capacity);
        // SAFETY: `value` was made above and nothing else knows it.
        unsafe { *value.header_ptr() = header }
    }
    value
}

/// Appends to an array. Anything else, and a static array, is left alone.
pub(crate) fn array_push<'h>(heap: Heap<'h>, array: Value<'h>, value: Value<'h>) {
    if array.tag() == TAG_ARRAY && array.header().flags & FLAG_STATIC == 0 {
        let len = array.header().len as usize;
        array.make_full(heap);
        // SAFETY: an array of values that is not static.
        unsafe {
            reserve::<Value<'_>>(heap, array, len + 1);
            insert_at(array, len, value)
        }
    }
}

/// Adds to a set. Anything else, and a static set, is left alone.
pub(crate) fn set_add<'h>(heap: Heap<'h>, set: Value<'h>, value: Value<'h>) {
    if set.tag() == TAG_SET {
        insert(heap, set, value);
    }
}

/// Puts `value` under `key`. Anything but an object, and a static object, is left alone.
pub(crate) fn object_insert<'h>(heap: Heap<'h>, object: Value<'h>, key: Value<'h>, value: Value<'h>) {
    if object.tag() == TAG_OBJECT
        && let Some(existing) = insert(heap, object, Pair { key, value })
    {
        // SAFETY: `insert` gives a pair of this object's own buffer.
        unsafe { (*existing).value = value }
    }
}

/// Puts `value` under `key`; gives false, changing nothing, if another value is there.
pub(crate) fn object_insert_once<'h>(heap: Heap<'h>, object: Value<'h>, key: Value<'h>, value: Value<'h>) -> bool {
    if object.tag() != TAG_OBJECT {
        return false;
    }
    match insert(heap, object, Pair { key, value }) {
        None => true,
        // SAFETY: `insert` gives a pair of this object's own buffer.
        Some(existing) => unsafe { (*existing).value == value },
    }
}

/// Takes the pair under `key` out. Anything but an object, and a static object, is left alone.
pub(crate) fn object_remove<'h>(object: Value<'h>, key: Value<'h>) {
    if object.tag() != TAG_OBJECT || object.header().flags & FLAG_STATIC != 0 {
        return;
    }
    let pairs = object.as_object().unwrap_or_default();
    let Ok(at) = search(pairs, key) else { return };
    let behind = pairs.len() - at - 1;
    // SAFETY: `at` is an index of the object's own buffer, whose slice is not used any more. A buffer with capacity 0 lies
    // in memory that the kernel allocated for this object alone, unless the object is static.
    unsafe {
        let target = object.header().payload_start::<Pair<'h>>().add(at);
        core::ptr::copy(target.add(1), target, behind);
    }
    object.set_settled(pairs.len() - 1);
}

/// Brings a set or object into order: merges its tail, or sorts its few pairs.
#[cold]
pub(crate) fn settle<'h, T: Entry<'h> + 'h>(collection: Value<'h>) {
    let header = collection.header();
    let entries = header.payload_start::<T>();
    let mut len = header.len as usize;
    // SAFETY: the buffer is the collection's own and nobody reads it while it is not in order. FLAG_TAIL is set only on
    // buffers with a prefix, which counts the merged entries, at most `len`.
    unsafe {
        if header.flags & FLAG_UNSORTED != 0 {
            len = sort::sort_few(core::slice::from_raw_parts_mut(entries, len));
        } else {
            merge(entries, *prefix(entries) as usize, len);
        }
    }
    collection.set_settled(len);
}

/// The entries, in any order, if they are few and there is no tail. Of equal keys the last is meant.
#[inline]
fn few<'h, T: Entry<'h> + 'h>(collection: Value<'h>) -> Option<&'h [T]> {
    let header = collection.header();
    (header.len as usize <= FEW && header.flags & FLAG_TAIL == 0).then(|| collection.slice_unchecked())
}

impl Header {
    fn payload_start<T>(&self) -> *mut T {
        // SAFETY: only called on collections, whose payload is a buffer.
        unsafe { self.payload.buffer.start.cast() }
    }

    fn capacity(&self) -> usize {
        // SAFETY: as in `payload_start`.
        unsafe { self.payload.buffer.capacity as usize }
    }
}

/// The entry whose key is `key`.
fn find<'h, T: Entry<'h> + 'h>(collection: Value<'h>, key: Value<'h>) -> Option<T> {
    if let (Some(text), Some(entries)) = (key.as_str(), few::<T>(collection)) {
        return entries.iter().rev().find(|entry| entry.key().is_str(text)).copied();
    }
    if collection.header().flags & FLAG_UNSORTED != 0 {
        settle::<T>(collection);
    }
    let entries: &[T] = collection.slice_unchecked();
    let (sorted, tail) = entries.split_at_checked(merged_len::<T>(collection))?;
    if let Ok(at) = search(sorted, key) {
        return sorted.get(at).copied();
    }
    search(tail, key).ok().and_then(|at| tail.get(at)).copied()
}

fn search<'h, T: Entry<'h>>(entries: &[T], key: Value<'h>) -> Result<usize, usize> {
    entries.binary_search_by(|entry| entry.key().cmp(&key))
}

/// How many of the entries are merged.
fn merged_len<T>(collection: Value<'_>) -> usize {
    let header = collection.header();
    if header.flags & FLAG_TAIL == 0 {
        return header.len as usize;
    }
    // SAFETY: FLAG_TAIL is set only on buffers with a prefix.
    unsafe { *prefix(header.payload_start::<T>()) as usize }
}

/// Inserts `entry` unless one with its key is there, which is then given.
fn insert<'h, T: Entry<'h> + 'h>(heap: Heap<'h>, collection: Value<'h>, entry: T) -> Option<*mut T> {
    if collection.header().flags & FLAG_STATIC != 0 {
        return None;
    }
    if collection.header().flags & FLAG_UNSORTED != 0 {
        settle::<T>(collection);
    }
    collection.make_full(heap);
    let header = collection.header();
    let (start, len) = (header.payload_start::<T>(), header.len as usize);
    let key = entry.key();
    let entries: &[T] = collection.slice_unchecked();
    let merged = merged_len::<T>(collection);
    let (sorted, tail) = entries.split_at_checked(merged)?;
    // Most entries come in order.
    let place = match sorted.last().map(|last| last.key().cmp(&key)) {
        None | Some(Ordering::Less) => Err(merged),
        Some(Ordering::Equal) => Ok(merged - 1),
        Some(Ordering::Greater) => search(sorted, key),
    };
    let place = match place {
        // SAFETY: an index of `entries`.
        Ok(at) => return Some(unsafe { start.add(at) }),
        Err(place) => place,
    };
    // SAFETY: all places are at most `len`, and the collection is not static.
    unsafe {
        if merged == len {
            if len - place <= SHORT_MOVE {
                reserve::<T>(heap, collection, len + 1);
                insert_at(collection, place, entry);
            } else {
                reserve::<T>(heap, collection, len + 2);
                insert_at(collection, len, entry);
                let header = collection.header_ptr();
                (*header).flags |= FLAG_TAIL;
                *prefix((*header).payload_start::<T>()) = merged as u64;
            }
            return None;
        }
        match search(tail, key) {
            Ok(at) => return Some(start.add(merged + at)),
            Err(at) => {
                // Room for the tail twice: merging sets it aside behind the entries.
                reserve::<T>(heap, collection, len + 1 + tail.len() + 1);
                insert_at(collection, merged + at, entry);
            }
        }
    }
    if tail.len() >= longest_tail(merged) {
        settle::<T>(collection);
    }
    None
}

/// About four times the square root of `merged`: then moving within the tail and merging it cost about the same.
fn longest_tail(merged: usize) -> usize {
    let bits = usize::BITS - merged.leading_zeros();
    4 << bits.div_ceil(2)
}

/// Puts `entry` at `place`, moving what is behind it.
///
/// # Safety
/// `collection` must hold `T`s, not be static, have at least `place` of them and room for one more; no slice of it may be
/// used afterwards.
unsafe fn insert_at<T: Copy>(collection: Value<'_>, place: usize, entry: T) {
    let header = collection.header_ptr();
    // SAFETY: there is room for one more.
    unsafe {
        let len = (*header).len as usize;
        let at = (*header).payload_start::<T>().add(place);
        if place != len {
            core::ptr::copy(at, at.add(1), len - place);
        }
        at.write(entry);
        (*header).len += 1;
    }
}

/// Makes room for `needed` entries in all.
///
/// # Safety
/// `collection` must hold `T`s and not be static.
unsafe fn reserve<T: Copy>(heap: Heap<'_>, collection: Value<'_>, needed: usize) {
    if needed > collection.header().capacity() {
        // SAFETY: as the caller promises.
        unsafe { grow::<T>(heap, collection, needed) }
    }
}

/// At least doubles the room of `collection`, moving its content if it must.
///
/// # Safety
/// As for [`reserve`].
#[cold]
#[inline(never)]
unsafe fn grow<T: Copy>(heap: Heap<'_>, collection: Value<'_>, needed: usize) {
    let header = collection.header();
    let (start, len, capacity) = (header.payload_start::<T>(), header.len as usize, header.capacity());
    let wanted = capacity.saturating_mul(2).max(needed).max(4);
    let bytes = |entries: usize| entries.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(PREFIX));
    // SAFETY: a buffer with a capacity starts `PREFIX` bytes behind its block; the new one has room for `wanted > len`.
    unsafe {
        if capacity != 0
            && let (Some(old), Some(new)) = (bytes(capacity), bytes(wanted))
            && let Some(block) = core::ptr::NonNull::new(start.cast::<u8>().sub(PREFIX))
            && let Ok(wanted) = u32::try_from(wanted)
            && heap.resize_in_place(block, old, new)
        {
            (*collection.header_ptr()).payload.buffer.capacity = wanted;
            return;
        }
        let buffer = new_buffer::<T>(heap, wanted);
        core::ptr::copy_nonoverlapping(start, buffer.start.cast::<T>(), len);
        if capacity != 0 {
            *prefix(buffer.start.cast::<T>()) = *prefix(start);
        }
        (*collection.header_ptr()).payload.buffer = buffer;
    }
}

fn new_buffer<T>(heap: Heap<'_>, capacity: usize) -> Buffer {
    let size = capacity.checked_mul(size_of::<T>()).and_then(|size| size.checked_add(PREFIX));
    let (Some(size), Ok(capacity)) = (size, u32::try_from(capacity)) else { crate::abort(c"opa_malloc: failed") };
    let block = heap.alloc(size);
    // SAFETY: the block is at least `PREFIX` bytes.
    let start = unsafe { block.as_ptr().add(PREFIX) };
    Buffer { start, capacity }
}

/// The count of merged entries in front of a buffer that has a capacity.
///
/// # Safety
/// `start` must be the start of such a buffer.
unsafe fn prefix<T>(start: *mut T) -> *mut u64 {
    // SAFETY: as the caller promises; blocks are aligned to 8 and the prefix is 8 bytes.
    unsafe { start.cast::<u64>().sub(1) }
}

/// Merges the sorted runs `..merged` and `merged..len` of `entries`, which have no key in common.
///
/// # Safety
/// `entries` must hold `len` entries and have room for the second run once more, `merged <= len`, and nobody else may use
/// them.
unsafe fn merge<'h, T: Entry<'h>>(entries: *mut T, merged: usize, len: usize) {
    // From the back: each entry of the tail, set aside, has its place among the sorted ones, and what is behind that place
    // moves once.
    // SAFETY: all indices are below `len + (len - merged)`; `end` only falls, and the gap in front of what was placed is
    // always as long as the number of entries that are still set aside.
    unsafe {
        let aside = entries.add(len);
        core::ptr::copy_nonoverlapping(entries.add(merged), aside, len - merged);
        let mut end = merged;
        for index in (0..len - merged).rev() {
            let entry = aside.add(index).read();
            let sorted = core::slice::from_raw_parts(entries, end);
            let place = search(sorted, entry.key()).unwrap_or_else(|place| place);
            core::ptr::copy(entries.add(place), entries.add(place + index + 1), end - place);
            entries.add(place + index).write(entry);
            end = place;
        }
    }
}
