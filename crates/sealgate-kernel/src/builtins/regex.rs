//! Regular expressions in RE2's syntax, in time linear to the text.
//!
//! A pattern that is known when a policy is compiled becomes a table ([`match_table`]) in static data, and the engine is
//! not linked. Any other is compiled when it is used.

mod classes;
mod engine;
mod syntax;
mod table;
mod template;

pub(super) use self::engine::Regex;
pub(super) use self::syntax::{MAX_DEPTH, MAX_PATTERN, SyntaxError};
use super::operand::{integer, truth};
use crate::{ArrayBuilder, Heap, List, Text, Value};

#[cfg(not(target_arch = "wasm32"))]
pub use self::table::match_table;
pub use self::table::table_match;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use self::table::table_of;

builtins! { TABLE:
    "regex.is_valid" => sg_b_regex_is_valid = is_valid as (pattern: STRING);
    "regex.match" => sg_b_regex_match = is_match as (pattern: STRING, text: STRING) or "invalid regular expression";
    "re_match" => sg_b_re_match = is_match as (pattern: STRING, text: STRING) or "invalid regular expression";
    "regex.find_n" => sg_b_regex_find_n = find_n as (pattern: STRING, text: STRING, limit: INT) or "invalid regular expression";
    "regex.find_all_string_submatch_n" => sg_b_regex_find_all_string_submatch_n = find_groups as (pattern: STRING, text: STRING, limit: INT) or "invalid regular expression";
    "regex.replace" => sg_b_regex_replace = replace as (text: STRING, pattern: STRING, replacement: STRING) or "invalid regular expression";
    "regex.template_match" => sg_b_regex_template_match = template_match as (template: STRING, text: STRING, start: STRING, end: STRING) or "invalid template or delimiter";
    "regex.split" => sg_b_regex_split = split as (pattern: STRING, text: STRING) or "invalid regular expression";
}

fn is_valid<'h>(_: Heap<'h>, pattern: Value<'h>) -> Option<Value<'h>> {
    truth(pattern.as_str().is_some_and(|pattern| match syntax::parse(pattern) {
        Ok(_) => true,
        Err(SyntaxError::Invalid) => false,
        Err(SyntaxError::TooLarge) => engine::too_large(),
    }))
}

fn is_match<'h>(_: Heap<'h>, pattern: Value<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let (pattern, text) = (pattern.as_str()?, text.as_str()?);
    truth(Regex::new(pattern, false)?.is_match(text))
}

/// The first `limit` matches, or all for a negative limit.
fn find_n<'h>(heap: Heap<'h>, pattern: Value<'h>, text: Value<'h>, limit: Value<'h>) -> Option<Value<'h>> {
    let (pattern, text, limit) = (pattern.as_str()?, text.as_str()?, integer(limit)?);
    let mut found = ArrayBuilder::new(heap, 0);
    Regex::new(pattern, true)?.find_all(text, limit, |groups| {
        found.push(Value::string(heap, groups.get(0)));
    });
    Some(found.finish())
}

/// The first `limit` matches, each with all its groups; a group that took no part is the empty string.
fn find_groups<'h>(heap: Heap<'h>, pattern: Value<'h>, text: Value<'h>, limit: Value<'h>) -> Option<Value<'h>> {
    let (pattern, text, limit) = (pattern.as_str()?, text.as_str()?, integer(limit)?);
    let mut found = ArrayBuilder::new(heap, 0);
    Regex::new(pattern, true)?.find_all(text, limit, |groups| {
        let mut all = List::new(heap, groups.count());
        (0..groups.count()).for_each(|index| all.push(Value::string(heap, groups.get(index))));
        found.push(Value::array(heap, all.finish()));
    });
    Some(found.finish())
}

/// Every match replaced; `$1`, `${1}`, `$name` and `${name}` in the replacement stand for groups.
fn replace<'h>(heap: Heap<'h>, text: Value<'h>, pattern: Value<'h>, replacement: Value<'h>) -> Option<Value<'h>> {
    let (text, pattern, replacement) = (text.as_str()?, pattern.as_str()?, replacement.as_str()?);
    let mut out = Text::new(heap, text.len());
    let mut end = 0;
    let regex = Regex::new(pattern, true)?;
    regex.find_all(text, -1, |groups| {
        let (from, to) = groups.range();
        out.push_str(text.get(end..from).unwrap_or_default());
        regex.expand(replacement, groups, &mut out);
        end = to;
    });
    out.push_str(text.get(end..)?);
    Some(out.finish())
}

/// The parts between matches.
fn split<'h>(heap: Heap<'h>, pattern: Value<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let (pattern, text) = (pattern.as_str()?, text.as_str()?);
    let regex = Regex::new(pattern, true)?;
    let mut parts = ArrayBuilder::new(heap, 0);
    if !pattern.is_empty() && text.is_empty() {
        parts.push(Value::string(heap, text));
        return Some(parts.finish());
    }
    let (mut begin, mut end) = (0, 0);
    regex.find_all(text, -1, |groups| {
        let (from, to) = groups.range();
        end = from;
        // An empty match before the first character separates nothing.
        if to != 0 {
            parts.push(Value::string(heap, text.get(begin..end).unwrap_or_default()));
        }
        begin = to;
    });
    if end != text.len() {
        parts.push(Value::string(heap, text.get(begin..)?));
    }
    Some(parts.finish())
}

/// Whether a template (see [`template`]) with delimiters of one byte matches a text as a whole.
fn template_match<'h>(
    _: Heap<'h>,
    template: Value<'h>,
    text: Value<'h>,
    start: Value<'h>,
    end: Value<'h>,
) -> Option<Value<'h>> {
    let (template, text) = (template.as_str()?, text.as_str()?);
    let (&[start], &[end]) = (start.as_str()?.as_bytes(), end.as_str()?.as_bytes()) else { return None };
    let expression = engine::bounded(template::expression(template, start, end))?;
    truth(Regex::new(&expression, false)?.is_match(text))
}
