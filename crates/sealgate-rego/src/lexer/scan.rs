//! The scanner: one pass over the bytes.

use super::{Comment, Kind, LexError, Lexed, Token, unicode};

/// Splits a text into tokens. Never fails: what is wrong is listed in [`Lexed::errors`], and the token is
/// [`Kind::Illegal`]. The text must be shorter than 4 GiB.
pub(crate) fn lex(text: &str) -> Lexed {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 0,
        line_start: 0,
        templates: Vec::new(),
        open: Vec::new(),
        // A token of Rego takes four bytes on average.
        out: Lexed { tokens: Vec::with_capacity(text.len() / 4 + 1), comments: Vec::new(), errors: Vec::new() },
    };
    scanner.run();
    scanner.forbidden_characters();
    scanner.out
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u32,
    line_start: usize,
    /// The interpolated strings that the scanner is inside an expression of.
    templates: Vec<Template>,
    /// Indices of the opening brackets that nothing closed yet.
    open: Vec<u32>,
    out: Lexed,
}

struct Template {
    raw: bool,
    /// Braces open inside the expression.
    braces: u32,
}

impl Scanner<'_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        loop {
            let (spaced, newline) = self.space();
            let start = self.at;
            let Some(byte) = self.peek() else {
                self.push(Kind::Eof, start, spaced, newline);
                return;
            };
            let errors = self.out.errors.len();
            let mut kind = self.token(byte);
            if self.out.errors.len() > errors {
                kind = Kind::Illegal;
            }
            self.push(kind, start, spaced, newline);
            if kind == Kind::CloseBrace {
                self.close_brace();
            } else if kind == Kind::OpenBrace
                && let Some(template) = self.templates.last_mut()
            {
                template.braces += 1;
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn push(&mut self, kind: Kind, start: usize, spaced: bool, newline: bool) {
        let index = offset(self.out.tokens.len());
        let mut partner = u32::MAX;
        if kind.opens() {
            self.open.push(index);
        } else if kind.closes() {
            // A bracket of another shape is the parser's to report; pairs only steer where it looks ahead.
            if let Some(open) = self.open.pop() {
                partner = open;
                if let Some(token) = self.out.tokens.get_mut(open as usize) {
                    token.partner = index;
                }
            }
        }
        self.out.tokens.push(Token { kind, spaced, newline, start: offset(start), end: offset(self.at), partner });
    }

    /// A `}` that ends the expression of an interpolated string is followed by more of the string.
    fn close_brace(&mut self) {
        let Some(template) = self.templates.last_mut() else { return };
        if template.braces > 0 {
            template.braces -= 1;
            return;
        }
        let raw = template.raw;
        let start = self.at;
        let errors = self.out.errors.len();
        let mut kind = self.template(raw);
        if matches!(kind, Kind::TemplateEnd | Kind::RawTemplateEnd) {
            self.templates.pop();
        }
        if self.out.errors.len() > errors {
            kind = Kind::Illegal;
        }
        self.push(kind, start, false, false);
    }

    /// Steps over white space and comments; tells whether there was any, and whether a line ended.
    fn space(&mut self) -> (bool, bool) {
        let start = self.at;
        let line = self.line;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')),
                b'\n' => {
                    self.at += 1;
                    self.break_line();
                }
                b'#' => self.comment(),
                _ => break,
            }
        }
        (self.at > start, self.line > line)
    }

    /// Notes that a line starts here.
    fn break_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
    }

    fn comment(&mut self) {
        let start = self.at + 1;
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.at = start + length;
        // Only comments in the first column can be metadata.
        if start - 1 == self.line_start {
            let mut end = self.at;
            while end > start && self.bytes.get(end - 1) == Some(&b'\r') {
                end -= 1;
            }
            self.out.comments.push(Comment { start: offset(start), end: offset(end), line: self.line });
        }
    }

    fn token(&mut self, byte: u8) -> Kind {
        if byte.is_ascii_alphabetic() || byte == b'_' {
            return self.word();
        }
        if byte.is_ascii_digit() {
            return self.number();
        }
        self.at += 1;
        match byte {
            b'"' => self.text(),
            b'`' => self.raw_text(),
            b'$' => match self.peek() {
                Some(quote @ (b'"' | b'`')) => {
                    self.at += 1;
                    let raw = quote == b'`';
                    let kind = self.template(raw);
                    if matches!(kind, Kind::TemplatePart | Kind::RawTemplatePart) {
                        self.templates.push(Template { raw, braces: 0 });
                    }
                    kind
                }
                _ => self.error("illegal `$` character", self.at - 1),
            },
            b'[' => Kind::OpenBracket,
            b']' => Kind::CloseBracket,
            b'{' => Kind::OpenBrace,
            b'}' => Kind::CloseBrace,
            b'(' => Kind::OpenParen,
            b')' => Kind::CloseParen,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            b'.' => Kind::Dot,
            b'+' => Kind::Plus,
            b'-' => Kind::Minus,
            b'*' => Kind::Star,
            b'/' => Kind::Slash,
            b'%' => Kind::Percent,
            b'&' => Kind::Ampersand,
            b'|' => Kind::Pipe,
            b':' => self.then_equals(Kind::Assign, Kind::Colon),
            b'=' => self.then_equals(Kind::Equal, Kind::Unify),
            b'>' => self.then_equals(Kind::GreaterEqual, Kind::Greater),
            b'<' => self.then_equals(Kind::LessEqual, Kind::Less),
            b'!' => match self.then_equals(Kind::NotEqual, Kind::Illegal) {
                Kind::Illegal => self.error("illegal `!` character", self.at - 1),
                kind => kind,
            },
            _ => {
                let start = self.at - 1;
                while !self.text.is_char_boundary(self.at) {
                    self.at += 1;
                }
                self.error("illegal token", start)
            }
        }
    }

    fn then_equals(&mut self, with: Kind, without: Kind) -> Kind {
        if self.peek() == Some(b'=') {
            self.at += 1;
            with
        } else {
            without
        }
    }

    fn error(&mut self, message: &'static str, start: usize) -> Kind {
        let end = self.at.max(start);
        self.out.errors.push(LexError { message, start: offset(start), end: offset(end) });
        Kind::Illegal
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.skip_word();
        Kind::of_word(self.text.get(start..self.at).unwrap_or(""))
    }

    /// Steps over letters, `_` and digits of any script.
    fn skip_word(&mut self) {
        loop {
            self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if self.peek().is_none_or(|byte| byte.is_ascii()) {
                return;
            } else {
                match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
                    Some(character) if unicode::is_digit(character) => self.at += character.len_utf8(),
                    _ => return,
                }
            }
        }
    }

    fn number(&mut self) -> Kind {
        let start = self.at;
        self.skip_digits();
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.skip_digits() {
                self.error("expected fraction", start);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.skip_digits() {
                self.error("expected exponent", start);
            }
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            self.skip_word();
            self.error("illegal number format", start);
        }
        Kind::Number
    }

    fn skip_digits(&mut self) -> bool {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        self.at > start
    }

    fn skip_while(&mut self, is: impl Fn(u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len());
    }

    /// The rest of a `"` string.
    fn text(&mut self) -> Kind {
        let start = self.at - 1;
        loop {
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n'));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Kind::Text;
                }
                Some(b'\\') => self.escape(false),
                _ => return self.error("non-terminated string", start),
            }
        }
    }

    /// A backslash and what it escapes.
    fn escape(&mut self, template: bool) {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'\\' | b'"' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'{') if template => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or(&[]);
                self.at += 1 + digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    self.error("illegal escape sequence: `\\u` takes four hexadecimal digits", start);
                }
            }
            _ => {
                self.error("illegal escape sequence", start);
            }
        }
    }

    /// The rest of a `` ` `` string.
    fn raw_text(&mut self) -> Kind {
        let start = self.at - 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'`' => return Kind::RawText,
                b'\n' => self.break_line(),
                _ => {}
            }
        }
        self.error("non-terminated string", start)
    }

    /// The text of an interpolated string up to `{` or its end.
    fn template(&mut self, raw: bool) -> Kind {
        let start = self.at.saturating_sub(1);
        loop {
            match self.peek() {
                None => return self.end_template(raw, start),
                Some(b'\n') if !raw => return self.end_template(raw, start),
                Some(b'\n') => {
                    self.at += 1;
                    self.break_line();
                }
                Some(b'`') if raw => {
                    self.at += 1;
                    return Kind::RawTemplateEnd;
                }
                Some(b'"') if !raw => {
                    self.at += 1;
                    return Kind::TemplateEnd;
                }
                Some(b'{') => {
                    self.at += 1;
                    return if raw { Kind::RawTemplatePart } else { Kind::TemplatePart };
                }
                Some(b'\\') if !raw => self.escape(true),
                Some(b'\\') => {
                    self.at += 1;
                    if self.peek() == Some(b'{') {
                        self.at += 1;
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// An interpolated string that nothing ends.
    fn end_template(&mut self, raw: bool, start: usize) -> Kind {
        self.error("non-terminated string", start);
        if raw { Kind::RawTemplateEnd } else { Kind::TemplateEnd }
    }

    /// Null characters and byte-order marks are refused wherever they stand, in strings and comments too.
    fn forbidden_characters(&mut self) {
        let found = self.out.errors.len();
        for (start, _) in self.text.match_indices('\0') {
            let start = offset(start);
            self.out.errors.push(LexError { message: "illegal null character", start, end: start + 1 });
        }
        for (start, mark) in self.text.match_indices('\u{feff}').filter(|(start, _)| *start > 0) {
            let (start, end) = (offset(start), offset(start + mark.len()));
            self.out.errors.push(LexError { message: "illegal byte-order mark", start, end });
        }
        if self.out.errors.len() > found {
            self.out.errors.sort_by_key(|error| error.start);
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
