//! Scalars: what their text means under YAML's core schema, and where each byte of it was written.

use granit_parser::ScalarStyle;
use sealgate_diagnostics::Span;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: the only style that can be anything but text.
    Plain,
    Single,
    Double,
    Block,
}

/// A scalar with its place.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// The text after decoding.
    pub(crate) text: String,
    pub(crate) style: Style,
    tagged_string: bool,
    /// The whole scalar as written, quotes included.
    pub(crate) span: Span,
    map: Map,
}

/// Where decoded bytes were written.
#[derive(Clone, Debug)]
enum Map {
    /// Byte for byte, from this offset.
    Straight(u32),
    /// One source offset per decoded byte, and one for the end.
    Table(std::sync::Arc<[u32]>),
}

/// What an untyped scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    /// A number as JSON writes it.
    Number,
    /// A number that JSON cannot write, or that YAML 1.1 and 1.2 read differently.
    OddNumber,
    Text,
}

impl Resolved {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number | Self::OddNumber => "a number",
            Self::Text => "text",
        }
    }
}

impl Scalar {
    pub(crate) fn new(text: String, style: ScalarStyle, tagged_string: bool, span: Span, source: &str) -> Self {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        let map = Map::new(&text, style, span, source);
        Self { text, style, tagged_string, span, map }
    }

    /// Whether it is YAML's sign that what follows is to be merged.
    pub(crate) fn is_merge(&self) -> bool {
        self.style == Style::Plain && !self.tagged_string && self.text == "<<"
    }

    /// What the scalar is under the core schema.
    pub(crate) fn resolve(&self) -> Resolved {
        if self.style != Style::Plain || self.tagged_string {
            return Resolved::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
            "true" | "True" | "TRUE" => Resolved::Bool(true),
            "false" | "False" | "FALSE" => Resolved::Bool(false),
            text => resolve_number(text),
        }
    }

    /// Where the bytes `range` of the decoded text were written.
    pub(crate) fn span_of(&self, range: std::ops::Range<usize>) -> Span {
        let at = |offset: usize| match &self.map {
            Map::Straight(start) => start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)),
            Map::Table(table) => table.get(offset).copied().unwrap_or(self.span.end),
        };
        let (start, end) = (at(range.start), at(range.end));
        Span { source: self.span.source, start, end: end.max(start) }
    }
}

fn resolve_number(text: &str) -> Resolved {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Resolved::Text;
    }
    if is_json_number(text) {
        return Resolved::Number;
    }
    let radix = unsigned.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
        || unsigned.strip_prefix("0o").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let special = matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    let loose = {
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && digits(exponent)
    };
    if radix || special || loose { Resolved::OddNumber } else { Resolved::Text }
}

/// Whether `text` is a number in JSON's grammar.
pub(crate) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

impl Map {
    fn new(text: &str, style: Style, span: Span, source: &str) -> Self {
        let quote = u32::from(matches!(style, Style::Single | Style::Double));
        let inner = (span.start + quote) as usize..span.end.saturating_sub(quote) as usize;
        if source.get(inner) == Some(text) {
            return Self::Straight(span.start + quote);
        }
        Self::Table(trace(text, style, span, quote, source).into())
    }
}

/// Walks the decoded text and the source side by side: equal characters pair up, white space pairs with white space
/// (YAML folds it), an escape pairs with the character that it stands for.
fn trace(text: &str, style: Style, span: Span, quote: u32, source: &str) -> Vec<u32> {
    let mut at = (span.start + quote) as usize;
    let end = span.end.saturating_sub(quote) as usize;
    if style == Style::Block {
        // The header (`|`, `>-` and the like) ends with its line.
        let header = source.get(at..end).filter(|rest| rest.starts_with(['|', '>']));
        at += header.and_then(|rest| rest.find('\n')).map_or(0, |newline| newline + 1);
    }
    let peek = |at: usize| source.get(at..end).and_then(|rest| rest.chars().next());
    let mut offsets = Vec::with_capacity(text.len() + 1);
    for wanted in text.chars() {
        if !wanted.is_whitespace() {
            while peek(at).is_some_and(|c| c.is_whitespace() && c != wanted) {
                at += peek(at).map_or(1, char::len_utf8);
            }
        }
        let start = at;
        match peek(at) {
            Some('\\') if style == Style::Double => at += escape_len(source.get(at..end).unwrap_or("")),
            Some('\'') if style == Style::Single => at += 2,
            Some(c) if c == wanted => at += c.len_utf8(),
            Some(c) if c.is_whitespace() && wanted.is_whitespace() => {
                while peek(at).is_some_and(char::is_whitespace) {
                    at += peek(at).map_or(1, char::len_utf8);
                }
            }
            _ => {}
        }
        offsets.extend(std::iter::repeat_n(u32::try_from(start).unwrap_or(u32::MAX), wanted.len_utf8()));
    }
    offsets.push(u32::try_from(at.min(end)).unwrap_or(u32::MAX));
    offsets
}

fn escape_len(rest: &str) -> usize {
    match rest.chars().nth(1) {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(c) => 1 + c.len_utf8(),
        None => 1,
    }
}
