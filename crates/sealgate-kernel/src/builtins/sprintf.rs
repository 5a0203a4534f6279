//! `sprintf` as Go's `fmt` has it: its verbs, flags, widths, argument indexes and its notes about mistakes.
//!
//! Integers are Go's `int64` or `*big.Int`, numbers with a fraction `float64`, everything else is its text.

mod verbs;

use crate::json::{self, Notation};
use crate::{Heap, Number, Text, Value, View};

builtins! { TABLE:
    "sprintf" => sg_b_sprintf = sprintf as (format: STRING, arguments: ARRAY);
}

/// The largest width or precision.
const MAX_WIDTH: i64 = 1_000_000;

/// An argument with its Go type.
#[derive(Clone, Copy, Debug)]
enum Argument<'h> {
    Int(i64),
    /// The digits of an integer beyond an i64.
    Big(Number<'h>),
    Float(f64),
    Text(&'h str),
}

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%#v`: in Go's syntax.
    go_syntax: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn sprintf<'h>(heap: Heap<'h>, format: Value<'h>, arguments: Value<'h>) -> Option<Value<'h>> {
    let (format, arguments) = (format.as_str()?, arguments.as_array()?);
    let mut out = Text::new(heap, format.len() + 16 * arguments.len());
    let mut printer = Printer { rest: format, arguments, next: 0, reordered: false, bad_index: false, out: &mut out };
    printer.run();
    Some(out.finish())
}

impl<'h> Argument<'h> {
    fn of(heap: Heap<'h>, value: Value<'h>) -> Self {
        match value.view() {
            View::Number(number) => match (super::operand::integer(value), number) {
                (Some(value), _) | (None, Number::Int(value)) => Self::Int(value),
                (None, Number::Decimal(text)) => Self::decimal(number, text),
            },
            View::String(text) => Self::Text(text),
            _ => Self::Text(json::dump(heap, value, Notation::Rego)),
        }
    }

    fn decimal(number: Number<'h>, text: &'h str) -> Self {
        if !text.contains(['.', 'e', 'E']) {
            return Self::Big(number);
        }
        match text.parse::<f64>() {
            Ok(value) if text.contains('.') && value.is_finite() => Self::Float(value),
            _ => Self::Text(text),
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Int(_) => "int64",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}

struct Printer<'p, 'h> {
    rest: &'h str,
    arguments: &'h [Value<'h>],
    /// Index of the next argument.
    next: usize,
    /// An argument was asked for by its index.
    reordered: bool,
    bad_index: bool,
    out: &'p mut Text<'h>,
}

impl<'h> Printer<'_, 'h> {
    fn run(&mut self) {
        while let Some((before, rest)) = self.rest.split_once('%') {
            self.out.push_str(before);
            self.rest = rest;
            if !self.directive() {
                break;
            }
        }
        self.out.push_str(self.rest);
        self.note_extra();
    }

    /// One directive behind its `%`; false at a format's end without a verb.
    fn directive(&mut self) -> bool {
        self.bad_index = false;
        let mut spec = self.flags();
        let mut after_index = self.maybe_index();

        if self.maybe('*') {
            match self.integer_argument() {
                Some(width) => {
                    spec.width = Some(width.unsigned_abs() as usize);
                    if width < 0 {
                        (spec.minus, spec.zero) = (true, false);
                    }
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            spec.width = self.number();
            self.bad_index |= after_index && spec.width.is_some();
        }

        if self.rest.len() > 1 && self.maybe('.') {
            self.bad_index |= after_index;
            after_index = self.maybe_index();
            if self.maybe('*') {
                spec.precision = match self.integer_argument() {
                    Some(precision) => usize::try_from(precision).ok(),
                    None => None,
                };
                if spec.precision.is_none() {
                    self.out.push_str("%!(BADPREC)");
                }
                after_index = false;
            } else {
                spec.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.maybe_index();
        }
        let Some(verb) = self.take() else {
            self.out.push_str("%!(NOVERB)");
            return false;
        };
        self.print(verb, spec);
        true
    }

    fn print(&mut self, verb: char, mut spec: Spec) {
        if verb == '%' {
            return self.out.push('%');
        }
        let argument = self.arguments.get(self.next).filter(|_| !self.bad_index);
        let Some(argument) = argument else {
            self.out.push_str("%!");
            self.out.push(verb);
            return self.out.push_str(if self.bad_index { "(BADINDEX)" } else { "(MISSING)" });
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            spec.go_syntax = spec.sharp;
            (spec.sharp, spec.plus) = (false, false);
        }
        verbs::print(self.out, Argument::of(self.heap(), *argument), verb, spec);
    }

    /// Arguments that were not used, unless the format chose by index.
    fn note_extra(&mut self) {
        let extra = self.arguments.get(self.next..).unwrap_or(&[]);
        if self.reordered || extra.is_empty() {
            return;
        }
        self.out.push_str("%!(EXTRA ");
        for (index, argument) in extra.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            let argument = Argument::of(self.heap(), *argument);
            self.out.push_str(argument.type_name());
            self.out.push('=');
            verbs::print(self.out, argument, 'v', Spec::default());
        }
        self.out.push(')');
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        loop {
            match self.rest.bytes().next() {
                Some(b'#') => spec.sharp = true,
                Some(b'0') => spec.zero = true,
                Some(b'+') => spec.plus = true,
                Some(b'-') => spec.minus = true,
                Some(b' ') => spec.space = true,
                _ => return spec,
            }
            self.take();
        }
    }

    /// `[n]`, which chooses the next argument.
    fn maybe_index(&mut self) -> bool {
        let Some(behind) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        // Without a closing bracket only the opening one is passed over, and with nothing that follows it not even as an
        // index.
        let Some((digits, rest)) = behind.split_once(']').filter(|_| self.rest.len() >= 3) else {
            self.bad_index = true;
            self.rest = behind;
            return false;
        };
        self.rest = rest;
        let number = read_number(digits).filter(|(_, left)| left.is_empty()).map(|(number, _)| number);
        match number.and_then(|number| number.checked_sub(1)).filter(|index| *index < self.arguments.len()) {
            Some(index) => {
                self.next = index;
                true
            }
            None => {
                self.bad_index = true;
                number.is_some()
            }
        }
    }

    /// A width or precision; one that is too large swallows the rest of the format.
    fn number(&mut self) -> Option<usize> {
        if !self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        match read_number(self.rest) {
            Some((number, rest)) => {
                self.rest = rest;
                Some(number)
            }
            None => {
                self.rest = "";
                None
            }
        }
    }

    /// The next argument as a width or precision.
    fn integer_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        super::operand::integer(*argument).filter(|value| (-MAX_WIDTH..=MAX_WIDTH).contains(value))
    }

    fn maybe(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }

    fn heap(&self) -> Heap<'h> {
        self.out.heap()
    }
}

/// The digits in front and what follows; `None` without any, or for a number that is too large.
fn read_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let mut number = 0usize;
    for digit in digits.bytes() {
        if number > MAX_WIDTH as usize {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    (!digits.is_empty()).then_some((number, rest))
}
