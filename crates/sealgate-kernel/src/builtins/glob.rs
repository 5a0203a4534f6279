//! Globs as OPA matches them: `*` stays between delimiters, `**` crosses them, `?`, `[abc]`, `[!a-z]`, `{a,b}`.
//!
//! A glob becomes an automaton of the regular expression engine. As with regular expressions, one that is known when a
//! policy is compiled becomes a table ([`match_table`]).

mod syntax;

use alloc::vec::Vec;

use super::failure::{Failure, Given};
use super::regex::Regex;
use crate::{Heap, Text, Value, View};

builtins! { TABLE:
    "glob.match" => sg_b_glob_match = is_match as (pattern: STRING, delimiters: NULL | ARRAY, text: STRING) or "invalid glob pattern";
    "glob.quote_meta" => sg_b_glob_quote_meta = quote_meta as (text: STRING);
}

/// The table of a glob, for the kernel's function `sg_regex_table_match`; `None` if it is not a valid one, or if its table
/// would be too large. `delimiters` is empty for none.
#[cfg(not(target_arch = "wasm32"))]
pub fn match_table(pattern: &str, delimiters: &[char]) -> Option<Vec<u8>> {
    super::regex::table_of(&syntax::parse(pattern, delimiters).ok()?)
}

/// Whether a glob matches a text as a whole. The delimiters are an array of characters, `.` where it is empty, none where
/// it is null.
fn is_match<'h>(_: Heap<'h>, pattern: Value<'h>, delimiters: Value<'h>, text: Value<'h>) -> Given<'h> {
    let (pattern, text) = (pattern.as_str().ok_or(None)?, text.as_str().ok_or(None)?);
    let delimiters = match delimiters.view() {
        View::Null => Vec::new(),
        View::Array([]) => alloc::vec!['.'],
        View::Array(elements) => {
            let each = elements.iter().map(|element| single(element.as_str()?)).collect::<Option<_>>();
            each.ok_or(Some(Failure::Operand(2, "must be array of single characters")))?
        }
        _ => return Err(None),
    };
    Regex::of_syntax(syntax::parse(pattern, &delimiters)).map(|glob| Value::bool(glob.is_match(text))).ok_or(None)
}

fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

/// A glob that matches just `text`.
fn quote_meta<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
    let text = text.as_str()?;
    let mut quoted = Text::new(heap, text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    Some(quoted.finish())
}
