//! Rule heads: `p`, `p.q[x]`, `f(x)`, `p contains x`, `p := 1`.

use sealgate_diagnostics::{Diagnostic, Span};

use super::{CODE, Parser};
use crate::ast::{Call, Ref, Term, TermKind};
use crate::lexer::Kind;

/// A head as written.
pub(super) struct ParsedHead {
    pub(super) reference: Ref,
    pub(super) args: Option<Vec<Term>>,
    /// After `contains`.
    pub(super) key: Option<Term>,
    /// After `=` or `:=`.
    pub(super) value: Option<Term>,
    pub(super) assign: bool,
    pub(super) span: Span,
    /// Space stands between the name and the first look-up, which only rules with a body may have.
    pub(super) spaced: bool,
}

impl Parser<'_> {
    /// A head; `None` without a noted error where what stands here may be an expression.
    pub(super) fn head(&mut self) -> Option<ParsedHead> {
        let start = self.token().start;
        self.height = 1;
        let name = self.name();
        let span = name.span;
        let is_operator = matches!(
            self.kind(),
            Kind::Plus
                | Kind::Minus
                | Kind::Star
                | Kind::Slash
                | Kind::Percent
                | Kind::Ampersand
                | Kind::Pipe
                | Kind::Equal
                | Kind::NotEqual
                | Kind::Less
                | Kind::LessEqual
                | Kind::Greater
                | Kind::GreaterEqual
        );
        if is_operator && !self.token().spaced {
            self.unexpected("a rule begins with its name");
            return None;
        }
        let var = Term { kind: TermKind::Var(name), span };
        let is_look_up = matches!(self.kind(), Kind::Dot | Kind::OpenBracket | Kind::OpenParen);
        let spaced = is_look_up && self.token().spaced;
        let term = if is_look_up { self.reference(var)? } else { var };
        let (reference, args) = match term.kind {
            TermKind::Ref(reference) => (reference, None),
            TermKind::Call(call) => {
                let Call { func, args, .. } = *call;
                (func, Some(args))
            }
            kind @ TermKind::Var(_) => (Ref { head: Box::new(Term { kind, span }), path: Vec::new(), span }, None),
            // `set()`.
            _ => return None,
        };
        if !matches!(reference.head.kind, TermKind::Var(_)) {
            self.error_at(reference.span, "rule head ref invalid: a rule's name cannot be the result of a call");
            return None;
        }
        let mut head =
            ParsedHead { reference, args, key: None, value: None, assign: false, span: self.span_from(start), spaced };
        match self.kind() {
            Kind::Contains => {
                if head.args.is_some() {
                    self.unexpected("the contains keyword can only be used with multi-value rule definitions");
                    return None;
                }
                self.advance();
                head.key = Some(self.value("expected rule key term (`p contains <VALUE> if { ... }`)")?);
            }
            Kind::Unify => {
                self.advance();
                head.value = Some(self.value("expected rule value term (`p = <VALUE> if { ... }`)")?);
            }
            Kind::Assign => {
                self.advance();
                head.assign = true;
                head.value = Some(self.value("expected rule value term (`p := <VALUE> if { ... }`)")?);
            }
            _ => {}
        }
        head.span = self.span_from(start);
        Some(head)
    }

    /// A term that must stand here; `note` says so where none begins.
    fn value(&mut self, note: &str) -> Option<Term> {
        let (at, errors) = (self.at, self.errors.len());
        let value = self.infix(true);
        if value.is_none() && self.at == at && self.fatal.is_none() {
            // Where no term can begin at all, say what should.
            let said = self.errors.get(errors).is_some_and(|error| error.message.starts_with("unexpected "));
            if said {
                self.errors.truncate(errors);
                self.unexpected(note);
            }
        }
        value
    }

    /// A head's path has variables in it.
    pub(super) fn is_ground_head(head: &ParsedHead) -> bool {
        head.reference.path.iter().all(is_ground)
    }

    pub(super) fn v1(span: Span, message: String, help: &str) -> Diagnostic {
        Diagnostic::error(CODE, message).at(span).help(help)
    }
}

/// Whether a term holds no variable, what is looked into left aside.
pub(super) fn is_ground(term: &Term) -> bool {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => true,
        TermKind::Var(name) => super::term::is_root(name),
        TermKind::Ref(reference) => reference.path.iter().all(is_ground),
        TermKind::Array(terms) | TermKind::Set(terms) => terms.iter().all(is_ground),
        TermKind::Object(pairs) => pairs.iter().all(|(key, value)| is_ground(key) && is_ground(value)),
        TermKind::Call(call) => call.func.path.iter().all(is_ground) && call.args.iter().all(is_ground),
        TermKind::Template(_)
        | TermKind::ArrayComprehension(..)
        | TermKind::SetComprehension(..)
        | TermKind::ObjectComprehension(..) => false,
    }
}
