//! The records that dispatch leads to, and the tables in static data that lead to them.
//!
//! A record is: the addresses of its keys, where it is found by hash; next record of the chain or 0, where there are chains;
//! what the body's value does not have in common with the others', where every body of the group gives a constant, or the
//! table index of its function, where they do not have one function; source line, where two values may be in conflict; then
//! the body's own words.

use std::hash::Hash;

use foldhash::HashMap;

use super::form::Form;
use crate::codegen::Module;
use crate::codegen::cases::Case;
use crate::codegen::constants::{ConstId, Constants};
use crate::codegen::function::Slot;
use crate::codegen::guards::Place;

/// The offset of a body's word, from the address that the body gets.
pub(in crate::codegen) fn record_offset(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX / 4).saturating_mul(4)
}

/// The bodies that test the same places.
pub(super) struct Group<'c> {
    pub(super) places: Vec<Place>,
    /// Where a text must begin with a constant one.
    pub(super) prefix: Option<Place>,
    pub(super) cases: Vec<&'c Case<'c>>,
}

/// Where the parts of a group's records are, in bytes.
pub(super) struct Layout {
    pub(super) next: Option<u32>,
    pub(super) body: Bodies,
    pub(super) row: Option<u32>,
    pub(super) own: u32,
}

/// What the bodies of a group are.
pub(super) enum Bodies {
    /// Constants, each made of its record.
    Constants(Form),
    /// One function, with the words of the record: its place.
    One(u32),
    /// Functions whose table indexes are at this offset.
    Several(u32),
}

/// What the bodies of a group turned out to be.
pub(super) enum Found {
    /// Constants: one for each body.
    Constants(Vec<ConstId>),
    /// One function.
    One(u32),
    /// Functions.
    Several,
}

impl Layout {
    /// Of records that begin with so many words for the lookup.
    pub(super) fn new(constants: &Constants, head: usize, chained: bool, conflicts: bool, bodies: &Found) -> Self {
        let mut end = record_offset(head);
        let mut take = || {
            end += 4;
            end - 4
        };
        let next = chained.then(&mut take);
        let body = match bodies {
            Found::Constants(values) => Bodies::Constants(Form::of(constants, values, &mut take)),
            Found::One(function) => Bodies::One(*function),
            Found::Several => Bodies::Several(take()),
        };
        let row = conflicts.then(&mut take);
        Self { next, body, row, own: end }
    }
}

/// What a body became: its function, what its record must hold, and its value if it does nothing but give a constant.
pub(super) struct Outline {
    /// The place of the function that the code becomes.
    pub(super) function: u32,
    pub(super) slots: Vec<Slot>,
    pub(super) value: Option<ConstId>,
}

/// The bodies of a group that the same constants lead to.
pub(super) struct Chain {
    pub(super) keys: Vec<ConstId>,
    /// Places among the group's bodies, in order.
    pub(super) bodies: Vec<usize>,
}

impl Chain {
    /// Whether it takes more than one record.
    pub(super) fn is_long(&self) -> bool {
        self.bodies.len() > 1
    }

    /// The bodies by the texts that they ask for as a beginning.
    pub(super) fn by_prefix(&self, group: &Group<'_>) -> Vec<(ConstId, Vec<usize>)> {
        by_key(self.bodies.iter().filter_map(|body| {
            let (_, prefix) = group.cases.get(*body)?.guards.prefix.as_ref()?;
            Some((*prefix, *body))
        }))
    }
}

impl Group<'_> {
    pub(super) fn has_guards(&self) -> bool {
        !self.places.is_empty() || self.prefix.is_some()
    }

    /// The bodies by the constants that they test for; one that takes several constants is in several chains.
    pub(super) fn chains(&self) -> Vec<Chain> {
        let cases = self.cases.iter().enumerate();
        let keyed = cases.flat_map(|(body, case)| case.guards.keys().into_iter().map(move |keys| (keys, body)));
        by_key(keyed).into_iter().map(|(keys, bodies)| Chain { keys, bodies }).collect()
    }
}

/// Values by their keys, which stay in the order in which they first come.
fn by_key<K: Clone + Eq + Hash, V>(pairs: impl Iterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut found: Vec<(K, Vec<V>)> = Vec::new();
    let mut known: HashMap<K, usize> = HashMap::default();
    for (key, value) in pairs {
        let at = *known.entry(key).or_insert_with_key(|key| {
            found.push((key.clone(), Vec::new()));
            found.len() - 1
        });
        if let Some((_, values)) = found.get_mut(at) {
            values.push(value);
        }
    }
    found
}

/// What the records of a group are made of.
pub(super) struct Records<'c> {
    pub(super) layout: Layout,
    pub(super) cases: &'c [&'c Case<'c>],
    pub(super) outlines: Vec<Outline>,
}

impl Records<'_> {
    /// Lays out the records of bodies, which begin with `head`; the address of the first.
    pub(super) fn chain(&self, module: &mut Module<'_>, head: &[u32], bodies: &[usize]) -> u32 {
        let mut next = 0;
        for body in bodies.iter().rev() {
            let words = self.words(module, head, next, *body);
            next = module.constants.record(&words);
        }
        next
    }

    /// Lays out records of equal sizes one after the other: the address of the first, and the bytes of each. `None` if they
    /// are not, or hold nothing.
    pub(super) fn rows(&self, module: &mut Module<'_>, bodies: &[usize]) -> Option<(u32, u32)> {
        let mut all = Vec::new();
        let mut size = None;
        for body in bodies {
            let words = self.words(module, &[], 0, *body);
            if words.is_empty() || *size.get_or_insert(words.len()) != words.len() {
                return None;
            }
            all.extend(words);
        }
        Some((module.constants.record(&all), record_offset(size?)))
    }

    /// The words of a body's record.
    fn words(&self, module: &mut Module<'_>, head: &[u32], next: u32, body: usize) -> Vec<u32> {
        let mut words = head.to_vec();
        let (Some(case), Some(outline)) = (self.cases.get(body), self.outlines.get(body)) else { return words };
        if self.layout.next.is_some() {
            words.push(next);
        }
        match (&self.layout.body, outline.value) {
            (Bodies::Constants(form), Some(value)) => form.words(&mut module.constants, value, &mut words),
            (Bodies::Several(_), _) => words.push(module.table_index(outline.function)),
            _ => {}
        }
        if self.layout.row.is_some() {
            words.push(case.location.row);
        }
        if !matches!(self.layout.body, Bodies::Constants(_)) {
            words.extend(outline.slots.iter().map(|slot| match slot {
                Slot::Constant(id) => module.constants.address(*id),
                Slot::Word(word) => module.word(*word),
            }));
        }
        words
    }
}
