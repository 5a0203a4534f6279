//! Tokens to [`Module`]: takes one source, gives its syntax tree or everything that is wrong with it.
//!
//! The grammar is that of OPA 1.20, Rego v1 and v0, with its ambiguities decided as OPA decides them: where two
//! readings are possible the parser tries one and falls back to the other, and remembers what failed, so that the work
//! stays linear in the text for a given nesting. Nothing is resolved or checked here beyond what the grammar says.

mod annotations;
mod body;
mod collection;
mod cursor;
mod default;
mod head;
mod infix;
mod literal;
mod logical;
mod rule;
mod statement;
mod term;
#[cfg(test)]
mod tests;

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Diagnostics, SourceId, Sources};

use crate::ast::{Body, Module, Term, Version};
use crate::lexer::{self, Kind, Lexed};

/// Largest text that is parsed, in bytes.
pub const MAX_SOURCE: usize = 64 << 20;
/// How deeply terms and bodies may nest; operators in a row nest to the left.
pub const MAX_DEPTH: usize = 256;
/// Most operands of a reference: what nests more deeply is no JSON for a policy. Code for each operand lies within that for the
/// one before, and takes time to compile.
pub const MAX_OPERANDS: usize = 1_000;
/// Longest number literal, in bytes.
pub const MAX_NUMBER: usize = 4096;
/// After so many errors the rest of a source is not looked at.
const MAX_ERRORS: usize = 20;
/// The code of every error that this stage reports.
const CODE: &str = "rego_parse_error";

/// How a source is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// The dialect; a v0 module that imports `rego.v1` is read as such all the same.
    pub version: Version,
}

/// Parses one source as a module.
///
/// # Errors
/// Every syntax error found, in source order, with the code `rego_parse_error`. The parser goes on after an error at
/// the next statement, and stops after 20 of them.
pub fn parse_module(sources: &Sources, id: SourceId, options: ParseOptions) -> Result<Module, Diagnostics> {
    with_parser(sources, id, options, |parser| parser.module())
}

/// Parses one source as a query, that is as a rule's body without its braces: `data.a.b = x; x > 1`.
///
/// # Errors
/// As [`parse_module`].
pub fn parse_query(sources: &Sources, id: SourceId, options: ParseOptions) -> Result<Body, Diagnostics> {
    with_parser(sources, id, options, |parser| {
        let mut body = Vec::new();
        while parser.kind() != Kind::Eof {
            body.extend(parser.query(true, Kind::Eof)?);
        }
        if body.is_empty() {
            parser.error_here("found empty body");
            return None;
        }
        Some(body)
    })
}

/// Parses one source as a single term: `{"a", 1}`.
///
/// # Errors
/// As [`parse_module`].
pub fn parse_term(sources: &Sources, id: SourceId, options: ParseOptions) -> Result<Term, Diagnostics> {
    with_parser(sources, id, options, |parser| {
        let term = parser.infix(true)?;
        if parser.kind() != Kind::Eof {
            parser.unexpected("expected one term");
            return None;
        }
        Some(term)
    })
}

fn with_parser<T>(
    sources: &Sources,
    id: SourceId,
    options: ParseOptions,
    parse: impl FnOnce(&mut Parser<'_>) -> Option<T>,
) -> Result<T, Diagnostics> {
    let Some(source) = sources.get(id) else {
        return Err(Diagnostic::error(CODE, "no such source").into());
    };
    if source.text().len() > MAX_SOURCE {
        let message = format!("the source is {} bytes long, more than {MAX_SOURCE}", source.text().len());
        return Err(Diagnostic::error(CODE, message).help("split the module").into());
    }
    let lexed = lexer::lex(source.text());
    let mut parser = Parser::new(id, source.text(), &lexed, options);
    let parsed = parse(&mut parser);
    parser.finish(parsed)
}

/// The keywords in force that imports or the dialect switch on, a bit each.
#[derive(Clone, Copy, Default)]
struct Keywords(u8);

impl Keywords {
    /// Those of v1.
    const V1: Self = Self(1 << 0 | 1 << 1 | 1 << 2 | 1 << 3);

    fn bit(kind: Kind) -> u8 {
        match kind {
            Kind::In => 1 << 0,
            Kind::Every => 1 << 1,
            Kind::Contains => 1 << 2,
            Kind::If => 1 << 3,
            Kind::And => 1 << 4,
            Kind::Or => 1 << 5,
            // `not` is a keyword always; the import gives it bodies.
            Kind::Not => 1 << 6,
            _ => 0,
        }
    }

    fn has(self, kind: Kind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    fn add(&mut self, kind: Kind) {
        self.0 |= Self::bit(kind);
        if kind == Kind::Every {
            self.add(Kind::In);
        }
    }
}

struct Parser<'t> {
    source: SourceId,
    text: &'t str,
    lexed: &'t Lexed,
    /// Index of the token looked at.
    at: usize,
    /// Index of a keyword that is read as an identifier, as in `not.x`.
    ident_at: usize,
    keywords: Keywords,
    version: Version,
    depth: usize,
    /// Height of the tree parsed last.
    height: usize,
    errors: Vec<Diagnostic>,
    /// An error that no fallback may hide.
    fatal: Option<Diagnostic>,
    /// Tokens looked at so far, repeats included, and how many may be.
    steps: usize,
    max_steps: usize,
    /// Brackets known not to open a comprehension.
    not_comprehension: HashSet<usize>,
    /// Parentheses known not to group `and` and `or`.
    not_group: HashSet<usize>,
}
