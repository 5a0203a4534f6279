//! Constants of a module by their text, as far as they have been seen.
//!
//! A string of the input that the module tests for becomes the constant itself: the same word in a slot each time that the
//! same text comes, as long as the instance lives, because static data is never written. So what the module has made of a
//! text once need not be asked again. Only such words are kept; what lies on the heap is not.

use crate::guest::{self, GuestPtr};

use super::InputSlots;
use super::writer::{Kind, Record, Written};

/// The words of constants that a module has put into its slots.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Made with the first one, so that an instance for one decision need not. Each text has one place.
    texts: Vec<Text>,
    null: u32,
    booleans: [u32; 2],
}

#[derive(Clone, Debug)]
struct Text {
    ends: Ends,
    /// The ends of what lies between the ends.
    inner: Ends,
    /// [`VACANT`] where there is none.
    len: u32,
    word: u32,
}

/// Texts that are remembered.
const TEXTS: usize = 1 << TEXTS_BITS;
const TEXTS_BITS: u32 = 9;
/// Longer texts are not remembered.
const LONGEST: usize = 2 * Ends::ALL_OF;
const VACANT: Text = Text { ends: Ends::NONE, inner: Ends::NONE, len: u32::MAX, word: 0 };

impl Known {
    /// The word of the constant that a text is.
    #[inline(always)]
    pub(super) fn text(&self, text: &str) -> Option<u32> {
        let bytes = text.as_bytes();
        let ends = Ends::of(bytes);
        let known = self.texts.get(ends.place(bytes.len()))?;
        let same = known.ends == ends
            && usize::try_from(known.len) == Ok(bytes.len())
            && (bytes.len() <= Ends::ALL_OF || known.inner == Ends::within(bytes)?);
        same.then_some(known.word)
    }

    /// The word of null.
    #[inline]
    pub(super) fn null(&self) -> Option<u32> {
        Some(self.null).filter(|word| *word != 0)
    }

    /// The word of a boolean.
    #[inline]
    pub(super) fn boolean(&self, value: bool) -> Option<u32> {
        self.booleans.get(usize::from(value)).copied().filter(|word| *word != 0)
    }

    /// Looks at what the module has made of records: what it has put into their slots that lies below `base`, is a constant.
    pub(crate) fn learn(&mut self, slots: &InputSlots, memory: &[u8], base: GuestPtr, written: Written) {
        for place in 0..written.records {
            let Some(record) = Record::read(memory, base, place) else { return };
            let slot = record.slot.checked_mul(4).and_then(|offset| slots.address.0.checked_add(offset));
            let word = slot.and_then(|slot| guest::words(memory, GuestPtr(slot)));
            match word {
                Some([word]) if word != 0 && word & 1 == 0 && word < base.0 => self.keep(&record, memory, base, word),
                _ => {}
            }
        }
    }

    fn keep(&mut self, record: &Record, memory: &[u8], base: GuestPtr, word: u32) {
        match record.kind {
            Kind::NULL => self.null = word,
            Kind::FALSE => self.booleans[0] = word,
            Kind::TRUE => self.booleans[1] = word,
            Kind::STRING => {
                if let Some(bytes) = record.bytes(memory, base).filter(|bytes| bytes.len() <= LONGEST) {
                    self.keep_text(bytes, word);
                }
            }
            _ => {}
        }
    }

    fn keep_text(&mut self, bytes: &[u8], word: u32) {
        if self.texts.is_empty() {
            self.texts.resize(TEXTS, VACANT);
        }
        let (ends, len) = (Ends::of(bytes), u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if let Some(text) = self.texts.get_mut(ends.place(bytes.len())) {
            *text = Text { ends, inner: Ends::within(bytes).unwrap_or(Ends::NONE), len, word };
        }
    }
}

/// The first and the last eight bytes of a text: with its length, all of one that is not longer than both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    first: u64,
    last: u64,
}

impl Ends {
    /// Of texts so long the ends and the length say all.
    pub(super) const ALL_OF: usize = 16;
    const NONE: Self = Self { first: 0, last: 0 };

    #[inline(always)]
    pub(super) fn of(bytes: &[u8]) -> Self {
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => Self { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) },
            _ => Self::of_short(bytes),
        }
    }

    /// Of less than eight bytes.
    #[inline(always)]
    fn of_short(bytes: &[u8]) -> Self {
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                Self { first: u32::from_le_bytes(*first).into(), last: u32::from_le_bytes(*last).into() }
            }
            _ => {
                let first = bytes.iter().fold(0, |before, byte| before << 8 | u64::from(*byte));
                Self { first, last: 0 }
            }
        }
    }

    /// The ends of what lies between the ends, of texts of [`LONGEST`] bytes all of that; `None` where there is nothing.
    #[inline]
    fn within(bytes: &[u8]) -> Option<Self> {
        let inner = bytes.get(8..bytes.len().checked_sub(8)?)?;
        (inner.len() <= Self::ALL_OF).then(|| Self::of(inner))
    }

    /// Where the text with these ends and so many bytes is remembered.
    #[inline]
    fn place(self, len: usize) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(29) ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> (u64::BITS - TEXTS_BITS)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_told_apart() {
        let mut known = Known::default();
        let all: Vec<String> = (0..=LONGEST).map(|len| "abcdefghijklmnopqrstuvwxyzABCDEFG"[..len].to_owned()).collect();
        for (word, text) in (8..).zip(&all) {
            assert_eq!(known.text(text), None);
            known.keep_text(text.as_bytes(), word);
            assert_eq!(known.text(text), Some(word), "{text}");
            for at in 0..text.len() {
                let mut other = text.clone().into_bytes();
                other[at] ^= 1;
                assert_eq!(known.text(std::str::from_utf8(&other).unwrap()).filter(|found| *found == word), None);
            }
        }
        for text in [&"x".repeat(LONGEST + 1), "", "\0", "a\0"] {
            assert_eq!(known.text(text).is_some(), text.is_empty(), "{text}");
        }
    }
}
