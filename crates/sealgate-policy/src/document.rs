//! A policy as it is written: typed fields, each with its place.
//!
//! Takes one text; gives its [`PolicyDocument`], with every unknown key, wrong type and odd value reported. Resolves no
//! role, parses no constraint.

mod reader;

use indexmap::IndexMap;
use sealgate_diagnostics::{Diagnostics, SourceId, Span};
use serde_json::Value;

use crate::yaml::Scalar;

/// Something with the place that it was written at.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// How a tool may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It may, as long as its constraints hold.
    Allow,
    /// It may not.
    Deny,
    /// It may once somebody approves, as long as its constraints hold.
    ApprovalRequired,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::ApprovalRequired];

    /// The mode as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::ApprovalRequired => "approval_required",
        }
    }
}

/// One file of a policy.
#[derive(Clone, Debug)]
pub struct PolicyDocument {
    /// The file.
    pub source: SourceId,
    /// What the policy is called.
    pub name: Option<Spanned<String>>,
    /// What the policy is for.
    pub description: Option<String>,
    /// Constants for every role in the file.
    pub consts: IndexMap<String, Spanned<Value>>,
    /// The roles.
    pub body: Body,
}

/// The two shapes that a file can have.
#[derive(Clone, Debug)]
pub enum Body {
    /// One role, its fields at the top level.
    Flat(Box<RoleDocument>),
    /// Several roles under `roles:`.
    Roles(Vec<(Spanned<String>, RoleDocument)>),
}

/// One role as written.
#[derive(Clone, Debug)]
pub struct RoleDocument {
    /// Where it is written.
    pub span: Span,
    /// What the role is for.
    pub description: Option<String>,
    /// The roles that it builds on, later ones winning.
    pub inherits: Vec<Spanned<String>>,
    /// Whether it only serves to be inherited.
    pub is_mixin: bool,
    /// Constants for this role and those that inherit it.
    pub consts: IndexMap<String, Spanned<Value>>,
    /// Constraints on every call that the role grants.
    pub constraints: Vec<ConstraintText>,
    /// What holds for tools that are not listed.
    pub default_policy: Option<ToolDocument>,
    /// What holds for each tool.
    pub tools: Vec<(Spanned<String>, ToolDocument)>,
}

/// What holds for a tool, as written.
#[derive(Clone, Debug)]
pub struct ToolDocument {
    /// Where it is written.
    pub span: Span,
    /// How the tool may be used; deny where it is not said.
    pub mode: Option<Spanned<Mode>>,
    /// Why, in words.
    pub description: Option<String>,
    /// What must hold of a call.
    pub constraints: Vec<ConstraintText>,
    /// Which paths a call may touch.
    pub file_scope: Option<FileScopeDocument>,
}

/// The text of a constraint, which knows where each of its bytes was written.
#[derive(Clone, Debug)]
pub struct ConstraintText(pub(crate) Scalar);

impl ConstraintText {
    /// The text after YAML decoding, not trimmed.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The whole scalar in the file.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// Where these bytes of the text were written.
    pub fn span_of(&self, range: std::ops::Range<usize>) -> Span {
        self.0.span_of(range)
    }
}

/// A file scope as written.
#[derive(Clone, Debug)]
pub struct FileScopeDocument {
    /// Where it is written.
    pub span: Span,
    /// Which arguments hold paths; `None` where the tool's name says so.
    pub argument: Option<Vec<Spanned<String>>>,
    /// Globs of paths, one of which must match.
    pub allowed_paths: Option<Spanned<Vec<ConstraintText>>>,
    /// Globs of paths, none of which may match.
    pub denied_paths: Option<Spanned<Vec<ConstraintText>>>,
}

impl PolicyDocument {
    /// Reads a file. Everything wrong with it goes to `found`; there is no document where nothing could be read.
    pub fn read(source: SourceId, text: &str, found: &mut Diagnostics) -> Option<Self> {
        let root = crate::yaml::read(source, text, found)?;
        reader::read_document(source, &root, found)
    }
}

#[cfg(test)]
pub(crate) use reader::keys;
