//! A template's text as tokens.

use super::{TemplateError, wrong};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Text outside actions.
    Text(String),
    /// `{{` and `}}`, with their trim markers.
    Open,
    Close,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// A string, quoted or raw.
    Str(String),
    /// `'a'`
    Rune(char),
    Number(String),
    Bool(bool),
    Nil,
    Dot,
    /// `.name`, without the dot.
    Field(String),
    /// `$` or `$name`.
    Variable(String),
    Identifier(String),
    Keyword(Keyword),
    /// Any other character.
    Char(char),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Cuts a template into tokens; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer { rest: text, tokens: Vec::new() };
    while let Some((before, after)) = lexer.rest.split_once("{{") {
        let trims = trim_marker(after).is_some();
        let shown = if trims { before.trim_end_matches(SPACES) } else { before };
        if !shown.is_empty() {
            lexer.tokens.push(Token::Text(shown.to_owned()));
        }
        lexer.rest = trim_marker(after).unwrap_or(after);
        if let Some(comment) = lexer.rest.strip_prefix("/*") {
            let (_, after) = comment.split_once("*/").ok_or_else(|| wrong("unclosed comment"))?;
            lexer.rest = after;
            if !lexer.close() {
                return Err(wrong("comment ends before closing delimiter"));
            }
        } else {
            lexer.tokens.push(Token::Open);
            lexer.action()?;
        }
    }
    if !lexer.rest.is_empty() {
        lexer.tokens.push(Token::Text(lexer.rest.to_owned()));
    }
    lexer.tokens.push(Token::End);
    Ok(lexer.tokens)
}

