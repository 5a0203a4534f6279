//! `# METADATA` blocks: comments in the first column, each block with the statement that follows it.

use sealgate_diagnostics::{Diagnostic, Span};

use super::statement::Statement;
use super::{CODE, Parser};
use crate::ast::{AnnotationTarget, Annotations};
use crate::lexer::Comment;

impl Parser<'_> {
    /// All blocks, given the statements with their first bytes in source order.
    pub(super) fn annotations(&mut self, statements: &[(u32, Statement)]) -> Vec<Annotations> {
        let lexed = self.lexed;
        let mut found = Vec::new();
        let mut comments = lexed.comments.iter().peekable();
        while let Some(first) = comments.next() {
            if !self.is_metadata(first) {
                continue;
            }
            let mut last = first;
            let mut yaml = String::new();
            while let Some(next) = comments.next_if(|next| next.line == last.line + 1 && !self.is_metadata(next)) {
                let line = self.comment(next);
                yaml.push_str(line.strip_prefix(' ').unwrap_or(line));
                yaml.push('\n');
                last = next;
            }
            let span = Span { source: self.source, start: first.start.saturating_sub(1), end: last.end };
            if yaml.trim().is_empty() {
                self.complain(span, "expected METADATA block, found whitespace", "write YAML in the comments below");
                continue;
            }
            let after = statements.partition_point(|(start, _)| *start < first.start);
            let Some((_, statement)) = statements.get(after) else {
                self.complain(span, "no statement follows the METADATA block", "put it before a rule or the package");
                continue;
            };
            let target = match *statement {
                Statement::Package => AnnotationTarget::Package,
                Statement::Import => AnnotationTarget::Import,
                Statement::Rule(index) => AnnotationTarget::Rule(index),
            };
            found.push(Annotations { yaml, target, span });
        }
        found
    }

    fn complain(&mut self, span: Span, message: &str, help: &str) {
        // A block is judged on its own, wherever the parser stopped.
        if self.fatal.is_none() {
            self.errors.push(Diagnostic::error(CODE, message).at(span).help(help));
        }
    }

    fn comment(&self, comment: &Comment) -> &str {
        self.text.get(comment.start as usize..comment.end as usize).unwrap_or("")
    }

    fn is_metadata(&self, comment: &Comment) -> bool {
        self.comment(comment).trim().starts_with("METADATA")
    }
}
