//! The functions that templates may call.

use std::cmp::Ordering;

use super::printf::{self, Arg};
use super::value::Val;
use super::{TemplateError, wrong};
use crate::registry::BuiltinError;

type Outcome = Result<Val, TemplateError>;

const NAMES: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls a function other than `and` and `or`, which do not look at all their arguments.
pub(super) fn call(name: &str, args: &[Val]) -> Outcome {
    match (name, args) {
        ("not", [value]) => Ok(Val::Bool(!value.truth())),
        ("len", [value]) => length(value),
        ("index", [value, indexes @ ..]) => index(value, indexes),
        ("slice", [value, indexes @ ..]) => slice(value, indexes),
        ("eq", [first, others @ ..]) => equals_any(first, others).map(Val::Bool),
        ("ne", [a, b]) => Ok(Val::Bool(!equal(a, b)?)),
        ("lt", [a, b]) => Ok(Val::Bool(less(a, b)?)),
        ("le", [a, b]) => Ok(Val::Bool(less(a, b)? || equal(a, b)?)),
        ("gt", [a, b]) => Ok(Val::Bool(!(less(a, b)? || equal(a, b)?))),
        ("ge", [a, b]) => Ok(Val::Bool(!less(a, b)?)),
        ("print", args) => Ok(Val::str(&sprint(args))),
        ("println", args) => Ok(Val::str(&sprintln(args))),
        ("printf", [format, args @ ..]) => printf(format, args),
        ("html", args) => Ok(Val::str(&escape_html(&joined(args)))),
        ("js", args) => Ok(Val::str(&escape_js(&joined(args)))),
        ("urlquery", args) => Ok(Val::str(&escape_query(&joined(args)))),
        ("call", [_, ..]) => Err(wrong("error calling call: no value is a function")),
        _ => Err(wrong(format!("wrong number of args for {name}: got {}", args.len()))),
    }
}

