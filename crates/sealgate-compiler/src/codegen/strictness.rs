//! Code that ends the evaluation when a builtin fails, where errors of builtins are strict.
//!
//! A kernel builtin gives 0 for every failure, and nothing is done for a call that succeeds. After a 0 the kernel is asked
//! what it was, with the builtin's record (name, operands, what it says of other failures) and the place of the call, both
//! static data. It aborts, or returns where the result is undefined without an error. A builtin of the host gets the place as
//! its context, and the host ends the evaluation.

use sealgate_kernel::builtins::{Builtin, find};

use super::Module;
use super::function::FunctionCompiler;
use super::traced::Word;
use crate::ir::{Local, Location, Operand};

/// Operands that the kernel's function has room for.
const MOST_OPERANDS: usize = 4;

impl FunctionCompiler<'_, '_> {
    /// Stores the result of a kernel builtin that was called with `args`; the statement is undefined if the result is.
    pub(super) fn builtin_result(&mut self, name: &str, args: &[Operand], result: Local, location: Location) {
        let builtin = find(name).filter(|_| self.is_strict());
        let Some(builtin) = builtin else { return self.call_result(result) };
        // The result may go where an argument is, which is still needed.
        let value = self.temporary();
        self.emit().local_tee(value).i32_eqz();
        self.open_if();
        let record = self.module.builtin_record(builtin);
        self.emit().i32_const(record.cast_signed());
        self.push_call_place(location);
        for at in 0..MOST_OPERANDS {
            match args.get(at) {
                Some(arg) => self.push(*arg),
                None => {
                    self.emit().i32_const(0);
                }
            }
        }
        self.call("sg_builtin_failed");
        self.fail();
        self.close();
        self.get(value);
        self.set(result);
    }

    /// Pushes the address of a place's record; 0 where nobody asks for it.
    pub(super) fn push_call_place(&mut self, location: Location) {
        if self.is_strict() {
            self.push_word(Word::CallPlace(location));
        } else {
            self.emit().i32_const(0);
        }
    }
}

impl Module<'_> {
    pub(super) fn builtin_record(&mut self, builtin: &'static Builtin) -> u32 {
        if let Some(address) = self.builtin_records.get(builtin.name) {
            return *address;
        }
        let failure = if builtin.failure.is_empty() { "failed" } else { builtin.failure };
        let (name, failure) = (self.constants.text(builtin.name), self.constants.text(failure));
        let mut words = vec![name, u32::try_from(builtin.arity).unwrap_or_default(), failure];
        words.extend(builtin.operands.iter().map(|operand| operand.word()));
        words.resize(words.len() + MOST_OPERANDS.saturating_sub(builtin.operands.len()), 0);
        let address = self.constants.record(&words);
        self.builtin_records.insert(builtin.name, address);
        address
    }

    pub(super) fn call_place(&mut self, location: Location) -> u32 {
        if let Some(address) = self.places.get(&location) {
            return *address;
        }
        let file = self.file(location.file);
        let address = self.constants.record(&[file, location.row, location.col]);
        self.places.insert(location, address);
        address
    }
}
