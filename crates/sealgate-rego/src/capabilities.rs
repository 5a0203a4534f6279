//! Which builtins modules may use: OPA's `capabilities.json`, and the calls that go beyond it.
//!
//! Only the names of the builtins are taken from it. Operators that are no calls once names are resolved (`:=`, `=`) and
//! what no decision carries out (`print`) need no capability.

use std::collections::BTreeSet;

use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::builtins::Builtin;
use crate::resolve::TYPE_ERROR;
use crate::resolved::{
    Body, Callee, ComprehensionHead, Expr, ExprKind, ResolvedModules, Term, TermKind, WithTarget, WithValue,
};

/// The builtins that modules may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    builtins: BTreeSet<String>,
}

/// Why a text is no capabilities document.
#[derive(Debug)]
pub enum CapabilitiesError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// `builtins` is missing or is not a list of objects with a `name`.
    Builtins,
}

impl std::fmt::Display for CapabilitiesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the capabilities are not JSON: {error}"),
            Self::Builtins => f.write_str("`builtins` of the capabilities must be a list of objects with a `name`"),
        }
    }
}

impl std::error::Error for CapabilitiesError {}

impl Capabilities {
    /// These builtins and no others.
    pub fn of<T: Into<String>>(builtins: impl IntoIterator<Item = T>) -> Self {
        Self { builtins: builtins.into_iter().map(Into::into).collect() }
    }

    /// Reads OPA's form, `{"builtins": [{"name": …}, …]}`; other members are not looked at.
    ///
    /// # Errors
    /// [`CapabilitiesError`].
    pub fn parse(text: &str) -> Result<Self, CapabilitiesError> {
        let document: serde_json::Value = serde_json::from_str(text).map_err(CapabilitiesError::Json)?;
        let builtins = document.get("builtins").and_then(serde_json::Value::as_array);
        let names = builtins.ok_or(CapabilitiesError::Builtins)?.iter().map(|builtin| {
            let name = builtin.get("name").and_then(serde_json::Value::as_str);
            name.map(str::to_owned).ok_or(CapabilitiesError::Builtins)
        });
        Ok(Self { builtins: names.collect::<Result<_, _>>()? })
    }

    /// Whether the builtin may be used.
    pub fn has(&self, name: &str) -> bool {
        self.builtins.contains(name)
    }

    /// Adds a finding for every use of a builtin that is not there, at its place.
    pub fn check(&self, modules: &ResolvedModules, found: &mut Diagnostics) {
        let mut search = Search { capabilities: self, found };
        for rule in &modules.rules {
            rule.tail.iter().chain(&rule.params).for_each(|term| search.term(term));
            for branch in &rule.branches {
                search.body(&branch.body);
                search.term(&branch.value);
            }
        }
    }
}

/// Looks through rules. Their nesting is what the parser allows.
struct Search<'a> {
    capabilities: &'a Capabilities,
    found: &'a mut Diagnostics,
}

impl Search<'_> {
    fn used(&mut self, builtin: &Builtin, span: Span) {
        if !self.capabilities.has(builtin.name) {
            let message = format!("undefined function `{}`", builtin.name);
            let help = "the capabilities that the policy is built with do not have this builtin";
            self.found.push(Diagnostic::error(TYPE_ERROR, message).at(span).help(help));
        }
    }

    fn body(&mut self, body: &Body) {
        body.iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Term(term) => self.term(term),
            ExprKind::Unify { left, right, .. } => {
                self.term(left);
                self.term(right);
            }
            ExprKind::Call(call) => {
                if let Callee::Builtin(builtin) = call.callee {
                    self.used(builtin, expr.span);
                }
                call.args.iter().chain(&call.output).for_each(|term| self.term(term));
            }
            ExprKind::Every(every) => {
                self.term(&every.domain);
                self.body(&every.body);
            }
            ExprKind::Not(body) => self.body(body),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.body(left);
                self.body(right);
            }
        }
        for with in &expr.with {
            if let WithTarget::Builtin(builtin) = with.target {
                self.used(builtin, with.span);
            }
            match &with.value {
                WithValue::Builtin(builtin) => self.used(builtin, with.span),
                WithValue::Term(term) => self.term(term),
                WithValue::Function(_) => {}
            }
        }
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Ref(reference) => reference.path.iter().for_each(|term| self.term(term)),
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|term| self.term(term)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            TermKind::Comprehension(comprehension) => {
                match &comprehension.head {
                    ComprehensionHead::Array(value) | ComprehensionHead::Set(value) => self.term(value),
                    ComprehensionHead::Object(key, value) => {
                        self.term(key);
                        self.term(value);
                    }
                }
                self.body(&comprehension.body);
            }
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {}
        }
    }
}
