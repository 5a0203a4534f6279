//! Unification: constants compared, unbound variables bound, composites taken apart.

use sealgate_rego::resolved::{Term, TermKind};

use crate::ir::{Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans `left = right`.
    pub(super) fn unify(&mut self, left: &Term, right: &Term) {
        match (&left.kind, &right.kind) {
            (TermKind::Array(lefts), TermKind::Array(rights)) => {
                if lefts.len() != rights.len() {
                    return self.fail();
                }
                self.unify_pairs(lefts.iter().zip(rights).collect());
            }
            (TermKind::Object(lefts), TermKind::Object(rights))
                if self.has_unbound(left) && self.has_unbound(right) =>
            {
                self.unify_objects(left, lefts, rights);
            }
            _ if self.is_open_pattern(left) => {
                let value = self.term(right);
                self.unify_value(value, left);
            }
            _ => {
                let value = self.term(left);
                self.unify_value(value, right);
            }
        }
    }

    /// Unifies pairs of terms; one that binds nothing yet waits for those that bind what it needs.
    fn unify_pairs<'t>(&mut self, mut pairs: Vec<(&'t Term, &'t Term)>) {
        while !pairs.is_empty() {
            let (now, later): (Vec<_>, Vec<_>) = pairs.iter().partition(|(left, right)| {
                !(self.is_open_pattern(left) && self.is_open_pattern(right)) || both_composite(left, right)
            });
            if now.is_empty() {
                if let Some((left, _)) = later.first() {
                    self.planner.refuse("cannot unify two terms that both have unbound variables", left.span);
                }
                return;
            }
            for (left, right) in now {
                self.unify(left, right);
            }
            pairs = later;
        }
    }

    fn unify_objects(&mut self, left: &Term, lefts: &[(Term, Term)], rights: &[(Term, Term)]) {
        if lefts.len() != rights.len() {
            return self.fail();
        }
        let mut pairs = Vec::with_capacity(lefts.len());
        for (key, value) in lefts {
            match rights.iter().find(|(other, _)| same_constant(key, other)) {
                Some((_, other)) => pairs.push((value, other)),
                None if is_scalar(key) && rights.iter().all(|(other, _)| is_scalar(other)) => return self.fail(),
                None => {
                    return self.planner.refuse("cannot unify two objects that both have unbound variables", left.span);
                }
            }
        }
        self.unify_pairs(pairs);
    }

    /// Whether a term has variables to bind that planning it as a value would not bind.
    fn is_open_pattern(&self, term: &Term) -> bool {
        match &term.kind {
            TermKind::Var(id) => self.lookup(*id).is_none(),
            TermKind::Array(items) | TermKind::Set(items) => items.iter().any(|item| self.is_open_pattern(item)),
            TermKind::Object(pairs) => {
                pairs.iter().any(|(key, value)| self.is_open_pattern(key) || self.is_open_pattern(value))
            }
            _ => false,
        }
    }

    /// Unifies a value with a term.
    pub(super) fn unify_value(&mut self, value: Operand, term: &Term) {
        match &term.kind {
            TermKind::Var(id) => match self.lookup(*id) {
                None => self.bind(*id, value),
                Some(bound) => self.equal(value, bound),
            },
            TermKind::Array(items) if self.is_open_pattern(term) => {
                self.emit(Stmt::IsArray { source: value });
                self.has_len(value, items.len());
                for (index, item) in items.iter().enumerate() {
                    let key = self.int(index);
                    let member = self.dot(value, key);
                    self.unify_value(member, item);
                }
            }
            TermKind::Object(pairs) if self.is_open_pattern(term) => {
                self.emit(Stmt::IsObject { source: value });
                self.has_len(value, pairs.len());
                for (key, item) in pairs {
                    let key = self.term(key);
                    let member = self.dot(value, key);
                    self.unify_value(member, item);
                }
            }
            _ => {
                let other = self.term(term);
                self.equal(value, other);
            }
        }
    }

    fn equal(&mut self, a: Operand, b: Operand) {
        match (a, b) {
            (Operand::String(left), Operand::String(right)) if left == right => {}
            (Operand::Bool(left), Operand::Bool(right)) if left == right => {}
            _ => self.emit(Stmt::Equal { a, b }),
        }
    }

    fn has_len(&mut self, source: Operand, len: usize) {
        let target = self.local();
        self.emit(Stmt::Len { source, target });
        let expected = self.int(len);
        self.emit(Stmt::Equal { a: target.into(), b: expected });
    }

    fn int(&mut self, value: usize) -> Operand {
        let target = self.local();
        self.emit(Stmt::MakeNumberInt { value: i64::try_from(value).unwrap_or(i64::MAX), target });
        target.into()
    }
}

fn both_composite(left: &Term, right: &Term) -> bool {
    matches!(
        (&left.kind, &right.kind),
        (TermKind::Array(_), TermKind::Array(_)) | (TermKind::Object(_), TermKind::Object(_))
    )
}

fn is_scalar(term: &Term) -> bool {
    matches!(term.kind, TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_))
}

fn same_constant(left: &Term, right: &Term) -> bool {
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
