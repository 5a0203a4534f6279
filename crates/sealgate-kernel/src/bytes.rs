//! Equality and order of byte strings, by words: most keys and names are too short for a call of `memcmp` to pay.

use core::cmp::Ordering;

/// Whether `a` and `b` are the same bytes.
#[inline]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The last word overlaps the one before where the length is no multiple of its size.
    if let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let mut words = a.chunks_exact(8).zip(b.chunks_exact(8));
        return words.all(|(a, b)| word(a) == word(b)) && a_last == b_last;
    }
    if let (Some(a_first), Some(b_first)) = (a.first_chunk::<4>(), b.first_chunk::<4>()) {
        return a_first == b_first && a.last_chunk::<4>() == b.last_chunk::<4>();
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// Orders `a` and `b` byte by byte, which for UTF-8 is by code points.
#[inline]
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let (Some((a_word, a_rest)), Some((b_word, b_rest))) =
        (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
    {
        let (a_word, b_word) = (u64::from_be_bytes(*a_word), u64::from_be_bytes(*b_word));
        if a_word != b_word {
            return a_word.cmp(&b_word);
        }
        (a, b) = (a_rest, b_rest);
    }
    if let (Some((a_word, a_rest)), Some((b_word, b_rest))) = (a.split_first_chunk::<4>(), b.split_first_chunk::<4>()) {
        let (a_word, b_word) = (u32::from_be_bytes(*a_word), u32::from_be_bytes(*b_word));
        if a_word != b_word {
            return a_word.cmp(&b_word);
        }
        (a, b) = (a_rest, b_rest);
    }
    for (a, b) in a.iter().zip(b) {
        if a != b {
            return a.cmp(b);
        }
    }
    a.len().cmp(&b.len())
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::{compare, equal};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_standard_librarys(
            a in prop::collection::vec(0u8..3, 0..40),
            b in prop::collection::vec(0u8..3, 0..40),
            shared in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let (a, b) = ([shared.clone(), a].concat(), [shared, b].concat());
            prop_assert_eq!(equal(&a, &b), a == b);
            prop_assert!(equal(&a, &a.clone()));
            prop_assert_eq!(compare(&a, &b), a.cmp(&b));
        }
    }
}
