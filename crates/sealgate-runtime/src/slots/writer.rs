//! Writes records and the bytes behind them into a policy's memory.

use std::fmt;
use std::io;

use serde::Serialize;

use super::fields::Fields;
use super::scalar::Scalar;
use super::{InputSlots, Place};
use crate::error::DecideError;

/// Bytes of a record: kind, length, and an integer or the offset of bytes; all little-endian.
const RECORD: usize = 16;

/// The kinds of records, as the kernel knows them.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Kind {
    Absent = 0,
    Present = 1,
    Null = 2,
    False = 3,
    True = 4,
    Integer = 5,
    String = 6,
    Json = 7,
}

/// Why records were not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The request is to be written as JSON.
    NotTyped,
    /// There is no more room.
    Full,
    /// The input takes more than the host accepts.
    TooLarge {
        /// Bytes that are accepted.
        limit: usize,
    },
    /// The policy's memory has no room for the input.
    NoMemory,
    /// A value has no JSON form, or its own code failed.
    Invalid(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTyped => f.write_str("only JSON says what the value is"),
            Self::Full | Self::NoMemory => f.write_str("there is no room for the value"),
            Self::TooLarge { limit } => write!(f, "the input is larger than {limit} bytes"),
            Self::Invalid(problem) => f.write_str(problem),
        }
    }
}

impl From<WriteError> for DecideError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooLarge { limit } => Self::InputTooLarge { limit },
            WriteError::Full | WriteError::NoMemory => Self::MemoryLimit,
            WriteError::NotTyped | WriteError::Invalid(_) => Self::InvalidInput(error.to_string()),
        }
    }
}

impl std::error::Error for WriteError {}

impl serde::ser::Error for WriteError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::Invalid(problem.to_string())
    }
}

/// Records under way.
pub(crate) struct Writer<'m> {
    memory: &'m mut [u8],
    /// Where the next bytes go.
    next: usize,
}

impl<'m> Writer<'m> {
    /// Starts the records of an input without members in `memory`.
    ///
    /// # Errors
    /// [`WriteError::Full`] if there is no room for them.
    #[inline]
    pub(crate) fn new(slots: &InputSlots, memory: &'m mut [u8]) -> Result<Self, WriteError> {
        let next = usize::try_from(slots.count).unwrap_or(usize::MAX).saturating_mul(RECORD);
        memory.get_mut(..next).ok_or(WriteError::Full)?.fill(0);
        let mut writer = Self { memory, next };
        writer.put(slots.root, Kind::Present, 0, 0)?;
        Ok(writer)
    }

    /// Bytes of the input so far.
    pub(crate) fn len(&self) -> usize {
        self.next
    }

    /// Writes a string.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub(crate) fn string(&mut self, place: &Place, text: &str) -> Result<(), WriteError> {
        if place.members.is_some() {
            return self.put(place.slot, Kind::Present, 0, 0);
        }
        self.bytes(place.slot, Kind::String, text.as_bytes())
    }

    /// Writes of a value what is read at `place`.
    ///
    /// # Errors
    /// See [`WriteError`].
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, place: &Place, value: &T) -> Result<(), WriteError> {
        if place.members.is_some() {
            self.clear(place)?;
            self.put(place.slot, Kind::Present, 0, 0)?;
            return value.serialize(Fields { writer: self, place });
        }
        match value.serialize(Scalar { writer: self, slot: place.slot }) {
            Err(WriteError::NotTyped) => self.json(place.slot, value),
            done => done,
        }
    }

    #[inline]
    pub(super) fn put(&mut self, slot: u32, kind: Kind, len: u32, content: u64) -> Result<(), WriteError> {
        let at = usize::try_from(slot).unwrap_or(usize::MAX).saturating_mul(RECORD);
        let Some(record) = self.memory.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<RECORD>) else {
            return Err(WriteError::Full);
        };
        let words = u128::from(kind as u32) | u128::from(len) << 32 | u128::from(content) << 64;
        *record = words.to_le_bytes();
        Ok(())
    }

    #[inline]
    pub(super) fn bytes(&mut self, slot: u32, kind: Kind, bytes: &[u8]) -> Result<(), WriteError> {
        let start = self.next;
        let Some(room) = self.memory.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len())) else {
            return Err(WriteError::Full);
        };
        room.copy_from_slice(bytes);
        self.next = start.saturating_add(bytes.len());
        let Ok(len) = u32::try_from(bytes.len()) else { return Err(WriteError::Full) };
        self.put(slot, kind, len, start as u64)
    }

    /// Writes a value that is a collection, or a number that only text can hold.
    fn json<T: Serialize + ?Sized>(&mut self, slot: u32, value: &T) -> Result<(), WriteError> {
        let start = self.next;
        let rest = self.memory.get_mut(start..).ok_or(WriteError::Full)?;
        let room = rest.len();
        let mut out = rest;
        serde_json::to_writer(&mut out, value).map_err(|error| match error.io_error_kind() {
            Some(io::ErrorKind::WriteZero) => WriteError::Full,
            _ => WriteError::Invalid(error.to_string()),
        })?;
        let len = room.saturating_sub(out.len());
        self.next = start.saturating_add(len);
        self.put(slot, Kind::Json, u32::try_from(len).map_err(|_| WriteError::Full)?, start as u64)
    }

    /// Forgets what a key that comes a second time had before.
    #[inline]
    fn clear(&mut self, place: &Place) -> Result<(), WriteError> {
        for slot in place.slot..place.end {
            self.put(slot, Kind::Absent, 0, 0)?;
        }
        Ok(())
    }
}

/// The place of a request's part among what the policy reads; see [`WriteJson`](crate::WriteJson).
pub struct PartSlots<'w, 'm> {
    pub(super) writer: &'w mut Writer<'m>,
    pub(super) place: &'w Place,
}

impl<'w, 'm> PartSlots<'w, 'm> {
    pub(crate) fn new(writer: &'w mut Writer<'m>, place: &'w Place) -> Self {
        Self { writer, place }
    }

    /// Takes of `value` what is read.
    ///
    /// # Errors
    /// [`PartError`] if it has no JSON form, if there is no room, or if only JSON says what it is.
    #[inline]
    pub fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PartError> {
        self.writer.value(self.place, value).map_err(PartError)
    }
}

impl fmt::Debug for PartSlots<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartSlots").finish_non_exhaustive()
    }
}

/// Why a part was not written to [`PartSlots`].
#[derive(Debug)]
pub struct PartError(pub(crate) WriteError);

impl PartError {
    /// The part is to be asked for its JSON.
    pub const ONLY_JSON: Self = Self(WriteError::NotTyped);
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PartError {}
