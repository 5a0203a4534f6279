//! The data document of an OPA bundle: every `data.json` at its folder's place, and patches of it. Pure, over JSON values.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::BundleFile;

/// Deepest nesting that is walked; the parser's own bound.
const MAX_DEPTH: usize = 128;
/// Most operations in one patch.
const MAX_OPERATIONS: usize = 100_000;

/// Why data does not come together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file is not JSON, or the one at the top no object.
    #[error("`{file}` is not a JSON document that data can hold: {problem}")]
    Json {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// Data in a form that is not read here.
    #[error("`{0}` holds data as YAML, which is not read here; build the bundle with `opa build`, which writes JSON")]
    Yaml(String),
    /// Two files say something of the same place.
    #[error("`{0}` says again what another file says")]
    Conflict(String),
    /// Data outside of the roots that the bundle owns.
    #[error("the data at `/{0}` is outside of the bundle's roots")]
    OutsideRoots(String),
    /// A patch that cannot be made.
    #[error("patch operation {at}: {problem}")]
    Patch {
        /// Which one, counted from 0.
        at: usize,
        /// What is wrong.
        problem: String,
    },
    /// Nested too deeply.
    #[error("the data is nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// One change of the data document.
#[derive(Clone, Debug, Deserialize)]
pub struct PatchOperation {
    /// `upsert`, `replace` or `remove`.
    pub op: String,
    /// Where, as a JSON pointer without the need of a leading slash.
    pub path: String,
    /// The new value, for `upsert` and `replace`.
    #[serde(default)]
    pub value: Value,
}

/// Merges the data files of a bundle into one document.
pub(super) fn merge<'a>(files: impl Iterator<Item = &'a BundleFile>) -> Result<Map<String, Value>, DataError> {
    let mut document = Map::new();
    for file in files {
        let (folder, base) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
        if matches!(base, "data.yaml" | "data.yml") {
            return Err(DataError::Yaml(file.name.clone()));
        }
        if base != "data.json" {
            continue;
        }
        let problem = |problem: String| DataError::Json { file: file.name.clone(), problem };
        let value: Value = serde_json::from_slice(&file.bytes).map_err(|error| problem(error.to_string()))?;
        let place: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let conflict = || DataError::Conflict(file.name.clone());
        match (place.as_slice(), value) {
            ([], Value::Object(members)) => merge_into(&mut document, members).ok_or_else(conflict)?,
            ([], _) => return Err(problem("the document at the top is an object".to_owned())),
            ([parents @ .., last], value) => {
                let parent =
                    parents.iter().try_fold(&mut document, |at, name| descend(at, name)).ok_or_else(conflict)?;
                let mut member = Map::new();
                member.insert((*last).to_owned(), value);
                merge_into(parent, member).ok_or_else(conflict)?;
            }
        }
    }
    Ok(document)
}

fn descend<'a>(at: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    at.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// Objects merge, nothing else does. Depth is bounded by that of the parsed values.
fn merge_into(to: &mut Map<String, Value>, from: Map<String, Value>) -> Option<()> {
    for (name, value) in from {
        match (to.get_mut(&name), value) {
            (None, value) => drop(to.insert(name, value)),
            (Some(Value::Object(to)), Value::Object(from)) => merge_into(to, from)?,
            _ => return None,
        }
    }
    Some(())
}

