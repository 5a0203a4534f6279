//! Reads RE2's syntax, as Go's `regexp` does: what is accepted, what it means and what is an error.
//!
//! Takes the text of a pattern, gives the [`Hir`] that `regex-automata` compiles. It does not use the parser of
//! `regex-syntax`, whose language differs (nested classes, `\<`, `(?x)`, Unicode's `\d` and `\s`) and whose code and tables
//! would be linked into every policy that has a regular expression. It has no recursion; pattern length and depth are
//! bounded.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use super::classes;

/// The longest pattern, in bytes.
pub(in crate::builtins) const MAX_PATTERN: usize = 64 << 10;
/// The deepest nesting of groups.
pub(in crate::builtins) const MAX_DEPTH: usize = 200;
/// The most copies that repetitions, nested ones multiplied, may make of what they repeat.
const MAX_REPEAT: u32 = 1000;

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtins) enum SyntaxError {
    /// It is not RE2's syntax.
    Invalid,
    /// It is longer or nested deeper than this parser takes.
    TooLarge,
}

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) hir: Hir,
    /// Names of the groups from 1 on.
    pub(super) groups: Vec<Option<Box<str>>>,
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Result<Pattern, SyntaxError> {
    if pattern.len() > MAX_PATTERN {
        return Err(SyntaxError::TooLarge);
    }
    let mut parser = Parser { rest: pattern, flags: Flags::default(), frames: Vec::new(), groups: Vec::new() };
    parser.frames.push(Frame::default());
    parser.run()
}

/// What `(?imsU)` switches.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// A group that is open; the pattern itself is the outermost.
#[derive(Debug, Default)]
struct Frame {
    alternatives: Vec<Hir>,
    sequence: Vec<Hir>,
    /// Flags to go back to behind the group.
    outer_flags: Flags,
    /// Number of the group, 0 for none.
    capture: u32,
}

