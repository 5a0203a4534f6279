//! The JSON Schema against the reader: what the reader accepts is valid, and what is wrong in shape is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use sealgate_diagnostics::Sources;
use sealgate_policy::testing::{policy, sample};
use sealgate_policy::{PolicyFiles, PolicySet, PolicySource, policy_schema};
use serde_json::{Value, json};

/// The part of JSON Schema that the schema uses; any other keyword is an error, so that none is passed over.
fn valid(schema: &Value, root: &Value, value: &Value) -> bool {
    let Some(keywords) = schema.as_object() else { return schema != &json!(false) };
    keywords.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "$id" | "$defs" | "title" | "description" | "then" | "else" => true,
        "$ref" => valid(&root["$defs"][rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap()], root, value),
        "if" => valid(&schema[if valid(rule, root, value) { "then" } else { "else" }], root, value),
        "anyOf" => rule.as_array().unwrap().iter().any(|option| valid(option, root, value)),
        "enum" => rule.as_array().unwrap().contains(value),
        "const" => rule == value,
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("type {other}"),
        },
        "required" => value
            .as_object()
            .is_none_or(|object| rule.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))),
        "properties" => {
            let known = rule.as_object().unwrap();
            known.iter().all(|(key, rule)| value.get(key).is_none_or(|member| valid(rule, root, member)))
        }
        "additionalProperties" => {
            let known = schema["properties"].as_object();
            let others = value.as_object().into_iter().flatten();
            others
                .filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)))
                .all(|(_, v)| valid(rule, root, v))
        }
        "propertyNames" => value.as_object().into_iter().flatten().all(|(key, _)| valid(rule, root, &json!(key))),
        "items" => value.as_array().into_iter().flatten().all(|item| valid(rule, root, item)),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
        "minProperties" => value.as_object().is_none_or(|members| members.len() as u64 >= rule.as_u64().unwrap()),
        "pattern" => {
            assert_eq!(rule, "^[A-Za-z_][A-Za-z0-9_]*$");
            let text = value.as_str().unwrap();
            !text.starts_with(|c: char| c.is_ascii_digit())
                && !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }
        other => panic!("the keyword `{other}` is not known to this test"),
    })
}

fn is_valid(policy: &Value) -> bool {
    let schema: Value = serde_json::from_str(policy_schema()).unwrap();
    valid(&schema, &schema, policy)
}

fn is_accepted(text: &str) -> bool {
    PolicySet::load(&mut Sources::new(), PolicyFiles::Single(PolicySource::new("policy.yaml", text))).is_ok()
}

#[test]
fn what_is_accepted_is_valid() {
    for yaml in sample(&policy(), 7, 50) {
        assert!(is_accepted(&yaml));
        // The generator's YAML is JSON but for its long escapes, which are in strings only.
        let policy: Value = serde_json::from_str(&yaml.replace("\\U", "\\\\U")).unwrap();
        assert!(is_valid(&policy), "{yaml}");
    }
}

#[test]
fn the_examples_are_accepted_and_valid() {
    let bundles = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bundles");
    let read = |path: &std::path::Path| {
        PolicySource::new(path.file_name().unwrap().to_str().unwrap(), std::fs::read_to_string(path).unwrap())
    };
    let mut examples = 0;
    for entry in std::fs::read_dir(bundles).unwrap() {
        let folder = entry.unwrap().path();
        let files = if folder.join("policies").is_dir() {
            let roles = std::fs::read_dir(folder.join("policies")).unwrap();
            PolicyFiles::Folder(roles.map(|role| read(&role.unwrap().path())).collect())
        } else if folder.join("policy.yaml").is_file() {
            PolicyFiles::Single(read(&folder.join("policy.yaml")))
        } else {
            continue;
        };
        let texts = match &files {
            PolicyFiles::Single(file) => vec![file.text().to_owned()],
            PolicyFiles::Folder(files) => files.iter().map(|file| file.text().to_owned()).collect(),
        };
        for text in texts {
            let policy: Value = serde_saphyr::from_str(&text).unwrap();
            assert!(is_valid(&policy), "{}:\n{text}", folder.display());
        }
        let mut sources = Sources::new();
        let loaded = PolicySet::load(&mut sources, files);
        let (set, _) = loaded.unwrap_or_else(|found| {
            panic!("{}:\n{}", folder.display(), found.render(&sources, sealgate_diagnostics::Color::Never))
        });
        assert!(set.summary().grants > 0);
        examples += 1;
    }
    assert!(examples >= 4, "only {examples} examples");
}

#[test]
fn what_is_wrong_in_shape_is_neither_accepted_nor_valid() {
    let good =
        json!({"version": 1, "roles": {"a": {"tools": {"t": {"mode": "allow", "constraints": ["args.x == 1"]}}}}});
    assert!(is_valid(&good) && is_accepted(&good.to_string()));
    for bad in [
        json!({}),
        json!([]),
        json!(null),
        json!({"version": 2}),
        json!({"version": "1"}),
        json!({"version": 1, "tool": {}}),
        json!({"version": 1, "tools": null}),
        json!({"version": 1, "tools": {"": {}}}),
        json!({"version": 1, "tools": {"t": null}}),
        json!({"version": 1, "tools": {"t": {"mode": "permit"}}}),
        json!({"version": 1, "tools": {"t": "permit"}}),
        json!({"version": 1, "default_policy": ["allow"]}),
        json!({"version": 1, "tools": {"t": {"constraint": []}}}),
        json!({"version": 1, "tools": {"t": {"constraints": "args.x == 1"}}}),
        json!({"version": 1, "tools": {"t": {"constraints": [5]}}}),
        json!({"version": 1, "tools": {"t": {"constraints": [""]}}}),
        json!({"version": 1, "tools": {"t": {"file_scope": {"argument": [], "denied_paths": ["a"]}}}}),
        json!({"version": 1, "tools": {"t": {"file_scope": {"argument": "a", "denied_paths": "a"}}}}),
        json!({"version": 1, "inherits": "a"}),
        json!({"version": 1, "is_mixin": "maybe"}),
        json!({"version": 1, "consts": {"1a": 1}}),
        json!({"version": 1, "roles": null}),
        json!({"version": 1, "roles": {}}),
        json!({"version": 1, "roles": []}),
        json!({"version": 1, "roles": {"a": {}}, "tools": {}}),
        json!({"version": 1, "roles": {"a": {"name": "x"}}}),
    ] {
        assert!(!is_valid(&bad), "valid: {bad}");
        assert!(!is_accepted(&bad.to_string()), "accepted: {bad}");
    }
}
