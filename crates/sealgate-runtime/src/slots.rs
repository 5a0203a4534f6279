//! Requests without JSON: what a module reads of its input, and a request written as just that.
//!
//! A module of Sealgate's compiler says which members of its input it reads, each with the number of a *slot*, and where the
//! slots lie ([`InputSlots`], read once per module). A slot holds a value as a word. The host writes the words that it knows:
//! of integers, and of constants that it has seen the module put there ([`Known`]); of the rest it writes records, from
//! which the module fills the slots ([`Writer`]). The values that are not read are not even looked at.

/// Serializer methods for what only JSON can say, or what is rare enough to be left to it.
macro_rules! as_json {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $name(self, $(_: $argument),*) -> Result<$result, WriteError> {
            Err(WriteError::NotTyped)
        })*
    };
}

mod fields;
mod known;
mod scalar;
mod writer;

use std::collections::HashMap;

use serde_json::Value;

use crate::error::LoadError;
use crate::guest::GuestPtr;
use crate::request::PARTS;

use known::Ends;
pub(crate) use known::Known;
pub use writer::{PartError, PartSlots};
pub(crate) use writer::{WriteError, Writer, Written};

/// Most slots that a module may have.
const MOST_SLOTS: u32 = 1 << 12;

/// What a module reads of its input.
#[derive(Debug)]
pub(crate) struct InputSlots {
    /// Where the slots lie.
    pub(crate) address: GuestPtr,
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
    members: Option<Box<[Member]>>,
}

/// A member that is read of an object.
#[derive(Debug)]
struct Member {
    ends: Ends,
    key: Box<str>,
    place: Place,
}

impl InputSlots {
    /// Reads a module's description: `[address of the slots, place of the input]`. A place is `[slot, end]` where it is read as
    /// a whole, `[slot, end, {key: place, …}]` where members are read.
    ///
    /// # Errors
    /// [`LoadError::Listing`] for anything else.
    pub(crate) fn parse(description: &str) -> Result<Self, LoadError> {
        let value: Value = serde_json::from_str(description).map_err(|error| unreadable(&error.to_string()))?;
        let Some([address, input]) = value.as_array().map(Vec::as_slice) else { return Err(unreadable("not slots")) };
        let Some(address) = number(address) else { return Err(unreadable("slots without an address")) };
        let Place { slot, end, members } = Place::read(input, MOST_SLOTS)?;
        let members = members.map_or_else(Vec::new, <[Member]>::into_vec).into_iter();
        let mut members: HashMap<Box<str>, Place> = members.map(|member| (member.key, member.place)).collect();
        Ok(Self {
            address: GuestPtr(address),
            count: end,
            root: slot,
            tool: members.remove("tool"),
            role: members.remove("role"),
            parts: PARTS.map(|name| members.remove(name)),
        })
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

impl Place {
    fn read(value: &Value, limit: u32) -> Result<Self, LoadError> {
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
                let read = |(key, place): (&String, &Value)| {
                    Ok(Member {
                        ends: Ends::of(key.as_bytes()),
                        key: key.as_str().into(),
                        place: Self::read(place, end)?,
                    })
                };
                Some(members.iter().map(read).collect::<Result<_, LoadError>>()?)
            }
        };
        Ok(Self { slot, end, members })
    }

    #[inline]
    fn member(&self, name: &str) -> Option<&Self> {
        let ends = Ends::of(name.as_bytes());
        // Ends are all of a short text, so that mostly nothing is called to compare keys.
        let is_it = |member: &&Member| {
            member.key.len() == name.len()
                && member.ends == ends
                && (name.len() <= Ends::ALL_OF || *member.key == *name)
        };
        self.members.as_deref()?.iter().find(is_it).map(|member| &member.place)
    }
}

fn unreadable(problem: &str) -> LoadError {
    LoadError::Listing { what: "input slots", problem: problem.to_owned() }
}

#[cfg(test)]
mod tests;
