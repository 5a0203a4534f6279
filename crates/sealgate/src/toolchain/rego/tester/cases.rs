//! Tests with cases (`test_f[note] if { … }`): each case is announced to the host as soon as its keys are known, so that
//! one whose body then fails is known to have failed.

use std::collections::HashSet;

use sealgate_rego::builtins::Builtin;
use sealgate_rego::resolved::{
    Body, Call, Callee, Comprehension, ComprehensionHead, Expr, ExprKind, RefHead, ResolvedModules, Rule, Term,
    TermKind, VarId, WithValue,
};

use super::discover::Test;

/// The builtin that a case is announced by.
const ANNOUNCE: &str = "internal.test_case";

/// Puts the announcements into the tests that have cases and do not announce them by themselves.
pub(super) fn announce(modules: &mut ResolvedModules, tests: &[Test]) {
    let Some(builtin) = Builtin::find(ANNOUNCE) else { return };
    for test in tests.iter().filter(|test| test.has_cases && !test.skip) {
        let Some(document) = modules.rules.get(test.rule).map(|rule| rule.document) else { continue };
        let package = test.path.len().saturating_sub(test.names);
        let below = modules.document(document).map_or(0, |document| document.path.len()).saturating_sub(package);
        if let Some(rule) = modules.rules.get_mut(test.rule) {
            // Names of the head that belong to the document's path are no keys of a case.
            announce_in(rule, test.names.saturating_sub(below), builtin);
        }
    }
}

fn announce_in(rule: &mut Rule, names: usize, builtin: &'static Builtin) {
    let keys: Vec<Term> = rule.tail.iter().skip(names).cloned().collect();
    let made: Vec<bool> = rule.vars.iter().map(|var| var.name.is_empty()).collect();
    let Some(branch) = rule.branches.first_mut() else { return };
    let announces = |expr: &Expr| matches!(&expr.kind, ExprKind::Call(Call { callee: Callee::Builtin(called), .. }) if called.name == ANNOUNCE);
    if keys.is_empty() || branch.body.iter().any(announces) {
        return;
    }
    // A key that the compiler computes at the end of the body is computed as early as it can be.
    for key in &keys {
        if let TermKind::Var(var) = key.kind
            && made.get(var.index()) == Some(&true)
        {
            move_up(&mut branch.body, var);
        }
    }
    let mut wanted = HashSet::new();
    keys.iter().for_each(|key| in_term(key, &mut wanted));
    let at = wanted.iter().filter_map(|var| first_use(&branch.body, *var)).map(|at| at + 1).max().unwrap_or(0);
    let span = branch.span;
    let args = vec![Term { kind: TermKind::Array(keys), span }];
    let call = Call { callee: Callee::Builtin(builtin), args, output: None };
    let expr = Expr { kind: ExprKind::Call(call), negated: false, with: Vec::new(), span };
    branch.body.insert(at.min(branch.body.len()), expr);
}

/// Moves `var = …` to just behind the expressions that first use the variables on its right.
fn move_up(body: &mut Body, var: VarId) {
    let computes = |expr: &Expr| match &expr.kind {
        ExprKind::Unify { left, right, .. } => [(left, right), (right, left)].into_iter().find_map(|(side, other)| {
            matches!(side.kind, TermKind::Var(id) if id == var).then(|| {
                let mut needs = HashSet::new();
                in_term(other, &mut needs);
                needs
            })
        }),
        _ => None,
    };
    let Some((from, needs)) = body.iter().enumerate().rev().find_map(|(at, expr)| Some((at, computes(expr)?))) else {
        return;
    };
    let to = needs.iter().filter_map(|need| first_use(body, *need)).map(|at| at + 1).max().unwrap_or(0);
    if to < from {
        let expr = body.remove(from);
        body.insert(to, expr);
    }
}

fn first_use(body: &Body, var: VarId) -> Option<usize> {
    body.iter().position(|expr| {
        let mut used = HashSet::new();
        in_expr(expr, &mut used);
        used.contains(&var)
    })
}

/// The variables of an expression, those of closures included.
fn in_expr(expr: &Expr, vars: &mut HashSet<VarId>) {
    match &expr.kind {
        ExprKind::Term(term) => in_term(term, vars),
        ExprKind::Unify { left, right, .. } => {
            in_term(left, vars);
            in_term(right, vars);
        }
        ExprKind::Call(call) => call.args.iter().chain(&call.output).for_each(|term| in_term(term, vars)),
        ExprKind::Every(every) => {
            in_term(&every.domain, vars);
            in_body(&every.body, vars);
        }
        ExprKind::Not(body) => in_body(body, vars),
        ExprKind::And(left, right) | ExprKind::Or(left, right) => {
            in_body(left, vars);
            in_body(right, vars);
        }
    }
    for with in &expr.with {
        if let WithValue::Term(term) = &with.value {
            in_term(term, vars);
        }
    }
}

fn in_body(body: &Body, vars: &mut HashSet<VarId>) {
    body.iter().for_each(|expr| in_expr(expr, vars));
}

fn in_term(term: &Term, vars: &mut HashSet<VarId>) {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => {}
        TermKind::Var(id) => {
            vars.insert(*id);
        }
        TermKind::Ref(reference) => {
            if let RefHead::Var(id) = reference.head {
                vars.insert(id);
            }
            reference.path.iter().for_each(|term| in_term(term, vars));
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|term| in_term(term, vars)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            in_term(key, vars);
            in_term(value, vars);
        }),
        TermKind::Comprehension(inner) => {
            let Comprehension { head, body, .. } = &**inner;
            match head {
                ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => in_term(term, vars),
                ComprehensionHead::Object(key, value) => {
                    in_term(key, vars);
                    in_term(value, vars);
                }
            }
            in_body(body, vars);
        }
    }
}
