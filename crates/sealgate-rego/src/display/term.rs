//! Terms as text.

use std::fmt::{Formatter, Result, Write};

use super::expr::{write_expr, write_inline};
use crate::ast::{Body, Call, Ref, TemplatePart, Term, TermKind};

/// How tightly what is printed must bind to stand without parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Anything, `k, v in xs` included.
    Pair,
    In,
    Relation,
    Or,
    And,
    Sum,
    Product,
    /// No operator.
    Term,
}

/// Whether `|` follows the very first term of what is printed: behind an opening bracket that reads as a comprehension.
pub(super) fn reads_as_comprehension(term: &Term) -> bool {
    let TermKind::Call(call) = &term.kind else { return false };
    let (Some((level, _)), Some(left)) = (operator(call), call.args.first()) else { return false };
    match (level, level_of(left)) {
        (Level::Or, Some(Level::Or)) => reads_as_comprehension(left),
        (Level::Or, Some(Level::And | Level::Sum | Level::Product)) => false,
        (Level::Or, _) => true,
        (Level::Pair | Level::In | Level::Relation, Some(of_left)) => {
            of_left >= level.max(Level::In) && reads_as_comprehension(left)
        }
        _ => false,
    }
}

/// The level of an operator's call; `None` for what is no operator.
fn level_of(term: &Term) -> Option<Level> {
    match &term.kind {
        TermKind::Call(call) => operator(call).map(|(level, _)| level),
        _ => None,
    }
}

fn operator(call: &Call) -> Option<(Level, &'static str)> {
    if !call.infix {
        return None;
    }
    let TermKind::Var(name) = &call.func.head.kind else { return None };
    let found = match (name.text.as_str(), call.func.path.as_slice(), call.args.len()) {
        ("equal", [], 2) => (Level::Relation, "=="),
        ("neq", [], 2) => (Level::Relation, "!="),
        ("lt", [], 2) => (Level::Relation, "<"),
        ("lte", [], 2) => (Level::Relation, "<="),
        ("gt", [], 2) => (Level::Relation, ">"),
        ("gte", [], 2) => (Level::Relation, ">="),
        ("or", [], 2) => (Level::Or, "|"),
        ("and", [], 2) => (Level::And, "&"),
        ("plus", [], 2) => (Level::Sum, "+"),
        ("minus", [], 2) => (Level::Sum, "-"),
        ("mul", [], 2) => (Level::Product, "*"),
        ("div", [], 2) => (Level::Product, "/"),
        ("rem", [], 2) => (Level::Product, "%"),
        ("internal", [_], 2) => (Level::In, "in"),
        ("internal", [_], 3) => (Level::Pair, "in"),
        _ => return None,
    };
    Some(found)
}

pub(super) fn write_term(f: &mut Formatter<'_>, term: &Term, least: Level) -> Result {
    match &term.kind {
        TermKind::Null => f.write_str("null"),
        TermKind::Bool(value) => write!(f, "{value}"),
        TermKind::Number(text) => f.write_str(text),
        TermKind::String(text) => write_string(f, text),
        TermKind::Template(parts) => write_template(f, parts),
        TermKind::Var(name) => f.write_str(&name.text),
        TermKind::Ref(reference) => write_reference(f, reference),
        TermKind::Array(terms) => bracketed(f, '[', terms, ']'),
        TermKind::Set(terms) if terms.is_empty() => f.write_str("set()"),
        TermKind::Set(terms) => bracketed(f, '{', terms, '}'),
        TermKind::Object(pairs) => {
            f.write_char('{')?;
            for (index, (key, value)) in pairs.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                element(f, key, index == 0)?;
                f.write_str(": ")?;
                element(f, value, index == 0)?;
            }
            f.write_char('}')
        }
        TermKind::ArrayComprehension(value, body) => {
            f.write_char('[')?;
            write_term(f, value, Level::Term)?;
            comprehension(f, body, ']')
        }
        TermKind::SetComprehension(value, body) => {
            f.write_char('{')?;
            write_term(f, value, Level::Term)?;
            comprehension(f, body, '}')
        }
        TermKind::ObjectComprehension(key, value, body) => {
            f.write_char('{')?;
            write_term(f, key, Level::Term)?;
            f.write_str(": ")?;
            write_term(f, value, Level::Term)?;
            comprehension(f, body, '}')
        }
        TermKind::Call(call) => write_call(f, call, least),
    }
}

