//! References: URIs against the URI of the schema that they stand in, and pointers into documents.

use super::SchemaError;
use crate::uri::Uri;
use crate::value::Value;

/// A reference as text, absolute if what it stands in has a URI.
pub(super) fn resolve(base: &str, reference: &str) -> Result<String, SchemaError> {
    check(reference)?;
    let (base, _) = split(base);
    let (target, fragment) = split(reference);
    let target = if target.is_empty() { base.to_owned() } else { join(base, target) };
    Ok(if fragment.is_empty() { target } else { format!("{target}#{fragment}") })
}

/// What stands before the fragment, and the fragment.
pub(super) fn split(reference: &str) -> (&str, &str) {
    reference.split_once('#').unwrap_or((reference, ""))
}

pub(super) fn check(reference: &str) -> Result<(), SchemaError> {
    match Uri::parse(reference) {
        Ok(_) => Ok(()),
        Err(problem) => Err(SchemaError::Wrong(format!("parse {reference:?}: {problem}"))),
    }
}

/// Whether a reference names a scheme and a host, or a file.
pub(super) fn is_absolute(reference: &str) -> bool {
    let absolute = |(scheme, rest): (&str, &str)| scheme == "file:" || !(scheme.is_empty() || rest.starts_with('/'));
    split_authority(reference).is_some_and(absolute)
}

/// The scheme with its colon, and what follows `//`.
fn split_authority(uri: &str) -> Option<(&str, &str)> {
    let at = uri.find("//")?;
    let (scheme, rest) = uri.split_at_checked(at)?;
    let is_scheme = scheme.is_empty() || scheme.strip_suffix(':').is_some_and(|name| !name.contains(['/', '?', ':']));
    if is_scheme { rest.get(2..).map(|rest| (scheme, rest)) } else { None }
}

/// A relative reference against a base, as RFC 3986 has it.
fn join(base: &str, target: &str) -> String {
    let has_scheme =
        target.find(':').is_some_and(|colon| !target.get(..colon).is_some_and(|name| name.contains(['/', '?'])));
    if has_scheme {
        return target.to_owned();
    }
    let (origin, path) = match split_authority(base) {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
            (format!("{scheme}//{authority}"), path)
        }
        None => match base.split_once(':') {
            Some((scheme, path)) => (format!("{scheme}:"), path),
            None => (String::new(), base),
        },
    };
    if let Some(rest) = target.strip_prefix("//") {
        let scheme = origin.split_once(':').map_or("", |(scheme, _)| scheme);
        return if scheme.is_empty() { target.to_owned() } else { format!("{scheme}://{rest}") };
    }
    let path = path.split('?').next().unwrap_or_default();
    if target.starts_with('?') {
        return format!("{origin}{path}{target}");
    }
    let (target, query) =
        target.split_once('?').map_or((target, String::new()), |(path, query)| (path, format!("?{query}")));
    let folder =
        path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or(if origin.is_empty() { "" } else { "/" });
    let joined = if target.starts_with('/') { target.to_owned() } else { format!("{folder}{target}") };
    let path = without_dots(&joined);
    // Go's library gives a resolved path a slash in front.
    let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
    format!("{origin}{slash}{path}{query}")
}

/// A path without `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                if kept.len() > 1 || kept.first().is_some_and(|first| !first.is_empty()) {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    kept.join("/")
}

/// The part of a document that a fragment points at.
pub(super) fn follow<'a>(document: &'a Value, fragment: &str) -> Result<&'a Value, SchemaError> {
    let wrong = |problem: String| SchemaError::Wrong(problem);
    let pointer = decoded(fragment);
    // A fragment that is no pointer is taken for the whole document.
    let Some(tokens) = pointer.strip_prefix('/') else { return Ok(document) };
    let mut found = document;
    for token in tokens.split('/') {
        found = match found {
            Value::Object(entries) => {
                let key = token.replace("~1", "/").replace("~0", "~");
                let member = entries.get(&Value::from(key.as_str()));
                member.ok_or_else(|| wrong(format!("Object has no key '{key}'")))?
            }
            Value::Array(items) => {
                let index: i64 = token.parse().map_err(|_| wrong(format!("Invalid array index '{token}'")))?;
                let item = usize::try_from(index).ok().and_then(|index| items.get(index));
                item.ok_or_else(|| wrong(format!("Out of bound array[0,{}] index '{index}'", items.len())))?
            }
            _ => return Err(wrong(format!("Invalid token reference '{token}'"))),
        };
    }
    Ok(found)
}

/// A fragment without percent escapes.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escape = rest.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if *byte == b'%' => {
                bytes.push(value);
                rest = rest.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
