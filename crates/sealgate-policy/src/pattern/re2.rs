//! RE2 syntax, checked and rewritten for Rust's engine.
//!
//! Refuses what an RE2 engine refuses or reads differently: nested and intersected classes, `x`, `u` and `R` flags,
//! `\<`, `\b{…}`, `\u…`, doubled repetitions, repetitions beyond 1,000, property names that Go does not know. Rewrites
//! what both read but differently: `\d`, `\w`, `\s` and `\b` are ASCII in RE2.

use regex_syntax::ast::{
    AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem, ClassUnicodeKind, Flag, Flags, FlagsItemKind,
    GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionKind, RepetitionRange, Span, parse::ParserBuilder,
};

use super::{PatternError, one_line};

/// The most often that something may be repeated, nested repetitions multiplied.
const MAX_REPEAT: u32 = 1_000;

/// Unicode properties that RE2, Go and Rust name alike.
const PROPERTIES: &[&str] = &[
    "C",
    "Cc",
    "Cf",
    "Co",
    "L",
    "Ll",
    "Lm",
    "Lo",
    "Lt",
    "Lu",
    "M",
    "Mc",
    "Me",
    "Mn",
    "N",
    "Nd",
    "Nl",
    "No",
    "P",
    "Pc",
    "Pd",
    "Pe",
    "Pf",
    "Pi",
    "Po",
    "Ps",
    "S",
    "Sc",
    "Sk",
    "Sm",
    "So",
    "Z",
    "Zl",
    "Zp",
    "Zs",
    "Arabic",
    "Armenian",
    "Bengali",
    "Bopomofo",
    "Braille",
    "Cherokee",
    "Common",
    "Coptic",
    "Cyrillic",
    "Devanagari",
    "Ethiopic",
    "Georgian",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Kannada",
    "Katakana",
    "Khmer",
    "Lao",
    "Latin",
    "Malayalam",
    "Mongolian",
    "Myanmar",
    "Oriya",
    "Sinhala",
    "Syriac",
    "Tamil",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
];

/// The pattern as Rust's `bytes` engine must read it to match what RE2 matches.
pub(super) fn to_native(source: &str) -> Result<String, PatternError> {
    let parsed = ParserBuilder::new().nest_limit(100).octal(false).build().parse(source);
    let ast = parsed
        .map_err(|error| PatternError { range: range(error.span()), message: one_line(&error.kind().to_string()) })?;
    let mut rewrite = Rewrite { source, out: String::with_capacity(source.len()), copied: 0 };
    rewrite.walk(&ast, MAX_REPEAT)?;
    rewrite.out.push_str(source.get(rewrite.copied..).unwrap_or(""));
    Ok(rewrite.out)
}

struct Rewrite<'a> {
    source: &'a str,
    out: String,
    /// Up to where the source has been copied or replaced.
    copied: usize,
}

