//! Values: null, booleans, numbers, strings, arrays, objects and sets, as Rego knows them.
//!
//! Takes and gives [`Value`], a pointer to a header in the layout of [`crate::layout`]. What `collection.rs` builds is read
//! through here, always sorted. It neither parses nor prints.
#![allow(unsafe_code, reason = "reads and writes headers behind raw pointers; the type's lifetime is its heap's")]

use core::cmp::Ordering;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::compact::{self, COMPACT};
use crate::layout::{
    FLAG_STATIC, FLAG_TAIL, FLAG_UNSORTED, INLINE_BIT, NUMBER_DECIMAL, NUMBER_INT, TAG_ARRAY, TAG_BOOL, TAG_NULL,
    TAG_NUMBER, TAG_OBJECT, TAG_SET, TAG_STRING,
};
use crate::{Heap, Number};

/// A value on a heap (or in static data). Copying it copies a pointer. *Undefined* is not a value: it is `None` of
/// `Option<Value>`, which is address 0.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Value<'h> {
    header: NonNull<Header>,
    heap: PhantomData<&'h u8>,
}

/// A key and its value in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Pair<'h> {
    /// The key: any value.
    pub key: Value<'h>,
    /// What it maps to.
    pub value: Value<'h>,
}

/// The type of a value, in Rego's order of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `null`.
    Null = TAG_NULL,
    /// `true` or `false`.
    Bool = TAG_BOOL,
    /// A number of any size and precision.
    Number = TAG_NUMBER,
    /// A text in UTF-8.
    String = TAG_STRING,
    /// A sequence of values.
    Array = TAG_ARRAY,
    /// A map from values to values.
    Object = TAG_OBJECT,
    /// A set of values.
    Set = TAG_SET,
}

/// A value taken apart, to be matched on.
#[derive(Clone, Copy, Debug)]
pub enum View<'h> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number<'h>),
    /// A string.
    String(&'h str),
    /// The elements of an array, in order.
    Array(&'h [Value<'h>]),
    /// The pairs of an object, in the order of their keys.
    Object(&'h [Pair<'h>]),
    /// The elements of a set, in order.
    Set(&'h [Value<'h>]),
}

/// What a [`Value`] points to.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    pub(crate) sub: u8,
    pub(crate) flags: u16,
    pub(crate) len: u32,
    pub(crate) payload: Payload,
}

/// The second half of a header: which field is meant follows from tag and sub-tag. Constants lie at multiples of 4.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) union Payload {
    pub(crate) int: i64,
    pub(crate) buffer: Buffer,
}

/// Where a value's content lies. `capacity` is 0 where the value does not own the memory.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Buffer {
    pub(crate) start: *mut u8,
    pub(crate) capacity: u32,
}

