//! Bodies: declarations, assignments, `some`, `every`, and the expressions that calls are taken out into.

use std::sync::Arc;

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Span};

use crate::ast;
use crate::resolved::{Every, Expr, ExprKind, Ref, RefHead, Term, TermKind, VarId};

use super::super::COMPILE_ERROR;
use super::super::scope::{Meaning, Occurrence};
use super::{Lowering, Named};

/// The builtin that `=` stands for.
const EQUALITY: &str = "eq";

impl Lowering<'_> {
    /// Lowers a body into the innermost scope.
    pub(super) fn exprs(&mut self, body: &[ast::Expr]) -> Vec<Expr> {
        let mut out = Vec::with_capacity(body.len());
        for expr in body {
            self.expr(expr, &mut out);
        }
        out
    }

    fn expr(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) {
        let with = self.withs(&expr.with, out);
        let mut before = Vec::new();
        let Some(kind) = self.expr_kind(expr, &mut before) else { return };
        for mut extra in before {
            extra.with.clone_from(&with);
            out.push(extra);
        }
        out.push(Expr { kind, negated: expr.negated, with, span: expr.span });
    }

    fn expr_kind(&mut self, expr: &ast::Expr, before: &mut Vec<Expr>) -> Option<ExprKind> {
        Some(match &expr.kind {
            ast::ExprKind::Assign(left, right) => {
                // The right side is read before the left side declares anything.
                let right = self.term(right, before);
                if self.unit.guards_roots()
                    && let ast::TermKind::Var(name) = &left.kind
                    && is_root(name)
                {
                    let message = format!("variables must not shadow `{}`", name.text);
                    self.refuse(message, name.span);
                }
                if expr.negated {
                    self.refuse("cannot assign vars inside negated expression", expr.span);
                    return None;
                }
                ExprKind::Unify { left: self.assigned(left), right, assign: true }
            }
            ast::ExprKind::Term(ast::Term { kind: ast::TermKind::Call(call), span }) => {
                self.call(call, *span, before)?
            }
            ast::ExprKind::Term(term) => ExprKind::Term(self.term(term, before)),
            ast::ExprKind::Unify(left, right) => match self.named(EQUALITY) {
                Named::Free => {
                    self.scopes.called(EQUALITY);
                    let left = self.term(left, before);
                    ExprKind::Unify { left, right: self.term(right, before), assign: false }
                }
                // What has the builtin's name is called in its place, as with every operator.
                _ => {
                    let name = ast::Name { text: EQUALITY.to_owned(), span: expr.span };
                    let head = Box::new(ast::Term { kind: ast::TermKind::Var(name), span: expr.span });
                    let func = ast::Ref { head, path: Vec::new(), span: expr.span };
                    let call = ast::Call { func, args: vec![left.clone(), right.clone()], infix: true };
                    self.call(&call, expr.span, before)?
                }
            },
            ast::ExprKind::Some(names) => {
                for name in names {
                    self.declare(name, Occurrence::Declared);
                }
                return None;
            }
            ast::ExprKind::SomeIn { key, value, collection } => {
                self.some_in(key.as_ref(), value, collection, expr.span, before)
            }
            ast::ExprKind::Every { key, value, domain, body } => {
                let domain = self.term(domain, before);
                let domain = self.bind(domain, before);
                self.scopes.push(declared(body));
                let key = key.as_ref().and_then(|key| self.declare(key, Occurrence::Declared));
                let value = self.declare(value, Occurrence::Declared);
                let body = self.exprs(body);
                self.scopes.pop();
                ExprKind::Every(Box::new(Every { key, value: value?, domain, body }))
            }
            ast::ExprKind::Not(body) => {
                self.no_assignment(body, expr, "a negated expression");
                ExprKind::Not(self.closure(body))
            }
            ast::ExprKind::And(left, right) => {
                self.no_assignment(left, expr, "an operand of `and`");
                self.no_assignment(right, expr, "an operand of `and`");
                let left = self.closure(left);
                ExprKind::And(left, self.closure(right))
            }
            ast::ExprKind::Or(left, right) => {
                self.no_assignment(left, expr, "an operand of `or`");
                self.no_assignment(right, expr, "an operand of `or`");
                let left = self.closure(left);
                ExprKind::Or(left, self.closure(right))
            }
        })
    }

    /// An assignment without braces around it binds nothing for anybody.
    fn no_assignment(&mut self, body: &[ast::Expr], around: &ast::Expr, what: &str) {
        let [only] = body else { return };
        // Braces would stand between the ends of the whole and its body.
        let bare = only.span.start == around.span.start || only.span.end == around.span.end;
        if bare && matches!(only.kind, ast::ExprKind::Assign(..)) {
            self.refuse(format!("cannot assign vars inside {what} without braces"), only.span);
        }
    }

    fn closure(&mut self, body: &[ast::Expr]) -> Vec<Expr> {
        self.scopes.push(declared(body));
        let body = self.exprs(body);
        self.scopes.pop();
        body
    }

    /// Declares the variables on the left of `:=`.
    fn assigned(&mut self, left: &ast::Term) -> Term {
        let span = left.span;
        let kind = match &left.kind {
            ast::TermKind::Var(name) => match self.declare(name, Occurrence::Assigned) {
                Some(id) => TermKind::Var(id),
                None => TermKind::Null,
            },
            ast::TermKind::Array(items) => TermKind::Array(items.iter().map(|item| self.assigned(item)).collect()),
            ast::TermKind::Object(pairs) => {
                let mut calls = Vec::new();
                let mut lowered = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    let value = self.assigned(value);
                    lowered.push((self.term(key, &mut calls), value));
                }
                if !calls.is_empty() {
                    self.refuse("cannot assign to an object with calls in its keys", span);
                }
                TermKind::Object(lowered)
            }
            other => {
                self.refuse(format!("cannot assign to {}", kind_name(other)), span);
                TermKind::Null
            }
        };
        Term { kind, span }
    }

    /// Declares a name, or reports why it cannot be declared.
    pub(super) fn declare(&mut self, name: &ast::Name, how: Occurrence) -> Option<VarId> {
        let known = match self.scopes.declare(&name.text, name.span, how) {
            Ok(id) => return Some(id),
            Err(known) => known,
        };
        let message = match known {
            Occurrence::Argument => format!("arg `{}` redeclared", name.text),
            Occurrence::Seen | Occurrence::Called => format!("var `{}` referenced above", name.text),
            Occurrence::Assigned => format!("var `{}` assigned above", name.text),
            Occurrence::Declared => format!("var `{}` declared above", name.text),
        };
        let mut refusal = Diagnostic::error(COMPILE_ERROR, message).at(name.span);
        if known == Occurrence::Called {
            refusal =
                refusal.help("a function or operator of this name is called before: give the variable another name");
        }
        self.found.push(refusal);
        None
    }

    /// `some k, v in xs` is `v = xs[k]` with the variables of both patterns declared.
    fn some_in(
        &mut self,
        key: Option<&ast::Term>,
        value: &ast::Term,
        collection: &ast::Term,
        span: Span,
        before: &mut Vec<Expr>,
    ) -> ExprKind {
        // A variable that the collection speaks of is not declared anew: it is an input.
        let mut skip = HashSet::default();
        all_names(collection, &mut |name| {
            skip.insert(name.text.as_str());
        });
        let collection = self.term(collection, before);
        let mut patterns = Vec::new();
        for pattern in key.into_iter().chain([value]) {
            pattern_names(pattern, &mut |name| patterns.push(name));
        }
        for name in patterns {
            // `input` and `data` name the documents in a pattern of `some … in`.
            if name.text != "_" && !is_root(name) && skip.insert(name.text.as_str()) {
                self.declare(name, Occurrence::Declared);
            }
        }
        let key = match key {
            Some(key) => self.term(key, before),
            None => Term::var(self.scopes.fresh(span), span),
        };
        let left = self.term(value, before);
        let mut reference = self.looked_into(collection, before);
        reference.path.push(key);
        match self.scopes.lookup(EQUALITY) {
            Meaning::Local(_) => self.hidden(EQUALITY, span),
            Meaning::Later | Meaning::NotLocal => self.scopes.called(EQUALITY),
        }
        ExprKind::Unify { left, right: Term { kind: TermKind::Ref(reference), span }, assign: false }
    }

    /// A term as a reference to it.
    pub(super) fn looked_into(&mut self, term: Term, out: &mut Vec<Expr>) -> Ref {
        match term.kind {
            TermKind::Ref(reference) => reference,
            TermKind::Var(id) => Ref { head: RefHead::Var(id), path: Vec::new() },
            _ => match self.bind(term, out).kind {
                TermKind::Var(id) => Ref { head: RefHead::Var(id), path: Vec::new() },
                // INVARIANT: `bind` gives a variable.
                _ => Ref { head: RefHead::Data, path: Vec::new() },
            },
        }
    }
}