struct Parser<'a> {
    rest: &'a str,
    flags: Flags,
    frames: Vec<Frame>,
    groups: Vec<Option<Box<str>>>,
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Pattern, SyntaxError> {
        let mut after_repetition = false;
        while let Some(next) = self.rest.chars().next() {
            let repetition = self.maybe_repetition()?;
            match repetition {
                Some(_) if after_repetition => return Err(SyntaxError::Invalid),
                Some(repetition) => self.repeat(repetition)?,
                None => self.parse_item(next)?,
            }
            after_repetition = repetition.is_some();
        }
        if self.frames.len() != 1 {
            return Err(SyntaxError::Invalid);
        }
        let frame = self.frames.pop().unwrap_or_default();
        Ok(Pattern { hir: finish(frame.alternatives, frame.sequence), groups: self.groups })
    }

    fn parse_item(&mut self, next: char) -> Result<(), SyntaxError> {
        self.bump(next);
        match next {
            '(' => self.open_group(),
            ')' => self.close_group(),
            '|' => {
                let frame = self.frame()?;
                let sequence = mem::take(&mut frame.sequence);
                frame.alternatives.push(Hir::concat(sequence));
                Ok(())
            }
            '^' => self.push(Hir::look(if self.flags.multi_line { Look::StartLF } else { Look::Start })),
            '$' => self.push(Hir::look(if self.flags.multi_line { Look::EndLF } else { Look::End })),
            '.' => {
                let class = if self.flags.dot_newline { classes::any() } else { classes::any_but_newline() };
                self.push(Hir::class(Class::Unicode(class)))
            }
            '[' => self.parse_class(),
            '\\' => self.parse_escape_item(),
            literal => self.push_literal(literal),
        }
    }

    // Groups.

    fn open_group(&mut self) -> Result<(), SyntaxError> {
        let flags = self.flags;
        let Some(inner) = self.rest.strip_prefix('?') else { return self.push_frame(flags, Some(None)) };
        for prefix in ["P<", "<"] {
            if let Some(named) = inner.strip_prefix(prefix) {
                let (name, rest) = named.split_once('>').ok_or(SyntaxError::Invalid)?;
                if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
                    return Err(SyntaxError::Invalid);
                }
                self.rest = rest;
                return self.push_frame(flags, Some(Some(name.into())));
            }
        }
        self.rest = inner;
        self.parse_flags()
    }

    /// The flags behind `(?`, up to `)`, or `:` which opens a group.
    fn parse_flags(&mut self) -> Result<(), SyntaxError> {
        let outer = self.flags;
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        loop {
            let next = self.take().ok_or(SyntaxError::Invalid)?;
            match next {
                'i' => flags.fold_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.swap_greed = on,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    if next == ':' {
                        self.push_frame(outer, None)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => return Err(SyntaxError::Invalid),
            }
            seen = true;
        }
    }

    fn push_frame(&mut self, outer_flags: Flags, capture: Option<Option<Box<str>>>) -> Result<(), SyntaxError> {
        if self.frames.len() > MAX_DEPTH {
            return Err(SyntaxError::TooLarge);
        }
        let mut frame = Frame { outer_flags, ..Frame::default() };
        if let Some(name) = capture {
            self.groups.push(name);
            frame.capture = u32::try_from(self.groups.len()).map_err(|_| SyntaxError::TooLarge)?;
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), SyntaxError> {
        if self.frames.len() < 2 {
            return Err(SyntaxError::Invalid);
        }
        let frame = self.frames.pop().unwrap_or_default();
        self.flags = frame.outer_flags;
        let inner = finish(frame.alternatives, frame.sequence);
        self.push(match frame.capture {
            0 => inner,
            // Without its name: the engine refuses a name that is used twice.
            index => Hir::capture(Capture { index, name: None, sub: Box::new(inner) }),
        })
    }

    // Repetitions.

    /// A repetition operator, taken; a `{` that does not start one is a literal.
    fn maybe_repetition(&mut self) -> Result<Option<(u32, Option<u32>, bool)>, SyntaxError> {
        let (min, max) = match self.rest.as_bytes().first() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => match read_counts(self.rest) {
                Some((min, max, rest)) => {
                    let most = max.unwrap_or(min);
                    if min > MAX_REPEAT || most > MAX_REPEAT || min > most {
                        return Err(SyntaxError::Invalid);
                    }
                    self.rest = rest;
                    return Ok(Some((min, max, self.maybe_lazy())));
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.bump('*');
        Ok(Some((min, max, self.maybe_lazy())))
    }

    /// Whether the operator just read is greedy.
    fn maybe_lazy(&mut self) -> bool {
        match self.rest.strip_prefix('?') {
            Some(rest) => {
                self.rest = rest;
                self.flags.swap_greed
            }
            None => !self.flags.swap_greed,
        }
    }

    fn repeat(&mut self, (min, max, greedy): (u32, Option<u32>, bool)) -> Result<(), SyntaxError> {
        let sub = self.frame()?.sequence.pop().ok_or(SyntaxError::Invalid)?;
        let repeated = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub) });
        if (min >= 2 || max.is_some_and(|max| max >= 2)) && !repeats_at_most(&repeated, MAX_REPEAT) {
            return Err(SyntaxError::Invalid);
        }
        self.push(repeated)
    }

    // Escapes and classes.

    fn parse_escape_item(&mut self) -> Result<(), SyntaxError> {
        let look = match self.rest.chars().next().ok_or(SyntaxError::Invalid)? {
            'A' => Look::Start,
            'z' => Look::End,
            'b' => Look::WordAscii,
            'B' => Look::WordAsciiNegate,
            'Q' => {
                let (literals, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                return literals.chars().skip(1).try_for_each(|literal| self.push_literal(literal));
            }
            _ => {
                if let Some(class) = self.maybe_class_escape()? {
                    return self.push(Hir::class(Class::Unicode(class)));
                }
                let literal = self.parse_escape()?;
                return self.push_literal(literal);
            }
        };
        self.take();
        self.push(Hir::look(look))
    }

    /// `\d`, `\pL`, `\P{Greek}` and their like, behind the backslash.
    fn maybe_class_escape(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let Some(kind) = self.rest.chars().next() else { return Ok(None) };
        let mut class = match kind {
            'd' | 'D' => classes::digit(),
            's' | 'S' => classes::space(),
            'w' | 'W' => classes::word(),
            'p' | 'P' => {
                self.take();
                return self.parse_unicode_class(kind == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.take();
        self.fold(&mut class)?;
        if kind.is_ascii_uppercase() {
            class.negate();
        }
        Ok(Some(class))
    }

    fn parse_unicode_class(&mut self, mut negated: bool) -> Result<ClassUnicode, SyntaxError> {
        let mut name = match self.rest.strip_prefix('{') {
            Some(braced) => {
                let (name, rest) = braced.split_once('}').ok_or(SyntaxError::Invalid)?;
                self.rest = rest;
                name
            }
            None => {
                let (name, rest) = split_first(self.rest).ok_or(SyntaxError::Invalid)?;
                self.rest = rest;
                name
            }
        };
        if let Some(positive) = name.strip_prefix('^') {
            name = positive;
            negated = !negated;
        }
        let mut class = classes::unicode(name).ok_or(SyntaxError::Invalid)?;
        self.fold(&mut class)?;
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// The character that an escape stands for, behind the backslash.
    fn parse_escape(&mut self) -> Result<char, SyntaxError> {
        let escaped = self.take().ok_or(SyntaxError::Invalid)?;
        let code = match escaped {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => return self.parse_hex(),
            // One digit but zero alone would be a reference back to a group.
            '1'..='7' if !matches!(self.rest.as_bytes().first(), Some(b'0'..=b'7')) => {
                return Err(SyntaxError::Invalid);
            }
            '0'..='7' => {
                let mut code = u32::from(escaped) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    self.take();
                    code = code * 8 + digit;
                }
                code
            }
            _ if escaped.is_ascii() && !escaped.is_ascii_alphanumeric() => return Ok(escaped),
            _ => return Err(SyntaxError::Invalid),
        };
        char::from_u32(code).ok_or(SyntaxError::Invalid)
    }

    /// `41` or `{10FFFF}`
    fn parse_hex(&mut self) -> Result<char, SyntaxError> {
        let digits = match self.rest.strip_prefix('{') {
            Some(braced) => {
                let (digits, rest) = braced.split_once('}').ok_or(SyntaxError::Invalid)?;
                self.rest = rest;
                digits
            }
            None => {
                let (digits, rest) = self.rest.split_at_checked(2).ok_or(SyntaxError::Invalid)?;
                self.rest = rest;
                digits
            }
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(SyntaxError::Invalid);
        }
        let significant = digits.trim_start_matches('0');
        let code = if significant.is_empty() { Ok(0) } else { u32::from_str_radix(significant, 16) };
        code.ok().and_then(char::from_u32).ok_or(SyntaxError::Invalid)
    }

    /// `[…]`, behind the bracket.
    fn parse_class(&mut self) -> Result<(), SyntaxError> {
        let mut class = ClassUnicode::empty();
        let negated = self.maybe("^");
        let mut first = true;
        // A bracket in the first place is a character.
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(part) = self.maybe_named_class()? {
                class.union(&part);
                continue;
            }
            if let Some(escape) = self.rest.strip_prefix('\\') {
                let before = mem::replace(&mut self.rest, escape);
                if let Some(part) = self.maybe_class_escape()? {
                    class.union(&part);
                    continue;
                }
                self.rest = before;
            }
            let low = self.parse_class_char()?;
            let mut high = low;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.bump('-');
                high = self.parse_class_char()?;
            }
            if high < low {
                return Err(SyntaxError::Invalid);
            }
            let mut range = ClassUnicode::new([ClassUnicodeRange::new(low, high)]);
            self.fold(&mut range)?;
            class.union(&range);
        }
        self.bump(']');
        if negated {
            class.negate();
        }
        self.push(Hir::class(Class::Unicode(class)))
    }

    /// `[:alpha:]` or `[:^alpha:]` within a class.
    fn maybe_named_class(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|named| named.split_once(":]")) else {
            return Ok(None);
        };
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let mut class = classes::posix(name).ok_or(SyntaxError::Invalid)?;
        self.fold(&mut class)?;
        if negated {
            class.negate();
        }
        self.rest = rest;
        Ok(Some(class))
    }

    fn parse_class_char(&mut self) -> Result<char, SyntaxError> {
        match self.take().ok_or(SyntaxError::Invalid)? {
            '\\' => self.parse_escape(),
            literal => Ok(literal),
        }
    }

    // Small parts.

    fn fold(&self, class: &mut ClassUnicode) -> Result<(), SyntaxError> {
        if self.flags.fold_case {
            class.try_case_fold_simple().map_err(|_| SyntaxError::TooLarge)?;
        }
        Ok(())
    }

    fn push_literal(&mut self, literal: char) -> Result<(), SyntaxError> {
        if !self.flags.fold_case {
            return self.push(Hir::literal(literal.encode_utf8(&mut [0; 4]).as_bytes()));
        }
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(literal, literal)]);
        self.fold(&mut class)?;
        self.push(Hir::class(Class::Unicode(class)))
    }

    fn push(&mut self, hir: Hir) -> Result<(), SyntaxError> {
        self.frame()?.sequence.push(hir);
        Ok(())
    }

    fn frame(&mut self) -> Result<&mut Frame, SyntaxError> {
        self.frames.last_mut().ok_or(SyntaxError::Invalid)
    }

    fn maybe(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.bump(next);
        Some(next)
    }

    /// Steps over a character that is known to be there.
    fn bump(&mut self, character: char) {
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or_default();
    }
}

