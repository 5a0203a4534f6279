//! Objects with constant keys: made at once, sorted, with their keys, their constant values and the JSON text between the
//! others in static data.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use sealgate_kernel::layout;

use super::access::{self, Access};
use super::constants::ConstId;
use super::function::{FunctionCompiler, memory, word};
use super::traced::Question;
use super::{Module, inputs};
use crate::ir::{Block, Func, Local, Operand, Stmt, StringIndex};

/// Objects that are made further from the end of their block are made pair by pair.
const MOST_STATEMENTS: usize = 1000;

/// An object of a shape whose members are being gathered.
#[derive(Clone, Debug)]
pub(super) struct Shaped {
    /// Sorted.
    keys: Vec<StringIndex>,
    /// Place of the statement that adds the last member.
    last: usize,
    members: Vec<(ConstId, Member)>,
}

/// The value of a member.
#[derive(Clone, Copy, Debug)]
enum Member {
    Constant(ConstId),
    Local(Local),
}

impl FunctionCompiler<'_, '_> {
    /// Begins an object of a shape that has some constant members already.
    pub(super) fn begin_shape(
        &mut self,
        object: Local,
        keys: Vec<StringIndex>,
        last: usize,
        pairs: Vec<(ConstId, ConstId)>,
    ) {
        let members = pairs.into_iter().map(|(key, value)| (key, Member::Constant(value))).collect();
        self.shaped.insert(object, Shaped { keys, last, members });
    }

    /// Takes care of a statement that puts a value into an object of a shape; whether it did. The object is made when it is
    /// whole, so that all constant members are known.
    pub(super) fn fill_shape(&mut self, place: usize, stmt: &Stmt) -> bool {
        let (Stmt::ObjectInsert { key: Operand::String(key), value, object }
        | Stmt::ObjectInsertOnce { key: Operand::String(key), value, object }) = stmt
        else {
            return false;
        };
        if !self.shaped.contains_key(object) {
            return false;
        }
        let member = match (self.constant_of(*value), *value) {
            (Some(id), _) => Member::Constant(id),
            (None, Operand::Local(value)) => {
                self.flush(value);
                Member::Local(value)
            }
            (None, _) => return false,
        };
        let key = self.module.string(*key);
        let Some(shaped) = self.shaped.get_mut(object) else { return false };
        shaped.members.push((key, member));
        if shaped.last == place
            && let Some(whole) = self.shaped.remove(object)
        {
            self.make_shaped(*object, &whole);
        }
        true
    }

    fn make_shaped(&mut self, object: Local, shaped: &Shaped) {
        // Bodies that share their code by records would need a shape each: there a constant is one more word of the record.
        let in_shape = !self.takes_constants_from_record();
        let keys: Vec<ConstId> = shaped.keys.iter().map(|key| self.module.string(*key)).collect();
        let member = |key: ConstId| {
            let found = shaped.members.iter().find(|(known, _)| *known == key);
            found.map(|(_, member)| (key, *member))
        };
        let members: Vec<_> = keys.into_iter().filter_map(member).collect();
        let constant = |(key, member): &(ConstId, Member)| match member {
            Member::Constant(value) if in_shape => (*key, Some(*value)),
            _ => (*key, None),
        };
        let constants: Vec<_> = members.iter().map(constant).collect();
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let size = count.saturating_mul(layout::PAIR_SIZE).saturating_add(layout::HEADER_SIZE);
        self.emit().i32_const(size.cast_signed());
        self.call("sg_alloc");
        self.set(object);
        let index = self.local(object);
        self.fill_object(index, 0, &constants, &mut |this, place| match members.get(place) {
            Some((_, Member::Constant(value))) => this.push_constant(*value),
            Some((_, Member::Local(value))) => this.push(Operand::Local(*value)),
            None => {}
        });
    }

