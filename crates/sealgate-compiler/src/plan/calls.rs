//! Calls of functions and builtins, and of what `with` put in their place.

use sealgate_diagnostics::Span;
use sealgate_rego::builtins::Builtin;
use sealgate_rego::resolved::{Call, Callee, DocumentId, Term};

use crate::ir::{Local, Operand, Stmt};

use super::contexts::{Mock, Mocked};
use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans a call as an expression.
    pub(super) fn call(&mut self, call: &Call, span: Span) {
        let args: Vec<Operand> = call.args.iter().map(|arg| self.term(arg)).collect();
        let mocked = match call.callee {
            Callee::Function(id) => Mocked::Function(id),
            Callee::Builtin(builtin) => Mocked::Builtin(builtin.name),
        };
        let output = call.output.as_ref();
        match self.planner.contexts.mock(self.context, mocked) {
            Some(Mock::Value(place)) => {
                let value = self.extras.get(place).copied().unwrap_or(Operand::Bool(false));
                self.output(value, output);
            }
            Some(Mock::Builtin(builtin)) => self.builtin(builtin, args, output),
            Some(Mock::Function(id)) => {
                // What stands in for a function sees the functions as they are.
                let mut context = self.planner.contexts.get(self.context);
                context.mocks.clear();
                let inside = self.planner.contexts.intern(context);
                let outside = std::mem::replace(&mut self.context, inside);
                let result = self.function(id, args);
                self.context = outside;
                self.output(result.into(), output);
            }
            None => match call.callee {
                Callee::Function(id) => {
                    let result = self.function(id, args);
                    self.output(result.into(), output);
                }
                Callee::Builtin(builtin) if builtin.is_variadic() => {
                    self.planner.refuse(format!("`{}` cannot be compiled", builtin.name), span);
                }
                Callee::Builtin(builtin) => self.builtin(builtin, args, output),
            },
        }
    }

    /// The value of a document.
    pub(super) fn document_value(&mut self, id: DocumentId) -> Operand {
        self.function(id, Vec::new()).into()
    }

    fn function(&mut self, id: DocumentId, own: Vec<Operand>) -> Local {
        let func = self.planner.function(id, self.context);
        let mut args = vec![Operand::Local(Local::INPUT), Operand::Local(Local::DATA)];
        args.extend(&self.extras);
        args.extend(own);
        let result = self.local();
        self.emit(Stmt::Call { func, args, result });
        result
    }

    fn builtin(&mut self, builtin: &'static Builtin, args: Vec<Operand>, output: Option<&Term>) {
        self.planner.builtins.insert(builtin.name);
        let result = self.local();
        self.emit(Stmt::Call { func: builtin.name.to_owned(), args, result });
        if !builtin.is_relation() {
            if builtin.result.is_some() || output.is_some() {
                self.output(result.into(), output);
            }
            return;
        }
        match output {
            Some(output) => {
                let (_, value) = self.open_scan(result);
                self.unify_value(value.into(), output);
            }
            None => {
                let (size, zero) = (self.local(), self.local());
                self.emit(Stmt::Len { source: result.into(), target: size });
                self.emit(Stmt::MakeNumberInt { value: 0, target: zero });
                self.emit(Stmt::NotEqual { a: size.into(), b: zero.into() });
            }
        }
    }

    fn output(&mut self, value: Operand, output: Option<&Term>) {
        match output {
            Some(output) => self.unify_value(value, output),
            None => self.emit(Stmt::NotEqual { a: value, b: Operand::Bool(false) }),
        }
    }
}
