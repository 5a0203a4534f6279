//! Objects with constant keys: made at once, sorted, with their keys and the JSON text between their values in static data.

use std::collections::{BTreeMap, HashMap};

use sealgate_kernel::layout;

use super::access::{self, Access};
use super::constants::ConstId;
use super::function::{FunctionCompiler, word};
use super::{Module, inputs};
use crate::ir::{Block, Func, Local, Operand, Stmt, StringIndex};

/// Objects that are made further from the end of their block are made pair by pair.
const MOST_STATEMENTS: usize = 1000;

impl FunctionCompiler<'_, '_> {
    /// Makes an object of a shape that has some constant members already.
    pub(super) fn make_shaped(&mut self, object: Local, keys: Vec<StringIndex>, pairs: &[(ConstId, ConstId)]) {
        let shape = self.module.shape(&keys);
        self.push_word(shape);
        self.call("sg_object_shaped");
        self.set(object);
        let index = self.local(object);
        for (key, value) in pairs {
            let at = keys.iter().position(|known| self.module.string(*known) == *key);
            self.get(index);
            self.push_constant(*value);
            self.store_value(at.unwrap_or_default());
        }
        self.shaped.insert(object, keys);
    }

    /// Takes care of a statement that puts a value into an object of a shape; whether it did.
    pub(super) fn fill_shape(&mut self, stmt: &Stmt) -> bool {
        match stmt {
            Stmt::ObjectInsert { key: Operand::String(key), value, object }
            | Stmt::ObjectInsertOnce { key: Operand::String(key), value, object } => {
                let Some(keys) = self.shaped.get(object) else { return false };
                let Some(at) = keys.iter().position(|known| known == key) else { return false };
                self.push(Operand::Local(*object));
                self.push(*value);
                self.store_value(at);
                true
            }
            _ => false,
        }
    }

    /// Stores what is on the stack as the value of the pair at a place in the object that lies below it.
    fn store_value(&mut self, at: usize) {
        let at = u32::try_from(at).unwrap_or(u32::MAX / layout::PAIR_SIZE).saturating_mul(layout::PAIR_SIZE);
        self.emit().i32_store(word(layout::HEADER_SIZE + layout::ELEMENT_SIZE + at));
    }

    /// The sorted keys of an object that is made at `place` and filled until `last`: if they are constant texts, each once,
    /// their values are defined, and nobody looks at the object before it is whole.
    pub(super) fn keys_of(&self, block: &Block, place: usize, last: usize, object: Local) -> Option<Vec<StringIndex>> {
        // What follows is looked through for every object.
        if self.folding.is_changed_elsewhere(object) || block.stmts.len() - place > MOST_STATEMENTS {
            return None;
        }
        let mut keys = BTreeMap::new();
        let mut reads = 0;
        for (at, statement) in block.stmts.iter().enumerate().skip(place + 1) {
            match &statement.stmt {
                Stmt::ObjectInsert { key, value, object: into }
                | Stmt::ObjectInsertOnce { key, value, object: into }
                    if *into == object =>
                {
                    let Operand::String(key) = key else { return None };
                    let text = inputs::text(self.module.policy, *key);
                    if *value == Operand::Local(object) || keys.insert(text, *key).is_some() {
                        return None;
                    }
                    if let Operand::Local(value) = value
                        && !assigned_before(self.module, block, at, *value)
                    {
                        return None;
                    }
                }
                stmt => {
                    let mut read = 0;
                    access::of_statement(stmt, &mut |access| read += u32::from(access == Access::Read(object)));
                    if at <= last && read > 0 {
                        return None;
                    }
                    reads += read;
                }
            }
        }
        // All that read it come behind, in this block.
        (self.folding.reads(object) == reads).then(|| keys.into_values().collect())
    }
}

/// Whether a statement of the block before `at` leaves a value in `local`, or the block.
fn assigned_before(module: &Module<'_>, block: &Block, at: usize, local: Local) -> bool {
    let mut sure = false;
    for statement in block.stmts.iter().take(at) {
        match &statement.stmt {
            Stmt::Call { func, result, .. } if *result == local => sure = module.has_result(func),
            Stmt::CallDynamic { result, .. } if *result == local => sure = true,
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

impl Module<'_> {
    /// The address of a shape of objects with these keys.
    fn shape(&mut self, keys: &[StringIndex]) -> u32 {
        let keys: Vec<ConstId> = keys.iter().map(|key| self.string(*key)).collect();
        self.constants.shape(&keys)
    }

    /// Finds out where objects of the plan have their keys, mostly.
    pub(super) fn find_hints(&mut self, funcs: &[&Func]) {
        let policy = self.policy;
        let mut votes: BTreeMap<StringIndex, BTreeMap<u32, u32>> = BTreeMap::new();
        let mut pending: Vec<&Block> = funcs.iter().flat_map(|func| &func.blocks).collect();
        while let Some(block) = pending.pop() {
            let mut objects: HashMap<Local, BTreeMap<&str, StringIndex>> = HashMap::new();
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
