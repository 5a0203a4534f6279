//! `with`: input and data replaced while an expression runs, functions replaced for good in a context of their own.

use std::collections::BTreeSet;

use sealgate_rego::resolved::{Expr, WithTarget, WithValue};

use crate::ir::{Local, Operand, Stmt, StringIndex};

use super::contexts::{Context, Mock, Mocked};
use super::frame::Frame;

/// A part of input or data that is replaced.
struct Replaced {
    root: Local,
    path: Vec<StringIndex>,
    value: Operand,
}

impl Frame<'_, '_> {
    /// Plans an expression under its replacements.
    pub(super) fn with(&mut self, expr: &Expr) {
        let mut context = self.planner.contexts.get(self.context);
        let mut extras = self.extras.clone();
        let mut replaced = Vec::new();
        for with in &expr.with {
            match (&with.target, &with.value) {
                (WithTarget::Input(path), WithValue::Term(value)) => {
                    let value = self.term(value);
                    let path = path.iter().map(|key| self.planner.string(key)).collect();
                    replaced.push(Replaced { root: Local::INPUT, path, value });
                }
                (WithTarget::Data(path), WithValue::Term(value)) => {
                    let value = self.term(value);
                    context.shadowed.extend(self.planner.modules.tree.find(path.iter().map(|key| &**key)));
                    let path = path.iter().map(|key| self.planner.string(key)).collect();
                    replaced.push(Replaced { root: Local::DATA, path, value });
                }
                (WithTarget::Function(id), value) => {
                    let mock = self.mock(value, &mut context, &mut extras);
                    context.mocks.insert(Mocked::Function(*id), mock);
                }
                (WithTarget::Builtin(builtin), value) => {
                    let mock = self.mock(value, &mut context, &mut extras);
                    context.mocks.insert(Mocked::Builtin(builtin.name), mock);
                }
                (WithTarget::Input(_) | WithTarget::Data(_), WithValue::Function(_) | WithValue::Builtin(_)) => {
                    self.planner.refuse("a function cannot take the place of a document", with.span);
                }
            }
        }
        let context = self.planner.contexts.intern(context);
        let outside = (std::mem::replace(&mut self.context, context), std::mem::replace(&mut self.extras, extras));
        self.replaced(&replaced, expr);
        (self.context, self.extras) = outside;
    }

    fn mock(&mut self, value: &WithValue, context: &mut Context, extras: &mut Vec<Operand>) -> Mock {
        match value {
            WithValue::Function(id) => Mock::Function(*id),
            WithValue::Builtin(builtin) => Mock::Builtin(builtin),
            WithValue::Term(value) => {
                extras.push(self.term(value));
                context.extras = extras.len();
                Mock::Value(extras.len() - 1)
            }
        }
    }

    fn replaced(&mut self, replaced: &[Replaced], expr: &Expr) {
        if replaced.is_empty() {
            return self.without_with(expr);
        }
        let roots: BTreeSet<Local> = replaced.iter().map(|part| part.root).collect();
        let saved: Vec<(Local, Local)> = roots
            .into_iter()
            .map(|root| {
                let target = self.local();
                self.emit(Stmt::AssignVar { source: root.into(), target });
                (root, target)
            })
            .collect();
        let depth = self.depth();
        for part in replaced {
            self.open_with(part.root, part.path.clone(), part.value);
        }
        let inside = self.depth();
        self.without_with(expr);
        if self.depth() == inside {
            // What the expression bound stays in its locals when the replacements end.
            self.close_to(depth);
            return;
        }
        // What follows belongs into the scans that the expression opened, so that the replacements are undone in there.
        for (root, saved) in saved {
            self.open_with(root, Vec::new(), saved.into());
        }
    }
}