fn length(value: &Val) -> Outcome {
    let length = match value {
        Val::Str(text) | Val::Number(text) => text.len(),
        Val::List(items) => items.len(),
        Val::Map(entries) => entries.len(),
        other => return Err(wrong(format!("error calling len: len of type {}", other.type_name()))),
    };
    Ok(Val::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(value: &Val, indexes: &[Val]) -> Outcome {
    if value.is_nothing() {
        return Err(wrong("error calling index: index of untyped nil"));
    }
    let mut item = value.clone();
    for index in indexes {
        let out_of_range = || wrong("error calling index: index out of range");
        item = match &item {
            Val::List(items) => items.get(position(index)?).cloned().ok_or_else(out_of_range)?,
            Val::Str(text) | Val::Number(text) => {
                text.as_bytes().get(position(index)?).copied().map(Val::Byte).ok_or_else(out_of_range)?
            }
            Val::Map(entries) => match index {
                Val::Str(key) => entries.get(key).cloned().unwrap_or(Val::Nil),
                other => return Err(wrong(format!("error calling index: value has type {}", other.type_name()))),
            },
            other => return Err(wrong(format!("error calling index: can't index item of type {}", other.type_name()))),
        };
    }
    Ok(item)
}

fn position(index: &Val) -> Result<usize, TemplateError> {
    let position = match index {
        Val::Int(index) => usize::try_from(*index).ok(),
        Val::Byte(index) => Some(usize::from(*index)),
        other => return Err(wrong(format!("cannot index slice/array with type {}", other.type_name()))),
    };
    position.ok_or_else(|| wrong("index out of range"))
}

fn slice(value: &Val, indexes: &[Val]) -> Outcome {
    let bad = |problem: &str| wrong(format!("error calling slice: {problem}"));
    let length = match value {
        Val::Str(_) | Val::Number(_) if indexes.len() == 3 => return Err(bad("cannot 3-index slice a string")),
        Val::Str(text) | Val::Number(text) => text.len(),
        Val::List(items) => items.len(),
        _ => return Err(bad("can't slice this")),
    };
    let mut bounds = [0, length, length];
    if indexes.len() > bounds.len() {
        return Err(bad("too many slice indexes"));
    }
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = Some(position(index)?).filter(|at| *at <= length).ok_or_else(|| bad("index out of range"))?;
    }
    let [from, to, capacity] = bounds;
    if from > to || to > capacity {
        return Err(bad("invalid slice index"));
    }
    let part = |text: &str| String::from_utf8_lossy(text.as_bytes().get(from..to).unwrap_or_default()).into_owned();
    Ok(match value {
        Val::List(items) => Val::List(items.get(from..to).unwrap_or_default().into()),
        Val::Number(text) => Val::Number(part(text).into()),
        Val::Str(text) => Val::Str(part(text).into()),
        other => other.clone(),
    })
}

fn equals_any(first: &Val, others: &[Val]) -> Result<bool, TemplateError> {
    if others.is_empty() {
        return Err(wrong("error calling eq: missing argument for comparison"));
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Val, b: &Val) -> Result<bool, TemplateError> {
    use Val::{Bool, Byte, Float, Int, List, Map, Number, Str};
    #[expect(clippy::float_cmp, reason = "equality is what the template asks for")]
    Ok(match (a, b) {
        _ if a.is_nothing() || b.is_nothing() => a.is_nothing() && b.is_nothing(),
        (Bool(a), Bool(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Byte(a), Byte(b)) => a == b,
        (Int(int), Byte(byte)) | (Byte(byte), Int(int)) => *int == i64::from(*byte),
        (Float(a), Float(b)) => a == b,
        (Str(a) | Number(a), Str(b) | Number(b)) => a == b,
        (List(_) | Map(_), List(_) | Map(_)) => return Err(wrong("error calling eq: non-comparable types")),
        _ => return Err(incompatible(a, b)),
    })
}

fn less(a: &Val, b: &Val) -> Result<bool, TemplateError> {
    use Val::{Byte, Float, Int, Number, Str};
    let order = match (a, b) {
        (Int(a), Int(b)) => a.cmp(b),
        (Byte(a), Byte(b)) => a.cmp(b),
        (Int(int), Byte(byte)) => int.cmp(&i64::from(*byte)),
        (Byte(byte), Int(int)) => i64::from(*byte).cmp(int),
        (Float(a), Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Str(a) | Number(a), Str(b) | Number(b)) => a.cmp(b),
        _ => return Err(incompatible(a, b)),
    };
    Ok(order == Ordering::Less)
}

fn incompatible(a: &Val, b: &Val) -> TemplateError {
    wrong(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
}

/// Go's `Sprint`: spaces between values neither of which is a string.
fn sprint(args: &[Val]) -> String {
    let mut out = String::new();
    let is_text = |value: &Val| matches!(value, Val::Str(_) | Val::Number(_));
    let mut after_text = true;
    for value in args {
        if !after_text && !is_text(value) {
            out.push(' ');
        }
        printf::write_value(&mut out, &value.to_arg());
        after_text = is_text(value);
    }
    out
}

fn sprintln(args: &[Val]) -> String {
    let mut out = String::new();
    for (index, value) in args.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        printf::write_value(&mut out, &value.to_arg());
    }
    out.push('\n');
    out
}

fn printf(format: &Val, args: &[Val]) -> Outcome {
    let Val::Str(format) = format else {
        return Err(wrong(format!("wrong type for value; expected string; got {}", format.type_name())));
    };
    let args: Vec<Arg> = args.iter().map(Val::to_arg).collect();
    match printf::format_args(format, &args) {
        Ok(text) => Ok(Val::str(&text)),
        Err(BuiltinError::Halt(_)) => Err(TemplateError::Halt("`printf` gives too much text")),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// What an escaping function escapes: a string, or its arguments as printed.
fn joined(args: &[Val]) -> String {
    match args {
        [Val::Str(text)] => text.to_string(),
        args => {
            // Nothing is printed as an action prints it.
            let shown = |value: &Val| if value.is_nothing() { Val::str("<no value>") } else { value.clone() };
            sprint(&args.iter().map(shown).collect::<Vec<_>>())
        }
    }
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push(char::REPLACEMENT_CHARACTER),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Rust's notion of what can be printed.
        let printable = c.escape_debug().len() == 1 || c.is_alphanumeric();
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || printable => out.push(c),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out
}

fn escape_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
