//! The JSON Schema against the reader: both accept the same documents.

use serde_json::{Value, json};

use super::policy_schema;
use crate::document::{Mode, keys};

fn schema() -> Value {
    serde_json::from_str(policy_schema()).unwrap()
}

/// The keys that a definition knows.
fn known(definition: &str) -> Vec<String> {
    let definition = schema()["$defs"][definition].clone();
    assert_eq!(definition["additionalProperties"], json!(false));
    let mut keys: Vec<String> = definition["properties"].as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    for (definition, keys) in [
        ("roleFile", keys::FLAT),
        ("rolesFile", keys::ROLES),
        ("role", keys::ROLE),
        ("tool", keys::TOOL),
        ("fileScope", keys::FILE_SCOPE),
    ] {
        let mut keys: Vec<&str> = keys.to_vec();
        keys.sort_unstable();
        assert_eq!(known(definition), keys, "{definition}");
    }
    let modes = schema()["$defs"]["mode"]["enum"].clone();
    assert_eq!(modes, json!(Mode::ALL.map(Mode::as_str)));
}
