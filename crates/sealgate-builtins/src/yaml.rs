//! `yaml.*`: YAML as OPA's library reads and writes it, which is version 1.1's scalars (`yes` is true, `010` is eight) in a
//! document that JSON can hold.
//!
//! Known difference: the syntax is read as YAML 1.2 has it, which takes a few texts that 1.1 refuses, and the other way round;
//! U+2028 and U+2029 break no lines, and a tab may stand where a line's first token does.

mod decode;
mod emit;
mod scalar;

use crate::context::Context;
use crate::json;
use crate::operand::{any, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

type Outcome = Result<Option<Value>, BuiltinError>;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("yaml.marshal", 1, Capability::Pure, marshal);
    registry.insert("yaml.unmarshal", 1, Capability::Pure, unmarshal);
    registry.insert("yaml.is_valid", 1, Capability::Pure, is_valid);
}

fn marshal(_: &mut Context, args: &[Value]) -> Outcome {
    emit::emit(&json::document(any(args, 1)?)).map(|text| Some(text.into()))
}

fn unmarshal(context: &mut Context, args: &[Value]) -> Outcome {
    decode::decode(string(args, 1)?, context.deadline()).map(Some)
}

fn is_valid(context: &mut Context, args: &[Value]) -> Outcome {
    let Some(text) = args.first().and_then(Value::as_str) else { return Ok(Some(false.into())) };
    match decode::decode(text, context.deadline()) {
        Ok(_) => Ok(Some(true.into())),
        Err(stop @ (BuiltinError::Halt(_) | BuiltinError::Timeout)) => Err(stop),
        Err(_) => Ok(Some(false.into())),
    }
}

/// Whether a character may stand in YAML as it is.
fn is_allowed(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}
