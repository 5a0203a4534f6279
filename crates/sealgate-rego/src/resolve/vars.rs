//! Which variables stand where in a term or expression.

use crate::resolved::{
    Body, Comprehension, ComprehensionHead, Expr, ExprKind, Ref, RefHead, Term, TermKind, VarId, WithValue,
};

/// A set of variables of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VarSet {
    words: Vec<u64>,
}

impl VarSet {
    /// Adds a variable; says whether it is new.
    pub(super) fn insert(&mut self, id: VarId) -> bool {
        let (word, bit) = (id.index() / 64, 1u64 << (id.index() % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let Some(word) = self.words.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether a variable is in the set.
    pub(super) fn contains(&self, id: VarId) -> bool {
        self.words.get(id.index() / 64).is_some_and(|word| word & (1 << (id.index() % 64)) != 0)
    }

    /// Adds every variable of another set.
    pub(super) fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// The variables, in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = VarId> {
        let words = self.words.iter().zip(0u32..);
        words.flat_map(|(word, at)| {
            // Each step takes the lowest bit that is left.
            let left = std::iter::successors(Some(*word), |left| Some(left & left.wrapping_sub(1)));
            left.take_while(|left| *left != 0).map(move |left| VarId(at * 64 + left.trailing_zeros()))
        })
    }

    /// Takes a variable out.
    pub(super) fn remove(&mut self, id: VarId) {
        if let Some(word) = self.words.get_mut(id.index() / 64) {
            *word &= !(1 << (id.index() % 64));
        }
    }
}

/// Visits every variable of a term that is not inside a comprehension.
pub(super) fn visit(term: &Term, see: &mut impl FnMut(VarId)) {
    visit_placed(term, &mut |term_or_head| see(term_or_head.0));
}

/// Visits every variable of a term with its place, comprehensions left out.
pub(super) fn visit_placed(term: &Term, see: &mut impl FnMut((VarId, sealgate_diagnostics::Span))) {
    match &term.kind {
        TermKind::Var(id) => see((*id, term.span)),
        TermKind::Ref(Ref { head, path }) => {
            if let RefHead::Var(id) = head {
                see((*id, term.span));
            }
            path.iter().for_each(|operand| visit_placed(operand, see));
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| visit_placed(item, see)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            visit_placed(key, see);
            visit_placed(value, see);
        }),
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Comprehension(_) => {
        }
    }
}

/// Visits the terms that an expression itself is made of, the values of its replacements included.
pub(super) fn terms_of<'a>(expr: &'a Expr, see: &mut impl FnMut(&'a Term)) {
    match &expr.kind {
        ExprKind::Term(term) => see(term),
        ExprKind::Unify { left, right, .. } => {
            see(left);
            see(right);
        }
        ExprKind::Call(call) => call.args.iter().chain(&call.output).for_each(&mut *see),
        ExprKind::Every(every) => see(&every.domain),
        ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => {}
    }
    for with in &expr.with {
        if let WithValue::Term(value) = &with.value {
            see(value);
        }
    }
}

/// Visits every comprehension of a term, outermost ones only.
pub(super) fn comprehensions<'a>(term: &'a Term, see: &mut impl FnMut(&'a Comprehension)) {
    match &term.kind {
        TermKind::Comprehension(comprehension) => see(comprehension),
        TermKind::Ref(reference) => reference.path.iter().for_each(|operand| comprehensions(operand, see)),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| comprehensions(item, see)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            comprehensions(key, see);
            comprehensions(value, see);
        }),
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {}
    }
}

/// Visits every comprehension of a term for change, outermost ones only.
pub(super) fn comprehensions_mut(term: &mut Term, see: &mut impl FnMut(&mut Comprehension)) {
    match &mut term.kind {
        TermKind::Comprehension(comprehension) => see(comprehension),
        TermKind::Ref(reference) => reference.path.iter_mut().for_each(|operand| comprehensions_mut(operand, see)),
        TermKind::Array(items) | TermKind::Set(items) => {
            items.iter_mut().for_each(|item| comprehensions_mut(item, see))
        }
        TermKind::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            comprehensions_mut(key, see);
            comprehensions_mut(value, see);
        }),
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {}
    }
}

/// The variables of an expression outside of closures.
pub(super) fn in_expr(expr: &Expr, set: &mut VarSet) {
    terms_of(expr, &mut |term| {
        visit(term, &mut |id| {
            set.insert(id);
        });
    });
}

/// Every variable in the closures of an expression, at any depth.
pub(super) fn in_closures(expr: &Expr, set: &mut VarSet) {
    terms_of(expr, &mut |term| comprehensions(term, &mut |comprehension| in_comprehension(comprehension, set)));
    match &expr.kind {
        ExprKind::Every(every) => {
            let mut body = VarSet::default();
            in_body(&every.body, &mut body);
            body.remove(every.value);
            if let Some(key) = every.key {
                body.remove(key);
            }
            set.extend(&body);
        }
        ExprKind::Not(body) => in_body(body, set),
        ExprKind::And(left, right) | ExprKind::Or(left, right) => {
            in_body(left, set);
            in_body(right, set);
        }
        ExprKind::Term(_) | ExprKind::Unify { .. } | ExprKind::Call(_) => {}
    }
}

fn in_comprehension(comprehension: &Comprehension, set: &mut VarSet) {
    let mut add = |term: &Term| {
        visit(term, &mut |id| {
            set.insert(id);
        });
    };
    match &comprehension.head {
        ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => add(term),
        ComprehensionHead::Object(key, value) => {
            add(key);
            add(value);
        }
    }
    in_body(&comprehension.body, set);
}

fn in_body(body: &Body, set: &mut VarSet) {
    for expr in body {
        in_expr(expr, set);
        in_closures(expr, set);
    }
}
