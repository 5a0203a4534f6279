//! Conditions without a detour over boolean values: a call of a builtin whose result is only asked for being `false`, and
//! comparisons with constants.

use sealgate_kernel::layout;

use super::Module;
use super::access;
use super::constants::ConstId;
use super::function::{FunctionCompiler, memory};
use super::traced::{Question, Word};
use crate::ir::{Block, Func, Local, Operand, Statement, Stmt};

/// Tag and sub-tag of `true`.
const TRUE: i32 = (layout::TAG_BOOL as i32) | (1 << 8);
/// Tag, sub-tag and flag of an interned string, and the bits of all of them, in a header's first word.
const INTERNED: i32 = (layout::TAG_STRING as i32) | ((layout::FLAG_INTERNED as i32) << 16);
const INTERNED_MASK: i32 = 0xFFFF | ((layout::FLAG_INTERNED as i32) << 16);

/// Tag and sub-tag at once.
fn both() -> wasm_encoder::MemArg {
    memory(layout::TAG_OFFSET, 1)
}

/// Whether a statement does nothing but ask that `result` is anything but `false`.
pub(super) fn asks_for(statement: Option<&Statement>, result: Local) -> bool {
    matches!(
        statement.map(|statement| &statement.stmt),
        Some(Stmt::NotEqual { a: Operand::Local(tested), b: Operand::Bool(false) }) if *tested == result
    )
}

impl FunctionCompiler<'_, '_> {
    /// Takes care of a call and the statement behind it, if that only asks whether the result is anything but `false`.
    pub(super) fn condition(&mut self, call: &Statement, behind: Option<&Statement>) -> bool {
        let Stmt::Call { func, args, result } = &call.stmt else { return false };
        if !asks_for(behind, *result)
            || self.module.place_of_function(func).is_some()
            || args.contains(&Operand::Local(*result))
        {
            return false;
        }
        let known = match args.as_slice() {
            [value] => self.type_test(func, *value),
            [a, b] => match func.as_str() {
                "gt" | "gte" | "lt" | "lte" => self.order(func, *a, *b).is_some(),
                "internal.member_2" => self.member(*a, *b),
                _ => false,
            },
            _ => false,
        };
        if known {
            // Who reads the result finds what the call gave: `false` where the block is left here.
            let (no, yes) = (self.module.bool(false), self.module.bool(true));
            self.set_constant(*result, no);
            self.fail_unless();
            self.set_constant(*result, yes);
        }
        known
    }

    /// Pushes whether a value has a type. An undefined one reads the tag of null.
    fn type_test(&mut self, name: &str, value: Operand) -> bool {
        let tag = match name {
            "is_number" => layout::TAG_NUMBER,
            "is_string" => layout::TAG_STRING,
            "is_boolean" => layout::TAG_BOOL,
            "is_array" => layout::TAG_ARRAY,
            "is_object" => layout::TAG_OBJECT,
            "is_set" => layout::TAG_SET,
            _ => return false,
        };
        self.push(value);
        self.header_of();
        self.emit().i32_load8_u(memory(layout::TAG_OFFSET, 0)).i32_const(i32::from(tag)).i32_eq();
        if tag == layout::TAG_NUMBER {
            self.push(value);
            self.emit().i32_const(layout::INLINE_BIT.cast_signed()).i32_and().i32_or();
        }
        true
    }

    /// Pushes whether two values are in an order: small integers here, whose words are in the same one; everything else by
    /// the builtin. Nothing where a constant is no small integer.
    fn order(&mut self, name: &str, a: Operand, b: Operand) -> Option<()> {
        let builtin = self.module.kernel_builtin(name, 2)?;
        for operand in [a, b] {
            if let Some(id) = self.constant_of(operand) {
                self.module.ask(Question::IsSmall(id))?;
            }
        }
        let held = [a, b].map(|operand| self.constant_of(operand).map(|id| self.hold_constant(id)));
        let push = |this: &mut Self, at: usize, operand: Operand| match held.get(at).copied().flatten() {
            Some(held) => this.push_held(held),
            None => this.push(operand),
        };
        let answer = self.temporary();
        let done = self.open_block();
        let other = self.open_block();
        for operand in [a, b] {
            if self.constant_of(operand).is_none() {
                self.push(operand);
                self.emit().i32_const(layout::INLINE_BIT.cast_signed()).i32_and().i32_eqz();
                self.branch_if(other);
            }
        }
        push(self, 0, a);
        push(self, 1, b);
        match name {
            "gt" => self.emit().i32_gt_s(),
            "gte" => self.emit().i32_ge_s(),
            "lt" => self.emit().i32_lt_s(),
            _ => self.emit().i32_le_s(),
        };
        self.emit().local_set(answer);
        self.branch(done);
        self.close();
        push(self, 0, a);
        push(self, 1, b);
        self.call_target(builtin);
        self.emit().i32_load16_u(both()).i32_const(TRUE).i32_eq().local_set(answer);
        self.close();
        self.get(answer);
        Some(())
    }

    /// Pushes whether a value is in a constant collection of scalars.
    fn member(&mut self, value: Operand, collection: Operand) -> bool {
        let Some(id) = self.constant_of(collection) else { return false };
        if self.constant_of(value).is_some() {
            return false;
        }
        if !self.module.holds(Question::IsTabled(id)) {
            return false;
        }
        self.push_word(Word::Elements(id));
        self.push(value);
        self.call("sg_index_find1");
        true
    }

