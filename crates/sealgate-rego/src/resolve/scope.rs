//! The variables of one rule or query: who declares a name where, and what a name means at a point.
//!
//! A name means the innermost declaration that is already in force; else, where one of the bodies around declares it
//! further down, a variable that has no declaration yet (which that declaration then refuses); else a global; else a variable
//! of the whole rule.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use sealgate_diagnostics::Span;

use crate::resolved::{VarId, Variable};

use super::vars::VarSet;

/// How a name came to be known in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occurrence {
    /// A parameter.
    Argument,
    /// Used, not declared.
    Seen,
    /// No variable, but what a call's name begins with.
    Called,
    /// By `:=`.
    Assigned,
    /// By `some` or `every`.
    Declared,
}

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// A variable in force.
    Local(VarId),
    /// A name that a body around declares further down.
    Later,
    /// Nothing local.
    NotLocal,
}

/// The variables of a rule and the scopes open at a point.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    vars: Vec<Variable>,
    facts: Vec<Facts>,
    open: Vec<Scope>,
    /// Variables that no declaration introduces: one per name and rule.
    free: HashMap<Arc<str>, VarId>,
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    occurrence: Option<Occurrence>,
    uses: u32,
}

#[derive(Debug, Default)]
struct Scope {
    /// Each with how it came to be known last.
    names: HashMap<Arc<str>, (VarId, Occurrence)>,
    later: HashSet<Arc<str>>,
    /// Names of builtins that it calls, or the first parts of them: seen, though no variables.
    called: HashSet<Arc<str>>,
}

impl Scopes {
    /// Opens a scope whose body declares these names.
    pub(super) fn push(&mut self, later: Vec<Arc<str>>) {
        self.open.push(Scope { later: later.into_iter().collect(), ..Scope::default() });
    }

    /// Closes the innermost scope.
    pub(super) fn pop(&mut self) {
        self.open.pop();
    }

    /// A variable that the compiler makes.
    pub(super) fn fresh(&mut self, span: Span) -> VarId {
        self.add(Arc::default(), span, None)
    }

    /// The variable of one `_`.
    pub(super) fn wildcard(&mut self, span: Span) -> VarId {
        self.add(Arc::from("_"), span, None)
    }

    /// What a name means here; a use is counted.
    pub(super) fn lookup(&mut self, name: &str) -> Meaning {
        for scope in self.open.iter().rev() {
            if let Some((id, _)) = scope.names.get(name).copied() {
                self.count_use(id);
                return Meaning::Local(id);
            }
        }
        if self.open.iter().any(|scope| scope.later.contains(name)) {
            return Meaning::Later;
        }
        Meaning::NotLocal
    }

    /// The variable of the whole rule with this name, noted as seen in the innermost scope.
    pub(super) fn free(&mut self, name: &str, span: Span) -> VarId {
        let id = match self.free.get(name) {
            Some(id) => *id,
            None => {
                let shared: Arc<str> = Arc::from(name);
                let id = self.add(Arc::clone(&shared), span, None);
                self.free.insert(shared, id);
                id
            }
        };
        self.count_use(id);
        if let Some(name) = self.vars.get(id.index()).map(|var| Arc::clone(&var.name))
            && let Some(scope) = self.open.last_mut()
        {
            scope.names.insert(name, (id, Occurrence::Seen));
        }
        id
    }

    /// Notes that the innermost scope calls a builtin whose name begins with this one, which it may then no longer declare.
    pub(super) fn called(&mut self, name: &str) {
        if let Some(scope) = self.open.last_mut()
            && !scope.called.contains(name)
        {
            scope.called.insert(Arc::from(name));
        }
    }

    /// Declares a name in the innermost scope, or says how the scope knows it already.
    pub(super) fn declare(&mut self, name: &str, span: Span, how: Occurrence) -> Result<VarId, Occurrence> {
        if name == "_" {
            return Ok(self.wildcard(span));
        }
        let find = |scope: &Scope| scope.names.get(name).copied();
        // A rule's parameters lie in a scope of their own, shared by its branches, but may not be shadowed by them.
        let known = match self.open.as_slice() {
            [arguments, body] => find(body).or_else(|| find(arguments)),
            open => open.last().and_then(find),
        };
        if let Some((id, known)) = known {
            if how == Occurrence::Argument && known == Occurrence::Argument {
                // Both arguments must be equal: that is a use.
                self.count_use(id);
                return Ok(id);
            }
            return Err(known);
        }
        if self.open.last().is_some_and(|scope| scope.called.contains(name)) {
            return Err(Occurrence::Called);
        }
        let name: Arc<str> = Arc::from(name);
        let id = self.add(Arc::clone(&name), span, Some(how));
        if let Some(scope) = self.open.last_mut() {
            scope.names.insert(name, (id, how));
        }
        Ok(id)
    }

    /// The variables that were declared in this way and never used.
    pub(super) fn unused(&self, how: Occurrence) -> impl Iterator<Item = &Variable> {
        let facts = self.facts.iter().zip(&self.vars);
        facts.filter(move |(facts, _)| facts.occurrence == Some(how) && facts.uses == 0).map(|(_, var)| var)
    }

    /// The names that are in force in the innermost scope, with their variables, wildcards and made ones left out.
    pub(super) fn named_here(&self) -> Vec<(Arc<str>, VarId)> {
        let mut named: Vec<_> = self
            .open
            .last()
            .map(|scope| scope.names.iter().map(|(name, (id, _))| (Arc::clone(name), *id)).collect())
            .unwrap_or_default();
        named.sort();
        named
    }

    /// The variables that a declaration introduces.
    pub(super) fn declared(&self) -> VarSet {
        let mut declared = VarSet::default();
        for (id, facts) in (0..).map(VarId).zip(&self.facts) {
            if facts.occurrence.is_some() {
                declared.insert(id);
            }
        }
        declared
    }

    /// The variables, the scopes given up.
    pub(super) fn into_vars(self) -> Vec<Variable> {
        self.vars
    }

    fn count_use(&mut self, id: VarId) {
        if let Some(facts) = self.facts.get_mut(id.index()) {
            facts.uses += 1;
        }
    }

    fn add(&mut self, name: Arc<str>, span: Span, occurrence: Option<Occurrence>) -> VarId {
        let id = VarId(u32::try_from(self.vars.len()).unwrap_or(u32::MAX));
        self.vars.push(Variable { name, span });
        self.facts.push(Facts { occurrence, uses: 0 });
        id
    }
}
