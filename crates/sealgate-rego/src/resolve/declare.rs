//! What the modules define, before any body is read: packages, rules by path, documents, and their conflicts.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::ast::{self, HeadKind, Module, TermKind};
use crate::resolved::{Document, DocumentId, DocumentKind, NodeId, RuleId, RuleNode, RuleTree};

use super::{COMPILE_ERROR, MAX_PATH, TYPE_ERROR};

/// A path below `data`.
pub(super) type Path = Vec<Arc<str>>;

/// The modules' definitions.
#[derive(Debug, Default)]
pub(super) struct Declarations<'a> {
    /// The rules in the order of [`RuleId`].
    pub(super) rules: Vec<Declared<'a>>,
    /// The documents; their rules are filled in.
    pub(super) documents: Vec<Document>,
    /// Where the documents lie.
    pub(super) tree: RuleTree,
    /// By module: the package's path.
    pub(super) packages: Vec<Path>,
    /// The rule names of each package.
    pub(super) names: BTreeMap<Path, HashSet<&'a str>>,
}

/// A rule with its place in the tree.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    /// As written.
    pub(super) rule: &'a ast::Rule,
    /// Its module.
    pub(super) module: usize,
    /// Its position in the module.
    pub(super) index: usize,
    /// Its document.
    pub(super) document: DocumentId,
    /// Names below the document's path that come before [`Self::tail`].
    pub(super) below: Path,
    /// The operands of the head's reference from the first that is not a name.
    pub(super) tail: &'a [ast::Term],
}

/// The tree while rules are sorted into it.
#[derive(Debug, Default)]
struct Draft {
    children: BTreeMap<Arc<str>, Draft>,
    rules: Vec<RuleId>,
    packages: Vec<Span>,
}

/// Collects what the modules define and reports what contradicts itself.
pub(super) fn declare<'a>(modules: &'a [Module], found: &mut Diagnostics) -> Declarations<'a> {
    let mut all = Declarations::default();
    let mut root = Draft::default();
    for (index, module) in modules.iter().enumerate() {
        let mut package: Path = module.package.path.iter().map(|name| Arc::from(name.text.as_str())).collect();
        if package.len() > MAX_PATH {
            found.push(too_long(module.package.span));
            package.truncate(MAX_PATH);
        }
        root.at(&package).packages.push(module.package.span);
        let names = all.names.entry(package.clone()).or_default();
        for (position, rule) in module.rules.iter().enumerate() {
            let TermKind::Var(name) = &rule.head.reference.head.kind else { continue };
            names.insert(&name.text);
            let operands = &rule.head.reference.path;
            let fixed = operands.iter().take_while(|term| matches!(term.kind, TermKind::String(_))).count();
            let (_, tail) = operands.split_at(fixed);
            let mut path = package.clone();
            path.extend(names_of(rule));
            if path.len() > MAX_PATH {
                found.push(too_long(rule.head.span));
                path.truncate(MAX_PATH);
            }
            let id = RuleId(u32::try_from(all.rules.len()).unwrap_or(u32::MAX));
            root.at(&path).rules.push(id);
            // `below` holds the whole path until the documents are known.
            all.rules.push(Declared {
                rule,
                module: index,
                index: position,
                document: DocumentId(0),
                below: path,
                tail,
            });
        }
        all.packages.push(package);
    }
    check(&root, &mut Vec::new(), &all.rules, found);
    settle(root, NodeId(0), Vec::new(), &mut all);
    all
}

/// The names that a rule's head begins with: `p.q` of `p.q[x]`.
pub(super) fn names_of(rule: &ast::Rule) -> Path {
    let TermKind::Var(name) = &rule.head.reference.head.kind else { return Vec::new() };
    let below = rule.head.reference.path.iter().map_while(|term| match &term.kind {
        TermKind::String(text) => Some(Arc::from(text.as_str())),
        _ => None,
    });
    std::iter::once(Arc::from(name.text.as_str())).chain(below).collect()
}

/// How many arguments a function takes; `f()` is no function but a rule.
fn arity_of(rule: &ast::Rule) -> Option<usize> {
    rule.head.args.as_ref().map(Vec::len).filter(|arity| *arity > 0)
}

fn too_long(span: Span) -> Diagnostic {
    Diagnostic::error(COMPILE_ERROR, format!("a path of more than {MAX_PATH} names")).at(span)
}

impl Draft {
    fn at(&mut self, path: &[Arc<str>]) -> &mut Self {
        path.iter().fold(self, |node, key| node.children.entry(Arc::clone(key)).or_default())
    }

    fn rules_below(&self) -> Vec<RuleId> {
        let mut rules = Vec::new();
        let mut open: Vec<&Self> = self.children.values().rev().collect();
        while let Some(node) = open.pop() {
            rules.extend(&node.rules);
            open.extend(node.children.values().rev());
        }
        rules
    }
}

