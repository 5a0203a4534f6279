//! Reads a glob.
//!
//! Takes its text and the delimiters, gives the [`Hir`] of the regular expression that means the same. It has no recursion;
//! length and depth are bounded as for regular expressions.

use alloc::vec::Vec;
use core::mem;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

use crate::builtins::regex::{MAX_DEPTH, MAX_PATTERN, SyntaxError};

/// Reads `pattern`.
pub(super) fn parse(pattern: &str, delimiters: &[char]) -> Result<Hir, SyntaxError> {
    if pattern.len() > MAX_PATTERN {
        return Err(SyntaxError::TooLarge);
    }
    // OPA's lexer takes NUL for the end and the replacement character for broken UTF-8.
    let pattern = pattern.split('\0').next().unwrap_or_default();
    if pattern.contains(char::REPLACEMENT_CHARACTER) {
        return Err(SyntaxError::Invalid);
    }
    let any = ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)]);
    let mut inner = any.clone();
    inner.difference(&ClassUnicode::new(delimiters.iter().map(|c| ClassUnicodeRange::new(*c, *c))));
    let mut parser =
        Parser { rest: pattern, any, inner, sequence: alloc::vec![Hir::look(Look::Start)], open: Vec::new() };
    parser.run()?;
    Ok(Hir::concat(parser.sequence))
}

struct Parser<'a> {
    rest: &'a str,
    /// What `**` goes over, and what `*` and `?` do.
    any: ClassUnicode,
    inner: ClassUnicode,
    sequence: Vec<Hir>,
    /// What came before each `{` that is open, and its alternatives so far.
    open: Vec<(Vec<Hir>, Vec<Hir>)>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), SyntaxError> {
        while let Some(next) = self.take() {
            match next {
                '*' if self.maybe('*') => self.push_many(self.any.clone()),
                '*' => self.push_many(self.inner.clone()),
                '?' => self.sequence.push(Hir::class(Class::Unicode(self.inner.clone()))),
                '[' => self.parse_range()?,
                '{' => {
                    if self.open.len() >= MAX_DEPTH {
                        return Err(SyntaxError::TooLarge);
                    }
                    self.open.push((mem::take(&mut self.sequence), Vec::new()));
                }
                ',' if !self.open.is_empty() => self.end_alternative(),
                '}' if !self.open.is_empty() => self.close(),
                '\\' => {
                    if let Some(escaped) = self.take() {
                        self.push_literal(escaped);
                    }
                }
                literal => self.push_literal(literal),
            }
        }
        // A brace may stay open.
        while !self.open.is_empty() {
            self.close();
        }
        self.sequence.push(Hir::look(Look::End));
        Ok(())
    }

    fn end_alternative(&mut self) {
        let sequence = mem::take(&mut self.sequence);
        if let Some((_, alternatives)) = self.open.last_mut() {
            alternatives.push(Hir::concat(sequence));
        }
    }

    fn close(&mut self) {
        self.end_alternative();
        if let Some((before, alternatives)) = self.open.pop() {
            self.sequence = before;
            self.sequence.push(Hir::alternation(alternatives));
        }
    }

    /// `[abc]`, `[!abc]`, `[a-z]` or `[!a-z]`, behind the bracket. A class has either one range or a list of characters.
    fn parse_range(&mut self) -> Result<(), SyntaxError> {
        let negated = self.maybe('!');
        let mut rest = self.rest.chars();
        let mut class = match (rest.next(), rest.next()) {
            (Some(low), Some('-')) => {
                let high = rest.next().ok_or(SyntaxError::Invalid)?;
                self.rest = rest.as_str();
                if high < low {
                    return Err(SyntaxError::Invalid);
                }
                ClassUnicode::new([ClassUnicodeRange::new(low, high)])
            }
            _ => self.parse_list()?,
        };
        if !self.maybe(']') {
            return Err(SyntaxError::Invalid);
        }
        if negated {
            class.negate();
        }
        self.sequence.push(Hir::class(Class::Unicode(class)));
        Ok(())
    }

    fn parse_list(&mut self) -> Result<ClassUnicode, SyntaxError> {
        let mut class = ClassUnicode::empty();
        let mut empty = true;
        while !self.rest.starts_with(']') {
            let next = self.take().ok_or(SyntaxError::Invalid)?;
            let character = if next == '\\' { self.take().ok_or(SyntaxError::Invalid)? } else { next };
            class.push(ClassUnicodeRange::new(character, character));
            empty = false;
        }
        if empty { Err(SyntaxError::Invalid) } else { Ok(class) }
    }

    fn push_many(&mut self, class: ClassUnicode) {
        let sub = Hir::class(Class::Unicode(class)).into();
        self.sequence.push(Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub }));
    }

    fn push_literal(&mut self, literal: char) {
        self.sequence.push(Hir::literal(literal.encode_utf8(&mut [0; 4]).as_bytes()));
    }

    fn maybe(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }
}
