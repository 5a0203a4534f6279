//! Tokens to a [`Condition`]: precedence, calls and quantifiers.
//!
//! Stops at the first error of syntax; what is wrong with names, literals and patterns is gathered.
//!
//! ```text
//! or      := and ("or" and)*
//! and     := unary ("and" unary)*
//! unary   := "not" unary | "(" or ")" | call | operand (op operand | ["not"] "in" list)
//! call    := ("startswith" | "endswith" | "contains") "(" operand "," operand ")"
//!          | ("matches" | "glob") "(" operand "," string ")"
//!          | ("every" | "any") "(" path "," or ")"
//! operand := path | literal | "consts." name | "count" "(" path ")"
//! path    := root ("." name | "[" string "]" | "[" index "]")*
//! ```

use std::ops::Range;

use serde_json::Value;

use super::lexer::{Kind, Token, tokens};
use super::operands::kind_of;
use super::{CompareOp, Condition, Operand, Quantifier, TextTest};
use crate::pattern::{Pattern, PatternError};

/// The longest constraint, in bytes.
const MAX_BYTES: usize = 16_384;
/// How deep conditions may nest.
const MAX_DEPTH: usize = 32;
/// The most operands, tests and list elements of one constraint.
const MAX_TOKENS: usize = 20_000;

/// Every function that a condition may call; `count` gives a number, the others a truth.
const FUNCTIONS: &[&str] = &["startswith", "endswith", "contains", "matches", "glob", "count", "every", "any"];

/// Something to say about a constraint, at a range of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) warning: bool,
    pub(crate) code: &'static str,
}

impl Finding {
    pub(super) fn error(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: None, warning: false, code: "policy::constraint" }
    }

    pub(super) fn warning(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { warning: true, code: "policy::never-true", ..Self::error(range, message) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }
}

/// Reads one constraint, `constant` giving the values of `consts.*` and `constants` their names. The condition is
/// there if no finding is an error.
pub(crate) fn parse(
    text: &str,
    constant: &dyn Fn(&str) -> Option<Value>,
    constants: &dyn Fn() -> Vec<String>,
) -> (Option<Condition>, Vec<Finding>) {
    if text.trim().is_empty() {
        return (None, vec![Finding::error(0..text.len(), "the constraint is empty")]);
    }
    if text.len() > MAX_BYTES {
        return (None, vec![Finding::error(0..text.len(), format!("a constraint has at most {MAX_BYTES} bytes"))]);
    }
    let all = match tokens(text) {
        Ok(all) if all.len() > MAX_TOKENS => {
            return (None, vec![Finding::error(0..text.len(), format!("a constraint has at most {MAX_TOKENS} parts"))]);
        }
        Ok(all) => all,
        Err(finding) => return (None, vec![finding]),
    };
    let mut parser = Parser { text, tokens: all, at: 0, depth: 0, elements: 0, found: Vec::new(), constant, constants };
    let parsed = parser.parse_all();
    let mut found = parser.found;
    let condition = parsed.map_err(|finding| found.push(finding)).ok();
    (condition.filter(|_| found.iter().all(|finding| finding.warning)), found)
}

/// Reads tokens; `Err` is an error of syntax, after which nothing more can be said.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// How many `every` and `any` are open.
    pub(super) elements: usize,
    pub(super) found: Vec<Finding>,
    pub(super) constant: &'a dyn Fn(&str) -> Option<Value>,
    pub(super) constants: &'a dyn Fn() -> Vec<String>,
}

/// A result whose error is a finding of syntax.
pub(super) type Parsed<T> = Result<T, Finding>;

