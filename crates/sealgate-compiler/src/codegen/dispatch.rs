//! Functions with many bodies: dispatch by the constants that the bodies test, instead of trying one after the other.
//!
//! Bodies that test the same places (parameters, or paths from them) against constants form a group with one table in static
//! data, from the values at those places to a chain of records. A record names the Wasm function of its body and holds the
//! constants that the body uses, so that bodies which differ in constants only share one function. The cost of a call grows
//! with the number of groups and of the bodies that match, not with the number of bodies.
//!
//! Where bodies test that a text begins with a constant one, the table leads to a tree of these texts instead of a chain: what
//! is found in it is the longest one that the text begins with, and from there the shorter ones (`sg_prefix_find`).

mod find;
mod form;
pub(super) mod records;

use std::borrow::Cow;

use foldhash::HashMap;
use sealgate_kernel::index::prefix;

use self::find::{Find, Lookup, push_place};
use self::records::{Bodies, Found, Group, Layout, Outline, Records, record_offset};
use super::cases::{Case, Cases, Kind};
use super::folding::Folding;
use super::function::{FunctionCompiler, word};
use super::guards::Place;
use super::keys::Parameters;
use super::templates::{Compiled, Filled, Templates};
use super::traced::Word;
use super::{CodegenError, Module, inline};
use crate::ir::{Func, Local, Operand};
use crate::link::{Body, Target};

/// Fewer bodies than this of one group are compiled in place.
const FEWEST: usize = 4;
/// More bodies than this that test nothing are functions of their own, so that no Wasm function grows with the policy.
const MOST_IN_PLACE: usize = 16;

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

