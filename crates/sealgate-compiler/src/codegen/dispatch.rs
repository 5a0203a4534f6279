//! Functions with many bodies: dispatch by the constants that the bodies test, instead of trying one after the other.
//!
//! Bodies that test the same places (parameters, or paths from them) against constants form a group with one table in static
//! data, from the values at those places to a chain of records. A record names the Wasm function of its body and holds the
//! constants that the body uses, so that bodies which differ in constants only share one function. The cost of a call grows
//! with the number of groups and of the bodies that match, not with the number of bodies.
//!
//! A record is: hash and the addresses of its keys, where it is found by hash; next record of the chain or 0, where there are
//! chains; the body's value, where every body of the group gives a constant, or the table index of its function, where they do
//! not have one function; source line, where two values may be in conflict; then the body's own words.

use std::borrow::Cow;
use std::collections::HashMap;

use sealgate_kernel::input::PathId;
use sealgate_kernel::layout;

use super::cases::{Case, Cases, Kind, Place};
use super::constants::{ConstId, index_table};
use super::folding::Folding;
use super::function::{FunctionCompiler, Slot, memory, word};
use super::{CodegenError, Module, inline};
use crate::ir::{Func, Local, Operand};
use crate::link::{Body, Target};

/// Fewer bodies than this of one group are compiled in place.
const FEWEST: usize = 4;
/// More bodies than this that test nothing are functions of their own, so that no Wasm function grows with the policy.
const MOST_IN_PLACE: usize = 16;
/// The kernel's lookups by number of keys, from 1.
const LOOKUPS: [&str; super::cases::MOST_TESTS] =
    ["sg_index_find1", "sg_index_find2", "sg_index_find3", "sg_index_find4"];

/// The offset of a body's word, from the address that the body gets.
pub(super) fn record_offset(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX / 4).saturating_mul(4)
}

/// Compiles a function of the plan.
pub(super) fn compile(module: &mut Module<'_>, func: &Func, memo: Option<u32>) -> Result<Body, CodegenError> {
    let last = inline::last_local(&func.blocks, &func.params);
    let whole;
    let func = match module.inlined.expand(&func.blocks, last) {
        Cow::Borrowed(_) => func,
        Cow::Owned(blocks) => {
            let (name, params, path) = (func.name.clone(), func.params.clone(), func.path.clone());
            whole = Func { name, params, ret: func.ret, blocks, path };
            &whole
        }
    };
    let folding = Folding::of(&func.blocks, last);
    let cases = Cases::of(module, func, &folding);
    let mut compiler = FunctionCompiler::new(module, &folding, &func.params, 0);
    if let Some(address) = memo {
        compiler.memoise(address);
    }
    match cases {
        Some(cases) => Dispatcher { func, cases, last }.compile(&mut compiler)?,
        None => {
            for place in 0..func.blocks.len() {
                in_place(&mut compiler, func, place, true)?;
            }
        }
    }
    compiler.emit().i32_const(0);
    Ok(compiler.finish().0)
}

/// `decided` says whether the block's first value settles the function.
fn in_place(
    compiler: &mut FunctionCompiler<'_, '_>,
    func: &Func,
    place: usize,
    decided: bool,
) -> Result<(), CodegenError> {
    compiler.early_exit =
        compiler.folding.early_exit(&func.blocks, place, &func.params).filter(|_| decided || !compiler.is_strict());
    match func.blocks.get(place) {
        Some(block) => compiler.block(block),
        None => Ok(()),
    }
}

/// The bodies that test the same places.
struct Group<'c> {
    places: Vec<Place>,
    cases: Vec<&'c Case>,
}

/// How the records of a group are found; addresses.
enum Find {
    /// There are no keys: one chain.
    Chain(u32),
    /// By the hashes of the keys, with the kernel's function for so many.
    Hashed { table: u32, lookup: &'static str },
    /// By an integer, in a table with a place for each from the first on.
    Dense { table: u32, first: i32, count: u32 },
}

/// Where the parts of a group's records are, in bytes.
struct Layout {
    next: Option<u32>,
    body: Bodies,
    row: Option<u32>,
    own: u32,
}

/// What the bodies of a group are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    /// Constants, at this offset of the record.
    Constants(u32),
    /// One function, with the words of the record: its place.
    One(u32),
    /// Functions whose table indexes are at this offset.
    Several(u32),
}

