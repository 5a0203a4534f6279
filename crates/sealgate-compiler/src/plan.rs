//! The planner: takes resolved modules and entrypoints (or a query), gives a plan in OPA's terms.
//!
//! Documents become functions of input and data; a function is planned when something planned calls it, and again for each
//! context in which `with` replaces functions or virtual documents under it. Evaluates and optimises nothing; what it cannot plan
//! it refuses with a finding at the place.

mod calls;
mod comprehensions;
mod contexts;
mod data;
mod declarations;
mod documents;
mod exprs;
mod frame;
mod places;
mod refs;
mod terms;
mod unify;
mod with;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use sealgate_diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use sealgate_rego::builtins::Builtin;
use sealgate_rego::resolved::{DocumentId, ResolvedModules, ResolvedQuery, RuleTree};

use crate::ir::{BuiltinFunc, Plan, Policy, StringIndex};

use contexts::{ContextId, Contexts};
use frame::Frame;
use places::Places;

/// Code of findings about Rego that cannot be planned.
pub const PLAN_ERROR: &str = "sealgate_plan_error";

/// How many functions may be planned again because of `with`.
const MAX_REPLANNED: usize = 20_000;

/// Builds a plan from resolved modules.
#[derive(Debug)]
pub struct Planner<'a> {
    modules: &'a ResolvedModules,
    places: Places<'a>,
    policy: Policy,
    strings: HashMap<Arc<str>, StringIndex>,
    builtins: BTreeSet<&'static str>,
    contexts: Contexts,
    /// Functions that something calls, planned or waiting.
    known: HashSet<(DocumentId, ContextId)>,
    waiting: Vec<(DocumentId, ContextId)>,
    /// How many functions collect comprehensions.
    indexes: usize,
    found: Diagnostics,
}

/// Plans modules for entrypoints, given as paths below `data`.
///
/// # Errors
/// Everything that cannot be planned, and entrypoints that name nothing.
pub fn plan(
    modules: &ResolvedModules,
    sources: &Sources,
    entrypoints: &[Vec<Arc<str>>],
) -> Result<Policy, Diagnostics> {
    let mut planner = Planner::new(modules, sources);
    for path in entrypoints {
        planner.entrypoint(path);
    }
    planner.finish()
}

impl<'a> Planner<'a> {
    /// A planner that has planned nothing yet; `sources` are the texts that the modules' spans point into.
    pub fn new(modules: &'a ResolvedModules, sources: &'a Sources) -> Self {
        Self {
            modules,
            places: Places::new(sources),
            policy: Policy::default(),
            strings: HashMap::default(),
            builtins: BTreeSet::new(),
            contexts: Contexts::default(),
            known: HashSet::default(),
            waiting: Vec::new(),
            indexes: 0,
            found: Diagnostics::new(),
        }
    }

    /// Plans a document as an entrypoint: its result set is `[{"result": value}]`, empty where the document is undefined.
    pub fn entrypoint(&mut self, path: &[Arc<str>]) {
        let name = path.join("/");
        if !self.is_defined(path) {
            self.found.push(
                Diagnostic::error(PLAN_ERROR, format!("entrypoint `{name}` names nothing"))
                    .help("an entrypoint is a rule or package below `data`, with `/` between the names"),
            );
            return;
        }
        if self.policy.plans.iter().any(|plan| plan.name == name) {
            return;
        }
        let block = Frame::of_plan(self).entrypoint(path);
        self.policy.plans.push(Plan { name, blocks: vec![block] });
        self.work();
    }

    /// Plans a query: its result set has one object of bindings per answer.
    pub fn query(&mut self, name: &str, query: &ResolvedQuery) {
        let block = Frame::of_plan(self).query(query);
        self.policy.plans.push(Plan { name: name.to_owned(), blocks: vec![block] });
        self.work();
    }

    /// The plan.
    ///
    /// # Errors
    /// Everything that could not be planned.
    pub fn finish(mut self) -> Result<Policy, Diagnostics> {
        if self.found.has_errors() {
            return Err(self.found);
        }
        for name in std::mem::take(&mut self.builtins) {
            let decl = Builtin::find(name).map_or(serde_json::Value::Null, declarations::of);
            self.policy.builtins.push(BuiltinFunc { name: name.to_owned(), decl });
        }
        self.policy.files = self.places.into_files();
        Ok(self.policy)
    }

    /// Whether a path leads to a document, into one, or to a package.
    fn is_defined(&self, path: &[Arc<str>]) -> bool {
        let mut node = RuleTree::ROOT;
        for (at, key) in path.iter().enumerate() {
            let Some(child) = self.modules.tree.child(node, key) else { return false };
            node = child;
            if let Some(document) = self.modules.tree.node(node).document.and_then(|id| self.modules.document(id)) {
                return document.arity() == 0
                    && (at + 1 == path.len() || !matches!(document.kind, sealgate_rego::resolved::DocumentKind::Set));
            }
        }
        true
    }

    fn work(&mut self) {
        while let Some((document, context)) = self.waiting.pop() {
            if self.known.len() > self.modules.documents.len() + MAX_REPLANNED {
                self.waiting.clear();
                self.found.push(Diagnostic::error(
                    PLAN_ERROR,
                    "`with` replaces functions or documents in too many combinations",
                ));
            }
            let func = Frame::of_document(self, document, context);
            self.policy.funcs.extend(func);
        }
    }

    /// The name of a document's function in a context; it is planned if it is not yet.
    fn function(&mut self, id: DocumentId, context: ContextId) -> String {
        if self.known.insert((id, context)) {
            self.waiting.push((id, context));
        }
        let mut name = format!("g{}.data", context.0);
        for key in self.modules.document(id).iter().flat_map(|document| &document.path) {
            let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // Writing to a string does not fail.
            let _ = if plain { write!(name, ".{key}") } else { write!(name, "[{key:?}]") };
        }
        name
    }

    fn string(&mut self, text: &Arc<str>) -> StringIndex {
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        let index = StringIndex(u32::try_from(self.policy.strings.len()).unwrap_or(u32::MAX));
        self.policy.strings.push(text.to_string());
        self.strings.insert(Arc::clone(text), index);
        index
    }

    fn refuse(&mut self, message: impl Into<String>, span: Span) {
        self.found.push(Diagnostic::error(PLAN_ERROR, message).at(span));
    }
}
