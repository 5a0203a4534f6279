//! References: lookups by key, and scans where a key is not known.

use sealgate_diagnostics::Span;
use sealgate_rego::resolved::{Ref, RefHead, Term};

use crate::ir::{Local, Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans a reference.
    pub(super) fn reference(&mut self, reference: &Ref, span: Span) -> Operand {
        let head = match reference.head {
            RefHead::Data => return self.data(&reference.path),
            RefHead::Input => {
                if reference.path.is_empty() {
                    self.emit(Stmt::IsDefined { source: Local::INPUT });
                }
                Operand::Local(Local::INPUT)
            }
            RefHead::Var(id) => self.lookup(id).unwrap_or_else(|| {
                self.planner.refuse("this variable has no value here", span);
                Operand::Bool(false)
            }),
        };
        self.steps(head, &reference.path)
    }

    /// Looks into a value by operands; variables that are not bound go through all keys.
    pub(super) fn steps(&mut self, value: Operand, path: &[Term]) -> Operand {
        path.iter().fold(value, |value, operand| self.step(value, operand))
    }

    pub(super) fn step(&mut self, source: Operand, operand: &Term) -> Operand {
        if self.has_unbound(operand) {
            let source = self.as_local(source);
            let (key, value) = self.open_scan(source);
            self.unify_value(key.into(), operand);
            return value.into();
        }
        let key = self.term(operand);
        self.dot(source, key)
    }

    /// Looks a key up.
    pub(super) fn dot(&mut self, source: Operand, key: Operand) -> Operand {
        let target = self.local();
        self.emit(Stmt::Dot { source, key, target });
        target.into()
    }
}