fn comprehension(f: &mut Formatter<'_>, body: &Body, close: char) -> Result {
    f.write_str(" | ")?;
    write_inline(f, body)?;
    f.write_char(close)
}

fn write_call(f: &mut Formatter<'_>, call: &Call, least: Level) -> Result {
    let Some((level, sign)) = operator(call) else {
        write_reference(f, &call.func)?;
        f.write_char('(')?;
        write_list(f, &call.args)?;
        return f.write_char(')');
    };
    if level < least {
        f.write_char('(')?;
        write_call(f, call, Level::Pair)?;
        return f.write_char(')');
    }
    match call.args.as_slice() {
        [left, right] => {
            write_term(f, left, level)?;
            write!(f, " {sign} ")?;
            write_term(f, right, above(level))
        }
        [key, value, collection] => {
            write_term(f, key, Level::Relation)?;
            f.write_str(", ")?;
            write_term(f, value, Level::Relation)?;
            write!(f, " {sign} ")?;
            write_term(f, collection, Level::Relation)
        }
        _ => Ok(()),
    }
}

/// The level of an operator's right side: operators associate to the left.
fn above(level: Level) -> Level {
    match level {
        Level::Pair => Level::In,
        Level::In => Level::Relation,
        Level::Relation => Level::Or,
        Level::Or => Level::And,
        Level::And => Level::Sum,
        Level::Sum => Level::Product,
        Level::Product | Level::Term => Level::Term,
    }
}

/// Terms between brackets.
fn bracketed(f: &mut Formatter<'_>, open: char, terms: &[Term], close: char) -> Result {
    f.write_char(open)?;
    if let Some((first, rest)) = terms.split_first() {
        element(f, first, true)?;
        for term in rest {
            f.write_str(", ")?;
            element(f, term, false)?;
        }
    }
    f.write_char(close)
}

/// An element; the first one behind its bracket stands in parentheses where it would read as a comprehension.
fn element(f: &mut Formatter<'_>, term: &Term, first: bool) -> Result {
    let least = if first && reads_as_comprehension(term) { Level::Term } else { Level::In };
    write_term(f, term, least)
}

/// Arguments.
pub(super) fn write_list(f: &mut Formatter<'_>, terms: &[Term]) -> Result {
    for (index, term) in terms.iter().enumerate() {
        f.write_str(if index > 0 { ", " } else { "" })?;
        element(f, term, false)?;
    }
    Ok(())
}

pub(super) fn write_reference(f: &mut Formatter<'_>, reference: &Ref) -> Result {
    write_term(f, &reference.head, Level::Term)?;
    for operand in &reference.path {
        match &operand.kind {
            TermKind::String(text) => write_path(f, text)?,
            _ => {
                f.write_char('[')?;
                write_term(f, operand, Level::Pair)?;
                f.write_char(']')?;
            }
        }
    }
    Ok(())
}

/// `.x`, or `["x y"]` where the text is no name.
pub(super) fn write_path(f: &mut Formatter<'_>, text: &str) -> Result {
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if is_name {
        return write!(f, ".{text}");
    }
    f.write_char('[')?;
    write_string(f, text)?;
    f.write_char(']')
}

fn write_string(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_char('"')?;
    write_escaped(f, text, false)?;
    f.write_char('"')
}

fn write_template(f: &mut Formatter<'_>, parts: &[TemplatePart]) -> Result {
    f.write_str("$\"")?;
    for part in parts {
        match part {
            TemplatePart::Text(text) => write_escaped(f, text, true)?,
            TemplatePart::Expr(expr) => {
                f.write_char('{')?;
                write_expr(f, expr)?;
                f.write_char('}')?;
            }
        }
    }
    f.write_char('"')
}

/// What a string literal cannot hold as such: control characters, and the byte-order mark, which no source may hold.
fn write_escaped(f: &mut Formatter<'_>, text: &str, template: bool) -> Result {
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '{' if template => f.write_str("\\{")?,
            '\u{feff}' | '\0'..'\u{20}' => write!(f, "\\u{:04x}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}
