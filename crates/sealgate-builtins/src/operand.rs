//! Operands by type, with OPA's words for those of another type.

use std::collections::BTreeMap;

use crate::number::Number;
use crate::registry::BuiltinError;
use crate::value::Value;

/// The operand at `index` (from 0), whatever it is.
pub(crate) fn any(args: &[Value], index: usize) -> Result<&Value, BuiltinError> {
    args.get(index).ok_or_else(|| BuiltinError::Failed("too few arguments".to_owned()))
}

/// The string at `index`, called operand `index + 1` in the error.
pub(crate) fn string(args: &[Value], index: usize) -> Result<&str, BuiltinError> {
    match any(args, index)? {
        Value::String(text) => Ok(text),
        other => Err(BuiltinError::operand(index.saturating_add(1), "string", other)),
    }
}

/// The object at `index`, called operand `position` in the error.
pub(crate) fn object(args: &[Value], index: usize, position: usize) -> Result<&BTreeMap<Value, Value>, BuiltinError> {
    match any(args, index)? {
        Value::Object(entries) => Ok(entries),
        other => Err(BuiltinError::operand(position, "object", other)),
    }
}

/// The member of that name.
pub(crate) fn member<'a>(object: &'a BTreeMap<Value, Value>, name: &str) -> Option<&'a Value> {
    object.get(&Value::from(name))
}

/// An error of the call itself.
pub(crate) fn failed(text: impl Into<String>) -> BuiltinError {
    BuiltinError::Failed(text.into())
}

/// An operand that has the right type and is still not what the builtin takes.
pub(crate) fn refused(position: usize, text: &str) -> BuiltinError {
    BuiltinError::Operand(format!("operand {position} {text}"))
}

/// An integer that is written as one: `1e3` and `1.0` are not, as in OPA.
pub(crate) fn int64(number: &Number) -> Option<i64> {
    number.to_string().parse().ok()
}
