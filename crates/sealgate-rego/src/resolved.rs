//! Resolved modules: what the planner takes.
//!
//! Every name has become what it stands for: a variable of its rule, `input`, `data`, a document, a function or a
//! builtin. Calls stand alone (`f(g(x))` is `t = g(x)`, then `f(t)`), the operands of references and the parts of composites are
//! constants, variables or composites of these, and the expressions of every body stand in an order in which each finds its inputs
//! bound. Nothing here can fail to plan for want of a name; what a rule means is decided by position alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealgate_diagnostics::Span;

use crate::builtins::Builtin;
use crate::check::TypeTree;

/// Declares an index type.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a position.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A variable of one rule or query.
    VarId
);
index!(
    /// A rule in [`ResolvedModules::rules`].
    RuleId
);
index!(
    /// A document or function in [`ResolvedModules::documents`].
    DocumentId
);
index!(
    /// A node of [`ResolvedModules::tree`].
    NodeId
);

/// Everything that a set of modules defines.
#[derive(Clone, Debug, Default)]
pub struct ResolvedModules {
    /// The rules, module by module, in the order written.
    pub rules: Vec<Rule>,
    /// What the rules add up to.
    pub documents: Vec<Document>,
    /// Where the documents lie below `data`.
    pub tree: RuleTree,
    /// What `entrypoint: true` annotations ask for, as paths below `data`, sorted.
    pub entrypoints: Vec<Vec<Arc<str>>>,
    /// The types of the documents, for the queries that ask about them.
    pub(crate) types: TypeTree,
}

/// The virtual documents by path: node 0 is `data`.
#[derive(Clone, Debug)]
pub struct RuleTree {
    /// The nodes; a parent precedes its children.
    pub nodes: Vec<RuleNode>,
}

/// A node of the rule tree.
#[derive(Clone, Debug, Default)]
pub struct RuleNode {
    /// The children by key; empty below a document.
    pub children: BTreeMap<Arc<str>, NodeId>,
    /// The document or function that is defined here.
    pub document: Option<DocumentId>,
}

/// All rules that define one document or function.
#[derive(Clone, Debug)]
pub struct Document {
    /// The path below `data`.
    pub path: Vec<Arc<str>>,
    /// What the rules make.
    pub kind: DocumentKind,
    /// The rules, `default` ones left out.
    pub rules: Vec<RuleId>,
    /// The `default` rule.
    pub default: Option<RuleId>,
    /// Its node in the tree.
    pub node: NodeId,
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A single value.
    Complete,
    /// A function of so many arguments.
    Function(usize),
    /// A set of what the rules contribute.
    Set,
    /// An object that the rules fill in at [`Rule::tail`].
    Object,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The document that it belongs to.
    pub document: DocumentId,
    /// The keys below the document's path under which a value or set goes: constants and variables.
    pub tail: Vec<Term>,
    /// The parameters of a function: patterns.
    pub params: Vec<Term>,
    /// Whether [`Branch::value`] is an element of a set (`contains`) rather than the value.
    pub contains: bool,
    /// The rule and its `else` branches, in order; at least one.
    pub branches: Vec<Branch>,
    /// The variables by [`VarId`].
    pub vars: Vec<Variable>,
    /// The whole rule.
    pub span: Span,
}

/// A body with its value.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What must hold.
    pub body: Body,
    /// The value or set element: constants, variables and composites of them.
    pub value: Term,
    /// The head, or the `else`.
    pub span: Span,
}

/// A query: a body whose variables are the answer.
#[derive(Clone, Debug)]
pub struct ResolvedQuery {
    /// What must hold.
    pub body: Body,
    /// The variables that the query names, in alphabetical order: they make up a binding.
    pub bindings: Vec<(Arc<str>, VarId)>,
    /// The variables by [`VarId`].
    pub vars: Vec<Variable>,
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name as written; `_` for a wildcard, empty for one that the compiler made.
    pub name: Arc<str>,
    /// Where it is declared or first seen.
    pub span: Span,
}

/// Expressions that must all hold, each after those that bind its inputs.
pub type Body = Vec<Expr>;

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// `not …`.
    pub negated: bool,
    /// Replacements in force, in the order written.
    pub with: Vec<With>,
    /// The expression.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Must be neither undefined nor `false`.
    Term(Term),
    /// Must be equal; unbound variables of either side are bound.
    Unify {
        /// The left side.
        left: Term,
        /// The right side.
        right: Term,
        /// Whether it was written `:=`: then the left side is all new variables.
        assign: bool,
    },
    /// A call.
    Call(Call),
    /// `every`.
    Every(Box<Every>),
    /// Nothing satisfies the body; it is a closure.
    Not(Body),
    /// Both bodies can be satisfied; they are closures.
    And(Body, Body),
    /// One of the bodies can be satisfied, tried in order; they are closures.
    Or(Body, Body),
}

/// A call of a function or builtin.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// The arguments.
    pub args: Vec<Term>,
    /// What the result is unified with; without it the result must not be `false`.
    pub output: Option<Term>,
}

