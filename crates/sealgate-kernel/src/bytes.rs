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
        _ => short_word(a) == short_word(b),
    }
}

fn equal_words(a: &[u8], b: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    a.chunks_exact(8).zip(b.chunks_exact(8)).all(|(a, b)| word(a) == word(b))
}

/// Orders `a` and `b` byte by byte, which for UTF-8 is by code points.
#[inline(never)]
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while let (Some((a_word, a_next)), Some((b_word, b_next))) =
        (a_rest.split_first_chunk::<8>(), b_rest.split_first_chunk::<8>())
    {
        let (a_word, b_word) = (u64::from_le_bytes(*a_word), u64::from_le_bytes(*b_word));
        if a_word != b_word {
            // The first byte that differs is the lowest one.
            let place = (a_word ^ b_word).trailing_zeros() & !7;
            return (a_word >> place & 0xFF).cmp(&(b_word >> place & 0xFF));
        }
        (a_rest, b_rest) = (a_next, b_next);
    }
    let differing = a_rest.iter().zip(b_rest).find(|(a, b)| a != b);
    differing.map_or_else(|| a.len().cmp(&b.len()), |(a, b)| a.cmp(b))
}

/// Fewer than eight bytes as a little-endian word, whose other bytes are zero.
#[inline]
pub(crate) fn short_word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // Bytes that are in both are the same.
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * len - 32);
    }
    match (bytes.first(), bytes.get(len / 2), bytes.last()) {
        (Some(first), Some(middle), Some(last)) => {
            let (middle, last) = (u64::from(*middle) << (8 * (len / 2)), u64::from(*last) << (8 * len - 8));
            u64::from(*first) | middle | last
        }
        _ => 0,
    }
}

/// Copies `count` bytes from `source` to `target`: a few words here, more by the memory instruction, whose call costs as
/// much as dozens of bytes.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline]
#[allow(unsafe_code, reason = "copies raw memory")]
pub(crate) unsafe fn copy(source: *const u8, target: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match count {
            0..=7 => copy_few(source, target, count),
            8..=64 => copy_both_ends::<u64>(source, target, count),
            _ => core::ptr::copy_nonoverlapping(source, target, count),
        }
    }
}

/// As [`copy`], by vectors: what texts are made of is mostly too long for words, and too short for the instruction.
///
/// # Safety
/// As for [`copy`].
#[cfg(target_arch = "wasm32")]
#[inline]
#[target_feature(enable = "simd128")]
#[allow(unsafe_code, reason = "copies raw memory")]
pub(crate) unsafe fn copy_text(source: *const u8, target: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match count {
            0..=7 => copy_few(source, target, count),
            8..=15 => copy_both_ends::<u64>(source, target, count),
            16..=128 => copy_both_ends::<core::arch::wasm32::v128>(source, target, count),
            _ => core::ptr::copy_nonoverlapping(source, target, count),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use copy as copy_text;

/// Copies as many bytes as one to eight `P` have: one, two or four of them from the start, and as many up to the end, some of
/// which may be the same bytes. Not a loop, which would be made the memory instruction.
///
/// # Safety
/// As for [`copy`].
#[inline(always)]
#[allow(unsafe_code, reason = "copies raw memory")]
unsafe fn copy_both_ends<P>(source: *const u8, target: *mut u8, count: usize) {
    // SAFETY: every access lies within the first `count` bytes.
    unsafe {
        let one = |at: usize| {
            target.add(at).cast::<P>().write_unaligned(source.add(at).cast::<P>().read_unaligned());
        };
        let size = size_of::<P>();
        if count > 4 * size {
            one(2 * size);
            one(3 * size);
            one(count - 4 * size);
            one(count - 3 * size);
        }
        if count > 2 * size {
            one(size);
            one(count - 2 * size);
        }
        one(0);
        one(count - size);
    }
}

/// Copies fewer than eight bytes.
///
/// # Safety
/// As for [`copy`].
#[inline(always)]
#[allow(unsafe_code, reason = "copies raw memory")]
unsafe fn copy_few(source: *const u8, target: *mut u8, count: usize) {
    // SAFETY: every access lies within the first `count` bytes.
    unsafe {
        if count >= 4 {
            let first = source.cast::<u32>().read_unaligned();
            let last = source.add(count - 4).cast::<u32>().read_unaligned();
            target.cast::<u32>().write_unaligned(first);
            target.add(count - 4).cast::<u32>().write_unaligned(last);
        } else if count > 0 {
            for at in [0, count / 2, count - 1] {
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
