//! Writes words into the slots of a policy's memory, and records and the bytes behind them above its heap base.

use std::fmt;
use std::io;

use serde::Serialize;

use super::fields::Fields;
use super::scalar::Scalar;
use super::{InputSlots, Known, Place};
use crate::error::DecideError;
use crate::guest::{self, GuestPtr};

/// Bytes of a record: kind and slot, length, and an integer or the offset of bytes; all little-endian.
const RECORD: usize = 16;
/// The word in the slot of what is there but is not read itself, and in one that a record is for: the integer 0.
const THERE: u32 = 1;

/// The kinds of records, as the kernel knows them.
pub(super) struct Kind;

impl Kind {
    pub(super) const NULL: u16 = 2;
    pub(super) const FALSE: u16 = 3;
    pub(super) const TRUE: u16 = 4;
    pub(super) const INTEGER: u16 = 5;
    pub(super) const STRING: u16 = 6;
    pub(super) const JSON: u16 = 7;
}

/// A record.
pub(super) struct Record {
    pub(super) kind: u16,
    pub(super) slot: u32,
    len: u32,
    content: u64,
}

impl Record {
    /// The record that lies in a memory at that place behind the first.
    pub(super) fn read(memory: &[u8], base: GuestPtr, place: u32) -> Option<Self> {
        let at = place.checked_mul(16)?.checked_add(base.0)?;
        let [first, len, low, high] = guest::words(memory, GuestPtr(at))?;
        let content = u64::from(high) << 32 | u64::from(low);
        Some(Self { kind: first as u16, slot: first >> 16, len, content })
    }

    /// The bytes that it points to.
    pub(super) fn bytes<'m>(&self, memory: &'m [u8], base: GuestPtr) -> Option<&'m [u8]> {
        let start = usize::try_from(self.content.checked_add(base.0.into())?).ok()?;
        memory.get(start..)?.get(..usize::try_from(self.len).ok()?)
    }

    fn to_bytes(&self) -> [u8; RECORD] {
        let first = u32::from(self.kind) | self.slot << 16;
        (u128::from(first) | u128::from(self.len) << 32 | u128::from(self.content) << 64).to_le_bytes()
    }
}

/// How much was written behind the heap base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes, those of the records included.
    pub(crate) length: usize,
    pub(crate) records: u32,
}

/// Why a request was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Only JSON says what the value is, or which of two values of one key counts.
    NotTyped,
    /// There is no more room.
    Full,
    /// The input takes more than the host accepts.
    TooLarge,
    /// The policy's memory has no room for the input.
    NoMemory,
    /// The policy's slots are not in its memory.
    NoSlots,
    /// A value has no JSON form, or its own code failed.
    Invalid(Box<Problem>),
}

/// What a value's own code says.
#[derive(Debug)]
pub(crate) struct Problem(String);

impl WriteError {
    /// The error of a decision whose input may have so many bytes.
    pub(crate) fn of_decision(self, limit: usize) -> DecideError {
        match self {
            Self::TooLarge => DecideError::InputTooLarge { limit },
            Self::Full | Self::NoMemory => DecideError::MemoryLimit,
            Self::NoSlots => DecideError::BrokenAbi("its slots lie outside its memory"),
            Self::NotTyped | Self::Invalid(_) => DecideError::InvalidInput(self.to_string()),
        }
    }

    pub(crate) fn invalid(problem: &dyn fmt::Display) -> Self {
        Self::Invalid(Box::new(Problem(problem.to_string())))
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTyped => "only JSON says what the value is",
            Self::Full | Self::NoMemory => "there is no room for the value",
            Self::TooLarge => "the input is larger than the host accepts",
            Self::NoSlots => "the policy's slots lie outside its memory",
            Self::Invalid(problem) => &problem.0,
        })
    }
}

impl std::error::Error for WriteError {}

impl serde::ser::Error for WriteError {
    #[cold]
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::invalid(&problem)
    }
}

/// An input under way.
pub(crate) struct Writer<'m> {
    slots: &'m mut [[u8; 4]],
    known: &'m Known,
    /// Room for records and bytes.
    room: &'m mut [u8],
    records: u32,
    /// Where the next bytes go: behind a record for each slot.
    next: usize,
}

impl<'m> Writer<'m> {
    /// Starts an input without members: slots `below` the heap base, and `room` above it.
    ///
    /// # Errors
    /// [`WriteError::NoSlots`] if the slots are not there.
    #[inline]
    pub(crate) fn new(
        slots: &InputSlots,
        known: &'m Known,
        below: &'m mut [u8],
        room: &'m mut [u8],
    ) -> Result<Self, WriteError> {
        let count = usize::try_from(slots.count).unwrap_or(usize::MAX);
        let bytes = guest::region(below, slots.address, count.saturating_mul(4)).ok_or(WriteError::NoSlots)?;
        bytes.fill(0);
        let (words, _) = bytes.as_chunks_mut();
        let mut writer = Self { slots: words, known, room, records: 0, next: count.saturating_mul(RECORD) };
        writer.set(slots.root, THERE)?;
        Ok(writer)
    }

