//! `json.match_schema`, `json.verify_schema`: JSON Schema drafts 4, 6 and 7, and the mixture of them that OPA's library
//! takes a schema for that does not say which it is; errors in that library's words.
//!
//! References stay within the schema, or go to the drafts' own schemas; nothing is fetched.
//!
//! | module | what it does |
//! |---|---|
//! | `model` | a schema as it is held against documents |
//! | `compile` | a document to a schema: subschemas and references |
//! | `keywords` | the keywords of one subschema, checked |
//! | `validate`, `errors` | a document against a schema, and what is wrong with it |
//! | `formats`, `number`, `reference` | formats of texts, exact multiples, references |
//!
//! Known differences: errors come in the order of names, where OPA's come in none; the schemas of drafts cannot be referred to.

mod compile;
mod errors;
mod formats;
mod keywords;
mod model;
mod number;
mod reference;
mod validate;

use thiserror::Error;

use crate::context::Context;
use crate::json;
use crate::operand::{any, failed};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;
use model::Schema;

/// How deep a schema, and a document against it, may nest.
const MAX_DEPTH: usize = 64;
/// Subschemas of one schema, and steps of one validation.
const MAX_SCHEMAS: usize = 100_000;
const MAX_STEPS: usize = 1_000_000;

/// Why a schema is not compiled, or a document not validated.
#[derive(Debug, Error)]
enum SchemaError {
    #[error("{0}")]
    Wrong(String),
    /// A bound was reached.
    #[error("{0}")]
    Halt(&'static str),
    #[error("the decision's deadline has passed")]
    Timeout,
}

impl From<SchemaError> for BuiltinError {
    fn from(error: SchemaError) -> Self {
        match error {
            SchemaError::Wrong(problem) => failed(problem),
            SchemaError::Halt(problem) => Self::Halt(problem.to_owned()),
            SchemaError::Timeout => Self::Timeout,
        }
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("json.match_schema", 2, Capability::Pure, match_schema);
    registry.insert("json.verify_schema", 1, Capability::Pure, verify_schema);
}

fn verify_schema(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let compile = |schema| Schema::compile(&schema, context.deadline());
    let verdict = match document(any(args, 1)?).and_then(compile) {
        Ok(_) => [true.into(), Value::Null],
        Err(SchemaError::Wrong(problem)) => [false.into(), format!("jsonschema: {problem}").into()],
        Err(stop) => return Err(stop.into()),
    };
    Ok(Some(Value::Array(verdict.into())))
}

fn match_schema(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let instance = document(any(args, 1)?)?;
    let schema = document(any(args, 2)?)?;
    let errors = Schema::compile(&schema, context.deadline())?.validate(&instance, context.deadline())?;
    let valid = errors.is_empty();
    let errors = errors.iter().map(errors::Finding::to_value).collect();
    Ok(Some(Value::Array(vec![valid.into(), Value::Array(errors)])))
}

/// A document that is given as JSON text, or as an object or list.
fn document(value: &Value) -> Result<Value, SchemaError> {
    match value {
        Value::String(text) => {
            let document = Value::parse(text).ok().filter(is_json);
            document.ok_or_else(|| SchemaError::Wrong("invalid JSON string".to_owned()))
        }
        Value::Object(_) | Value::Array(_) => Ok(json::document(value)),
        _ => Err(SchemaError::Wrong("wrong type, expected string or object".to_owned())),
    }
}

/// Whether a value that was read as Rego is JSON.
fn is_json(value: &Value) -> bool {
    match value {
        Value::Set(_) => false,
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(entries) => entries.iter().all(|(key, value)| key.as_str().is_some() && is_json(value)),
        _ => true,
    }
}
