//! Values as a template sees them: the variables as Go's JSON decoder makes them, and what constants and functions give.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::printf::{self, Arg};
use super::{TemplateError, wrong};
use crate::value::Value;

#[derive(Debug, Clone)]
pub(super) enum Val {
    /// No value at all, as of a missing key.
    Missing,
    /// A `null` of the variables, or `nil`.
    Nil,
    Bool(bool),
    Int(i64),
    /// A byte of a string.
    Byte(u8),
    Float(f64),
    Str(Rc<str>),
    /// A number of the variables: Go's `json.Number`, which is a kind of string.
    Number(Rc<str>),
    List(Rc<[Val]>),
    Map(Rc<BTreeMap<Rc<str>, Val>>),
}

/// The variables. They come to OPA's template by way of JSON, which holds no sets and no keys but strings, and by way of
/// Go's string literals, which JSON does not read where they have escapes of their own.
pub(super) fn of_variables(variables: &BTreeMap<Value, Value>) -> Result<Val, TemplateError> {
    let pairs = variables.iter().map(|(key, value)| match key {
        Value::String(key) => Ok((literal(key)?, of(value)?)),
        _ => Err(wrong("a variable's name is no string")),
    });
    Ok(Val::Map(Rc::new(pairs.collect::<Result<_, _>>()?)))
}

fn of(value: &Value) -> Result<Val, TemplateError> {
    Ok(match value {
        Value::Null => Val::Nil,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => Val::Number(number.to_string().into()),
        Value::String(text) => Val::Str(literal(text)?),
        Value::Array(items) => Val::List(items.iter().map(of).collect::<Result<_, _>>()?),
        Value::Object(entries) => of_variables(entries)?,
        Value::Set(_) => return Err(wrong("a variable is a set")),
    })
}

fn literal(text: &str) -> Result<Rc<str>, TemplateError> {
    let readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' | '\u{80}'..);
    if text.chars().all(readable) { Ok(text.into()) } else { Err(wrong("a variable has a control character")) }
}

impl Val {
    pub(super) fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    /// What a pipeline gives: a `null` is no value.
    pub(super) fn of_pipeline(self) -> Self {
        if matches!(self, Self::Nil) { Self::Missing } else { self }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// Whether a condition holds: not for nothing, zero, `false` and what is empty.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) | Self::Number(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
        }
    }

    /// The name of its type in Go.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Number(_) => "json.Number",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
    }

    /// As an argument of Go's formatter.
    pub(super) fn to_arg(&self) -> Arg {
        match self {
            Self::Missing | Self::Nil => Arg::Nil,
            Self::Bool(value) => Arg::Bool(*value),
            Self::Int(value) => Arg::Int { digits: value.to_string(), go_type: "int" },
            Self::Byte(value) => Arg::Int { digits: value.to_string(), go_type: "uint8" },
            Self::Float(value) => Arg::Float(*value),
            Self::Str(text) => Arg::Text { text: text.to_string(), go_type: "string" },
            Self::Number(text) => Arg::Text { text: text.to_string(), go_type: "json.Number" },
            Self::List(items) => Arg::List(items.iter().map(Self::to_arg).collect()),
            Self::Map(entries) => Arg::Map(
                entries
                    .iter()
                    .map(|(key, value)| (Arg::Text { text: key.to_string(), go_type: "string" }, value.to_arg()))
                    .collect(),
            ),
        }
    }

    /// As an action prints it.
    pub(super) fn print(&self, out: &mut String) {
        match self {
            Self::Missing => out.push_str("<no value>"),
            Self::Str(text) | Self::Number(text) => out.push_str(text),
            other => printf::write_value(out, &other.to_arg()),
        }
    }
}
