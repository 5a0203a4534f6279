//! Globs to RE2 text.
//!
//! `*` is any run of characters but `/`, `**` any run at all, `?` one character but `/`, `[a-z]` and `[!a-z]` one
//! character of a class (never `/`), `{a,b}` either alternative; `\` takes the next character as it is.
//! In paths, `**/` may also stand for nothing and a trailing `/**` for the folder itself.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::ops::Range;
use std::str::{CharIndices, Chars};

use super::PatternError;

/// Says that a glob matches normalised paths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathRole;

/// The RE2 text of a glob, unanchored, for use where `.` also matches a line break.
pub(super) fn translate(source: &str, path: Option<PathRole>) -> Result<String, PatternError> {
    let mut translation =
        Translation { source, chars: source.char_indices().peekable(), out: String::new(), path: path.is_some() };
    let mut groups: Vec<usize> = Vec::new();
    while let Some((at, c)) = translation.chars.next() {
        match c {
            '*' => translation.star(at),
            '?' => translation.out.push_str("[^/]"),
            '[' => translation.class(at)?,
            '{' => {
                groups.push(at);
                translation.out.push_str("(?:");
            }
            ',' if !groups.is_empty() => translation.out.push('|'),
            '}' => {
                groups.pop().ok_or_else(|| error(at..at + 1, "`}` without `{`"))?;
                translation.out.push(')');
            }
            '\\' => {
                let (_, next) = translation.chars.next().ok_or_else(|| error(at..at + 1, "it ends with `\\`"))?;
                push_literal(&mut translation.out, next);
            }
            '/' if path.is_some() && source.get(at..) == Some("/**") => {
                translation.chars = "".char_indices().peekable();
                translation.out.push_str("(?:/.*)?");
            }
            _ => push_literal(&mut translation.out, c),
        }
    }
    match groups.pop() {
        Some(at) => Err(error(at..at + 1, "`{` is never closed")),
        None => Ok(translation.out),
    }
}

struct Translation<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    path: bool,
}

impl Translation<'_> {
    /// `*`, `**` or more stars, the first of them taken.
    fn star(&mut self, at: usize) {
        let mut stars = 1;
        while self.chars.next_if(|(_, c)| *c == '*').is_some() {
            stars += 1;
        }
        let begins = at == 0 || self.source.get(..at).is_some_and(|before| before.ends_with('/'));
        if stars == 1 {
            self.out.push_str("[^/]*");
        } else if self.path && begins && self.chars.next_if(|(_, c)| *c == '/').is_some() {
            self.out.push_str("(?:.*/)?");
        } else {
            self.out.push_str(".*");
        }
    }

    /// `[…]`, its bracket taken.
    fn class(&mut self, at: usize) -> Result<(), PatternError> {
        let unclosed = || error(at..at + 1, "`[` is never closed");
        let negated = self.chars.next_if(|(_, c)| *c == '!').is_some();
        self.out.push_str(if negated { "[^/" } else { "[" });
        let mut members = 0;
        loop {
            let (here, c) = self.chars.next().ok_or_else(unclosed)?;
            if c == ']' && members > 0 {
                self.out.push(']');
                return Ok(());
            }
            if c == ']' || (c == '^' && members == 0) {
                return Err(error(here..here + 1, "a class needs a character first; `[!…]` negates it"));
            }
            let low = self.class_member(c, at)?;
            let mut high = low;
            let mut rest = self.chars.clone();
            if rest.next().is_some_and(|(_, c)| c == '-') && rest.peek().is_some_and(|(_, c)| *c != ']') {
                self.chars = rest;
                let (_, c) = self.chars.next().ok_or_else(unclosed)?;
                high = self.class_member(c, at)?;
            }
            let end = self.chars.peek().map_or(self.source.len(), |(next, _)| *next);
            if high < low {
                return Err(error(here..end, "the range runs backwards"));
            }
            if (low..=high).contains(&'/') && !negated {
                return Err(error(here..end, "a class never matches `/`"));
            }
            let _ = write!(self.out, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high));
            members += 1;
        }
    }

    fn class_member(&mut self, c: char, class: usize) -> Result<char, PatternError> {
        if c != '\\' {
            return Ok(c);
        }
        self.chars.next().map(|(_, c)| c).ok_or_else(|| error(class..class + 1, "`[` is never closed"))
    }
}

/// The most globs that the alternatives of one may make.
const MAX_ALTERNATIVES: usize = 256;

/// What a glob may be, without `{…}`; `source` is a glob that [`translate`] takes, without `\`.
pub(super) fn alternatives(source: &str) -> Result<Vec<String>, PatternError> {
    expand(&mut source.chars(), false)
        .ok_or_else(|| error(0..source.len(), &format!("its alternatives make more than {MAX_ALTERNATIVES} globs")))
}

/// Reads a glob, or all of a `{…}` whose brace is taken; `None` for too many.
fn expand(chars: &mut Chars<'_>, nested: bool) -> Option<Vec<String>> {
    let mut before = Vec::new();
    let mut open = vec![String::new()];
    let push = |open: &mut Vec<String>, c: char| open.iter_mut().for_each(|one| one.push(c));
    while let Some(c) = chars.next() {
        match c {
            '{' => {
                let inner = expand(chars, true)?;
                if open.len() * inner.len() > MAX_ALTERNATIVES {
                    return None;
                }
                open = open.iter().flat_map(|start| inner.iter().map(move |end| format!("{start}{end}"))).collect();
            }
            ',' if nested => before.append(&mut std::mem::replace(&mut open, vec![String::new()])),
            '}' if nested => break,
            '[' => {
                push(&mut open, c);
                for c in chars.by_ref() {
                    push(&mut open, c);
                    if c == ']' {
                        break;
                    }
                }
            }
            _ => push(&mut open, c),
        }
    }
    before.append(&mut open);
    (before.len() <= MAX_ALTERNATIVES).then_some(before)
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, '/' | '_' | '-' | ',' | '"' | '\'' | ':' | '@' | '%' | '=' | '~' | ' ')
    {
        out.push('\\');
    }
    out.push(c);
}

fn error(range: Range<usize>, message: &str) -> PatternError {
    PatternError { range, message: message.to_owned() }
}