impl Layout {
    /// Of records that begin with so many words for the lookup. `one` is the function of all bodies, if there is one.
    fn new(head: usize, chained: bool, conflicts: bool, constant: bool, one: Option<u32>) -> Self {
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
struct Outline {
    code: Body,
    /// The place of the function that the code becomes.
    function: u32,
    slots: Vec<Slot>,
    value: Option<ConstId>,
}

struct Dispatcher<'p> {
    func: &'p Func,
    cases: Cases,
    /// The function's last local of its own.
    last: Local,
}

impl Dispatcher<'_> {
    fn compile(&self, compiler: &mut FunctionCompiler<'_, '_>) -> Result<(), CodegenError> {
        for place in 0..self.cases.first {
            in_place(compiler, self.func, place, false)?;
        }
        let done = compiler.open_block();
        for (at, group) in self.groups(compiler.is_strict()).into_iter().enumerate() {
            let tabled = !group.places.is_empty() && group.cases.len() >= FEWEST;
            if tabled || group.cases.len() > MOST_IN_PLACE {
                self.compile_group(compiler, &group, at == 0 && self.cases.first == 0)?;
                self.stop_if_decided(compiler, done);
                continue;
            }
            for case in &group.cases {
                for place in case.blocks.clone() {
                    in_place(compiler, self.func, place, self.cases.uniform)?;
                }
                self.stop_if_decided(compiler, done);
            }
        }
        compiler.close();
        for place in self.cases.end..self.func.blocks.len() {
            in_place(compiler, self.func, place, false)?;
        }
        Ok(())
    }