impl Rewrite<'_> {
    /// Checks one node; `repeats` is how often it may still be repeated.
    fn walk(&mut self, ast: &Ast, repeats: u32) -> Result<(), PatternError> {
        match ast {
            Ast::Empty(_) | Ast::Dot(_) => Ok(()),
            Ast::Flags(set) => check_flags(&set.flags),
            Ast::Literal(literal) => check_literal(literal),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::WordBoundary => self.replace(&assertion.span, r"(?-u:\b)"),
                AssertionKind::NotWordBoundary => self.replace(&assertion.span, r"(?-u:\B)"),
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => Ok(()),
                _ => refuse(&assertion.span, "RE2 has no such word boundary"),
            },
            Ast::ClassUnicode(class) => check_property(&class.span, &class.kind),
            Ast::ClassPerl(class) => self.replace(&class.span, &format!("[{}]", perl(class))),
            Ast::ClassBracketed(class) => self.walk_class(&class.kind),
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return refuse(&repetition.op.span, "RE2 does not repeat a repetition; group it with `(?:…)`");
                }
                let most = match &repetition.op.kind {
                    RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n)) => *n,
                    RepetitionKind::Range(RepetitionRange::Bounded(_, n)) => *n,
                    _ => 1,
                };
                if most > repeats {
                    return refuse(&repetition.op.span, "RE2 repeats at most 1,000 times, nested ones multiplied");
                }
                self.walk(&repetition.ast, repeats / most.max(1))
            }
            Ast::Group(group) => {
                match &group.kind {
                    GroupKind::NonCapturing(flags) => check_flags(flags)?,
                    GroupKind::CaptureName { name, .. }
                        if !name.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
                    {
                        return refuse(&name.span, "RE2 names groups with letters, digits and `_` only");
                    }
                    _ => {}
                }
                self.walk(&group.ast, repeats)
            }
            Ast::Alternation(all) => all.asts.iter().try_for_each(|ast| self.walk(ast, repeats)),
            Ast::Concat(all) => all.asts.iter().try_for_each(|ast| self.walk(ast, repeats)),
        }
    }

    fn walk_class(&mut self, class: &ClassSet) -> Result<(), PatternError> {
        match class {
            ClassSet::BinaryOp(op) => refuse(&op.span, "RE2 has no operators in classes; escape them with `\\`"),
            ClassSet::Item(item) => self.walk_item(item),
        }
    }

    fn walk_item(&mut self, item: &ClassSetItem) -> Result<(), PatternError> {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) => Ok(()),
            ClassSetItem::Literal(literal) => check_literal(literal),
            ClassSetItem::Range(range) => check_literal(&range.start).and_then(|()| check_literal(&range.end)),
            ClassSetItem::Unicode(class) => check_property(&class.span, &class.kind),
            ClassSetItem::Perl(class) if class.negated => self.replace(&class.span, &format!("[{}]", perl(class))),
            ClassSetItem::Perl(class) => self.replace(&class.span, perl(class)),
            ClassSetItem::Bracketed(class) => {
                refuse(&class.span, "RE2 does not nest classes; escape the bracket with `\\[`")
            }
            ClassSetItem::Union(union) => union.items.iter().try_for_each(|item| self.walk_item(item)),
        }
    }

    fn replace(&mut self, span: &Span, text: &str) -> Result<(), PatternError> {
        self.out.push_str(self.source.get(self.copied..span.start.offset).unwrap_or(""));
        self.out.push_str(text);
        self.copied = span.end.offset;
        Ok(())
    }
}

/// The members of RE2's ASCII class, for use inside brackets.
fn perl(class: &ClassPerl) -> &'static str {
    match (&class.kind, class.negated) {
        (ClassPerlKind::Digit, false) => "0-9",
        (ClassPerlKind::Digit, true) => "^0-9",
        (ClassPerlKind::Space, false) => r"\t\n\f\r\x20",
        (ClassPerlKind::Space, true) => r"^\t\n\f\r\x20",
        (ClassPerlKind::Word, false) => "0-9A-Za-z_",
        (ClassPerlKind::Word, true) => "^0-9A-Za-z_",
    }
}

fn check_flags(flags: &Flags) -> Result<(), PatternError> {
    for item in &flags.items {
        if let FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) = item.kind {
            return refuse(&item.span, "RE2 has the flags `i`, `m`, `s` and `U` only");
        }
    }
    Ok(())
}

fn check_literal(literal: &Literal) -> Result<(), PatternError> {
    match &literal.kind {
        LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind) if *kind != HexLiteralKind::X => {
            refuse(&literal.span, "RE2 writes code points as `\\x{…}`")
        }
        _ => Ok(()),
    }
}

fn check_property(span: &Span, kind: &ClassUnicodeKind) -> Result<(), PatternError> {
    let known = match kind {
        ClassUnicodeKind::OneLetter(letter) => PROPERTIES.contains(&letter.to_string().as_str()),
        ClassUnicodeKind::Named(name) => PROPERTIES.contains(&name.as_str()),
        ClassUnicodeKind::NamedValue { .. } => false,
    };
    if known {
        return Ok(());
    }
    refuse(span, "use a general category such as `\\p{Lu}` or a script such as `\\p{Greek}`")
}

fn refuse(span: &Span, message: &str) -> Result<(), PatternError> {
    Err(PatternError { range: range(span), message: message.to_owned() })
}

fn range(span: &Span) -> std::ops::Range<usize> {
    span.start.offset..span.end.offset.max(span.start.offset)
}
