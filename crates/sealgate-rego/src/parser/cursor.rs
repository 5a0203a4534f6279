//! Looking at tokens and stepping over them, going back, and noting errors.

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Diagnostics, SourceId, Span};

use super::{CODE, Keywords, MAX_DEPTH, MAX_ERRORS, MAX_OPERANDS, ParseOptions, Parser};
use crate::ast::{Name, Version};
use crate::lexer::{Kind, Lexed, Token};

/// A place to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) at: usize,
    ident_at: usize,
    /// How many errors were noted.
    pub(super) errors: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(source: SourceId, text: &'t str, lexed: &'t Lexed, options: ParseOptions) -> Self {
        Self {
            source,
            text,
            lexed,
            at: 0,
            ident_at: usize::MAX,
            keywords: match options.version {
                Version::V0 => Keywords::default(),
                Version::V1 => Keywords::V1,
            },
            version: options.version,
            depth: 0,
            height: 0,
            errors: Vec::new(),
            fatal: None,
            steps: 0,
            max_steps: lexed.tokens.len().saturating_mul(MAX_DEPTH).saturating_add(1 << 16),
            not_comprehension: HashSet::default(),
            not_group: HashSet::default(),
        }
    }

    /// The result, or all errors: the parser's and those of the text itself.
    pub(super) fn finish<T>(mut self, parsed: Option<T>) -> Result<T, Diagnostics> {
        let in_text = self.lexed.errors.iter().take(MAX_ERRORS).map(|error| {
            let span = Span { source: self.source, start: error.start, end: error.end };
            let found = Diagnostic::error(CODE, error.message).at(span);
            match error.message {
                "non-terminated string" => found.help("close the string; only raw strings (`` ` ``) may span lines"),
                "illegal escape sequence" => found.help(r"use `\\` for a backslash, or a raw string"),
                "illegal number format" => found.help("put a space or an operator between number and name"),
                _ => found,
            }
        });
        let mut all: Vec<Diagnostic> = in_text.collect();
        all.append(&mut self.errors);
        all.extend(self.fatal.take());
        match parsed {
            Some(parsed) if all.is_empty() => Ok(parsed),
            _ => {
                let mut found = Diagnostics::new();
                if all.is_empty() {
                    found.push(Diagnostic::error(CODE, "the source cannot be parsed"));
                }
                all.sort_by_key(|error| error.span);
                all.dedup();
                found.extend(all);
                Err(found)
            }
        }
    }

    /// The token looked at; the last one is the end of the file.
    pub(super) fn token(&self) -> Token {
        self.token_at(self.at)
    }

    pub(super) fn token_at(&self, at: usize) -> Token {
        let end = Token { kind: Kind::Eof, spaced: true, newline: true, start: 0, end: 0, partner: u32::MAX };
        self.lexed.tokens.get(at).or(self.lexed.tokens.last()).copied().unwrap_or(end)
    }

    /// The kind of the token looked at; keywords that are not in force are identifiers.
    pub(super) fn kind(&self) -> Kind {
        if self.fatal.is_some() {
            // Nothing parses any more, so that every loop ends.
            return Kind::Illegal;
        }
        if self.ident_at == self.at {
            return Kind::Ident;
        }
        self.kind_at(self.at)
    }

    pub(super) fn kind_at(&self, at: usize) -> Kind {
        let kind = self.token_at(at).kind;
        if kind.is_soft_keyword() && !self.keywords.has(kind) { Kind::Ident } else { kind }
    }

    pub(super) fn advance(&mut self) {
        if self.at + 1 < self.lexed.tokens.len() {
            self.at += 1;
        }
        self.steps += 1;
        if self.steps > self.max_steps && self.fatal.is_none() {
            let found = Diagnostic::error(CODE, "the text is too ambiguous to parse").at(self.span_here());
            self.fatal = Some(found.help("nest less, or name parts of the expression"));
        }
    }

    /// Steps over the token if it is of this kind.
    pub(super) fn maybe(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    /// Steps over a token that must be of this kind.
    pub(super) fn expect(&mut self, kind: Kind) -> Option<()> {
        if self.maybe(kind) {
            return Some(());
        }
        self.unexpected(&format!("expected {}", kind.describe()));
        None
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.at, ident_at: self.ident_at, errors: self.errors.len() }
    }

    pub(super) fn reset(&mut self, mark: Mark) {
        self.at = mark.at;
        self.ident_at = mark.ident_at;
        self.errors.truncate(mark.errors);
    }

    /// One level of nesting deeper; [`Self::leave`] must follow. `None` where that is too deep.
    fn enter(&mut self) -> Option<()> {
        if self.depth >= MAX_DEPTH {
            self.too_deep();
            return None;
        }
        self.depth += 1;
        Some(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Parses one level of nesting deeper.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.enter()?;
        let parsed = parse(self);
        self.leave();
        parsed
    }

    /// Notes the height of the tree just built over parts of the given height.
    pub(super) fn grow(&mut self, parts: usize) -> Option<()> {
        self.height = parts + 1;
        if self.height > MAX_DEPTH {
            self.too_deep();
            return None;
        }
        Some(())
    }

    /// Refuses a reference.
    pub(super) fn too_long(&mut self, span: Span) {
        let found = Diagnostic::error(CODE, format!("a reference has at most {MAX_OPERANDS} operands")).at(span);
        self.fatal.get_or_insert(found);
    }

    fn too_deep(&mut self) {
        let found = Diagnostic::error(CODE, "max parsing recursion depth exceeded")
            .at(self.span_here())
            .help(format!("expressions nest at most {MAX_DEPTH} deep: name parts of them in rules of their own"));
        self.fatal.get_or_insert(found);
    }

    /// The token's text.
    pub(super) fn slice(&self, token: Token) -> &'t str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or("")
    }

    pub(super) fn span_here(&self) -> Span {
        let token = self.token();
        Span { source: self.source, start: token.start, end: token.end }
    }

    /// From an offset to the end of the last token stepped over.
    pub(super) fn span_from(&self, start: u32) -> Span {
        let end = self.at.checked_sub(1).map_or(start, |last| self.token_at(last).end);
        Span { source: self.source, start, end: end.max(start) }
    }

    /// The word looked at as a name; steps over it.
    pub(super) fn name(&mut self) -> Name {
        let name = Name { text: self.slice(self.token()).to_owned(), span: self.span_here() };
        self.advance();
        name
    }

    pub(super) fn error(&mut self, found: Diagnostic) {
        // The text's own errors are reported apart.
        if self.fatal.is_none() && self.token().kind != Kind::Illegal {
            self.errors.push(found);
        }
    }

    pub(super) fn error_at(&mut self, span: Span, message: impl Into<String>) {
        self.error(Diagnostic::error(CODE, message).at(span));
    }

    pub(super) fn error_here(&mut self, message: impl Into<String>) {
        self.error_at(self.span_here(), message);
    }

    /// The token looked at does not fit; `note` says what would.
    pub(super) fn unexpected(&mut self, note: &str) {
        let kind = self.kind();
        let mut message = match kind {
            Kind::Ident | Kind::Number => {
                format!("unexpected {} `{}`", kind.describe(), shortened(self.slice(self.token())))
            }
            _ => format!("unexpected {}", kind.describe()),
        };
        if !note.is_empty() {
            message = format!("{message}: {note}");
        }
        let mut found = Diagnostic::error(CODE, message).at(self.span_here());
        if let Some(help) = self.help_for(kind) {
            found = found.help(help);
        }
        self.error(found);
    }

    /// What to do about a token that does not fit.
    fn help_for(&self, kind: Kind) -> Option<String> {
        if kind == Kind::Ident
            && let Some(help) = self.help_for_keyword()
        {
            return Some(help);
        }
        match kind {
            Kind::Unify | Kind::Assign => Some("compare with `==`; `=` and `:=` stand between two terms".to_owned()),
            Kind::Eof => Some("the file ends inside a statement: a bracket may not be closed".to_owned()),
            kind if kind.is_keyword() => {
                Some(format!("`{}` is a keyword and cannot be used as a name", self.slice(self.token())))
            }
            _ => None,
        }
    }

    /// How to switch on the keyword that this token, or the one before it, is spelled as.
    pub(super) fn help_for_keyword(&self) -> Option<String> {
        let token = [self.at, self.at.wrapping_sub(1)]
            .into_iter()
            .map(|at| self.token_at(at))
            .find(|token| token.kind.is_soft_keyword() && !self.keywords.has(token.kind))?;
        let word = self.slice(token);
        Some(match token.kind {
            Kind::And | Kind::Or => format!("to use `{word}` as an operator add `import future.keywords.{word}`"),
            _ => format!("to use `{word}` as a keyword add `import rego.v1` or `import future.keywords.{word}`"),
        })
    }

    /// Whether the token is a keyword that may be part of a reference.
    pub(super) fn is_ref_keyword(&self) -> bool {
        let kind = self.token().kind;
        kind.is_hard_keyword()
            || (kind.is_soft_keyword() && (self.keywords.has(kind) || self.is_keyword_of_version(kind)))
    }

    /// Whether the dialect itself makes a word a keyword.
    pub(super) fn is_keyword_of_version(&self, kind: Kind) -> bool {
        kind.is_hard_keyword()
            || (self.version == Version::V1 && matches!(kind, Kind::In | Kind::Every | Kind::Contains | Kind::If))
    }

    /// Whether `.` or `[` follows the token looked at without a space.
    pub(super) fn is_ref_head(&self) -> bool {
        let next = self.token_at(self.at + 1);
        !next.spaced && matches!(next.kind, Kind::Dot | Kind::OpenBracket)
    }

    /// Reads a keyword that `.` or `[` follows as an identifier: `not.x`.
    pub(super) fn keyword_as_ref_head(&mut self) -> bool {
        let found = self.is_ref_keyword() && self.is_ref_head();
        if found {
            self.ident_at = self.at;
        }
        found
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text.to_owned(),
    }
}
