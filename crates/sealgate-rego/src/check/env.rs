//! What is known of the documents below `input` and `data`, in layers: what a layer says nothing of, those below it answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::resolved::{Ref, RefHead, Term, TermKind};
use crate::types::{Constant, Type};

/// The types of documents by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeTree {
    input: Option<Node>,
    data: Option<Node>,
}

/// What is known at a path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    value: Option<Type>,
    children: BTreeMap<Constant, Self>,
}

/// A document that is looked for: a layer's, or one that no layer knows.
pub(super) enum Root<'a> {
    Node(&'a Node),
    Unknown,
}

impl TypeTree {
    /// The node of `input` or `data`.
    pub(super) fn root(&self, head: RefHead) -> Option<&Node> {
        match head {
            RefHead::Input => self.input.as_ref(),
            RefHead::Data => self.data.as_ref(),
            RefHead::Var(_) => None,
        }
    }

    fn at(&mut self, head: RefHead) -> &mut Node {
        match head {
            RefHead::Input => self.input.get_or_insert_default(),
            RefHead::Data | RefHead::Var(_) => self.data.get_or_insert_default(),
        }
    }

    /// Says what lies at a path, whatever was said before.
    pub(super) fn put(&mut self, head: RefHead, path: &[Constant], of: Type) {
        let mut node = self.at(head);
        for key in path {
            node = node.children.entry(key.clone()).or_default();
        }
        node.value = Some(of);
    }

    /// Adds what a rule contributes at a path below `data`, merged into what was known there and above.
    pub(super) fn contribute(&mut self, path: &[Constant], of: &Type) {
        let mut node = self.at(RefHead::Data);
        for (at, key) in path.iter().enumerate() {
            node = node.children.entry(key.clone()).or_default();
            if let (Some(below), Some(Type::Object(_))) =
                (path.get(at + 1..).filter(|rest| !rest.is_empty()), &node.value)
            {
                node.value = node.value.as_ref().map(|value| with_inside(value, below, of));
            }
        }
        node.value = Type::merge(node.value.take(), Some(of.clone()));
        if matches!(of, Type::Object(_)) && !node.children.is_empty() {
            let mut leaves = Vec::new();
            node.leaves(&mut Vec::new(), &mut leaves);
            for (path, leaf) in leaves {
                node.value = node.value.as_ref().map(|value| with_inside(value, &path, &leaf));
            }
        }
    }
}

/// An object type to which a value at a path below is added, as keys that are not fixed.
fn with_inside(of: &Type, path: &[Constant], leaf: &Type) -> Type {
    let (Type::Object(object), Some((first, below))) = (of, path.split_first()) else { return of.clone() };
    let value = if below.is_empty() { leaf.clone() } else { with_inside(&Type::object(Vec::new(), None), below, leaf) };
    let key = Some(first.type_of());
    let rest = match &object.rest {
        Some((known, values)) => (Type::or(known.clone(), key), Type::or(values.clone(), Some(value))),
        None => (key, Some(value)),
    };
    Type::object(object.fixed.clone(), Some(rest))
}

impl Node {
    /// What is said of the document itself, rather than of its parts.
    pub(super) fn leaf(&self) -> Option<&Type> {
        self.value.as_ref()
    }

    /// The node under a key.
    pub(super) fn child(&self, key: &Constant) -> Option<&Self> {
        self.children.get(key)
    }