/// Whether a name is one of the documents'.
pub(super) fn is_root(name: &ast::Name) -> bool {
    matches!(name.text.as_str(), "input" | "data")
}

/// The names that a body declares, at any point of it, for itself.
pub(super) fn declared(body: &[ast::Expr]) -> Vec<Arc<str>> {
    let mut names = Vec::new();
    let mut add = |name: &ast::Name| {
        if name.text != "_" {
            names.push(Arc::from(name.text.as_str()));
        }
    };
    for expr in body {
        match &expr.kind {
            ast::ExprKind::Assign(left, _) => pattern_names(left, &mut add),
            ast::ExprKind::Some(some) => some.iter().for_each(&mut add),
            ast::ExprKind::SomeIn { key, value, .. } => {
                let mut add = |name| {
                    if !is_root(name) {
                        add(name);
                    }
                };
                key.iter().chain([value]).for_each(|pattern| pattern_names(pattern, &mut add));
            }
            ast::ExprKind::Term(_)
            | ast::ExprKind::Unify(..)
            | ast::ExprKind::Every { .. }
            | ast::ExprKind::Not(_)
            | ast::ExprKind::And(..)
            | ast::ExprKind::Or(..) => {}
        }
    }
    names
}

/// The names of a pattern that it may bind.
pub(super) fn pattern_names<'a>(term: &'a ast::Term, add: &mut impl FnMut(&'a ast::Name)) {
    match &term.kind {
        ast::TermKind::Var(name) => add(name),
        ast::TermKind::Array(items) => items.iter().for_each(|item| pattern_names(item, add)),
        ast::TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern_names(value, add)),
        _ => {}
    }
}

