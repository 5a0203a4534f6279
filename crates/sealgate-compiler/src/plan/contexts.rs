//! Contexts: which functions and virtual documents `with` has replaced around a call.
//!
//! A document is planned once per context that it is called in. Values that stand in for functions travel as further
//! parameters of everything planned in the context, between data and a function's own.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use sealgate_rego::builtins::Builtin;
use sealgate_rego::resolved::{DocumentId, NodeId};

/// A context, by the order met; 0 is the one without replacements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ContextId(pub(super) u32);

/// What is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Context {
    /// Nodes of the rule tree that a document given by `with` takes the place of.
    pub(super) shadowed: BTreeSet<NodeId>,
    /// Functions and builtins that something else stands in for.
    pub(super) mocks: BTreeMap<Mocked, Mock>,
    /// How many values travel as parameters.
    pub(super) extras: usize,
}

/// What a mock stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mocked {
    /// A function of rules.
    Function(DocumentId),
    /// A builtin, by name.
    Builtin(&'static str),
}

/// What stands in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mock {
    /// A function of rules.
    Function(DocumentId),
    /// A builtin.
    Builtin(&'static Builtin),
    /// A value, by its place among the extras.
    Value(usize),
}

/// Every context met.
#[derive(Debug)]
pub(super) struct Contexts {
    all: Vec<Context>,
    ids: HashMap<Context, ContextId>,
}

impl Default for Contexts {
    fn default() -> Self {
        Self { all: vec![Context::default()], ids: HashMap::from_iter([(Context::default(), ContextId(0))]) }
    }
}

impl Contexts {
    pub(super) fn get(&self, id: ContextId) -> Context {
        self.all.get(id.0 as usize).cloned().unwrap_or_default()
    }

    pub(super) fn intern(&mut self, context: Context) -> ContextId {
        if let Some(id) = self.ids.get(&context) {
            return *id;
        }
        let id = ContextId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(context.clone());
        self.ids.insert(context, id);
        id
    }

    pub(super) fn is_shadowed(&self, id: ContextId, node: NodeId) -> bool {
        self.all.get(id.0 as usize).is_some_and(|context| context.shadowed.contains(&node))
    }

    pub(super) fn mock(&self, id: ContextId, mocked: Mocked) -> Option<Mock> {
        self.all.get(id.0 as usize)?.mocks.get(&mocked).copied()
    }
}

impl Mock {
    fn key(&self) -> (u8, usize, &'static str) {
        match self {
            Self::Function(id) => (0, id.index(), ""),
            Self::Builtin(builtin) => (1, 0, builtin.name),
            Self::Value(place) => (2, *place, ""),
        }
    }
}

impl PartialEq for Mock {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Mock {}

impl std::hash::Hash for Mock {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
