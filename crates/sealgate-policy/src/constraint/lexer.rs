//! Constraint text to tokens, each with its range of bytes.

use std::ops::Range;

use super::parser::Finding;
use crate::yaml::is_json_number;

/// The most digits that a number literal may have.
const MAX_DIGITS: usize = 400;
/// The largest exponent that a number literal may have, either way.
const MAX_EXPONENT: u32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word(String),
    /// A number in JSON's grammar.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// Operators and brackets.
    Punctuation(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Longest first: the first that fits is the token.
const PUNCTUATION: &[&str] =
    &["==", "!=", "<=", ">=", "&&", "||", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "!"];

pub(crate) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// All tokens of a constraint, the last of them [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Finding> {
    let mut all = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or("");
        at += rest.len() - rest.trim_start().len();
        let rest = text.get(at..).unwrap_or("");
        let Some(first) = rest.chars().next() else {
            all.push(Token { kind: Kind::End, range: at..at });
            return Ok(all);
        };
        let (kind, length) = if first == '"' {
            string(rest, at)?
        } else if first.is_ascii_digit() || (first == '-' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
            number(rest, at)?
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or("");
            if !is_identifier(word) {
                return Err(Finding::error(at..at + length, format!("`{word}` is not a name"))
                    .help("names are ASCII letters, digits and `_`; other keys go into brackets: `args[\"…\"]`"));
            }
            (Kind::Word(word.to_owned()), length)
        } else if let Some(found) = PUNCTUATION.iter().find(|candidate| rest.starts_with(**candidate)) {
            (Kind::Punctuation(found), found.len())
        } else {
            let finding = Finding::error(at..at + first.len_utf8(), format!("`{first}` means nothing here"));
            return Err(match first {
                '\'' | '`' | '“' | '”' => finding.help("strings go into double quotes"),
                '*' => finding.help("what holds for all elements is `every(LIST, …)`, for one of them `any(LIST, …)`"),
                _ => finding,
            });
        };
        all.push(Token { kind, range: at..at + length });
        at += length;
    }
}

fn string(rest: &str, at: usize) -> Result<(Kind, usize), Finding> {
    let mut escaped = false;
    for (offset, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let length = offset + 1;
                let literal = rest.get(..length).unwrap_or("");
                return match serde_json::from_str(literal) {
                    Ok(decoded) => Ok((Kind::Text(decoded), length)),
                    Err(_) => Err(Finding::error(at..at + length, format!("{literal} is not a JSON string")).help(
                        "escapes are those of JSON: `\\\\`, `\\\"`, `\\n`, `\\u00e9`; a regex's `\\d` is `\\\\d`",
                    )),
                };
            }
            _ => {}
        }
    }
    Err(Finding::error(at..at + rest.len(), "the string is never closed").help("end it with `\"`"))
}

fn number(rest: &str, at: usize) -> Result<(Kind, usize), Finding> {
    let bytes = rest.as_bytes();
    let mut length = 1;
    while let Some(byte) = bytes.get(length) {
        let after_exponent = matches!(bytes.get(length - 1), Some(b'e' | b'E'));
        let sign = matches!(byte, b'+' | b'-') && after_exponent;
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || sign) {
            break;
        }
        length += 1;
    }
    let literal = rest.get(..length).unwrap_or("");
    if !is_json_number(literal) {
        return Err(Finding::error(at..at + length, format!("`{literal}` is not a number"))
            .help("numbers are written as in JSON: `5`, `-0.5`, `1e6`"));
    }
    check_number(literal).map_err(|message| Finding::error(at..at + length, message))?;
    Ok((Kind::Number(literal.to_owned()), length))
}

/// Whether a number in JSON's grammar is within the language's bounds, or why not.
pub(crate) fn check_number(literal: &str) -> Result<(), String> {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    if mantissa.len() > MAX_DIGITS {
        return Err(format!("a number has at most {MAX_DIGITS} digits"));
    }
    let magnitude: Option<u32> = exponent.trim_start_matches(['+', '-']).parse().ok();
    if magnitude.is_none_or(|magnitude| magnitude > MAX_EXPONENT) {
        return Err(format!("the exponent of a number is at most {MAX_EXPONENT}"));
    }
    Ok(())
}
