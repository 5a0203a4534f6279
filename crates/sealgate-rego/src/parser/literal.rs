//! Literals decoded: strings, interpolated strings, numbers.

use sealgate_diagnostics::Diagnostic;

use super::{CODE, MAX_NUMBER, Parser};
use crate::ast::{Expr, ExprKind, TemplatePart, Version};
use crate::lexer::{Kind, Token};

/// Numbers beyond `2^LARGEST_EXPONENT` or below `2^-LARGEST_EXPONENT` are refused.
const LARGEST_EXPONENT: f64 = 1e5;

impl Parser<'_> {
    /// The string looked at.
    pub(super) fn text(&mut self) -> Option<String> {
        let token = self.token();
        let text = self.slice(token);
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        let decoded = self.decode(inner, token, false)?;
        self.advance();
        Some(decoded)
    }

    /// The raw string looked at.
    pub(super) fn raw_text(&mut self) -> String {
        let text = self.slice(self.token());
        self.advance();
        text.get(1..text.len().saturating_sub(1)).unwrap_or("").to_owned()
    }

    /// Resolves the escapes of a string; in templates `\{` is one too.
    fn decode(&mut self, inner: &str, token: Token, template: bool) -> Option<String> {
        if !inner.contains('\\') {
            return Some(inner.to_owned());
        }
        let decoded = unescape(inner, template);
        if decoded.is_none() {
            let found = Diagnostic::error(CODE, format!("illegal string literal: `{}`", inner.escape_debug()));
            let span = sealgate_diagnostics::Span { source: self.source, start: token.start, end: token.end };
            self.error(found.at(span).help("a string with escapes cannot hold control characters as such"));
        }
        decoded
    }

    /// The interpolated string looked at, to its end.
    pub(super) fn template(&mut self, raw: bool) -> Option<Vec<TemplatePart>> {
        if self.version == Version::V0 {
            let found = Diagnostic::error(CODE, "template strings are not supported in Rego v0").at(self.span_here());
            self.error(found.help("use `sprintf`, or read the module as Rego v1"));
            return None;
        }
        let mut parts = Vec::new();
        let mut height = 0;
        // The first part begins after `$` and the quote, the others right after the `}` before them.
        let mut skip = 2;
        loop {
            let token = self.token();
            let text = self.slice(token);
            let inner = text.get(skip..text.len().saturating_sub(1)).unwrap_or("");
            let text = if raw { inner.replace("\\{", "{") } else { self.decode(inner, token, true)? };
            if !text.is_empty() {
                parts.push(TemplatePart::Text(text));
            }
            let more = matches!(self.kind(), Kind::TemplatePart | Kind::RawTemplatePart);
            self.advance();
            if !more {
                self.grow(height)?;
                return Some(parts);
            }
            let Some(expr) = self.nested(Self::expression) else {
                if self.errors.is_empty() {
                    self.error_here("invalid template-string expression");
                }
                return None;
            };
            height = height.max(self.height);
            self.check_template(&expr)?;
            parts.push(TemplatePart::Expr(Box::new(expr)));
            if self.kind() != Kind::CloseBrace {
                self.unexpected("expected `}` to end template string expression");
                return None;
            }
            self.advance();
            if !matches!(
                self.kind(),
                Kind::TemplatePart | Kind::TemplateEnd | Kind::RawTemplatePart | Kind::RawTemplateEnd
            ) {
                self.unexpected("expected the rest of the template string");
                return None;
            }
            skip = 0;
        }
    }

    fn check_template(&mut self, expr: &Expr) -> Option<()> {
        let found = match &expr.kind {
            _ if expr.negated => "negation (`not`)",
            ExprKind::Unify(..) => "unification (`=`)",
            ExprKind::Assign(..) => "assignment (`:=`)",
            ExprKind::Every { .. } => "`every`",
            ExprKind::Some(_) | ExprKind::SomeIn { .. } => "`some`",
            ExprKind::Term(term) => match super::rule::equation_call(term) {
                Some(false) => "unification (`=`)",
                Some(true) => "assignment (`:=`)",
                None => return Some(()),
            },
            ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => return Some(()),
        };
        self.error_at(expr.span, format!("unexpected {found} in template-string expression"));
        None
    }

    /// The number looked at, in JSON's syntax; `.5` is `0.5`.
    pub(super) fn number(&mut self, negative: bool) -> Option<String> {
        let start = self.token().start;
        let fraction = self.maybe(Kind::Dot);
        if self.kind() != Kind::Number {
            self.unexpected("expected number");
            return None;
        }
        let token = self.token();
        let text = self.slice(token);
        self.advance();
        let span = self.span_from(start);
        if text.len() > MAX_NUMBER {
            self.error_at(span, format!("number too long: more than {MAX_NUMBER} digits"));
            return None;
        }
        if fraction && text.contains('.') {
            self.error_at(span, "invalid float");
            return None;
        }
        if !fraction && let Some([b'0', second, ..]) = text.as_bytes().first_chunk::<2>().map(|chunk| chunk.as_slice())
        {
            let scientific = text.len() > 2 && matches!(second, b'e' | b'E');
            if *second != b'.' && !scientific {
                let found = Diagnostic::error(CODE, "expected number without leading zero").at(span);
                self.error(found.help("drop the zeros: Rego has no octal numbers"));
                return None;
            }
        }
        let number = [if negative { "-" } else { "" }, if fraction { "0." } else { "" }, text].concat();
        if is_out_of_range(&number) {
            self.error_at(span, "number too big");
            return None;
        }
        Some(number)
    }
}

