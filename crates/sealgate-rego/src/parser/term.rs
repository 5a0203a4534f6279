//! Terms without infix operators: scalars, names, references, calls, parentheses.

use sealgate_diagnostics::Span;

use super::infix::call;
use super::{MAX_OPERANDS, Parser};
use crate::ast::{Call, Name, Ref, Term, TermKind};
use crate::lexer::Kind;

impl Parser<'_> {
    /// One term with what is looked up in it.
    pub(super) fn term(&mut self) -> Option<Term> {
        self.nested(Self::term_here)
    }

    fn term_here(&mut self) -> Option<Term> {
        let start = self.token().start;
        self.height = 1;
        let kind = match self.kind() {
            Kind::Ident | Kind::Contains => return self.var_term(),
            Kind::And | Kind::Or if self.is_call_head() => return self.var_term(),
            Kind::Text => TermKind::String(self.text()?),
            Kind::RawText => TermKind::String(self.raw_text()),
            Kind::Number | Kind::Dot => TermKind::Number(self.number(false)?),
            Kind::Null => self.scalar(TermKind::Null),
            Kind::True => self.scalar(TermKind::Bool(true)),
            Kind::False => self.scalar(TermKind::Bool(false)),
            Kind::TemplatePart | Kind::TemplateEnd => TermKind::Template(self.template(false)?),
            Kind::RawTemplatePart | Kind::RawTemplateEnd => TermKind::Template(self.template(true)?),
            Kind::OpenBracket => self.array()?,
            Kind::OpenBrace => self.braces()?,
            Kind::OpenParen => {
                let inner = self.parenthesised()?;
                return self.look_ups(inner);
            }
            Kind::Minus => return self.negative(),
            _ => {
                self.unexpected("");
                return None;
            }
        };
        let term = Term { kind, span: self.span_from(start) };
        self.look_ups(term)
    }

    fn scalar(&mut self, kind: TermKind) -> TermKind {
        self.advance();
        kind
    }

    /// Whether `(` follows the token looked at without a space.
    fn is_call_head(&self) -> bool {
        let next = self.token_at(self.at + 1);
        !next.spaced && next.kind == Kind::OpenParen
    }

    fn var_term(&mut self) -> Option<Term> {
        let name = self.name();
        let span = name.span;
        self.look_ups(Term { kind: TermKind::Var(name), span })
    }

    /// `-1`, or `-x`, which is `0 - x`.
    fn negative(&mut self) -> Option<Term> {
        let at = self.span_here();
        if !matches!(self.kind_at(self.at + 1), Kind::Ident | Kind::Contains) {
            self.advance();
            if !matches!(self.kind(), Kind::Number | Kind::Dot) {
                self.unexpected("expected number");
                return None;
            }
            let number = self.number(true)?;
            let term = Term { kind: TermKind::Number(number), span: self.span_from(at.start) };
            return self.look_ups(term);
        }
        self.advance();
        let operand = self.var_term()?;
        self.grow(self.height)?;
        let zero = Term { kind: TermKind::Number("0".to_owned()), span: at };
        let span = at.to(operand.span);
        Some(call("minus", at, vec![zero, operand], span))
    }

    /// `(term)`; the parentheses belong to the term's place.
    fn parenthesised(&mut self) -> Option<Term> {
        let open = self.span_here();
        self.advance();
        let mut inner = self.infix(true)?;
        if self.kind() != Kind::CloseParen {
            if self.fatal.is_none() {
                let found = sealgate_diagnostics::Diagnostic::error(super::CODE, "non-terminated expression")
                    .at(self.span_here())
                    .label(open, "opened here");
                self.error(found.help("close it with `)`"));
            }
            return None;
        }
        self.advance();
        inner.span = self.span_from(open.start);
        Some(inner)
    }

    /// What is looked up in or called on a term: `.a`, `[b]`, `(c)`, each without a space before it.
    pub(super) fn look_ups(&mut self, head: Term) -> Option<Term> {
        if !self.is_look_up() {
            return Some(head);
        }
        self.reference(head)
    }

    fn is_look_up(&self) -> bool {
        !self.token().spaced && matches!(self.kind(), Kind::Dot | Kind::OpenBracket | Kind::OpenParen)
    }

    /// The reference or call that a head begins, the first look-up being the token looked at.
    pub(super) fn reference(&mut self, head: Term) -> Option<Term> {
        let start = head.span.start;
        let mut height = self.height;
        self.check_ref_head(&head)?;
        let mut head = Box::new(head);
        // Most references look up once or twice.
        let mut path = Vec::with_capacity(2);
        let mut first = true;
        loop {
            if self.token().spaced && !first {
                break;
            }
            first = false;
            match self.kind() {
                Kind::Dot => {
                    self.advance();
                    if self.token().spaced || !(self.kind() == Kind::Ident || self.is_ref_keyword()) {
                        self.unexpected("expected identifier");
                        return None;
                    }
                    let Name { text, span } = self.name();
                    path.push(Term { kind: TermKind::String(text), span });
                }
                Kind::OpenBracket => {
                    self.advance();
                    let operand = self.infix(true)?;
                    height = height.max(self.height);
                    self.expect(Kind::CloseBracket)?;
                    path.push(operand);
                }
                Kind::OpenParen => {
                    let span = self.span_from(start);
                    let func = Ref { head, path: std::mem::take(&mut path), span };
                    let call = self.call(func, start)?;
                    height = height.max(self.height);
                    self.grow(height)?;
                    height = self.height;
                    if self.token().spaced || !matches!(self.kind(), Kind::Dot | Kind::OpenBracket) {
                        return Some(call);
                    }
                    head = Box::new(call);
                }
                _ => break,
            }
        }
        self.grow(height)?;
        let span = self.span_from(start);
        if path.len() > MAX_OPERANDS {
            self.too_long(span);
            return None;
        }
        Some(Term { kind: TermKind::Ref(Ref { head, path, span }), span })
    }

    /// The arguments of a call, from the `(` looked at.
    fn call(&mut self, func: Ref, start: u32) -> Option<Term> {
        self.advance();
        let args = self.terms_until(Kind::CloseParen, Vec::new())?;
        let span = self.span_from(start);
        let is_set = func.path.is_empty() && matches!(&func.head.kind, TermKind::Var(name) if name.text == "set");
        let kind = if is_set && args.is_empty() {
            TermKind::Set(Vec::new())
        } else {
            TermKind::Call(Box::new(Call { func, args, infix: false }))
        };
        Some(Term { kind, span })
    }

    fn check_ref_head(&mut self, head: &Term) -> Option<()> {
        let found = match &head.kind {
            TermKind::Null => "null",
            TermKind::Bool(_) => "boolean",
            TermKind::Number(_) => "number",
            TermKind::String(_) => "string",
            TermKind::Template(_) => "template-string",
            TermKind::Ref(_) => "ref",
            // `(input).x`: the parentheses make it a reference of its own.
            TermKind::Var(name) if is_root(name) && name.span != head.span => "ref",
            _ => return Some(()),
        };
        let Span { source, start, end } = head.span;
        self.error_at(Span { source, start, end }, format!("illegal ref (head cannot be {found})"));
        None
    }
}

/// Whether a name is that of a document which every policy sees.
pub(super) fn is_root(name: &Name) -> bool {
    matches!(name.text.as_str(), "input" | "data")
}
