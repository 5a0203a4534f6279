//! What a policy says to its host and asks of it: `internal.print`, `trace`, `internal.test_case`, `opa.runtime`.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::operand::{any, failed, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

type Outcome = Result<Option<Value>, BuiltinError>;

/// Lines that one call prints at most: it prints every combination of its arguments' values.
const MAX_LINES: usize = 10_000;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("internal.print", 1, Capability::Pure, print);
    registry.insert("internal.test_case", 1, Capability::Pure, |_: &mut Context, _: &[Value]| Ok(Some(true.into())));
    registry.insert("trace", 1, Capability::Pure, trace);
    registry.insert("opa.runtime", 0, Capability::Environment, runtime);
}

fn trace(context: &mut Context, args: &[Value]) -> Outcome {
    let note = string(args, 1)?;
    if let Some(output) = &context.host().output {
        output.trace(note);
    }
    Ok(Some(true.into()))
}

/// Prints a list of arguments, each the set of the values that an expression has, or one value.
fn print(context: &mut Context, args: &[Value]) -> Outcome {
    let Some(output) = &context.host().output else { return Ok(Some(true.into())) };
    let Value::Array(operands) = any(args, 1)? else {
        return Err(BuiltinError::operand(1, "array", any(args, 1)?));
    };
    let mut lines = vec![String::new()];
    for (index, operand) in operands.iter().enumerate() {
        let words = words(operand)?;
        if lines.len().saturating_mul(words.len()) > MAX_LINES {
            return Err(BuiltinError::Halt(format!("one `print` makes at most {MAX_LINES} lines")));
        }
        let gap = if index == 0 { "" } else { " " };
        let longer = |line: &String| words.iter().map(|word| format!("{line}{gap}{word}")).collect::<Vec<_>>();
        lines = lines.iter().flat_map(longer).collect();
    }
    lines.iter().for_each(|line| output.print(line));
    Ok(Some(true.into()))
}

fn words(operand: &Value) -> Result<Vec<String>, BuiltinError> {
    Ok(match operand {
        Value::Set(values) if values.is_empty() => vec!["<undefined>".to_owned()],
        Value::Set(values) => values.iter().map(word).collect(),
        Value::Array(_) | Value::Object(_) => {
            return Err(BuiltinError::Halt(format!("illegal argument type: {}", operand.type_name())));
        }
        scalar => vec![word(scalar)],
    })
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => spaced(other),
    }
}

/// Rego text with spaces behind commas and colons, as OPA shows values to people.
fn spaced(value: &Value) -> String {
    let list = |values: &mut dyn Iterator<Item = &Value>| values.map(spaced).collect::<Vec<_>>().join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(&mut items.iter())),
        Value::Set(items) if !items.is_empty() => format!("{{{}}}", list(&mut items.iter())),
        Value::Object(entries) => {
            let pairs: Vec<String> = entries.iter().map(|(k, v)| format!("{}: {}", spaced(k), spaced(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_text(),
    }
}

/// The host's document, without the credentials of services and the secrets of keys in its `config`.
fn runtime(context: &mut Context, _: &[Value]) -> Outcome {
    let Some(runtime) = context.host().runtime.clone() else { return Ok(Some(Value::Object(BTreeMap::new()))) };
    let mut runtime = (*runtime).clone();
    if let Value::Object(document) = &mut runtime
        && let Some(Value::Object(config)) = document.get_mut(&"config".into())
    {
        match config.get_mut(&"services".into()) {
            None | Some(Value::Null) => {}
            Some(Value::Array(services)) => services.iter_mut().try_for_each(|it| remove(it, &["credentials"]))?,
            Some(Value::Object(services)) => services.values_mut().try_for_each(|it| remove(it, &["credentials"]))?,
            Some(other) => return Err(failed(format!("illegal service config type: {}", other.type_name()))),
        }
        match config.get_mut(&"keys".into()) {
            None | Some(Value::Null) => {}
            Some(Value::Object(keys)) => keys.values_mut().try_for_each(|it| remove(it, &["key", "private_key"]))?,
            Some(other) => return Err(failed(format!("illegal keys config type: {}", other.type_name()))),
        }
    }
    Ok(Some(runtime))
}

fn remove(value: &mut Value, keys: &[&str]) -> Result<(), BuiltinError> {
    let Value::Object(entries) = value else { return Err(failed("type assertion error")) };
    for key in keys {
        entries.remove(&Value::from(*key));
    }
    Ok(())
}
