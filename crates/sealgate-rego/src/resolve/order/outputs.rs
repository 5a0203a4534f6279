//! What an expression binds, given what is bound before it.

use crate::resolved::{Call, ComprehensionHead, Expr, ExprKind, Ref, RefHead, Term, TermKind, VarId, WithValue};

use super::super::vars::{VarSet, terms_of, visit};

/// The variables that an expression binds where those in `safe` are bound.
pub(in super::super) fn of(expr: &Expr, safe: &VarSet) -> VarSet {
    let mut outputs = VarSet::default();
    if expr.negated {
        return outputs;
    }
    let mut replaced = true;
    for with in &expr.with {
        if let WithValue::Term(value) = &with.value {
            visit(value, &mut |id| replaced &= safe.contains(id));
        }
    }
    if !replaced {
        return outputs;
    }
    match &expr.kind {
        ExprKind::Term(term) => of_refs(term, safe, &mut outputs),
        ExprKind::Unify { left, right, assign } => {
            of_refs(left, safe, &mut outputs);
            of_refs(right, safe, &mut outputs);
            let mut known = safe.clone();
            known.extend(&outputs);
            if *assign {
                // The left side of `:=` is all outputs: nothing on the right may take its value from it.
                visit(left, &mut |id| known.remove(id));
            }
            let before = known.clone();
            while unify(left, right, &mut known) {}
            for id in known.iter().filter(|id| !before.contains(*id)) {
                outputs.insert(id);
            }
        }
        ExprKind::Call(call) => of_call(call, expr, safe, &mut outputs),
        ExprKind::Every(_) | ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => {}
    }
    outputs
}

fn of_call(call: &Call, expr: &Expr, safe: &VarSet, outputs: &mut VarSet) {
    terms_of(expr, &mut |term| of_refs(term, safe, outputs));
    let Some(output) = &call.output else { return };
    let mut ready = true;
    for arg in &call.args {
        pattern_vars(arg, &mut |id| ready &= safe.contains(id) || outputs.contains(id));
    }
    if ready {
        pattern_vars(output, &mut |id| {
            outputs.insert(id);
        });
    }
}

/// The operands of references whose heads are bound: a lookup binds them by going through all keys.
fn of_refs(term: &Term, safe: &VarSet, outputs: &mut VarSet) {
    match &term.kind {
        TermKind::Ref(Ref { head, path }) => {
            if let RefHead::Var(id) = head
                && !safe.contains(*id)
            {
                return;
            }
            for operand in path {
                without_heads(operand, &mut |id| {
                    outputs.insert(id);
                });
                of_refs(operand, safe, outputs);
            }
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| of_refs(item, safe, outputs)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            of_refs(key, safe, outputs);
            of_refs(value, safe, outputs);
        }),
        _ => {}
    }
}

/// The variables of a term that do not head a reference.
fn without_heads(term: &Term, see: &mut impl FnMut(VarId)) {
    match &term.kind {
        TermKind::Var(id) => see(*id),
        TermKind::Ref(reference) => reference.path.iter().for_each(|operand| without_heads(operand, see)),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| without_heads(item, see)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            without_heads(key, see);
            without_heads(value, see);
        }),
        _ => {}
    }
}

/// The variables of a term in places that a value can be taken apart into.
fn pattern_vars(term: &Term, see: &mut impl FnMut(VarId)) {
    match &term.kind {
        TermKind::Var(id) => see(*id),
        TermKind::Array(items) => items.iter().for_each(|item| pattern_vars(item, see)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern_vars(value, see)),
        TermKind::Ref(reference) => reference.path.iter().for_each(|operand| pattern_vars(operand, see)),
        _ => {}
    }
}

/// One pass of unification over what is known; says whether it learnt anything.
fn unify(left: &Term, right: &Term, known: &mut VarSet) -> bool {
    use TermKind::{Array, Comprehension, Object, Ref as Reference, Var};
    match (&left.kind, &right.kind) {
        (Var(a), Var(b)) => {
            if known.contains(*b) {
                known.insert(*a)
            } else {
                known.contains(*a) && known.insert(*b)
            }
        }
        (Var(a), Array(_) | Object(_)) => {
            if known.contains(*a) {
                learn(right, known)
            } else {
                let mut whole = true;
                visit(right, &mut |id| whole &= known.contains(id));
                whole && known.insert(*a)
            }
        }
        (Var(a), Reference(reference)) => is_known(reference, known) && known.insert(*a),
        (Var(a), _) => known.insert(*a),
        (Reference(reference), Array(_) | Object(_)) => is_known(reference, known) && learn(right, known),
        (Comprehension(made), Array(_)) if matches!(made.head, ComprehensionHead::Array(_)) => learn(right, known),
        (Comprehension(made), Object(_)) if matches!(made.head, ComprehensionHead::Object(..)) => learn(right, known),
        (Array(_), Comprehension(_)) => learn(left, known),
        (Array(left), Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).fold(false, |learnt, (left, right)| unify(left, right, known) || learnt)
        }
        (Object(left), Object(right)) if left.len() == right.len() => {
            left.iter().fold(false, |learnt, (key, value)| {
                let other = right.iter().find(|(other, _)| same_constant(key, other));
                other.is_some_and(|(_, other)| unify(value, other, known)) || learnt
            })
        }
        (_, Var(_)) | (Array(_) | Object(_), Reference(_)) => unify(right, left, known),
        _ => false,
    }
}

fn learn(pattern: &Term, known: &mut VarSet) -> bool {
    let mut learnt = false;
    pattern_vars(pattern, &mut |id| learnt |= known.insert(id));
    learnt
}

fn is_known(reference: &Ref, known: &VarSet) -> bool {
    match reference.head {
        RefHead::Input | RefHead::Data => true,
        RefHead::Var(id) => known.contains(id),
    }
}

/// Whether two terms are the same constant or variable.
pub(super) fn same_constant(left: &Term, right: &Term) -> bool {
    match (&left.kind, &right.kind) {
        (TermKind::Null, TermKind::Null) => true,
        (TermKind::Bool(left), TermKind::Bool(right)) => left == right,
        (TermKind::Number(left), TermKind::Number(right)) | (TermKind::String(left), TermKind::String(right)) => {
            left == right
        }
        (TermKind::Var(left), TermKind::Var(right)) => left == right,
        _ => false,
    }
}
