//! Compiles the statements of one function.
//!
//! A local of the plan is a Wasm local that holds the address of a value, 0 while undefined. Every block of the plan is a
//! Wasm block, a scan is a loop; an undefined statement branches to the end of the innermost one. Along straight code the
//! compiler knows which locals hold constants and which are still undefined; where paths meet it forgets those that one of
//! them has touched.

use std::collections::{HashMap, HashSet};

use sealgate_kernel::layout;
use wasm_encoder::{BlockType, Encode, InstructionSink, MemArg, MemArgTarget};

use super::constants::ConstId;
use super::folding::{Folding, Pending};
use super::{CodegenError, Module};
use crate::ir::{Block, Local, Location, Operand, Statement, Stmt};
use crate::link::{Body, Target};

/// The opcode of a direct call, and of an access to a global.
const CALL: u8 = 0x10;
const CALL_INDIRECT: u8 = 0x11;
const GLOBAL_GET: u8 = 0x23;
const GLOBAL_SET: u8 = 0x24;

/// A block of the plan around the statement that is being compiled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// Leaving it goes on behind it.
    Block { label: u32 },
    /// Leaving it means the next turn.
    Scan { label: u32 },
    /// Leaving it goes to where the replaced local is restored.
    With { label: u32, local: u32, saved: u32, generation: u32 },
}

impl Frame {
    fn label(self) -> u32 {
        match self {
            Self::Block { label } | Self::Scan { label } | Self::With { label, .. } => label,
        }
    }
}

/// What a word of a record holds for a body that many rules share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// The address of a constant.
    Constant(ConstId),
    /// A plain number.
    Word(u32),
}

/// How a return ends the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returns {
    /// Simply.
    Plain,
    /// After storing the result in a memo slot at this address.
    Memo(u32),
}

/// Where a function takes its constants from.
#[derive(Debug)]
enum ConstantSource {
    /// From the code itself.
    Immediate,
    /// From a record whose address is in a Wasm local; the list is what the record must hold, by place in the code.
    Record { local: u32, slots: Vec<(u32, Slot)> },
}

/// A function on the way.
pub(super) struct FunctionCompiler<'m, 'p> {
    pub(super) module: &'m mut Module<'p>,
    pub(super) folding: &'m Folding,
    body: Body,
    params: u32,
    locals: HashMap<Local, u32>,
    frames: Vec<Frame>,
    depth: u32,
    known: HashMap<Local, ConstId>,
    pub(super) pending: HashMap<Local, Pending>,
    defined: HashSet<Local>,
    touched: Vec<Local>,
    /// How often each Wasm local is read, and the code that merely gives a local a constant.
    gets: Vec<u32>,
    constant_sets: Vec<(u32, std::ops::Range<u32>)>,
    source: ConstantSource,
    returns: Returns,
    /// The Wasm local of the result set, in a plan.
    pub(super) result_set: Option<u32>,
    /// The local whose first constant value ends the outermost block.
    pub(super) early_exit: Option<Local>,
}

impl<'m, 'p> FunctionCompiler<'m, 'p> {
    /// A function whose Wasm parameters are `params`, followed by `extra` more that no local of the plan names.
    pub(super) fn new(module: &'m mut Module<'p>, folding: &'m Folding, params: &[Local], extra: u32) -> Self {
        let count = u32::try_from(params.len()).unwrap_or(u32::MAX);
        Self {
            module,
            folding,
            body: Body::default(),
            params: count + extra,
            locals: params.iter().copied().zip(0..).collect(),
            frames: Vec::new(),
            depth: 0,
            known: HashMap::new(),
            pending: HashMap::new(),
            defined: params.iter().copied().collect(),
            touched: Vec::new(),
            gets: Vec::new(),
            constant_sets: Vec::new(),
            source: ConstantSource::Immediate,
            returns: Returns::Plain,
            result_set: None,
            early_exit: None,
        }
    }

    /// Takes constants from the record whose address is in a Wasm local.
    pub(super) fn constants_from_record(&mut self, local: u32) {
        self.source = ConstantSource::Record { local, slots: Vec::new() };
    }

