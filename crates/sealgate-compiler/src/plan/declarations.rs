//! Builtin declarations as OPA's type JSON.

use sealgate_rego::builtins::{Builtin, Type};
use serde_json::{Value, json};

/// A builtin's declaration.
pub(super) fn of(builtin: &'static Builtin) -> Value {
    let args: Value = builtin.args.iter().map(of_type).collect();
    match &builtin.result {
        Some(result) => json!({ "args": args, "result": of_type(result), "type": "function" }),
        None => json!({ "args": args, "type": "function" }),
    }
}

fn of_type(of: &Type) -> Value {
    match of {
        Type::Any => json!({ "type": "any" }),
        Type::Null => json!({ "type": "null" }),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Number => json!({ "type": "number" }),
        Type::String => json!({ "type": "string" }),
        Type::Array { fixed, rest } => {
            let mut array = json!({ "type": "array" });
            if !fixed.is_empty() {
                put(&mut array, "static", fixed.iter().map(of_type).collect());
            }
            if let Some(rest) = rest {
                put(&mut array, "dynamic", of_type(rest));
            }
            array
        }
        Type::Set(of) => json!({ "of": of_type(of), "type": "set" }),
        Type::Object { fixed, rest } => {
            let mut object = json!({ "type": "object" });
            if !fixed.is_empty() {
                let fixed = fixed.iter().map(|(key, value)| json!({ "key": key, "value": of_type(value) }));
                put(&mut object, "static", fixed.collect());
            }
            if let Some((key, value)) = rest {
                put(&mut object, "dynamic", json!({ "key": of_type(key), "value": of_type(value) }));
            }
            object
        }
        Type::Union(of) => json!({ "of": of.iter().map(of_type).collect::<Value>(), "type": "any" }),
    }
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(key.to_owned(), value);
    }
}
