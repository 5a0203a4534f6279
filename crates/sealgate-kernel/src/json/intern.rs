//! Sharing of equal scalars within a large document: keys, and most other strings and numbers, repeat.

use crate::bytes::equal;
use crate::input::ends;
use crate::layout::{NUMBER_DECIMAL, TAG_NUMBER, TAG_STRING};
use crate::{Heap, List, Value};

/// Texts shorter than this are parsed without: their memory comes back at once, and looking up costs time.
const WORTH_IT: usize = 64 << 10;
/// Number of slots; each remembers the two values that came last.
const SLOTS: usize = 1 << 9;
/// Longer strings are not looked up.
const LONGEST: usize = 48;

/// The scalars seen last.
pub(super) struct Seen<'h> {
    slots: List<'h, [Option<Value<'h>>; 2]>,
}

impl<'h> Seen<'h> {
    /// Remembers nothing unless `text` is large.
    pub(super) fn new(heap: Heap<'h>, text: &[u8]) -> Self {
        let mut slots = List::new(heap, 0);
        if text.len() >= WORTH_IT {
            slots.reserve(SLOTS);
            for _ in 0..SLOTS {
                slots.push([None, None]);
            }
        }
        Seen { slots }
    }

    /// Whether there is any use in asking.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        !self.slots.is_empty()
    }

    /// The string `text`, which the caller has seen to be ASCII.
    pub(super) fn ascii(&mut self, heap: Heap<'h>, text: &'h [u8]) -> Value<'h> {
        self.shared(heap, TAG_STRING, 0, text)
    }

    /// The number written `text`, which no integer within i64 is.
    pub(super) fn decimal(&mut self, heap: Heap<'h>, text: &'h str) -> Value<'h> {
        self.shared(heap, TAG_NUMBER, NUMBER_DECIMAL, text.as_bytes())
    }

    /// The value with such a compact header and content that was seen lately, or a new one.
    #[inline(never)]
    fn shared(&mut self, heap: Heap<'h>, tag: u8, sub: u8, content: &'h [u8]) -> Value<'h> {
        let (first, last) = ends(content);
        let bits = first ^ last.rotate_left(29) ^ content.len() as u64;
        // Multiplying spreads the bits upwards; the topmost are the best.
        let index = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.trailing_zeros());
        let slot = self.slots.as_mut_slice().get_mut(index as usize).filter(|_| content.len() <= LONGEST);
        let is_it = |known: &Value<'h>| known.tag() == tag && equal(known.slice_unchecked(), content);
        if let Some(known) = slot.iter().flat_map(|slot| slot.iter()).flatten().copied().find(is_it) {
            return known;
        }
        let made = Value::compact(heap, tag, sub, content);
        if let Some(slot) = slot {
            *slot = [Some(made), slot[0]];
        }
        made
    }
}
