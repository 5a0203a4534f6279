//! OPA's order of terms, on their JSON: by type, then by value.

use std::cmp::Ordering;

use serde_json::Value;

/// The types in their order.
const TYPES: [&str; 14] = [
    "null",
    "boolean",
    "number",
    "string",
    "templatestring",
    "var",
    "ref",
    "array",
    "object",
    "set",
    "arraycomprehension",
    "objectcomprehension",
    "setcomprehension",
    "call",
];

/// How two terms compare.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |term: &Value| {
        let kind = term.get("type").and_then(Value::as_str);
        TYPES.iter().position(|known| Some(*known) == kind).unwrap_or(TYPES.len())
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a.get("value"), b.get("value")) {
        (Some(a), Some(b)) => values(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

fn values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        },
        (Value::Array(a), Value::Array(b)) => {
            let items = a.iter().zip(b).map(|(a, b)| if a.is_object() { compare(a, b) } else { values(a, b) });
            items.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        // Comprehensions and templates: by their text, which is at least an order.
        _ => a.to_string().cmp(&b.to_string()),
    }
}
