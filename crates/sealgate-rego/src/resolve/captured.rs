//! Variables in template strings and in the arguments of `print`: each is captured in a closure of its own, and must be
//! bound outside of it, before it where it is printed.
//!
//! Takes bodies in the order written. [`strip`] takes `print` out once everything is checked.

use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::resolved::{
    Body, Call, Callee, Comprehension, Expr, ExprKind, ResolvedQuery, Rule, Term, TermKind, VarId, Variable,
};

use super::COMPILE_ERROR;
use super::order::outputs;
use super::vars::{VarSet, comprehensions, comprehensions_mut, in_closures, terms_of, visit, visit_placed};

const PRINT: &str = "internal.print";
const TEMPLATE: &str = "internal.template_string";

/// Reports what the captures of a rule do not find bound; `declared` are the variables that a declaration introduces.
pub(super) fn rule(rule: &Rule, declared: &VarSet, found: &mut Diagnostics) {
    let mut params = VarSet::default();
    for param in &rule.params {
        visit(param, &mut |id| {
            params.insert(id);
        });
    }
    for branch in &rule.branches {
        Captures { vars: &rule.vars, declared, found }.body(&branch.body, &params, &params);
    }
}

/// Reports what the captures of a query do not find bound.
pub(super) fn query(body: &Body, vars: &[Variable], declared: &VarSet, found: &mut Diagnostics) {
    Captures { vars, declared, found }.body(body, &VarSet::default(), &VarSet::default());
}

struct Captures<'a> {
    vars: &'a [Variable],
    declared: &'a VarSet,
    found: &'a mut Diagnostics,
}

impl Captures<'_> {
    /// `before` is bound before the body begins, `around` anywhere in the bodies around it.
    fn body(&mut self, body: &Body, before: &VarSet, around: &VarSet) {
        let mut strings = VarSet::default();
        let mut around = around.clone();
        for expr in body {
            if let ExprKind::Call(Call { callee: Callee::Builtin(builtin), output: Some(output), .. }) = &expr.kind
                && builtin.name == TEMPLATE
            {
                visit(output, &mut |id| {
                    strings.insert(id);
                });
            }
            bind(expr, &strings, &mut around);
        }
        let mut before = before.clone();
        for expr in body {
            self.expr(expr, &before, &around);
            bind(expr, &strings, &mut before);
            // A declared variable that has come up may be printed; whether it is safe is looked at later.
            let mut seen = VarSet::default();
            terms_of(expr, &mut |term| {
                visit(term, &mut |id| {
                    seen.insert(id);
                });
            });
            in_closures(expr, &mut seen);
            for id in seen.iter().filter(|id| self.declared.contains(*id)) {
                before.insert(id);
            }
        }
    }

    fn expr(&mut self, expr: &Expr, before: &VarSet, around: &VarSet) {
        let capturing = match &expr.kind {
            ExprKind::Call(Call { callee: Callee::Builtin(builtin), args, .. }) => match builtin.name {
                PRINT => Some((args, before)),
                TEMPLATE => Some((args, around)),
                _ => None,
            },
            _ => None,
        };
        if let Some((args, bound)) = capturing
            && let Some(Term { kind: TermKind::Array(parts), .. }) = args.first()
        {
            for part in parts {
                if let TermKind::Comprehension(part) = &part.kind {
                    self.capture(part, bound);
                }
            }
        }
        terms_of(expr, &mut |term| {
            comprehensions(term, &mut |inner| self.body(&inner.body, before, around));
        });
        match &expr.kind {
            ExprKind::Every(every) => {
                let (mut before, mut around) = (before.clone(), around.clone());
                for id in every.key.iter().chain([&every.value]) {
                    before.insert(*id);
                    around.insert(*id);
                }
                self.body(&every.body, &before, &around);
            }
            ExprKind::Not(body) => self.body(body, before, around),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.body(left, before, around);
                self.body(right, before, around);
            }
            ExprKind::Term(_) | ExprKind::Unify { .. } | ExprKind::Call(_) => {}
        }
    }

    /// Every variable that is written in a capture, closures inside of it left out, must be bound.
    fn capture(&mut self, capture: &Comprehension, bound: &VarSet) {
        for expr in &capture.body {
            let mut open: Vec<(VarId, Span)> = Vec::new();
            terms_of(expr, &mut |term| visit_placed(term, &mut |placed| open.push(placed)));
            for (id, span) in open {
                let name = self.vars.get(id.index()).map(|var| &*var.name).filter(|name| !name.is_empty());
                if let Some(name) = name.filter(|_| !bound.contains(id)) {
                    self.found.push(
                        Diagnostic::error(COMPILE_ERROR, format!("var `{name}` is undeclared"))
                            .at(span)
                            .help("only a variable that is bound outside can be printed or put into a string"),
                    );
                }
            }
        }
    }
}

/// Adds what an expression binds. Taking a template string apart binds nothing: it would never succeed.
fn bind(expr: &Expr, strings: &VarSet, bound: &mut VarSet) {
    if let ExprKind::Unify { left, right, .. } = &expr.kind {
        let is_string = |term: &Term| matches!(term.kind, TermKind::Var(id) if strings.contains(id));
        let is_pattern = |term: &Term| matches!(term.kind, TermKind::Array(_) | TermKind::Object(_));
        if (is_string(left) && is_pattern(right)) || (is_pattern(left) && is_string(right)) {
            return;
        }
    }
    let outputs = outputs::of(expr, bound);
    bound.extend(&outputs);
}

/// Takes calls of `print` out of a rule.
pub(super) fn strip_rule(rule: &mut Rule) {
    for branch in &mut rule.branches {
        strip(&mut branch.body);
    }
}

/// Takes calls of `print` out of a query.
pub(super) fn strip_query(query: &mut ResolvedQuery) {
    strip(&mut query.body);
}

fn strip(body: &mut Body) {
    body.retain(|expr| {
        !matches!(&expr.kind, ExprKind::Call(Call { callee: Callee::Builtin(builtin), .. }) if builtin.name == PRINT)
    });
    for expr in body {
        let inside = |term: &mut Term| comprehensions_mut(term, &mut |inner| strip(&mut inner.body));
        match &mut expr.kind {
            ExprKind::Term(term) => inside(term),
            ExprKind::Unify { left, right, .. } => {
                inside(left);
                inside(right);
            }
            ExprKind::Call(call) => call.args.iter_mut().chain(&mut call.output).for_each(inside),
            ExprKind::Every(every) => strip(&mut every.body),
            ExprKind::Not(body) => strip(body),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                strip(left);
                strip(right);
            }
        }
    }
}