struct Dispatcher<'f> {
    func: &'f Func,
    cases: Cases<'f>,
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
            let tabled = group.has_guards() && group.cases.len() >= FEWEST;
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
        let mut known: HashMap<(Vec<Place>, Option<Place>), usize> = HashMap::default();
        for case in &self.cases.all {
            let places: Vec<Place> = case.guards.equal.iter().map(|(place, _)| place.clone()).collect();
            let prefix = case.guards.prefix.as_ref().map(|(place, _)| place.clone());
            if strict && groups.last().is_some_and(|last| last.places != places) {
                known.clear();
            }
            let at = *known.entry((places, prefix)).or_insert_with_key(|(places, prefix)| {
                groups.push(Group { places: places.clone(), prefix: prefix.clone(), cases: Vec::new() });
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
    /// record = find(table, keys…) or the head of the only chain; with prefixes, the next two lines for each node of a tree
    /// loop while record: value = call_indirect record.function(params…, record + header); assign once; record = record.next
    /// ```
    /// `first` says that nothing has assigned the function's result yet.
    fn compile_group(
        &self,
        compiler: &mut FunctionCompiler<'_, '_>,
        group: &Group<'_>,
        first: bool,
    ) -> Result<(), CodegenError> {
        let (find, layout) = self.records(compiler.module.untraced(), group, first)?;
        let record = compiler.temporary();
        compiler.find_record(&find, &group.places, record);
        let exit = compiler.open_block();
        match &group.prefix {
            None => self.compile_chain(compiler, record, &layout, exit),
            Some(place) => {
                compiler.get(record);
                compiler.emit().i32_eqz();
                compiler.branch_if(exit);
                if let Find::Hashed { .. } = find {
                    compiler.get(record);
                    compiler.emit().i32_load(word(record_offset(group.places.len()))).local_set(record);
                }
                self.compile_prefixes(compiler, record, place, &layout, exit);
            }
        }
        compiler.close();
        compiler.forget(self.func.ret);
        Ok(())
    }

    /// The bodies of a chain, from the record in a local or 0 on. Leaves to `exit` when the function is settled.
    fn compile_chain(&self, compiler: &mut FunctionCompiler<'_, '_>, record: u32, layout: &Layout, exit: u32) {
        let end = compiler.open_block();
        let again = layout.next.map(|_| compiler.open_loop());
        compiler.get(record);
        compiler.emit().i32_eqz();
        compiler.branch_if(end);
        self.compile_body(compiler, record, layout, exit);
        if let (Some(next), Some(again)) = (layout.next, again) {
            compiler.get(record);
            compiler.emit().i32_load(word(next)).local_set(record);
            compiler.branch(again);
            compiler.close();
        }
        compiler.close();
    }

    /// The chains of all the constant texts that the one at `place` begins with, the longest first. `record` is a local with
    /// the address of their tree.
    fn compile_prefixes(
        &self,
        compiler: &mut FunctionCompiler<'_, '_>,
        record: u32,
        place: &Place,
        layout: &Layout,
        exit: u32,
    ) {
        let node = compiler.temporary();
        compiler.get(record);
        push_place(compiler, place);
        compiler.call("sg_prefix_find");
        compiler.emit().local_set(node);
        let again = compiler.open_loop();
        compiler.get(node);
        compiler.emit().i32_eqz();
        compiler.branch_if(exit);
        compiler.get(node);
        compiler.emit().i32_load(word(prefix::CHAIN_OFFSET)).local_set(record);
        self.compile_chain(compiler, record, layout, exit);
        compiler.get(node);
        compiler.emit().i32_load(word(prefix::PARENT_OFFSET)).local_set(node);
        compiler.branch(again);
        compiler.close();
    }

    /// What the body of a record gives, or what it adds.
    fn compile_body(&self, compiler: &mut FunctionCompiler<'_, '_>, record: u32, layout: &Layout, exit: u32) {
        let ret = compiler.local(self.func.ret);
        let value = compiler.temporary();
        if let Bodies::Constants(form) = &layout.body {
            compiler.push_of_record(record, form);
            compiler.emit().local_set(value);
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
            if let Bodies::One(function) = &layout.body {
                compiler.call_target(Target::Function(*function));
            } else if let Bodies::Several(at) = &layout.body {
                compiler.get(record);
                compiler.emit().i32_load(word(*at));
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
            let file = compiler.module.word(Word::File(self.cases.location));
            let message = compiler.module.message("eval_conflict_error: var assignment conflict");
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

    /// Compiles the bodies of a group; lays out their records, and what leads to them.
    fn records(&self, module: &mut Module<'_>, group: &Group<'_>, first: bool) -> Result<(Find, Layout), CodegenError> {
        let chains = group.chains();
        let mut templates = Templates::new(self.last);
        let mut filled = Vec::with_capacity(group.cases.len());
        for case in &group.cases {
            let compile = |module: &mut Module<'_>, noted| self.outline(module, case, noted);
            filled.push(templates.compile(module, &case.body, case.value, compile)?);
        }
        let values: Option<Vec<_>> = filled.iter().map(|body| body.value).collect();
        let functions: Vec<u32> = match values {
            Some(_) => Vec::new(),
            None => templates.codes.into_iter().map(|code| self.share(module, code)).collect(),
        };
        let outlines = filled.into_iter().map(|Filled { code, slots, value }| {
            let function = functions.get(code).copied().unwrap_or_default();
            Outline { function, slots, value }
        });
        let outlines: Vec<Outline> = outlines.collect();
        let mut functions = outlines.iter().map(|outline| outline.function);
        let one = functions.next().filter(|one| functions.all(|function| function == *one));
        let bodies = match values {
            Some(values) => Found::Constants(values),
            None => one.map_or(Found::Several, Found::One),
        };
        let lookup = Lookup::of(module, group, &chains);
        let chained = chains.iter().any(records::Chain::is_long);
        let complete = self.cases.kind == Kind::Complete;
        let conflicts = complete && !self.cases.uniform && (chained || group.prefix.is_some() || !first);
        let layout = Layout::new(&module.constants, lookup.head(group), chained, conflicts, &bodies);
        let records = Records { layout, cases: &group.cases, outlines };
        Ok((lookup.lay_out(module, group, &chains, &records), records.layout))
    }

    /// A body as code that takes its constants from a record.
    fn outline(
        &self,
        module: &mut Module<'_>,
        case: &Case<'_>,
        noted: Option<Parameters>,
    ) -> Result<Compiled, CodegenError> {
        let body = case.body.to_blocks();
        let folding = Folding::of(&body, self.last);
        let locals = self.locals();
        let mut compiler = FunctionCompiler::new(module, &folding, &locals, 1);
        compiler.constants_from_record(u32::try_from(locals.len()).unwrap_or(u32::MAX));
        if let Some(parameters) = noted {
            compiler.module.trace(parameters);
        }
        let mut value = None;
        for (place, block) in body.iter().enumerate() {
            let decided = self.cases.uniform || !compiler.is_strict();
            compiler.early_exit = folding.early_exit(&body, place, &locals).filter(|_| decided);
            // The last block need not be left for the value to be known.
            if place + 1 == body.len() && self.cases.kind == Kind::Complete {
                value = compiler.block_with_value(block, case.value)?.filter(|_| place == 0);
            } else {
                compiler.block(block)?;
            }
        }
        let trace = compiler.module.take_trace();
        let (code, slots) = compiler.finish();
        Ok(Compiled { code, slots, value, trace })
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
