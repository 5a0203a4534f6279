//! `strings.render_template`: Go's `text/template`, as OPA applies it: numbers of the variables are texts of their own type,
//! what is missing is `<undefined>`.
//!
//! Known differences: no complex and no hexadecimal floating-point constants, no `%#v`, no argument indexes in `printf`.

mod execute;
mod functions;
mod lexer;
mod number;
mod parser;
mod printf;
mod value;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::context::Context;
use crate::deadline::Deadline;
use crate::operand::{failed, object, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

/// Bytes of a template, and of what it renders.
const MAX_TEMPLATE: usize = 1 << 20;
const MAX_OUTPUT: usize = 16 << 20;
/// Steps of one rendering.
const MAX_STEPS: usize = 1_000_000;
/// How deep constructs may nest, and templates may call each other.
const MAX_DEPTH: usize = 100;

/// Why a template is not rendered.
#[derive(Debug, Error)]
enum TemplateError {
    /// The template is wrong, or does not fit the variables.
    #[error("template: {0}")]
    Failed(String),
    /// A bound was reached.
    #[error("template: {0}")]
    Halt(&'static str),
    #[error("the decision's deadline has passed")]
    Timeout,
}

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("strings.render_template", 2, Capability::Pure, render);
}

fn render(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (text, variables) = (string(args, 1)?, object(args, 2)?);
    match rendered(text, variables, context.deadline()) {
        Ok(text) => Ok(Some(text.replace("<no value>", "<undefined>").into())),
        Err(halt @ TemplateError::Halt(_)) => Err(BuiltinError::Halt(halt.to_string())),
        Err(TemplateError::Timeout) => Err(BuiltinError::Timeout),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn rendered(text: &str, variables: &BTreeMap<Value, Value>, deadline: Deadline) -> Result<String, TemplateError> {
    if text.len() > MAX_TEMPLATE {
        return Err(TemplateError::Halt("it has more than 1 MiB"));
    }
    let variables = value::of_variables(variables)?;
    let templates = parser::parse(text)?;
    execute::execute(&templates, variables, deadline)
}

fn wrong(problem: impl Into<String>) -> TemplateError {
    TemplateError::Failed(problem.into())
}
