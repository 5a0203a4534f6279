//! Templates: text with regular expressions between two delimiters, `urn:foo:{.*}`.

use alloc::string::String;

use super::syntax::{self, SyntaxError};

/// The regular expression that a template stands for, which matches a text as a whole.
pub(super) fn expression(template: &str, start: u8, end: u8) -> Result<String, SyntaxError> {
    let mut out = String::from("^");
    let mut literal_from = 0;
    let (mut depth, mut part_from) = (0usize, 0);
    for (at, byte) in template.bytes().enumerate() {
        if byte == start {
            depth += 1;
            if depth == 1 {
                part_from = at;
            }
        } else if byte == end {
            depth = depth.checked_sub(1).ok_or(SyntaxError::Invalid)?;
            if depth == 0 {
                push_quoted(&mut out, template.get(literal_from..part_from).ok_or(SyntaxError::Invalid)?);
                let part = template.get(part_from + 1..at).ok_or(SyntaxError::Invalid)?;
                // By itself, so that one part cannot change what surrounds it.
                syntax::parse(&["^", part, "$"].concat())?;
                out.push('(');
                out.push_str(part);
                out.push(')');
                literal_from = at + 1;
            }
        }
    }
    if depth != 0 {
        return Err(SyntaxError::Invalid);
    }
    push_quoted(&mut out, template.get(literal_from..).ok_or(SyntaxError::Invalid)?);
    out.push('$');
    Ok(out)
}

fn push_quoted(out: &mut String, literal: &str) {
    for character in literal.chars() {
        if "\\.+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
}
