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

/// What objects and sets are made of: a key, and what belongs to it. What works on the words alone takes their number and not
/// the type, so that a module has it once.
pub(crate) trait Entry<'h>: Copy {
    /// Values that an entry is made of; the first is its key.
    const WORDS: usize;
    /// Which of two entries with equal keys stays when all arrive at once.
    const LAST_STAYS: bool;

    /// What entries are sorted by.
    fn key(&self) -> Value<'h>;
}

impl<'h> Entry<'h> for Value<'h> {
    const WORDS: usize = 1;
    const LAST_STAYS: bool = false;

    fn key(&self) -> Value<'h> {
        *self
    }
}

// A pair is its key, then its value, as wide as a key.
const _: () = assert!(core::mem::offset_of!(Pair<'_>, key) == 0 && size_of::<Pair<'_>>() == 2 * size_of::<Value<'_>>());

impl<'h> Entry<'h> for Pair<'h> {
    const WORDS: usize = 2;
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
        ArrayBuilder { heap, array: new_collection(heap, TAG_ARRAY, capacity) }
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
        SetBuilder { heap, set: new_collection(heap, TAG_SET, capacity) }
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
        ObjectBuilder { heap, object: new_collection(heap, TAG_OBJECT, capacity) }
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
            // SAFETY: an object's entry has a value behind its key, a set's is the key.
            TAG_OBJECT => find(self, 2, key).map(|pair| unsafe { *pair.add(1) }),
            TAG_SET => find(self, 1, key).map(|element| unsafe { *element }),
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
            return pairs.get(last_with_text(pairs, key)?).map(|pair| pair.value);
        }
        let pairs = self.as_object()?;
        let at = search_by(pairs, |known| match known.as_str() {
            Some(text) => crate::bytes::compare(text.as_bytes(), key.as_bytes()),
            None => known.kind().cmp(&crate::Kind::String),
        });
        pairs.get(at.ok()?).map(|pair| pair.value)
    }

    /// Whether a set has an element that equals `value`.
    pub fn contains(self, value: Value<'h>) -> bool {
        self.tag() == TAG_SET && find(self, 1, value).is_some()
    }
}

/// The object of `pairs`. Of equal keys the last wins. Few pairs are sorted when somebody wants them in order, which for
/// most inputs is never; many are sorted here.
#[inline(never)]
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
#[inline(never)]
pub(crate) fn new_collection<'h>(heap: Heap<'h>, tag: u8, capacity: usize) -> Value<'h> {
    let mut header = Header {
        tag,
        sub: 0,
        flags: 0,
        len: 0,
        payload: Payload { buffer: Buffer { start: core::ptr::dangling_mut::<u64>().cast(), capacity: 0 } },
    };
    let value = Value::alloc(heap, header);
    if capacity != 0 {
        header.payload.buffer = new_buffer(heap, words_of(tag), capacity);
        // SAFETY: `value` was made above and nothing else knows it.
        unsafe { *value.header_ptr() = header }
    }
    value
}

/// Values that an entry of a collection is made of.
const fn words_of(tag: u8) -> usize {
    if tag == TAG_OBJECT { 2 } else { 1 }
}

/// Appends to an array. Anything else, and a static array, is left alone.
pub(crate) fn array_push<'h>(heap: Heap<'h>, array: Value<'h>, value: Value<'h>) {
    if array.tag() == TAG_ARRAY && array.flags() & FLAG_STATIC == 0 {
        let len = array.content().1;
        array.make_full(heap);
        // SAFETY: an array of values that is not static.
        unsafe {
            reserve(heap, array, 1, len + 1);
            insert_at(array, len, &[value]);
        }
    }
}

/// Adds to a set. Anything else, and a static set, is left alone.
pub(crate) fn set_add<'h>(heap: Heap<'h>, set: Value<'h>, value: Value<'h>) {
    if set.tag() == TAG_SET {
        insert(heap, set, &[value]);
    }
}

/// Puts `value` under `key`. Anything but an object, and a static object, is left alone.
pub(crate) fn object_insert<'h>(heap: Heap<'h>, object: Value<'h>, key: Value<'h>, value: Value<'h>) {
    if object.tag() == TAG_OBJECT
        && let Some(existing) = insert(heap, object, &[key, value])
    {
        // SAFETY: `insert` gives a pair of this object's own buffer.
        unsafe { *existing.add(1) = value }
    }
}

