//! From the syntax tree to the resolved form, rule by rule: names resolved, calls taken out of terms.
//!
//! The bodies come out in the order written; `order` then finds the one in which they can run.

mod calls;
mod exprs;
mod heads;
mod terms;
mod with;

use std::sync::Arc;

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::ast::Version;
use crate::resolved::{Document, Expr, ExprKind, RefHead, RuleTree, Term, TermKind, VarId};

use super::COMPILE_ERROR;
use super::globals::{Global, Globals};
use super::metadata::{Asker, Metadata};
use super::scope::{Meaning, Scopes};

/// What all rules of a module share.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    /// Where the documents lie.
    pub(super) tree: &'a RuleTree,
    /// What the modules define.
    pub(super) documents: &'a [Document],
    /// The module's global names.
    pub(super) globals: &'a Globals,
    /// Which Rego it is written in.
    pub(super) version: Version,
    /// Whether parameters and assigned variables that are not used are errors.
    pub(super) strict: bool,
    /// The modules' `# METADATA` blocks.
    pub(super) metadata: Option<&'a Metadata<'a>>,
}

impl Unit<'_> {
    /// Whether `input` and `data` may not be shadowed.
    pub(super) fn guards_roots(&self) -> bool {
        self.strict || self.version == Version::V1
    }
}

/// The state while one rule or query is lowered.
#[derive(Debug)]
pub(super) struct Lowering<'a> {
    unit: &'a Unit<'a>,
    scopes: Scopes,
    found: &'a mut Diagnostics,
    noted: &'a mut Noted,
    /// The rule, for its metadata.
    asker: Option<Asker>,
    /// Whether a call of `print` or a template string was seen.
    pub(super) captures: bool,
}

/// What is noted from rule to rule.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Imports that were used, by position.
    pub(super) used: HashSet<usize>,
    /// Texts of constants: most recur.
    texts: HashSet<Arc<str>>,
}

impl Noted {
    /// A text, shared with where it came before.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }
}

/// What a bare name stands for.
enum Named<'a> {
    Local(VarId),
    Global(&'a Global),
    Root(RefHead),
    Free,
}

impl<'a> Lowering<'a> {
    /// A lowering with no scope open.
    pub(super) fn new(unit: &'a Unit<'a>, found: &'a mut Diagnostics, noted: &'a mut Noted) -> Self {
        Self { unit, scopes: Scopes::default(), found, noted, asker: None, captures: false }
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.found.push(Diagnostic::error(code, message).at(span));
    }

    fn refuse(&mut self, message: impl Into<String>, span: Span) {
        self.error(COMPILE_ERROR, message, span);
    }

    fn named(&mut self, name: &str) -> Named<'a> {
        match self.scopes.lookup(name) {
            Meaning::Local(id) => return Named::Local(id),
            Meaning::Later => return Named::Free,
            Meaning::NotLocal => {}
        }
        if let Some(global) = self.unit.globals.get(name) {
            if let Some(import) = global.import() {
                self.noted.used.insert(import);
            }
            return Named::Global(global);
        }
        match name {
            "input" => Named::Root(RefHead::Input),
            "data" => Named::Root(RefHead::Data),
            _ => Named::Free,
        }
    }

    /// `tmp = term`, and `tmp`.
    fn bind(&mut self, term: Term, out: &mut Vec<Expr>) -> Term {
        let span = term.span;
        let tmp = Term::var(self.scopes.fresh(span), span);
        let kind = ExprKind::Unify { left: tmp.clone(), right: term, assign: false };
        out.push(Expr { kind, negated: false, with: Vec::new(), span });
        tmp
    }

    /// The term itself, or a variable bound to it where it needs evaluation.
    fn bind_if_needed(&mut self, term: Term, out: &mut Vec<Expr>) -> Term {
        if term.needs_evaluation() { self.bind(term, out) } else { term }
    }
}

fn unit_true(span: Span) -> Term {
    Term { kind: TermKind::Bool(true), span }
}
