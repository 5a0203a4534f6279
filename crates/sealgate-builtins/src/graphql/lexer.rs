//! The tokens of GraphQL text. Places and messages are as in OPA's lexer, its oddities included: a string's column is the
//! one after its quotes, and a block string stands on its last line.

use super::ast::Position;
use super::error::{Finding, quote};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Invalid,
    Eof,
    Bang,
    Dollar,
    Amp,
    ParenL,
    ParenR,
    Spread,
    Colon,
    Equals,
    At,
    BracketL,
    BracketR,
    BraceL,
    BraceR,
    Pipe,
    Name,
    Int,
    Float,
    String,
    BlockString,
    Comment,
}

impl Kind {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Invalid => "<Invalid>",
            Self::Eof => "<EOF>",
            Self::Bang => "!",
            Self::Dollar => "$",
            Self::Amp => "&",
            Self::ParenL => "(",
            Self::ParenR => ")",
            Self::Spread => "...",
            Self::Colon => ":",
            Self::Equals => "=",
            Self::At => "@",
            Self::BracketL => "[",
            Self::BracketR => "]",
            Self::BraceL => "{",
            Self::BraceR => "}",
            Self::Pipe => "|",
            Self::Name => "Name",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::String => "String",
            Self::BlockString => "BlockString",
            Self::Comment => "Comment",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) value: String,
    pub(super) position: Position,
    /// For an invalid token: why it is.
    pub(super) problem: Option<Finding>,
}

