//! A Wasm function on the way: its code, locals, blocks and constants. What each statement becomes is in `statements.rs`.
//!
//! A local of the plan is a Wasm local that holds the address of a value, 0 while undefined. Every block of the plan is a
//! Wasm block, a scan is a loop; an undefined statement branches to the end of the innermost one. Along straight code the
//! compiler knows which locals hold constants and which are still undefined; where paths meet it forgets those that one of
//! them has touched.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};
use sealgate_kernel::input::PathId;
use wasm_encoder::{BlockType, Encode, InstructionSink, MemArg, MemArgTarget};

use super::constants::ConstId;
use super::folding::{Folding, Pending};
use super::inputs::Places;
use super::shapes::Shaped;
use super::traced::{Traced, Word};
use super::{CodegenError, Module};
use crate::ir::{Block, Local, Location, Operand, Statement, Stmt, StringIndex};
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
    /// A number.
    Word(Word),
}

/// A constant that is read more than once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held {
    /// It is in the code.
    Constant(ConstId),
    /// It was read from a record into a Wasm local.
    Local(u32),
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
    pub(super) module: Traced<'m, 'p>,
    pub(super) folding: &'m Folding,
    body: Body,
    params: u32,
    locals: HashMap<Local, u32>,
    pub(super) frames: Vec<Frame>,
    depth: u32,
    pub(super) known: HashMap<Local, ConstId>,
    pub(super) pending: HashMap<Local, Pending>,
    /// Objects that will be made by a shape once they are whole.
    pub(super) shaped: HashMap<Local, Shaped>,
    /// Locals whose collection is the empty constant until something is added.
    pub(super) gathered: HashSet<Local>,
    pub(super) defined: HashSet<Local>,
    /// Locals that are sure to be defined, and the ones among them that became so in the blocks that are open.
    certain: HashSet<Local>,
    became_certain: Vec<Local>,
    /// The Wasm locals with the results of rules that were asked for, are kept, and are defined, by the address of the result.
    pub(super) called: BTreeMap<u32, u32>,
    touched: Vec<Local>,
    /// The places of the input that locals stand for.
    places: Places,
    /// Locals that hold what was looked up in base data, whose keys are text.
    base: HashSet<Local>,
    /// How often each Wasm local is read, and the code that merely gives a local a constant.
    gets: Vec<u32>,
    constant_sets: Vec<(u32, std::ops::Range<u32>)>,
    source: ConstantSource,
    pub(super) returns: Returns,
    /// The Wasm local of the result set, in a plan.
    pub(super) result_set: Option<u32>,
    /// The local whose first constant value ends the outermost block.
    pub(super) early_exit: Option<Local>,
}

impl<'m, 'p> FunctionCompiler<'m, 'p> {
    /// A function whose Wasm parameters are `params`, followed by `extra` more that no local of the plan names.
    pub(super) fn new(module: &'m mut Module<'p>, folding: &'m Folding, params: &[Local], extra: u32) -> Self {
        let count = u32::try_from(params.len()).unwrap_or(u32::MAX);
        let places = module.input.iter().map(|_| (Local::INPUT, PathId::ROOT)).collect();
        Self {
            places,
            module: Traced::new(module),
            folding,
            body: Body::default(),
            params: count + extra,
            locals: params.iter().copied().zip(0..).collect(),
            frames: Vec::new(),
            depth: 0,
            known: HashMap::default(),
            pending: HashMap::default(),
            shaped: HashMap::default(),
            gathered: HashSet::default(),
            defined: params.iter().copied().collect(),
            certain: HashSet::default(),
            became_certain: Vec::new(),
            called: BTreeMap::new(),
            touched: Vec::new(),
            base: HashSet::default(),
            gets: Vec::new(),
            constant_sets: Vec::new(),
            source: ConstantSource::Immediate,
            returns: Returns::Plain,
            result_set: None,
            early_exit: None,
        }
    }

