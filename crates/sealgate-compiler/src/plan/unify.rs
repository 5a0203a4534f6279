//! Unification: constants compared, unbound variables bound, composites taken apart.

use sealgate_rego::resolved::{Term, TermKind};

use crate::ir::{Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans `left = right`.
    pub(super) fn unify(&mut self, left: &Term, right: &Term) {
        let mut pairs = Vec::new();
        if !self.take_apart(left, right, &mut pairs) {
            return self.fail();
        }
        // A pair that binds on both sides waits for those that bind what it needs.
        while !pairs.is_empty() {
            let before = pairs.len();
            let mut later = Vec::new();
            for (left, right) in pairs {
                if !self.is_open_pattern(left) {
                    let value = self.term(left);
                    self.unify_value(value, right);
                } else if !self.is_open_pattern(right) {
                    let value = self.term(right);
                    self.unify_value(value, left);
                } else {
                    later.push((left, right));
                }
            }
            if later.len() == before {
                return self.planner.refuse("cannot unify terms that both have unbound variables", left.span);
            }
            pairs = later;
        }
    }

    /// Breaks two composites of the same shape up into the pairs of their parts; `false` where they cannot be equal.
    fn take_apart<'t>(&self, left: &'t Term, right: &'t Term, pairs: &mut Vec<(&'t Term, &'t Term)>) -> bool {
        match (&left.kind, &right.kind) {
            (TermKind::Array(lefts), TermKind::Array(rights)) => {
                lefts.len() == rights.len()
                    && lefts.iter().zip(rights).all(|(left, right)| self.take_apart(left, right, pairs))
            }
            (TermKind::Object(lefts), TermKind::Object(rights))
                if self.is_open_pattern(left) && self.is_open_pattern(right) =>
            {
                if lefts.len() != rights.len() {
                    return false;
                }
                let other = |key: &Term| rights.iter().find(|(other, _)| same_constant(key, other));
                if lefts.iter().all(|(key, _)| other(key).is_some()) {
                    return lefts
                        .iter()
                        .all(|(key, left)| other(key).is_none_or(|(_, right)| self.take_apart(left, right, pairs)));
                }
                pairs.push((left, right));
                // Keys that are all constants and not the same can never be equal.
                !lefts.iter().chain(rights).all(|(key, _)| is_scalar(key))
            }
            _ => {
                pairs.push((left, right));
                true
            }
        }
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

pub(super) fn is_scalar(term: &Term) -> bool {
    matches!(term.kind, TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_))
}

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