    #[inline]
    pub(crate) fn done(self) -> Written {
        Written { length: if self.records == 0 { 0 } else { self.next }, records: self.records }
    }

    /// Writes a string.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline(always)]
    pub(crate) fn string(&mut self, place: &Place, text: &str) -> Result<(), WriteError> {
        if place.members.is_some() { self.set(place.slot, THERE) } else { self.put_text(place.slot, text) }
    }

    /// Writes of a value what is read at `place`.
    ///
    /// # Errors
    /// See [`WriteError`].
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, place: &Place, value: &T) -> Result<(), WriteError> {
        if place.members.is_some() {
            self.set(place.slot, THERE)?;
            return value.serialize(Fields { writer: self, place });
        }
        match value.serialize(Scalar { writer: self, slot: place.slot }) {
            Ok(()) => Ok(()),
            Err(error) => self.otherwise(place.slot, value, error),
        }
    }

    /// Writes a value as JSON that is no scalar.
    #[cold]
    #[inline(never)]
    fn otherwise<T: Serialize + ?Sized>(&mut self, slot: u32, value: &T, error: WriteError) -> Result<(), WriteError> {
        match error {
            WriteError::NotTyped => self.json(slot, value),
            error => Err(error),
        }
    }

    /// Writes a text.
    #[inline(never)]
    pub(super) fn text(&mut self, slot: u32, text: &str) -> Result<(), WriteError> {
        self.put_text(slot, text)
    }

    #[inline(always)]
    fn put_text(&mut self, slot: u32, text: &str) -> Result<(), WriteError> {
        match self.known.text(text) {
            Some(word) => self.set(slot, word),
            None => self.unknown_text(slot, text),
        }
    }

    #[inline]
    pub(super) fn integer(&mut self, slot: u32, value: i64) -> Result<(), WriteError> {
        // As the kernel's words hold integers: one bit is the mark of them.
        match i32::try_from(value).ok().and_then(|value| value.checked_mul(2)) {
            Some(doubled) => self.set(slot, doubled.cast_unsigned() | 1),
            None => self.record(Record { kind: Kind::INTEGER, slot, len: 0, content: value.cast_unsigned() }),
        }
    }

    #[inline]
    pub(super) fn null(&mut self, slot: u32) -> Result<(), WriteError> {
        match self.known.null() {
            Some(word) => self.set(slot, word),
            None => self.record(Record { kind: Kind::NULL, slot, len: 0, content: 0 }),
        }
    }

    #[inline]
    pub(super) fn boolean(&mut self, slot: u32, value: bool) -> Result<(), WriteError> {
        let kind = if value { Kind::TRUE } else { Kind::FALSE };
        match self.known.boolean(value) {
            Some(word) => self.set(slot, word),
            None => self.record(Record { kind, slot, len: 0, content: 0 }),
        }
    }

    /// Puts a word into a slot that is empty. Which of two values of one key counts is left to JSON.
    #[inline]
    fn set(&mut self, slot: u32, word: u32) -> Result<(), WriteError> {
        let place = usize::try_from(slot).ok().and_then(|slot| self.slots.get_mut(slot));
        match place {
            Some(place) if *place == [0; 4] => {
                *place = word.to_le_bytes();
                Ok(())
            }
            _ => Err(WriteError::NotTyped),
        }
    }

    fn record(&mut self, record: Record) -> Result<(), WriteError> {
        self.set(record.slot, THERE)?;
        // There are no more than slots, and the bytes begin behind so many.
        let at = usize::try_from(self.records).unwrap_or(usize::MAX).saturating_mul(RECORD);
        let room = self.room.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<RECORD>);
        *room.ok_or(WriteError::Full)? = record.to_bytes();
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    #[inline(never)]
    fn unknown_text(&mut self, slot: u32, text: &str) -> Result<(), WriteError> {
        let start = self.next;
        let room = self.room.get_mut(start..).and_then(|rest| rest.get_mut(..text.len()));
        room.ok_or(WriteError::Full)?.copy_from_slice(text.as_bytes());
        self.bytes(slot, Kind::STRING, text.len())
    }

    /// Writes a value that is a collection, or a number that only text can hold.
    fn json<T: Serialize + ?Sized>(&mut self, slot: u32, value: &T) -> Result<(), WriteError> {
        let mut out = self.room.get_mut(self.next..).ok_or(WriteError::Full)?;
        let room = out.len();
        serde_json::to_writer(&mut out, value).map_err(|error| match error.io_error_kind() {
            Some(io::ErrorKind::WriteZero) => WriteError::Full,
            _ => WriteError::invalid(&error),
        })?;
        let len = room.saturating_sub(out.len());
        self.bytes(slot, Kind::JSON, len)
    }

    /// Writes the record of the bytes that have been written behind all others.
    fn bytes(&mut self, slot: u32, kind: u16, len: usize) -> Result<(), WriteError> {
        let content = self.next as u64;
        self.next = self.next.saturating_add(len);
        let len = u32::try_from(len).map_err(|_| WriteError::Full)?;
        self.record(Record { kind, slot, len, content })
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
