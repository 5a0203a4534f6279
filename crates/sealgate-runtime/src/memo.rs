//! What was made of documents lately, by bytes that only they have: a policy repeats its documents.

/// What was made of documents lately, by their text or by what a module calls their identity.
pub(crate) struct Memo<T> {
    /// Made with the first entry, so that an instance for one decision need not.
    slots: Vec<Option<(Box<[u8]>, T)>>,
    /// The hash of the key that was looked for last and not found, by slot.
    missed: Vec<u64>,
}

/// Each key has one of so many slots.
const SLOTS: usize = 256;
/// Longer keys are not kept, so that a memo stays small.
const MAX_KEY: usize = 2048;

fn is_kept(key: &[u8]) -> bool {
    !key.is_empty() && key.len() <= MAX_KEY
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), missed: Vec::new() }
    }
}

impl<T> Memo<T> {
    /// What was kept under a key.
    #[inline(always)]
    pub(crate) fn find(&self, key: &[u8]) -> Option<&T> {
        match self.slots.get(slot_of(key)) {
            Some(Some((known, kept))) if **known == *key => Some(kept),
            _ => None,
        }
    }

    /// Notes that a key was not found, and keeps what was made for it if it is the second time: of many keys most come once, and
    /// keeping each would cost more than it saves.
    pub(crate) fn missed(&mut self, key: &[u8], made: impl FnOnce() -> T) {
        if self.is_second_miss(key) {
            self.keep(key.into(), made());
        }
    }

    /// Whether a key is the one that was not found in its slot before; notes that it was not found now. One that is not kept
    /// never is.
    fn is_second_miss(&mut self, key: &[u8]) -> bool {
        if !is_kept(key) {
            return false;
        }
        if self.missed.is_empty() {
            self.missed.resize(SLOTS, 0);
        }
        let hash = hash_of(key);
        self.missed.get_mut(slot_of(key)).is_some_and(|missed| std::mem::replace(missed, hash) == hash)
    }

    /// Keeps something under a key that is neither empty nor long.
    fn keep(&mut self, key: Box<[u8]>, made: T) {
        if !is_kept(&key) {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        if let Some(slot) = self.slots.get_mut(slot_of(&key)) {
            *slot = Some((key, made));
        }
    }
}

#[inline]
fn slot_of(key: &[u8]) -> usize {
    usize::try_from((hash_of(key) >> 40) % SLOTS as u64).unwrap_or(0)
}

/// Two chains of words, which do not wait for each other, and one product: spreads keys that differ in a word. Who finds a slot
/// compares the key. Most keys are shorter than 64 bytes: for these it is straight code.
#[inline(always)]
fn hash_of(key: &[u8]) -> u64 {
    let mut chains = Chains(key.len() as u64, 0);
    let mut rest = key;
    while let Some((words, behind)) = rest.split_first_chunk::<64>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((words, behind)) = rest.split_first_chunk::<32>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((words, behind)) = rest.split_first_chunk::<16>() {
        chains.add_all(words);
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk::<8>() {
        chains.add(u64::from_le_bytes(*word), 0);
        rest = behind;
    }
    chains.add(rest.iter().fold(0, |before, byte| before << 8 | u64::from(*byte)), 0);
    chains.hash()
}

struct Chains(u64, u64);

impl Chains {
    #[inline(always)]
    fn add(&mut self, first: u64, second: u64) {
        self.0 = self.0.rotate_left(11) ^ first;
        self.1 = self.1.rotate_left(13) ^ second;
    }

    #[inline(always)]
    fn add_all(&mut self, words: &[u8]) {
        for words in words.as_chunks::<16>().0 {
            let words = u128::from_le_bytes(*words);
            self.add(words as u64, (words >> 64) as u64);
        }
    }

    #[inline(always)]
    fn hash(self) -> u64 {
        let wide = u128::from(self.0 ^ 0xa076_1d64_78bd_642f) * u128::from(self.1 ^ 0xe703_7ed1_a0b4_28db);
        (wide ^ (wide >> 64)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_twice_is_told_from_what_is_missed_once() {
        let mut memo = Memo::<Box<str>>::default();
        assert!(!memo.is_second_miss(b"one"));
        assert!(memo.is_second_miss(b"one"));
        memo.keep(b"one".as_slice().into(), "kept".into());
        assert_eq!(memo.find(b"one").map(|kept| &**kept), Some("kept"));
        for never in [Vec::new(), vec![1; MAX_KEY + 1]] {
            assert!(!memo.is_second_miss(&never) && !memo.is_second_miss(&never));
        }
        assert!((0..500_u32).all(|key| !memo.is_second_miss(&key.to_le_bytes())));
    }

    #[test]
    fn what_is_kept_is_found_until_another_takes_its_place() {
        let mut memo = Memo::<u32>::default();
        for key in (0..1000_u32).chain((0..1000).rev()) {
            memo.keep(key.to_le_bytes().into(), key);
            assert_eq!(memo.find(&key.to_le_bytes()), Some(&key));
        }
        for key in 0..1000_u32 {
            assert!(memo.find(&key.to_le_bytes()).is_none_or(|kept| *kept == key));
        }
        memo.keep(Box::default(), 7);
        assert_eq!(memo.find(b""), None);
    }
}