    /// Groups in the order of their first bodies; bodies in order. With strict errors the order of all bodies is kept, because
    /// it decides which error is the first, and which bodies an early exit skips: only neighbours form groups.
    fn groups(&self, strict: bool) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut known: HashMap<Vec<Place>, usize> = HashMap::new();
        for case in &self.cases.all {
            let places: Vec<Place> = case.tests.iter().map(|(place, _)| place.clone()).collect();
            if strict && groups.last().is_some_and(|last| last.places != places) {
                known.clear();
            }
            let at = *known.entry(places).or_insert_with_key(|places| {
                groups.push(Group { places: places.clone(), cases: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.cases.push(case);
            }
        }
        groups
    }

    /// Where every body gives the same constant, the first that succeeds settles the function.
    fn stop_if_decided(&self, compiler: &mut FunctionCompiler<'_, '_>, done: u32) {
        if self.cases.uniform {
            compiler.push(Operand::Local(self.func.ret));
            compiler.branch_if(done);
        }
    }

    /// ```wat
    /// record = find(table, keys…) or the head of the only chain
    /// loop while record: value = call_indirect record.function(params…, record + header); assign once; record = record.next
    /// ```
    /// `first` says that nothing has assigned the function's result yet.
    fn compile_group(
        &self,
        compiler: &mut FunctionCompiler<'_, '_>,
        group: &Group<'_>,
        first: bool,
    ) -> Result<(), CodegenError> {
        let (find, layout) = self.records(compiler.module, group, first)?;
        let record = compiler.temporary();
        match find {
            Find::Chain(head) => {
                compiler.emit().i32_const(head.cast_signed()).local_set(record);
            }
            Find::Hashed { table, lookup } => {
                compiler.emit().i32_const(table.cast_signed());
                for place in &group.places {
                    push_place(compiler, place);
                }
                compiler.call(lookup);
                compiler.emit().local_set(record);
            }
            Find::Dense { table, first, count } => {
                group.places.iter().for_each(|place| push_place(compiler, place));
                compiler.emit().local_set(record);
                compiler.find_by_integer(record, table, first, count);
            }
        }
        let exit = compiler.open_block();
        let again = layout.next.map(|_| compiler.open_loop());
        compiler.get(record);
        compiler.emit().i32_eqz();
        compiler.branch_if(exit);
        self.compile_body(compiler, record, &layout, exit);
        if let (Some(next), Some(again)) = (layout.next, again) {
            compiler.get(record);
            compiler.emit().i32_load(word(next)).local_set(record);
            compiler.branch(again);
            compiler.close();
        }
        compiler.close();
        compiler.forget(self.func.ret);
        Ok(())
    }

    /// What the body of a record gives, or what it adds.
    fn compile_body(&self, compiler: &mut FunctionCompiler<'_, '_>, record: u32, layout: &Layout, exit: u32) {
        let ret = compiler.local(self.func.ret);
        let value = compiler.temporary();
        if let Bodies::Constants(at) = layout.body {
            compiler.get(record);
            compiler.emit().i32_load(word(at)).local_set(value);
            self.assign(compiler, value, record, layout.row);
        } else {
            for param in &self.func.params {
                compiler.push(Operand::Local(*param));
            }
            let mut params = u32::try_from(self.func.params.len()).unwrap_or(u32::MAX) + 1;
            if self.cases.kind == Kind::Partial {
                compiler.get(ret);
                params += 1;
            }
            compiler.get(record);
            compiler.emit().i32_const(layout.own.cast_signed()).i32_add();
            let complete = self.cases.kind == Kind::Complete;
            if let Bodies::One(function) = layout.body {
                compiler.call_target(Target::Function(function));
            } else if let Bodies::Several(at) = layout.body {
                compiler.get(record);
                compiler.emit().i32_load(word(at));
                compiler.call_indirect(params, complete);
            }
            if !complete {
                return;
            }
            compiler.emit().local_tee(value);
            compiler.open_if();
            self.assign(compiler, value, record, layout.row);
            compiler.close();
        }
        if self.cases.uniform {
            compiler.get(ret);
            compiler.branch_if(exit);
        }
    }

    /// Assigns a body's value to the function's result; another value that is already there is a conflict, in a line that is
    /// at an offset of the record.
    fn assign(&self, compiler: &mut FunctionCompiler<'_, '_>, value: u32, record: u32, row: Option<u32>) {
        let ret = compiler.local(self.func.ret);
        if let Some(row) = row {
            compiler.get(ret);
            compiler.open_if();
            compiler.get(ret);
            compiler.get(value);
            compiler.call("sg_equal");
            compiler.emit().i32_eqz();
            compiler.open_if();
            let file = compiler.module.file(self.cases.location.file);
            let message = compiler.module.constants.text("eval_conflict_error: var assignment conflict");
            compiler.emit().i32_const(file.cast_signed());
            compiler.get(record);
            compiler.emit().i32_load(word(row));
            compiler.emit().i32_const(self.cases.location.col.cast_signed()).i32_const(message.cast_signed());
            compiler.call("sg_runtime_error");
            compiler.emit().unreachable();
            compiler.close();
            compiler.close();
        }
        compiler.get(value);
        compiler.emit().local_set(ret);
    }

    /// Lays out the records of a group, and its table if it has keys.
    fn records(&self, module: &mut Module<'_>, group: &Group<'_>, first: bool) -> Result<(Find, Layout), CodegenError> {
        let chains = chains(group);
        let mut outlines = Vec::with_capacity(chains.len());
        for (_, chain) in &chains {
            outlines.push(chain.iter().map(|case| self.outline(module, case)).collect::<Result<Vec<_>, _>>()?);
        }
        let lookup = LOOKUPS.get(group.places.len().wrapping_sub(1)).copied();
        let dense = dense(module, &chains);
        let head = if lookup.is_some() && dense.is_none() { 1 + group.places.len() } else { 0 };
        let chained = chains.iter().any(|(_, chain)| chain.len() > 1);
        let constant = outlines.iter().flatten().all(|outline| outline.value.is_some());
        let complete = self.cases.kind == Kind::Complete;
        let conflicts = complete && !self.cases.uniform && (chained || !first);
        if !constant {
            for outline in outlines.iter_mut().flatten() {
                outline.function = self.share(module, std::mem::take(&mut outline.code));
            }
        }
        let mut functions = outlines.iter().flatten().map(|outline| outline.function);
        let one = functions.next().filter(|one| functions.all(|function| function == *one));
        let layout = Layout::new(head, chained, conflicts, constant, one);
        let mut heads = Vec::with_capacity(chains.len());
        for ((keys, chain), outlines) in chains.iter().zip(outlines) {
            keys.iter().for_each(|key| module.constants.intern_string(*key));
            let hashes = keys.iter().map(|key| module.constants.hash(*key).unwrap_or_default());
            let hash = hashes.fold(0, sealgate_kernel::index::combine);
            let mut next = 0;
            for (case, outline) in chain.iter().zip(outlines).rev() {
                let mut words = Vec::new();
                if head > 0 {
                    words.push(hash);
                    words.extend(keys.iter().map(|key| module.constants.address(*key)));
                }
                if chained {
                    words.push(next);
                }
                match (layout.body, outline.value) {
                    (Bodies::Constants(_), Some(value)) => words.push(module.constants.address(value)),
                    (Bodies::Several(_), _) => words.push(module.table_index(outline.function)),
                    _ => {}
                }
                if conflicts {
                    words.push(case.location.row);
                }
                if !constant {
                    words.extend(outline.slots.iter().map(|slot| match slot {
                        Slot::Constant(id) => module.constants.address(*id),
                        Slot::Word(number) => *number,
                    }));
                }
                next = module.constants.record(&words);
            }
            heads.push((hash, next));
        }
        let find = match (lookup, dense) {
            (None, _) => Find::Chain(heads.first().map_or(0, |(_, head)| *head)),
            (Some(_), Some(Dense { first, places })) => {
                let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
                let head = |place: &Option<usize>| place.and_then(|at| heads.get(at)).map_or(0, |(_, head)| *head);
                let table: Vec<u32> = places.iter().map(head).collect();
                Find::Dense { table: module.constants.words(&table), first, count }
            }
            (Some(lookup), None) => Find::Hashed { table: module.index_table(group.places.len(), &heads), lookup },
        };
        Ok((find, layout))
    }

    /// A body as code that takes its constants from a record.
    fn outline(&self, module: &mut Module<'_>, case: &Case) -> Result<Outline, CodegenError> {
        let folding = Folding::of(&case.body, self.last);
        let locals = self.locals();
        let mut compiler = FunctionCompiler::new(module, &folding, &locals, 1);
        compiler.constants_from_record(u32::try_from(locals.len()).unwrap_or(u32::MAX));
        let mut value = None;
        for (place, block) in case.body.iter().enumerate() {
            let decided = self.cases.uniform || !compiler.is_strict();
            compiler.early_exit = folding.early_exit(&case.body, place, &locals).filter(|_| decided);
            // The last block need not be left for the value to be known.
            if place + 1 == case.body.len() && self.cases.kind == Kind::Complete {
                value = compiler.block_with_value(block, case.value)?.filter(|_| place == 0);
            } else {
                compiler.block(block)?;
            }
        }
        let (code, slots) = compiler.finish();
        Ok(Outline { code, function: 0, slots, value })
    }

    /// The locals that a body's function takes, before the record.
    fn locals(&self) -> Vec<Local> {
        let mut locals = self.func.params.clone();
        if self.cases.kind == Kind::Partial {
            locals.push(self.func.ret);
        }
        locals
    }

    /// The place of a body's function: the same for bodies of the same shape.
    fn share(&self, module: &mut Module<'_>, code: Body) -> u32 {
        let params = u32::try_from(self.locals().len()).unwrap_or(u32::MAX) + 1;
        let key = (code, params);
        if let Some(function) = module.shapes.get(&key) {
            return *function;
        }
        let place = module.first_outlined + u32::try_from(module.outlined.len()).unwrap_or(u32::MAX);
        let name = Cow::Owned(format!("{}#{}", self.func.name, module.outlined.len()));
        let outlined = module.function(name, params, self.cases.kind == Kind::Complete, key.0.clone());
        module.outlined.push(outlined);
        module.shapes.insert(key, place);
        place
    }
}

/// The bodies of a group by the constants that they test for, which have one record after the other.
fn chains<'c>(group: &Group<'c>) -> Vec<(Vec<ConstId>, Vec<&'c Case>)> {
    let mut chains: Vec<(Vec<ConstId>, Vec<&Case>)> = Vec::new();
    let mut known: HashMap<Vec<ConstId>, usize> = HashMap::new();
    for case in &group.cases {
        let keys: Vec<ConstId> = case.tests.iter().map(|(_, constant)| *constant).collect();
        let at = *known.entry(keys).or_insert_with_key(|keys| {
            chains.push((keys.clone(), Vec::new()));
            chains.len() - 1
        });
        if let Some((_, chain)) = chains.get_mut(at) {
            chain.push(case);
        }
    }
    chains
}

impl Module<'_> {
    /// A dispatch table of records, by the hashes of their keys.
    fn index_table(&mut self, keys: usize, heads: &[(u32, u32)]) -> u32 {
        let mut words = index_table(heads);
        words.insert(1, u32::try_from(keys).unwrap_or(0));
        self.constants.words(&words)
    }

