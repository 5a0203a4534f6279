//! A module's statements: `package`, `import`, rules, and going on after an error.

use sealgate_diagnostics::{Diagnostic, Span};

use super::{CODE, Keywords, MAX_ERRORS, Parser};
use crate::ast::{Import, Module, Name, Package, Term, TermKind, Version};
use crate::lexer::Kind;

/// What a statement of a module was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    Package,
    Import,
    /// Index of the first rule that it gave.
    Rule(usize),
}

/// What the statements of a module amount to so far.
pub(super) struct Draft {
    pub(super) module: Module,
    /// Each statement with its first byte.
    pub(super) statements: Vec<(u32, Statement)>,
    /// What v1 has against the rules; it counts once the dialect is known.
    pub(super) against_v1: Vec<Diagnostic>,
    has_package: bool,
}

impl Parser<'_> {
    /// The whole source as a module.
    pub(super) fn module(&mut self) -> Option<Module> {
        let package = Package { path: Vec::new(), span: self.span_here() };
        let module =
            Module { version: self.version, package, imports: Vec::new(), rules: Vec::new(), annotations: Vec::new() };
        let mut draft = Draft { module, statements: Vec::new(), against_v1: Vec::new(), has_package: false };
        if self.kind() == Kind::Eof {
            let found = Diagnostic::error(CODE, "empty module").at(self.span_here());
            self.error(found.help("a module starts with `package`"));
        }
        while self.fatal.is_none() && self.kind() != Kind::Eof && self.errors.len() < MAX_ERRORS {
            let before = self.at;
            if self.statement(&mut draft).is_none() && self.fatal.is_none() {
                self.recover(before);
            }
        }
        if draft.module.version == Version::V1 {
            self.errors.append(&mut draft.against_v1);
        }
        draft.module.annotations = self.annotations(&draft.statements);
        Some(draft.module)
    }

    fn statement(&mut self, draft: &mut Draft) -> Option<()> {
        let start = self.token().start;
        if self.kind() == Kind::Package && !self.is_ref_head() {
            let package = self.package()?;
            if draft.has_package {
                self.error_at(package.span, "unexpected package");
            } else if !draft.statements.is_empty() {
                self.error_at(package.span, "package expected at the start of the module");
            }
            draft.has_package = true;
            draft.module.package = package;
            draft.statements.push((start, Statement::Package));
            return Some(());
        }
        if !draft.has_package {
            let found = Diagnostic::error(CODE, "package expected").at(self.span_here());
            self.error(found.help("a module starts with `package`"));
            // Said once.
            draft.has_package = true;
        }
        if self.kind() == Kind::Import && !self.is_ref_head() {
            let import = self.import(draft)?;
            draft.module.imports.push(import);
            draft.statements.push((start, Statement::Import));
            return Some(());
        }
        let first = draft.module.rules.len();
        self.rules(draft)?;
        draft.statements.push((start, Statement::Rule(first)));
        Some(())
    }

    /// Goes to where the next statement seems to begin: a word at the start of a line.
    fn recover(&mut self, before: usize) {
        // An error at a lookahead must not skip the statement that begins there.
        if self.at == before || self.kind() == Kind::Illegal {
            self.advance();
        }
        while self.kind() != Kind::Eof {
            let token = self.token();
            let at_line_start = match (token.start as usize).checked_sub(1) {
                Some(previous) => self.text.as_bytes().get(previous) == Some(&b'\n'),
                None => true,
            };
            if at_line_start && token.newline && token.kind.is_word() {
                return;
            }
            self.advance();
        }
    }

    /// `package a.b["c"]`.
    fn package(&mut self) -> Option<Package> {
        let start = self.token().start;
        self.advance();
        let path = self.path()?;
        let path = match path {
            Term { kind: TermKind::Var(name), .. } => vec![name],
            Term { kind: TermKind::Ref(reference), .. } => match reference.head.kind {
                TermKind::Var(first) => self.segments(first, reference.path)?,
                _ => {
                    self.error_at(reference.head.span, "unexpected token: expecting var");
                    return None;
                }
            },
            other => {
                self.error_at(other.span, "a package's name must be a path: `a.b[\"c\"]`");
                return None;
            }
        };
        Some(Package { path, span: self.span_from(start) })
    }

    /// The path of a package or import: a term that begins with a word, keywords allowed.
    fn path(&mut self) -> Option<Term> {
        if self.kind() != Kind::Ident {
            if !self.is_ref_keyword() {
                self.unexpected("expected path");
                return None;
            }
            self.ident_at = self.at;
        }
        self.term()
    }

    /// A path's segments, which must be strings after the first.
    fn segments(&mut self, first: Name, path: Vec<Term>) -> Option<Vec<Name>> {
        let mut segments = vec![first];
        for term in path {
            match term.kind {
                TermKind::String(text) => segments.push(Name { text, span: term.span }),
                _ => {
                    self.error_at(term.span, "unexpected token: expecting string");
                    return None;
                }
            }
        }
        Some(segments)
    }

    /// `import data.a.b as c`.
    fn import(&mut self, draft: &mut Draft) -> Option<Import> {
        let start = self.token().start;
        self.advance();
        // No soft keyword is in force inside the path, nor at the token after it.
        let keywords = std::mem::take(&mut self.keywords);
        let path = self.path();
        self.keywords = keywords;
        if self.token().kind.is_soft_keyword() || self.token().kind == Kind::Not {
            self.ident_at = self.at;
        }
        let path = path?;
        let span = path.span;
        let path = match path {
            Term { kind: TermKind::Var(name), .. } => vec![name],
            Term { kind: TermKind::Ref(reference), .. } => match reference.head.kind {
                TermKind::Var(first) => self.segments(first, reference.path)?,
                _ => {
                    self.error_at(span, "unexpected import path");
                    return None;
                }
            },
            _ => {
                self.error_at(span, "expected path");
                return None;
            }
        };
        let root = path.first().map_or("", |name| name.text.as_str());
        if !matches!(root, "data" | "input" | "future" | "rego") {
            let message =
                format!("unexpected import path, must begin with one of: data, future, input, rego, got: `{root}`");
            let found = Diagnostic::error(CODE, message).at(span);
            self.error(found.help(format!("packages are below `data`: `import data.{root}`")));
            return None;
        }
        let alias = self.maybe_alias()?;
        let span = self.span_from(start);
        let import = Import { path, alias, span };
        self.check_import_name(&import)?;
        self.switch_keywords(&import, draft)?;
        Some(import)
    }

    fn maybe_alias(&mut self) -> Option<Option<Name>> {
        if !self.maybe(Kind::As) {
            return Some(None);
        }
        if self.kind() != Kind::Ident {
            self.unexpected("expected var");
            return None;
        }
        let alias = self.term()?;
        match alias.kind {
            TermKind::Var(name) if !super::term::is_root(&name) => Some(Some(name)),
            _ => {
                self.error_at(alias.span, "expected var");
                None
            }
        }
    }

    /// The name that an import without alias brings in must not be a keyword.
    fn check_import_name(&mut self, import: &Import) -> Option<()> {
        let is_future = import.path.first().is_some_and(|root| root.text == "future") && import.path.len() > 1;
        let Some(last) = import.path.last() else { return Some(()) };
        if import.alias.is_none() && !is_future && self.is_keyword_of_version(Kind::of_word(&last.text)) {
            let message = format!("unexpected import path, must not end with a keyword, got: `{}`", last.text);
            let found = Diagnostic::error(CODE, message).at(last.span);
            self.error(found.help("import a different path or use an alias: `… as name`"));
            return None;
        }
        Some(())
    }

    /// What `import rego.v1` and `import future.keywords…` switch on.
    fn switch_keywords(&mut self, import: &Import, draft: &mut Draft) -> Option<()> {
        let texts: Vec<&str> = import.path.iter().map(|name| name.text.as_str()).collect();
        let path = texts.as_slice();
        let span = import.span;
        match *path {
            ["rego", "v1"] => {
                if self.version == Version::V1 {
                    return Some(());
                }
                self.not_aliased(import, "rego", span)?;
                self.keywords.0 |= Keywords::V1.0;
                draft.module.version = Version::V1;
            }
            ["rego", ..] => {
                self.error_at(span, format!("invalid import `{}`, must be `rego.v1`", path.join(".")));
                return None;
            }
            ["future", "keywords", keyword] => {
                self.not_aliased(import, "future", span)?;
                let kind = Kind::of_word(keyword);
                if Keywords::bit(kind) == 0 {
                    let message = "unexpected keyword, must be one of [and contains every if in not or]";
                    self.error_at(span, message);
                    return None;
                }
                self.keywords.add(kind);
            }
            ["future", "keywords", ..] => {
                self.not_aliased(import, "future", span)?;
                self.keywords = Keywords(u8::MAX);
            }
            ["future", ..] => {
                self.error_at(span, "invalid import, must be `future.keywords`");
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn not_aliased(&mut self, import: &Import, root: &str, span: Span) -> Option<()> {
        if import.alias.is_some() {
            self.error_at(span, format!("`{root}` imports cannot be aliased"));
            return None;
        }
        Some(())
    }
}