impl Token {
    /// As messages show it.
    pub(super) fn shown(&self) -> String {
        if self.value.is_empty() {
            self.kind.text().to_owned()
        } else {
            format!("{} {}", self.kind.text(), quote(&self.value))
        }
    }
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    prelude: bool,
    /// Where the token starts and where reading is, in bytes.
    start: usize,
    end: usize,
    /// The same in code points.
    start_runes: i64,
    end_runes: i64,
    line: i64,
    line_start_runes: i64,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, prelude: bool) -> Self {
        Self { text, prelude, start: 0, end: 0, start_runes: 0, end_runes: 0, line: 1, line_start_runes: 0 }
    }

    /// The next token; `Eof` at the end and ever after.
    pub(super) fn read(&mut self) -> Token {
        self.space();
        self.start = self.end;
        self.start_runes = self.end_runes;
        let Some(byte) = self.peek() else { return self.token(Kind::Eof, "") };
        self.advance(1, 1);
        match byte {
            b'!' => self.token(Kind::Bang, ""),
            b'$' => self.token(Kind::Dollar, ""),
            b'&' => self.token(Kind::Amp, ""),
            b'(' => self.token(Kind::ParenL, ""),
            b')' => self.token(Kind::ParenR, ""),
            b'.' if self.rest().starts_with("..") => {
                self.advance(2, 2);
                self.token(Kind::Spread, "")
            }
            b':' => self.token(Kind::Colon, ""),
            b'=' => self.token(Kind::Equals, ""),
            b'@' => self.token(Kind::At, ""),
            b'[' => self.token(Kind::BracketL, ""),
            b']' => self.token(Kind::BracketR, ""),
            b'{' => self.token(Kind::BraceL, ""),
            b'}' => self.token(Kind::BraceR, ""),
            b'|' => self.token(Kind::Pipe, ""),
            b'#' => self.comment(),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.accept_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                self.token(Kind::Name, self.slice())
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'"' if self.rest().starts_with("\"\"") => self.block_string(),
            b'"' => self.string(),
            other => self.unexpected(other),
        }
    }

    fn unexpected(&mut self, byte: u8) -> Token {
        self.end = self.end.saturating_sub(1);
        self.end_runes = self.end_runes.saturating_sub(1);
        let message = match byte {
            b'\'' => r#"Unexpected single quote character ('), did you mean to use a double quote (")?"#.to_owned(),
            0..0x20 => format!(r#"Cannot contain the invalid character "\u{byte:04x}""#),
            _ => format!(r#"Cannot parse the unexpected character "{}"."#, char::from(byte)),
        };
        self.invalid(message)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.end).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.end..).unwrap_or_default()
    }

    fn slice(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn advance(&mut self, bytes: usize, runes: i64) {
        self.end = self.end.saturating_add(bytes);
        self.end_runes = self.end_runes.saturating_add(runes);
    }

    /// Takes one whole code point.
    fn advance_char(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.advance(c.len_utf8(), 1);
        Some(c)
    }

    fn new_line(&mut self) {
        self.line = self.line.saturating_add(1);
        self.line_start_runes = self.end_runes;
    }

    fn column(&self, runes: i64) -> i64 {
        runes.saturating_sub(self.line_start_runes).saturating_add(1)
    }

    fn token(&self, kind: Kind, value: &str) -> Token {
        let position = Position { line: self.line, column: self.column(self.start_runes), prelude: self.prelude };
        Token { kind, value: value.to_owned(), position, problem: None }
    }

    fn invalid(&self, message: String) -> Token {
        let position = Position { line: self.line, column: self.column(self.end_runes), prelude: self.prelude };
        let problem = Some(Finding { message, position: Some(position) });
        Token { kind: Kind::Invalid, value: String::new(), position, problem }
    }

    fn space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\t' | b' ' | b',' => self.advance(1, 1),
                b'\n' => {
                    self.advance(1, 1);
                    self.new_line();
                }
                b'\r' => {
                    self.advance(1, 1);
                    self.new_line();
                    if self.peek() == Some(b'\n') {
                        self.advance(1, 1);
                    }
                }
                _ if self.rest().starts_with('\u{feff}') => self.advance(3, 1),
                _ => return,
            }
        }
    }

    fn comment(&mut self) -> Token {
        while self.rest().chars().next().is_some_and(|c| c > '\u{1f}' || c == '\t') {
            self.advance_char();
        }
        self.token(Kind::Comment, self.slice())
    }

    fn accept(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        if found {
            self.advance(1, 1);
        }
        found
    }

    /// How many bytes it took.
    fn accept_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let before = self.end;
        while self.peek().is_some_and(&wanted) {
            self.advance(1, 1);
        }
        self.end.saturating_sub(before)
    }

    fn number(&mut self) -> Token {
        self.end = self.start;
        self.end_runes = self.start_runes;
        let digit = |byte: u8| byte.is_ascii_digit();
        self.accept(b"-");
        if self.accept(b"0") {
            if self.peek().is_some_and(digit) {
                return self.invalid(format!("Invalid number, unexpected digit after 0: {}.", self.next_shown()));
            }
        } else if self.accept_while(digit) == 0 {
            return self.no_digit();
        }
        let mut float = false;
        if self.accept(b".") {
            float = true;
            if self.accept_while(digit) == 0 {
                return self.no_digit();
            }
        }
        if self.accept(b"eE") {
            float = true;
            self.accept(b"-+");
            if self.accept_while(digit) == 0 {
                return self.no_digit();
            }
        }
        self.token(if float { Kind::Float } else { Kind::Int }, self.slice())
    }

    fn no_digit(&self) -> Token {
        self.invalid(format!("Invalid number, expected digit but got: {}.", self.next_shown()))
    }

    fn next_shown(&self) -> String {
        self.peek().map_or_else(|| "<EOF>".to_owned(), |byte| format!("\"{}\"", char::from(byte)))
    }

    fn string(&mut self) -> Token {
        self.start = self.start.saturating_add(1);
        self.start_runes = self.start_runes.saturating_add(1);
        let mut value = String::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => break,
                b'"' => {
                    let token = self.token(Kind::String, &value);
                    self.advance(1, 1);
                    return token;
                }
                b'\\' => match self.escape() {
                    Ok(c) => value.push(c),
                    Err(token) => return *token,
                },
                0..0x20 if byte != b'\t' => {
                    return self.invalid(format!(r#"Invalid character within String: "\u{byte:04x}"."#));
                }
                _ => value.extend(self.advance_char()),
            }
        }
        self.invalid("Unterminated string.".to_owned())
    }

    fn escape(&mut self) -> Result<char, Box<Token>> {
        let escape = self.text.as_bytes().get(self.end.saturating_add(1)).copied();
        let plain = match escape {
            Some(c @ (b'"' | b'/' | b'\\')) => Some(char::from(c)),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            _ => None,
        };
        if let Some(c) = plain {
            self.advance(2, 2);
            return Ok(c);
        }
        let backslash = self.end;
        self.advance(1, 1);
        let bytes =
            |from: usize, to: usize| self.text.as_bytes().get(from..to.min(self.text.len())).unwrap_or_default();
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let refuse =
            |what: String| Err(Box::new(self.invalid(format!("Invalid character escape sequence: \\{what}."))));
        let Some(escape) = escape else {
            return Err(Box::new(self.invalid("Invalid character escape sequence.".to_owned())));
        };
        if escape != b'u' {
            return refuse(char::from(escape).to_string());
        }
        if backslash.saturating_add(6) >= self.text.len() {
            return refuse(lossy(bytes(self.end, self.text.len())));
        }
        let digits = bytes(backslash.saturating_add(2), backslash.saturating_add(6));
        let code = digits.iter().try_fold(0_u32, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?));
        let Some(code) = code else { return refuse(lossy(bytes(self.end, self.end.saturating_add(5)))) };
        self.advance(5, 5);
        // Half of a surrogate pair is no character.
        Ok(char::from_u32(code).unwrap_or('\u{fffd}'))
    }

    fn block_string(&mut self) -> Token {
        self.start = self.start.saturating_add(3);
        self.start_runes = self.start_runes.saturating_add(3);
        self.advance(2, 2);
        let mut raw = String::new();
        while let Some(byte) = self.peek() {
            if byte == b'"' {
                let quotes = self.rest().bytes().take_while(|byte| *byte == b'"').count();
                // The last three close it.
                if let Some(extra) = quotes.checked_sub(3) {
                    raw.extend(std::iter::repeat_n('"', extra));
                    let token = self.token(Kind::BlockString, &block_value(&raw));
                    self.advance(quotes, i64::try_from(quotes).unwrap_or(i64::MAX));
                    return token;
                }
            }
            if byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') {
                return self.invalid(format!(r#"Invalid character within String: "\u{byte:04x}"."#));
            }
            if self.rest().starts_with("\\\"\"\"") {
                raw.push_str("\"\"\"");
                self.advance(4, 4);
            } else if byte == b'\r' {
                if self.rest().starts_with("\r\n") {
                    self.advance(1, 1);
                }
                raw.push('\n');
                self.advance(1, 1);
                self.new_line();
            } else {
                raw.extend(self.advance_char());
                if byte == b'\n' {
                    self.new_line();
                }
            }
        }
        self.invalid("Unterminated string.".to_owned())
    }
}

/// The value of a block string: without the indentation that all lines share, and without blank lines around.
fn block_value(raw: &str) -> String {
    let mut lines: Vec<&str> = raw.split('\n').collect();
    let indent = |line: &str| line.find(|c| c != ' ' && c != '\t');
    if let Some(common) = lines.iter().filter_map(|line| indent(line)).min() {
        // The first line follows the quotes and keeps its own.
        for line in lines.iter_mut().skip(1) {
            *line = line.get(common..).unwrap_or_default();
        }
    }
    let blank = |line: &&str| indent(line).is_none();
    let start = lines.iter().take_while(|line| blank(line)).count();
    let end = lines.len().saturating_sub(lines.iter().rev().take_while(|line| blank(line)).count());
    lines.get(start..end).unwrap_or_default().join("\n")
}
