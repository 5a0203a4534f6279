//! Arrays, sets, objects and their comprehensions.
//!
//! `{a | b}` is a comprehension where its body parses, else a set that holds a union. The first try is remembered where
//! it fails, so that nested brackets are not tried again and again.

use foldhash::HashMap;
use sealgate_diagnostics::Diagnostic;

use super::Parser;
use super::cursor::Mark;
use crate::ast::{Body, Term, TermKind};
use crate::lexer::Kind;

impl Parser<'_> {
    /// Terms up to the closing bracket, which is stepped over; a comma may stand before it.
    pub(super) fn terms_until(&mut self, end: Kind, mut terms: Vec<Term>) -> Option<Vec<Term>> {
        let mut height = self.height;
        loop {
            if self.maybe(end) {
                self.height = height;
                return Some(terms);
            }
            terms.push(self.infix(false)?);
            height = height.max(self.height);
            if self.kind() != end {
                self.expect_comma_or(end)?;
            }
        }
    }

    fn expect_comma_or(&mut self, end: Kind) -> Option<()> {
        if self.maybe(Kind::Comma) {
            return Some(());
        }
        self.unexpected(&format!("expected `,` or {}", end.describe()));
        None
    }

    /// From `[` to `]`.
    pub(super) fn array(&mut self) -> Option<TermKind> {
        let open = self.at;
        self.advance();
        if self.maybe(Kind::CloseBracket) {
            return Some(TermKind::Array(Vec::new()));
        }
        // A comma before the first element is an old habit that OPA still takes.
        let leading = self.maybe(Kind::Comma);
        let first = self.term()?;
        let height = self.height;
        if self.kind() == Kind::Pipe && !leading {
            let mark = self.mark();
            match self.maybe_comprehension(open, mark, Kind::CloseBracket, true) {
                Tried::Body(body) => {
                    self.grow(height.max(self.height))?;
                    return Some(TermKind::ArrayComprehension(Box::new(first), body));
                }
                Tried::Refused => return None,
                Tried::NotOne(_) => self.height = height,
            }
        }
        let terms = self.elements(first, Kind::CloseBracket)?;
        Some(TermKind::Array(terms))
    }

    /// The elements from the first term on, whose operators may still follow.
    fn elements(&mut self, first: Term, end: Kind) -> Option<Vec<Term>> {
        let first = self.infix_after(first, false)?;
        self.further_elements(first, end)
    }

    fn further_elements(&mut self, first: Term, end: Kind) -> Option<Vec<Term>> {
        if self.kind() != end {
            self.expect_comma_or(end)?;
        }
        let terms = self.terms_until(end, vec![first])?;
        self.grow(self.height)?;
        Some(terms)
    }

    /// From `{` to `}`: a set, an object or a comprehension of either.
    pub(super) fn braces(&mut self) -> Option<TermKind> {
        let open = self.at;
        self.advance();
        if self.maybe(Kind::CloseBrace) {
            return Some(TermKind::Object(Vec::new()));
        }
        let leading = self.maybe(Kind::Comma);
        let first = self.term()?;
        let height = self.height;
        match self.kind() {
            Kind::Pipe if !leading => {
                let mark = self.mark();
                match self.maybe_comprehension(open, mark, Kind::CloseBrace, true) {
                    Tried::Body(body) => {
                        self.grow(height.max(self.height))?;
                        Some(TermKind::SetComprehension(Box::new(first), body))
                    }
                    Tried::Refused => None,
                    Tried::NotOne(_) => {
                        self.height = height;
                        Some(TermKind::Set(self.elements(first, Kind::CloseBrace)?))
                    }
                }
            }
            Kind::Colon => self.object(open, first, leading),
            _ => {
                let first = self.infix_after(first, false)?;
                match self.kind() {
                    Kind::CloseBrace | Kind::Comma => {
                        Some(TermKind::Set(self.further_elements(first, Kind::CloseBrace)?))
                    }
                    Kind::Colon => self.object(open, first, leading),
                    _ => {
                        self.unexpected("non-terminated set");
                        None
                    }
                }
            }
        }
    }

    /// The rest of an object or object comprehension, from the `:` after the first key.
    fn object(&mut self, open: usize, key: Term, leading: bool) -> Option<TermKind> {
        let key_height = self.height;
        self.advance();
        let value = self.term()?;
        let value_height = self.height;
        let height = key_height.max(value_height);
        let mark = self.mark();
        if self.kind() == Kind::Pipe && !leading {
            match self.maybe_comprehension(open, mark, Kind::CloseBrace, false) {
                Tried::Body(body) => {
                    self.grow(height.max(self.height))?;
                    return Some(TermKind::ObjectComprehension(Box::new(key), Box::new(value), body));
                }
                Tried::Refused => return None,
                Tried::NotOne(failed) => {
                    self.height = value_height;
                    let pairs = self.pairs(key, key_height, value);
                    if pairs.is_none() && !failed.is_empty() {
                        // A comprehension was meant more likely than a union.
                        self.errors.truncate(mark.errors);
                        self.errors.extend(failed);
                    }
                    return pairs;
                }
            }
        }
        self.pairs(key, key_height, value)
    }

    /// The pairs of an object, from the first value on, whose operators may still follow.
    fn pairs(&mut self, key: Term, key_height: usize, value: Term) -> Option<TermKind> {
        let value = self.infix_after(value, false)?;
        let mut height = key_height.max(self.height);
        let mut pairs = vec![(key, value)];
        loop {
            match self.kind() {
                Kind::CloseBrace => {
                    self.advance();
                    self.grow(height)?;
                    return Some(TermKind::Object(one_per_key(pairs)));
                }
                Kind::Comma => self.advance(),
                _ => {
                    self.unexpected("non-terminated object");
                    return None;
                }
            }
            if self.kind() == Kind::CloseBrace {
                continue;
            }
            let key = self.infix(false)?;
            height = height.max(self.height);
            self.expect(Kind::Colon)?;
            let value = self.infix(false)?;
            height = height.max(self.height);
            pairs.push((key, value));
        }
    }

    /// Tries what follows the `|` looked at as the body of a comprehension that the bracket `open` began.
    ///
    /// Where the body does not parse the text may still be a union: always in an object; in an array or set where the
    /// body broke off at a comma.
    fn maybe_comprehension(&mut self, open: usize, mark: Mark, end: Kind, at_comma: bool) -> Tried {
        if self.not_comprehension.contains(&open) {
            return Tried::NotOne(Vec::new());
        }
        self.advance();
        if let Some(body) = self.body(end) {
            return Tried::Body(body);
        }
        if self.fatal.is_some() || (at_comma && self.kind() != Kind::Comma) {
            return Tried::Refused;
        }
        let failed = self.errors.split_off(mark.errors.min(self.errors.len()));
        self.reset(mark);
        self.not_comprehension.insert(open);
        Tried::NotOne(failed)
    }
}

/// Of pairs whose keys are written alike the last value stays, at the place of the first.
fn one_per_key(pairs: Vec<(Term, Term)>) -> Vec<(Term, Term)> {
    let mut known: HashMap<String, usize> = HashMap::with_capacity_and_hasher(pairs.len(), Default::default());
    let mut kept: Vec<(Term, Term)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let text = key.to_string();
        // Every wildcard is a variable of its own.
        if text != "_"
            && let Some((_, earlier)) = known.get(&text).and_then(|at| kept.get_mut(*at))
        {
            *earlier = value;
            continue;
        }
        known.insert(text, kept.len());
        kept.push((key, value));
    }
    kept
}

enum Tried {
    Body(Body),
    /// Neither a comprehension nor anything else.
    Refused,
    /// The errors of the reading that failed.
    NotOne(Vec<Diagnostic>),
}
