//! `with`: what is replaced can also be of its replacement's type, and what depends on it can be anything.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::resolved::{DocumentId, Expr, RefHead, ResolvedModules, RuleTree, WithTarget, WithValue};
use crate::types::{Constant, Type};

use super::env::TypeTree;
use super::{Checker, ground_path};

/// Which rules depend on what, and the layers made of that so far.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// What each vertex needs.
    edges: Vec<Vec<usize>>,
    /// What needs each vertex; made when first asked for.
    dependents: Option<Vec<Vec<usize>>>,
    layers: HashMap<Target, Option<Arc<TypeTree>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    Data(Vec<Arc<str>>),
    Function(DocumentId),
}

impl Replaced {
    pub(super) fn new(edges: Vec<Vec<usize>>) -> Self {
        Self { edges, ..Self::default() }
    }

    /// The layer in which what depends on a target can be anything; none where nothing does.
    fn layer(&mut self, target: Target, modules: &ResolvedModules) -> Option<Arc<TypeTree>> {
        if let Some(layer) = self.layers.get(&target) {
            return layer.clone();
        }
        let affected = self.affected(&target, modules);
        let mut layer = None;
        for id in affected {
            if target == Target::Function(id) {
                continue;
            }
            let Some(document) = modules.document(id) else { continue };
            let layer = layer.get_or_insert_with(TypeTree::default);
            for rule in document.rules.iter().chain(&document.default).filter_map(|id| modules.rule(*id)) {
                layer.put(RefHead::Data, &ground_path(document, rule), Type::Any);
            }
        }
        let layer = layer.map(Arc::new);
        self.layers.insert(target, layer.clone());
        layer
    }

    /// The documents that a target is or holds, and all that need one of them.
    fn affected(&mut self, target: &Target, modules: &ResolvedModules) -> Vec<DocumentId> {
        let mut open = match target {
            Target::Function(id) => vec![id.index()],
            Target::Data(path) => at(path, modules),
        };
        let edges = &self.edges;
        let dependents = self.dependents.get_or_insert_with(|| {
            let mut dependents = vec![Vec::new(); edges.len()];
            for (from, needed) in edges.iter().enumerate() {
                for needed in needed {
                    if let Some(dependents) = dependents.get_mut(*needed) {
                        dependents.push(from);
                    }
                }
            }
            dependents
        });
        let mut seen: HashSet<usize> = open.iter().copied().collect();
        while let Some(vertex) = open.pop() {
            for next in dependents.get(vertex).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        let mut seen: Vec<_> = seen.into_iter().filter(|vertex| *vertex < modules.documents.len()).collect();
        seen.sort_unstable();
        seen.into_iter().filter_map(|index| u32::try_from(index).ok().map(DocumentId)).collect()
    }
}

/// The documents at, above or below a path.
fn at(path: &[Arc<str>], modules: &ResolvedModules) -> Vec<usize> {
    let mut node = RuleTree::ROOT;
    for key in path {
        let Some(child) = modules.tree.child(node, key) else { return Vec::new() };
        node = child;
        if let Some(document) = modules.tree.node(node).document {
            return vec![document.index()];
        }
    }
    let (mut open, mut found) = (vec![node], Vec::new());
    while let Some(node) = open.pop() {
        let node = modules.tree.node(node);
        found.extend(node.document.map(DocumentId::index));
        open.extend(node.children.values().copied());
    }
    found
}

impl<'a> Checker<'a> {
    /// Opens the layers in which an expression with replacements is checked.
    pub(super) fn replace(&mut self, expr: &'a Expr) {
        if expr.with.is_empty() {
            return;
        }
        let mut dependents = Vec::new();
        let mut own = TypeTree::default();
        let mut replaces = false;
        for with in &expr.with {
            let (head, path) = match &with.target {
                WithTarget::Builtin(_) => continue,
                WithTarget::Function(id) => {
                    dependents.extend(self.shared.replaced.layer(Target::Function(*id), self.modules));
                    continue;
                }
                WithTarget::Input(path) => (RefHead::Input, path),
                WithTarget::Data(path) => {
                    dependents.extend(self.shared.replaced.layer(Target::Data(path.clone()), self.modules));
                    (RefHead::Data, path)
                }
            };
            let before = self.layers.at_names(head, path);
            let value = match &with.value {
                WithValue::Term(value) => self.type_of(value),
                WithValue::Function(_) | WithValue::Builtin(_) => None,
            };
            let of = match (before, value) {
                (Some(before), Some(value)) => Type::or(Some(before), Some(value)).unwrap_or(Type::Any),
                _ => Type::Any,
            };
            let keys: Vec<_> = path.iter().map(|key| Constant::String(Arc::clone(key))).collect();
            own.put(head, &keys, of);
            replaces = true;
        }
        self.layers.over.extend(dependents);
        if replaces {
            // Innermost: what is replaced keeps its replacement's type whatever else is replaced.
            self.layers.over.push(Arc::new(own));
        }
    }
}
