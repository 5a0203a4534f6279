//! Which collections of a function are constant, and which scans may end early.
//!
//! A collection is constant if it is made and filled in one block, with constants, and never changed elsewhere. It becomes
//! static data instead of code. A scan may end at its first success if all that the rest of it could do is to assign the
//! same constant again.

use foldhash::HashMap;

use super::access::{self, Access};
use super::constants::ConstId;
use super::function::FunctionCompiler;
use super::locals::{LocalMap, LocalSet};
use super::traced::Question;
use crate::ir::{Block, Local, Operand, Stmt, StringIndex};

/// What is known of a whole function before it is compiled.
#[derive(Debug, Default)]
pub(super) struct Folding {
    /// Locals whose collections are changed outside of the block that makes them.
    unfoldable: LocalSet,
    /// How often each local is read; those that are only changed have 0.
    reads: LocalMap<u32>,
    /// How often the collection of each local is changed.
    changes: LocalMap<u32>,
    /// Locals that some outermost block reads before it assigns them: by local, the blocks.
    exposed: LocalMap<Vec<usize>>,
    /// What each outermost block does.
    blocks: Vec<Outermost>,
    /// The function's last local that is no local of a function that became part of it.
    last: Local,
}

/// What an outermost block does.
#[derive(Debug, Default)]
struct Outermost {
    /// What it assigns, each local once.
    assigned: Vec<Local>,
    /// What it reads or changes before it assigns it, each local once.
    exposed: Vec<Local>,
    returns: bool,
}

impl Folding {
    /// Of blocks whose locals beyond `last` belong to functions that became part of them.
    pub(super) fn of(blocks: &[Block], last: Local) -> Self {
        let mut folding = Self { last, ..Self::default() };
        let mut made = Vec::new();
        // The outermost block that has assigned each local last.
        let mut assigned = LocalMap::default();
        for (place, block) in blocks.iter().enumerate() {
            let mut outermost =
                Outermost { returns: folding.find_changed(block, 0, &mut made), ..Outermost::default() };
            access::of_block(block, &mut |access| match access {
                Access::Assign(local) => {
                    if assigned.insert(local, place) != Some(place) {
                        outermost.assigned.push(local);
                    }
                }
                Access::Read(local) | Access::Mutate(local) => {
                    let counts =
                        if matches!(access, Access::Read(_)) { &mut folding.reads } else { &mut folding.changes };
                    counts.change(local, |count| *count += 1);
                    if assigned.get(local) != Some(&place) {
                        folding.exposed.change(local, |places| {
                            if places.last() != Some(&place) {
                                places.push(place);
                                outermost.exposed.push(local);
                            }
                        });
                    }
                }
            });
            folding.blocks.push(outermost);
        }
        folding
    }

    /// Notes what is changed elsewhere than where it is made; whether the block returns. `made` has room for what the blocks
    /// around make, one for each level of nesting.
    fn find_changed(&mut self, block: &Block, depth: usize, made: &mut Vec<LocalSet>) -> bool {
        let mut returns = false;
        if made.len() <= depth {
            made.push(LocalSet::default());
        }
        if let Some(made) = made.get_mut(depth) {
            made.clear();
        }
        for statement in &block.stmts {
            match &statement.stmt {
                Stmt::MakeArray { target, .. } | Stmt::MakeObject { target } | Stmt::MakeSet { target } => {
                    if let Some(made) = made.get_mut(depth) {
                        made.insert(*target, ());
                    }
                }
                stmt => {
                    if let Some(changed) = changed(stmt)
                        && !made.get(depth).is_some_and(|made| made.contains(changed))
                    {
                        self.unfoldable.insert(changed, ());
                    }
                    returns |= matches!(stmt, Stmt::ReturnLocal { .. });
                    for block in access::nested(stmt) {
                        returns |= self.find_changed(block, depth + 1, made);
                    }
                }
            }
        }
        returns
    }

    /// The locals that some outermost block reads before it assigns them, sorted.
    pub(super) fn read_first(&self) -> Vec<Local> {
        self.exposed.locals().collect()
    }

    pub(super) fn is_read(&self, local: Local) -> bool {
        self.reads.contains(local)
    }

    /// How often the function reads a local.
    pub(super) fn reads(&self, local: Local) -> u32 {
        self.reads.get(local).copied().unwrap_or_default()
    }

    /// Whether a local's collection is changed outside of the block that makes it.
    pub(super) fn is_changed_elsewhere(&self, local: Local) -> bool {
        self.unfoldable.contains(local)
    }

    /// Whether a collection that is made at `place` of a block is only added to, behind it in the block, before anybody looks
    /// at it: so it may be made when there is something to add.
    fn is_gathered(&self, block: &Block, place: usize, target: Local) -> bool {
        if block.stmts.len() - place > MOST_STATEMENTS {
            return false;
        }
        let (mut added, mut seen, mut late) = (0, false, false);
        for statement in block.stmts.iter().skip(place + 1) {
            access::of_statement(&statement.stmt, &mut |access| match access {
                Access::Mutate(local) if local == target => {
                    added += 1;
                    late |= seen;
                }
                Access::Read(local) | Access::Assign(local) if local == target => seen = true,
                _ => {}
            });
        }
        !late && self.changes.get(target) == Some(&added)
    }

