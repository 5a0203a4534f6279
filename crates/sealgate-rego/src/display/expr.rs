//! Expressions as text.

use std::fmt::{Formatter, Result, Write};

use super::term::{Level, reads_as_comprehension, write_term};
use crate::ast::{Body, Expr, ExprKind, Name, Term, TermKind};

pub(super) fn write_expr(f: &mut Formatter<'_>, expr: &Expr) -> Result {
    if expr.negated {
        f.write_str("not ")?;
    }
    match &expr.kind {
        ExprKind::Term(term) => write_term(f, term, Level::Pair)?,
        ExprKind::Unify(left, right) => equation(f, left, "=", right)?,
        ExprKind::Assign(left, right) => equation(f, left, ":=", right)?,
        ExprKind::Some(names) => {
            f.write_str("some ")?;
            for (index, name) in names.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                f.write_str(&name.text)?;
            }
        }
        ExprKind::SomeIn { key, value, collection } => {
            f.write_str("some ")?;
            if let Some(key) = key {
                write_term(f, key, Level::Relation)?;
                f.write_str(", ")?;
            }
            write_term(f, value, Level::Relation)?;
            f.write_str(" in ")?;
            write_term(f, collection, Level::Relation)?;
        }
        ExprKind::Every { key, value, domain, body } => {
            f.write_str("every ")?;
            if let Some(Name { text, .. }) = key {
                write!(f, "{text}, ")?;
            }
            write!(f, "{} in ", value.text)?;
            write_term(f, domain, Level::Relation)?;
            f.write_char(' ')?;
            braces(f, body)?;
        }
        ExprKind::Not(body) => {
            f.write_str("not ")?;
            operand(f, body)?;
        }
        ExprKind::And(left, right) => operation(f, left, "and", right)?,
        ExprKind::Or(left, right) => operation(f, left, "or", right)?,
    }
    write_withs(f, expr)
}

fn write_withs(f: &mut Formatter<'_>, expr: &Expr) -> Result {
    for with in &expr.with {
        write!(f, " with {} as ", with.target)?;
        write_term(f, &with.value, Level::Pair)?;
    }
    Ok(())
}

/// An expression that begins a body in braces: a union there would read as a comprehension.
pub(super) fn in_braces(f: &mut Formatter<'_>, expr: &Expr) -> Result {
    let first = match &expr.kind {
        ExprKind::Term(term) | ExprKind::Unify(term, _) | ExprKind::Assign(term, _) => term,
        _ => return write_expr(f, expr),
    };
    if expr.negated || !reads_as_comprehension(first) {
        return write_expr(f, expr);
    }
    f.write_char('(')?;
    write_term(f, first, Level::Pair)?;
    f.write_char(')')?;
    match &expr.kind {
        ExprKind::Unify(_, right) => equation_after(f, "=", right)?,
        ExprKind::Assign(_, right) => equation_after(f, ":=", right)?,
        _ => {}
    }
    write_withs(f, expr)
}

/// Expressions between bracket and bracket, on one line.
pub(super) fn write_inline(f: &mut Formatter<'_>, body: &Body) -> Result {
    for (index, expr) in body.iter().enumerate() {
        f.write_str(if index > 0 { "; " } else { "" })?;
        write_expr(f, expr)?;
    }
    Ok(())
}

fn braces(f: &mut Formatter<'_>, body: &Body) -> Result {
    f.write_str("{ ")?;
    for (index, expr) in body.iter().enumerate() {
        f.write_str(if index > 0 { "; " } else { "" })?;
        if index == 0 { in_braces(f, expr)? } else { write_expr(f, expr)? }
    }
    f.write_str(" }")
}

fn equation(f: &mut Formatter<'_>, left: &Term, sign: &str, right: &Term) -> Result {
    write_term(f, left, Level::Pair)?;
    equation_after(f, sign, right)
}

fn equation_after(f: &mut Formatter<'_>, sign: &str, right: &Term) -> Result {
    write!(f, " {sign} ")?;
    write_term(f, right, Level::Pair)
}

fn operation(f: &mut Formatter<'_>, left: &Body, word: &str, right: &Body) -> Result {
    operand(f, left)?;
    write!(f, " {word} ")?;
    operand(f, right)
}

/// An operand of `not`, `and` or `or`: one plain expression bare, anything else in braces.
fn operand(f: &mut Formatter<'_>, body: &Body) -> Result {
    match body.as_slice() {
        [expr] if is_plain(expr) => write_expr(f, expr),
        _ => braces(f, body),
    }
}

/// Whether an expression cannot be taken for a body or a group where an operand stands.
fn is_plain(expr: &Expr) -> bool {
    let first = match &expr.kind {
        ExprKind::Term(term) | ExprKind::Unify(term, _) | ExprKind::Assign(term, _) => term,
        _ => return false,
    };
    !expr.negated && expr.with.is_empty() && begins_with_word(first)
}

fn begins_with_word(term: &Term) -> bool {
    match &term.kind {
        TermKind::Var(_) | TermKind::Bool(_) | TermKind::Null | TermKind::Number(_) | TermKind::String(_) => true,
        TermKind::Ref(reference) => begins_with_word(&reference.head),
        TermKind::Call(call) => !call.infix && begins_with_word(&call.func.head),
        _ => false,
    }
}