    /// The keys of which something is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Constant> {
        self.children.keys()
    }

    /// The type of the whole document: what lies below it is known in part.
    pub(super) fn whole(&self) -> Type {
        if let Some(value) = &self.value {
            return value.clone();
        }
        let scalar = |key: &Constant| matches!(key, Constant::String(_) | Constant::Number(_) | Constant::Bool(_));
        let known = self.children.iter().filter(|(key, _)| scalar(key));
        let fixed = known.map(|(key, child)| (key.clone(), Some(child.whole()))).collect();
        Type::object(fixed, Some((Some(Type::String), Some(Type::Any))))
    }

    fn leaves(&self, path: &mut Vec<Constant>, out: &mut Vec<(Vec<Constant>, Type)>) {
        for (key, child) in &self.children {
            path.push(key.clone());
            match &child.value {
                Some(value) => out.push((path.clone(), value.clone())),
                None => child.leaves(path, out),
            }
            path.pop();
        }
    }

    /// The type at a path of names below; none where the path leaves what is known here.
    fn named(&self, path: &[Arc<str>]) -> Option<Option<Type>> {
        let mut node = self;
        for (at, key) in path.iter().enumerate() {
            let key = Constant::String(Arc::clone(key));
            match (node.children.get(&key), &node.value) {
                (Some(child), _) => node = child,
                (None, None) => return None,
                (None, Some(value)) => {
                    let mut rest = path.iter().skip(at);
                    let of = rest.try_fold(value.clone(), |of, key| of.select(&Constant::String(Arc::clone(key))));
                    return Some(of);
                }
            }
        }
        Some(Some(node.whole()))
    }

    /// The type at a path below, or that the path leaves what is known here.
    fn below(&self, path: &[Term]) -> Result<Option<Type>, ()> {
        let mut node = self;
        let mut rest = path;
        while let Some((key, below)) = rest.split_first() {
            let constant = constant(key);
            if let Some(value) = &node.value {
                match constant.as_ref().and_then(|key| node.children.get(key)) {
                    Some(child) => (node, rest) = (child, below),
                    None => return Ok(inside(Some(value.clone()), rest)),
                }
                continue;
            }
            let Some(constant) = constant else { return Ok(inside(Some(node.whole()), rest)) };
            match node.children.get(&constant) {
                Some(child) => (node, rest) = (child, below),
                None => return Err(()),
            }
        }
        Ok(Some(node.whole()))
    }
}

/// Layers of what is known, the innermost last.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers<'a> {
    pub(super) base: Option<&'a TypeTree>,
    pub(super) over: Vec<Arc<TypeTree>>,
}

impl Layers<'_> {
    /// The layers from the innermost outwards.
    pub(super) fn inward_out(&self) -> impl Iterator<Item = &TypeTree> {
        self.over.iter().rev().map(|layer| &**layer).chain(self.base)
    }

    /// The type of what lies at a reference into `input` or `data`.
    pub(super) fn get(&self, reference: &Ref) -> Option<Type> {
        let roots = self.inward_out().filter_map(|layer| layer.root(reference.head));
        roots.map(|root| root.below(&reference.path)).find_map(Result::ok).unwrap_or(Some(Type::Any))
    }

    /// The type of what lies at a path of names below `input` or `data`.
    pub(super) fn at_names(&self, head: RefHead, path: &[Arc<str>]) -> Option<Type> {
        let roots = self.inward_out().filter_map(|layer| layer.root(head));
        roots.map(|root| root.named(path)).find_map(|found| found).unwrap_or(Some(Type::Any))
    }

    /// The nodes of `input` or `data` from the innermost layer outwards, and at last that nothing is known.
    pub(super) fn roots(&self, head: RefHead) -> impl Iterator<Item = Root<'_>> {
        self.inward_out().filter_map(move |layer| layer.root(head)).map(Root::Node).chain([Root::Unknown])
    }
}

/// The type of what lies at a path inside a value.
pub(super) fn inside(of: Option<Type>, path: &[Term]) -> Option<Type> {
    path.iter().try_fold(of?, |of, key| match &key.kind {
        TermKind::Var(_) | TermKind::Ref(_) | TermKind::Array(_) | TermKind::Set(_) | TermKind::Object(_) => {
            of.values()
        }
        _ => of.select(&constant(key)?),
    })
}

/// The value of a term that the text spells out.
pub(super) fn constant(term: &Term) -> Option<Constant> {
    Some(match &term.kind {
        TermKind::Null => Constant::Null,
        TermKind::Bool(value) => Constant::Bool(*value),
        TermKind::Number(text) => Constant::number(text),
        TermKind::String(text) => Constant::String(Arc::clone(text)),
        TermKind::Array(items) => Constant::Array(items.iter().map(constant).collect::<Option<_>>()?),
        TermKind::Set(items) => {
            let mut items = items.iter().map(constant).collect::<Option<Vec<_>>>()?;
            items.sort();
            items.dedup();
            Constant::Array(items)
        }
        TermKind::Object(pairs) => {
            let pair = |(key, value): &(Term, Term)| Some((constant(key)?, constant(value)?));
            let mut pairs = pairs.iter().map(pair).collect::<Option<Vec<_>>>()?;
            pairs.sort();
            Constant::Object(pairs)
        }
        TermKind::Var(_) | TermKind::Ref(_) | TermKind::Comprehension(_) => return None,
    })
}
