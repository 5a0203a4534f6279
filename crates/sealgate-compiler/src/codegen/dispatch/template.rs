//! Constants that are alike: what all of them have in common is code, and only what differs is in their records.

use foldhash::HashSet;
use sealgate_kernel::layout;

use crate::codegen::constants::{ConstId, Constants};

/// Bytes of the code that makes a collection, about.
const CODE: usize = 100;
/// Larger collections, and ones that are nested more deeply, stay as they are: making one takes time with every call.
const MOST_PARTS: usize = 8;
const MOST_DEPTH: usize = 3;

/// How to make a constant of a record.
pub(in crate::codegen) enum Template {
    /// All have this one.
    Same(ConstId),
    /// Each has its own at this offset of its record.
    At(u32),
    /// An array of as many elements.
    Array(Vec<Template>),
    /// An object with these keys, which are sorted texts.
    Object(Vec<(ConstId, Template)>),
}

impl Template {
    /// Of one value for each record. `take` gives the offset of one more word of the records.
    pub(super) fn of(constants: &Constants, values: &[ConstId], take: &mut dyn FnMut() -> u32) -> Self {
        Self::within(constants, values, take, MOST_DEPTH)
    }

    fn within(constants: &Constants, values: &[ConstId], take: &mut dyn FnMut() -> u32, depth: usize) -> Self {
        let Some((first, rest)) = values.split_first() else { return Self::At(take()) };
        if rest.iter().all(|value| value == first) {
            return Self::Same(*first);
        }
        let Some(columns) = columns(constants, values).filter(|_| depth > 0) else { return Self::At(take()) };
        let mut make = |column: &Vec<ConstId>| Self::within(constants, column, take, depth - 1);
        match constants.as_object(*first) {
            Some(pairs) => {
                let keys = pairs.iter().map(|(key, _)| *key);
                Self::Object(keys.zip(columns.iter().map(make)).collect())
            }
            None => Self::Array(columns.iter().map(&mut make).collect()),
        }
    }

    /// The words of a value's record, in the order in which their offsets were taken.
    pub(super) fn words(&self, constants: &mut Constants, value: ConstId, words: &mut Vec<u32>) {
        match self {
            Self::Same(_) => {}
            Self::At(_) => words.push(constants.address(value)),
            Self::Array(elements) => {
                let own = constants.as_array(value).unwrap_or_default().to_vec();
                elements.iter().zip(own).for_each(|(element, value)| element.words(constants, value, words));
            }
            Self::Object(members) => {
                let own = constants.as_object(value).unwrap_or_default().to_vec();
                members.iter().zip(own).for_each(|((_, member), (_, value))| member.words(constants, value, words));
            }
        }
    }
}

/// The values at each place of collections that are alike: arrays of one length, or objects with the same texts as keys. `None`
/// for others, and where they take less memory as they are.
fn columns(constants: &Constants, values: &[ConstId]) -> Option<Vec<Vec<ConstId>>> {
    let first = *values.first()?;
    let (keys, part): (Option<Vec<ConstId>>, u32) = match constants.as_object(first) {
        Some(pairs) => (Some(pairs.iter().map(|(key, _)| *key).collect()), layout::PAIR_SIZE),
        None => (None, layout::ELEMENT_SIZE),
    };
    if keys.iter().flatten().any(|key| constants.as_text(*key).is_none()) {
        return None;
    }
    let mut columns: Vec<Vec<ConstId>> = Vec::new();
    for value in values {
        let parts: Vec<ConstId> = match &keys {
            Some(keys) => {
                let pairs = constants.as_object(*value)?;
                if !pairs.iter().map(|(key, _)| key).eq(keys) {
                    return None;
                }
                pairs.iter().map(|(_, value)| *value).collect()
            }
            None => constants.as_array(*value)?.to_vec(),
        };
        if columns.is_empty() {
            columns = vec![Vec::with_capacity(values.len()); parts.len()];
        }
        if parts.is_empty() || parts.len() > MOST_PARTS || parts.len() != columns.len() {
            return None;
        }
        columns.iter_mut().zip(parts).for_each(|(column, part)| column.push(part));
    }
    let differ = |column: &&Vec<ConstId>| column.iter().any(|value| Some(value) != column.first());
    let own = columns.iter().filter(differ).count();
    let distinct = values.iter().collect::<HashSet<_>>().len();
    let size = (layout::SHORT_HEADER_SIZE + part * u32::try_from(columns.len()).ok()?) as usize;
    (own * values.len() * 4 + CODE <= distinct * size + values.len() * 4).then_some(columns)
}
