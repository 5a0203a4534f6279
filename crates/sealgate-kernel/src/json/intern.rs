//! Sharing of equal scalars within a large document: keys, and most other strings and numbers, repeat.

use crate::bytes::equal;
use crate::input::ends;
use crate::layout::{NUMBER_DECIMAL, TAG_NUMBER, TAG_STRING};
use crate::{Heap, List, Number, Value};

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
    #[inline(never)]
    pub(super) fn ascii(&mut self, heap: Heap<'h>, text: &'h [u8]) -> Value<'h> {
        if text.len() > LONGEST {
            return Value::compact(heap, TAG_STRING, 0, text);
        }
        let (first, last) = ends(text);
        let bits = first ^ last.rotate_left(29) ^ text.len() as u64;
        let is_it = |known: Value<'h>| known.as_str().is_some_and(|known| equal(known.as_bytes(), text));
        self.find(bits, is_it, || Value::compact(heap, TAG_STRING, 0, text))
    }

    /// The number written `text`, which no integer within i64 is.
    #[inline(never)]
    pub(super) fn decimal(&mut self, heap: Heap<'h>, text: &'h str) -> Value<'h> {
        let bytes = text.as_bytes();
        let is_it = |known: Value<'h>| match known.as_number() {
            Some(Number::Decimal(known)) => equal(known.as_bytes(), bytes),
            _ => false,
        };
        self.find(!ends(bytes).0, is_it, || Value::compact(heap, TAG_NUMBER, NUMBER_DECIMAL, bytes))
    }

    /// The value of such bits that `is_it`, or a new one.
    fn find(&mut self, bits: u64, is_it: impl Fn(Value<'h>) -> bool, make: impl FnOnce() -> Value<'h>) -> Value<'h> {
        // Multiplying spreads the bits upwards; the topmost are the best.
        let index = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.trailing_zeros());
        let Some(slot) = self.slots.as_mut_slice().get_mut(index as usize) else { return make() };
        if let Some(known) = slot.iter().flatten().copied().find(|known| is_it(*known)) {
            return known;
        }
        let made = make();
        *slot = [Some(made), slot[0]];
        made
    }
}
