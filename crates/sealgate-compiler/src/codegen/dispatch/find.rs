//! How the records of a group are found: the tables in static data that lead to them, and the code that looks values up.

use sealgate_kernel::index::prefix;
use sealgate_kernel::input::PathId;
use sealgate_kernel::{index, layout};

use super::records::{Chain, Group, Records};
use crate::codegen::constants::{ConstId, dispatch_table};
use crate::codegen::function::{FunctionCompiler, memory};
use crate::codegen::guards::{MOST_PLACES, Place};
use crate::codegen::{Module, inputs};
use crate::ir::{Local, Operand};

/// The kernel's lookups by number of keys, from 1.
const LOOKUPS: [&str; MOST_PLACES] = ["sg_index_find1", "sg_index_find2", "sg_index_find3", "sg_index_find4"];

/// A table of so many chains is not all in the fastest memory: each chain is to take as few lines of it as it can.
const MANY: usize = 1_000;

/// How the records of a group are found; addresses.
pub(super) enum Find {
    /// There are no keys: one chain.
    Chain(u32),
    /// By the hashes of the keys, with the kernel's function for so many.
    Hashed { table: u32, lookup: &'static str },
    /// By an integer, in a table with a place for each from the first on: the record itself, of so many bytes, or its address.
    Dense { table: u32, first: i32, count: u32, size: Option<u32> },
}

/// What a group's records are to be found by.
pub(super) enum Lookup {
    Chain,
    Hashed(&'static str),
    Dense(Dense),
}

impl Lookup {
    pub(super) fn of(module: &Module<'_>, group: &Group<'_>, chains: &[Chain]) -> Self {
        match (LOOKUPS.get(group.places.len().wrapping_sub(1)), dense(module, chains)) {
            (None, _) => Self::Chain,
            (Some(_), Some(dense)) => Self::Dense(dense),
            (Some(lookup), None) => Self::Hashed(lookup),
        }
    }

    /// The words for the lookup that a body's record begins with.
    pub(super) fn head(&self, group: &Group<'_>) -> usize {
        match self {
            // What is found by hash is the record of a body, or leads to a tree.
            Self::Hashed(_) if group.prefix.is_none() => group.places.len(),
            _ => 0,
        }
    }

    /// Lays out the records, and what leads to them.
    pub(super) fn lay_out(
        &self,
        module: &mut Module<'_>,
        group: &Group<'_>,
        chains: &[Chain],
        records: &Records<'_>,
    ) -> Find {
        if let Self::Dense(dense) = self
            && let Some(bodies) = dense.single_bodies(group, chains)
            && let Some((table, size)) = records.rows(module, &bodies)
        {
            return Find::Dense { table, first: dense.first, count: word_of(bodies.len()), size: Some(size) };
        }
        let mut heads = Vec::with_capacity(chains.len());
        // What the chain before took: most of a table are alike.
        let mut size = 0;
        for chain in chains {
            let mut keys = Vec::new();
            if let Self::Hashed(_) = self {
                chain.keys.iter().for_each(|key| module.constants.intern_string(*key));
                keys.extend(chain.keys.iter().map(|key| module.constants.address(*key)));
            }
            if chains.len() >= MANY {
                module.constants.keep_in_line(size);
            }
            let begin = module.constants.end();
            let found = if group.prefix.is_some() {
                let nodes: Vec<_> = chain.by_prefix(group);
                let nodes: Vec<_> =
                    nodes.iter().map(|(prefix, bodies)| (*prefix, records.chain(module, &[], bodies))).collect();
                let tree = module.prefix_tree(&nodes);
                if keys.is_empty() {
                    tree
                } else {
                    keys.push(tree);
                    module.constants.record(&keys)
                }
            } else {
                records.chain(module, &keys, &chain.bodies)
            };
            size = module.constants.end() - begin;
            heads.push(found);
        }
        match self {
            Self::Chain => Find::Chain(heads.first().copied().unwrap_or_default()),
            Self::Dense(Dense { first, places }) => {
                let head = |place: &Option<usize>| place.and_then(|at| heads.get(at)).copied().unwrap_or_default();
                let table: Vec<u32> = places.iter().map(head).collect();
                let table = module.constants.record(&table);
                Find::Dense { table, first: *first, count: word_of(places.len()), size: None }
            }
            Self::Hashed(lookup) => {
                let hash = |chain: &Chain| {
                    let hashes = chain.keys.iter().map(|key| module.constants.hash(*key).unwrap_or_default());
                    hashes.fold(0, index::combine)
                };
                let entries: Vec<_> = chains.iter().map(hash).zip(heads).collect();
                Find::Hashed { table: module.constants.record(&dispatch_table(&entries)), lookup }
            }
        }
    }
}

fn word_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Module<'_> {
    /// A table with a record for each of the elements of a constant collection, all of which can be keys.
    pub(in crate::codegen) fn member_table(&mut self, collection: ConstId) -> u32 {
        if let Some(table) = self.member_tables.get(&collection) {
            return *table;
        }
        let elements = self.constants.as_elements(collection).unwrap_or_default().to_vec();
        let mut heads = Vec::with_capacity(elements.len());
        for element in &elements {
            self.constants.intern_string(*element);
            let hash = index::combine(0, self.constants.hash(*element).unwrap_or_default());
            let key = self.constants.address(*element);
            heads.push((hash, self.constants.record(&[key])));
        }
        let table = self.constants.record(&dispatch_table(&heads));
        self.member_tables.insert(collection, table);
        table
    }

