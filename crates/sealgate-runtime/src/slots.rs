//! Requests without JSON: what a module reads of its input, and a request written as just that.
//!
//! A module of Sealgate's compiler says which members of its input it reads, each with the number of a *slot*
//! ([`InputSlots`], read once per module). A record for each slot, with the bytes of strings behind them, is the input
//! then ([`Writer`]): the values that are not read are not even looked at. The module checks what it is given.

/// Serializer methods for what only JSON can say, or what is rare enough to be left to it.
macro_rules! as_json {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $name(self, $(_: $argument),*) -> Result<$result, WriteError> {
            Err(WriteError::NotTyped)
        })*
    };
}

mod fields;
mod scalar;
mod writer;

use std::collections::HashMap;

use serde_json::Value;

use crate::error::LoadError;
use crate::request::PARTS;

pub use writer::{PartError, PartSlots};
pub(crate) use writer::{WriteError, Writer};

/// Most slots that a module may have.
const MOST_SLOTS: u32 = 1 << 12;

/// What a module reads of its input.
#[derive(Debug)]
pub(crate) struct InputSlots {
    /// How many slots there are.
    pub(crate) count: u32,
    root: u32,
    /// The places of a request's members, where they are read.
    pub(crate) tool: Option<Place>,
    pub(crate) role: Option<Place>,
    /// In the order of [`PARTS`](crate::request::PARTS).
    pub(crate) parts: [Option<Place>; 4],
}

/// A place in the input that has a slot.
#[derive(Debug)]
pub(crate) struct Place {
    slot: u32,
    /// One past the last slot below.
    end: u32,
    /// The members that are read; `None` where the value is read as a whole.
    members: Option<Vec<(Box<str>, Place)>>,
}

impl InputSlots {
    /// Reads a module's description: `[slot, end]` of a place that is read as a whole, `[slot, end, {key: place, …}]` of one
    /// of which members are read.
    ///
    /// # Errors
    /// [`LoadError::Listing`] for anything else.
    pub(crate) fn parse(description: &str) -> Result<Self, LoadError> {
        let value: Value = serde_json::from_str(description).map_err(|error| unreadable(&error.to_string()))?;
        let Place { slot, end, members } = Place::read(&value, MOST_SLOTS)?;
        let mut members: HashMap<Box<str>, Place> = members.unwrap_or_default().into_iter().collect();
        Ok(Self {
            count: end,
            root: slot,
            tool: members.remove("tool"),
            role: members.remove("role"),
            parts: PARTS.map(|name| members.remove(name)),
        })
    }
}

impl Place {
    fn read(value: &Value, limit: u32) -> Result<Self, LoadError> {
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let (slot, end, members) = match value.as_array().map(Vec::as_slice) {
            Some([slot, end]) => (number(slot), number(end), None),
            Some([slot, end, Value::Object(members)]) => (number(slot), number(end), Some(members)),
            _ => return Err(unreadable("not a place")),
        };
        let (Some(slot), Some(end)) = (slot, end) else { return Err(unreadable("a slot without a number")) };
        if slot >= end || end > limit {
            return Err(unreadable("a slot out of its range"));
        }
        let members = match members {
            None => None,
            Some(members) => {
                let read = |(key, place): (&String, &Value)| Ok((Box::from(key.as_str()), Self::read(place, end)?));
                Some(members.iter().map(read).collect::<Result<_, LoadError>>()?)
            }
        };
        Ok(Self { slot, end, members })
    }

    #[inline]
    fn member(&self, name: &str) -> Option<&Self> {
        let members = self.members.as_deref()?;
        members.iter().find(|(key, _)| **key == *name).map(|(_, place)| place)
    }
}

fn unreadable(problem: &str) -> LoadError {
    LoadError::Listing { what: "input slots", problem: problem.to_owned() }
}

#[cfg(test)]
mod tests;