/// What follows `- ` after `{{`.
fn trim_marker(text: &str) -> Option<&str> {
    text.strip_prefix('-').filter(|rest| rest.starts_with(SPACES)).and_then(|rest| rest.get(1..))
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn action(&mut self) -> Result<(), TemplateError> {
        let mut parens = 0_usize;
        loop {
            if self.closes().is_some() {
                if parens > 0 {
                    return Err(wrong("unclosed left paren"));
                }
                self.close();
                self.tokens.push(Token::Close);
                return Ok(());
            }
            let Some(c) = self.rest.chars().next() else { return Err(wrong("unclosed action")) };
            let token = match c {
                c if SPACES.contains(&c) => {
                    self.spaces();
                    continue;
                }
                '=' => self.one(Token::Assign),
                '|' => self.one(Token::Pipe),
                ':' => {
                    self.rest = self.rest.strip_prefix(":=").ok_or_else(|| wrong("expected :="))?;
                    Token::Declare
                }
                '(' => {
                    parens += 1;
                    self.one(Token::LeftParen)
                }
                ')' => {
                    parens = parens.checked_sub(1).ok_or_else(|| wrong("unexpected right paren"))?;
                    self.one(Token::RightParen)
                }
                '"' => self.quoted('"').and_then(unquote).map(Token::Str)?,
                '`' => {
                    let (raw, after) = self
                        .rest
                        .strip_prefix('`')
                        .and_then(|rest| rest.split_once('`'))
                        .ok_or_else(|| wrong("unterminated raw quoted string"))?;
                    self.rest = after;
                    Token::Str(raw.replace('\r', ""))
                }
                '\'' => self.quoted('\'').and_then(rune).map(Token::Rune)?,
                '$' => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    let name = self.word()?;
                    Token::Variable(format!("${name}"))
                }
                '.' if !self.rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    match self.word()? {
                        "" => Token::Dot,
                        name => Token::Field(name.to_owned()),
                    }
                }
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                c if is_word(c) => word(self.word()?),
                ' '..='~' => self.one(Token::Char(c)),
                _ => return Err(wrong(format!("unrecognized character in action: {c:?}"))),
            };
            self.tokens.push(token);
        }
    }

    fn one(&mut self, token: Token) -> Token {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
        token
    }

    /// What follows the action's end, if it is here; the second part says whether spaces behind it go.
    fn closes(&self) -> Option<(&'a str, bool)> {
        let trimming = self.rest.strip_prefix(SPACES).and_then(|rest| rest.strip_prefix("-}}"));
        match trimming {
            Some(after) => Some((after, true)),
            None => self.rest.strip_prefix("}}").map(|after| (after, false)),
        }
    }

    fn close(&mut self) -> bool {
        let Some((after, trims)) = self.closes() else { return false };
        self.rest = if trims { after.trim_start_matches(SPACES) } else { after };
        true
    }

    fn spaces(&mut self) {
        // The last space may belong to a trim marker.
        while self.rest.starts_with(SPACES) && self.closes().is_none() {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        self.tokens.push(Token::Space);
    }

    /// A word, which may be empty, and must end where words may.
    fn word(&mut self) -> Result<&'a str, TemplateError> {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        let ends = match rest.chars().next() {
            None => true,
            Some(c) => SPACES.contains(&c) || ".,|:)(".contains(c) || rest.starts_with("}}"),
        };
        self.rest = rest;
        if ends { Ok(word) } else { Err(wrong(format!("bad character after {word:?}"))) }
    }

    /// What stands between two marks; a backslash takes the next character with it.
    fn quoted(&mut self, mark: char) -> Result<&'a str, TemplateError> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == mark => {
                    self.rest = inner.get(at + 1..).unwrap_or_default();
                    return Ok(inner.get(..at).unwrap_or_default());
                }
                _ => {}
            }
        }
        Err(wrong("unterminated quoted string"))
    }

    fn number(&mut self) -> Result<Token, TemplateError> {
        let text = self.rest;
        let mut at = text.find(|c| !matches!(c, '+' | '-')).unwrap_or(0).min(1);
        let run = |at: usize, digits: &str| {
            let rest = text.get(at..).unwrap_or_default();
            at + rest.find(|c| !digits.contains(c)).unwrap_or(rest.len())
        };
        let is =
            |at: usize, set: &str| text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(|c| set.contains(c));
        let mut digits = "0123456789_";
        if is(at, "0") {
            at += 1;
            for (marks, of_base) in [("xX", "0123456789abcdefABCDEF_"), ("oO", "01234567_"), ("bB", "01_")] {
                if is(at, marks) {
                    at += 1;
                    digits = of_base;
                    break;
                }
            }
        }
        at = run(at, digits);
        if is(at, ".") {
            at = run(at + 1, digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if is(at, exponent) {
            at += 1;
            if is(at, "+-") {
                at += 1;
            }
            at = run(at, "0123456789_");
        }
        let (number, rest) = text.split_at_checked(at).unwrap_or_default();
        if rest.starts_with(|c| is_word(c) || matches!(c, '+' | '-')) {
            return Err(wrong(format!("bad number syntax: {number:?}")));
        }
        self.rest = rest;
        Ok(Token::Number(number.to_owned()))
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word(word: &str) -> Token {
    let keyword = match word {
        "true" => return Token::Bool(true),
        "false" => return Token::Bool(false),
        "nil" => return Token::Nil,
        "block" => Keyword::Block,
        "break" => Keyword::Break,
        "continue" => Keyword::Continue,
        "define" => Keyword::Define,
        "else" => Keyword::Else,
        "end" => Keyword::End,
        "if" => Keyword::If,
        "range" => Keyword::Range,
        "template" => Keyword::Template,
        "with" => Keyword::With,
        _ => return Token::Identifier(word.to_owned()),
    };
    Token::Keyword(keyword)
}

/// The text of a Go string literal, given what stands between its marks.
fn unquote(literal: &str) -> Result<String, TemplateError> {
    let mut bytes = Vec::with_capacity(literal.len());
    let mut rest = literal;
    while !rest.is_empty() {
        match unquote_one(&mut rest, '"')? {
            Piece::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn rune(literal: &str) -> Result<char, TemplateError> {
    let mut rest = literal;
    let piece = unquote_one(&mut rest, '\'')?;
    match piece {
        _ if !rest.is_empty() => Err(wrong("malformed character constant")),
        Piece::Char(c) => Ok(c),
        Piece::Byte(byte) => Ok(char::from(byte)),
    }
}

enum Piece {
    Char(char),
    Byte(u8),
}

fn unquote_one(rest: &mut &str, mark: char) -> Result<Piece, TemplateError> {
    let bad = || wrong("invalid syntax");
    let mut chars = rest.chars();
    let c = chars.next().ok_or_else(bad)?;
    if c != '\\' {
        *rest = chars.as_str();
        return if c == mark { Err(bad()) } else { Ok(Piece::Char(c)) };
    }
    let kind = chars.next().ok_or_else(bad)?;
    let mut code = |digits: usize, radix: u32, first: Option<char>| {
        let mut value = first.and_then(|c| c.to_digit(radix)).unwrap_or(0);
        for _ in 0..digits {
            value = value * radix + chars.next()?.to_digit(radix)?;
        }
        Some(value)
    };
    let piece = match kind {
        'a' => Piece::Char('\u{7}'),
        'b' => Piece::Char('\u{8}'),
        'f' => Piece::Char('\u{c}'),
        'n' => Piece::Char('\n'),
        'r' => Piece::Char('\r'),
        't' => Piece::Char('\t'),
        'v' => Piece::Char('\u{b}'),
        '\\' => Piece::Char('\\'),
        c if c == mark => Piece::Char(c),
        'x' => Piece::Byte(code(2, 16, None).and_then(|code| u8::try_from(code).ok()).ok_or_else(bad)?),
        '0'..='7' => Piece::Byte(code(2, 8, Some(kind)).and_then(|code| u8::try_from(code).ok()).ok_or_else(bad)?),
        'u' => Piece::Char(code(4, 16, None).and_then(char::from_u32).ok_or_else(bad)?),
        'U' => {
            let (high, low) = (code(4, 16, None).ok_or_else(bad)?, code(4, 16, None).ok_or_else(bad)?);
            Piece::Char(char::from_u32(high << 16 | low).ok_or_else(bad)?)
        }
        _ => return Err(bad()),
    };
    *rest = chars.as_str();
    Ok(piece)
}
