//! Comprehensions that can be collected once for all values of the variables around them.
//!
//! `names := [n | some p in data.people; p.team = t; n := p.name]` under a loop over `t` would go through all people for each
//! team. Collected with `t` left open, and grouped by it, one pass serves every turn. Finds such comprehensions in ordered
//! bodies and notes their keys, and the body in an order that binds the keys; plans nothing.
//!
//! Left as they are: comprehensions whose bodies need a value from around them, that look something up by such a value (a
//! lookup beats a pass), or whose own closures use one.

use sealgate_diagnostics::Diagnostics;

use crate::resolved::{
    Body, Comprehension, ComprehensionHead, ComprehensionIndex, ExprKind, Rule, Term, TermKind, VarId, Variable,
};

use super::order;
use super::vars::{VarSet, comprehensions_mut, in_closures, in_expr, terms_of, visit};

/// Notes indexes in every branch of a rule.
pub(super) fn rule(rule: &mut Rule) {
    let mut known = VarSet::default();
    for param in &rule.params {
        visit(param, &mut |id| {
            known.insert(id);
        });
    }
    for branch in &mut rule.branches {
        body(&mut branch.body, &known, &rule.vars);
        inside(&mut branch.value, &known, &rule.vars);
    }
}

/// Notes indexes in a body that stands alone.
pub(super) fn query(query: &mut Body, vars: &[Variable]) {
    body(query, &VarSet::default(), vars);
}

fn body(body: &mut Body, given: &VarSet, vars: &[Variable]) {
    let mut known = given.clone();
    for expr in body {
        let plain = !expr.negated && expr.with.is_empty();
        match &mut expr.kind {
            ExprKind::Term(term) => inside(term, &known, vars),
            ExprKind::Unify { left, right, .. } => {
                let sides = (matches!(left.kind, TermKind::Var(_)), matches!(right.kind, TermKind::Var(_)));
                for (side, other_is_var) in [(&mut *left, sides.1), (&mut *right, sides.0)] {
                    inside(side, &known, vars);
                    if plain
                        && other_is_var
                        && let TermKind::Comprehension(comprehension) = &mut side.kind
                    {
                        comprehension.index = index(comprehension, &known, vars);
                    }
                }
            }
            ExprKind::Call(call) => {
                call.args.iter_mut().chain(&mut call.output).for_each(|term| inside(term, &known, vars));
            }
            ExprKind::Every(every) => {
                let mut known = known.clone();
                known.insert(every.value);
                if let Some(key) = every.key {
                    known.insert(key);
                }
                self::body(&mut every.body, &known, vars);
            }
            ExprKind::Not(body) => self::body(body, &known, vars),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self::body(left, &known, vars);
                self::body(right, &known, vars);
            }
        }
        in_expr(expr, &mut known);
    }
}

/// Notes indexes in the bodies of a term's comprehensions.
fn inside(term: &mut Term, known: &VarSet, vars: &[Variable]) {
    comprehensions_mut(term, &mut |inner| body(&mut inner.body, known, vars));
}

fn index(comprehension: &Comprehension, known: &VarSet, vars: &[Variable]) -> Option<Box<ComprehensionIndex>> {
    let mut visible = VarSet::default();
    let mut closed = VarSet::default();
    let mut looked_up = VarSet::default();
    for expr in &comprehension.body {
        in_expr(expr, &mut visible);
        in_closures(expr, &mut closed);
        terms_of(expr, &mut |term| operands(term, &mut looked_up));
    }
    let keys: Vec<VarId> = visible.iter().filter(|id| known.contains(*id)).collect();
    let unfit = |id: &VarId| closed.contains(*id) || looked_up.contains(*id);
    if keys.is_empty() || keys.iter().any(unfit) {
        return None;
    }
    let mut head_is_bound = true;
    let mut check = |term: &Term| visit(term, &mut |id| head_is_bound &= visible.contains(id));
    match &comprehension.head {
        ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => check(term),
        ComprehensionHead::Object(key, value) => {
            check(key);
            check(value);
        }
    }
    let mut body = comprehension.body.clone();
    let mut unsafe_vars = Diagnostics::new();
    order::query(&mut body, vars, &mut unsafe_vars);
    (head_is_bound && unsafe_vars.is_empty()).then(|| Box::new(ComprehensionIndex { keys, body }))
}

/// The variables in operands of a term's references, and in sets, from which nothing can be bound.
fn operands(term: &Term, set: &mut VarSet) {
    match &term.kind {
        TermKind::Set(items) => {
            for item in items {
                visit(item, &mut |id| {
                    set.insert(id);
                });
            }
        }
        TermKind::Ref(reference) => {
            for operand in &reference.path {
                visit(operand, &mut |id| {
                    set.insert(id);
                });
            }
        }
        TermKind::Array(items) => items.iter().for_each(|item| operands(item, set)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            operands(key, set);
            operands(value, set);
        }),
        _ => {}
    }
}
