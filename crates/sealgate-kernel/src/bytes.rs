//! Equality and order of byte strings, by words: most keys and names are too short for a call of `memcmp` to pay.

use core::cmp::Ordering;

/// Whether `a` and `b` are the same bytes.
#[inline]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The last word overlaps the one before where the length is no multiple of its size.
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a_last), Some(b_last)) => a_last == b_last && (a.len() == 8 || equal_words(a, b)),
        _ => short_prefix(a) == short_prefix(b),
    }
}

fn equal_words(a: &[u8], b: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    a.chunks_exact(8).zip(b.chunks_exact(8)).all(|(a, b)| word(a) == word(b))
}

/// Orders `a` and `b` byte by byte, which for UTF-8 is by code points.
#[inline]
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a_prefix, b_prefix) = (prefix(a), prefix(b));
    if a_prefix != b_prefix {
        return a_prefix.cmp(&b_prefix);
    }
    if a.len() <= 8 || b.len() <= 8 { a.len().cmp(&b.len()) } else { compare_words(a, b) }
}

fn compare_words(a: &[u8], b: &[u8]) -> Ordering {
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
    let (a_prefix, b_prefix) = (prefix(a), prefix(b));
    a_prefix.cmp(&b_prefix).then(a.len().cmp(&b.len()))
}

/// The first eight bytes as a number whose order is theirs; zeros stand for those that are missing.
#[inline]
pub(crate) fn prefix(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => short_prefix(bytes),
    }
}

/// [`prefix`] of fewer than eight bytes.
#[inline]
fn short_prefix(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The last four bytes overlap the first where there are fewer than eight; the shift drops what is there twice.
        let low = (u64::from(u32::from_be_bytes(*last)) << (64 - 8 * bytes.len())) & u64::from(u32::MAX);
        return u64::from(u32::from_be_bytes(*first)) << 32 | low;
    }
    match *bytes {
        [a, b, c] => u64::from(a) << 56 | u64::from(b) << 48 | u64::from(c) << 40,
        [a, b] => u64::from(a) << 56 | u64::from(b) << 48,
        [a] => u64::from(a) << 56,
        _ => 0,
    }
}

/// Fewer than eight bytes as a little-endian word, whose other bytes are zero.
#[inline]
pub(crate) fn short_word(bytes: &[u8]) -> u64 {
    short_prefix(bytes).swap_bytes()
}

/// Copies `count` bytes from `source` to `target`: a few words here, more by the memory instruction, whose call costs as
/// much as dozens of bytes.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline]
#[allow(unsafe_code, reason = "copies raw memory")]
pub(crate) unsafe fn copy(source: *const u8, target: *mut u8, count: usize) {
    // SAFETY: every access lies within the first `count` bytes; the last word overlaps the one before.
    unsafe {
        if count > 64 {
            core::ptr::copy_nonoverlapping(source, target, count);
        } else if count >= 8 {
            let mut at = 0;
            while at < count - 8 {
                target.add(at).cast::<u64>().write_unaligned(source.add(at).cast::<u64>().read_unaligned());
                at += 8;
            }
            let last = count - 8;
            target.add(last).cast::<u64>().write_unaligned(source.add(last).cast::<u64>().read_unaligned());
        } else if count >= 4 {
            let first = source.cast::<u32>().read_unaligned();
            let last = source.add(count - 4).cast::<u32>().read_unaligned();
            target.cast::<u32>().write_unaligned(first);
            target.add(count - 4).cast::<u32>().write_unaligned(last);
        } else {
            for at in 0..count {
                target.add(at).write(source.add(at).read());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, copy, equal};
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

    #[test]
    fn every_short_length_is_copied() {
        let source: Vec<u8> = (1..=100).collect();
        for count in 0..=source.len() {
            let mut target = [0u8; 101];
            // SAFETY: both are longer than `count`.
            #[allow(unsafe_code, reason = "the function under test")]
            unsafe {
                copy(source.as_ptr(), target.as_mut_ptr(), count);
            }
            assert_eq!(target[..count], source[..count]);
            assert_eq!(target[count], 0);
        }
    }
}