    /// Whether errors of builtins end the evaluation, so that nothing may be skipped that OPA would evaluate.
    pub(super) fn is_strict(&self) -> bool {
        self.module.is_strict()
    }

    /// Takes constants from the record whose address is in a Wasm local.
    pub(super) fn constants_from_record(&mut self, local: u32) {
        self.source = ConstantSource::Record { local, slots: Vec::new() };
    }

    /// Whether constants come from a record, as in code that many bodies share.
    pub(super) fn takes_constants_from_record(&self) -> bool {
        matches!(self.source, ConstantSource::Record { .. })
    }

    /// Returns the result that is kept in a memo slot, if it is of this generation; else goes on, and returns will store.
    pub(super) fn memoise(&mut self, address: u32) {
        self.returns = Returns::Memo(address);
        self.push_memo_is_valid(address);
        self.open_if();
        self.emit().i32_const(address.cast_signed()).i32_load(word(4)).return_();
        self.close();
    }

    /// Pushes whether the result in a memo slot is of this generation.
    pub(super) fn push_memo_is_valid(&mut self, address: u32) {
        self.emit().i32_const(address.cast_signed()).i32_load(word(0));
        self.global_get(super::GENERATION);
        self.emit().i32_eq();
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
                    let offset = super::dispatch::records::record_offset(record.len());
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
            super::dispatch::records::record_offset(record.len()).encode(&mut body.code);
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
            Operand::Bool(value) => Some(self.module.bool(value)),
        }
    }

    /// Pushes the address of a constant.
    pub(super) fn push_constant(&mut self, id: ConstId) {
        // Booleans recur in every body: as slots they would only cost a load.
        if let ConstantSource::Record { .. } = self.source
            && self.module.as_bool(id).is_none()
        {
            return self.push_slot(Slot::Constant(id));
        }
        let address = self.module.address(id);
        self.emit().i32_const(address.cast_signed());
    }

    /// Puts a constant that is to be read more than once where that costs least.
    pub(super) fn hold_constant(&mut self, id: ConstId) -> Held {
        match self.source {
            ConstantSource::Immediate => Held::Constant(id),
            ConstantSource::Record { .. } => {
                let local = self.temporary();
                self.push_constant(id);
                self.emit().local_set(local);
                Held::Local(local)
            }
        }
    }

    /// Pushes a constant that is held.
    pub(super) fn push_held(&mut self, held: Held) {
        match held {
            Held::Constant(id) => self.push_constant(id),
            Held::Local(local) => self.get(local),
        }
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
    pub(super) fn push_word(&mut self, word: Word) {
        let number = self.module.word(word);
        match self.source {
            ConstantSource::Immediate => {
                self.emit().i32_const(number.cast_signed());
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

    pub(super) fn tee(&mut self, local: Local) {
        let index = self.assigned(local);
        self.emit().local_tee(index);
    }

    /// Notes that a local has got a value that is not known; gives its Wasm local.
    pub(super) fn assigned(&mut self, local: Local) -> u32 {
        self.touch(local);
        self.known.remove(&local);
        self.defined.insert(local);
        self.local(local)
    }

    pub(super) fn touch(&mut self, local: Local) {
        self.pending.remove(&local);
        self.places.remove(&local);
        self.base.remove(&local);
        self.shaped.remove(&local);
        self.certain.remove(&local);
        self.touched.push(local);
    }

    /// Leaves the innermost block unless a local, whose value is on the stack, is defined.
    pub(super) fn fail_unless_defined(&mut self, local: Local) {
        self.fail_unless();
        self.note_defined(local);
    }

    /// Notes that a local is defined, as long as nothing assigns it, up to the end of the innermost block.
    pub(super) fn note_defined(&mut self, local: Local) {
        if self.certain.insert(local) {
            self.became_certain.push(local);
        }
    }

    /// Whether a local is sure to be defined.
    pub(super) fn is_certain(&self, local: Local) -> bool {
        self.certain.contains(&local)
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
    pub(super) fn fail_if(&mut self) {
        if let Some(frame) = self.frames.last().copied() {
            self.branch_if(frame.label());
        }
    }

    /// Leaves the innermost block if the number on the stack is 0.
    pub(super) fn fail_unless(&mut self) {
        self.emit().i32_eqz();
        self.fail_if();
    }

    pub(super) fn fail(&mut self) {
        self.leave(0);
    }

    /// Leaves `index + 1` blocks, undoing every `with` on the way.
    pub(super) fn leave(&mut self, index: usize) {
        let Some(target) = self.frames.len().checked_sub(index + 1) else { return };
        let crossed: Vec<Frame> = self.frames.iter().skip(target + 1).rev().copied().collect();
        for frame in crossed {
            self.restore(frame);
        }
        if let Some(frame) = self.frames.get(target).copied() {
            self.branch(frame.label());
        }
    }

    pub(super) fn restore(&mut self, frame: Frame) {
        if let Frame::With { local, saved, generation, .. } = frame {
            self.get(saved);
            self.emit().local_set(local);
            if self.module.has_memos() {
                self.get(generation);
                self.global_set(super::GENERATION);
            }
        }
    }

    /// Aborts evaluation with OPA's message for a conflict.
    pub(super) fn conflict(&mut self, location: Location, message: &'static str) {
        self.push_word(Word::File(location));
        self.push_word(Word::Row(location));
        self.push_word(Word::Column(location));
        let message = self.module.message(message);
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

    /// Compiles a block and pushes what it leaves in a local, 0 where the local is undefined. If the block does nothing but
    /// give a constant: which one.
    pub(super) fn block_with_value(&mut self, block: &Block, value: Local) -> Result<Option<ConstId>, CodegenError> {
        // Where the block ends with the assignment, its value need not go through the local.
        let last = match block.stmts.last().map(|last| &last.stmt) {
            Some(Stmt::AssignVarOnce { source, target }) if *target == value => Some(*source),
            _ => None,
        };
        let label = self.open_block();
        let sure = !self.defined.contains(&value) && last.is_some();
        let start = self.here();
        let mut constant = None;
        self.framed_until(Frame::Block { label }, block, |this| {
            if sure && let Some(id) = last.and_then(|source| this.constant_of(source)) {
                let sets = this.constant_sets.iter().filter(|(_, range)| range.start >= start);
                let length: u32 = sets.map(|(_, range)| range.end - range.start).sum();
                constant = (length == this.here() - start).then_some(id);
                this.push_constant(id);
                this.emit().return_();
            }
        })?;
        self.close();
        self.push(Operand::Local(value));
        Ok(constant)
    }

    /// Notes that a local may have any value now.
    pub(super) fn forget(&mut self, local: Local) {
        self.touch(local);
        self.known.remove(&local);
        self.defined.insert(local);
    }

    /// Compiles statements in a frame; afterwards nothing is known of the locals that they touch.
    pub(super) fn framed(&mut self, frame: Frame, block: &Block) -> Result<(), CodegenError> {
        self.framed_until(frame, block, |_| {})
    }

    /// The same, with something more to be done at the end of the statements.
    fn framed_until(&mut self, frame: Frame, block: &Block, end: impl FnOnce(&mut Self)) -> Result<(), CodegenError> {
        self.flush_all();
        self.frames.push(frame);
        let (mark, certain) = (self.touched.len(), self.became_certain.len());
        // What is called inside may not have been called behind; and other documents give other results.
        let called = self.called.clone();
        if matches!(frame, Frame::With { .. }) {
            self.called.clear();
        }
        self.statements(block)?;
        self.flush_all();
        end(self);
        self.called = called;
        for local in self.became_certain.drain(certain..) {
            self.certain.remove(&local);
        }
        self.frames.pop();
        // The list stays as it is: the block around this one forgets the same locals at its own end.
        for local in self.touched.get(mark..).unwrap_or_default() {
            self.known.remove(local);
            self.defined.insert(*local);
            self.places.remove(local);
            self.base.remove(local);
            self.certain.remove(local);
        }
        Ok(())
    }

    /// Compiles a block that gives an operand's value, or 0 if it is left before its end.
    pub(super) fn block_giving(&mut self, block: &Block, value: Operand) -> Result<(), CodegenError> {
        let label = self.open_block();
        self.framed_until(Frame::Block { label }, block, |this| {
            this.push(value);
            this.emit().return_();
        })?;
        self.close();
        self.emit().i32_const(0);
        Ok(())
    }

    /// Whether an operand is base data or looked up in it; what `with` puts into `data` is not.
    pub(super) fn is_base(&self, operand: Operand) -> bool {
        let Operand::Local(local) = operand else { return false };
        if local != Local::DATA {
            return self.base.contains(&local);
        }
        let index = self.locals.get(&local);
        !self.frames.iter().any(|frame| matches!(frame, Frame::With { local, .. } if Some(local) == index))
    }

    /// Notes whether a local that was just assigned holds base data.
    pub(super) fn set_base(&mut self, local: Local, is_base: bool) {
        if is_base {
            self.base.insert(local);
        }
    }

    /// Pushes what the slot of a place of the input holds.
    pub(super) fn push_input(&mut self, place: PathId) {
        let address = self.module.input().map_or(0, |input| input.address(place));
        self.emit().i32_const(0).i32_load(word(address));
    }

    /// A lookup in a place of the input that has slots for its members; whether it is one. `behind` is the statement behind it.
    pub(super) fn input_member(
        &mut self,
        source: Local,
        key: StringIndex,
        target: Local,
        behind: Option<&Statement>,
    ) -> Result<bool, CodegenError> {
        let Some(place) = self.places.get(&source).copied() else { return Ok(false) };
        let key = self.module.text(key);
        let next = match behind.map(|behind| &behind.stmt) {
            Some(Stmt::Dot { source: Operand::Local(source), key: Operand::String(key), .. }) if *source == target => {
                Some(self.module.text(*key))
            }
            _ => None,
        };
        let Some(input) = self.module.input() else { return Ok(false) };
        let Some(member) = input.paths.find(place, key) else {
            return if input.paths.is_whole(place) { Ok(false) } else { Err(CodegenError::Missing(key.to_owned())) };
        };
        // Where there is a member there is what it is a member of: only the last step of a path need be looked at.
        let is_step =
            self.folding.reads(target) == 1 && next.is_some_and(|key| input.paths.find(member, key).is_some());
        if is_step {
            self.touch(target);
            self.known.remove(&target);
        } else {
            self.push_input(member);
            self.tee(target);
            self.fail_unless_defined(target);
        }
        self.places.insert(target, member);
        Ok(true)
    }

    fn statements(&mut self, block: &Block) -> Result<(), CodegenError> {
        let last_changes = super::folding::last_changes(block);
        let mut statements = block.stmts.iter().enumerate().peekable();
        while let Some((place, statement)) = statements.next() {
            let last_change = last_changes.get(place).copied().flatten();
            if self.fold(block, place, last_change, &statement.stmt) || self.fill_shape(place, &statement.stmt) {
                continue;
            }
            let behind = statements.peek().map(|(_, behind)| *behind);
            if self.condition(statement, behind) {
                statements.next();
            } else {
                self.statement(statement, behind)?;
            }
        }
        Ok(())
    }
}

/// An aligned word at an offset.
pub(super) fn word(offset: u32) -> MemArg {
    memory(offset, 2)
}

pub(super) fn memory(offset: u32, align: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align, target: MemArgTarget::Memory(0), ordering: None }
}