    /// Whether anything that the outermost block `place` assigns, except `except`, is read by another block.
    pub(super) fn leaks(&self, blocks: &[Block], place: usize, except: Local) -> bool {
        let mut leaks = false;
        if let Some(block) = blocks.get(place) {
            access::of_block(block, &mut |access| {
                if let Access::Assign(local) | Access::Mutate(local) = access
                    && local != except
                {
                    leaks |= self.exposed.get(local).is_some_and(|places| places.iter().any(|at| *at != place));
                }
            });
        }
        leaks
    }

    /// Whether the outermost block `place` reads nothing that other blocks assign, except what is allowed, returns nowhere,
    /// and leaves nothing that blocks which are not its own read, except in `value`.
    pub(super) fn stands_alone(
        &self,
        place: usize,
        allowed: &dyn Fn(&Local) -> bool,
        own: &dyn Fn(usize) -> bool,
        ret: Local,
        value: Local,
    ) -> bool {
        let Some(block) = self.blocks.get(place) else { return false };
        let leaves_nothing = |local: &Local| {
            let elsewhere = self.exposed.get(*local).is_some_and(|places| places.iter().any(|at| !own(*at)));
            *local != ret && (!elsewhere || *local == value || allowed(local))
        };
        !block.returns && block.exposed.iter().all(allowed) && block.assigned.iter().all(leaves_nothing)
    }

    /// The local whose first value ends the outermost block `place`: all it does is to assign one constant to that local.
    pub(super) fn early_exit(&self, blocks: &[Block], place: usize, params: &[Local]) -> Option<Local> {
        let block = blocks.get(place)?;
        let mut found = Found { last: self.last, ..Found::default() };
        found.search(block, false);
        let (target, value) = found.assigned?;
        let constant = !matches!(value, Operand::Local(_));
        if !found.in_scan || !constant || found.other || params.contains(&target) || self.leaks(blocks, place, target) {
            return None;
        }
        Some(target)
    }
}

/// Collections that are made further from the end of their block are made at once.
const MOST_STATEMENTS: usize = 1000;

/// The one assignment of a rule's value in a block.
#[derive(Default)]
struct Found {
    assigned: Option<(Local, Operand)>,
    in_scan: bool,
    /// Whether there is something that must not be skipped.
    other: bool,
    /// What is assigned to later locals is not seen outside.
    last: Local,
}

impl Found {
    fn search(&mut self, block: &Block, scanned: bool) {
        for statement in &block.stmts {
            match &statement.stmt {
                Stmt::AssignVarOnce { target, .. } if *target > self.last => {}
                Stmt::AssignVarOnce { source, target } => match self.assigned {
                    None => {
                        self.assigned = Some((*target, *source));
                        self.in_scan = scanned;
                    }
                    Some(before) if before == (*target, *source) => self.in_scan |= scanned,
                    Some(_) => self.other = true,
                },
                Stmt::ReturnLocal { .. } | Stmt::ResultSetAdd { .. } | Stmt::ObjectInsertOnce { .. } => {
                    self.other = true
                }
                Stmt::Scan { block, .. } => self.search(block, true),
                stmt => access::nested(stmt).iter().for_each(|block| self.search(block, scanned)),
            }
        }
    }
}

/// The collection that a statement changes.
fn changed(stmt: &Stmt) -> Option<Local> {
    match stmt {
        Stmt::ArrayAppend { array: target, .. }
        | Stmt::SetAdd { set: target, .. }
        | Stmt::ObjectInsert { object: target, .. }
        | Stmt::ObjectInsertOnce { object: target, .. } => Some(*target),
        _ => None,
    }
}

/// For each statement of the block that makes a collection: the last one that changes it before it is made anew.
pub(super) fn last_changes(block: &Block) -> Vec<Option<usize>> {
    let mut last = vec![None; block.stmts.len()];
    let mut later = HashMap::default();
    for (place, statement) in block.stmts.iter().enumerate().rev() {
        match &statement.stmt {
            Stmt::MakeArray { target, .. } | Stmt::MakeObject { target } | Stmt::MakeSet { target } => {
                if let Some(slot) = last.get_mut(place) {
                    *slot = later.remove(target);
                }
            }
            stmt => {
                if let Some(changed) = changed(stmt) {
                    later.entry(changed).or_insert(place);
                }
            }
        }
    }
    last
}

/// The locals that a block assigns.
pub(super) fn assigned_in(block: &Block, visit: &mut dyn FnMut(Local)) {
    access::of_block(block, &mut |access| {
        if let Access::Assign(local) = access {
            visit(local);
        }
    });
}

/// A collection that has been made and filled with constants only, so far.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    items: Items,
    /// Place of the statement that changes it for the last time.
    last: usize,
    /// The sorted keys, if it can be made by a shape.
    keys: Option<Vec<StringIndex>>,
}

#[derive(Clone, Debug)]
enum Items {
    Array(Vec<ConstId>),
    Object(Vec<(ConstId, ConstId)>),
    Set(Vec<ConstId>),
}