/// Puts `value` under `key`; gives false, changing nothing, if another value is there.
pub(crate) fn object_insert_once<'h>(heap: Heap<'h>, object: Value<'h>, key: Value<'h>, value: Value<'h>) -> bool {
    if object.tag() != TAG_OBJECT {
        return false;
    }
    match insert(heap, object, &[key, value]) {
        None => true,
        // SAFETY: `insert` gives a pair of this object's own buffer.
        Some(existing) => unsafe { *existing.add(1) == value },
    }
}

/// Takes the pair under `key` out. Anything but an object, and a static object, is left alone.
pub(crate) fn object_remove<'h>(object: Value<'h>, key: Value<'h>) {
    if object.tag() != TAG_OBJECT || object.flags() & FLAG_STATIC != 0 {
        return;
    }
    let pairs = object.as_object().unwrap_or_default();
    let Ok(at) = search(pairs, key) else { return };
    let behind = pairs.len() - at - 1;
    // SAFETY: `at` is an index of the object's own buffer, whose slice is not used any more. A buffer with capacity 0 lies
    // in memory that the kernel allocated for this object alone, unless the object is static.
    unsafe {
        let target = object.content().0.cast::<Pair<'h>>().add(at);
        core::ptr::copy(target.add(1), target, behind);
    }
    object.set_settled(pairs.len() - 1);
}

/// Brings a set or object into order: merges its tail, or sorts its few pairs.
#[cold]
#[inline(never)]
pub(crate) fn settle(collection: Value<'_>) {
    let (start, mut len) = collection.content();
    // SAFETY: the buffer is the collection's own and nobody reads it while it is not in order. FLAG_UNSORTED is set only on
    // objects; FLAG_TAIL is set only on buffers with a prefix, which counts the merged entries, at most `len`.
    unsafe {
        if collection.flags() & FLAG_UNSORTED != 0 {
            len = sort::sort_few(core::slice::from_raw_parts_mut(start.cast::<Pair<'_>>(), len));
        } else {
            merge(start.cast(), words_of(collection.tag()), *prefix(start) as usize, len);
        }
    }
    collection.set_settled(len);
}

/// The entries, in any order, if they are few and there is no tail. Of equal keys the last is meant.
#[inline]
fn few<'h, T: Entry<'h> + 'h>(collection: Value<'h>) -> Option<&'h [T]> {
    let entries = collection.slice_unchecked();
    (entries.len() <= FEW && collection.flags() & FLAG_TAIL == 0).then_some(entries)
}

/// Entries that there is room for in the buffer of a collection with a full header.
fn capacity(collection: Value<'_>) -> usize {
    // SAFETY: the payload of a collection is a buffer.
    unsafe { (*collection.header_ptr()).payload.buffer.capacity as usize }
}

/// The first value of the entry whose key is `key`, which has so many of them.
#[inline(never)]
fn find<'h>(collection: Value<'h>, words: usize, key: Value<'h>) -> Option<*const Value<'h>> {
    let (start, len) = collection.content();
    let start = start.cast_const().cast::<Value<'h>>();
    // SAFETY: the collection has `len` entries of so many words, of which those in front are merged.
    unsafe {
        if let Some(text) = key.as_str()
            && len <= FEW
            && collection.flags() & FLAG_TAIL == 0
        {
            return last_with_key(start, len, words, text).map(|place| start.add(place * words));
        }
        if collection.flags() & FLAG_UNSORTED != 0 {
            settle(collection);
        }
        let len = collection.content().1;
        let merged = merged_len(collection);
        let place = search_keys(start, merged, words, key)
            .or_else(|_| search_keys(start.add(merged * words), len - merged, words, key).map(|place| merged + place));
        place.ok().map(|place| start.add(place * words))
    }
}

/// Where the last entry is whose key is this text.
#[inline]
fn last_with_text<'h, T: Entry<'h>>(entries: &[T], text: &str) -> Option<usize> {
    // SAFETY: an entry begins with its key, and is as many values as it is large.
    unsafe { last_with_key(entries.as_ptr().cast(), entries.len(), T::WORDS, text) }
}

