//! Base documents: merged by path, and held against a bundle's roots and against the rules.

use sealgate_diagnostics::{Diagnostic, Diagnostics};
use sealgate_rego::COMPILE_ERROR;
use sealgate_rego::resolved::{NodeId, ResolvedModules, RuleTree};
use serde_json::{Map, Value};

use super::manifest::contains;

/// Puts a document below `path`. Objects are merged; anything else that is there already is a contradiction.
///
/// # Errors
/// Says at which path, or that the root is no object.
pub(super) fn merge(data: &mut Map<String, Value>, path: &[String], document: Value) -> Result<(), String> {
    let whole = path.iter().rev().fold(document, |inner, key| Value::Object(Map::from_iter([(key.clone(), inner)])));
    let Value::Object(whole) = whole else {
        return Err("a document at the root of `data` must be an object".to_owned());
    };
    merge_objects(data, whole, &mut Vec::new())
}

/// Whether [`merge`] would go well.
///
/// # Errors
/// As [`merge`].
pub(super) fn check(data: &Map<String, Value>, path: &[String], document: &Value) -> Result<(), String> {
    let mut there = data;
    for (at, key) in path.iter().enumerate() {
        match there.get(key) {
            None => return Ok(()),
            Some(Value::Object(below)) => there = below,
            Some(_) => return Err(format!("`data.{}` is given twice", path.get(..=at).unwrap_or_default().join("."))),
        }
    }
    let Value::Object(document) = document else {
        let root = "a document at the root of `data` must be an object";
        let twice = format!("`data.{}` is given twice", path.join("."));
        return Err(if path.is_empty() { root.to_owned() } else { twice });
    };
    for (key, value) in document {
        match (there.get(key), value) {
            (Some(Value::Object(below)), Value::Object(_)) => check(below, &[], value)?,
            (Some(_), _) => return Err(format!("`{key}` is given twice")),
            (None, _) => {}
        }
    }
    Ok(())
}

fn merge_objects(
    into: &mut Map<String, Value>,
    from: Map<String, Value>,
    path: &mut Vec<String>,
) -> Result<(), String> {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(value)) => {
                path.push(key);
                merge_objects(there, value, path)?;
                path.pop();
            }
            (Some(_), _) => {
                path.push(key);
                return Err(format!("`data.{}` is given twice", path.join(".")));
            }
            (None, value) => {
                into.insert(key, value);
            }
        }
    }
    Ok(())
}

/// The first path of a document that no root permits.
pub(super) fn outside(data: &Map<String, Value>, roots: &[String]) -> Option<String> {
    let mut open: Vec<(String, &Value)> = data.iter().map(|(key, value)| (key.clone(), value)).collect();
    while let Some((path, value)) = open.pop() {
        if roots.iter().any(|root| contains(root, &path)) {
            continue;
        }
        match value {
            Value::Object(members) if roots.iter().any(|root| contains(&path, root)) => {
                open.extend(members.iter().map(|(key, value)| (format!("{path}/{key}"), value)));
            }
            _ => return Some(path),
        }
    }
    None
}

/// Reports rules at whose path there is base data too.
pub(super) fn conflicts(modules: &ResolvedModules, data: &Map<String, Value>, found: &mut Diagnostics) {
    for (key, child) in &modules.tree.node(RuleTree::ROOT).children {
        if let Some(value) = data.get(&**key) {
            conflicts_below(modules, *child, value, &mut vec![key], found);
        }
    }
}

fn conflicts_below<'a>(
    modules: &'a ResolvedModules,
    node: NodeId,
    value: &Value,
    path: &mut Vec<&'a str>,
    found: &mut Diagnostics,
) {
    let here = modules.tree.node(node);
    if let Some(document) = here.document.and_then(|id| modules.document(id)) {
        let rule = document.default.iter().chain(&document.rules).next().and_then(|id| modules.rule(*id));
        let message = format!("conflicting rule for data path `{}` found", path.join("/"));
        let mut finding = Diagnostic::error(COMPILE_ERROR, message)
            .help("a path below `data` is given by rules or by data files, never by both");
        if let Some(rule) = rule {
            finding = finding.at(rule.span);
        }
        found.push(finding);
        return;
    }
    for (key, child) in &here.children {
        // Below anything but an object there is no place for a rule.
        let below = value.as_object().map_or(Some(value), |members| members.get(&**key));
        if let Some(below) = below {
            path.push(key);
            conflicts_below(modules, *child, below, path, found);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_merge_and_contradictions_are_named() {
        let mut data = Map::new();
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        merge(&mut data, &path(&["a", "b"]), serde_json::json!({"x": 1})).unwrap();
        merge(&mut data, &path(&["a"]), serde_json::json!({"b": {"y": 2}})).unwrap();
        assert_eq!(Value::Object(data.clone()), serde_json::json!({"a": {"b": {"x": 1, "y": 2}}}));
        let twice = merge(&mut data, &path(&["a"]), serde_json::json!({"b": {"y": 3}})).unwrap_err();
        assert_eq!(twice, "`data.a.b.y` is given twice");
        assert!(merge(&mut data, &[], serde_json::json!([1])).is_err());
        let roots = |roots: &[&str]| outside(&data, &path(roots));
        assert_eq!(roots(&["a"]), None);
        assert_eq!(roots(&["a/b"]), None);
        assert_eq!(roots(&["a/b/x"]).as_deref(), Some("a/b/y"));
        assert_eq!(roots(&["c"]).as_deref(), Some("a"));
    }
}
