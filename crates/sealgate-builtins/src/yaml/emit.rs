//! Writes a document as OPA's library does: in blocks, two spaces of indentation, lists flush with their keys, keys in a
//! natural order, plain scalars where they mean the same, long lines folded at 80 columns.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::scalar::{self, Scalar};
use crate::json;
use crate::registry::BuiltinError;
use crate::value::Value;

/// Bytes of YAML that are written.
const MAX_RESULT: usize = 16 << 20;
/// Columns after which a line is folded at a space.
const WIDTH: usize = 80;
const INDENT: usize = 2;
/// The longest key, in bytes, that is written without `? `.
const SIMPLE_KEY: usize = 128;
/// The longest key, in characters of JSON with its quotes, that OPA's library reads back: it goes by way of JSON.
const LONGEST_KEY: usize = 1024;

/// Writes a document that JSON can hold.
pub(super) fn emit(document: &Value) -> Result<String, BuiltinError> {
    let mut emitter = Emitter { out: String::new(), column: 0, indent: None, whitespace: true, indention: true };
    emitter.node(document, false)?;
    emitter.begin_line();
    Ok(emitter.out)
}

/// What has been written, and how the line stands.
struct Emitter {
    out: String,
    /// In characters.
    column: usize,
    /// `None` outside every collection.
    indent: Option<usize>,
    /// Whether the last character is a space, or an indicator that needs none behind it.
    whitespace: bool,
    /// Whether there is nothing but indentation and indicators on the line.
    indention: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    fn node(&mut self, value: &Value, in_mapping: bool) -> Result<(), BuiltinError> {
        if self.out.len() > MAX_RESULT {
            return Err(BuiltinError::Halt(format!("YAML of more than {MAX_RESULT} bytes")));
        }
        match value {
            Value::Null => self.scalar("null", Style::Plain, false),
            Value::Bool(value) => self.scalar(if *value { "true" } else { "false" }, Style::Plain, false),
            Value::Number(number) => self.scalar(&number_text(&number.to_string()), Style::Plain, false),
            Value::String(text) => {
                check(text)?;
                let text = folded_at_next_lines(text);
                self.scalar(&text, style(&text), false);
            }
            Value::Array(items) if items.is_empty() => self.flow_empty("[", "]"),
            Value::Object(entries) if entries.is_empty() => self.flow_empty("{", "}"),
            Value::Array(items) => {
                let outer = self.deeper(in_mapping && !self.indention);
                for item in items {
                    self.begin_line();
                    self.indicator("-", true, false, true);
                    self.node(item, false)?;
                }
                self.indent = outer;
            }
            Value::Object(entries) => self.mapping(entries.iter())?,
            Value::Set(_) => return Err(BuiltinError::Failed("a set is no JSON".to_owned())),
        }
        Ok(())
    }

