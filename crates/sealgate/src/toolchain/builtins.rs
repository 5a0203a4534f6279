//! The host's builtins with those that need the compiler's front end: `rego.parse_module`.
//!
//! A host that only decides contains no parser, so [`Registry::standard`] does not have them; a host with the feature
//! `compiler` passes [`registry`] as [`RuntimeOptions::builtins`](crate::RuntimeOptions::builtins).

use std::sync::{Arc, OnceLock};

use sealgate_diagnostics::{Diagnostics, Severity, Sources};
use sealgate_rego::{ParseOptions, parse_module};

use crate::builtins::{BuiltinError, Capability, Context, Registry, Value};

/// Bytes of a module's text that are parsed at decision time.
const MAX_TEXT: usize = 1 << 20;

/// Every builtin of [`Registry::standard`] and those of this module; one shared instance.
pub fn registry() -> Arc<Registry> {
    static ALL: OnceLock<Arc<Registry>> = OnceLock::new();
    Arc::clone(ALL.get_or_init(|| {
        let mut registry = (*Registry::standard()).clone();
        registry.insert("rego.parse_module", 2, Capability::Pure, parse);
        Arc::new(registry)
    }))
}

fn text(args: &[Value], index: usize) -> Result<&str, BuiltinError> {
    match args.get(index) {
        Some(Value::String(text)) => Ok(text),
        // The reference calls both operands the first.
        Some(other) => Err(BuiltinError::operand(1, "string", other)),
        None => Err(BuiltinError::Failed("too few arguments".to_owned())),
    }
}

/// The syntax tree of a module in Rego v1, as OPA's JSON has it.
fn parse(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (name, module) = (text(args, 0)?, text(args, 1)?);
    if module.len() > MAX_TEXT {
        return Err(BuiltinError::Halt(format!("the module has {} bytes, more than {MAX_TEXT}", module.len())));
    }
    let mut sources = Sources::new();
    let id = sources.add(name, module);
    let parsed = parse_module(&sources, id, ParseOptions::default())
        .map_err(|found| BuiltinError::Failed(refusal(&found, name, &sources)))?;
    let Some(source) = sources.get(id) else { return Ok(None) };
    let tree = sealgate_rego::ast_json::to_json(&parsed, source).to_string();
    let value = Value::parse(&tree).map_err(|error| BuiltinError::Halt(format!("the tree is too deep: {error}")))?;
    Ok(Some(value))
}

/// Every error with its file and line, in the form of OPA's.
fn refusal(found: &Diagnostics, name: &str, sources: &Sources) -> String {
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    let lines: Vec<String> = errors
        .map(|finding| {
            let place = finding.span.and_then(|span| sources.locate(span));
            let line = place.map_or(1, |(_, position)| position.line);
            format!("{name}:{line}: {}: {}", finding.code, finding.message)
        })
        .collect();
    match lines.as_slice() {
        [only] => format!("1 error occurred: {only}"),
        all => format!("{} errors occurred:\n{}", all.len(), all.join("\n")),
    }
}
