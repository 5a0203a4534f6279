//! Infix operators: from `in`, which binds loosest, over comparisons, `|`, `&`, `+` and `-` to `*`, `/` and `%`.

use sealgate_diagnostics::Span;

use super::Parser;
use crate::ast::{Call, Name, Ref, Term, TermKind};
use crate::lexer::Kind;

/// How tightly an operator binds (`in` binds looser than all of these); they all associate to the left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Relation,
    Or,
    And,
    Sum,
    Product,
}

/// The level and the builtin of an operator.
fn operator(kind: Kind) -> Option<(Level, &'static str)> {
    Some(match kind {
        Kind::Equal => (Level::Relation, "equal"),
        Kind::NotEqual => (Level::Relation, "neq"),
        Kind::Less => (Level::Relation, "lt"),
        Kind::LessEqual => (Level::Relation, "lte"),
        Kind::Greater => (Level::Relation, "gt"),
        Kind::GreaterEqual => (Level::Relation, "gte"),
        Kind::Pipe => (Level::Or, "or"),
        Kind::Ampersand => (Level::And, "and"),
        Kind::Plus => (Level::Sum, "plus"),
        Kind::Minus => (Level::Sum, "minus"),
        Kind::Star => (Level::Product, "mul"),
        Kind::Slash => (Level::Product, "div"),
        Kind::Percent => (Level::Product, "rem"),
        _ => return None,
    })
}

impl Parser<'_> {
    /// A term with its operators; with `pairs` also `k, v in xs`.
    pub(super) fn infix(&mut self, pairs: bool) -> Option<Term> {
        let first = self.term()?;
        self.infix_after(first, pairs)
    }

    /// As [`Self::infix`], where the first term is already parsed and [`Self::height`] is its height.
    pub(super) fn infix_after(&mut self, first: Term, pairs: bool) -> Option<Term> {
        let mut left = self.operators(first, Level::Relation)?;
        if pairs && self.kind() == Kind::Comma {
            left = self.maybe_pair(left)?;
        }
        loop {
            self.keyword_as_ref_head();
            if self.kind() != Kind::In {
                return Some(left);
            }
            let height = self.height;
            let at = self.span_here();
            self.advance();
            let right = self.relation()?;
            self.grow(height.max(self.height))?;
            left = member("member_2", at, vec![left, right]);
        }
    }

    fn relation(&mut self) -> Option<Term> {
        let first = self.term()?;
        self.operators(first, Level::Relation)
    }

    /// `left, value in collection`, or `left` alone where that does not follow.
    fn maybe_pair(&mut self, left: Term) -> Option<Term> {
        let mark = self.mark();
        let height = self.height;
        self.advance();
        if let Some(value) = self.relation() {
            let value_height = self.height;
            let at = self.span_here();
            if self.maybe(Kind::In)
                && let Some(collection) = self.relation()
            {
                self.grow(height.max(value_height).max(self.height))?;
                return Some(member("member_3", at, vec![left, value, collection]));
            }
        }
        self.reset(mark);
        self.height = height;
        Some(left)
    }

    /// The operators that follow `left` and bind at least as tightly as `least`.
    fn operators(&mut self, mut left: Term, least: Level) -> Option<Term> {
        while let Some((level, name)) = operator(self.kind()).filter(|(level, _)| *level >= least) {
            let height = self.height;
            let at = self.span_here();
            self.advance();
            let mut right = self.term()?;
            // What binds tighter belongs to the right side.
            while operator(self.kind()).is_some_and(|(next, _)| next > level) {
                let Some((next, _)) = operator(self.kind()) else { break };
                right = self.operators(right, next)?;
            }
            self.grow(height.max(self.height))?;
            let span = left.span.to(right.span);
            left = call(name, at, vec![left, right], span);
        }
        Some(left)
    }
}

/// The call that an infix operator stands for.
pub(super) fn call(name: &str, at: Span, args: Vec<Term>, span: Span) -> Term {
    let func = Name { text: name.to_owned(), span: at };
    let head = Box::new(Term { kind: TermKind::Var(func), span: at });
    let func = Ref { head, path: Vec::new(), span: at };
    Term { kind: TermKind::Call(Box::new(Call { func, args, infix: true })), span }
}

fn member(name: &str, at: Span, args: Vec<Term>) -> Term {
    let span = match (args.first(), args.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => at,
    };
    let head = Box::new(Term { kind: TermKind::Var(Name { text: "internal".to_owned(), span: at }), span: at });
    let path = vec![Term { kind: TermKind::String(name.to_owned()), span: at }];
    let func = Ref { head, path, span: at };
    Term { kind: TermKind::Call(Box::new(Call { func, args, infix: true })), span }
}
