//! Terms: names resolved, calls and looked-into composites taken out into the expressions before.

use std::sync::Arc;

use sealgate_diagnostics::Span;

use crate::ast;
use crate::resolved::{Comprehension, ComprehensionHead, DocumentKind, Expr, Ref, RefHead, RuleTree, Term, TermKind};

use super::super::TYPE_ERROR;
use super::{Lowering, Named};

impl Lowering<'_> {
    /// Lowers a term; what must run before it goes to `out`.
    pub(super) fn term(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> Term {
        let span = term.span;
        let kind = match &term.kind {
            ast::TermKind::Null => TermKind::Null,
            ast::TermKind::Bool(value) => TermKind::Bool(*value),
            ast::TermKind::Number(text) => TermKind::Number(self.noted.text(text)),
            ast::TermKind::String(text) => TermKind::String(self.noted.text(text)),
            ast::TermKind::Template(parts) => return self.template(parts, span, out),
            ast::TermKind::Var(name) => {
                let kind = self.var(name);
                if let TermKind::Ref(reference) = &kind {
                    self.not_a_function(reference, span);
                }
                kind
            }
            ast::TermKind::Ref(reference) => {
                let reference = self.reference(reference, out);
                self.not_a_function(&reference, span);
                TermKind::Ref(reference)
            }
            ast::TermKind::Array(items) => TermKind::Array(self.terms(items, out)),
            ast::TermKind::Set(items) => TermKind::Set(self.terms(items, out)),
            ast::TermKind::Object(pairs) => {
                let mut pairs: Vec<_> =
                    pairs.iter().map(|(key, value)| (self.term(key, out), self.term(value, out))).collect();
                // Of keys that turn out to be equal the last in this order has its way.
                pairs.sort_by_key(|(key, _)| rank(key));
                TermKind::Object(pairs)
            }
            ast::TermKind::ArrayComprehension(head, body) => {
                self.comprehension(body, |this, out| ComprehensionHead::Array(this.comprehension_term(head, out)))
            }
            ast::TermKind::SetComprehension(head, body) => {
                self.comprehension(body, |this, out| ComprehensionHead::Set(this.comprehension_term(head, out)))
            }
            ast::TermKind::ObjectComprehension(key, value, body) => self.comprehension(body, |this, out| {
                let key = this.comprehension_term(key, out);
                ComprehensionHead::Object(key, this.comprehension_term(value, out))
            }),
            ast::TermKind::Call(call) => return self.call_value(call, span, out),
        };
        Term { kind, span }
    }

    /// Lowers several terms in order.
    pub(super) fn terms(&mut self, terms: &[ast::Term], out: &mut Vec<Expr>) -> Vec<Term> {
        terms.iter().map(|term| self.term(term, out)).collect()
    }

    /// What a name that stands alone means.
    pub(super) fn var(&mut self, name: &ast::Name) -> TermKind {
        if name.text == "_" {
            return TermKind::Var(self.scopes.wildcard(name.span));
        }
        match self.named(&name.text) {
            Named::Local(id) => TermKind::Var(id),
            Named::Root(head) => TermKind::Ref(Ref { head, path: Vec::new() }),
            Named::Global(global) => {
                let path =
                    global.path.iter().map(|key| Term { kind: TermKind::String(Arc::clone(key)), span: name.span });
                TermKind::Ref(Ref { head: global.head, path: path.collect() })
            }
            Named::Free => TermKind::Var(self.scopes.free(&name.text, name.span)),
        }
    }

    /// Lowers a reference; its head becomes `input`, `data` or a variable.
    pub(super) fn reference(&mut self, reference: &ast::Ref, out: &mut Vec<Expr>) -> Ref {
        let head = self.term(&reference.head, out);
        let mut lowered = self.looked_into(head, out);
        for operand in &reference.path {
            lowered.path.push(self.term(operand, out));
        }
        lowered
    }

    /// A function is no value: reports a reference to or into one.
    fn not_a_function(&mut self, reference: &Ref, span: Span) {
        if reference.head != RefHead::Data {
            return;
        }
        let mut node = RuleTree::ROOT;
        for operand in &reference.path {
            let TermKind::String(key) = &operand.kind else { return };
            let Some(child) = self.unit.tree.child(node, key) else { return };
            node = child;
            let Some(document) = self.unit.tree.node(node).document else { continue };
            let Some(document) = self.unit.documents.get(document.index()) else { return };
            if document.arity() > 0 || matches!(document.kind, DocumentKind::Function(_)) {
                let message = format!("function `{}` used as reference, not called", document.name());
                self.error(TYPE_ERROR, message, span);
            }
            return;
        }
    }

    fn comprehension(
        &mut self,
        body: &[ast::Expr],
        head: impl FnOnce(&mut Self, &mut Vec<Expr>) -> ComprehensionHead,
    ) -> TermKind {
        self.scopes.push(super::exprs::declared(body));
        let mut exprs = self.exprs(body);
        let head = head(self, &mut exprs);
        self.scopes.pop();
        TermKind::Comprehension(Box::new(Comprehension { head, body: exprs, index: None }))
    }

    fn comprehension_term(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> Term {
        let term = self.term(term, out);
        self.bind_if_needed(term, out)
    }
}

/// Where OPA sorts a key of an object: constants, variables by when they came up, references, composites.
fn rank(key: &Term) -> (u8, u32) {
    match &key.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => (0, 0),
        TermKind::Var(id) => (1, id.0),
        TermKind::Ref(_) => (2, 0),
        TermKind::Array(_) => (3, 0),
        TermKind::Object(_) => (4, 0),
        TermKind::Set(_) => (5, 0),
        TermKind::Comprehension(_) => (6, 0),
    }
}