fn finish(mut alternatives: Vec<Hir>, sequence: Vec<Hir>) -> Hir {
    alternatives.push(Hir::concat(sequence));
    Hir::alternation(alternatives)
}

fn split_first(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.chars().next()?.len_utf8())
}

/// `{2}`, `{2,}` or `{2,5}` and what follows it; `None` is anything else. Counts beyond the bound stay beyond it.
fn read_counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (counts, rest) = text.strip_prefix('{')?.split_once('}')?;
    let count = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        (plain && !leading_zero).then(|| digits.parse::<u32>().unwrap_or(u32::MAX))
    };
    Some(match counts.split_once(',') {
        None => (count(counts)?, Some(count(counts)?), rest),
        Some((min, "")) => (count(min)?, None, rest),
        Some((min, max)) => (count(min)?, Some(count(max)?), rest),
    })
}

/// Whether the repetitions in `hir` make at most `copies` of anything. The depth is bounded by that of groups.
fn repeats_at_most(hir: &Hir, copies: u32) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => match repetition.max.unwrap_or(repetition.min) {
            0 => repetition.max == Some(0) || repeats_at_most(&repetition.sub, copies),
            count if count > copies => false,
            count => repeats_at_most(&repetition.sub, copies.checked_div(count).unwrap_or(copies)),
        },
        HirKind::Capture(capture) => repeats_at_most(&capture.sub, copies),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(|part| repeats_at_most(part, copies)),
        _ => true,
    }
}
