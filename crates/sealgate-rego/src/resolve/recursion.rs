//! Recursion: documents and functions that need themselves.

use sealgate_diagnostics::{Diagnostic, Diagnostics};

use crate::resolved::{
    Callee, Comprehension, ComprehensionHead, DocumentId, Expr, ExprKind, NodeId, Ref, RefHead, ResolvedModules,
    RuleTree, Term, TermKind, WithTarget, WithValue,
};

use super::RECURSION_ERROR;

/// Reports every group of documents that need each other. Gives the documents, those first that others need, and what each
/// needs: documents by their index, then the nodes of the tree.
pub(super) fn check(modules: &ResolvedModules, found: &mut Diagnostics) -> (Vec<DocumentId>, Vec<Vec<usize>>) {
    let graph = Graph::of(modules);
    let groups = graph.groups();
    let recursive = groups.iter().filter(|group| match group.as_slice() {
        [vertex] => graph.edges.get(*vertex).is_some_and(|edges| edges.contains(vertex)),
        _ => true,
    });
    for group in recursive {
        let documents: Vec<_> = group.iter().filter_map(|vertex| modules.documents.get(*vertex)).collect();
        let Some(first) = documents.first() else { continue };
        let names: Vec<_> = documents.iter().chain([first]).map(|document| document.name()).collect();
        let what = if first.arity() > 0 { "function" } else { "rule" };
        let mut finding = Diagnostic::error(
            RECURSION_ERROR,
            format!("{what} `{}` is recursive: {}", first.name(), names.join(" -> ")),
        );
        if let Some(rule) = first.rules.first().and_then(|id| modules.rule(*id)) {
            finding = finding.at(rule.span);
        }
        found.push(finding.help("a rule may not depend on its own result"));
    }
    let vertices = groups.into_iter().flatten().filter(|vertex| *vertex < modules.documents.len());
    let order = vertices.filter_map(|vertex| u32::try_from(vertex).ok().map(DocumentId)).collect();
    (order, graph.edges)
}

/// What needs what: vertices are the documents, then the nodes of the tree (each needs all that lies below it).
struct Graph {
    edges: Vec<Vec<usize>>,
}

impl Graph {
    fn of(modules: &ResolvedModules) -> Self {
        let documents = modules.documents.len();
        let mut graph = Self { edges: vec![Vec::new(); documents + modules.tree.nodes.len()] };
        for (index, node) in modules.tree.nodes.iter().enumerate() {
            if let Some(edges) = graph.edges.get_mut(documents + index) {
                edges.extend(node.document.map(DocumentId::index));
                edges.extend(node.children.values().map(|child| documents + child.index()));
            }
        }
        for rule in &modules.rules {
            let Some(edges) = graph.edges.get_mut(rule.document.index()) else { continue };
            let mut needs = Needs { tree: &modules.tree, documents, edges };
            rule.branches.iter().flat_map(|branch| &branch.body).for_each(|expr| needs.expr(expr));
        }
        for edges in &mut graph.edges {
            edges.sort_unstable();
            edges.dedup();
        }
        graph
    }