#[cfg(target_arch = "wasm32")]
const _: () = {
    use crate::layout;
    use core::mem::offset_of;
    assert!(
        size_of::<Header>() == layout::HEADER_SIZE as usize && align_of::<Header>() == layout::HEADER_ALIGN as usize
    );
    assert!(offset_of!(Header, tag) == layout::TAG_OFFSET as usize);
    assert!(offset_of!(Header, sub) == layout::SUB_OFFSET as usize);
    assert!(offset_of!(Header, flags) == layout::FLAGS_OFFSET as usize);
    assert!(offset_of!(Header, len) == layout::LEN_OFFSET as usize);
    assert!(offset_of!(Header, payload) == layout::INT_OFFSET as usize);
    assert!(offset_of!(Header, payload) + offset_of!(Buffer, start) == layout::PTR_OFFSET as usize);
    assert!(offset_of!(Header, payload) + offset_of!(Buffer, capacity) == layout::CAP_OFFSET as usize);
    assert!(
        size_of::<Value<'_>>() == layout::ELEMENT_SIZE as usize && size_of::<Pair<'_>>() == layout::PAIR_SIZE as usize
    );
};
const _: () = assert!(size_of::<Option<Value<'_>>>() == size_of::<usize>());

/// A header in the kernel's static data.
struct StaticHeader(Header);

// SAFETY: nothing ever writes to a header whose FLAG_STATIC is set.
unsafe impl Sync for StaticHeader {}

impl StaticHeader {
    const fn new(tag: u8, sub: u8) -> Self {
        StaticHeader(Header { tag, sub, flags: FLAG_STATIC, len: 0, payload: Payload { int: 0 } })
    }

    /// A collection without elements.
    const fn empty(tag: u8) -> Self {
        let buffer = Buffer { start: core::ptr::dangling_mut::<u64>().cast(), capacity: 0 };
        StaticHeader(Header { tag, sub: 0, flags: FLAG_STATIC, len: 0, payload: Payload { buffer } })
    }
}

static NULL: StaticHeader = StaticHeader::new(TAG_NULL, 0);
static FALSE: StaticHeader = StaticHeader::new(TAG_BOOL, 0);
static TRUE: StaticHeader = StaticHeader::new(TAG_BOOL, 1);
static EMPTY_ARRAY: StaticHeader = StaticHeader::empty(TAG_ARRAY);
static EMPTY_OBJECT: StaticHeader = StaticHeader::empty(TAG_OBJECT);

impl<'h> Value<'h> {
    /// `null`.
    pub fn null() -> Self {
        Self::fixed(&NULL)
    }

    /// `true` or `false`.
    pub fn bool(value: bool) -> Self {
        Self::fixed(if value { &TRUE } else { &FALSE })
    }

    /// `[]`, which nothing can be appended to.
    pub fn empty_array() -> Self {
        Self::fixed(&EMPTY_ARRAY)
    }

    /// `{}`, which nothing can be put into.
    pub fn empty_object() -> Self {
        Self::fixed(&EMPTY_OBJECT)
    }

    /// An integer.
    #[inline]
    pub fn int(heap: Heap<'h>, value: i64) -> Self {
        match Self::small_int(value) {
            Some(small) => small,
            None => Self::large_int(heap, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn large_int(heap: Heap<'h>, value: i64) -> Self {
        let payload = Payload { int: value };
        Self::alloc(heap, Header { tag: TAG_NUMBER, sub: NUMBER_INT, flags: 0, len: 0, payload })
    }

    /// An integer within 31 bits, which takes no memory.
    #[inline(always)]
    pub(crate) fn small_int(value: i64) -> Option<Self> {
        let word = (value as i32) << 1;
        if i64::from(word >> 1) != value {
            return None;
        }
        let bits = (word.cast_unsigned() | INLINE_BIT) as usize;
        let header = NonNull::new(core::ptr::without_provenance_mut(bits))?;
        Some(Value { header, heap: PhantomData })
    }

    /// The integer, if the value is one that takes no memory.
    #[inline(always)]
    fn as_small_int(self) -> Option<i64> {
        let word = self.header.as_ptr().addr() as u32;
        (word & INLINE_BIT != 0).then(|| i64::from(word.cast_signed() >> 1))
    }

    /// A number; decimal text is borrowed.
    pub fn number(heap: Heap<'h>, number: Number<'h>) -> Self {
        match number {
            Number::Int(value) => Self::int(heap, value),
            Number::Decimal(text) => Self::borrowing(heap, TAG_NUMBER, NUMBER_DECIMAL, text.as_bytes()),
        }
    }

    /// A string that borrows `text`.
    #[inline]
    pub fn string(heap: Heap<'h>, text: &'h str) -> Self {
        Self::borrowing(heap, TAG_STRING, 0, text.as_bytes())
    }

    /// A string that borrows `bytes`, which the caller has seen to be ASCII.
    #[inline]
    pub(crate) fn ascii(heap: Heap<'h>, bytes: &'h [u8]) -> Self {
        debug_assert!(bytes.is_ascii());
        Self::borrowing(heap, TAG_STRING, 0, bytes)
    }

    /// A string that holds a copy of `text`.
    pub fn string_copy(heap: Heap<'h>, text: &str) -> Self {
        Self::string(heap, heap.copy_str(text))
    }

    /// An array that borrows `elements`. To build one step by step, see [`crate::ArrayBuilder`].
    pub fn array(heap: Heap<'h>, elements: &'h [Value<'h>]) -> Self {
        Self::borrowing(heap, TAG_ARRAY, 0, elements)
    }

    /// An array that holds a copy of `elements`.
    pub fn array_copy(heap: Heap<'h>, elements: &[Value<'h>]) -> Self {
        Self::array(heap, heap.copy(elements))
    }

    /// The value's type.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.tag() {
            TAG_NULL => Kind::Null,
            TAG_BOOL => Kind::Bool,
            TAG_NUMBER => Kind::Number,
            TAG_STRING => Kind::String,
            TAG_ARRAY => Kind::Array,
            TAG_OBJECT => Kind::Object,
            _ => Kind::Set,
        }
    }

    /// The value taken apart.
    #[inline]
    pub fn view(self) -> View<'h> {
        match self.tag() {
            TAG_NULL => View::Null,
            TAG_BOOL => View::Bool(self.marks() != 0),
            TAG_NUMBER => View::Number(self.number_unchecked()),
            TAG_STRING => View::String(self.str_unchecked()),
            TAG_ARRAY => View::Array(self.slice_unchecked()),
            TAG_OBJECT => View::Object(self.sorted_unchecked()),
            _ => View::Set(self.sorted_unchecked()),
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        (self.tag() == TAG_BOOL).then(|| self.marks() != 0)
    }

    /// The number, if it is one.
    pub fn as_number(self) -> Option<Number<'h>> {
        (self.tag() == TAG_NUMBER).then(|| self.number_unchecked())
    }

    /// The integer, if it is a number written as an integer within i64 (`1.0` is not).
    pub fn as_int(self) -> Option<i64> {
        match self.as_number()? {
            Number::Int(value) => Some(value),
            Number::Decimal(_) => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(self) -> Option<&'h str> {
        (self.tag() == TAG_STRING).then(|| self.str_unchecked())
    }

    /// The elements, if it is an array.
    pub fn as_array(self) -> Option<&'h [Value<'h>]> {
        (self.tag() == TAG_ARRAY).then(|| self.slice_unchecked())
    }

    /// The pairs in the order of their keys, if it is an object.
    pub fn as_object(self) -> Option<&'h [Pair<'h>]> {
        (self.tag() == TAG_OBJECT).then(|| self.sorted_unchecked())
    }

    /// The elements in order, if it is a set.
    pub fn as_set(self) -> Option<&'h [Value<'h>]> {
        (self.tag() == TAG_SET).then(|| self.sorted_unchecked())
    }

    /// The elements in order, if it is an array or a set.
    pub fn as_elements(self) -> Option<&'h [Value<'h>]> {
        match self.tag() {
            TAG_ARRAY => Some(self.slice_unchecked()),
            TAG_SET => Some(self.sorted_unchecked()),
            _ => None,
        }
    }

    /// Number of elements or pairs of an array, object or set.
    pub fn count(self) -> Option<usize> {
        let tag = self.tag();
        if tag == TAG_OBJECT && self.flags() & FLAG_UNSORTED != 0 {
            return self.as_object().map(<[_]>::len);
        }
        // Every other element or pair is unique already, merged or not.
        (tag >= TAG_ARRAY).then(|| self.content().1)
    }

    /// Whether it is the string `text`.
    #[inline]
    pub fn is_str(self, text: &str) -> bool {
        self.as_str().is_some_and(|string| crate::bytes::equal(string.as_bytes(), text.as_bytes()))
    }

    /// The member of a small constant object whose key is this very value in memory; there may be one with an equal key where
    /// there is none.
    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) fn member_at(self, key: Value<'_>) -> Option<Self> {
        let (tag, _, flags) = self.plain_header()?;
        if tag != TAG_OBJECT || flags & FLAG_STATIC == 0 {
            return None;
        }
        let pairs = self.slice_unchecked::<Pair<'h>>();
        pairs.iter().take(8).find(|pair| pair.key.is_same(key)).map(|pair| pair.value)
    }

    /// Tag, sub-tag and flags of a value with a full header.
    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) fn plain_header(self) -> Option<(u8, u8, u16)> {
        if self.as_small_int().is_some() || self.marks() & COMPACT != 0 {
            return None;
        }
        // SAFETY: as in `content`.
        unsafe { Some(((*self.header.as_ptr()).tag, (*self.header.as_ptr()).sub, (*self.header.as_ptr()).flags)) }
    }

    /// The hash of a string that was looked up among the constants that are tested for.
    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) fn interned_hash(self) -> Option<u32> {
        // SAFETY: as in `content`; an interned string has its hash there.
        self.is_marked(TAG_STRING, crate::layout::FLAG_INTERNED)
            .then(|| unsafe { (*self.header.as_ptr()).payload.buffer.capacity })
    }

    /// Whether it has a full header with this tag and this flag.
    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    pub(crate) fn is_marked(self, tag: u8, flag: u16) -> bool {
        let mask = u32::from(u8::MAX) | u32::from(COMPACT) << 8 | u32::from(flag) << 16;
        self.as_small_int().is_none() && self.first_word() & mask == u32::from(tag) | u32::from(flag) << 16
    }

    /// Tag, sub-tag and flags, as one word, of anything but a small integer. A compact header has no flags there.
    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    pub(crate) fn first_word(self) -> u32 {
        // SAFETY: as in `content`; headers lie at multiples of 4.
        unsafe { self.header.as_ptr().cast::<u32>().read() }
    }

    /// Whether both are the same value in memory; values that are not may still be equal.
    #[inline]
    pub fn is_same(self, other: Value<'_>) -> bool {
        self.header == other.header.cast()
    }

    /// The address that the value is.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn address(self) -> usize {
        self.header.as_ptr() as usize
    }

    #[inline]
    pub(crate) fn tag(self) -> u8 {
        if self.as_small_int().is_some() {
            return TAG_NUMBER;
        }
        // SAFETY: as in `content`.
        unsafe { (*self.header.as_ptr()).tag }
    }

    /// Where the content of a string, decimal, array, object or set lies, and how many items it has.
    #[inline]
    pub(crate) fn content(self) -> (*mut u8, usize) {
        let at = self.header_start();
        // SAFETY: any Value but a small integer points to an initialised header for all of 'h. A compact one is shorter, but
        // has its sub-tag at the same place.
        unsafe {
            if self.marks() & COMPACT == 0 {
                ((*at).payload.buffer.start, (*at).len as usize)
            } else {
                (compact::start(at), compact::len(at))
            }
        }
    }

    /// The flags of anything but a small integer.
    #[inline]
    pub(crate) fn flags(self) -> u16 {
        let at = self.header_start();
        // SAFETY: as in `content`.
        unsafe { if self.marks() & COMPACT == 0 { (*at).flags } else { compact::flags(at) } }
    }

    /// The sub-tag with what marks a compact header, of anything but a small integer.
    #[inline]
    pub(crate) fn marks(self) -> u8 {
        // SAFETY: as in `content`.
        unsafe { (*self.header.as_ptr()).sub }
    }

    /// Where the header lies, of whichever form.
    pub(crate) fn header_start(self) -> *mut Header {
        self.header.as_ptr()
    }

    /// The value whose header, of whichever form, lies there.
    ///
    /// # Safety
    /// The header must be initialised and live as long as 'h.
    pub(crate) unsafe fn from_header(header: NonNull<Header>) -> Self {
        Value { header, heap: PhantomData }
    }

    #[inline]
    pub(crate) fn alloc(heap: Heap<'h>, header: Header) -> Self {
        let target = heap.alloc(size_of::<Header>()).cast::<Header>();
        // SAFETY: fresh memory of the right size, aligned to 8.
        unsafe { target.as_ptr().write(header) };
        Value { header: target, heap: PhantomData }
    }

    #[inline(never)]
    pub(crate) fn borrowing<T>(heap: Heap<'h>, tag: u8, sub: u8, items: &'h [T]) -> Self {
        let Ok(len) = u32::try_from(items.len()) else { crate::abort(c"value too large") };
        let buffer = Buffer { start: items.as_ptr().cast_mut().cast(), capacity: 0 };
        Self::alloc(heap, Header { tag, sub, flags: 0, len, payload: Payload { buffer } })
    }

    /// An object whose pairs are few, in any order, and nobody else's.
    #[inline]
    pub(crate) fn unsorted_object(heap: Heap<'h>, pairs: &'h mut [Pair<'h>]) -> Self {
        let buffer = Buffer { start: pairs.as_mut_ptr().cast(), capacity: 0 };
        let len = pairs.len() as u32;
        Self::alloc(heap, Header { tag: TAG_OBJECT, sub: 0, flags: FLAG_UNSORTED, len, payload: Payload { buffer } })
    }

    fn fixed(header: &'static StaticHeader) -> Self {
        Value { header: NonNull::from(&header.0), heap: PhantomData }
    }

    #[inline]
    fn number_unchecked(self) -> Number<'h> {
        if let Some(value) = self.as_small_int() {
            return Number::Int(value);
        }
        if self.marks() == NUMBER_INT {
            // SAFETY: the sub-tag says that the payload is an integer, and that the header is a full one.
            Number::Int(unsafe { (*self.header_start()).payload.int })
        } else {
            Number::Decimal(self.str_unchecked())
        }
    }

    /// The text of a string or decimal number.
    #[inline]
    pub(crate) fn str_unchecked(self) -> &'h str {
        // SAFETY: strings and decimals are made from `str`s only.
        unsafe { core::str::from_utf8_unchecked(self.slice_unchecked()) }
    }

    /// The content of the buffer, which must hold `T`s.
    #[inline]
    pub(crate) fn slice_unchecked<T>(self) -> &'h [T] {
        let (start, len) = self.content();
        // SAFETY: callers name the T that the tag implies; the buffer holds `len` of them for all of 'h. What changes a
        // buffer (`collection.rs`) is reached only before a builder gives its value away, or by generated code, which
        // holds no slice across a call.
        unsafe { core::slice::from_raw_parts(start.cast(), len) }
    }

    /// The sorted content of a set or object, which must hold `T`s.
    #[inline]
    fn sorted_unchecked<T>(self) -> &'h [T] {
        if self.flags() & (FLAG_TAIL | FLAG_UNSORTED) != 0 {
            crate::collection::settle(self);
        }
        self.slice_unchecked()
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        crate::compare::equal(*self, *other)
    }
}

impl Eq for Value<'_> {}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value<'_> {
    /// Rego's total order: by type, then by content; `1 == 1.0`.
    fn cmp(&self, other: &Self) -> Ordering {
        crate::compare::compare(*self, *other)
    }
}

impl core::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.view().fmt(f)
    }
}