/// Whether `path` (names without slashes at the ends) lies in one of the roots.
pub(super) fn within(roots: &[String], path: &str) -> bool {
    roots.iter().any(|root| {
        root.is_empty() || path.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Refuses data outside of the roots.
pub(super) fn check_roots(document: &Map<String, Value>, roots: &[String]) -> Result<(), DataError> {
    walk(document, roots, "", 0)
}

fn walk(at: &Map<String, Value>, roots: &[String], path: &str, depth: usize) -> Result<(), DataError> {
    if depth > MAX_DEPTH {
        return Err(DataError::Depth);
    }
    for (name, value) in at {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if within(roots, &path) {
            continue;
        }
        // An object on the way to a root may be there.
        let on_the_way =
            roots.iter().any(|root| root.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')));
        match value {
            Value::Object(members) if on_the_way => walk(members, roots, &path, depth + 1)?,
            _ => return Err(DataError::OutsideRoots(path)),
        }
    }
    Ok(())
}

/// Makes the changes in their order, all or none.
pub(super) fn patch(
    document: &Map<String, Value>,
    operations: &[PatchOperation],
    roots: &[String],
) -> Result<Map<String, Value>, DataError> {
    if operations.len() > MAX_OPERATIONS {
        return Err(DataError::Patch { at: MAX_OPERATIONS, problem: "there are too many".to_owned() });
    }
    let mut changed = document.clone();
    for (at, operation) in operations.iter().enumerate() {
        apply(&mut changed, operation, roots).map_err(|problem| DataError::Patch { at, problem })?;
    }
    Ok(changed)
}

fn apply(document: &mut Map<String, Value>, operation: &PatchOperation, roots: &[String]) -> Result<(), String> {
    let trimmed = operation.path.trim_matches('/');
    if !within(roots, trimmed) {
        return Err(format!("`{trimmed}` is outside of the bundle's roots"));
    }
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let path: Vec<String> = trimmed.split('/').filter(|part| !part.is_empty()).map(unescape).collect();
    let Some((last, parents)) = path.split_last() else {
        return match (operation.op.as_str(), &operation.value) {
            ("upsert" | "replace", Value::Object(members)) => {
                document.clone_from(members);
                Ok(())
            }
            _ => Err("the document at the top can only be replaced by an object".to_owned()),
        };
    };
    if parents.len() > MAX_DEPTH {
        return Err("the path is too long".to_owned());
    }
    let missing = || format!("`{trimmed}` is not there");
    match operation.op.as_str() {
        "upsert" => {
            let mut at = Place::Object(document);
            for name in parents {
                at = at.enter(name, true).ok_or_else(|| format!("`{trimmed}` leads through what is no object"))?;
            }
            at.insert(last, &operation.value).ok_or_else(|| format!("`{trimmed}` leads into what is no object"))
        }
        op @ ("replace" | "remove") => {
            let mut at = Place::Object(document);
            for name in parents {
                at = at.enter(name, false).ok_or_else(missing)?;
            }
            let value = (op == "replace").then_some(&operation.value);
            at.change(last, value).ok_or_else(missing)
        }
        other => Err(format!("`{other}` is no operation")),
    }
}

/// Where a path leads.
enum Place<'a> {
    Object(&'a mut Map<String, Value>),
    Array(&'a mut Vec<Value>),
}

impl<'a> Place<'a> {
    /// One step on; a missing object is made where `make` says so.
    fn enter(self, name: &str, make: bool) -> Option<Self> {
        let next = match self {
            Self::Object(members) if make => members.entry(name).or_insert_with(|| Value::Object(Map::new())),
            Self::Object(members) => members.get_mut(name)?,
            Self::Array(items) => items.get_mut(index(name)?)?,
        };
        match next {
            Value::Object(members) => Some(Self::Object(members)),
            Value::Array(items) => Some(Self::Array(items)),
            _ => None,
        }
    }

    /// Adds: a member of an object, or before an item of a list (`-` is its end).
    fn insert(self, name: &str, value: &Value) -> Option<()> {
        match self {
            Self::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
            Self::Array(items) if name == "-" => items.push(value.clone()),
            Self::Array(items) => {
                let at = index(name).filter(|at| *at <= items.len())?;
                items.insert(at, value.clone());
            }
        }
        Some(())
    }

    /// Replaces or, without a value, removes what is there.
    fn change(self, name: &str, value: Option<&Value>) -> Option<()> {
        match (self, value) {
            (Self::Object(members), None) => members.remove(name).map(drop),
            (Self::Object(members), Some(value)) => {
                *members.get_mut(name)? = value.clone();
                Some(())
            }
            (Self::Array(items), None) => {
                let at = index(name).filter(|at| *at < items.len())?;
                items.remove(at);
                Some(())
            }
            (Self::Array(items), Some(value)) => {
                *items.get_mut(index(name)?)? = value.clone();
                Some(())
            }
        }
    }
}

/// An index as JSON pointers write it: no sign, no leading zero.
fn index(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other}"),
        }
    }

    fn merged(files: &[(&str, &str)]) -> Result<Value, String> {
        let files: Vec<_> = files.iter().map(|(name, text)| BundleFile::new(*name, *text)).collect();
        merge(files.iter()).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn files_merge_at_their_folders() {
        let data = merged(&[("a/b/data.json", "1"), ("data.json", r#"{"a":{"c":[2]}}"#), ("x.rego", "no")]);
        assert_eq!(data, Ok(json!({"a": {"b": 1, "c": [2]}})));
        assert!(merged(&[("a/data.json", "1"), ("data.json", r#"{"a":2}"#)]).unwrap_err().contains("says again"));
        assert!(merged(&[("a/data.json", "1"), ("a/b/data.json", "2")]).unwrap_err().contains("says again"));
        assert!(merged(&[("data.json", "[1]")]).is_err() && merged(&[("data.json", "{")]).is_err());
        assert!(merged(&[("a/data.yaml", "x: 1")]).unwrap_err().contains("YAML"));
    }

    #[test]
    fn roots_bound_data() {
        let roots = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let data = object(json!({"a": {"b": {"c": 1}}}));
        for good in [&[""][..], &["a"], &["a/b"], &["a/b/c"]] {
            assert!(check_roots(&data, &roots(good)).is_ok(), "{good:?}");
        }
        for bad in [&[][..], &["ab"], &["a/bc"], &["a/b/c/d"], &["b"]] {
            assert!(check_roots(&data, &roots(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn patches_change_what_they_say_or_nothing() {
        let before = object(json!({"a": {"b": [1, 2], "x/y": 3}}));
        let roots = [String::new()];
        let run = |operations: Value| {
            let operations: Vec<PatchOperation> = serde_json::from_value(operations).unwrap();
            patch(&before, &operations, &roots).map(Value::Object).map_err(|error| error.to_string())
        };
        assert_eq!(
            run(json!([
                {"op": "upsert", "path": "/n/e/w", "value": 1},
                {"op": "upsert", "path": "a/b/0", "value": 0},
                {"op": "upsert", "path": "a/b/-", "value": 9},
                {"op": "replace", "path": "/a/x~1y", "value": 4},
                {"op": "remove", "path": "a/b/1"}
            ])),
            Ok(json!({"a": {"b": [0, 2, 9], "x/y": 4}, "n": {"e": {"w": 1}}}))
        );
        for bad in [
            json!([{"op": "remove", "path": "no"}]),
            json!([{"op": "replace", "path": "a/no", "value": 1}]),
            json!([{"op": "upsert", "path": "a/b/01", "value": 1}]),
            json!([{"op": "upsert", "path": "a/b/7", "value": 1}]),
            json!([{"op": "upsert", "path": "a/x~1y/z", "value": 1}]),
            json!([{"op": "test", "path": "a", "value": 1}]),
            json!([{"op": "remove", "path": ""}]),
        ] {
            assert!(run(bad.clone()).is_err(), "{bad}");
        }
    }
}
