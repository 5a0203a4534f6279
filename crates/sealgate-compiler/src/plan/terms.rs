//! Terms: the operand that holds a term's value.

use std::sync::Arc;

use sealgate_rego::resolved::{Term, TermKind};

use crate::ir::{Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans a term; its variables are bound, except those that a reference binds by going through keys.
    pub(super) fn term(&mut self, term: &Term) -> Operand {
        match &term.kind {
            TermKind::Null => {
                let target = self.local();
                self.emit(Stmt::MakeNull { target });
                target.into()
            }
            TermKind::Bool(value) => Operand::Bool(*value),
            TermKind::Number(text) => self.number(text),
            TermKind::String(text) => Operand::String(self.planner.string(text)),
            TermKind::Var(id) => self.lookup(*id).unwrap_or_else(|| {
                self.planner.refuse("this variable has no value here", term.span);
                Operand::Bool(false)
            }),
            TermKind::Ref(reference) => self.reference(reference, term.span),
            TermKind::Array(items) => {
                let target = self.local();
                let capacity = i32::try_from(items.len()).unwrap_or(i32::MAX);
                self.emit(Stmt::MakeArray { capacity, target });
                for item in items {
                    let value = self.term(item);
                    self.emit(Stmt::ArrayAppend { value, array: target });
                }
                target.into()
            }
            TermKind::Set(items) => {
                let target = self.local();
                self.emit(Stmt::MakeSet { target });
                for item in items {
                    let value = self.term(item);
                    self.emit(Stmt::SetAdd { value, set: target });
                }
                target.into()
            }
            TermKind::Object(pairs) => {
                let target = self.local();
                self.emit(Stmt::MakeObject { target });
                for (key, value) in pairs {
                    let (key, value) = (self.term(key), self.term(value));
                    self.emit(Stmt::ObjectInsert { key, value, object: target });
                }
                target.into()
            }
            TermKind::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    /// A string constant.
    pub(super) fn string(&mut self, text: &str) -> Operand {
        Operand::String(self.planner.string(&Arc::from(text)))
    }

    /// A number constant.
    pub(super) fn number(&mut self, text: &Arc<str>) -> Operand {
        let target = self.local();
        match text.parse::<i64>() {
            Ok(value) if value.to_string() == **text => self.emit(Stmt::MakeNumberInt { value, target }),
            _ => {
                let index = self.planner.string(text);
                self.emit(Stmt::MakeNumberRef { index, target });
            }
        }
        target.into()
    }
}
