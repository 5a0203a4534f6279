//! Addresses and texts that come from the sandbox: nothing is believed before it is checked.
//!
//! Pure functions over the bytes of a linear memory.

use crate::error::DecideError;

/// An address in a policy's memory, as the policy gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestPtr(pub(crate) u32);

impl GuestPtr {
    /// The ABI passes addresses as `i32`; the bits are what counts.
    pub(crate) const fn from_abi(value: i32) -> Self {
        Self(value.cast_unsigned())
    }

    /// The address as the ABI passes it.
    pub(crate) const fn to_abi(self) -> i32 {
        self.0.cast_signed()
    }

    pub(crate) const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `length` bytes further on.
    // An error that is made before it is needed must be dropped, which takes longer than the sum.
    #[inline(always)]
    pub(crate) fn end_of(self, length: usize) -> Option<Self> {
        u32::try_from(length).ok().and_then(|length| self.0.checked_add(length)).map(Self)
    }

    /// The next address that is a multiple of [`ALIGN`].
    #[inline(always)]
    pub(crate) fn aligned(self) -> Option<Self> {
        self.0.checked_add(ALIGN - 1).map(|end| Self(end & !(ALIGN - 1)))
    }

    fn offset(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Alignment of everything that is put above the heap base.
const ALIGN: u32 = 8;

/// The NUL-terminated UTF-8 text at `at`, which may be `limit` bytes long at most.
///
/// # Errors
/// [`DecideError::BrokenAbi`] for an address outside the memory, a missing terminator or bad UTF-8,
/// [`DecideError::ResultTooLarge`] for a longer text.
pub(crate) fn text(memory: &[u8], at: GuestPtr, limit: usize) -> Result<&str, DecideError> {
    if at.is_null() {
        return Err(DecideError::BrokenAbi("it returned a null address for a text"));
    }
    let rest = memory.get(at.offset()..).filter(|rest| !rest.is_empty());
    let Some(rest) = rest else {
        return Err(DecideError::BrokenAbi("it returned an address outside its memory"));
    };
    let window = rest.get(..limit.saturating_add(1)).unwrap_or(rest);
    let Some(length) = memchr::memchr(0, window) else {
        return Err(if window.len() < rest.len() {
            DecideError::ResultTooLarge { limit }
        } else {
            DecideError::BrokenAbi("it returned a text without an end")
        });
    };
    let bytes = window.get(..length).unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|_| DecideError::BrokenAbi("it returned a text that is not UTF-8"))
}

/// The message at `at`, cut to `limit` bytes; whatever is wrong with it, some text.
pub(crate) fn message(memory: &[u8], at: GuestPtr, limit: usize) -> String {
    let rest = memory.get(at.offset()..).unwrap_or_default();
    let window = rest.get(..limit).unwrap_or(rest);
    let length = memchr::memchr(0, window).unwrap_or(window.len());
    String::from_utf8_lossy(window.get(..length).unwrap_or_default()).into_owned()
}

/// Bytes of an answer's identity.
const MAX_IDENTITY: u64 = 1024;

/// The identity of an answer: the low half of a number says where it lies, the high half how long it is.
///
/// # Errors
/// [`DecideError::BrokenAbi`] for an address outside the memory.
#[inline]
pub(crate) fn identity(memory: &[u8], answer: u64) -> Result<&[u8], DecideError> {
    let length = usize::try_from((answer >> 32).min(MAX_IDENTITY + 1)).unwrap_or(usize::MAX);
    let bytes = memory.get(GuestPtr(answer as u32).offset()..).and_then(|rest| rest.get(..length));
    match bytes.filter(|bytes| bytes.len() as u64 <= MAX_IDENTITY) {
        Some(bytes) => Ok(bytes),
        None => Err(DecideError::BrokenAbi("it returned an answer outside its memory")),
    }
}

/// The words at `at`, if all of them lie in the memory.
#[inline]
pub(crate) fn words<const N: usize>(memory: &[u8], at: GuestPtr) -> Option<[u32; N]> {
    let (chunks, _) = memory.get(at.offset()..)?.as_chunks::<4>();
    chunks.first_chunk::<N>().map(|words| words.map(u32::from_le_bytes))
}

/// The `length` bytes at `at`, to write to.
pub(crate) fn region(memory: &mut [u8], at: GuestPtr, length: usize) -> Option<&mut [u8]> {
    let start = at.offset();
    memory.get_mut(start..start.checked_add(length)?)
}

/// What lies below `base`, and the `length` bytes from there on, to write to.
#[inline]
pub(crate) fn around(memory: &mut [u8], base: GuestPtr, length: usize) -> Option<(&mut [u8], &mut [u8])> {
    let (below, above) = memory.split_at_mut_checked(base.offset())?;
    Some((below, above.get_mut(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminated_text_inside_the_memory_is_read() {
        let memory = b"\0hello\0\xff\xfe\0tail";
        assert_eq!(text(memory, GuestPtr(1), 100), Ok("hello"));
        assert_eq!(text(memory, GuestPtr(1), 5), Ok("hello"));
        assert_eq!(text(memory, GuestPtr(1), 4), Err(DecideError::ResultTooLarge { limit: 4 }));
        assert!(matches!(text(memory, GuestPtr(0), 9), Err(DecideError::BrokenAbi(_))));
        assert!(matches!(text(memory, GuestPtr(7), 9), Err(DecideError::BrokenAbi(_))));
        assert!(matches!(text(memory, GuestPtr(10), 9), Err(DecideError::BrokenAbi(_))));
        assert!(matches!(text(memory, GuestPtr(14), 9), Err(DecideError::BrokenAbi(_))));
        assert!(matches!(text(memory, GuestPtr(u32::MAX), 9), Err(DecideError::BrokenAbi(_))));
        assert!(matches!(text(memory, GuestPtr(1), usize::MAX), Ok("hello")));
    }

    #[test]
    fn a_message_is_always_some_text() {
        assert_eq!(message(b"\0ab\xff\0", GuestPtr(1), 100), "ab\u{fffd}");
        assert_eq!(message(b"abc", GuestPtr(1), 1), "b");
        assert_eq!(message(b"abc", GuestPtr(77), 1), "");
    }

    #[test]
    fn a_region_lies_inside_the_memory() {
        let mut memory = [0_u8; 8];
        assert_eq!(region(&mut memory, GuestPtr(4), 4).map(|bytes| bytes.len()), Some(4));
        assert!(region(&mut memory, GuestPtr(4), 5).is_none());
        assert!(region(&mut memory, GuestPtr(4), usize::MAX).is_none());
    }
}
