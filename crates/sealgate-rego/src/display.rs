//! The syntax tree as canonical Rego text: one layout, operators with as few parentheses as keep the tree. What is
//! printed parses to the same tree (places aside). Comments other than metadata are not in the tree and not in the text.

mod expr;
mod term;

use std::fmt::{Display, Formatter, Result, Write};

use crate::ast::{
    AnnotationTarget, Annotations, Body, Else, Expr, Head, HeadKind, Import, Module, Name, Package, Rule, Term, Version,
};
use expr::{in_braces, write_expr};
use term::{Level, write_path, write_reference, write_term};

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let written_as_v0 = self.version == Version::V0;
        let metadata = |f: &mut Formatter<'_>, target| {
            self.annotations.iter().filter(|block| block.target == target).try_for_each(|block| write!(f, "{block}"))
        };
        metadata(f, AnnotationTarget::Package)?;
        writeln!(f, "{}", self.package)?;
        if !self.imports.is_empty() {
            f.write_char('\n')?;
        }
        metadata(f, AnnotationTarget::Import)?;
        for import in &self.imports {
            writeln!(f, "{import}")?;
        }
        let mut blocks =
            self.annotations.iter().filter(|block| matches!(block.target, AnnotationTarget::Rule(_))).peekable();
        for (index, rule) in self.rules.iter().enumerate() {
            f.write_char('\n')?;
            while let Some(block) = blocks.next_if(|block| block.target == AnnotationTarget::Rule(index)) {
                write!(f, "{block}")?;
            }
            write_rule(f, rule, written_as_v0)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

impl Display for Package {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("package ")?;
        write_names(f, &self.path)
    }
}

impl Display for Import {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("import ")?;
        write_names(f, &self.path)?;
        match &self.alias {
            Some(alias) => write!(f, " as {}", alias.text),
            None => Ok(()),
        }
    }
}

impl Display for Annotations {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("# METADATA\n")?;
        self.yaml
            .lines()
            .try_for_each(|line| if line.is_empty() { f.write_str("#\n") } else { writeln!(f, "# {line}") })
    }
}

impl Display for Rule {
    /// As v1 writes it.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write_rule(f, self, false)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write_expr(f, self)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write_term(f, self, Level::In)
    }
}

fn write_names(f: &mut Formatter<'_>, names: &[Name]) -> Result {
    let Some((first, rest)) = names.split_first() else { return Ok(()) };
    f.write_str(&first.text)?;
    rest.iter().try_for_each(|name| write_path(f, &name.text))
}

fn write_rule(f: &mut Formatter<'_>, rule: &Rule, v0: bool) -> Result {
    if rule.default {
        f.write_str("default ")?;
    }
    let mut has_if = !v0;
    write_head(f, &rule.head, v0)?;
    if let HeadKind::Value { value: None, .. } = rule.head.kind
        && rule.head.args.is_none()
        && rule.head.reference.path.len() == 1
    {
        // Without `if` this would add to a set; where a v0 module holds such a rule, it was written with `if`.
        has_if = true;
    }
    write_body(f, &rule.body, has_if)?;
    for branch in &rule.elses {
        write_else(f, branch, !v0)?;
    }
    Ok(())
}

fn write_else(f: &mut Formatter<'_>, branch: &Else, has_if: bool) -> Result {
    f.write_str(" else")?;
    if let Some(value) = &branch.value {
        write!(f, " {} {value}", if branch.assign { ":=" } else { "=" })?;
    }
    write_body(f, &branch.body, has_if)
}

fn write_head(f: &mut Formatter<'_>, head: &Head, v0: bool) -> Result {
    write_reference(f, &head.reference)?;
    if let Some(args) = &head.args {
        f.write_char('(')?;
        term::write_list(f, args)?;
        f.write_char(')')?;
    }
    match &head.kind {
        HeadKind::Value { value: None, .. } => Ok(()),
        HeadKind::Value { value: Some(value), assign } => write!(f, " {} {value}", if *assign { ":=" } else { "=" }),
        HeadKind::Contains { key } if v0 && head.reference.path.is_empty() => write!(f, "[{key}]"),
        HeadKind::Contains { key } => write!(f, " contains {key}"),
    }
}

/// A rule's body, an expression a line.
fn write_body(f: &mut Formatter<'_>, body: &Body, has_if: bool) -> Result {
    if body.is_empty() {
        return Ok(());
    }
    f.write_str(if has_if { " if {\n" } else { " {\n" })?;
    for (index, expr) in body.iter().enumerate() {
        if index == 0 {
            f.write_char('\t')?;
            in_braces(f, expr)?;
            continue;
        }
        let line = expr.to_string();
        // A line break alone does not keep a minus sign from joining two lines.
        f.write_str(if line.starts_with('-') { ";\n\t" } else { "\n\t" })?;
        f.write_str(&line)?;
    }
    f.write_str("\n}")
}
