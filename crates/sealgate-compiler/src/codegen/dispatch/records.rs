//! The records that dispatch leads to, and the tables in static data that lead to them.
//!
//! A record is: hash and the addresses of its keys, where it is found by hash; next record of the chain or 0, where there are
//! chains; the body's value, where every body of the group gives a constant, or the table index of its function, where they do
//! not have one function; source line, where two values may be in conflict; then the body's own words.

use std::hash::Hash;

use foldhash::HashMap;
use sealgate_kernel::index::prefix;

use crate::codegen::Module;
use crate::codegen::cases::Case;
use crate::codegen::constants::{ConstId, index_table};
use crate::codegen::function::Slot;
use crate::codegen::guards::Place;
use crate::link::Body;

/// The offset of a body's word, from the address that the body gets.
pub(in crate::codegen) fn record_offset(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX / 4).saturating_mul(4)
}

/// The bodies that test the same places.
pub(super) struct Group<'c> {
    pub(super) places: Vec<Place>,
    /// Where a text must begin with a constant one.
    pub(super) prefix: Option<Place>,
    pub(super) cases: Vec<&'c Case>,
}

/// Where the parts of a group's records are, in bytes.
pub(super) struct Layout {
    pub(super) next: Option<u32>,
    pub(super) body: Bodies,
    pub(super) row: Option<u32>,
    pub(super) own: u32,
}

/// What the bodies of a group are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    /// Constants, at this offset of the record.
    Constants(u32),
    /// One function, with the words of the record: its place.
    One(u32),
    /// Functions whose table indexes are at this offset.
    Several(u32),
}

impl Layout {
    /// Of records that begin with so many words for the lookup. `one` is the function of all bodies, if there is one.
    pub(super) fn new(head: usize, chained: bool, conflicts: bool, constant: bool, one: Option<u32>) -> Self {
        let mut end = record_offset(head);
        let mut take = || {
            end += 4;
            end - 4
        };
        let next = chained.then(&mut take);
        let body = match one {
            _ if constant => Bodies::Constants(take()),
            Some(function) => Bodies::One(function),
            None => Bodies::Several(take()),
        };
        let row = conflicts.then(&mut take);
        Self { next, body, row, own: end }
    }
}

/// A body's own code, what its record must hold, and its value if it does nothing but give a constant.
pub(super) struct Outline {
    pub(super) code: Body,
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
    pub(super) cases: &'c [&'c Case],
    pub(super) outlines: Vec<Outline>,
}

impl Records<'_> {
    /// Lays out the records of bodies, which begin with `head`; the address of the first.
    pub(super) fn chain(&self, module: &mut Module<'_>, head: &[u32], bodies: &[usize]) -> u32 {
        let mut next = 0;
        for body in bodies.iter().rev() {
            let (Some(case), Some(outline)) = (self.cases.get(*body), self.outlines.get(*body)) else { continue };
            let mut words = head.to_vec();
            if self.layout.next.is_some() {
                words.push(next);
            }
            match (self.layout.body, outline.value) {
                (Bodies::Constants(_), Some(value)) => words.push(module.constants.address(value)),
                (Bodies::Several(_), _) => words.push(module.table_index(outline.function)),
                _ => {}
            }
            if self.layout.row.is_some() {
                words.push(case.location.row);
            }
            if !matches!(self.layout.body, Bodies::Constants(_)) {
                words.extend(outline.slots.iter().map(|slot| match slot {
                    Slot::Constant(id) => module.constants.address(*id),
                    Slot::Word(number) => *number,
                }));
            }
            next = module.constants.record(&words);
        }
        next
    }
}

impl Module<'_> {
    /// A dispatch table of records, by the hashes of their keys.
    pub(super) fn index_table(&mut self, keys: usize, heads: &[(u32, u32)]) -> u32 {
        let mut words = index_table(heads);
        words.insert(1, u32::try_from(keys).unwrap_or(0));
        self.constants.words(&words)
    }

    /// A table with a record for each of the elements of a constant collection, all of which can be keys.
    pub(in crate::codegen) fn member_table(&mut self, collection: ConstId, elements: &[ConstId]) -> u32 {
        if let Some(table) = self.member_tables.get(&collection) {
            return *table;
        }
        let mut heads = Vec::with_capacity(elements.len());
        for element in elements {
            self.constants.intern_string(*element);
            let hash = sealgate_kernel::index::combine(0, self.constants.hash(*element).unwrap_or_default());
            let key = self.constants.address(*element);
            heads.push((hash, self.constants.record(&[hash, key])));
        }
        let table = self.index_table(1, &heads);
        self.member_tables.insert(collection, table);
        table
    }
}

impl Module<'_> {
    /// A tree of texts, each with the address of its records.
    pub(super) fn prefix_tree(&mut self, nodes: &[(ConstId, u32)]) -> u32 {
        let mut sorted: Vec<(ConstId, u32)> = nodes.to_vec();
        sorted.sort_by(|a, b| self.constants.compare(a.0, b.0));
        let texts: Vec<u32> = sorted.iter().map(|(text, _)| self.constants.address(*text)).collect();
        let parents = prefix::parents(sorted.iter().map(|(text, _)| self.constants.as_text(*text).unwrap_or_default()));
        self.constants.words_at(|table| {
            let node = |place: usize| prefix::node_address(table, place);
            let mut all = vec![u32::try_from(sorted.len()).unwrap_or(u32::MAX)];
            for ((text, (_, chain)), parent) in texts.iter().zip(&sorted).zip(&parents) {
                all.extend([*text, parent.map_or(0, node), *chain]);
            }
            all
        })
    }
}

/// Integers that lie close together: the first, and a place for each from there on, with the place of its chain.
pub(super) struct Dense {
    pub(super) first: i32,
    pub(super) places: Vec<Option<usize>>,
}

/// The single keys of chains, if they are such integers.
pub(super) fn dense(module: &Module<'_>, chains: &[Chain]) -> Option<Dense> {
    let integer = |keys: &[ConstId]| match keys {
        [key] => module.constants.small_word(*key).map(|word| word.cast_signed() >> 1),
        _ => None,
    };
    let integers: Vec<i32> = chains.iter().map(|chain| integer(&chain.keys)).collect::<Option<_>>()?;
    let (first, last) = (*integers.iter().min()?, *integers.iter().max()?);
    let count = usize::try_from(last.checked_sub(first)?).ok()?.checked_add(1)?;
    if count > integers.len().saturating_mul(2) {
        return None;
    }
    let mut places = vec![None; count];
    for (chain, integer) in integers.iter().enumerate() {
        *places.get_mut(usize::try_from(integer - first).ok()?)? = Some(chain);
    }
    Some(Dense { first, places })
}