/// Every name in a term that is not inside a comprehension.
fn all_names<'a>(term: &'a ast::Term, add: &mut impl FnMut(&'a ast::Name)) {
    match &term.kind {
        ast::TermKind::Var(name) => add(name),
        ast::TermKind::Array(items) | ast::TermKind::Set(items) => items.iter().for_each(|item| all_names(item, add)),
        ast::TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            all_names(key, add);
            all_names(value, add);
        }),
        ast::TermKind::Ref(reference) => {
            all_names(&reference.head, add);
            reference.path.iter().for_each(|operand| all_names(operand, add));
        }
        ast::TermKind::Call(call) => call.args.iter().for_each(|arg| all_names(arg, add)),
        _ => {}
    }
}

fn kind_name(kind: &ast::TermKind) -> &'static str {
    match kind {
        ast::TermKind::Null => "null",
        ast::TermKind::Bool(_) => "boolean",
        ast::TermKind::Number(_) => "number",
        ast::TermKind::String(_) => "string",
        ast::TermKind::Template(_) => "template string",
        ast::TermKind::Var(_) => "var",
        ast::TermKind::Ref(_) => "ref",
        ast::TermKind::Array(_) => "array",
        ast::TermKind::Set(_) => "set",
        ast::TermKind::Object(_) => "object",
        ast::TermKind::ArrayComprehension(..) => "array comprehension",
        ast::TermKind::SetComprehension(..) => "set comprehension",
        ast::TermKind::ObjectComprehension(..) => "object comprehension",
        ast::TermKind::Call(_) => "call",
    }
}
