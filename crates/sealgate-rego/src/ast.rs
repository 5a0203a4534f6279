//! The syntax tree of one Rego module: exactly what was written, every node with its span.
//!
//! Nothing is resolved here: a [`TermKind::Var`] may turn out to be a local, an import, a rule or `input`. Sugar that
//! only saves letters is gone (infix operators are calls of the builtin that they stand for, `p[x] { … }` of v0 is
//! `p contains x`), everything that errors must be able to quote is kept.

use sealgate_diagnostics::Span;

/// Which Rego a module is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Before OPA 1.0: `if` and `contains` are optional, future keywords need imports.
    V0,
    /// OPA 1.0 and later.
    #[default]
    V1,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Module {
    /// The dialect that was parsed; `import rego.v1` in a v0 module makes it [`Version::V1`].
    pub version: Version,
    /// `package a.b["c"]`.
    pub package: Package,
    /// Imports in the order written, those of `future.keywords` and `rego.v1` included.
    pub imports: Vec<Import>,
    /// Rules in the order written.
    pub rules: Vec<Rule>,
    /// `# METADATA` blocks in the order written.
    pub annotations: Vec<Annotations>,
}

/// A module's package.
#[derive(Clone, Debug)]
pub struct Package {
    /// The path without the leading `data`: `["a", "b", "c"]`.
    pub path: Vec<Name>,
    /// From `package` to the end of the path.
    pub span: Span,
}

/// A name or path segment with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The text; for `_` the text is `_` (each occurrence is a variable of its own).
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `import data.a.b as c`.
#[derive(Clone, Debug)]
pub struct Import {
    /// The whole path: `["data", "a", "b"]`, `["input", "x"]`, `["future", "keywords", "in"]`, `["rego", "v1"]`.
    pub path: Vec<Name>,
    /// The name after `as`.
    pub alias: Option<Name>,
    /// The whole line.
    pub span: Span,
}

/// One rule as written: several of the same name make up a document or function.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `default p := 1`.
    pub default: bool,
    /// The head.
    pub head: Head,
    /// The body; empty for `p := 1` and `p contains 1`.
    pub body: Body,
    /// The `else` branches, in order.
    pub elses: Vec<Else>,
    /// The whole rule.
    pub span: Span,
}

/// `else := value if { body }`.
#[derive(Clone, Debug)]
pub struct Else {
    /// The value; absent means `true`.
    pub value: Option<Term>,
    /// Whether the value is written with `:=`.
    pub assign: bool,
    /// The body; empty where none is written.
    pub body: Body,
    /// From `else` to its end.
    pub span: Span,
}

/// What a rule defines.
#[derive(Clone, Debug)]
pub struct Head {
    /// `p`, `p.q`, `p.q[x]`: the first segment is the rule's name, further ones may be any term.
    pub reference: Ref,
    /// The parameters of a function; `Some(vec![])` for `f()`.
    pub args: Option<Vec<Term>>,
    /// What the rule adds to the document.
    pub kind: HeadKind,
    /// The head alone.
    pub span: Span,
}

/// What a rule's head says of the value.
#[derive(Clone, Debug)]
pub enum HeadKind {
    /// `p := v`, `p = v`, or `p` (no value: `true`).
    Value {
        /// The value.
        value: Option<Term>,
        /// Written with `:=`.
        assign: bool,
    },
    /// `p contains k`.
    Contains {
        /// The element.
        key: Term,
    },
}

/// Expressions that must all hold.
pub type Body = Vec<Expr>;

/// One expression of a body.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// `not …`.
    pub negated: bool,
    /// `with a as b`, in order.
    pub with: Vec<With>,
    /// The expression, `not` and `with` included.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A term that must be neither undefined nor `false`.
    Term(Term),
    /// `a = b`.
    Unify(Term, Term),
    /// `a := b`.
    Assign(Term, Term),
    /// `some x, y`.
    Some(Vec<Name>),
    /// `some x in xs`, `some k, v in xs`.
    SomeIn {
        /// `k`.
        key: Option<Term>,
        /// `x` or `v`.
        value: Term,
        /// `xs`.
        collection: Term,
    },
    /// `every x in xs { … }`, `every k, v in xs { … }`.
    Every {
        /// `k`.
        key: Option<Name>,
        /// `x` or `v`.
        value: Name,
        /// `xs`.
        domain: Term,
        /// The braces.
        body: Body,
    },
    /// `not { … }` and `not x` where `import future.keywords.not` is in force: nothing satisfies the body.
    /// ([`Expr::negated`] is `false` then.)
    Not(Body),
    /// `a and b`, with `import future.keywords.and`: an operand is one expression, or a body in braces.
    And(Body, Body),
    /// `a or b`, with `import future.keywords.or`: an operand is one expression, or a body in braces.
    Or(Body, Body),
}

/// `with target as value`.
#[derive(Clone, Debug)]
pub struct With {
    /// `input`, `input.x`, `data.a.b`, or the name of a function or builtin.
    pub target: Term,
    /// The replacement.
    pub value: Term,
    /// The modifier.
    pub span: Span,
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
    /// A number, its text as written (valid JSON number syntax).
    Number(String),
    /// A string, escapes decoded; raw strings too.
    String(String),
    /// `$"a {x} b"`.
    Template(Vec<TemplatePart>),
    /// A name that stands alone.
    Var(Name),
    /// `head.a[b]`: a head and at least one operand (in [`Head::reference`] and [`Call::func`] the path may be empty).
    Ref(Ref),
    /// `[a, b]`.
    Array(Vec<Term>),
    /// `{a, b}`, and `set()` for the empty one.
    Set(Vec<Term>),
    /// `{k: v}`.
    Object(Vec<(Term, Term)>),
    /// `[t | body]`.
    ArrayComprehension(Box<Term>, Body),
    /// `{t | body}`.
    SetComprehension(Box<Term>, Body),
    /// `{k: v | body}`.
    ObjectComprehension(Box<Term>, Box<Term>, Body),
    /// `f(a)`, `a.b.f(x)`; an infix operator calls the builtin that it stands for (`plus`, `gt`, `internal.member_2` …).
    Call(Box<Call>),
}

/// A part of an interpolated string.
#[derive(Clone, Debug)]
pub enum TemplatePart {
    /// Text, escapes decoded.
    Text(String),
    /// `{expr}`: a term, with its `with` modifiers; never negated, `some`, `every`, `=` or `:=`.
    Expr(Box<Expr>),
}

/// `a.b[c]`.
#[derive(Clone, Debug)]
pub struct Ref {
    /// What is looked into: a var, a call, a comprehension or a composite.
    pub head: Box<Term>,
    /// The operands; `.x` is a string term.
    pub path: Vec<Term>,
    /// The whole reference.
    pub span: Span,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `f`, or `a.b.f` as a reference whose path is all strings.
    pub func: Ref,
    /// The arguments.
    pub args: Vec<Term>,
    /// Whether it was written infix (`a + b`), for messages.
    pub infix: bool,
}

/// A `# METADATA` block.
#[derive(Clone, Debug)]
pub struct Annotations {
    /// The YAML below `# METADATA`, comment signs removed, line breaks kept.
    pub yaml: String,
    /// What follows the block.
    pub target: AnnotationTarget,
    /// The block.
    pub span: Span,
}

/// What a `# METADATA` block stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationTarget {
    /// The `package` line.
    Package,
    /// An import (which OPA refuses).
    Import,
    /// `Module::rules[index]`.
    Rule(usize),
}