/// Makes the documents and the final tree: a node with rules takes in everything below it.
fn settle(draft: Draft, node: NodeId, path: Path, all: &mut Declarations<'_>) {
    if draft.rules.is_empty() {
        for (key, child) in draft.children {
            let id = NodeId(u32::try_from(all.tree.nodes.len()).unwrap_or(u32::MAX));
            all.tree.nodes.push(RuleNode::default());
            if let Some(parent) = all.tree.nodes.get_mut(node.index()) {
                parent.children.insert(Arc::clone(&key), id);
            }
            let mut below = path.clone();
            below.push(key);
            settle(child, id, below, all);
        }
        return;
    }
    let mut ids = draft.rules.clone();
    ids.extend(draft.rules_below());
    ids.sort();
    let document = DocumentId(u32::try_from(all.documents.len()).unwrap_or(u32::MAX));
    let (mut rules, mut default) = (Vec::new(), None);
    let (mut open, mut contains, mut arity) = (false, false, None);
    for id in ids {
        let Some(declared) = all.rules.get_mut(id.index()) else { continue };
        declared.document = document;
        declared.below.drain(..path.len());
        open |= !declared.below.is_empty() || !declared.tail.is_empty();
        contains |= matches!(declared.rule.head.kind, HeadKind::Contains { .. });
        arity = arity.or(arity_of(declared.rule));
        if declared.rule.default { default = Some(id) } else { rules.push(id) }
    }
    let kind = match arity {
        Some(arity) => DocumentKind::Function(arity),
        None if open => DocumentKind::Object,
        None if contains => DocumentKind::Set,
        None => DocumentKind::Complete,
    };
    all.documents.push(Document { path, kind, rules, default, node });
    if let Some(node) = all.tree.nodes.get_mut(node.index()) {
        node.document = Some(document);
    }
}

/// Reports rules that contradict each other or a package.
fn check(node: &Draft, path: &mut Path, rules: &[Declared<'_>], found: &mut Diagnostics) {
    let here: Vec<&Declared<'_>> = node.rules.iter().filter_map(|id| rules.get(id.index())).collect();
    if let Some(first) = here.first() {
        let name = || std::iter::once("data").chain(path.iter().map(|key| &**key)).collect::<Vec<_>>().join(".");
        let at = first.rule.head.span;
        let below: Vec<&Declared<'_>> = node.rules_below().iter().filter_map(|id| rules.get(id.index())).collect();
        let whole = here.iter().any(|declared| declared.tail.is_empty());
        let function_below = below.iter().find(|declared| arity_of(declared.rule).is_some());
        // Nothing lies below a rule without operands, also where a number or the like leads there.
        let scalar = |declared: &&&Declared<'_>| {
            let first = declared.tail.first().map(|term| &term.kind);
            matches!(first, Some(TermKind::Number(_) | TermKind::Bool(_) | TermKind::Null))
        };
        let conflict = if whole { below.first().or_else(|| here.iter().find(scalar)) } else { function_below };
        if let Some(other) = conflict {
            found.push(
                Diagnostic::error(TYPE_ERROR, format!("rule `{}` conflicts with rules below it", name()))
                    .at(at)
                    .label(other.rule.head.span, "defined below it here")
                    .help("a rule that gives a whole value cannot also be given part by part"),
            );
        }
        let contains = |declared: &&Declared<'_>| matches!(declared.rule.head.kind, HeadKind::Contains { .. });
        let shape = |declared: &Declared<'_>| (contains(&declared), declared.tail.is_empty(), arity_of(declared.rule));
        // A tail that begins with a constant makes a place of its own, which may hold another kind of rule.
        let plain =
            |declared: &&&Declared<'_>| declared.tail.first().is_none_or(|term| matches!(term.kind, TermKind::Var(_)));
        let mut shapes = here.iter().filter(plain).map(|declared| (shape(declared), declared));
        if let Some((expected, _)) = shapes.next()
            && let Some((_, other)) = shapes.find(|(shape, _)| *shape != expected)
        {
            found.push(
                Diagnostic::error(TYPE_ERROR, format!("conflicting rules `{}` found", name()))
                    .at(other.rule.head.span)
                    .label(at, "another kind of rule of this name")
                    .help("rules of one name are all complete, all partial, or all functions of the same number of arguments"),
            );
        }
        let mut defaults = here.iter().filter(|declared| declared.rule.default);
        if let (Some(one), Some(two)) = (defaults.next(), defaults.next()) {
            found.push(
                Diagnostic::error(TYPE_ERROR, format!("multiple default rules `{}` found", name()))
                    .at(two.rule.head.span)
                    .label(one.rule.head.span, "the first"),
            );
        }
        if whole && let Some(package) = node.packages.first() {
            found.push(
                Diagnostic::error(TYPE_ERROR, format!("package `{}` conflicts with a rule of that path", name()))
                    .at(*package)
                    .label(at, "the rule"),
            );
        }
        if let Some(declared) =
            here.iter().find(|declared| arity_of(declared.rule).is_some() && !declared.tail.is_empty())
        {
            found.push(
                Diagnostic::error(COMPILE_ERROR, format!("function `{}` has an operand that is not a name", name()))
                    .at(declared.rule.head.span),
            );
        }
    }
    for (key, child) in &node.children {
        path.push(Arc::clone(key));
        check(child, path, rules, found);
        path.pop();
    }
}
