//! A growing text on the heap: what `String` is elsewhere.
#![allow(unsafe_code, reason = "its bytes are UTF-8 by construction")]

use crate::bytes::copy_text;
use crate::{Heap, List, Value};

/// A growing text on a [`Heap`].
#[derive(Debug)]
pub struct Text<'h> {
    bytes: List<'h, u8>,
}

impl<'h> Text<'h> {
    /// An empty text that holds `capacity` bytes before it must grow.
    #[inline(never)]
    pub fn new(heap: Heap<'h>, capacity: usize) -> Self {
        Text { bytes: List::new(heap, capacity) }
    }

    /// Appends `text`. A call: who writes texts does so many times, and modules are to stay small.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        // SAFETY: it is a text.
        unsafe { self.push_bytes(text.as_bytes()) }
    }

    /// Appends bytes of a text that is taken apart where characters end.
    ///
    /// # Safety
    /// They must be UTF-8.
    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) unsafe fn push_bytes(&mut self, bytes: &[u8]) {
        let room = self.bytes.room(bytes.len());
        // SAFETY: the room is for so many bytes, and lies apart from them.
        unsafe {
            copy_text(bytes.as_ptr(), room, bytes.len());
            self.bytes.advance(bytes.len());
        }
    }

    /// Appends `character`.
    #[inline(never)]
    pub fn push(&mut self, character: char) {
        if character.is_ascii() {
            self.bytes.push(character as u8);
        } else {
            self.bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Appends `bytes`, of which those that are not ASCII are left out.
    #[inline(never)]
    pub(crate) fn push_ascii(&mut self, bytes: &[u8]) {
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8.
            unsafe { self.push_bytes(bytes) }
        }
    }

    /// Room for `count` bytes behind the last, uninitialised.
    #[inline]
    pub(crate) fn room(&mut self, count: usize) -> *mut u8 {
        self.bytes.room(count)
    }

    /// Counts `count` more bytes.
    ///
    /// # Safety
    /// They must lie at the start of [`Text::room`], initialised, and be UTF-8 behind the text.
    #[inline]
    pub(crate) unsafe fn advance(&mut self, count: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.bytes.advance(count) }
    }

    /// The heap that the text lies on.
    pub fn heap(&self) -> Heap<'h> {
        self.bytes.heap()
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        // SAFETY: only whole `str`s and `char`s are ever appended.
        unsafe { core::str::from_utf8_unchecked(self.bytes.as_slice()) }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was appended yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The text, for as long as the heap lives.
    pub fn finish_str(self) -> &'h str {
        // SAFETY: as in `as_str`.
        unsafe { core::str::from_utf8_unchecked(self.bytes.finish()) }
    }

    /// The text as a string value.
    pub fn finish(self) -> Value<'h> {
        let heap = self.bytes.heap();
        Value::string(heap, self.finish_str())
    }
}
