//! Values as Rego literals, and names.

use std::fmt::Write as _;

use serde_json::Value;

use crate::number;

/// Text as a Rego string: the one way for a policy's or a caller's text into a module. Whatever could end the string
/// or its line, hide or reorder what a reviewer sees, is escaped.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// A JSON value as a Rego term.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => format!("[{}]", join(items.iter().map(self::value))),
        Value::Object(members) => {
            format!(
                "{{{}}}",
                join(members.iter().map(|(key, member)| format!("{}: {}", string(key), self::value(member))))
            )
        }
    }
}

/// Values as a Rego set, equal ones once.
pub(super) fn set<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut terms: Vec<String> = Vec::new();
    let mut seen = foldhash::HashSet::default();
    for item in values {
        if seen.insert(canonical(item)) {
            terms.push(value(item));
        }
    }
    if terms.is_empty() { "set()".to_owned() } else { format!("{{{}}}", terms.join(", ")) }
}

/// A text that is the same for equal values: numbers by value.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => number::canonical(number),
        Value::Array(items) => format!("[{}]", join(items.iter().map(canonical))),
        Value::Object(members) => {
            format!("{{{}}}", join(members.iter().map(|(key, member)| string(key) + ":" + &canonical(member))))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => self::value(value),
    }
}

/// Whether Rego takes the text for a plain name.
pub(super) fn is_name(text: &str) -> bool {
    crate::constraint::is_identifier(text) && !KEYWORDS.contains(&text)
}

const KEYWORDS: &[&str] = &[
    "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not", "null",
    "package", "some", "true", "with",
];

fn join(terms: impl Iterator<Item = String>) -> String {
    terms.collect::<Vec<_>>().join(", ")
}