impl FunctionCompiler<'_, '_> {
    /// Takes care of a statement that makes or fills a constant collection; whether it did.
    pub(super) fn fold(&mut self, block: &Block, place: usize, last_change: Option<usize>, stmt: &Stmt) -> bool {
        let (target, items) = match stmt {
            Stmt::MakeArray { target, .. } => (*target, Items::Array(Vec::new())),
            Stmt::MakeObject { target } => (*target, Items::Object(Vec::new())),
            Stmt::MakeSet { target } => (*target, Items::Set(Vec::new())),
            _ => return self.fill(place, stmt),
        };
        if self.folding.unfoldable.contains(target) {
            let empty = match items {
                Items::Object(_) => return false,
                Items::Array(_) => self.module.array(Vec::new()),
                Items::Set(_) => self.module.set(Vec::new()),
            };
            if self.folding.is_gathered(block, place, target) {
                let empty = self.module.address(empty);
                self.emit().i32_const(empty.cast_signed());
                self.set(target);
                self.gathered.insert(target);
                return true;
            }
            return false;
        }
        match last_change {
            None => self.set_collection(target, items),
            Some(last) => {
                let keys = match items {
                    Items::Object(_) => self.keys_of(block, place, last, target),
                    _ => None,
                };
                self.pending.insert(target, Pending { items, last, keys });
            }
        }
        true
    }

    fn fill(&mut self, place: usize, stmt: &Stmt) -> bool {
        let Some(target) = changed(stmt).filter(|target| self.pending.contains_key(target)) else { return false };
        let (key, value) = match stmt {
            Stmt::ArrayAppend { value, .. } | Stmt::SetAdd { value, .. } => (None, self.constant_of(*value)),
            Stmt::ObjectInsert { key, value, .. } => (self.constant_of(*key), self.constant_of(*value)),
            // Not if the key is there already: with another value that is a conflict.
            Stmt::ObjectInsertOnce { key, value, .. } => {
                let key = self.constant_of(*key);
                let twice = match self.pending.get(&target).map(|pending| &pending.items) {
                    Some(Items::Object(pairs)) => {
                        // Equal texts are one constant; numbers may be written in several ways.
                        let module = &mut self.module;
                        let mut same = |other: ConstId| {
                            key.is_none_or(|key| {
                                key == other
                                    || (!module.holds(Question::IsText(key))
                                        && module.holds(Question::AreEqual(key, other)))
                            })
                        };
                        pairs.iter().any(|(other, _)| same(*other))
                    }
                    _ => true,
                };
                if twice { (None, None) } else { (key, self.constant_of(*value)) }
            }
            _ => (None, None),
        };
        let Some(pending) = self.pending.get_mut(&target) else { return false };
        match (&mut pending.items, key, value) {
            (Items::Array(elements) | Items::Set(elements), None, Some(value)) => elements.push(value),
            (Items::Object(pairs), Some(key), Some(value)) => pairs.push((key, value)),
            _ => {
                if let Some(keys) = pending.keys.take()
                    && let Some(Pending { items: Items::Object(pairs), last, .. }) = self.pending.remove(&target)
                {
                    self.begin_shape(target, keys, last, pairs);
                } else {
                    self.flush(target);
                }
                return false;
            }
        }
        if pending.last == place
            && let Some(done) = self.pending.remove(&target)
        {
            self.set_collection(target, done.items);
        }
        true
    }

    fn set_collection(&mut self, target: Local, items: Items) {
        let id = match items {
            Items::Array(elements) => self.module.array(elements),
            Items::Set(elements) => self.module.set(elements),
            Items::Object(pairs) => self.module.object(pairs),
        };
        self.set_constant(target, id);
    }

    /// Makes a pending collection at run time after all.
    pub(super) fn flush(&mut self, local: Local) {
        // Nobody looks at an object that can be made by a shape before it is whole.
        if self.pending.get(&local).is_none_or(|pending| pending.keys.is_some()) {
            return;
        }
        let Some(Pending { items, .. }) = self.pending.remove(&local) else { return };
        let (make, fill, all): (_, _, Vec<Vec<ConstId>>) = match items {
            Items::Array(elements) => {
                ("sg_array_new", "sg_array_push", elements.into_iter().map(|element| vec![element]).collect())
            }
            Items::Set(elements) => {
                ("sg_set_new", "sg_set_add", elements.into_iter().map(|element| vec![element]).collect())
            }
            Items::Object(pairs) => {
                ("sg_object_new", "sg_object_insert", pairs.into_iter().map(|(key, value)| vec![key, value]).collect())
            }
        };
        self.emit().i32_const(0);
        self.call(make);
        self.set(local);
        for operands in all {
            let index = self.local(local);
            self.get(index);
            operands.into_iter().for_each(|operand| self.push_constant(operand));
            self.call(fill);
        }
    }

    pub(super) fn flush_all(&mut self) {
        let mut pending: Vec<Local> = self.pending.keys().copied().collect();
        pending.sort_unstable();
        pending.into_iter().for_each(|local| self.flush(local));
    }
}
