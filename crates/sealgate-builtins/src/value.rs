//! Rego's values, in Rego's order: null < booleans < numbers < strings < arrays < objects < sets.

use std::collections::{BTreeMap, BTreeSet};

use crate::number::Number;

/// A Rego value. The derived order is Rego's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number with JSON's full precision.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// A map; Rego allows any value as a key.
    Object(BTreeMap<Value, Value>),
    /// A set.
    Set(BTreeSet<Value>),
}

impl Value {
    /// The type's name as Rego's `type_name` gives it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The elements of an array, or of a set in its order.
    pub fn elements(&self) -> Option<Box<dyn Iterator<Item = &Self> + '_>> {
        match self {
            Self::Array(items) => Some(Box::new(items.iter())),
            Self::Set(items) => Some(Box::new(items.iter())),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}
