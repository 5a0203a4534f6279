//! Takes references and comprehensions out of the places that want plain values.
//!
//! The arguments of calls, the operands of references and the parts of composites become constants and variables, each
//! variable bound by an expression just before. So they are evaluated outside of a `not` around the call, as in OPA. The sides of
//! `=` and `==` stay as they are.

use crate::resolved::{Body, Callee, Comprehension, Expr, ExprKind, Rule, Term, TermKind, VarId, Variable};

/// Hoists in every branch of a rule.
pub(super) fn rule(rule: &mut Rule) {
    let mut hoist = Hoist { vars: &mut rule.vars };
    for branch in &mut rule.branches {
        hoist.body(&mut branch.body);
    }
}

/// Hoists in a body that stands alone.
pub(super) fn query(body: &mut Body, vars: &mut Vec<Variable>) {
    Hoist { vars }.body(body);
}

struct Hoist<'a> {
    vars: &'a mut Vec<Variable>,
}

impl Hoist<'_> {
    fn body(&mut self, body: &mut Body) {
        let mut out = Vec::with_capacity(body.len());
        for mut expr in std::mem::take(body) {
            let mut before = Vec::new();
            equality(&mut expr.kind);
            match &mut expr.kind {
                ExprKind::Term(term) => self.side(term, &mut before),
                ExprKind::Unify { left, right, .. } => {
                    self.side(left, &mut before);
                    self.side(right, &mut before);
                }
                ExprKind::Call(call) => {
                    for arg in call.args.iter_mut().chain(&mut call.output) {
                        self.plain(arg, &mut before);
                    }
                }
                ExprKind::Every(every) => self.body(&mut every.body),
                ExprKind::Not(body) => self.body(body),
                ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                    self.body(left);
                    self.body(right);
                }
            }
            for mut extra in before {
                extra.with.clone_from(&expr.with);
                out.push(extra);
            }
            out.push(expr);
        }
        *body = out;
    }

    /// A reference or comprehension may stand here, with plain operands.
    fn side(&mut self, term: &mut Term, out: &mut Vec<Expr>) {
        match &mut term.kind {
            TermKind::Ref(reference) => reference.path.iter_mut().for_each(|operand| self.plain(operand, out)),
            TermKind::Comprehension(comprehension) => self.comprehension(comprehension),
            _ => self.plain(term, out),
        }
    }

    /// Only constants, variables and composites of them may stand here.
    fn plain(&mut self, term: &mut Term, out: &mut Vec<Expr>) {
        match &mut term.kind {
            TermKind::Ref(_) | TermKind::Comprehension(_) => {
                self.side(term, out);
                let span = term.span;
                let tmp = Term::var(self.fresh(span), span);
                let right = std::mem::replace(term, tmp.clone());
                let kind = ExprKind::Unify { left: tmp, right, assign: false };
                out.push(Expr { kind, negated: false, with: Vec::new(), span });
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter_mut().for_each(|item| self.plain(item, out)),
            TermKind::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                self.plain(key, out);
                self.plain(value, out);
            }),
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {}
        }
    }

    fn comprehension(&mut self, comprehension: &mut Comprehension) {
        self.body(&mut comprehension.body);
    }

    fn fresh(&mut self, span: sealgate_diagnostics::Span) -> VarId {
        let id = VarId(u32::try_from(self.vars.len()).unwrap_or(u32::MAX));
        self.vars.push(Variable { name: Default::default(), span });
        id
    }
}

/// `a == b` as an expression is `a = b`: both sides are bound by now.
fn equality(kind: &mut ExprKind) {
    if let ExprKind::Call(call) = kind
        && call.output.is_none()
        && matches!(call.callee, Callee::Builtin(builtin) if builtin.name == "equal")
        && let Some(right) = call.args.pop()
        && let Some(left) = call.args.pop()
    {
        *kind = ExprKind::Unify { left, right, assign: false };
    }
}