    /// Returns the result that is kept in a memo slot, if it is of this generation; else goes on, and returns will store.
    pub(super) fn memoise(&mut self, address: u32) {
        self.returns = Returns::Memo(address);
        self.emit().i32_const(address.cast_signed()).i32_load(word(0));
        self.global_get(super::GENERATION);
        self.emit().i32_eq();
        self.open_if();
        self.emit().i32_const(address.cast_signed()).i32_load(word(4)).return_();
        self.close();
    }

    /// The finished body, and what its record must hold if it takes constants from one.
    pub(super) fn finish(mut self) -> (Body, Vec<Slot>) {
        let slots = match std::mem::replace(&mut self.source, ConstantSource::Immediate) {
            ConstantSource::Immediate => Vec::new(),
            ConstantSource::Record { slots, .. } => slots,
        };
        let unread = |local: u32| self.gets.get(local as usize).copied().unwrap_or(0) == 0;
        let dead: Vec<_> =
            self.constant_sets.iter().filter(|(local, _)| unread(*local)).map(|(_, range)| range.clone()).collect();
        if dead.is_empty() && slots.is_empty() {
            return (self.body, Vec::new());
        }
        let mut body = Body { locals: self.body.locals, ..Body::default() };
        let mut record = Vec::new();
        let mut dead = dead.into_iter().peekable();
        let mut holes = self.body.holes.into_iter().peekable();
        let mut slots = slots.into_iter().peekable();
        for (at, byte) in (0_u32..).zip(&self.body.code) {
            while dead.next_if(|range| range.end <= at).is_some() {}
            let keep = dead.peek().is_none_or(|range| at < range.start);
            while let Some((_, target)) = holes.next_if(|(place, _)| *place <= at) {
                body.holes.push((u32::try_from(body.code.len()).unwrap_or(u32::MAX), target));
            }
            while let Some((_, slot)) = slots.next_if(|(place, _)| *place <= at) {
                // The slot's place lies inside of the code that is dropped, or of code that is kept.
                if keep {
                    let offset = super::dispatch::record_offset(record.len());
                    offset.encode(&mut body.code);
                    record.push(slot);
                }
            }
            if keep {
                body.code.push(*byte);
            }
        }
        for (_, target) in holes {
            body.holes.push((u32::try_from(body.code.len()).unwrap_or(u32::MAX), target));
        }
        for (_, slot) in slots {
            super::dispatch::record_offset(record.len()).encode(&mut body.code);
            record.push(slot);
        }
        (body, record)
    }

    // Instructions.

