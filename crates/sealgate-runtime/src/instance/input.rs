//! Puts an input where the policy reads it: above the heap base, or into the slots of what the policy reads of it.

use std::io;

use super::{Instance, Template};
use crate::error::DecideError;
use crate::guest;
use crate::load::check_json;
use crate::request::Request;
use crate::slots::{InputSlots, WriteError, Writer, Written};

/// Room for an input that is being written.
struct Room {
    bytes: usize,
    most: usize,
}

impl Room {
    /// Room that mostly suffices.
    #[inline]
    fn of(template: &Template) -> Self {
        Self { bytes: template.max_input.min(4096), most: template.max_input }
    }
}

impl Instance {
    #[inline]
    pub(super) fn place_input(&mut self, template: &Template, input: &[u8]) -> Result<(), DecideError> {
        if input.len() > template.max_input {
            return Err(DecideError::InputTooLarge { limit: template.max_input });
        }
        match guest::region(self.abi.memory.data_mut(&mut self.store), self.base, input.len()) {
            Some(region) => region.copy_from_slice(input),
            None => {
                self.make_room(input.len())?;
                guest::region(self.abi.memory.data_mut(&mut self.store), self.base, input.len())
                    .ok_or(DecideError::MemoryLimit)?
                    .copy_from_slice(input);
            }
        }
        Ok(())
    }

    /// Writes what is read of a request, with as much room as it takes.
    #[inline(always)]
    pub(super) fn write_slots(
        &mut self,
        template: &Template,
        slots: &InputSlots,
        request: &Request<'_>,
    ) -> Result<Written, WriteError> {
        let room = Room::of(template);
        match self.write_slots_within(slots, request, room.bytes) {
            Err(error @ (WriteError::Full | WriteError::NoMemory)) => {
                self.write_slots_again(slots, request, room, error)
            }
            done => done,
        }
    }

    /// The same with more room, after there was not enough.
    #[cold]
    fn write_slots_again(
        &mut self,
        slots: &InputSlots,
        request: &Request<'_>,
        mut room: Room,
        mut error: WriteError,
    ) -> Result<Written, WriteError> {
        loop {
            self.widen(&mut room, error)?;
            match self.write_slots_within(slots, request, room.bytes) {
                Err(again @ (WriteError::Full | WriteError::NoMemory)) => error = again,
                done => return done,
            }
        }
    }

    #[inline(always)]
    fn write_slots_within(
        &mut self,
        slots: &InputSlots,
        request: &Request<'_>,
        room: usize,
    ) -> Result<Written, WriteError> {
        let memory = self.abi.memory.data_mut(&mut self.store);
        let (below, above) = guest::around(memory, self.base, room).ok_or(WriteError::NoMemory)?;
        request.write_slots(slots, Writer::new(slots, &self.known, below, above)?)
    }

    /// Writes a request as JSON, with as much room as it takes; the length.
    pub(super) fn write_json(&mut self, template: &Template, request: &Request<'_>) -> Result<usize, WriteError> {
        let mut room = Room::of(template);
        loop {
            let memory = self.abi.memory.data_mut(&mut self.store);
            let Some(mut rest) = guest::region(memory, self.base, room.bytes) else {
                self.widen(&mut room, WriteError::NoMemory)?;
                continue;
            };
            match request.write_to(&mut rest) {
                Ok(()) => return Ok(room.bytes.saturating_sub(rest.len())),
                Err(error) if error.kind() == io::ErrorKind::WriteZero => self.widen(&mut room, WriteError::Full)?,
                Err(error) => return Err(WriteError::invalid(&error)),
            }
        }
    }

    /// Sees to more room, or to memory for it.
    #[cold]
    fn widen(&mut self, room: &mut Room, error: WriteError) -> Result<(), WriteError> {
        if matches!(error, WriteError::NoMemory) {
            return self.make_room(room.bytes).map_err(|_| WriteError::NoMemory);
        }
        if room.bytes == room.most {
            return Err(WriteError::TooLarge);
        }
        room.bytes = room.bytes.saturating_mul(8).min(room.most);
        Ok(())
    }

    /// Grows the memory so that `length` bytes lie above the base.
    fn make_room(&mut self, length: usize) -> Result<(), DecideError> {
        let have = self.abi.memory.data_size(&self.store);
        let base = usize::try_from(self.base.0).unwrap_or(usize::MAX);
        let need = base.checked_add(length).ok_or(DecideError::MemoryLimit)?;
        let pages = need.saturating_sub(have).div_ceil(64 << 10);
        let pages = u64::try_from(pages).unwrap_or(u64::MAX);
        self.abi.memory.grow(&mut self.store, pages).map_err(|_| DecideError::MemoryLimit)?;
        Ok(())
    }

    /// Whether the input that lies in the policy's memory is JSON.
    pub(super) fn check_written(&mut self, length: usize) -> Result<(), DecideError> {
        let input = guest::region(self.abi.memory.data_mut(&mut self.store), self.base, length).unwrap_or_default();
        check_json(input).map_err(DecideError::InvalidInput)
    }
}
