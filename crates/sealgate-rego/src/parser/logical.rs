//! `and`, `or` and bodies under `not`: what `import future.keywords.and`, `.or` and `.not` switch on.
//!
//! An operand is one expression, a body in braces or a group in parentheses; braces and parentheses may also begin a
//! plain term, which is tried where the operand does not hold.

use sealgate_diagnostics::{Diagnostic, Span};

use super::rule::builtin;
use super::{CODE, Parser};
use crate::ast::{Body, Expr, ExprKind, Term, TermKind};
use crate::lexer::Kind;

/// An operand: its expressions, whether braces stand around them, and its place.
struct Operand {
    body: Body,
    braces: bool,
    span: Span,
}

impl Parser<'_> {
    pub(super) fn has_logical_keywords(&self) -> bool {
        self.keywords.has(Kind::And) || self.keywords.has(Kind::Or)
    }

    fn at_operator(&self) -> bool {
        matches!(self.kind(), Kind::And | Kind::Or)
    }

    /// An expression that begins with an operand in braces or a group; `None` where a term begins instead.
    pub(super) fn maybe_logical_start(&mut self) -> Option<Option<Expr>> {
        match self.kind() {
            Kind::OpenBrace => self.maybe_braces_operand(),
            Kind::OpenParen => {
                let start = self.token().start;
                let (body, braces) = match self.maybe_group(false)? {
                    Some(group) => group,
                    None => return Some(None),
                };
                let operand = Operand { body, braces, span: self.span_from(start) };
                Some(self.tail(operand))
            }
            _ => None,
        }
    }

    fn maybe_braces_operand(&mut self) -> Option<Option<Expr>> {
        let open = self.at;
        if self.not_group.contains(&open) {
            return None;
        }
        let mark = self.mark();
        let start = self.token().start;
        self.advance();
        if let Some(body) = self.body(Kind::CloseBrace)
            && self.at_operator()
        {
            let span = self.span_from(start);
            if self.check_union(&body, span).is_none() {
                return Some(None);
            }
            return Some(self.chain(Operand { body, braces: true, span }).and_then(|expr| self.with_tail(expr)));
        }
        self.reset(mark);
        self.not_group.insert(open);
        None
    }

    /// A complete operand with the `and`, `or` and `with` that follow it.
    pub(super) fn logical_tail(&mut self, expr: Expr) -> Option<Expr> {
        let span = expr.span;
        self.tail(Operand { body: vec![expr], braces: false, span })
    }

    fn tail(&mut self, operand: Operand) -> Option<Expr> {
        let expr = if self.at_operator() { self.chain(operand)? } else { operand.body.into_iter().next()? };
        self.with_tail(expr)
    }

    fn with_tail(&mut self, mut expr: Expr) -> Option<Expr> {
        if self.kind() == Kind::With {
            expr.with = self.withs()?;
            expr.span = self.span_from(expr.span.start);
        }
        Some(expr)
    }

    /// The `and` or `or` that follows an expression.
    pub(super) fn logical_operation(&mut self, expr: Expr, negated: bool, with_at: Span) -> Option<Expr> {
        if !expr.with.is_empty() {
            self.with_on_operand(with_at);
            return None;
        }
        if !negated && self.text.get(expr.span.start as usize..).is_some_and(|text| text.starts_with('{')) {
            if matches!(&expr.kind, ExprKind::Term(Term { kind: TermKind::Object(pairs), .. }) if pairs.is_empty()) {
                self.error_at(expr.span, "found empty body");
            } else {
                self.brace_led(expr.span);
            }
            return None;
        }
        self.logical_tail(expr)
    }

    fn with_on_operand(&mut self, span: Span) {
        let found = Diagnostic::error(CODE, "`with` modifier is not allowed on an operand of `and` or `or`").at(span);
        self.error(found.help("put the operand in braces, or `with` at the end to apply it to the whole expression"));
    }

    fn brace_led(&mut self, span: Span) {
        let found =
            Diagnostic::error(CODE, "an operand of `and` or `or` cannot begin with `{` unless the braces hold a body");
        self.error(found.at(span).help("put the operand in parentheses to keep the value"));
    }

    /// Operands joined by `or`, each of operands joined by `and`; the first is parsed and an operator is looked at.
    fn chain(&mut self, first: Operand) -> Option<Expr> {
        self.nested(|parser| parser.or_chain(first))
    }

    fn or_chain(&mut self, first: Operand) -> Option<Expr> {
        let mut left = self.and_chain(first)?;
        while self.maybe(Kind::Or) {
            let height = self.height;
            let right = self.operand(true)?;
            let right = self.and_chain(right)?;
            self.check_can_fail(&left.body, "or");
            self.check_can_fail(&right.body, "or");
            self.grow(height.max(self.height))?;
            let span = self.span_from(left.span.start);
            let expr = Expr { kind: ExprKind::Or(left.body, right.body), negated: false, with: Vec::new(), span };
            left = Operand { body: vec![expr], braces: false, span };
        }
        left.body.into_iter().next()
    }

    fn and_chain(&mut self, mut left: Operand) -> Option<Operand> {
        while self.maybe(Kind::And) {
            let height = self.height;
            let right = self.operand(true)?;
            self.check_can_fail(&left.body, "and");
            self.check_can_fail(&right.body, "and");
            self.grow(height.max(self.height))?;
            let span = self.span_from(left.span.start);
            let expr = Expr { kind: ExprKind::And(left.body, right.body), negated: false, with: Vec::new(), span };
            left = Operand { body: vec![expr], braces: false, span };
        }
        Some(left)
    }

    /// One operand; where it is not `sure` that one stands here the caller goes back on failure.
    fn operand(&mut self, sure: bool) -> Option<Operand> {
        let start = self.token().start;
        if self.kind() == Kind::OpenBrace {
            let body = self.operand_body(sure, "")?;
            let span = self.span_from(start);
            self.check_union(&body, span);
            return Some(Operand { body, braces: true, span });
        }
        let negated = self.kind() == Kind::Not && !self.is_ref_head();
        if negated {
            self.advance();
            if self.kind() == Kind::OpenBrace && self.has_not_bodies() {
                let not = self.not_body(start)?;
                let span = not.span;
                return Some(Operand { body: vec![not], braces: false, span });
            }
        }
        if self.kind() == Kind::OpenParen
            && (!negated || self.has_not_bodies())
            && let Some(group) = self.maybe_group(true)
        {
            let (body, braces) = group?;
            let span = self.span_from(start);
            if negated {
                let not = self.negation(body, start);
                return Some(Operand { body: vec![not], braces: false, span });
            }
            return Some(Operand { body, braces, span });
        }
        let kind = self.literal_kind()?;
        let expr = self.negatable(kind, negated, start);
        let span = expr.span;
        Some(Operand { body: vec![expr], braces: false, span })
    }

    /// The body in braces of an operand or of `not`.
    fn operand_body(&mut self, sure: bool, prefix: &str) -> Option<Body> {
        let mark = self.mark();
        let start = self.token().start;
        self.advance();
        let empty = self.kind() == Kind::CloseBrace;
        if let Some(body) = self.nested(|parser| parser.body(Kind::CloseBrace)) {
            return Some(body);
        }
        if empty || !sure || self.fatal.is_some() {
            return None;
        }
        // The braces may hold a value: then that is what to say.
        let failed = self.errors.split_off(mark.errors.min(self.errors.len()));
        self.reset(mark);
        if self.infix(true).is_some() {
            let span = self.span_from(start);
            if prefix.is_empty() {
                self.brace_led(span);
            } else {
                let found = Diagnostic::error(CODE, "`{...}` in an operand position must contain expressions").at(span);
                self.error(found.help("put the value in parentheses to negate it"));
            }
        } else {
            self.errors.truncate(mark.errors);
            self.errors.extend(failed);
        }
        None
    }

    /// `not { body }` from the brace on.
    pub(super) fn not_body(&mut self, start: u32) -> Option<Expr> {
        let body = self.operand_body(true, "not ")?;
        self.check_union(&body, self.span_from(start))?;
        Some(self.negation(body, start))
    }

    /// `{a | b}` as a body reads like a comprehension: refused.
    fn check_union(&mut self, body: &Body, span: Span) -> Option<()> {
        let Some(Expr { kind: ExprKind::Term(term), .. }) = body.first() else { return Some(()) };
        let TermKind::Call(call) = &term.kind else { return Some(()) };
        let is_or = call.infix && matches!(&call.func.head.kind, TermKind::Var(name) if name.text == "or");
        let in_parens = self.text.get(term.span.start as usize..).is_some_and(|text| text.starts_with('('));
        if !is_or || in_parens {
            return Some(());
        }
        let found =
            Diagnostic::error(CODE, "ambiguous `{ ... | ... }` operand: a body that holds a union, or a comprehension");
        self.error(found.at(span).help("put the braces in parentheses for a comprehension, or the union for a body"));
        None
    }

    /// An operand that only calls builtins without a result always holds: refused.
    fn check_can_fail(&mut self, body: &Body, word: &str) {
        let mut first = None;
        for expr in body {
            let ExprKind::Term(Term { kind: TermKind::Call(call), .. }) = &expr.kind else { return };
            let Some(builtin) = builtin(&call.func).filter(|builtin| builtin.result.is_none() && !expr.negated) else {
                return;
            };
            first.get_or_insert((expr.span, builtin.name));
        }
        let Some((span, name)) = first else { return };
        let message = format!("operand of `{word}` cannot consist only of calls to `{name}`");
        let found = Diagnostic::error(CODE, message).at(span);
        self.error(found.help(format!("`{name}` always succeeds: move it out, or add an expression that can fail")));
    }

    /// A group in parentheses; `None` where they hold a plain term. `operand` says that an operand must stand here.
    pub(super) fn maybe_group(&mut self, operand: bool) -> Option<Option<(Body, bool)>> {
        let open = self.at;
        if self.not_group.contains(&open) || !self.has_logical_keywords() {
            return None;
        }
        // Too deep is refused, not taken for a term.
        let Some(group) = self.nested(|parser| Some(parser.group(operand))) else { return Some(None) };
        if group.is_none() {
            self.not_group.insert(open);
        }
        group
    }

    fn group(&mut self, operand: bool) -> Option<Option<(Body, bool)>> {
        let mark = self.mark();
        let open = self.span_here();
        self.advance();
        if self.kind() == Kind::CloseParen {
            if operand {
                self.error_at(open, "empty parenthesized group");
                return Some(None);
            }
            self.reset(mark);
            return None;
        }
        let Some(mut left) = self.operand(false) else {
            if self.fatal.is_some() {
                return Some(None);
            }
            self.reset(mark);
            return None;
        };
        let kind = self.kind();
        match kind {
            Kind::And | Kind::Or => {
                let Some(expr) = self.chain(left).and_then(|expr| self.with_tail(expr)) else { return Some(None) };
                Some(self.close_group(open).map(|()| (vec![expr], false)))
            }
            Kind::With if !left.braces && left.body.len() == 1 => {
                let with_at = self.span_here();
                let Some(withs) = self.withs() else { return Some(None) };
                if let Some(expr) = left.body.first_mut() {
                    expr.with = withs;
                    expr.span = self.span_from(expr.span.start);
                }
                if self.at_operator() {
                    self.with_on_operand(with_at);
                    return Some(None);
                }
                if self.close_group(open).is_none() {
                    return Some(None);
                }
                if operand || self.at_operator() {
                    return Some(Some((left.body, false)));
                }
                self.reset(mark);
                None
            }
            _ if left.braces => {
                self.reset(mark);
                let probe = self.mark();
                self.advance();
                let is_term = self.term().is_some();
                self.reset(probe);
                if is_term {
                    return None;
                }
                let found = Diagnostic::error(CODE, "`(...)` in an operand position cannot contain a body").at(open);
                self.error(found.help("drop the parentheses to keep the body"));
                Some(None)
            }
            _ if is_group(&left.body) => Some(self.close_group(open).map(|()| (left.body, false))),
            _ => {
                self.reset(mark);
                None
            }
        }
    }

    fn close_group(&mut self, open: Span) -> Option<()> {
        if self.maybe(Kind::CloseParen) {
            return Some(());
        }
        let found = Diagnostic::error(CODE, "expected ) to close parenthesized group").at(self.span_here());
        self.error(found.label(open, "opened here"));
        None
    }
}

/// Whether an operand is itself a group or negated, so that parentheses around it are no term's.
fn is_group(body: &Body) -> bool {
    let [expr] = body.as_slice() else { return false };
    expr.negated || matches!(expr.kind, ExprKind::And(..) | ExprKind::Or(..) | ExprKind::Not(_))
}
