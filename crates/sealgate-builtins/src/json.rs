//! Values as Go's JSON: `json.marshal_with_options`, and what other builtins need of it.

use crate::context::Context;
use crate::number::Number;
use crate::operand::{any, as_string, object, refused};
use crate::pki::json::string;
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

/// Bytes of JSON that are written.
const MAX_RESULT: usize = 16 << 20;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("json.marshal_with_options", 2, Capability::Pure, marshal_with_options);
}

fn marshal_with_options(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let document = document(any(args, 1)?);
    let (mut prefix, mut indent, mut implied, mut pretty) = ("", "\t", false, None);
    for (index, (key, value)) in object(args, 2)?.iter().enumerate() {
        let Value::String(key) = key else {
            let (key, type_name) = (key.to_text(), key.type_name());
            let problem = format!(
                "failed to stringify key {key} at index {index}: operand {index} must be string but got {type_name}"
            );
            return Err(refused(2, &problem));
        };
        let text = || {
            let cast = |error: BuiltinError| refused(2, &format!("key {key} failed cast to string: {error}"));
            as_string(value, index).map_err(cast)
        };
        match (key.as_str(), value) {
            ("prefix", _) => (prefix, implied) = (text()?, true),
            ("indent", _) => (indent, implied) = (text()?, true),
            ("pretty", Value::Bool(wanted)) => pretty = Some(*wanted),
            ("pretty", _) => return Err(refused(2, &format!("key {key} failed cast to bool"))),
            _ => return Err(refused(2, &format!("object contained unknown key {key}"))),
        }
    }
    let mut out = String::new();
    if pretty.unwrap_or(implied) {
        out.push_str(prefix);
        write_indented(&document, &format!("\n{prefix}"), indent, &mut out)?;
    } else {
        write(&document, &mut out);
    }
    Ok(Some(out.into()))
}

/// The value as JSON can hold it: sets as lists, keys that are no strings as their JSON.
pub(crate) fn document(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(document).collect()),
        Value::Set(items) => Value::Array(items.iter().map(document).collect()),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| match key {
                    Value::String(_) => (key.clone(), document(value)),
                    other => (Value::String(marshal(&document(other))), document(value)),
                })
                .collect(),
        ),
        scalar => scalar.clone(),
    }
}

/// A document's JSON without spaces.
pub(crate) fn marshal(document: &Value) -> String {
    let mut out = String::new();
    write(document, &mut out);
    out
}

/// A float as Go's JSON has it: with an exponent below 1e-6 and from 1e21.
pub(crate) fn float_text(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{float:e}");
        return if text.contains("e-") { text } else { text.replace('e', "e+") };
    }
    if float == 0.0 && float.is_sign_negative() { "-0".to_owned() } else { format!("{float}") }
}

/// A document's JSON with every number as a double; `None` if one is too large.
pub(crate) fn marshal_floats(document: &Value) -> Option<String> {
    fn floats(document: &Value) -> Option<Value> {
        Some(match document {
            Value::Number(number) => {
                let float = Some(number.as_f64()).filter(|float| float.is_finite())?;
                Value::Number(Number::parse(&float_text(float))?)
            }
            Value::Array(items) => Value::Array(items.iter().map(floats).collect::<Option<_>>()?),
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Some((key.clone(), floats(value)?)));
                Value::Object(entries.collect::<Option<_>>()?)
            }
            other => other.clone(),
        })
    }
    floats(document).map(|document| marshal(&document))
}

fn write(document: &Value, out: &mut String) {
    match document {
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        scalar => scalar.write_text(out),
    }
}

/// Writes over several lines; `newline` is a line break and what every line begins with.
fn write_indented(document: &Value, newline: &str, indent: &str, out: &mut String) -> Result<(), BuiltinError> {
    if out.len().saturating_add(newline.len()).saturating_add(indent.len()) > MAX_RESULT {
        return Err(BuiltinError::Halt(format!("JSON of more than {MAX_RESULT} bytes")));
    }
    let inner = format!("{newline}{indent}");
    let gap = |index: usize, out: &mut String| {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&inner);
    };
    match document {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                gap(index, out);
                write_indented(item, &inner, indent, out)?;
            }
            out.push_str(newline);
            out.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                gap(index, out);
                write(key, out);
                out.push_str(": ");
                write_indented(value, &inner, indent, out)?;
            }
            out.push_str(newline);
            out.push('}');
        }
        other => write(other, out),
    }
    Ok(())
}