impl Parser<'_> {
    fn parse_all(&mut self) -> Parsed<Condition> {
        let condition = self.parse_or()?;
        match self.peek().kind {
            Kind::End => Ok(condition),
            _ => Err(self.unexpected("the end of the constraint")),
        }
    }

    fn parse_or(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let finding = Finding::error(self.peek().range.clone(), "conditions are nested too deep");
            return Err(finding.help(format!("at most {MAX_DEPTH} levels")));
        }
        let mut all = vec![self.parse_and()?];
        while self.maybe_word("or") {
            all.push(self.parse_and()?);
        }
        self.depth -= 1;
        Ok(single(all, Condition::Or))
    }

    fn parse_and(&mut self) -> Parsed<Condition> {
        let mut all = vec![self.parse_unary()?];
        while self.maybe_word("and") {
            all.push(self.parse_unary()?);
        }
        Ok(single(all, Condition::And))
    }

    fn parse_unary(&mut self) -> Parsed<Condition> {
        let mut negated = false;
        while self.maybe_word("not") {
            negated = !negated;
        }
        let condition = self.parse_test()?;
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn parse_test(&mut self) -> Parsed<Condition> {
        if self.maybe("(") {
            let inner = self.parse_or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if let (Kind::Word(name), Kind::Punctuation("(")) = (&self.peek().kind, &self.peek_after().kind)
            && name != "count"
        {
            let name = name.clone();
            return self.parse_call(&name);
        }
        let start = self.peek().range.start;
        let (left, left_at) = self.parse_operand()?;
        let token = self.peek().clone();
        match token.kind {
            Kind::Punctuation(sign) => match compare_op(sign) {
                Some(op) => {
                    self.advance();
                    let (right, right_at) = self.parse_operand()?;
                    self.refuse_chain()?;
                    self.check_comparison(&left, op, &right, left_at.start..right_at.end);
                    Ok(Condition::Compare { left, op, right })
                }
                None => Err(self.unexpected("an operator")),
            },
            Kind::Word(word) if word == "in" || word == "not" => {
                self.advance();
                if word == "not" && !self.maybe_word("in") {
                    return Err(self.unexpected("`in`"));
                }
                let list = self.parse_list()?;
                let member = Condition::Member { value: left, list };
                Ok(if word == "not" { Condition::Not(Box::new(member)) } else { member })
            }
            Kind::End if matches!(left, Operand::Path(_)) => {
                let path = self.text.get(left_at.clone()).unwrap_or("").to_owned();
                let finding = Finding::error(start..left_at.end, "a path alone says nothing");
                Err(finding.help(format!("compare it: `{path} == true`")))
            }
            _ => Err(self.unexpected("an operator")),
        }
    }

    fn parse_call(&mut self, name: &str) -> Parsed<Condition> {
        let at = self.peek().range.clone();
        if !FUNCTIONS.contains(&name) {
            let finding = Finding::error(at, format!("unknown function `{name}`"));
            return Err(match crate::suggest::nearest(name, FUNCTIONS.iter().copied()) {
                Some(known) => finding.help(format!("did you mean `{known}`?")),
                None => finding.help(format!("functions are `{}`", FUNCTIONS.join("`, `"))),
            });
        }
        self.advance();
        self.advance();
        match name {
            "every" | "any" => {
                let list = self.parse_list_path()?;
                self.expect(",")?;
                self.elements += 1;
                let condition = Box::new(self.parse_or()?);
                self.elements -= 1;
                self.expect(")")?;
                let quantifier = if name == "every" { Quantifier::Every } else { Quantifier::Any };
                Ok(Condition::Elements { list, quantifier, condition })
            }
            _ => {
                let subject = self.parse_text_operand()?;
                self.expect(",")?;
                let test = match name {
                    "matches" => TextTest::Matches(self.parse_pattern(Pattern::regex)?),
                    "glob" => TextTest::Glob(self.parse_pattern(Pattern::glob)?),
                    "startswith" => TextTest::StartsWith(self.parse_text_operand()?),
                    "endswith" => TextTest::EndsWith(self.parse_text_operand()?),
                    _ => TextTest::Contains(self.parse_text_operand()?),
                };
                self.expect(")")?;
                Ok(Condition::Text { subject, test })
            }
        }
    }

    /// A pattern: text known here, so that it can be checked here. A bad one is reported and replaced.
    fn parse_pattern(&mut self, compile: fn(&str) -> Result<Pattern, PatternError>) -> Parsed<Pattern> {
        let (operand, at) = self.parse_operand()?;
        let text = match operand {
            Operand::Literal(Value::String(text)) => text,
            other => {
                let message = format!("a pattern must be a string that the policy gives, not {}", kind_of(&other));
                self.found.push(Finding::error(at.clone(), message));
                String::new()
            }
        };
        match compile(&text) {
            Ok(pattern) => Ok(pattern),
            Err(error) => {
                // Offsets carry over only where the literal has no escapes.
                let inner = self.text.get(at.start + 1..at.end.saturating_sub(1));
                let range = if inner == Some(text.as_str()) {
                    at.start + 1 + error.range.start..at.start + 1 + error.range.end
                } else {
                    at
                };
                let message = format!("`{text}` is not a pattern: {}", error.message);
                self.found.push(Finding::error(range, message).code("policy::pattern"));
                compile("").map_err(|error| Finding::error(0..0, error.message))
            }
        }
    }

    fn refuse_chain(&mut self) -> Parsed<()> {
        match &self.peek().kind {
            Kind::Punctuation(sign) if compare_op(sign).is_some() => {
                let finding = Finding::error(self.peek().range.clone(), "comparisons cannot be chained");
                Err(finding.help("write `a < b and b < c`"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn peek(&self) -> &Token {
        self.peek_at(self.at)
    }

    fn peek_after(&self) -> &Token {
        self.peek_at(self.at + 1)
    }

    fn peek_at(&self, at: usize) -> &Token {
        const END: &Token = &Token { kind: Kind::End, range: 0..0 };
        self.tokens.get(at).or_else(|| self.tokens.last()).unwrap_or(END)
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn step_back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Where the last token that was taken ends.
    pub(super) fn end_of_last(&self) -> usize {
        self.tokens.get(self.at.saturating_sub(1)).map_or(0, |token| token.range.end)
    }

    pub(super) fn maybe(&mut self, sign: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Punctuation(s) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn maybe_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Word(w) if w == word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.maybe(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    /// The error that something else was wanted here.
    pub(super) fn unexpected(&self, wanted: &str) -> Finding {
        let token = self.peek();
        let text = self.text.get(token.range.clone()).unwrap_or("");
        let message = match token.kind {
            Kind::End => format!("expected {wanted}, but the constraint ends"),
            _ => format!("expected {wanted}, found `{text}`"),
        };
        let finding = Finding::error(token.range.clone(), message);
        match text {
            "=" => finding.help("equality is `==`"),
            "&&" | "AND" | "And" => finding.help("write `and`"),
            "||" | "OR" | "Or" => finding.help("write `or`"),
            "!" | "NOT" | "Not" => finding.help("write `not`"),
            "IN" | "In" => finding.help("write `in`"),
            "NaN" | "Infinity" => finding.help("numbers are those of JSON"),
            _ => finding,
        }
    }
}

fn compare_op(sign: &str) -> Option<CompareOp> {
    Some(match sign {
        "==" => CompareOp::Equal,
        "!=" => CompareOp::NotEqual,
        "<" => CompareOp::Less,
        "<=" => CompareOp::LessEqual,
        ">" => CompareOp::Greater,
        ">=" => CompareOp::GreaterEqual,
        _ => return None,
    })
}

fn single(mut all: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            many(all)
        }
        None => many(all),
    }
}
