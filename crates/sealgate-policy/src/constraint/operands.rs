//! What conditions are made of: paths, literals, constants and counts, with what is wrong about their types.

use std::ops::Range;

use serde_json::{Map, Value};

use super::lexer::Kind;
use super::parser::{Finding, Parsed, Parser};
use super::{CompareOp, List, Operand, Path, Root, Step};
use crate::suggest;

/// How deep literals may nest.
const MAX_DEPTH: usize = 16;
/// Steps of a path: code for each lies within that for the one before, and takes time to compile.
const MAX_STEPS: usize = 256;

impl Parser<'_> {
    /// An operand and the range that it was read from.
    pub(super) fn parse_operand(&mut self) -> Parsed<(Operand, Range<usize>)> {
        let start = self.peek().range.start;
        let operand = match &self.peek().kind {
            Kind::Word(word) => match word.as_str() {
                "true" | "false" | "null" => Operand::Literal(self.parse_literal(0)?),
                "count" => {
                    self.advance();
                    self.expect("(")?;
                    let path = self.parse_path()?;
                    self.expect(")")?;
                    Operand::Count(path)
                }
                "consts" => self.parse_constant()?,
                "NaN" | "Infinity" | "and" | "or" | "not" | "in" | "AND" | "OR" | "NOT" | "IN" => {
                    return Err(self.unexpected("a path or a literal"));
                }
                _ => Operand::Path(self.parse_path()?),
            },
            Kind::Punctuation(".") => Operand::Path(self.parse_path()?),
            Kind::Number(_) | Kind::Text(_) | Kind::Punctuation("[" | "{") => Operand::Literal(self.parse_literal(0)?),
            _ => return Err(self.unexpected("a path or a literal")),
        };
        Ok((operand, start..self.end_of_last()))
    }

    /// The subject or argument of a string test.
    pub(super) fn parse_text_operand(&mut self) -> Parsed<Operand> {
        let (operand, at) = self.parse_operand()?;
        if !matches!(operand, Operand::Path(_) | Operand::Literal(Value::String(_))) {
            let message = format!("a string test takes strings, not {}", kind_of(&operand));
            self.found.push(Finding::error(at, message));
        }
        Ok(operand)
    }

    /// The list of `every` and `any`.
    pub(super) fn parse_list_path(&mut self) -> Parsed<Path> {
        match self.parse_operand()? {
            (Operand::Path(path), _) => Ok(path),
            (other, at) => {
                let message = format!("expected the path of a list, found {}", kind_of(&other));
                Err(Finding::error(at, message))
            }
        }
    }

    /// The right side of `in`.
    pub(super) fn parse_list(&mut self) -> Parsed<List> {
        match self.parse_operand()? {
            (Operand::Literal(Value::Array(items)), _) => Ok(List::Literal(items)),
            (Operand::Path(path), _) => Ok(List::Path(path)),
            (other, at) => {
                let message = format!("the right of `in` must be a list, not {}", kind_of(&other));
                self.found.push(Finding::error(at, message).help("write `[…]`, a constant list or the path of a list"));
                Ok(List::Literal(Vec::new()))
            }
        }
    }

    fn parse_path(&mut self) -> Parsed<Path> {
        let token = self.advance();
        let start = token.range.start;
        let mut steps = Vec::new();
        let root = match token.kind {
            Kind::Punctuation(".") => {
                if self.elements == 0 {
                    let finding = Finding::error(token.range.clone(), "`.` is the element of `every` or `any`");
                    self.found.push(finding.help("elsewhere a path begins with a root, such as `args.`"));
                }
                // `.in` is a member of the element, `. in` looks for the element.
                if let Kind::Word(word) = self.peek().kind.clone()
                    && self.peek().range.start == token.range.end
                {
                    steps.push(Step::Key(word));
                    self.advance();
                }
                Root::Element
            }
            Kind::Word(word) => match Root::NAMED.into_iter().find(|root| root.as_str() == word) {
                Some(root) => root,
                None => {
                    self.report_unknown_root(&word, token.range);
                    Root::Args
                }
            },
            _ => {
                self.step_back();
                return Err(self.unexpected("a path"));
            }
        };
        loop {
            if self.maybe(".") {
                let Kind::Word(word) = self.peek().kind.clone() else {
                    let finding = self.unexpected("a name");
                    return Err(finding.help("list elements are `[0]`, other keys `[\"…\"]`"));
                };
                self.advance();
                steps.push(Step::Key(word));
            } else if self.maybe("[") {
                steps.push(self.parse_index()?);
                self.expect("]")?;
            } else if steps.len() > MAX_STEPS {
                let message = format!("a path has at most {MAX_STEPS} steps");
                return Err(Finding::error(start..self.end_of_last(), message));
            } else {
                return Ok(Path { root, steps });
            }
        }
    }

    fn parse_index(&mut self) -> Parsed<Step> {
        let token = self.peek().clone();
        let step = match token.kind {
            Kind::Text(key) => Step::Key(key),
            Kind::Number(number) => match number.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => return Err(Finding::error(token.range, format!("`{number}` is not an index"))),
            },
            _ => return Err(self.unexpected("an index or a key").help("use `every` or `any` for all elements")),
        };
        self.advance();
        Ok(step)
    }

    fn report_unknown_root(&mut self, word: &str, range: Range<usize>) {
        let message = format!("unknown root `{word}`");
        let roots = Root::NAMED.map(Root::as_str);
        let help = match suggest::nearest(word, roots.into_iter().chain(["consts"])) {
            Some(root) => format!("did you mean `{root}`?"),
            None => format!("an argument is `args.{word}`; the roots are `{}` and `consts`", roots.join("`, `")),
        };
        self.found.push(Finding::error(range, message).help(help));
    }

    fn parse_constant(&mut self) -> Parsed<Operand> {
        let start = self.advance().range.start;
        self.expect(".")?;
        let Kind::Word(name) = self.peek().kind.clone() else {
            return Err(self.unexpected("the name of a constant"));
        };
        let end = self.advance().range.end;
        if let Kind::Punctuation("." | "[") = self.peek().kind {
            return Err(self.unexpected("the end of the constant").help("constants are used as a whole"));
        }
        if let Some(value) = (self.constant)(&name) {
            return Ok(Operand::Literal(value));
        }
        let finding = Finding::error(start..end, format!("unknown constant `{name}`"));
        let known = (self.constants)();
        let help = match suggest::nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `consts.{near}`?"),
            None => "declare it under `consts:`".to_owned(),
        };
        self.found.push(finding.help(help));
        // A path is the operand of unknown type, so nothing else is said about it.
        Ok(Operand::Path(Path { root: Root::Args, steps: Vec::new() }))
    }

    fn parse_literal(&mut self, depth: usize) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return Err(Finding::error(self.peek().range.clone(), "literals are nested too deep"));
        }
        let token = self.peek().clone();
        let value = match token.kind {
            Kind::Text(text) => Value::String(text),
            Kind::Number(number) => match serde_json::from_str(&number) {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(Finding::error(token.range, format!("`{number}` is not a number"))),
            },
            Kind::Word(word) if word == "true" || word == "false" => Value::Bool(word == "true"),
            Kind::Word(word) if word == "null" => Value::Null,
            Kind::Punctuation("[") => {
                self.advance();
                return self.parse_items(depth);
            }
            Kind::Punctuation("{") => {
                self.advance();
                return self.parse_members(depth);
            }
            _ => return Err(self.unexpected("a literal")),
        };
        self.advance();
        Ok(value)
    }

    fn parse_items(&mut self, depth: usize) -> Parsed<Value> {
        let mut items = Vec::new();
        if self.maybe("]") {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.parse_literal(depth + 1)?);
            if self.maybe("]") {
                return Ok(Value::Array(items));
            }
            self.expect(",")?;
        }
    }

    fn parse_members(&mut self, depth: usize) -> Parsed<Value> {
        let mut members = Map::new();
        if self.maybe("}") {
            return Ok(Value::Object(members));
        }
        loop {
            let token = self.peek().clone();
            let Kind::Text(key) = token.kind else { return Err(self.unexpected("a key in double quotes")) };
            self.advance();
            self.expect(":")?;
            let value = self.parse_literal(depth + 1)?;
            if members.insert(key, value).is_some() {
                self.found.push(Finding::error(token.range, "the key is given twice"));
            }
            if self.maybe("}") {
                return Ok(Value::Object(members));
            }
            self.expect(",")?;
        }
    }

    /// Warns of a comparison that types alone keep from ever being true.
    pub(super) fn check_comparison(&mut self, left: &Operand, op: CompareOp, right: &Operand, at: Range<usize>) {
        let (Some(left), Some(right)) = (static_type(left), static_type(right)) else {
            let ordered = |kind: Option<&str>| kind.is_none_or(|kind| kind == "a number" || kind == "a string");
            let unordered = !ordered(static_type(left)) || !ordered(static_type(right));
            if unordered && !op.is_equality() {
                let finding = Finding::warning(at, "this comparison is never true");
                self.found.push(finding.help("only numbers and strings have an order"));
            }
            return;
        };
        let null = left == "null" || right == "null";
        if left != right && !(null && op == CompareOp::NotEqual) {
            let message = format!("this comparison is never true: {left} against {right}");
            self.found.push(Finding::warning(at, message));
        }
    }
}

/// What an operand is, as a message says it.
pub(super) fn kind_of(operand: &Operand) -> &'static str {
    static_type(operand).unwrap_or("a path")
}

/// The type of an operand where the policy alone decides it.
fn static_type(operand: &Operand) -> Option<&'static str> {
    Some(match operand {
        Operand::Path(_) => return None,
        Operand::Count(_) => "a number",
        Operand::Literal(value) => match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        },
    })
}
