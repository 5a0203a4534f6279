//! Policies, as YAML.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::calls::{ROLES, TOOLS};
use super::{HOSTILE, condition, yaml};

/// The YAML of a policy that loads: flat or with roles, mixins and inheritance.
pub fn policy() -> BoxedStrategy<String> {
    prop_oneof![1 => flat(), 4 => roles()].prop_map(|policy| yaml(&policy)).boxed()
}

fn flat() -> BoxedStrategy<Value> {
    role(Vec::new())
        .prop_map(|mut role| {
            insert(&mut role, "version", json!(1));
            insert(&mut role, "name", json!(HOSTILE.first()));
            insert(&mut role, "consts", consts());
            role
        })
        .boxed()
}

fn roles() -> BoxedStrategy<Value> {
    let declared = ROLES.iter().rev().skip(1).map(|name| {
        let parents = proptest::sample::subsequence(vec!["base", "other \"\n# mixin"], 0..=2);
        let role = parents.prop_flat_map(|parents| role(parents.into_iter().map(Value::from).collect()));
        let there = if *name == "default" { 0.6 } else { 0.9 };
        proptest::option::weighted(there, role).prop_map(move |role| (*name, role))
    });
    let mixins = (role(Vec::new()), role(vec![json!("base")]));
    (mixins, declared.collect::<Vec<_>>(), role(Vec::new()))
        .prop_map(|((base, other), declared, last)| {
            let mut roles = Map::new();
            for (name, mut mixin) in [("base", base), ("other \"\n# mixin", other)] {
                insert(&mut mixin, "is_mixin", json!(true));
                roles.insert(name.to_owned(), mixin);
            }
            for (name, role) in declared {
                roles.extend(role.map(|role| (name.to_owned(), role)));
            }
            roles.insert("last".to_owned(), last);
            json!({"version": 1, "description": HOSTILE.get(1), "consts": consts(), "roles": roles})
        })
        .boxed()
}

fn consts() -> Value {
    json!({"limit": 100, "word": "a", "words": ["a", "USD", null, 5, HOSTILE.first()]})
}

fn role(parents: Vec<Value>) -> BoxedStrategy<Value> {
    let listed =
        TOOLS.iter().rev().skip(1).map(|name| proptest::option::weighted(0.7, tool()).prop_map(move |t| (*name, t)));
    let default_policy = proptest::option::weighted(0.6, tool());
    let constraints = proptest::collection::vec(condition(), 0..2);
    (listed.collect::<Vec<_>>(), default_policy, proptest::option::weighted(0.2, constraints))
        .prop_map(move |(listed, default_policy, constraints)| {
            let tools: Map<String, Value> =
                listed.into_iter().filter_map(|(name, tool)| Some((name.to_owned(), tool?))).collect();
            let mut role = json!({"tools": tools, "inherits": parents});
            if let Some(tool) = default_policy {
                insert(&mut role, "default_policy", tool);
            }
            if let Some(constraints) = constraints {
                insert(&mut role, "constraints", json!(constraints));
            }
            role
        })
        .boxed()
}

fn tool() -> BoxedStrategy<Value> {
    let mode = proptest::sample::select(vec!["allow", "allow", "allow", "approval_required", "deny"]);
    let constraints = proptest::collection::vec(condition(), 0..3);
    (mode, constraints, proptest::option::weighted(0.25, file_scope()), any::<bool>())
        .prop_map(|(mode, constraints, file_scope, short)| {
            if short && constraints.is_empty() && file_scope.is_none() {
                return json!(mode);
            }
            let mut tool = json!({"mode": mode});
            if !constraints.is_empty() {
                insert(&mut tool, "constraints", json!(constraints));
            }
            if let Some(file_scope) = file_scope {
                insert(&mut tool, "file_scope", file_scope);
            }
            tool
        })
        .boxed()
}

fn file_scope() -> BoxedStrategy<Value> {
    let globs = || {
        let all = vec![
            "docs/**",
            "**",
            "*.md",
            "/srv/docs/**",
            "**/.env",
            "docs/secrets/**",
            "a/**/c.md",
            ".",
            "docs/\"\n#/*",
            "/**",
            "[a-d]*/*",
            "{docs,a}/**",
            "{**/.env,/srv{,/a}/**,docs}",
        ];
        proptest::option::of(proptest::sample::subsequence(all, 1..4))
    };
    let argument = proptest::sample::select(vec![json!("path"), json!(["path", "file_path"]), json!("k\"\n#\\.id")]);
    (argument, globs(), globs())
        .prop_map(|(argument, allowed, denied)| {
            let mut scope = json!({"argument": argument});
            for (key, globs) in [("allowed_paths", allowed), ("denied_paths", denied)] {
                if let Some(globs) = globs {
                    insert(&mut scope, key, json!(globs));
                }
            }
            scope
        })
        .boxed()
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}
