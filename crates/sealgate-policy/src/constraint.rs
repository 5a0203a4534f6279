//! The constraint language: typed conditions, and how to read them.
//!
//! Takes the text of one constraint and the constants that it may name; gives a [`Condition`] with every literal
//! typed and every pattern compiled, or findings at ranges of the text. Evaluates nothing.

mod lexer;
mod operands;
mod parser;

use std::fmt;

use serde_json::Value;

use crate::pattern::Pattern;

pub(crate) use lexer::{check_number, is_identifier};
pub(crate) use parser::parse;

/// What a constraint says, constants put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Two values compared.
    Compare {
        /// The left side.
        left: Operand,
        /// How they are to relate.
        op: CompareOp,
        /// The right side.
        right: Operand,
    },
    /// A value looked for in a list.
    Member {
        /// What is looked for.
        value: Operand,
        /// Where.
        list: List,
    },
    /// A test of a string.
    Text {
        /// The string.
        subject: Operand,
        /// What it is to be like.
        test: TextTest,
    },
    /// The opposite, undefined where the inner condition is.
    Not(Box<Condition>),
    /// All of them.
    And(Vec<Condition>),
    /// One of them at least.
    Or(Vec<Condition>),
    /// All elements of a list, or one at least.
    Elements {
        /// The list.
        list: Path,
        /// `every` or `any`.
        quantifier: Quantifier,
        /// What an element is to be; its paths may begin at [`Root::Element`].
        condition: Box<Condition>,
    },
}

/// How two values are to relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl CompareOp {
    /// The operator as policies and Rego write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    /// Whether the operator asks for equality only, not for order.
    pub fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    /// The operator that says the same with its sides exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
        }
    }

    /// The operator that holds exactly where this one fails, among values that both are defined for.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterEqual,
            Self::GreaterEqual => Self::Less,
            Self::Greater => Self::LessEqual,
            Self::LessEqual => Self::Greater,
        }
    }
}

/// `every` or `any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// All elements; true of an empty list.
    Every,
    /// One element at least; false of an empty list.
    Any,
}

/// What a string is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// It begins with this.
    StartsWith(Operand),
    /// It ends with this.
    EndsWith(Operand),
    /// This occurs in it.
    Contains(Operand),
    /// A regular expression matches somewhere in it.
    Matches(Pattern),
    /// A glob matches all of it.
    Glob(Pattern),
}

/// A value in a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Looked up in the call.
    Path(Path),
    /// Written in the policy.
    Literal(Value),
    /// The number of elements, members or code points of what a path leads to.
    Count(Path),
}

/// The right side of `in`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Written in the policy.
    Literal(Vec<Value>),
    /// Looked up in the call.
    Path(Path),
}

/// A place in the call's input document, or in the element at hand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Where it begins.
    pub root: Root,
    /// The way from there.
    pub steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// The call's arguments.
    Args,
    /// The caller's role as the call gives it.
    Role,
    /// The tool's name.
    Tool,
    /// Attributes of the call's context.
    Ctx,
    /// Attributes of the caller.
    User,
    /// Facts of the agent's run.
    Run,
    /// The element of the innermost `every` or `any`.
    Element,
}

impl Root {
    /// The roots that begin with a name, each a member of the input document.
    pub const NAMED: [Self; 6] = [Self::Args, Self::Role, Self::Tool, Self::Ctx, Self::User, Self::Run];

    /// The member of the input document that the root stands for; empty for the element.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Args => "args",
            Self::Role => "role",
            Self::Tool => "tool",
            Self::Ctx => "ctx",
            Self::User => "user",
            Self::Run => "run",
            Self::Element => "",
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The element of a list, from 0.
    Index(u32),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())?;
        if self.root == Root::Element && self.steps.is_empty() {
            return f.write_str(".");
        }
        for step in &self.steps {
            match step {
                Step::Key(key) if lexer::is_identifier(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
