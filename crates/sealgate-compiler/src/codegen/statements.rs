//! Compiles each kind of statement.

use sealgate_kernel::layout;
use wasm_encoder::{BlockType, ValType};

use super::constants::ConstId;
use super::function::{Frame, FunctionCompiler, Returns, memory, word};
use super::traced::Question;
use super::{CodegenError, GENERATION, LAST_GENERATION};
use crate::ir::{Block, Local, Location, Operand, Statement, Stmt};
use crate::link::Target;

impl FunctionCompiler<'_, '_> {
    /// Compiles a statement; `behind` is the next one of its block.
    pub(super) fn statement(&mut self, statement: &Statement, behind: Option<&Statement>) -> Result<(), CodegenError> {
        match &statement.stmt {
            Stmt::ArrayAppend { value, array: target } if self.gathered.contains(target) => {
                self.gather("sg_array_gather", *target, *value);
            }
            Stmt::SetAdd { value, set: target } if self.gathered.contains(target) => {
                self.gather("sg_set_gather", *target, *value);
            }
            Stmt::ArrayAppend { value, array } => self.mutate("sg_array_push", *array, &[*value]),
            Stmt::AssignInt { value, target } | Stmt::MakeNumberInt { value, target } => {
                let id = self.module.integer(*value);
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
            Stmt::Call { func, args, result } => self.compile_call(func, args, *result, statement.location)?,
            Stmt::CallDynamic { args, result, path } => self.compile_call_dynamic(args, *result, path),
            Stmt::Dot { source: Operand::Local(source), key: Operand::String(key), target }
                if self.input_member(*source, *key, *target, behind)? => {}
            Stmt::Dot { source, key, target } => {
                let is_base = self.is_base(*source);
                if !self.guessed_member(*source, *key, *target) {
                    self.push(*source);
                    self.push(*key);
                    self.call(if is_base { "sg_get_base" } else { "sg_get" });
                    self.tee(*target);
                    self.fail_unless_defined(*target);
                }
                self.set_base(*target, is_base);
            }
            Stmt::Equal { a, b } => self.compile_equal(*a, *b, true),
            Stmt::NotEqual { a, b } => self.compile_equal(*a, *b, false),
            Stmt::IsArray { source } => self.is_tag(*source, layout::TAG_ARRAY),
            Stmt::IsObject { source } => self.is_tag(*source, layout::TAG_OBJECT),
            Stmt::IsSet { source } => self.is_tag(*source, layout::TAG_SET),
            Stmt::IsDefined { source } => {
                self.push(Operand::Local(*source));
                self.fail_unless_defined(*source);
            }
            Stmt::IsUndefined { source } => {
                if self.defined.contains(source) {
                    self.push(Operand::Local(*source));
                    self.fail_if();
                    // Until it is assigned; behind this block it may be defined.
                    self.touch(*source);
                    self.defined.remove(source);
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
                let id = self.module.null();
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
                self.conflict(statement.location, "eval_conflict_error: object insert conflict");
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

    /// Adds to a collection that is made with its first element.
    fn gather(&mut self, function: &'static str, collection: Local, value: Operand) {
        let index = self.local(collection);
        self.get(index);
        self.push(value);
        self.call(function);
        self.emit().local_set(index);
    }

    fn is_tag(&mut self, source: Operand, tag: u8) {
        // An undefined source reads the tag at address 0, the far end of the shadow stack, which is 0: null's.
        self.push(source);
        self.header_of();
        self.emit().i32_load8_u(memory(layout::TAG_OFFSET, 0)).i32_const(i32::from(tag)).i32_ne();
        self.fail_if();
    }

    /// Turns the value on the stack into an address whose tag can be read: that of its header, or 0 for a small integer,
    /// which has none.
    pub(super) fn header_of(&mut self) {
        let value = self.temporary();
        let inline = layout::INLINE_BIT.cast_signed();
        self.emit().local_tee(value).local_get(value).i32_const(inline).i32_and();
        self.emit().i32_const(1).i32_sub().i32_and();
    }

    fn compile_equal(&mut self, a: Operand, b: Operand, want: bool) {
        let (left, right) = (self.constant_of(a), self.constant_of(b));
        if let (Some(left), Some(right)) = (left, right) {
            if self.module.holds(Question::AreEqual(left, right)) != want {
                self.fail();
            }
            return;
        }
        let constant = [left, right].into_iter().flatten().find_map(|id| self.module.as_bool(id));
        if let Some(value) = constant {
            self.push(if left.is_some() { b } else { a });
            self.header_of();
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
        if let Some((id, value)) = left.map(|id| (id, b)).or(right.map(|id| (id, a)))
            && self.compare_with(value, id, want)
        {
            return;
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
            self.conflict(location, "eval_conflict_error: var assignment conflict");
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

    fn compile_call(
        &mut self,
        name: &str,
        args: &[Operand],
        result: Local,
        location: Location,
    ) -> Result<(), CodegenError> {
        if self.compile_match(name, args, result, location) {
            return Ok(());
        }
        if let Some(function) = self.module.place_of_function(name) {
            self.call_function(name, function, args, result);
            return Ok(());
        } else if let Some(symbol) = self.module.kernel_builtin(name, args.len()) {
            for arg in args {
                self.push(*arg);
            }
            self.call_target(symbol);
            self.builtin_result(name, args, result, location);
            return Ok(());
        } else {
            let (dispatcher, id) = self.module.host_builtin(name, args.len())?;
            self.emit().i32_const(id);
            self.push_call_place(location);
            for arg in args {
                self.push(*arg);
            }
            self.call(dispatcher);
            if !self.module.has_result(name) {
                self.emit().drop();
                return Ok(());
            }
        }
        self.call_result(result);
        Ok(())
    }

    /// Stores what a function of the plan gives; the statement is undefined if it gives nothing. A result that is kept is
    /// looked for here: a call costs several times as much.
    fn call_function(&mut self, name: &str, function: u32, args: &[Operand], target: Local) {
        let Some(address) = self.module.memo_slot(name) else {
            for arg in args {
                self.push(*arg);
            }
            self.call_target(Target::Function(function));
            return self.call_result(target);
        };
        if let Some(result) = self.called.get(&address).copied() {
            self.get(result);
            self.set(target);
            return self.note_defined(target);
        }
        let (result, done) = (self.temporary(), self.open_block());
        self.emit().i32_const(address.cast_signed()).i32_load(word(4)).local_set(result);
        self.push_memo_is_valid(address);
        self.branch_if(done);
        for arg in args {
            self.push(*arg);
        }
        self.call_target(Target::Function(function));
        self.emit().local_set(result);
        self.close();
        self.get(result);
        self.call_result(target);
        self.called.insert(address, result);
    }

    /// Stores the result of a call; the statement is undefined if the result is.
    pub(super) fn call_result(&mut self, result: Local) {
        self.tee(result);
        self.fail_unless_defined(result);
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
        // The path may end before a function does: what is found there is an object.
        self.emit().i32_const(layout::INLINE_BIT.cast_signed()).i32_and().i32_eqz();
        self.fail_if();
        for arg in args {
            self.push(Operand::Local(*arg));
        }
        self.get(found);
        self.emit().i32_const(1).i32_shr_u();
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
            self.global_get(GENERATION);
            self.emit().i32_store(word(0));
            self.get(result);
        }
        self.emit().return_();
    }

    /// `for i in 0..len(source) { key = …; value = …; body }`
    fn compile_scan(&mut self, source: Local, key: Local, value: Local, block: &Block) -> Result<(), CodegenError> {
        let is_base = self.is_base(Operand::Local(source));
        let (length, index, elements) = (self.temporary(), self.temporary(), self.temporary());
        self.measure(source, length, elements);
        self.emit().i32_const(0).local_set(index);
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
        if self.folding.is_read(key) {
            self.push_part("sg_iter_key", source, index);
            self.set(key);
        }
        if self.folding.is_read(value) {
            self.get(elements);
            self.emit().if_(BlockType::Result(ValType::I32));
            self.get(elements);
            self.get(index);
            self.emit().i32_const(2).i32_shl().i32_add().i32_load(word(0)).else_();
            self.push_part("sg_iter_value", source, index);
            self.emit().end();
            self.set(value);
        }
        self.set_base(value, is_base);
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

    /// Pushes what the kernel gives of an element.
    fn push_part(&mut self, function: &'static str, source: Local, index: u32) {
        self.push(Operand::Local(source));
        self.get(index);
        self.call(function);
    }

    /// Sets how many elements a collection has, and where they lie if it is an array with an ordinary header, else 0.
    fn measure(&mut self, source: Local, length: u32, elements: u32) {
        let both = memory(layout::TAG_OFFSET, 1);
        self.emit().i32_const(0).local_set(elements);
        self.push(Operand::Local(source));
        self.header_of();
        self.emit().local_tee(length).i32_load16_u(both).i32_const(i32::from(layout::TAG_ARRAY)).i32_eq();
        self.open_if();
        self.get(length);
        self.emit().i32_load(word(layout::PTR_OFFSET)).local_set(elements);
        self.get(length);
        self.emit().i32_load(word(layout::LEN_OFFSET)).local_set(length).else_();
        self.push(Operand::Local(source));
        self.call("sg_len");
        self.emit().local_set(length);
        self.close();
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
            let path = self.module.array(path);
            self.push(Operand::Local(local));
            self.push_constant(path);
            self.push(value);
            self.call("sg_path_put");
        }
        self.set(local);
        if self.module.has_memos() {
            self.global_get(GENERATION);
            self.emit().local_set(generation);
            self.global_get(LAST_GENERATION);
            self.emit().i32_const(1).i32_add();
            self.global_set(LAST_GENERATION);
            self.global_get(LAST_GENERATION);
            self.global_set(GENERATION);
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
