//! What a `default` rule may say.

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Span};

use super::{CODE, Parser};
use crate::ast::{Term, TermKind};

impl Parser<'_> {
    /// The value must be a constant; comprehensions count as one.
    pub(super) fn check_default_value(&mut self, value: &Term) -> Option<()> {
        let Some((span, what)) = not_constant(value) else { return Some(()) };
        let message = format!("illegal default rule (value cannot contain {what})");
        let found = Diagnostic::error(CODE, message).at(span);
        self.error(found.help("a default is a constant: it must hold whatever the input is"));
        None
    }

    /// The parameters must be variables, none of them twice.
    pub(super) fn check_default_args(&mut self, args: &[Term]) -> Option<()> {
        let mut seen = HashSet::default();
        let errors = self.errors.len();
        for arg in args {
            match &arg.kind {
                TermKind::Var(name) if !super::term::is_root(name) => {
                    if name.text != "_" && !seen.insert(name.text.as_str()) {
                        let message = format!("illegal default rule (arguments cannot be repeated `{}`)", name.text);
                        self.error_at(arg.span, message);
                    }
                }
                kind => {
                    let message = format!("illegal default rule (arguments cannot contain {})", kind_name(kind));
                    let found = Diagnostic::error(CODE, message).at(arg.span);
                    self.error(found.help("name each parameter, or write `_`"));
                }
            }
        }
        if self.errors.len() > errors { None } else { Some(()) }
    }
}

/// The first part of a term that is not constant, and what it is.
fn not_constant(term: &Term) -> Option<(Span, &'static str)> {
    match &term.kind {
        TermKind::Var(_) | TermKind::Ref(_) | TermKind::Call(_) => Some((term.span, kind_name(&term.kind))),
        TermKind::Array(terms) | TermKind::Set(terms) => terms.iter().find_map(not_constant),
        TermKind::Object(pairs) => {
            pairs.iter().find_map(|(key, value)| not_constant(key).or_else(|| not_constant(value)))
        }
        TermKind::Template(parts) => parts.iter().find_map(|part| match part {
            crate::ast::TemplatePart::Text(_) => None,
            crate::ast::TemplatePart::Expr(expr) => match &expr.kind {
                crate::ast::ExprKind::Term(term) if expr.with.is_empty() => not_constant(term),
                _ => Some((expr.span, "expression")),
            },
        }),
        _ => None,
    }
}

/// How messages call a kind of term.
pub(super) fn kind_name(kind: &TermKind) -> &'static str {
    match kind {
        TermKind::Null => "null",
        TermKind::Bool(_) => "boolean",
        TermKind::Number(_) => "number",
        TermKind::String(_) => "string",
        TermKind::Template(_) => "template-string",
        TermKind::Var(name) if super::term::is_root(name) => "ref",
        TermKind::Var(_) => "var",
        TermKind::Ref(_) => "ref",
        TermKind::Array(_) => "array",
        TermKind::Set(_) => "set",
        TermKind::Object(_) => "object",
        TermKind::ArrayComprehension(..) => "arraycomprehension",
        TermKind::SetComprehension(..) => "setcomprehension",
        TermKind::ObjectComprehension(..) => "objectcomprehension",
        TermKind::Call(_) => "call",
    }
}
