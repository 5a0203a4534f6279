//! Bodies and their expressions: `some`, `every`, `not`, `with`, `=` and `:=`.

use super::Parser;
use super::term::is_root;
use crate::ast::{Body, Expr, ExprKind, Name, Term, TermKind, With};
use crate::lexer::Kind;

impl Parser<'_> {
    /// A body up to a closing bracket, which is stepped over.
    pub(super) fn body(&mut self, end: Kind) -> Option<Body> {
        let body = self.nested(|parser| parser.query(false, end))?;
        self.advance();
        Some(body)
    }

    /// Expressions up to `end`, which is not stepped over. They are set apart by `;` or line breaks; `statement` takes
    /// only what `;` joins.
    pub(super) fn query(&mut self, statement: bool, end: Kind) -> Option<Body> {
        if self.kind() == end {
            self.error_here("found empty body");
            return None;
        }
        let mut body = Body::with_capacity(2);
        let mut height = 0;
        loop {
            body.push(self.expression()?);
            height = height.max(self.height);
            if self.maybe(Kind::Semicolon) {
                continue;
            }
            if self.kind() == end || statement {
                self.grow(height)?;
                return Some(body);
            }
            if !self.token().newline {
                self.unexpected(&format!("expected a line break, `;` or {}", end.describe()));
                return None;
            }
        }
    }

    /// One expression with `not` and `with`.
    pub(super) fn expression(&mut self) -> Option<Expr> {
        if self.has_logical_keywords()
            && let Some(expression) = self.maybe_logical_start()
        {
            return expression;
        }
        if self.keyword_as_ref_head() {
            return self.literal(None);
        }
        let start = self.token().start;
        if self.kind() != Kind::Not {
            return match self.kind() {
                Kind::Some => self.some(),
                // Its frames are many: it counts twice, with its body.
                Kind::Every => self.nested(Self::every),
                _ => self.literal(None),
            };
        }
        self.advance();
        match self.kind() {
            Kind::OpenBrace if self.has_not_bodies() => {
                let not = self.not_body(start)?;
                self.logical_tail(not)
            }
            kind @ (Kind::Some | Kind::Every) => {
                let word = if kind == Kind::Some { "some" } else { "every" };
                self.unexpected(&format!("illegal negation of `{word}`"));
                None
            }
            _ => self.literal(Some(start)),
        }
    }

    /// A term, `a = b` or `a := b`, with what `with` replaces; `negated` is where a `not` before it stands.
    fn literal(&mut self, negated: Option<u32>) -> Option<Expr> {
        let start = negated.unwrap_or(self.token().start);
        if negated.is_some()
            && self.has_not_bodies()
            && self.kind() == Kind::OpenParen
            && let Some(group) = self.maybe_group(true)
        {
            let (body, _) = group?;
            let not = self.negation(body, start);
            return self.logical_tail(not);
        }
        let kind = self.literal_kind()?;
        let mut expr = self.negatable(kind, negated.is_some(), start);
        let with_at = self.span_here();
        if self.kind() == Kind::With {
            expr.with = self.withs()?;
            expr.span = self.span_from(start);
        }
        if matches!(self.kind(), Kind::And | Kind::Or) {
            return self.logical_operation(expr, negated.is_some(), with_at);
        }
        Some(expr)
    }

    /// A term, `a = b` or `a := b`.
    pub(super) fn literal_kind(&mut self) -> Option<ExprKind> {
        let left = self.infix(true)?;
        let height = self.height;
        let assign = match self.kind() {
            Kind::Assign => true,
            Kind::Unify => false,
            _ => return Some(ExprKind::Term(left)),
        };
        self.advance();
        let right = self.infix(true)?;
        self.grow(height.max(self.height))?;
        Some(if assign { ExprKind::Assign(left, right) } else { ExprKind::Unify(left, right) })
    }

    /// An expression of the given form, negated as the imports in force say.
    pub(super) fn negatable(&mut self, kind: ExprKind, negated: bool, start: u32) -> Expr {
        let span = self.span_from(start);
        let expr = Expr { kind, negated: negated && !self.has_not_bodies(), with: Vec::new(), span };
        if negated && self.has_not_bodies() { self.negation(vec![expr], start) } else { expr }
    }

    /// `not` over a body.
    pub(super) fn negation(&mut self, body: Body, start: u32) -> Expr {
        Expr { kind: ExprKind::Not(body), negated: false, with: Vec::new(), span: self.span_from(start) }
    }

    pub(super) fn has_not_bodies(&self) -> bool {
        self.keywords.has(Kind::Not)
    }

    /// `with a as b`, repeated.
    pub(super) fn withs(&mut self) -> Option<Vec<With>> {
        let height = self.height;
        let mut most = height;
        let mut all = Vec::new();
        while self.kind() == Kind::With {
            let start = self.token().start;
            self.advance();
            if self.kind() != Kind::Ident {
                self.unexpected("expected what `with` replaces: `input`, `data` or a function");
                return None;
            }
            let target = self.term()?;
            most = most.max(self.height);
            if !matches!(target.kind, TermKind::Ref(_) | TermKind::Var(_)) {
                self.error_at(target.span, "expected with target path");
            }
            self.expect(Kind::As)?;
            let value = self.infix(true)?;
            most = most.max(self.height);
            all.push(With { target, value, span: self.span_from(start) });
        }
        self.grow(most)?;
        Some(all)
    }

    /// `some x, y` or `some k, v in xs`.
    fn some(&mut self) -> Option<Expr> {
        let start = self.token().start;
        let mark = self.mark();
        self.advance();
        if let Some(term) = self.infix(true)
            && matches!(term.kind, TermKind::Call(_))
        {
            let Some((key, value, collection)) = membership(term) else {
                self.error_at(self.span_from(start), "expected `x in xs` or `x, y in xs` expression");
                return None;
            };
            let kind = ExprKind::SomeIn { key, value, collection };
            let mut expr = Expr { kind, negated: false, with: Vec::new(), span: self.span_from(start) };
            if self.kind() == Kind::With {
                expr.with = self.withs()?;
                expr.span = self.span_from(start);
            }
            return Some(expr);
        }
        self.reset(mark);
        let mut names = Vec::new();
        loop {
            self.advance();
            if self.kind() != Kind::Ident {
                self.unexpected("expected var");
                return None;
            }
            names.push(self.name());
            if self.kind() != Kind::Comma {
                break;
            }
        }
        self.height = 1;
        let span = self.span_from(start);
        Some(Expr { kind: ExprKind::Some(names), negated: false, with: Vec::new(), span })
    }

    /// `every k, v in xs { body }`.
    fn every(&mut self) -> Option<Expr> {
        let start = self.token().start;
        self.advance();
        let term = self.infix(true)?;
        let height = self.height;
        let span = term.span;
        let Some((key, value, domain)) = membership(term) else {
            self.error_at(span, "expected `x[, y] in xs { ... }` expression");
            return None;
        };
        let key = match key {
            Some(key) => Some(self.every_name(key, "key")?),
            None => None,
        };
        let value = self.every_name(value, "value")?;
        if self.kind() != Kind::OpenBrace {
            self.unexpected("missing body");
            return None;
        }
        self.advance();
        let body = self.body(Kind::CloseBrace)?;
        self.grow(height.max(self.height))?;
        let kind = ExprKind::Every { key, value, domain, body };
        let mut expr = Expr { kind, negated: false, with: Vec::new(), span: self.span_from(start) };
        if self.kind() == Kind::With {
            expr.with = self.withs()?;
            expr.span = self.span_from(start);
        }
        Some(expr)
    }

    fn every_name(&mut self, term: Term, what: &str) -> Option<Name> {
        match term.kind {
            TermKind::Var(name) if !is_root(&name) => Some(name),
            _ => {
                self.error_at(term.span, format!("expected {what} to be a variable"));
                None
            }
        }
    }
}

/// Takes `k, v in xs` apart.
fn membership(term: Term) -> Option<(Option<Term>, Term, Term)> {
    let TermKind::Call(call) = term.kind else { return None };
    let is_internal = matches!(&call.func.head.kind, TermKind::Var(name) if name.text == "internal");
    let [Term { kind: TermKind::String(member), .. }] = call.func.path.as_slice() else { return None };
    let pairs = match member.as_str() {
        "member_2" if is_internal => false,
        "member_3" if is_internal => true,
        _ => return None,
    };
    let mut args = call.args.into_iter();
    let found = match (pairs, args.next(), args.next(), args.next()) {
        (false, Some(value), Some(collection), None) => (None, value, collection),
        (true, Some(key), Some(value), Some(collection)) => (Some(key), value, collection),
        _ => return None,
    };
    if args.next().is_some() { None } else { Some(found) }
}
