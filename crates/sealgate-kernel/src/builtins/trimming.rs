//! Strings shortened at their ends.

use crate::{Heap, Value};

builtins! { TABLE:
    "trim" => sg_b_trim = trim as (text: STRING, cutset: STRING);
    "trim_left" => sg_b_trim_left = trim_left as (text: STRING, cutset: STRING);
    "trim_right" => sg_b_trim_right = trim_right as (text: STRING, cutset: STRING);
    "trim_prefix" => sg_b_trim_prefix = trim_prefix as (text: STRING, prefix: STRING);
    "trim_suffix" => sg_b_trim_suffix = trim_suffix as (text: STRING, suffix: STRING);
    "trim_space" => sg_b_trim_space = trim_space as (text: STRING);
}

fn trim<'h>(heap: Heap<'h>, text: Value<'h>, cutset: Value<'h>) -> Option<Value<'h>> {
    let cutset = cutset.as_str()?;
    Some(Value::string(heap, text.as_str()?.trim_matches(|c| cutset.contains(c))))
}

fn trim_left<'h>(heap: Heap<'h>, text: Value<'h>, cutset: Value<'h>) -> Option<Value<'h>> {
    let cutset = cutset.as_str()?;
    Some(Value::string(heap, text.as_str()?.trim_start_matches(|c| cutset.contains(c))))
}

fn trim_right<'h>(heap: Heap<'h>, text: Value<'h>, cutset: Value<'h>) -> Option<Value<'h>> {
    let cutset = cutset.as_str()?;
    Some(Value::string(heap, text.as_str()?.trim_end_matches(|c| cutset.contains(c))))
}

fn trim_prefix<'h>(heap: Heap<'h>, text: Value<'h>, prefix: Value<'h>) -> Option<Value<'h>> {
    let (text, prefix) = (text.as_str()?, prefix.as_str()?);
    Some(Value::string(heap, text.strip_prefix(prefix).unwrap_or(text)))
}

fn trim_suffix<'h>(heap: Heap<'h>, text: Value<'h>, suffix: Value<'h>) -> Option<Value<'h>> {
    let (text, suffix) = (text.as_str()?, suffix.as_str()?);
    Some(Value::string(heap, text.strip_suffix(suffix).unwrap_or(text)))
}

fn trim_space<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    Some(Value::string(heap, text.as_str()?.trim()))
}