    /// Writes the header of a collection whose parts follow it to an offset from the address in a Wasm local, with tag and
    /// flags. `shape` takes the place of the capacity.
    pub(super) fn fill_header(&mut self, local: u32, at: u32, [tag, flags]: [u16; 2], count: usize, shape: u32) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.store_two(local, at + layout::TAG_OFFSET, u32::from(tag) | u32::from(flags) << 16, count);
        self.get(local);
        self.get(local);
        self.emit().i32_const((at + layout::HEADER_SIZE).cast_signed()).i32_add();
        self.emit().i32_store(word(at + layout::PTR_OFFSET));
        self.get(local);
        self.emit().i32_const(shape.cast_signed()).i32_store(word(at + layout::CAP_OFFSET));
    }

    /// Writes an object of a shape to an offset from the address in a Wasm local: header, then pairs, two constants at once.
    /// `members` are sorted, with the values that the shape has; `push` pushes those of the others, by place.
    pub(super) fn fill_object(
        &mut self,
        local: u32,
        at: u32,
        members: &[(ConstId, Option<ConstId>)],
        push: &mut dyn FnMut(&mut Self, usize),
    ) {
        let shape = self.module.ask(Question::Shape(members.to_vec())).unwrap_or_default();
        let flags = layout::FLAG_STATIC | layout::FLAG_SHAPE;
        self.fill_header(local, at, [layout::TAG_OBJECT.into(), flags], members.len(), shape);
        let mut at = at + layout::HEADER_SIZE;
        for (place, (key, constant)) in members.iter().enumerate() {
            let address = self.module.address(*key);
            if let Some(value) = constant {
                let value = self.module.address(*value);
                self.store_two(local, at, address, value);
            } else {
                self.get(local);
                self.emit().i32_const(address.cast_signed()).i32_store(word(at));
                self.get(local);
                push(self, place);
                self.emit().i32_store(word(at + layout::ELEMENT_SIZE));
            }
            at += layout::PAIR_SIZE;
        }
    }

    /// Stores two words at an offset from the address in a Wasm local.
    fn store_two(&mut self, local: u32, offset: u32, first: u32, second: u32) {
        let words = u64::from(second) << 32 | u64::from(first);
        self.get(local);
        self.emit().i64_const(words.cast_signed()).i64_store(memory(offset, 3));
    }

    /// The sorted keys of an object that is made at `place` and filled until `last`: if they are constant texts, each once,
    /// their values are defined and stay as they are, and nobody looks at the object before it is whole.
    pub(super) fn keys_of(
        &mut self,
        block: &Block,
        place: usize,
        last: usize,
        object: Local,
    ) -> Option<Vec<StringIndex>> {
        // What follows is looked through for every object.
        if self.folding.is_changed_elsewhere(object) || block.stmts.len() - place > MOST_STATEMENTS {
            return None;
        }
        let mut keys = BTreeMap::new();
        let mut values = BTreeSet::new();
        let mut reads = 0;
        for (at, statement) in block.stmts.iter().enumerate().skip(place + 1) {
            match &statement.stmt {
                Stmt::ObjectInsert { key, value, object: into }
                | Stmt::ObjectInsertOnce { key, value, object: into }
                    if *into == object =>
                {
                    let Operand::String(key) = key else { return None };
                    let text = self.module.text(*key);
                    if *value == Operand::Local(object) || keys.insert(text, *key).is_some() {
                        return None;
                    }
                    if let Operand::Local(value) = value {
                        if !self.is_defined_before(block, place, at, *value) {
                            return None;
                        }
                        values.insert(*value);
                    }
                }
                stmt => {
                    let (mut read, mut changes) = (0, false);
                    access::of_statement(stmt, &mut |access| match access {
                        Access::Read(local) => read += u32::from(local == object),
                        Access::Assign(local) => changes |= values.contains(&local),
                        _ => {}
                    });
                    if at <= last && (read > 0 || changes) {
                        return None;
                    }
                    reads += read;
                }
            }
        }
        // All that read it come behind, in this block.
        (self.folding.reads(object) == reads).then(|| keys.into_values().collect())
    }

    /// Whether `local` is defined before the statement `at` of a block that is compiled up to `place`.
    fn is_defined_before(&self, block: &Block, place: usize, at: usize, local: Local) -> bool {
        let mut sure = self.is_certain(local);
        let start = if sure { place } else { 0 };
        for statement in block.stmts.iter().take(at).skip(start) {
            match &statement.stmt {
                Stmt::Call { func, result, .. } if *result == local => sure = self.module.has_result(func),
                Stmt::CallDynamic { result, .. } if *result == local => sure = true,
                Stmt::IsDefined { source } if *source == local => sure = true,
                Stmt::Dot { target, .. }
                | Stmt::MakeArray { target, .. }
                | Stmt::MakeObject { target }
                | Stmt::MakeSet { target }
                | Stmt::MakeNull { target }
                | Stmt::MakeNumberInt { target, .. }
                | Stmt::MakeNumberRef { target, .. }
                | Stmt::AssignInt { target, .. }
                | Stmt::ObjectMerge { target, .. }
                    if *target == local =>
                {
                    sure = true;
                }
                stmt => access::of_statement(stmt, &mut |access| sure &= access != Access::Assign(local)),
            }
        }
        sure
    }
}

impl Module<'_> {
    /// Finds out where objects of the plan have their keys, mostly.
    pub(super) fn find_hints(&mut self, funcs: &[&Func]) {
        let policy = self.policy;
        let mut votes: BTreeMap<StringIndex, BTreeMap<u32, u32>> = BTreeMap::new();
        let mut pending: Vec<&Block> = funcs.iter().flat_map(|func| &func.blocks).collect();
        while let Some(block) = pending.pop() {
            let mut objects: HashMap<Local, BTreeMap<&str, StringIndex>> = HashMap::default();
            for statement in &block.stmts {
                match &statement.stmt {
                    Stmt::ObjectInsert { key: Operand::String(key), object, .. }
                    | Stmt::ObjectInsertOnce { key: Operand::String(key), object, .. } => {
                        objects.entry(*object).or_default().insert(inputs::text(policy, *key), *key);
                    }
                    stmt => pending.extend(access::nested(stmt)),
                }
            }
            for keys in objects.values() {
                for (place, key) in (0_u32..).zip(keys.values()) {
                    *votes.entry(*key).or_default().entry(place).or_default() += 1;
                }
            }
        }
        for (key, places) in votes {
            // The first of those that are most frequent.
            let most = places.iter().max_by_key(|(place, count)| (**count, u32::MAX - **place));
            if let Some((place, _)) = most.filter(|(place, _)| **place < 1 << 10) {
                let key = self.string(key);
                self.hints.insert(key, *place);
            }
        }
    }
}
