//! Unification of types: what a term becomes where it must be of a type, or equal to another term.

use crate::resolved::{Term, TermKind};
use crate::types::{Array, Object, Type, is_unknown};

use super::Checker;
use super::env::constant;

impl<'a> Checker<'a> {
    /// Makes two terms equal: learns what variables are, says whether the terms can be equal.
    pub(super) fn equal(
        &mut self,
        left: &'a Term,
        left_type: Option<&Type>,
        right: &'a Term,
        right_type: Option<&Type>,
    ) -> bool {
        match (is_unknown(left_type), is_unknown(right_type)) {
            (true, false) => return self.is(left, right_type, false),
            (false, true) => return self.is(right, left_type, false),
            (false, false) => return Type::fits(left_type, right_type),
            (true, true) => {}
        }
        match (&left.kind, &right.kind) {
            (TermKind::Array(one), TermKind::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.equal_terms(one, other))
            }
            (TermKind::Object(one), TermKind::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(key, value)| {
                        let found = other.iter().find(|(other, _)| same(key, other));
                        found.is_some_and(|(_, other)| self.equal_terms(value, other))
                    })
            }
            (TermKind::Var(_), TermKind::Var(_) | TermKind::Array(_) | TermKind::Object(_)) => self.shared(right, left),
            (TermKind::Array(_) | TermKind::Object(_), TermKind::Var(_)) => self.shared(left, right),
            // A comprehension of which a part is not known tells at least its shape.
            (TermKind::Var(_), _) if left_type.is_none() && right_type.is_some() => self.is(left, right_type, false),
            (_, TermKind::Var(_)) if right_type.is_none() && left_type.is_some() => self.is(right, left_type, false),
            _ => false,
        }
    }

    fn equal_terms(&mut self, one: &'a Term, other: &'a Term) -> bool {
        let (one_type, other_type) = (self.type_of(one), self.type_of(other));
        self.equal(one, one_type.as_ref(), other, other_type.as_ref())
    }

    /// Of neither is anything known: a variable takes the shape of the other term.
    fn shared(&mut self, shape: &'a Term, var: &'a Term) -> bool {
        let made = self.is(shape, Some(&Type::Any), false);
        let of = self.type_of(shape);
        made && self.is(var, of.as_ref(), false)
    }

    /// Makes a term be of a type: learns what variables in it are, says whether it can be. `widen` adds to what is known of
    /// variables instead of holding it against the type.
    pub(super) fn is(&mut self, term: &'a Term, of: Option<&Type>, widen: bool) -> bool {
        match (&term.kind, of) {
            (TermKind::Array(items), Some(Type::Array(array))) => self.is_array(items, array, widen),
            (TermKind::Object(pairs), Some(Type::Object(object))) => self.is_object(pairs, object, widen),
            (TermKind::Set(items), Some(Type::Set(set))) => {
                items.iter().all(|item| self.is(item, set.of.as_ref(), widen))
            }
            (TermKind::Array(items) | TermKind::Set(items), Some(Type::Any)) => {
                for item in items {
                    self.is(item, Some(&Type::Any), true);
                }
                true
            }
            (TermKind::Object(pairs), Some(Type::Any)) => {
                for (key, value) in pairs {
                    self.is(key, Some(&Type::Any), true);
                    self.is(value, Some(&Type::Any), true);
                }
                true
            }
            (TermKind::Array(_) | TermKind::Object(_) | TermKind::Set(_), Some(Type::Union(all))) => {
                // Every alternative has its say, and what variables may be adds up.
                let mut fits = false;
                for one in all.iter() {
                    fits |= self.is(term, Some(one), true);
                }
                fits
            }
            (TermKind::Array(_) | TermKind::Object(_) | TermKind::Set(_), _) => false,
            (TermKind::Var(id), of) => {
                let known = self.vars.get(*id);
                if widen {
                    let wider = Type::or(known.cloned(), of.cloned());
                    self.vars.put(*id, wider);
                    return true;
                }
                if known.is_some() {
                    return Type::fits(known, of);
                }
                self.vars.put(*id, of.cloned());
                true
            }
            (_, of) => {
                let own = self.type_of(term);
                Type::fits(own.as_ref(), of)
            }
        }
    }

    fn is_array(&mut self, items: &'a [Term], array: &Array, widen: bool) -> bool {
        if items.len() != array.fixed.len() && array.rest.is_none() {
            return false;
        }
        items.iter().enumerate().all(|(at, item)| {
            let of = array.fixed.get(at).unwrap_or(&array.rest);
            self.is(item, of.as_ref(), widen)
        })
    }

    fn is_object(&mut self, pairs: &'a [(Term, Term)], object: &Object, widen: bool) -> bool {
        if pairs.len() != object.fixed.len() && object.rest_value().is_none() {
            return false;
        }
        pairs.iter().all(|(key, value)| match constant(key) {
            Some(key) => object.get(&key).is_some_and(|of| self.is(value, Some(&of), widen)),
            // Which value goes with the key is open.
            None => {
                self.is(value, Some(&Type::Any), widen);
                true
            }
        })
    }
}

/// Whether two terms are the same text.
fn same(one: &Term, other: &Term) -> bool {
    match (&one.kind, &other.kind) {
        (TermKind::Var(one), TermKind::Var(other)) => one == other,
        (TermKind::Array(one), TermKind::Array(other)) | (TermKind::Set(one), TermKind::Set(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => constant(one).is_some_and(|one| constant(other) == Some(one)),
    }
}
