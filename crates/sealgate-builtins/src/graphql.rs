//! `graphql.*`: schemas and queries of GraphQL, parsed to the syntax trees that OPA shows, and held against each other.
//!
//! | module | what it does |
//! |---|---|
//! | `lexer`, `parser` | text to tree |
//! | `ast` | the trees |
//! | `encode`, `decode` | trees to values that policies see, and back |
//! | `schema` | a schema document to a schema: merged, checked |
//! | `known` | schemas that were read before |
//! | `validate` | the rules that a query must keep |
//! | `error` | messages, places, and the bounds on what a document may cost |

mod ast;
mod decode;
mod encode;
mod error;
mod known;
mod lexer;
mod parser;
mod schema;
mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use ast::{QueryDocument, SchemaDocument};
use encode::Encode as _;
use error::Refused;
use known::Known;
use schema::Schema;

use crate::context::Context;
use crate::operand::{any, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) use known::KnownSchemas;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("graphql.parse", 2, Capability::Pure, parse);
    registry.insert("graphql.parse_and_verify", 2, Capability::Pure, parse_and_verify);
    registry.insert("graphql.parse_query", 1, Capability::Pure, parse_query);
    registry.insert("graphql.parse_schema", 1, Capability::Pure, parse_schema);
    registry.insert("graphql.is_valid", 2, Capability::Pure, is_valid);
    registry.insert("graphql.schema_is_valid", 1, Capability::Pure, schema_is_valid);
}

type Result<T, E = BuiltinError> = std::result::Result<T, E>;

/// A query or schema that is neither text nor a syntax tree. OPA counts these operands from 0.
fn not_a_document(index: usize, value: &Value) -> BuiltinError {
    BuiltinError::operand(index, "one of {string, object}", value)
}

fn read_query(operand: &Value) -> Result<QueryDocument> {
    match operand {
        Value::String(text) => parser::parse_query(text).map_err(Refused::into_error),
        tree @ Value::Object(_) => decode::query(tree).map_err(Refused::into_error),
        other => Err(not_a_document(0, other)),
    }
}

/// `index` is the operand's name in the error.
fn read_schema(operand: &Value, index: usize) -> Result<SchemaDocument> {
    match operand {
        Value::String(text) => parser::parse_schema(text).map_err(Refused::into_error),
        tree @ Value::Object(_) => decode::schema(tree).map_err(Refused::into_error),
        other => Err(not_a_document(index, other)),
    }
}

/// A schema that keeps every rule.
fn known_schema(context: &mut Context, operand: &Value, index: usize) -> Result<Arc<Known>> {
    if let Some(known) = context.schemas.get(operand) {
        return Ok(known);
    }
    let document = read_schema(operand, index)?;
    let tree = document.encode();
    let schema = Schema::new(document, context.deadline()).map_err(Refused::into_schema_error)?;
    let known = Arc::new(Known { tree, schema });
    context.schemas.insert(operand, Arc::clone(&known));
    Ok(known)
}

/// The trees of a query and a schema that agree.
fn verified(context: &mut Context, args: &[Value]) -> Result<[Value; 2]> {
    let query = read_query(any(args, 1)?)?;
    let known = known_schema(context, any(args, 2)?, 1)?;
    validate::validate(&known.schema, &query, context.deadline()).map_err(Refused::into_error)?;
    Ok([query.encode(), known.tree.clone()])
}

/// What is wrong makes `false`; a bound that was reached still ends the decision.
fn valid(result: Result<()>) -> Result<Option<Value>> {
    match result {
        Ok(()) => Ok(Some(Value::Bool(true))),
        Err(stop @ (BuiltinError::Halt(_) | BuiltinError::Timeout)) => Err(stop),
        Err(_) => Ok(Some(Value::Bool(false))),
    }
}

fn parse(context: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    Ok(Some(Value::Array(verified(context, args)?.into())))
}

fn parse_and_verify(context: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    let (valid, [query, schema]) = match verified(context, args) {
        Ok(trees) => (true, trees),
        Err(stop @ (BuiltinError::Halt(_) | BuiltinError::Timeout)) => return Err(stop),
        Err(_) => (false, [Value::Object(BTreeMap::new()), Value::Object(BTreeMap::new())]),
    };
    Ok(Some(Value::Array(vec![Value::Bool(valid), query, schema])))
}

fn parse_query(_: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    let document = parser::parse_query(string(args, 1)?).map_err(Refused::into_error)?;
    Ok(Some(document.encode()))
}

fn parse_schema(_: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    let document = parser::parse_schema(string(args, 1)?).map_err(Refused::into_error)?;
    Ok(Some(document.encode()))
}

fn is_valid(context: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    valid(any(args, 1).and_then(read_query).and_then(|query| {
        let known = known_schema(context, any(args, 2)?, 1)?;
        validate::validate(&known.schema, &query, context.deadline()).map_err(Refused::into_error)
    }))
}

fn schema_is_valid(context: &mut Context, args: &[Value]) -> Result<Option<Value>> {
    valid(any(args, 1).and_then(|schema| known_schema(context, schema, 0)).map(drop))
}
