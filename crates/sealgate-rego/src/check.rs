//! Type checking: what rules, functions and variables can be, and what can therefore never be defined or equal.
//!
//! Takes resolved modules without recursion, gives findings and the types of the documents. Documents are looked at after
//! those that they need; a body's expressions in the order of evaluation, so that each finds its inputs typed. Where nothing
//! is known, as of `input` without a schema, everything fits. Knows nothing of names: those have been resolved.

mod body;
mod env;
mod refs;
mod replaced;
mod schema;
mod unify;
mod vars;

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use sealgate_diagnostics::{Diagnostic, Diagnostics};

use crate::resolved::{
    Branch, Callee, Comprehension, Document, DocumentId, RefHead, ResolvedModules, ResolvedQuery, Rule, Term, TermKind,
    VarId, Variable,
};
use crate::types::{Constant, Type};

pub(crate) use env::TypeTree;
use env::{Layers, constant};
use replaced::Replaced;
pub(crate) use schema::{Given, type_of as schema_type};
use vars::Vars;

/// A finding, and whether it may only follow from something that is not known.
struct Finding {
    diagnostic: Diagnostic,
    unknown: bool,
}

/// What has been found out of a comprehension, in which state of the variables.
#[derive(Clone, Debug)]
struct Closure {
    stamp: u64,
    of: Option<Type>,
}

/// What all rules share.
#[derive(Debug, Default)]
struct Shared {
    builtins: HashMap<&'static str, Type>,
    replaced: Replaced,
}

/// The state while one rule or query is checked.
struct Checker<'a> {
    modules: &'a ResolvedModules,
    shared: &'a mut Shared,
    layers: Layers<'a>,
    vars: Vars,
    names: &'a [Variable],
    closures: HashMap<*const Comprehension, Closure>,
    /// What variables without a name stand for.
    made: HashMap<VarId, &'a Term>,
    /// Whether a closure is looked at again.
    again: bool,
}

/// Checks every rule; gives the types of the documents. `order` names the documents, those first that others need;
/// `edges` says which vertices need which: documents by their index, then the nodes of the rule tree. `schemas` gives what
/// schemas say in a rule.
pub(crate) fn rules(
    modules: &ResolvedModules,
    order: &[DocumentId],
    edges: Vec<Vec<usize>>,
    schemas: impl Fn(usize) -> Vec<Given>,
    found: &mut Diagnostics,
) -> TypeTree {
    let mut tree = TypeTree::default();
    let mut shared = Shared { replaced: Replaced::new(edges), ..Shared::default() };
    let mut broken = HashSet::default();
    for document in order.iter().filter_map(|id| modules.document(*id)) {
        let mut ids = document.rules.clone();
        ids.extend(document.default);
        ids.sort();
        for id in ids {
            let Some(rule) = modules.rule(id) else { continue };
            let given = schemas(id.index());
            let layer = (!given.is_empty()).then(|| Arc::new(schema::layer(&given, &tree)));
            let path = ground_path(document, rule);
            let mut made = Vec::with_capacity(rule.branches.len());
            let mut checker = Checker {
                modules,
                shared: &mut shared,
                layers: Layers { base: Some(&tree), over: layer.into_iter().collect() },
                vars: Vars::new(rule.vars.len()),
                names: &rule.vars,
                closures: HashMap::default(),
                made: HashMap::default(),
                again: false,
            };
            for branch in &rule.branches {
                let mut findings = Vec::new();
                made.push(checker.branch(rule, branch, &mut findings));
                if !findings.is_empty() {
                    broken.insert(path.clone());
                }
                found.extend(findings.into_iter().map(|finding| finding.diagnostic));
            }
            if broken.contains(&path) {
                // What refers to a broken rule is not to blame.
                tree.put(RefHead::Data, &path, Type::Any);
                continue;
            }
            for of in made.into_iter().flatten() {
                tree.contribute(&path, &of);
            }
        }
    }
    tree
}

/// Checks a query against the documents' types.
pub(crate) fn query(query: &ResolvedQuery, modules: &ResolvedModules, found: &mut Diagnostics) {
    let mut shared = Shared::default();
    let mut checker = Checker {
        modules,
        shared: &mut shared,
        layers: Layers { base: Some(&modules.types), over: Vec::new() },
        vars: Vars::new(query.vars.len()),
        names: &query.vars,
        closures: HashMap::default(),
        made: HashMap::default(),
        again: false,
    };
    let mut findings = Vec::new();
    checker.body(&query.body, &mut findings);
    found.extend(findings.into_iter().map(|finding| finding.diagnostic));
}

/// The path of a rule's document and the constants that the head goes on with.
fn ground_path(document: &Document, rule: &Rule) -> Vec<Constant> {
    let mut path: Vec<_> = document.path.iter().map(|key| Constant::String(Arc::clone(key))).collect();
    path.extend(rule.tail.iter().map_while(constant));
    path
}

impl<'a> Checker<'a> {
    /// Checks a branch of a rule; gives what it contributes at the rule's ground path.
    fn branch(&mut self, rule: &'a Rule, branch: &'a Branch, found: &mut Vec<Finding>) -> Option<Type> {
        let mark = self.vars.mark();
        self.closures.clear();
        self.made.clear();
        self.body(&branch.body, found);
        let of = if found.is_empty() { self.contribution(rule, branch) } else { None };
        self.vars.back_to(mark);
        of
    }

    fn contribution(&mut self, rule: &'a Rule, branch: &'a Branch) -> Option<Type> {
        if !rule.params.is_empty() {
            for param in &rule.params {
                self.anything(param);
            }
            let args = rule.params.iter().map(|param| self.type_of(param)).collect();
            let result = self.type_of(&branch.value);
            return Some(Type::function(args, result));
        }
        let value = self.type_of(&branch.value)?;
        let value = if rule.contains { Type::set(Some(value)) } else { value };
        let ground = rule.tail.iter().map_while(constant).count();
        let dynamic = rule.tail.iter().skip(ground).rev();
        dynamic.into_iter().try_fold(value, |value, key| {
            let key = self.type_of(key)?;
            Some(Type::object(Vec::new(), Some((Some(key), Some(value)))))
        })
    }

    /// What the body says nothing of may be anything.
    fn anything(&mut self, param: &'a Term) {
        match &param.kind {
            TermKind::Var(id) if self.vars.get(*id).is_none() => self.vars.put(*id, Some(Type::Any)),
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| self.anything(item)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.anything(key);
                self.anything(value);
            }),
            _ => {}
        }
    }

    /// The type of a function or builtin.
    fn callee(&mut self, callee: Callee) -> Option<Type> {
        match callee {
            Callee::Builtin(builtin) => Some(
                self.shared
                    .builtins
                    .entry(builtin.name)
                    .or_insert_with(|| {
                        let args = builtin.args.iter().map(|arg| Some(arg.into())).collect();
                        Type::function(args, builtin.result.as_ref().map(Into::into))
                    })
                    .clone(),
            ),
            Callee::Function(id) => self.function(id),
        }
    }

    fn function(&self, id: DocumentId) -> Option<Type> {
        let document = self.modules.document(id)?;
        self.layers.at_names(RefHead::Data, &document.path)
    }
}