/// What a call calls.
#[derive(Clone, Copy, Debug)]
pub enum Callee {
    /// A function defined by rules.
    Function(DocumentId),
    /// A builtin.
    Builtin(&'static Builtin),
}

/// `every key, value in domain { body }`.
#[derive(Clone, Debug)]
pub struct Every {
    /// The key.
    pub key: Option<VarId>,
    /// The value.
    pub value: VarId,
    /// The collection: a variable bound before.
    pub domain: Term,
    /// What must hold for each element.
    pub body: Body,
}

/// A replacement.
#[derive(Clone, Debug)]
pub struct With {
    /// What is replaced.
    pub target: WithTarget,
    /// By what.
    pub value: WithValue,
    /// The modifier.
    pub span: Span,
}

/// What `with` replaces.
#[derive(Clone, Debug)]
pub enum WithTarget {
    /// `input` or a part of it.
    Input(Vec<Arc<str>>),
    /// `data` or a part of it.
    Data(Vec<Arc<str>>),
    /// A function.
    Function(DocumentId),
    /// A builtin.
    Builtin(&'static Builtin),
}

/// What `with` puts in place.
#[derive(Clone, Debug)]
pub enum WithValue {
    /// A value: a constant, a variable or a composite of them.
    Term(Term),
    /// A function, for a function or builtin.
    Function(DocumentId),
    /// A builtin, for a function or builtin.
    Builtin(&'static Builtin),
}

/// A term with its place.
#[derive(Clone, Debug)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a term.
#[derive(Clone, Debug)]
pub enum TermKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number as written, valid JSON.
    Number(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A variable.
    Var(VarId),
    /// A reference.
    Ref(Ref),
    /// An array.
    Array(Vec<Term>),
    /// A set.
    Set(Vec<Term>),
    /// An object.
    Object(Vec<(Term, Term)>),
    /// A comprehension.
    Comprehension(Box<Comprehension>),
}

/// A reference; without operands only for `input` and `data`.
#[derive(Clone, Debug)]
pub struct Ref {
    /// What is looked into.
    pub head: RefHead,
    /// The operands.
    pub path: Vec<Term>,
}

/// The head of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefHead {
    /// `input`.
    Input,
    /// `data`: base and virtual documents.
    Data,
    /// A variable.
    Var(VarId),
}

/// A comprehension: a closure over the variables around it.
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// What it collects: constants, variables and composites of them.
    pub head: ComprehensionHead,
    /// What must hold.
    pub body: Body,
    /// How to collect it once for all values of the variables around it, where that can be done.
    pub index: Option<Box<ComprehensionIndex>>,
}

/// How to collect a comprehension for every value of some variables around it in one pass.
#[derive(Clone, Debug)]
pub struct ComprehensionIndex {
    /// The variables, bound around the comprehension, that the pass binds and groups by.
    pub keys: Vec<VarId>,
    /// The comprehension's body in an order that binds the keys too.
    pub body: Body,
}

/// What a comprehension collects.
#[derive(Clone, Debug)]
pub enum ComprehensionHead {
    /// `[t | …]`.
    Array(Term),
    /// `{t | …}`.
    Set(Term),
    /// `{k: v | …}`.
    Object(Term, Term),
}

impl Default for RuleTree {
    fn default() -> Self {
        Self { nodes: vec![RuleNode::default()] }
    }
}

impl RuleTree {
    /// The node of `data`.
    pub const ROOT: NodeId = NodeId(0);

    /// The node with this id; an unknown id gives an empty node.
    pub fn node(&self, id: NodeId) -> &RuleNode {
        static EMPTY: RuleNode = RuleNode { children: BTreeMap::new(), document: None };
        self.nodes.get(id.index()).unwrap_or(&EMPTY)
    }

    /// The child of a node under a key.
    pub fn child(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.node(id).children.get(key).copied()
    }

    /// The node at a path below `data`.
    pub fn find<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<NodeId> {
        path.into_iter().try_fold(Self::ROOT, |node, key| self.child(node, key))
    }
}

impl ResolvedModules {
    /// The document with this id.
    pub fn document(&self, id: DocumentId) -> Option<&Document> {
        self.documents.get(id.index())
    }

    /// The rule with this id.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }
}

impl Document {
    /// How many arguments a function takes; 0 for other documents.
    pub fn arity(&self) -> usize {
        match self.kind {
            DocumentKind::Function(arity) => arity,
            _ => 0,
        }
    }

    /// The path as written in Rego: `data.a.b`.
    pub fn name(&self) -> String {
        std::iter::once("data").chain(self.path.iter().map(|key| &**key)).collect::<Vec<_>>().join(".")
    }
}

impl Term {
    /// A variable at a place.
    pub fn var(id: VarId, span: Span) -> Self {
        Self { kind: TermKind::Var(id), span }
    }

    /// Whether the term is a reference or comprehension, or has one inside.
    pub fn needs_evaluation(&self) -> bool {
        match &self.kind {
            TermKind::Ref(_) | TermKind::Comprehension(_) => true,
            TermKind::Array(items) | TermKind::Set(items) => items.iter().any(Self::needs_evaluation),
            TermKind::Object(pairs) => {
                pairs.iter().any(|(key, value)| key.needs_evaluation() || value.needs_evaluation())
            }
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => false,
        }
    }
}
