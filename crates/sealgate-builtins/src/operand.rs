//! Operands by type, with OPA's words for those of another type. Positions count from 1.

use std::collections::BTreeMap;

use crate::number::Number;
use crate::registry::BuiltinError;
use crate::value::Value;

/// The operand at `position`.
pub(crate) fn any(args: &[Value], position: usize) -> Result<&Value, BuiltinError> {
    position.checked_sub(1).and_then(|index| args.get(index)).ok_or_else(|| failed("too few arguments"))
}

pub(crate) fn string(args: &[Value], position: usize) -> Result<&str, BuiltinError> {
    as_string(any(args, position)?, position)
}

pub(crate) fn integer(args: &[Value], position: usize) -> Result<i64, BuiltinError> {
    let number = as_number(any(args, position)?, position)?;
    written_integer(&number.to_string())
        .ok_or_else(|| refused(position, "must be integer number but got floating-point number"))
}

pub(crate) fn object(args: &[Value], position: usize) -> Result<&BTreeMap<Value, Value>, BuiltinError> {
    as_object(any(args, position)?, position)
}

/// `value` as a string, called operand `position` in the error.
pub(crate) fn as_string(value: &Value, position: usize) -> Result<&str, BuiltinError> {
    value.as_str().ok_or_else(|| BuiltinError::operand(position, "string", value))
}

/// `value` as a number, called operand `position` in the error.
pub(crate) fn as_number(value: &Value, position: usize) -> Result<&Number, BuiltinError> {
    value.as_number().ok_or_else(|| BuiltinError::operand(position, "number", value))
}

/// `value` as an object, called operand `position` in the error.
pub(crate) fn as_object(value: &Value, position: usize) -> Result<&BTreeMap<Value, Value>, BuiltinError> {
    match value {
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

/// What OPA takes for an integer: digits within i64, in 19 characters at most, be it with a point and zeros.
fn written_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, zeros) = text.split_once('.').unwrap_or((text, ""));
    let fits = digits.len() <= 19 && zeros.bytes().all(|zero| zero == b'0');
    if fits { whole.parse().ok() } else { None }
}