/// Resolves escapes as JSON has them. `None` for control characters and escapes that are none.
fn unescape(inner: &str, template: bool) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        push_plain(&mut out, plain)?;
        let mut characters = escape.chars();
        characters.next();
        let decoded = match characters.next()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '{' if template => '{',
            'u' => {
                let (character, after) = unicode_escape(characters.as_str())?;
                out.push(character);
                rest = after;
                continue;
            }
            _ => return None,
        };
        out.push(decoded);
        rest = characters.as_str();
    }
    push_plain(&mut out, rest)?;
    Some(out)
}

fn push_plain(out: &mut String, plain: &str) -> Option<()> {
    if plain.bytes().any(|byte| byte < 0x20) {
        return None;
    }
    out.push_str(plain);
    Some(())
}

/// What follows `\u`: a character, and the text behind it. Half of a surrogate pair becomes U+FFFD.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let (unit, rest) = hex4(text)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((character, rest));
    }
    if (0xD800..0xDC00).contains(&unit)
        && let Some(escape) = rest.strip_prefix("\\u")
        && let Some((low, after)) = hex4(escape)
        && (0xDC00..0xE000).contains(&low)
    {
        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return Some((char::from_u32(code)?, after));
    }
    Some((char::REPLACEMENT_CHARACTER, rest))
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(digits, 16).ok()?, text.get(4..)?))
}

/// Whether a number's binary exponent is too large, from its first digits and its decimal exponent.
fn is_out_of_range(number: &str) -> bool {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => (number.get(..at).unwrap_or(""), number.get(at + 1..).unwrap_or("")),
        None => (number, "0"),
    };
    let point = mantissa.find('.').unwrap_or(mantissa.len());
    let Some(first) = mantissa.find(|digit: char| digit.is_ascii_digit() && digit != '0') else { return false };
    let digits: String = mantissa.get(first..).unwrap_or("").chars().filter(char::is_ascii_digit).take(17).collect();
    let scale = if first < point { (point - first) as f64 - 1.0 } else { -((first - point) as f64) };
    let Ok(exponent) = exponent.trim_start_matches('+').parse::<f64>() else { return true };
    let leading = digits.parse::<f64>().unwrap_or(1.0) / 10f64.powi(i32::try_from(digits.len()).unwrap_or(1) - 1);
    let binary = (leading.log10() + scale + exponent) * std::f64::consts::LOG2_10;
    binary.floor() + 1.0 > LARGEST_EXPONENT || binary.floor() + 1.0 < -LARGEST_EXPONENT
}
