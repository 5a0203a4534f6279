//! `with`: what is replaced, and by what.

use std::sync::Arc;

use sealgate_diagnostics::Span;

use crate::ast;
use crate::builtins::Builtin;
use crate::resolved::{Expr, RefHead, RuleTree, With, WithTarget, WithValue};

use super::super::TYPE_ERROR;
use super::calls::Function;
use super::{Lowering, Named};

impl Lowering<'_> {
    /// Lowers the replacements of an expression; values that need evaluation are bound in `out`, outside of the replacements.
    pub(super) fn withs(&mut self, withs: &[ast::With], out: &mut Vec<Expr>) -> Vec<With> {
        withs.iter().filter_map(|with| self.with(with, out)).collect()
    }

    fn with(&mut self, with: &ast::With, out: &mut Vec<Expr>) -> Option<With> {
        let target = self.with_target(&with.target)?;
        let value = match &target {
            WithTarget::Function(_) | WithTarget::Builtin(_) => self.replacement(&with.value),
            WithTarget::Input(_) | WithTarget::Data(_) => None,
        };
        if let (Some(wanted), Some(given)) =
            (self.arity_of_target(&target), value.as_ref().and_then(|value| self.arity_of_value(value)))
            && wanted != given
        {
            let message = format!("arity mismatch: a function of {wanted} arguments is replaced by one of {given}");
            self.error(TYPE_ERROR, message, with.span);
        }
        let value = match value {
            Some(value) => value,
            None => {
                let value = self.term(&with.value, out);
                WithValue::Term(self.bind_if_needed(value, out))
            }
        };
        Some(With { target, value, span: with.span })
    }

    fn arity_of_target(&self, target: &WithTarget) -> Option<usize> {
        match target {
            WithTarget::Function(id) => Some(self.arity(*id)),
            WithTarget::Builtin(builtin) => Some(builtin.arity()),
            WithTarget::Input(_) | WithTarget::Data(_) => None,
        }
    }

    fn arity_of_value(&self, value: &WithValue) -> Option<usize> {
        match value {
            WithValue::Function(id) => Some(self.arity(*id)),
            WithValue::Builtin(builtin) => Some(builtin.arity()),
            WithValue::Term(_) => None,
        }
    }

    fn with_target(&mut self, target: &ast::Term) -> Option<WithTarget> {
        let span = target.span;
        let (head, operands) = match &target.kind {
            ast::TermKind::Var(name) => (name, &[][..]),
            ast::TermKind::Ref(reference) => match &reference.head.kind {
                ast::TermKind::Var(name) => (name, reference.path.as_slice()),
                _ => return self.bad_target(target),
            },
            _ => return self.bad_target(target),
        };
        let mut keys: Vec<Arc<str>> = Vec::with_capacity(operands.len());
        for operand in operands {
            match &operand.kind {
                ast::TermKind::String(key) => keys.push(Arc::from(key.as_str())),
                _ => {
                    self.refuse("the path of a `with` target must be made of names", operand.span);
                    return None;
                }
            }
        }
        // `input` and `data` name the documents here even where a parameter shadows them.
        let (root, path) = match head.text.as_str() {
            "input" => (RefHead::Input, keys),
            "data" => (RefHead::Data, keys),
            _ => match self.named(&head.text) {
                Named::Global(global) => (global.head, global.path.iter().cloned().chain(keys).collect()),
                Named::Root(root) => (root, keys),
                Named::Local(_) | Named::Free => {
                    let name =
                        std::iter::once(head.text.as_str()).chain(keys.iter().map(|key| &**key)).collect::<Vec<_>>();
                    return match Builtin::find(&name.join(".")) {
                        Some(builtin) => self.builtin_target(builtin, span),
                        None => self.bad_target(target),
                    };
                }
            },
        };
        if root == RefHead::Input {
            return Some(WithTarget::Input(path));
        }
        self.data_target(path, span)
    }

    fn data_target(&mut self, path: Vec<Arc<str>>, span: Span) -> Option<WithTarget> {
        let mut node = RuleTree::ROOT;
        for (at, key) in path.iter().enumerate() {
            let Some(child) = self.unit.tree.child(node, key) else { break };
            node = child;
            let Some(id) = self.unit.tree.node(node).document else { continue };
            if at + 1 < path.len() {
                self.refuse("with keyword cannot partially replace virtual document(s)", span);
                return None;
            }
            if self.unit.documents.get(id.index()).is_some_and(|document| document.arity() > 0) {
                return Some(WithTarget::Function(id));
            }
        }
        Some(WithTarget::Data(path))
    }

    fn builtin_target(&mut self, builtin: &'static Builtin, span: Span) -> Option<WithTarget> {
        let problem = if matches!(builtin.name, "eq" | "rego.metadata.chain" | "rego.metadata.rule") {
            format!("replacement of `{}` invalid", builtin.name)
        } else if builtin.name.starts_with("internal.") {
            format!("replacement of internal function `{}` invalid", builtin.name)
        } else if builtin.is_relation() {
            "target must not be a relation".to_owned()
        } else if builtin.result.is_none() {
            "target must not be a void function".to_owned()
        } else {
            return Some(WithTarget::Builtin(builtin));
        };
        self.refuse(format!("with keyword replacing built-in function: {problem}"), span);
        None
    }

    /// A function or builtin as the replacement of another.
    fn replacement(&mut self, value: &ast::Term) -> Option<WithValue> {
        let (head, operands) = match &value.kind {
            ast::TermKind::Var(name) => (name, &[][..]),
            ast::TermKind::Ref(reference) => match &reference.head.kind {
                ast::TermKind::Var(name) => (name, reference.path.as_slice()),
                _ => return None,
            },
            _ => return None,
        };
        let mut keys: Vec<Arc<str>> = Vec::with_capacity(operands.len());
        for operand in operands {
            match &operand.kind {
                ast::TermKind::String(key) => keys.push(Arc::from(key.as_str())),
                _ => return None,
            }
        }
        let path = match self.named(&head.text) {
            Named::Global(global) if global.head == RefHead::Data => {
                global.path.iter().cloned().chain(keys).collect::<Vec<_>>()
            }
            Named::Root(RefHead::Data) => keys,
            Named::Free => {
                let name = std::iter::once(head.text.as_str()).chain(keys.iter().map(|key| &**key)).collect::<Vec<_>>();
                return Builtin::find(&name.join(".")).map(WithValue::Builtin);
            }
            Named::Local(_) | Named::Global(_) | Named::Root(_) => return None,
        };
        match self.unit.function(&path)? {
            Function::Document(id) => Some(WithValue::Function(id)),
            Function::Builtin(builtin) => Some(WithValue::Builtin(builtin)),
        }
    }

    fn bad_target(&mut self, target: &ast::Term) -> Option<WithTarget> {
        let message = "with keyword target must reference existing input, data, or a function";
        self.error(TYPE_ERROR, message, target.span);
        None
    }
}
