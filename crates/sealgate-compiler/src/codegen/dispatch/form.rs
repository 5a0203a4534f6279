//! Constants that are alike: what all of them have in common is code, and only what differs is in their records.

use foldhash::HashSet;
use sealgate_kernel::layout;

use crate::codegen::constants::{ConstId, Constants};
use crate::codegen::function::{FunctionCompiler, word};

/// Bytes of the code that makes a collection, about.
const CODE: usize = 200;
/// Larger collections, and ones that are nested more deeply, stay as they are: making one takes time with every call.
const MOST_PARTS: usize = 8;
const MOST_DEPTH: usize = 3;

/// How to make a constant of a record.
pub(in crate::codegen) enum Form {
    /// All have this one.
    Same(ConstId),
    /// Each has its own at this offset of its record.
    At(u32),
    /// An array of as many elements.
    Array(Vec<Form>),
    /// An object with these keys, which are sorted texts.
    Object(Vec<(ConstId, Form)>),
}

impl Form {
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

    /// Bytes of memory for the collections that are made.
    pub(in crate::codegen) fn memory(&self) -> u32 {
        let parts = match self {
            Self::Same(_) | Self::At(_) => 0,
            Self::Array(elements) => elements.iter().map(Self::memory).sum(),
            Self::Object(members) => members.iter().map(|(_, member)| member.memory()).sum(),
        };
        self.own_memory() + parts
    }

    /// The same without its parts.
    pub(in crate::codegen) fn own_memory(&self) -> u32 {
        let (count, part) = match self {
            Self::Same(_) | Self::At(_) => return 0,
            Self::Array(elements) => (elements.len(), layout::ELEMENT_SIZE),
            Self::Object(members) => (members.len(), layout::PAIR_SIZE),
        };
        // There are at most `MOST_PARTS`.
        layout::HEADER_SIZE + u32::try_from(count).unwrap_or_default() * part
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

impl FunctionCompiler<'_, '_> {
    /// Pushes what a form makes of the record whose address is in a Wasm local.
    pub(in crate::codegen) fn push_of_record(&mut self, record: u32, form: &Form) {
        let memory = self.temporary();
        if form.memory() > 0 {
            self.emit().i32_const(form.memory().cast_signed());
            self.call("sg_alloc");
            self.emit().local_set(memory);
        }
        self.push_part_of_record(record, memory, &mut 0, form);
    }

    /// The same for a part of it. `memory` is the local with the address of memory for the whole, of which `used` bytes are taken.
    fn push_part_of_record(&mut self, record: u32, memory: u32, used: &mut u32, form: &Form) {
        let at = *used;
        *used += form.own_memory();
        match form {
            Form::Same(value) => return self.push_constant(*value),
            Form::At(offset) => {
                self.get(record);
                self.emit().i32_load(word(*offset));
                return;
            }
            Form::Array(elements) => {
                self.fill_header(memory, at, [layout::TAG_ARRAY.into(), layout::FLAG_STATIC], elements.len(), 0);
                for (place, element) in (0_u32..).zip(elements) {
                    self.get(memory);
                    self.push_part_of_record(record, memory, used, element);
                    self.emit().i32_store(word(at + layout::HEADER_SIZE + place * layout::ELEMENT_SIZE));
                }
            }
            Form::Object(members) => {
                let constant = |(key, member): &(ConstId, Form)| match member {
                    Form::Same(value) => (*key, Some(*value)),
                    _ => (*key, None),
                };
                let constants: Vec<_> = members.iter().map(constant).collect();
                self.fill_object(memory, at, &constants, &mut |this, place| {
                    if let Some((_, member)) = members.get(place) {
                        this.push_part_of_record(record, memory, used, member);
                    }
                });
            }
        }
        self.get(memory);
        if at > 0 {
            self.emit().i32_const(at.cast_signed()).i32_add();
        }
    }
}