    /// A table with a record for each of the elements of a constant collection, all of which can be keys.
    pub(super) fn member_table(&mut self, collection: ConstId, elements: &[ConstId]) -> u32 {
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

/// Integers that lie close together: the first, and a place for each from there on, with the place of its chain.
struct Dense {
    first: i32,
    places: Vec<Option<usize>>,
}

/// The single keys of chains, if they are such integers.
fn dense(module: &Module<'_>, chains: &[(Vec<ConstId>, Vec<&Case>)]) -> Option<Dense> {
    let integer = |keys: &[ConstId]| match keys {
        [key] => module.constants.small_word(*key).map(|word| word.cast_signed() >> 1),
        _ => None,
    };
    let integers: Vec<i32> = chains.iter().map(|(keys, _)| integer(keys)).collect::<Option<_>>()?;
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
    /// Turns the value in a Wasm local into the record of the integer that it is, or 0.
    fn find_by_integer(&mut self, local: u32, table: u32, first: i32, count: u32) {
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
        self.emit().i32_const(2).i32_shl().i32_load(memory(table, 2)).local_set(local);
        self.branch(done);
        self.close();
        self.emit().i32_const(0).local_set(local);
        self.close();
    }
}

/// Pushes the value at a place, 0 if there is none.
fn push_place(compiler: &mut FunctionCompiler<'_, '_>, place: &Place) {
    let mut path = place.path.as_slice();
    match &compiler.module.input {
        Some(input) if place.root == Local::INPUT => {
            let mut at = PathId::ROOT;
            while let Some((step, rest)) = path.split_first()
                && let Some(member) = input.paths.find(at, super::inputs::text(compiler.module.policy, *step))
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
