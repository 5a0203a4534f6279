//! The builtins of the interpreter: the kernel's, run natively, and the few that plans cannot do without.

use sealgate_kernel::json::{Notation, parse};
use sealgate_kernel::{Arena, builtins};

use super::Value;

/// Calls a builtin: `None` if there is none of this name, `Some(None)` if it is undefined.
pub fn call(name: &str, args: &[Value]) -> Option<Option<Value>> {
    if let Some(builtin) = builtins::find(name) {
        let arena = Arena::new();
        let heap = arena.heap();
        let mut values = Vec::new();
        for arg in args {
            let text = sealgate_kernel::Value::string_copy(heap, &arg.text()).as_str()?;
            values.push(parse(heap, text.as_bytes(), Notation::Rego).expect("a value's text"));
        }
        return Some((builtin.call)(heap, &values).ok().map(|value| Value::of(heap, value)));
    }
    match (name, args) {
        ("walk", [value]) => {
            let mut rows = Vec::new();
            walk(&mut Vec::new(), value, &mut rows);
            Some(Some(Value::array(rows)))
        }
        ("internal.member_2", [item, of]) => {
            Some(Some(Value::Bool(of.members().iter().any(|(_, member)| member == item))))
        }
        ("internal.member_3", [key, item, of]) => {
            Some(Some(Value::Bool(of.get(key).is_some_and(|member| member == *item))))
        }
        ("internal.template_string", [Value::Array(parts)]) => {
            let mut text = String::new();
            for part in parts.borrow().iter() {
                match part {
                    Value::String(part) => text.push_str(part),
                    Value::Set(parts) => match parts.borrow().first() {
                        None => text.push_str("<undefined>"),
                        Some(Value::String(part)) => text.push_str(part),
                        Some(other) => text.push_str(&other.text()),
                    },
                    other => text.push_str(&other.text()),
                }
            }
            Some(Some(Value::String(text.into())))
        }
        _ => None,
    }
}

fn walk(path: &mut Vec<Value>, value: &Value, rows: &mut Vec<Value>) {
    rows.push(Value::array(vec![Value::array(path.clone()), value.clone()]));
    for (key, member) in value.members() {
        path.push(key);
        walk(path, &member, rows);
        path.pop();
    }
}