/// # Safety
/// There must be `count` keys, a `stride` of values apart.
#[inline(never)]
unsafe fn last_with_key(keys: *const Value<'_>, count: usize, stride: usize, text: &str) -> Option<usize> {
    // SAFETY: the caller's promise.
    (0..count).rev().find(|place| unsafe { (*keys.add(place * stride)).is_str(text) })
}

/// Where the key is among sorted entries, or where it would be.
#[inline]
fn search<'h, T: Entry<'h>>(entries: &[T], key: Value<'h>) -> Result<usize, usize> {
    // SAFETY: as in `last_with_text`.
    unsafe { search_keys(entries.as_ptr().cast(), entries.len(), T::WORDS, key) }
}

/// # Safety
/// As for [`last_with_key`].
#[inline(never)]
unsafe fn search_keys(keys: *const Value<'_>, count: usize, stride: usize, key: Value<'_>) -> Result<usize, usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        // SAFETY: the caller's promise.
        match unsafe { (*keys.add(middle * stride)).cmp(&key) } {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

fn search_by<'h, T: Entry<'h>>(entries: &[T], mut order: impl FnMut(Value<'h>) -> Ordering) -> Result<usize, usize> {
    entries.binary_search_by(|entry| order(entry.key()))
}

/// How many of the entries are merged.
fn merged_len(collection: Value<'_>) -> usize {
    let (start, len) = collection.content();
    if collection.flags() & FLAG_TAIL == 0 {
        return len;
    }
    // SAFETY: FLAG_TAIL is set only on buffers with a prefix.
    unsafe { *prefix(start) as usize }
}

/// Inserts `entry`, whose first value is its key, unless one with this key is there, which is then given.
#[inline(never)]
fn insert<'h>(heap: Heap<'h>, collection: Value<'h>, entry: &[Value<'h>]) -> Option<*mut Value<'h>> {
    if collection.flags() & FLAG_STATIC != 0 {
        return None;
    }
    if collection.flags() & FLAG_UNSORTED != 0 {
        settle(collection);
    }
    collection.make_full(heap);
    let (start, len) = collection.content();
    let (start, words, key) = (start.cast::<Value<'h>>(), entry.len(), *entry.first()?);
    let merged = merged_len(collection);
    // SAFETY: all places are at most `len`, the number of entries of so many words, and the collection is not static.
    unsafe {
        // Most entries come in order.
        let last = merged.checked_sub(1);
        let place = match last.map(|last| (*start.add(last * words)).cmp(&key)) {
            None | Some(Ordering::Less) => Err(merged),
            Some(Ordering::Equal) => Ok(merged - 1),
            Some(Ordering::Greater) => search_keys(start, merged, words, key),
        };
        let place = match place {
            Ok(at) => return Some(start.add(at * words)),
            Err(place) => place,
        };
        if merged == len {
            if len - place <= SHORT_MOVE {
                reserve(heap, collection, words, len + 1);
                insert_at(collection, place, entry);
            } else {
                reserve(heap, collection, words, len + 2);
                insert_at(collection, len, entry);
                let header = collection.header_ptr();
                (*header).flags |= FLAG_TAIL;
                *prefix((*header).payload.buffer.start) = merged as u64;
            }
            return None;
        }
        let tail = len - merged;
        match search_keys(start.add(merged * words), tail, words, key) {
            Ok(at) => return Some(start.add((merged + at) * words)),
            Err(at) => {
                // Room for the tail twice: merging sets it aside behind the entries.
                reserve(heap, collection, words, len + 1 + tail + 1);
                insert_at(collection, merged + at, entry);
            }
        }
        if tail >= longest_tail(merged) {
            settle(collection);
        }
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
/// `collection` must hold entries of as many words, not be static, have at least `place` of them and room for one more; no
/// slice of it may be used afterwards.
unsafe fn insert_at<'h>(collection: Value<'h>, place: usize, entry: &[Value<'h>]) {
    let (header, words) = (collection.header_ptr(), entry.len());
    // SAFETY: there is room for one more.
    unsafe {
        let len = (*header).len as usize;
        let at = (*header).payload.buffer.start.cast::<Value<'h>>().add(place * words);
        if place != len {
            core::ptr::copy(at, at.add(words), (len - place) * words);
        }
        for (offset, word) in entry.iter().enumerate() {
            at.add(offset).write(*word);
        }
        (*header).len += 1;
    }
}

/// Makes room for `needed` entries in all.
///
/// # Safety
/// `collection` must hold entries of `words` values and not be static.
unsafe fn reserve(heap: Heap<'_>, collection: Value<'_>, words: usize, needed: usize) {
    if needed > capacity(collection) {
        // SAFETY: as the caller promises.
        unsafe { grow(heap, collection, words, needed) }
    }
}

/// At least doubles the room of `collection`, moving its content if it must.
///
/// # Safety
/// As for [`reserve`].
#[cold]
#[inline(never)]
unsafe fn grow(heap: Heap<'_>, collection: Value<'_>, words: usize, needed: usize) {
    let ((start, len), capacity) = (collection.content(), capacity(collection));
    let wanted = capacity.saturating_mul(2).max(needed).max(4);
    // SAFETY: a buffer with a capacity starts `PREFIX` bytes behind its block; the new one has room for `wanted > len`.
    unsafe {
        if capacity != 0
            && let (Some(old), Some(new)) = (buffer_size(words, capacity), buffer_size(words, wanted))
            && let Some(block) = core::ptr::NonNull::new(start.sub(PREFIX))
            && let Ok(wanted) = u32::try_from(wanted)
            && heap.resize_in_place(block, old, new)
        {
            (*collection.header_ptr()).payload.buffer.capacity = wanted;
            return;
        }
        let buffer = new_buffer(heap, words, wanted);
        core::ptr::copy_nonoverlapping(start.cast::<Value<'_>>(), buffer.start.cast(), len * words);
        if capacity != 0 {
            *prefix(buffer.start) = *prefix(start);
        }
        (*collection.header_ptr()).payload.buffer = buffer;
    }
}

fn new_buffer(heap: Heap<'_>, words: usize, capacity: usize) -> Buffer {
    let (Some(size), Ok(capacity)) = (buffer_size(words, capacity), u32::try_from(capacity)) else {
        crate::abort(c"opa_malloc: failed")
    };
    let block = heap.alloc(size);
    // SAFETY: the block is at least `PREFIX` bytes.
    let start = unsafe { block.as_ptr().add(PREFIX) };
    Buffer { start, capacity }
}

/// Bytes of a buffer for so many entries of so many values.
fn buffer_size(words: usize, entries: usize) -> Option<usize> {
    entries.checked_mul(words * size_of::<Value<'_>>())?.checked_add(PREFIX)
}

/// The count of merged entries in front of a buffer that has a capacity.
///
/// # Safety
/// `start` must be the start of such a buffer.
unsafe fn prefix(start: *mut u8) -> *mut u64 {
    // SAFETY: as the caller promises; blocks are aligned to 8 and the prefix is 8 bytes.
    unsafe { start.cast::<u64>().sub(1) }
}

/// Merges the sorted runs `..merged` and `merged..len` of entries of so many words, which have no key in common.
///
/// # Safety
/// There must be `len` entries and room for the second run once more, `merged <= len`, and nobody else may use them.
unsafe fn merge(entries: *mut Value<'_>, words: usize, merged: usize, len: usize) {
    // From the back: each entry of the tail, set aside, has its place among the sorted ones, and what is behind that place
    // moves once.
    // SAFETY: all indices are below `len + (len - merged)`; `end` only falls, and the gap in front of what was placed is
    // always as long as the number of entries that are still set aside.
    unsafe {
        let aside = entries.add(len * words);
        core::ptr::copy_nonoverlapping(entries.add(merged * words), aside, (len - merged) * words);
        let mut end = merged;
        for index in (0..len - merged).rev() {
            let entry = aside.add(index * words);
            let place = search_keys(entries, end, words, *entry).unwrap_or_else(|place| place);
            let gap = entries.add((place + index) * words);
            core::ptr::copy(entries.add(place * words), gap.add(words), (end - place) * words);
            core::ptr::copy_nonoverlapping(entry, gap, words);
            end = place;
        }
    }
}
