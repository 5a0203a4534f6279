//! What the fields of a `# METADATA` block may hold.

use sealgate_diagnostics::Sources;
use serde_json::{Map, Value};

use crate::ast::{Term, TermKind};
use crate::check::{Given, schema_type};
use crate::parser::{ParseOptions, parse_term};
use crate::resolved::RefHead;
use crate::types::Constant;

/// A schema of a block: what it says, or what is wrong with it.
pub(super) type Schema = Result<Given, String>;

/// Refuses a block whose fields are not of their types; gives its schemas, those that lie in files left out.
pub(super) fn check(fields: &Map<String, Value>) -> Result<Vec<Schema>, String> {
    for key in ["scope", "title", "description"] {
        if matches!(fields.get(key), Some(Value::Array(_) | Value::Object(_))) {
            return Err(format!("`{key}` must be a string"));
        }
    }
    match fields.get("entrypoint") {
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(Value::String(text)) if is_yaml_bool(text) => {}
        Some(_) => return Err("`entrypoint` must be true or false".to_owned()),
    }
    for item in list(fields, "organizations")? {
        if matches!(item, Value::Array(_) | Value::Object(_)) {
            return Err("`organizations` must be a list of strings".to_owned());
        }
    }
    list(fields, "related_resources")?.iter().try_for_each(resource)?;
    list(fields, "authors")?.iter().try_for_each(author)?;
    mapping(fields, "labels")?;
    mapping(fields, "custom")?;
    if let Some(compile) = mapping(fields, "compile")? {
        if let Some(Value::Array(unknowns)) = compile.get("unknowns") {
            for unknown in unknowns.iter().filter_map(Value::as_str) {
                reference(unknown).ok_or_else(|| format!("invalid unknown `{unknown}`"))?;
            }
        }
        if let Some(mask) = compile.get("mask_rule").and_then(Value::as_str) {
            let parsed = term(mask).map(|term| term.kind);
            if !matches!(parsed, Some(TermKind::Var(_) | TermKind::String(_) | TermKind::Ref(_))) {
                return Err(format!("invalid mask rule `{mask}`"));
            }
        }
    }
    let mut schemas = Vec::new();
    for pair in list(fields, "schemas")? {
        let Value::Object(pair) = pair else { return Err("`schemas` must be a list of paths with schemas".to_owned()) };
        let Some((path, schema)) = pair.iter().next() else { return Err("a schema without a path".to_owned()) };
        let document = reference(path).ok_or_else(|| format!("invalid document reference `{path}`"))?;
        match schema {
            Value::String(name) => {
                let root = reference(name).map(|(root, _)| root).or_else(|| Some(name.clone()));
                if root.as_deref() != Some("schema") {
                    return Err(format!("invalid schema reference `{name}`"));
                }
            }
            Value::Object(_) => {
                let (head, path) = match document {
                    (root, Some(path)) if root == "input" => (RefHead::Input, path),
                    (root, Some(path)) if root == "data" => (RefHead::Data, path),
                    _ => continue,
                };
                schemas.push(schema_type(schema).map(|of| Given { head, path, of }));
            }
            _ => return Err(format!("invalid schema for `{path}`")),
        }
    }
    Ok(schemas)
}

fn list<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{key}` must be a list")),
    }
}

fn mapping<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(format!("`{key}` must be a mapping")),
    }
}

fn is_yaml_bool(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "on" | "n" | "no" | "off")
}

fn resource(resource: &Value) -> Result<(), String> {
    let url = match resource {
        Value::String(url) => url.as_str(),
        Value::Object(members) => members.get("ref").and_then(Value::as_str).unwrap_or("").trim(),
        _ => return Err("a related resource must be a string or a mapping".to_owned()),
    };
    let broken = url.match_indices('%').any(|(at, _)| {
        let digits = url.as_bytes().get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if url.is_empty() || broken || url.starts_with(':') || url.contains(|character: char| character.is_control()) {
        return Err(format!("`{url}` is no reference to a related resource"));
    }
    Ok(())
}

fn author(author: &Value) -> Result<(), String> {
    let named = match author {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(members) => ["name", "email"]
            .iter()
            .any(|key| members.get(*key).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())),
        _ => return Err("an author must be a string or a mapping".to_owned()),
    };
    if named { Ok(()) } else { Err("an author needs a name or an email".to_owned()) }
}

/// The head of a reference, and its operands where they are all strings.
fn reference(text: &str) -> Option<(String, Option<Vec<Constant>>)> {
    match term(text)?.kind {
        TermKind::Var(name) if matches!(name.text.as_str(), "input" | "data") => Some((name.text, Some(Vec::new()))),
        TermKind::Ref(reference) => {
            let TermKind::Var(head) = &reference.head.kind else { return None };
            let path = reference.path.iter().map(|operand| match &operand.kind {
                TermKind::String(key) => Some(Constant::String(key.as_str().into())),
                _ => None,
            });
            Some((head.text.clone(), path.collect()))
        }
        _ => None,
    }
}

/// The names and numbers of a reference, as texts.
pub(super) fn parts(text: &str) -> Vec<String> {
    match term(text).map(|term| term.kind) {
        Some(TermKind::Ref(reference)) => {
            let operands = reference.path.into_iter().map(|operand| operand.kind);
            [reference.head.kind].into_iter().chain(operands).filter_map(part).collect()
        }
        Some(kind) => part(kind).into_iter().collect(),
        None => Vec::new(),
    }
}

fn part(kind: TermKind) -> Option<String> {
    match kind {
        TermKind::Var(name) => Some(name.text),
        TermKind::String(text) | TermKind::Number(text) => Some(text),
        _ => None,
    }
}

fn term(text: &str) -> Option<Term> {
    let mut sources = Sources::new();
    let id = sources.add("", text);
    parse_term(&sources, id, ParseOptions::default()).ok()
}