    /// A tree of texts, each with the address of its records.
    fn prefix_tree(&mut self, nodes: &[(ConstId, u32)]) -> u32 {
        let mut sorted: Vec<(ConstId, u32)> = nodes.to_vec();
        sorted.sort_by(|a, b| self.constants.compare(a.0, b.0));
        let texts: Vec<u32> = sorted.iter().map(|(text, _)| self.constants.address(*text)).collect();
        let parents = prefix::parents(sorted.iter().map(|(text, _)| self.constants.as_text(*text).unwrap_or_default()));
        self.constants.record_at(|table| {
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
    first: i32,
    places: Vec<Option<usize>>,
}

impl Dense {
    /// The body of each place, where each has one and no more.
    fn single_bodies(&self, group: &Group<'_>, chains: &[Chain]) -> Option<Vec<usize>> {
        let single = |place: &Option<usize>| match chains.get((*place)?)?.bodies.as_slice() {
            [body] => Some(*body),
            _ => None,
        };
        // What has a beginning to be tested is found through a tree.
        self.places.iter().map(single).collect::<Option<_>>().filter(|_| group.prefix.is_none())
    }
}

/// The single keys of chains, if they are such integers.
fn dense(module: &Module<'_>, chains: &[Chain]) -> Option<Dense> {
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

impl FunctionCompiler<'_, '_> {
    /// Puts the address of what the values at the places lead to into a Wasm local, 0 if there is nothing.
    pub(super) fn find_record(&mut self, find: &Find, places: &[Place], record: u32) {
        match find {
            Find::Chain(head) => {
                self.emit().i32_const(head.cast_signed()).local_set(record);
            }
            Find::Hashed { table, lookup } => {
                self.emit().i32_const(table.cast_signed());
                places.iter().for_each(|place| push_place(self, place));
                self.call(lookup);
                self.emit().local_set(record);
            }
            Find::Dense { table, first, count, size } => {
                places.iter().for_each(|place| push_place(self, place));
                self.emit().local_set(record);
                self.find_by_integer(record, *table, *first, *count, *size);
            }
        }
    }

    /// Turns the value in a Wasm local into the record of the integer that it is, or 0.
    fn find_by_integer(&mut self, local: u32, table: u32, first: i32, count: u32, size: Option<u32>) {
        let inline = layout::INLINE_BIT.cast_signed();
        self.get(local);
        self.emit().i32_const(inline).i32_and().i32_eqz();
        self.open_if();
        self.get(local);
        self.call("sg_small_integer");
        self.emit().local_set(local);
        self.close();
        let done = self.open_block();
        let none = self.open_block();
        self.get(local);
        self.emit().i32_eqz();
        self.branch_if(none);
        self.get(local);
        self.emit().i32_const(1).i32_shr_s().i32_const(first).i32_sub().local_tee(local);
        self.emit().i32_const(count.cast_signed()).i32_ge_u();
        self.branch_if(none);
        self.get(local);
        match size {
            Some(size) => {
                let (size, table) = (size.cast_signed(), table.cast_signed());
                self.emit().i32_const(size).i32_mul().i32_const(table).i32_add().local_set(local);
            }
            None => {
                self.emit().i32_const(2).i32_shl().i32_load(memory(table, 2)).local_set(local);
            }
        }
        self.branch(done);
        self.close();
        self.emit().i32_const(0).local_set(local);
        self.close();
    }
}

/// Pushes the value at a place, 0 if there is none.
pub(super) fn push_place(compiler: &mut FunctionCompiler<'_, '_>, place: &Place) {
    let mut path = place.path.as_slice();
    let module = compiler.module.untraced();
    match &module.input {
        Some(input) if place.root == Local::INPUT => {
            let mut at = PathId::ROOT;
            while let Some((step, rest)) = path.split_first()
                && let Some(member) = input.paths.find(at, inputs::text(module.policy, *step))
            {
                (at, path) = (member, rest);
            }
            compiler.push_input(at);
        }
        _ => compiler.push(Operand::Local(place.root)),
    }
    for step in path {
        compiler.push(Operand::String(*step));
        compiler.call("sg_get");
    }
}