    pub(super) fn emit(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.body.code)
    }

    fn here(&self) -> u32 {
        u32::try_from(self.body.code.len()).unwrap_or(u32::MAX)
    }

    fn hole(&mut self, opcode: u8, target: Target) {
        self.body.code.push(opcode);
        let at = self.here();
        self.body.holes.push((at, target));
    }

    pub(super) fn call(&mut self, name: &'static str) {
        let target = self.module.named(name);
        self.hole(CALL, target);
    }

    pub(super) fn call_target(&mut self, target: Target) {
        self.hole(CALL, target);
    }

    pub(super) fn call_indirect(&mut self, params: u32, result: bool) {
        let target = self.module.signature(params, result);
        self.hole(CALL_INDIRECT, Target::Type(target));
        self.body.code.push(0);
    }

    pub(super) fn global_get(&mut self, global: u32) {
        self.hole(GLOBAL_GET, Target::Global(global));
    }

    pub(super) fn global_set(&mut self, global: u32) {
        self.hole(GLOBAL_SET, Target::Global(global));
    }

    pub(super) fn open_block(&mut self) -> u32 {
        self.emit().block(BlockType::Empty);
        self.depth += 1;
        self.depth - 1
    }

    pub(super) fn open_if(&mut self) {
        self.emit().if_(BlockType::Empty);
        self.depth += 1;
    }

    pub(super) fn open_loop(&mut self) -> u32 {
        self.emit().loop_(BlockType::Empty);
        self.depth += 1;
        self.depth - 1
    }

    pub(super) fn close(&mut self) {
        self.emit().end();
        self.depth -= 1;
    }

    /// The operand of a branch to a label that was open when `depth` was `label`.
    fn relative(&self, label: u32) -> u32 {
        self.depth - 1 - label
    }

    pub(super) fn branch(&mut self, label: u32) {
        let relative = self.relative(label);
        self.emit().br(relative);
    }

    pub(super) fn branch_if(&mut self, label: u32) {
        let relative = self.relative(label);
        self.emit().br_if(relative);
    }

    /// A fresh Wasm local.
    pub(super) fn temporary(&mut self) -> u32 {
        let index = self.params + self.body.locals;
        self.body.locals += 1;
        index
    }

    pub(super) fn get(&mut self, local: u32) {
        let place = local as usize;
        if self.gets.len() <= place {
            self.gets.resize(place + 1, 0);
        }
        if let Some(count) = self.gets.get_mut(place) {
            *count += 1;
        }
        self.emit().local_get(local);
    }

    pub(super) fn local(&mut self, local: Local) -> u32 {
        if let Some(index) = self.locals.get(&local) {
            return *index;
        }
        let index = self.temporary();
        self.locals.insert(local, index);
        index
    }

    // Values.

    pub(super) fn constant_of(&mut self, operand: Operand) -> Option<ConstId> {
        match operand {
            Operand::Local(local) => self.known.get(&local).copied(),
            Operand::String(index) => Some(self.module.string(index)),
            Operand::Bool(value) => Some(self.module.constants.bool(value)),
        }
    }

    /// Pushes the address of a constant.
    pub(super) fn push_constant(&mut self, id: ConstId) {
        // Booleans recur in every body: as slots they would only cost a load.
        if self.module.constants.is_bool(id).is_none()
            && let ConstantSource::Record { .. } = self.source
        {
            return self.push_slot(Slot::Constant(id));
        }
        let address = self.module.constants.address(id);
        self.emit().i32_const(address.cast_signed());
    }

    fn push_slot(&mut self, slot: Slot) {
        let ConstantSource::Record { local, .. } = &self.source else { return };
        let local = *local;
        self.get(local);
        // `i32.load` with its alignment; the offset is written when it is known which slots remain.
        self.body.code.extend_from_slice(&[0x28, 2]);
        let at = self.here();
        if let ConstantSource::Record { slots, .. } = &mut self.source {
            slots.push((at, slot));
        }
    }

    /// Pushes a number that differs between bodies of the same shape.
    fn push_word(&mut self, word: u32) {
        match self.source {
            ConstantSource::Immediate => {
                self.emit().i32_const(word.cast_signed());
            }
            ConstantSource::Record { .. } => self.push_slot(Slot::Word(word)),
        }
    }

    /// Pushes an operand, 0 if it is undefined.
    pub(super) fn push(&mut self, operand: Operand) {
        if let Some(id) = self.constant_of(operand) {
            return self.push_constant(id);
        }
        if let Operand::Local(local) = operand {
            self.flush(local);
            let local = self.local(local);
            self.get(local);
        }
    }

    /// Stores what is on the stack in a local of the plan.
    pub(super) fn set(&mut self, local: Local) {
        let index = self.assigned(local);
        self.emit().local_set(index);
    }

    fn tee(&mut self, local: Local) {
        let index = self.assigned(local);
        self.emit().local_tee(index);
    }

    /// Notes that a local has got a value that is not known; gives its Wasm local.
    fn assigned(&mut self, local: Local) -> u32 {
        self.touch(local);
        self.known.remove(&local);
        self.defined.insert(local);
        self.local(local)
    }

    fn touch(&mut self, local: Local) {
        self.pending.remove(&local);
        self.touched.push(local);
    }

    pub(super) fn set_constant(&mut self, local: Local, id: ConstId) {
        let index = self.assigned(local);
        let start = self.here();
        self.push_constant(id);
        self.emit().local_set(index);
        let end = self.here();
        self.constant_sets.push((index, start..end));
        self.known.insert(local, id);
    }

    /// Leaves the innermost block if the number on the stack is not 0.
    fn fail_if(&mut self) {
        if let Some(frame) = self.frames.last().copied() {
            self.branch_if(frame.label());
        }
    }

    /// Leaves the innermost block if the number on the stack is 0.
    fn fail_unless(&mut self) {
        self.emit().i32_eqz();
        self.fail_if();
    }

    fn fail(&mut self) {
        self.leave(0);
    }

    /// Leaves `index + 1` blocks, undoing every `with` on the way.
    fn leave(&mut self, index: usize) {
        let Some(target) = self.frames.len().checked_sub(index + 1) else { return };
        let crossed: Vec<Frame> = self.frames.iter().skip(target + 1).rev().copied().collect();
        for frame in crossed {
            self.restore(frame);
        }
        if let Some(frame) = self.frames.get(target).copied() {
            self.branch(frame.label());
        }
    }

    fn restore(&mut self, frame: Frame) {
        if let Frame::With { local, saved, generation, .. } = frame {
            self.get(saved);
            self.emit().local_set(local);
            if self.module.memo_count > 0 {
                self.get(generation);
                self.global_set(super::GENERATION);
            }
        }
    }

    /// Aborts evaluation with OPA's message for a conflict.
    fn conflict(&mut self, location: Location, message: &'static str) {
        let file = self.module.file(location.file);
        let message = self.module.constants.text(message);
        self.push_word(file);
        self.push_word(location.row);
        self.push_word(location.col);
        self.emit().i32_const(message.cast_signed());
        self.call("sg_runtime_error");
        self.emit().unreachable();
    }

    // Blocks.

    /// Compiles the blocks of a function or plan, each in a frame.
    pub(super) fn blocks(&mut self, blocks: &[Block]) -> Result<(), CodegenError> {
        blocks.iter().try_for_each(|block| self.block(block))
    }

    pub(super) fn block(&mut self, block: &Block) -> Result<(), CodegenError> {
        let label = self.open_block();
        self.framed(Frame::Block { label }, block)?;
        self.close();
        Ok(())
    }

    /// Compiles a block and pushes what it leaves in a local, 0 where the local is undefined.
    pub(super) fn block_with_value(&mut self, block: &Block, value: Local) -> Result<(), CodegenError> {
        // Where the block ends with the assignment, its value need not go through the local.
        let constant = match block.stmts.last().map(|last| &last.stmt) {
            Some(Stmt::AssignVarOnce { source, target }) if *target == value => Some(*source),
            _ => None,
        };
        let label = self.open_block();
        let sure = !self.defined.contains(&value) && constant.is_some();
        self.framed_until(Frame::Block { label }, block, |this| {
            if sure && let Some(id) = constant.and_then(|source| this.constant_of(source)) {
                this.push_constant(id);
                this.emit().return_();
            }
        })?;
        self.close();
        self.push(Operand::Local(value));
        Ok(())
    }

    /// Notes that a local may have any value now.
    pub(super) fn forget(&mut self, local: Local) {
        self.touch(local);
        self.known.remove(&local);
        self.defined.insert(local);
    }

    /// Compiles statements in a frame; afterwards nothing is known of the locals that they touch.
    fn framed(&mut self, frame: Frame, block: &Block) -> Result<(), CodegenError> {
        self.framed_until(frame, block, |_| {})
    }

    /// The same, with something more to be done at the end of the statements.
    fn framed_until(&mut self, frame: Frame, block: &Block, end: impl FnOnce(&mut Self)) -> Result<(), CodegenError> {
        self.flush_all();
        self.frames.push(frame);
        let mark = self.touched.len();
        self.statements(block)?;
        self.flush_all();
        end(self);
        self.frames.pop();
        // The list stays as it is: the block around this one forgets the same locals at its own end.
        for local in self.touched.get(mark..).unwrap_or_default() {
            self.known.remove(local);
            self.defined.insert(*local);
        }
        Ok(())
    }

    fn statements(&mut self, block: &Block) -> Result<(), CodegenError> {
        let last_changes = super::folding::last_changes(block);
        for (place, statement) in block.stmts.iter().enumerate() {
            let last_change = last_changes.get(place).copied().flatten();
            if !self.fold(place, last_change, &statement.stmt) {
                self.statement(statement)?;
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), CodegenError> {
        match &statement.stmt {
            Stmt::ArrayAppend { value, array } => self.mutate("sg_array_push", *array, &[*value]),
            Stmt::AssignInt { value, target } | Stmt::MakeNumberInt { value, target } => {
                let id = self.module.constants.integer(*value);
                self.set_constant(*target, id);
            }
            Stmt::AssignVar { source, target } => match self.constant_of(*source) {
                Some(id) => self.set_constant(*target, id),
                None => {
                    self.push(*source);
                    self.set(*target);
                }
            },
            Stmt::AssignVarOnce { source, target } => self.assign_once(*source, *target, statement.location),
            Stmt::Block { blocks } => self.blocks(blocks)?,
            Stmt::Break { index } => self.leave(*index as usize),
            Stmt::Call { func, args, result } => self.compile_call(func, args, *result)?,
            Stmt::CallDynamic { args, result, path } => self.compile_call_dynamic(args, *result, path),
            Stmt::Dot { source, key, target } => {
                self.push(*source);
                self.push(*key);
                self.call("sg_get");
                self.tee(*target);
                self.fail_unless();
            }
            Stmt::Equal { a, b } => self.compile_equal(*a, *b, true),
            Stmt::NotEqual { a, b } => self.compile_equal(*a, *b, false),
            Stmt::IsArray { source } => self.is_tag(*source, layout::TAG_ARRAY),
            Stmt::IsObject { source } => self.is_tag(*source, layout::TAG_OBJECT),
            Stmt::IsSet { source } => self.is_tag(*source, layout::TAG_SET),
            Stmt::IsDefined { source } => {
                self.push(Operand::Local(*source));
                self.fail_unless();
            }
            Stmt::IsUndefined { source } => {
                if self.defined.contains(source) {
                    self.push(Operand::Local(*source));
                    self.fail_if();
                }
            }
            Stmt::Len { source, target } => {
                self.push(*source);
                self.call("sg_len");
                self.emit().i64_extend_i32_s();
                self.call("sg_number");
                self.set(*target);
            }
            Stmt::MakeArray { capacity, target } => self.make("sg_array_new", *capacity, *target),
            Stmt::MakeObject { target } => self.make("sg_object_new", 0, *target),
            Stmt::MakeSet { target } => self.make("sg_set_new", 0, *target),
            Stmt::MakeNull { target } => {
                let id = self.module.constants.null();
                self.set_constant(*target, id);
            }
            Stmt::MakeNumberRef { index, target } => {
                let id = self.module.number(*index)?;
                self.set_constant(*target, id);
            }
            Stmt::Nop {} => {}
            Stmt::Not { block } => {
                let label = self.open_block();
                self.framed(Frame::Block { label }, block)?;
                self.fail();
                self.close();
            }
            Stmt::ObjectInsert { key, value, object } => self.mutate("sg_object_insert", *object, &[*key, *value]),
            Stmt::ObjectInsertOnce { key, value, object } => {
                self.push(Operand::Local(*object));
                self.push(*key);
                self.push(*value);
                self.call("sg_object_insert_once");
                self.emit().i32_eqz();
                self.open_if();
                self.conflict(statement.location, "object insert conflict");
                self.close();
            }
            Stmt::ObjectMerge { a, b, target } => {
                self.push(Operand::Local(*a));
                self.push(Operand::Local(*b));
                self.call("sg_object_merge");
                self.set(*target);
            }
            Stmt::ResetLocal { target } => {
                if self.defined.contains(target) {
                    let index = self.assigned(*target);
                    self.emit().i32_const(0).local_set(index);
                }
                self.touch(*target);
                self.defined.remove(target);
            }
            Stmt::ResultSetAdd { value } => {
                if let Some(set) = self.result_set {
                    self.get(set);
                    self.push(Operand::Local(*value));
                    self.call("sg_set_add");
                }
            }
            Stmt::ReturnLocal { source } => self.compile_return(*source),
            Stmt::Scan { source, key, value, block } => self.compile_scan(*source, *key, *value, block)?,
            Stmt::SetAdd { value, set } => self.mutate("sg_set_add", *set, &[*value]),
            Stmt::With { local, path, value, block } => {
                let path = path.iter().map(|step| self.module.string(*step)).collect();
                self.compile_with(*local, path, *value, block)?;
            }
        }
        Ok(())
    }

    fn make(&mut self, function: &'static str, capacity: i32, target: Local) {
        self.emit().i32_const(capacity.clamp(0, 1 << 16));
        self.call(function);
        self.set(target);
    }

    fn mutate(&mut self, function: &'static str, collection: Local, operands: &[Operand]) {
        self.push(Operand::Local(collection));
        for operand in operands {
            self.push(*operand);
        }
        self.call(function);
    }

    fn is_tag(&mut self, source: Operand, tag: u8) {
        // An undefined source reads the tag at address 0, the far end of the shadow stack, which is 0: null's.
        self.push(source);
        self.emit().i32_load8_u(memory(layout::TAG_OFFSET, 0)).i32_const(i32::from(tag)).i32_ne();
        self.fail_if();
    }

    fn compile_equal(&mut self, a: Operand, b: Operand, want: bool) {
        let (left, right) = (self.constant_of(a), self.constant_of(b));
        if let (Some(left), Some(right)) = (left, right) {
            if self.module.constants.compare(left, right).is_eq() != want {
                self.fail();
            }
            return;
        }
        let constant = [left, right].into_iter().flatten().find_map(|id| self.module.constants.is_bool(id));
        if let Some(value) = constant {
            self.push(if left.is_some() { b } else { a });
            let pattern = i32::from(layout::TAG_BOOL) | (i32::from(value) << 8);
            let both = memory(layout::TAG_OFFSET, 1);
            self.emit().i32_load16_u(both).i32_const(pattern);
            if want {
                self.emit().i32_ne();
            } else {
                self.emit().i32_eq();
            }
            return self.fail_if();
        }
        self.push(a);
        self.push(b);
        self.call("sg_equal");
        if want { self.fail_unless() } else { self.fail_if() }
    }

    fn assign_once(&mut self, source: Operand, target: Local, location: Location) {
        let constant = self.constant_of(source);
        if self.defined.contains(&target) {
            let index = self.local(target);
            self.get(index);
            self.open_if();
            self.get(index);
            self.push(source);
            self.call("sg_equal");
            self.emit().i32_eqz();
            self.open_if();
            self.conflict(location, "var assignment conflict");
            self.close();
            self.emit().else_();
            self.push(source);
            self.emit().local_set(index);
            self.close();
            self.touch(target);
            self.known.remove(&target);
            self.defined.insert(target);
        } else {
            match constant {
                Some(id) => self.set_constant(target, id),
                None => {
                    self.push(source);
                    self.set(target);
                }
            }
        }
        if constant.is_some() && self.early_exit == Some(target) && self.frames.len() > 1 {
            self.leave(self.frames.len() - 1);
        }
    }

    fn compile_call(&mut self, name: &str, args: &[Operand], result: Local) -> Result<(), CodegenError> {
        if let Some(function) = self.module.functions.get(name).copied() {
            for arg in args {
                self.push(*arg);
            }
            self.call_target(Target::Function(function));
        } else if let Some(symbol) = self.module.kernel_builtin(name, args.len()) {
            for arg in args {
                self.push(*arg);
            }
            self.call_target(symbol);
        } else {
            let (dispatcher, id) = self.module.host_builtin(name, args.len())?;
            self.emit().i32_const(id).i32_const(0);
            for arg in args {
                self.push(*arg);
            }
            self.call(dispatcher);
            if !self.module.has_result(name) {
                self.emit().drop();
                return Ok(());
            }
        }
        self.tee(result);
        self.fail_unless();
        Ok(())
    }

    /// Walks a static object from the operands of the path to the number of a function in the table.
    fn compile_call_dynamic(&mut self, args: &[Local], result: Local, path: &[Operand]) {
        let functions = self.module.dynamic_functions();
        self.push_constant(functions);
        for step in path {
            self.push(*step);
            self.call("sg_get");
        }
        let found = self.temporary();
        self.emit().local_tee(found).i32_eqz();
        self.fail_if();
        self.get(found);
        let both = memory(layout::TAG_OFFSET, 1);
        let integer = i32::from(layout::TAG_NUMBER) | (i32::from(layout::NUMBER_INT) << 8);
        // The path may end before a function does: what is found there is an object.
        self.emit().i32_load16_u(both).i32_const(integer).i32_ne();
        self.fail_if();
        for arg in args {
            self.push(Operand::Local(*arg));
        }
        self.get(found);
        self.emit().i32_load(word(layout::INT_OFFSET));
        self.call_indirect(2, true);
        self.tee(result);
        self.emit().i32_eqz();
        self.open_if();
        self.leave(3);
        self.close();
    }

    fn compile_return(&mut self, source: Local) {
        self.push(Operand::Local(source));
        let crossed: Vec<Frame> = self.frames.iter().rev().copied().collect();
        for frame in crossed {
            self.restore(frame);
        }
        if let Returns::Memo(address) = self.returns {
            let result = self.temporary();
            self.emit().local_set(result);
            self.emit().i32_const(address.cast_signed());
            self.get(result);
            self.emit().i32_store(word(4)).i32_const(address.cast_signed());
            self.global_get(super::GENERATION);
            self.emit().i32_store(word(0));
            self.get(result);
        }
        self.emit().return_();
    }

    /// `for i in 0..len(source) { key = …; value = …; body }`
    fn compile_scan(&mut self, source: Local, key: Local, value: Local, block: &Block) -> Result<(), CodegenError> {
        let (length, index) = (self.temporary(), self.temporary());
        self.push(Operand::Local(source));
        self.call("sg_len");
        self.emit().local_set(length).i32_const(0).local_set(index);
        self.flush_all();
        let exit = self.open_block();
        // What the body touches is not known at the beginning of a later turn.
        super::folding::assigned_in(block, &mut |local| {
            self.known.remove(&local);
            self.defined.insert(local);
        });
        let label = self.open_loop();
        self.get(index);
        self.get(length);
        self.emit().i32_ge_s();
        self.branch_if(exit);
        for (target, function) in [(key, "sg_iter_key"), (value, "sg_iter_value")] {
            if self.folding.is_read(target) {
                self.push(Operand::Local(source));
                self.get(index);
                self.call(function);
                self.set(target);
            }
        }
        self.get(index);
        self.emit().i32_const(1).i32_add().local_set(index);
        self.framed(Frame::Scan { label }, block)?;
        self.branch(label);
        self.close();
        self.close();
        for local in [key, value] {
            self.known.remove(&local);
            self.defined.insert(local);
        }
        Ok(())
    }

    /// ```wat
    /// block $done
    ///   block $undefined … body … restore, br $done end
    ///   restore, br $enclosing
    /// end
    /// ```
    fn compile_with(
        &mut self,
        local: Local,
        path: Vec<ConstId>,
        value: Operand,
        block: &Block,
    ) -> Result<(), CodegenError> {
        let (saved, generation) = (self.temporary(), self.temporary());
        let index = self.local(local);
        self.push(Operand::Local(local));
        self.emit().local_set(saved);
        if path.is_empty() {
            self.push(value);
        } else {
            let path = self.module.constants.array(path);
            self.push(Operand::Local(local));
            self.push_constant(path);
            self.push(value);
            self.call("sg_path_put");
        }
        self.set(local);
        if self.module.memo_count > 0 {
            self.global_get(super::GENERATION);
            self.emit().local_set(generation);
            self.global_get(super::LAST_GENERATION);
            self.emit().i32_const(1).i32_add();
            self.global_set(super::LAST_GENERATION);
            self.global_get(super::LAST_GENERATION);
            self.global_set(super::GENERATION);
        }
        let done = self.open_block();
        let label = self.open_block();
        let frame = Frame::With { label, local: index, saved, generation };
        self.framed(frame, block)?;
        self.restore(frame);
        self.branch(done);
        self.close();
        self.restore(frame);
        self.fail();
        self.close();
        Ok(())
    }
}

/// An aligned word at an offset.
pub(super) fn word(offset: u32) -> MemArg {
    memory(offset, 2)
}

fn memory(offset: u32, align: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align, target: MemArgTarget::Memory(0), ordering: None }
}
