//! Builtins over text that OPA leaves to the host: `indexof_n`, `strings.count`, `hex.*`.

use crate::context::Context;
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("indexof_n", 2, Capability::Pure, indexof_n);
    registry.insert("strings.count", 2, Capability::Pure, count);
    registry.insert("hex.encode", 1, Capability::Pure, hex_encode);
    registry.insert("hex.decode", 1, Capability::Pure, hex_decode);
}

fn string(args: &[Value], position: usize) -> Result<&str, BuiltinError> {
    match args.get(position) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(BuiltinError::operand(position.saturating_add(1), "string", other)),
        None => Err(BuiltinError::Failed("too few arguments".to_owned())),
    }
}

/// Positions, in code points, of every occurrence, overlapping ones included.
fn indexof_n(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (text, search) = (string(args, 0)?, string(args, 1)?);
    if search.is_empty() {
        return Err(BuiltinError::Failed("empty search character".to_owned()));
    }
    let starts = text.char_indices().enumerate();
    let found = starts.filter(|(_, (at, _))| text.get(*at..).is_some_and(|rest| rest.starts_with(search)));
    let positions = found.filter_map(|(index, _)| i64::try_from(index).ok()).map(Value::from).collect();
    Ok(Some(Value::Array(positions)))
}

/// How often a text occurs in another without overlap; between all code points, if it is empty.
fn count(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (text, search) = (string(args, 0)?, string(args, 1)?);
    Ok(i64::try_from(text.matches(search).count()).ok().map(Value::from))
}

fn hex_encode(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    use std::fmt::Write as _;
    let text = string(args, 0)?;
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    for byte in text.bytes() {
        let _ = write!(out, "{byte:02x}");
    }
    Ok(Some(out.into()))
}

fn hex_decode(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let text = string(args, 0)?;
    let refuse = |problem: &str| BuiltinError::Failed(format!("encoding/hex: {problem}"));
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => return Err(refuse("invalid byte")),
        }
    }
    if !rest.is_empty() {
        return Err(refuse("odd length hex string"));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned().into()))
}

#[cfg(test)]
mod tests {
    use crate::{Context, Registry, Value};

    #[test]
    fn results_are_as_in_opa() {
        for (name, args, expected) in [
            ("indexof_n", r#"["sad😀sad", "sad"]"#, "[0,4]"),
            ("indexof_n", r#"["aaa", "aa"]"#, "[0,1]"),
            ("indexof_n", r#"["aaa", "b"]"#, "[]"),
            ("strings.count", r#"["cheese", "e"]"#, "3"),
            ("strings.count", r#"["aaa", "aa"]"#, "1"),
            ("strings.count", r#"["dé", ""]"#, "3"),
            ("hex.encode", r#"["é1"]"#, r#""c3a931""#),
            ("hex.decode", r#"["C3a931"]"#, r#""é1""#),
        ] {
            let Ok(Value::Array(args)) = Value::parse(args) else { panic!("{args}") };
            let result = Registry::standard().get(name).unwrap().call(&mut Context::new(), &args).unwrap().unwrap();
            assert_eq!(result.to_text(), expected, "{name}{args:?}");
        }
    }

    #[test]
    fn wrong_arguments_are_errors() {
        for (name, args) in [
            ("indexof_n", r#"["a", ""]"#),
            ("indexof_n", r#"["a"]"#),
            ("strings.count", r#"[1, "a"]"#),
            ("hex.decode", r#"["abc"]"#),
            ("hex.decode", r#"["zz"]"#),
            ("sprintf", r#"["%d"]"#),
        ] {
            let Ok(Value::Array(args)) = Value::parse(args) else { panic!("{args}") };
            assert!(
                Registry::standard().get(name).unwrap().call(&mut Context::new(), &args).is_err(),
                "{name}{args:?}"
            );
        }
    }
}
