//! What is wrong with a document, in the words of OPA's library.

use std::fmt;
use std::rc::Rc;

use crate::value::Value;

/// One finding.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    kind: &'static str,
    field: String,
    description: String,
}

impl Finding {
    pub(super) fn new(kind: &'static str, at: &At, description: impl fmt::Display) -> Self {
        Self { kind, field: at.field(), description: description.to_string() }
    }

    /// As an element of the builtin's result.
    pub(super) fn to_value(&self) -> Value {
        let error = format!("{}: {}", self.field, self.description);
        let parts =
            [("desc", self.description.as_str()), ("error", &error), ("field", &self.field), ("type", self.kind)];
        Value::Object(parts.map(|(name, text)| (name.into(), text.into())).into())
    }
}

/// A place in a document.
#[derive(Debug)]
pub(super) struct At {
    name: String,
    outer: Option<Rc<At>>,
}

const ROOT: &str = "(Root)";

impl At {
    pub(super) fn root() -> Rc<Self> {
        Rc::new(Self { name: ROOT.to_owned(), outer: None })
    }

    pub(super) fn inner(self: &Rc<Self>, name: impl fmt::Display) -> Rc<Self> {
        Rc::new(Self { name: name.to_string(), outer: Some(Rc::clone(self)) })
    }

    /// The names on the way, without the root's unless it is the root.
    pub(super) fn field(&self) -> String {
        let mut names = vec![self.name.as_str()];
        let mut outer = self.outer.as_deref();
        while let Some(at) = outer {
            names.push(&at.name);
            outer = at.outer.as_deref();
        }
        if names.len() > 1 {
            names.pop();
        }
        names.reverse();
        names.join(".")
    }
}

/// What a validation found, and how close the document came.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Finding>,
    pub(super) score: i64,
}

impl Findings {
    pub(super) fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn add(&mut self, kind: &'static str, at: &At, description: impl fmt::Display) {
        self.errors.push(Finding::new(kind, at, description));
        self.score -= 2;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.score += other.score;
    }

    pub(super) fn pass(&mut self) {
        self.score += 1;
    }
}