    fn mapping<'a>(&mut self, entries: impl Iterator<Item = (&'a Value, &'a Value)>) -> Result<(), BuiltinError> {
        let mut entries: Vec<(&str, &Value)> =
            entries.filter_map(|(key, value)| key.as_str().map(|key| (key, value))).collect();
        entries.sort_by(|(a, _), (b, _)| natural(a, b));
        let outer = self.deeper(false);
        for (key, value) in entries {
            check(key)?;
            if json::marshal(&key.into()).chars().count() > LONGEST_KEY || key.contains('\u{85}') {
                return Err(failed("a key is too long or has several lines"));
            }
            self.begin_line();
            if key.len() <= SIMPLE_KEY && !key.contains(is_break) {
                self.scalar(key, style(key), true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, style(key), false);
                self.begin_line();
                self.indicator(":", true, false, true);
            }
            self.node(value, true)?;
        }
        self.indent = outer;
        Ok(())
    }

    /// Goes one level deeper, unless `flush`, and gives the level to return to.
    fn deeper(&mut self, flush: bool) -> Option<usize> {
        let outer = self.indent;
        self.indent = Some(match outer {
            None => 0,
            Some(indent) if flush => indent,
            Some(indent) => indent + INDENT,
        });
        outer
    }

    fn flow_empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn scalar(&mut self, text: &str, wanted: Style, simple_key: bool) {
        let looks = Looks::of(text);
        let mut style = wanted;
        if style == Style::Plain && !looks.plain {
            style = Style::Single;
        }
        if style == Style::Single && !looks.single {
            style = Style::Double;
        }
        if style == Style::Literal && (!looks.block || simple_key) {
            style = Style::Double;
        }
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        match style {
            Style::Plain => self.folded(text, "", !simple_key),
            Style::Single => self.folded(text, "'", !simple_key),
            Style::Double => self.double(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    /// A plain scalar (`quote` is empty) or one in single quotes.
    fn folded(&mut self, text: &str, quote: &str, may_fold: bool) {
        if quote.is_empty() {
            if !self.whitespace {
                self.put(' ');
            }
        } else {
            self.indicator(quote, true, false, false);
        }
        let (mut spaces, mut breaks) = (false, false);
        let last = text.chars().count().saturating_sub(1);
        let mut following = text.chars().skip(1);
        for (at, c) in text.chars().enumerate() {
            let next = following.next();
            if c == ' ' {
                let inside = quote.is_empty() || (at > 0 && at < last);
                if may_fold && !spaces && self.column > WIDTH && inside && next != Some(' ') {
                    self.begin_line();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                // Not a line feed: a text with one is no candidate for this style.
                self.put(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.begin_line();
                }
                if c == '\'' && !quote.is_empty() {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
        if !quote.is_empty() {
            self.indicator(quote, false, false, false);
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn double(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        let last = text.chars().count().saturating_sub(1);
        let mut following = text.chars().skip(1);
        for (at, c) in text.chars().enumerate() {
            let next = following.next();
            if !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if may_fold && !spaces && self.column > WIDTH && at > 0 && at < last {
                    self.begin_line();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = match u32::from(c) {
                    code @ ..=0xff => format!("\\x{code:02X}"),
                    code @ ..=0xffff => format!("\\u{code:04X}"),
                    code => format!("\\U{code:08X}"),
                };
                code.chars().for_each(|c| self.put(c));
                return;
            }
        };
        self.put('\\');
        self.put(short);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&INDENT.to_string(), false, false, false);
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, before) if before.is_none_or(is_break) => self.indicator("+", false, false, false),
            _ => {}
        }
        self.line_feed();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.put(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.begin_line();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    /// Begins a line, unless the last one has only indentation yet, and indents it.
    fn begin_line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_feed();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, apart: bool, whitespace: bool, indention: bool) {
        if apart && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = whitespace;
        self.indention &= indention;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn line_feed(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }
}

/// In which styles a text can be written.
struct Looks {
    plain: bool,
    single: bool,
    block: bool,
}

impl Looks {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { plain: true, single: true, block: false };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut breaks, mut special, mut break_space, mut space_break) = (false, false, false, false);
        let (mut after_space, mut after_break, mut after_white) = (false, false, true);
        let mut following = text.chars().skip(1);
        for (at, c) in text.chars().enumerate() {
            let before_white = following.next().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if at == 0 =>
                {
                    true
                }
                '?' | '-' if at == 0 => before_white,
                ':' => before_white,
                '#' => after_white,
                _ => false,
            };
            special |= !is_printable(c);
            breaks |= is_break(c);
            break_space |= c == ' ' && after_break;
            space_break |= is_break(c) && after_space;
            after_space = c == ' ';
            after_break = is_break(c);
            after_white = matches!(c, ' ' | '\t' | '\0') || is_break(c);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let ends_in_space = text.ends_with(' ');
        let loose = edge(text.chars().next()) || edge(text.chars().next_back());
        Self {
            plain: !(indicators || breaks || special || loose || break_space || space_break),
            single: !(special || break_space || space_break),
            block: !(special || space_break || ends_in_space),
        }
    }
}

/// The style for a string: plain unless that would be read as something else.
fn style(text: &str) -> Style {
    if text.contains('\n') {
        Style::Literal
    } else if scalar::resolve(text) == Scalar::Text && !crate::time::is_yaml_timestamp(text) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    }
}

/// Whether other readers would take the text for a number in base 60, such as `12:30`.
fn is_base_60(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = rest.split(':');
    let whole = parts.next().unwrap_or_default();
    let digits_or_gaps = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !whole.starts_with(|c: char| c.is_ascii_digit()) || !digits_or_gaps(whole) {
        return false;
    }
    let mut parts: Vec<&str> = parts.collect();
    if let Some((last, fraction)) = parts.last().and_then(|last| last.split_once('.')) {
        if !digits_or_gaps(fraction) {
            return false;
        }
        parts.pop();
        parts.push(last);
    }
    let sixtieth = |part: &&str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    };
    !parts.is_empty() && parts.iter().all(sixtieth)
}

/// A number's text, by way of the number that OPA's library makes of it.
fn number_text(text: &str) -> String {
    match scalar::resolve(text) {
        Scalar::Int(value) => value.to_string(),
        Scalar::Large(value) => value.to_string(),
        Scalar::Float(value) => scalar::shortest(&format!("{value:e}"), &format!("{value}")),
        Scalar::Null | Scalar::Bool(_) | Scalar::Text => text.to_owned(),
    }
}

/// Texts that OPA's library cannot read back from JSON, which it goes by way of.
fn check(text: &str) -> Result<(), BuiltinError> {
    let readable = |c: char| super::is_allowed(c) || c.is_ascii_control() && c != '\u{7f}';
    if text.chars().all(readable) { Ok(()) } else { Err(failed("control characters are not allowed")) }
}

/// A text as it is read back from JSON: YAML 1.1 takes the control character U+0085 for a line break and folds it.
fn folded_at_next_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{85}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\u{85}').peekable();
    let mut breaks = 0;
    let mut first = true;
    while let Some(line) = lines.next() {
        let line = if first { line } else { line.trim_start_matches(' ') };
        let line = if lines.peek().is_some() { line.trim_end_matches(' ') } else { line };
        if !first {
            breaks += 1;
        }
        first = false;
        if line.is_empty() && lines.peek().is_some() {
            continue;
        }
        match std::mem::take(&mut breaks) {
            0 => {}
            1 => out.push(' '),
            more => out.extend(std::iter::repeat_n('\n', more - 1)),
        }
        out.push_str(line);
    }
    Cow::Owned(out)
}

fn failed(problem: &str) -> BuiltinError {
    BuiltinError::Failed(format!("yaml: {problem}"))
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// The order of keys: letters behind everything else, numbers by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (rest_a, rest_b) = (a.get(at..).unwrap_or_default(), b.get(at..).unwrap_or_default());
    let (Some(first_a), Some(first_b)) = (rest_a.first(), rest_b.first()) else { return Ordering::Equal };
    match (first_a.is_alphabetic(), first_b.is_alphabetic()) {
        (true, true) => return first_a.cmp(first_b),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros count where digits that are not zero stand in front of them.
    let zero = *first_a == '0' || *first_b == '0';
    let before = a.get(..at).unwrap_or_default().iter().rev().take_while(|c| is_digit(**c));
    let start = i64::from(zero && before.into_iter().any(|c| *c != '0'));
    let number = |rest: &[char]| {
        let digits = rest.iter().take_while(|c| is_digit(**c));
        let value = digits.clone().fold(start, |value, c| {
            value.wrapping_mul(10).wrapping_add(i64::from(u32::from(*c)) - i64::from(u32::from('0')))
        });
        (value, digits.count())
    };
    number(rest_a).cmp(&number(rest_b)).then_with(|| first_a.cmp(first_b))
}

/// Digits of any script, of which only ASCII's are worth what they say; so in OPA's library.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}