    /// Leaves the block unless a value is (or, if not `want`, is not) a constant. Whether it could tell without a call.
    pub(super) fn compare_with(&mut self, value: Operand, constant: ConstId, want: bool) -> bool {
        let is_empty_array = self.module.holds(Question::IsEmptyArray(constant));
        let is_integer = self.module.holds(Question::IsSmall(constant));
        if !is_empty_array && !is_integer && !self.module.holds(Question::IsText(constant)) {
            return false;
        }
        let done = self.open_block();
        let held = self.hold_constant(constant);
        if is_empty_array {
            // Another type, or an array with another header, is compared by the kernel.
            let header = self.temporary();
            let other = self.open_block();
            self.push(value);
            self.header_of();
            self.emit().local_tee(header).i32_load16_u(both()).i32_const(i32::from(layout::TAG_ARRAY)).i32_ne();
            self.branch_if(other);
            self.get(header);
            self.emit().i32_load(memory(layout::LEN_OFFSET, 2));
            if want {
                self.fail_if()
            } else {
                self.fail_unless()
            }
            self.branch(done);
            self.close();
        } else {
            // Constants that are equal are one, and strings of the input that equal one are that one.
            self.module.ask(Question::Intern(constant));
            self.push(value);
            self.push_held(held);
            self.emit().i32_eq();
            if want {
                self.branch_if(done)
            } else {
                self.fail_if()
            }
            self.push(value);
            if is_integer {
                // Another small integer is worth something else.
                self.emit().i32_const(layout::INLINE_BIT.cast_signed()).i32_and();
            } else {
                // Another string that was looked up among the constants, or is one, is another text. One load of tag, sub-tag
                // and flags: a sub-tag would be that of a header without flags.
                self.header_of();
                self.emit().i32_load(memory(layout::TAG_OFFSET, 2));
                self.emit().i32_const(INTERNED_MASK).i32_and().i32_const(INTERNED).i32_eq();
            }
            if want { self.fail_if() } else { self.branch_if(done) }
        }
        self.push(value);
        self.push_held(held);
        self.call("sg_equal");
        if want {
            self.fail_unless()
        } else {
            self.fail_if()
        }
        self.close();
        true
    }

    /// Pushes the member or element at a constant key, 0 if there is none, by a guess that is checked: where objects of this
    /// plan have the key, or a small index of an array. Whether there was anything to guess.
    pub(super) fn guessed_member(&mut self, source: Operand, key: Operand, target: Local) -> bool {
        let Operand::Local(source) = source else { return false };
        if self.known.contains_key(&source) {
            return false;
        }
        let Some(constant) = self.constant_of(key) else { return false };
        let (tag, place, stride) = match self.module.ask(Question::Index(constant)) {
            Some(index) if index < 16 => (layout::TAG_ARRAY, index, layout::ELEMENT_SIZE),
            Some(_) => return false,
            None => match self.module.ask(Question::Hint(constant)) {
                Some(place) => (layout::TAG_OBJECT, place, layout::PAIR_SIZE),
                None => return false,
            },
        };
        let (found, header) = (self.temporary(), self.temporary());
        let done = self.open_block();
        let other = self.open_block();
        self.push(Operand::Local(source));
        self.header_of();
        // A sub-tag would be that of another header.
        self.emit().local_tee(header).i32_load16_u(both()).i32_const(i32::from(tag)).i32_ne();
        self.branch_if(other);
        self.get(header);
        self.emit().i32_load(memory(layout::LEN_OFFSET, 2)).i32_const(place.cast_signed()).i32_le_u();
        self.branch_if(other);
        let mut offset = place * stride;
        self.get(header);
        self.emit().i32_load(memory(layout::PTR_OFFSET, 2));
        if tag == layout::TAG_OBJECT {
            // Only a constant key has its address, and a constant key is in an object once.
            self.emit().local_tee(found).i32_load(memory(offset, 2));
            self.push_constant(constant);
            self.emit().i32_ne();
            self.branch_if(other);
            self.get(found);
            offset += layout::ELEMENT_SIZE;
        }
        self.emit().i32_load(memory(offset, 2)).local_set(found);
        self.branch(done);
        self.close();
        let is_base = self.is_base(Operand::Local(source));
        self.push(Operand::Local(source));
        self.push_constant(constant);
        self.call(if is_base { "sg_get_base" } else { "sg_get" });
        self.emit().local_set(found);
        self.close();
        self.get(found);
        self.tee(target);
        self.fail_unless_defined(target);
        true
    }
}

impl Module<'_> {
    /// Notes the texts that the plan compares with, before any of them is laid out.
    pub(super) fn intern_compared(&mut self, funcs: &[&Func]) {
        let mut pending: Vec<&Block> = funcs.iter().flat_map(|func| &func.blocks).collect();
        while let Some(block) = pending.pop() {
            for statement in &block.stmts {
                if let Stmt::Equal { a, b } | Stmt::NotEqual { a, b } = &statement.stmt {
                    for operand in [a, b] {
                        if let Operand::String(index) = operand {
                            let text = self.string(*index);
                            self.constants.intern_string(text);
                        }
                    }
                }
                pending.extend(access::nested(&statement.stmt));
            }
        }
    }
}