    /// The strongly connected groups, those first that others need, by Tarjan's algorithm without recursion.
    fn groups(&self) -> Vec<Vec<usize>> {
        const NEW: usize = usize::MAX;
        let mut number = vec![NEW; self.edges.len()];
        let mut low = vec![0; self.edges.len()];
        let mut on_stack = vec![false; self.edges.len()];
        let (mut stack, mut next, mut groups) = (Vec::new(), 0, Vec::new());
        for root in 0..self.edges.len() {
            if number.get(root) != Some(&NEW) {
                continue;
            }
            let mut calls: Vec<(usize, usize)> = vec![(root, 0)];
            while let Some((vertex, at)) = calls.pop() {
                if at == 0 {
                    set(&mut number, vertex, next);
                    set(&mut low, vertex, next);
                    set(&mut on_stack, vertex, true);
                    stack.push(vertex);
                    next += 1;
                }
                let edges = self.edges.get(vertex).map_or(&[][..], Vec::as_slice);
                if let Some(target) = at.checked_sub(1).and_then(|before| edges.get(before)) {
                    let reached = get(&low, *target);
                    if on_stack.get(*target) == Some(&true) && reached < get(&low, vertex) {
                        set(&mut low, vertex, reached);
                    }
                }
                if let Some(target) = edges.get(at) {
                    calls.push((vertex, at + 1));
                    if get(&number, *target) == NEW {
                        calls.push((*target, 0));
                    }
                    continue;
                }
                if get(&low, vertex) == get(&number, vertex) {
                    let mut group = Vec::new();
                    while let Some(member) = stack.pop() {
                        set(&mut on_stack, member, false);
                        group.push(member);
                        if member == vertex {
                            break;
                        }
                    }
                    group.sort_unstable();
                    groups.push(group);
                }
            }
        }
        groups
    }
}

fn get(values: &[usize], at: usize) -> usize {
    values.get(at).copied().unwrap_or(0)
}

fn set<T>(values: &mut [T], at: usize, value: T) {
    if let Some(slot) = values.get_mut(at) {
        *slot = value;
    }
}

/// Collects what the expressions of one rule need.
struct Needs<'a> {
    tree: &'a RuleTree,
    documents: usize,
    edges: &'a mut Vec<usize>,
}

impl Needs<'_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Term(term) => self.term(term),
            ExprKind::Unify { left, right, .. } => {
                self.term(left);
                self.term(right);
            }
            ExprKind::Call(call) => {
                if let Callee::Function(id) = call.callee {
                    self.edges.push(id.index());
                }
                call.args.iter().chain(&call.output).for_each(|term| self.term(term));
            }
            ExprKind::Every(every) => {
                self.term(&every.domain);
                every.body.iter().for_each(|expr| self.expr(expr));
            }
            ExprKind::Not(body) => body.iter().for_each(|expr| self.expr(expr)),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                left.iter().chain(right).for_each(|expr| self.expr(expr));
            }
        }
        for with in &expr.with {
            if let WithTarget::Data(path) = &with.target
                && let Some(node) = self.tree.find(path.iter().map(|key| &**key))
            {
                self.edges.push(self.documents + node.index());
            }
            match &with.value {
                WithValue::Term(value) => self.term(value),
                WithValue::Function(id) => self.edges.push(id.index()),
                WithValue::Builtin(_) => {}
            }
        }
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Ref(reference) => {
                reference.path.iter().for_each(|operand| self.term(operand));
                if reference.head == RefHead::Data {
                    self.data(reference);
                }
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| self.term(item)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            TermKind::Comprehension(comprehension) => self.comprehension(comprehension),
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {}
        }
    }

    fn comprehension(&mut self, comprehension: &Comprehension) {
        match &comprehension.head {
            ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => self.term(term),
            ComprehensionHead::Object(key, value) => {
                self.term(key);
                self.term(value);
            }
        }
        comprehension.body.iter().for_each(|expr| self.expr(expr));
    }

    fn data(&mut self, reference: &Ref) {
        let mut nodes: Vec<NodeId> = vec![RuleTree::ROOT];
        for operand in &reference.path {
            let mut next = Vec::new();
            for node in nodes {
                let node = self.tree.node(node);
                match &operand.kind {
                    TermKind::String(key) => next.extend(node.children.get(key).copied()),
                    TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) => {}
                    _ => next.extend(node.children.values().copied()),
                }
            }
            nodes = Vec::with_capacity(next.len());
            for node in next {
                match self.tree.node(node).document {
                    Some(document) => self.edges.push(document.index()),
                    None => nodes.push(node),
                }
            }
        }
        self.edges.extend(nodes.iter().map(|node| self.documents + node.index()));
    }
}
