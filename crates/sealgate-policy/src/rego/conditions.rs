//! Conditions as Rego bodies that hold exactly where the condition is true.
//!
//! Negation is pushed to the leaves, so that each leaf is emitted with the guards under which it is defined and no
//! `not` ever meets something undefined. Alternatives become helper rules, one body each: the text grows with the
//! condition, never with its normal form.

use std::fmt::Write as _;

use serde_json::Value;

use super::prelude::Prelude;
use super::{holds, literal, write_rule};
use crate::constraint::{CompareOp, Condition, List, Operand, Path, Quantifier, Root, Step, TextTest};
use crate::evaluate::Truth;
use crate::policy_set::CheckId;

/// Lines that must all hold, or `None` for what never holds. No lines always hold.
type Body = Option<Vec<String>>;

/// The rules for one check.
pub(super) struct Conditions<'p> {
    id: CheckId,
    prelude: &'p mut Prelude,
    out: String,
    /// Helper rules, written after the rules that call them.
    helpers: String,
    count: u32,
}

/// The variable of the element that `.` is; empty outside `every` and `any`.
type Element<'e> = &'e str;

impl<'p> Conditions<'p> {
    pub(super) fn new(id: CheckId, prelude: &'p mut Prelude) -> Self {
        Self { id, prelude, out: String::new(), helpers: String::new(), count: 0 }
    }

    /// Defines the check's rules: one per alternative.
    pub(super) fn define(&mut self, condition: &Condition) {
        let bodies = self.alternatives(condition, true, "");
        let head = holds(self.id);
        if bodies.is_empty() {
            write_rule(&mut self.out, &head, &["false".to_owned()]);
        }
        for body in &bodies {
            write_rule(&mut self.out, &head, body);
        }
    }

    pub(super) fn finish(self) -> String {
        self.out + &self.helpers
    }

    /// Bodies one of which holds exactly where the condition is true (or, if not `positive`, false).
    fn alternatives(&mut self, condition: &Condition, positive: bool, element: Element<'_>) -> Vec<Vec<String>> {
        match (condition, positive) {
            (Condition::Not(inner), _) => self.alternatives(inner, !positive, element),
            (Condition::Or(all), true) | (Condition::And(all), false) => {
                let mut bodies: Vec<Vec<String>> = Vec::new();
                for each in all {
                    for body in self.alternatives(each, positive, element) {
                        if body.is_empty() {
                            return vec![body];
                        }
                        if !bodies.contains(&body) {
                            bodies.push(body);
                        }
                    }
                }
                bodies
            }
            _ => self.body(condition, positive, element).into_iter().collect(),
        }
    }

    /// One body that holds exactly where the condition is true (or, if not `positive`, false).
    fn body(&mut self, condition: &Condition, positive: bool, element: Element<'_>) -> Body {
        match (condition, positive) {
            (Condition::Not(inner), _) => self.body(inner, !positive, element),
            (Condition::And(all), true) | (Condition::Or(all), false) => {
                let mut lines: Vec<String> = Vec::new();
                for each in all {
                    for line in self.body(each, positive, element)? {
                        if !lines.contains(&line) {
                            lines.push(line);
                        }
                    }
                }
                Some(lines)
            }
            (Condition::Or(_), true) | (Condition::And(_), false) => {
                let bodies = self.alternatives(condition, positive, element);
                if bodies.len() <= 1 {
                    return bodies.into_iter().next();
                }
                Some(vec![self.helper(&bodies, element)])
            }
            (Condition::Compare { left, op, right }, _) => {
                self.compare(left, if positive { *op } else { op.negated() }, right, element)
            }
            (Condition::Member { value, list }, _) => self.member(value, list, positive, element),
            (Condition::Text { subject, test }, _) => self.text(subject, test, positive, element),
            (Condition::Elements { list, quantifier, condition }, _) => {
                let every = (*quantifier == Quantifier::Every) == positive;
                self.elements(&path(list, element), every, condition, positive, element)
            }
        }
    }

    /// The call of a new rule that holds where one of the bodies does.
    fn helper(&mut self, bodies: &[Vec<String>], element: Element<'_>) -> String {
        self.count += 1;
        let name = format!("holds_{}_{}", self.id.0, self.count);
        let uses = |body: &[String]| body.iter().any(|line| mentions(line, element));
        let takes_element = bodies.iter().any(|body| uses(body));
        let mut text = String::new();
        for body in bodies {
            let head = match (takes_element, uses(body)) {
                (false, _) => name.clone(),
                (true, true) => format!("{name}({element})"),
                // Rego refuses a variable that is not used.
                (true, false) => format!("{name}(_)"),
            };
            write_rule(&mut text, &head, body);
        }
        // Before what was written so far, which its bodies may call: readers meet a caller before what it calls.
        self.helpers.insert_str(0, &text);
        if takes_element { format!("{name}({element})") } else { name }
    }

    fn compare(&mut self, left: &Operand, op: CompareOp, right: &Operand, element: Element<'_>) -> Body {
        if let (Operand::Literal(_), Operand::Literal(_)) = (left, right) {
            return constant(&Condition::Compare { left: left.clone(), op, right: right.clone() });
        }
        if matches!(left, Operand::Literal(_)) {
            // To the right: Rego would take a line that begins with `-1` for the rest of the line before it.
            return self.compare(right, op.mirrored(), left, element);
        }
        let (left_type, right_type) = (Type::of(left), Type::of(right));
        let null = left_type == Type::Null || right_type == Type::Null;
        let known = left_type != Type::Unknown && right_type != Type::Unknown;
        let (l, r) = (self.operand(left, element), self.operand(right, element));
        let comparison = format!("{l} {} {r}", op.as_str());
        if known && left_type != right_type {
            // Nothing of these types is equal or ordered; being other than null is being there.
            let counted = if matches!(left, Operand::Count(_)) { l } else { r };
            return (null && op == CompareOp::NotEqual).then(|| vec![self.present(&counted)]);
        }
        match op {
            // Equal values are of one type. Rego's type checker would conclude from `item == 5` that `item.x` is an
            // error, where here it is undefined; from `in` it concludes nothing.
            CompareOp::Equal if right_type != Type::Unknown && l == element => Some(vec![format!("{l} in {{{r}}}")]),
            CompareOp::Equal if left_type != Type::Unknown && r == element => Some(vec![format!("{r} in {{{l}}}")]),
            CompareOp::Equal => Some(vec![comparison]),
            CompareOp::NotEqual if null => Some(vec![comparison]),
            CompareOp::NotEqual => {
                let mut lines = self.guards(&[(&l, left_type), (&r, right_type)]);
                if left_type == Type::Unknown && right_type == Type::Unknown {
                    self.prelude.same_type = true;
                    lines = vec![format!("same_type({l}, {r})")];
                }
                lines.push(comparison);
                Some(lines)
            }
            _ if [left_type, right_type]
                .iter()
                .any(|of| !matches!(of, Type::Unknown | Type::Number | Type::String)) =>
            {
                None
            }
            _ => {
                let mut lines = self.guards(&[(&l, left_type), (&r, right_type)]);
                if left_type == Type::Unknown && right_type == Type::Unknown {
                    self.prelude.ordered = true;
                    lines = vec![format!("ordered({l}, {r})")];
                }
                lines.push(comparison);
                Some(lines)
            }
        }
    }

    /// Guards that the side of unknown type is of the other's.
    fn guards(&self, sides: &[(&String, Type); 2]) -> Vec<String> {
        let [(left, left_type), (right, right_type)] = sides;
        let guards = [left_type.guard(right), right_type.guard(left)];
        let needed = [*right_type == Type::Unknown, *left_type == Type::Unknown];
        guards.into_iter().zip(needed).filter(|(_, needed)| *needed).filter_map(|(guard, _)| guard).collect()
    }

    fn member(&mut self, value: &Operand, list: &List, positive: bool, element: Element<'_>) -> Body {
        let items = match list {
            List::Path(list) => {
                let plain = !matches!(value, Operand::Literal(Value::Number(_) | Value::Array(_) | Value::Object(_)));
                let (value, list) = (self.operand(value, element), path(list, element));
                if positive {
                    // A line must not begin with a sign or a bracket: Rego could read on from the line before it.
                    let found = if plain { format!("{value} in {list}") } else { format!("{list}[_] == {value}") };
                    return Some(vec![format!("is_array({list})"), found]);
                }
                self.prelude.not_in = true;
                return Some(vec![format!("not_in({value}, {list})")]);
            }
            List::Literal(items) => items,
        };
        if let Operand::Literal(_) = value {
            let member = Condition::Member { value: value.clone(), list: list.clone() };
            return constant(&if positive { member } else { Condition::Not(Box::new(member)) });
        }
        let of_value = Type::of(value);
        let comparable: Vec<&Value> =
            items.iter().filter(|item| of_value == Type::Unknown || Type::of_value(item) == of_value).collect();
        let null = items.iter().any(Value::is_null);
        let v = self.operand(value, element);
        let set = literal::set(comparable.iter().copied());
        if positive {
            return (!comparable.is_empty()).then(|| vec![format!("{v} in {set}")]);
        }
        if items.is_empty() || (comparable.is_empty() && null) {
            return Some(vec![self.present(&v)]);
        }
        if comparable.is_empty() {
            return None;
        }
        let mut types: Vec<Type> = comparable.iter().map(|item| Type::of_value(item)).collect();
        types.sort();
        types.dedup();
        let guard = match types.as_slice() {
            _ if null || of_value != Type::Unknown => self.present(&v),
            [only] => only.guard(&v).unwrap_or_else(|| self.present(&v)),
            several => {
                let names: Vec<String> = several.iter().map(|of| literal::string(of.name())).collect();
                format!("type_name({v}) in {{{}}}", names.join(", "))
            }
        };
        Some(vec![guard, format!("not {v} in {set}")])
    }

    fn text(&mut self, subject: &Operand, test: &TextTest, positive: bool, element: Element<'_>) -> Body {
        let argument = match test {
            TextTest::StartsWith(operand) | TextTest::EndsWith(operand) | TextTest::Contains(operand) => Some(operand),
            TextTest::Matches(_) | TextTest::Glob(_) => None,
        };
        if matches!(subject, Operand::Literal(_)) && matches!(argument, None | Some(Operand::Literal(_))) {
            let text = Condition::Text { subject: subject.clone(), test: test.clone() };
            return constant(&if positive { text } else { Condition::Not(Box::new(text)) });
        }
        let mut lines = Vec::new();
        for operand in [Some(subject), argument].into_iter().flatten() {
            if let Operand::Path(of_string) = operand {
                lines.push(format!("is_string({})", path(of_string, element)));
            }
        }
        let subject = self.operand(subject, element);
        let call = match test {
            TextTest::StartsWith(operand) => format!("startswith({subject}, {})", self.operand(operand, element)),
            TextTest::EndsWith(operand) => format!("endswith({subject}, {})", self.operand(operand, element)),
            TextTest::Contains(operand) => format!("contains({subject}, {})", self.operand(operand, element)),
            TextTest::Matches(pattern) | TextTest::Glob(pattern) => {
                format!("regex.match({}, {subject})", literal::string(pattern.re2()))
            }
        };
        lines.push(if positive { call } else { format!("not {call}") });
        Some(lines)
    }

    fn elements(
        &mut self,
        list: &str,
        every: bool,
        condition: &Condition,
        positive: bool,
        element: Element<'_>,
    ) -> Body {
        let item = match element.strip_prefix("item") {
            None => "item".to_owned(),
            Some(depth) => format!("item{}", depth.parse::<u32>().map_or(2, |depth| depth + 1)),
        };
        let array = format!("is_array({list})");
        let inner = self.body(condition, positive, &item);
        match (every, inner) {
            (true, Some(lines)) if lines.is_empty() => Some(vec![array]),
            (true, None) => Some(vec![array, format!("count({list}) == 0")]),
            (true, Some(lines)) => {
                // Rego refuses a variable that is not used.
                let item = if lines.iter().any(|line| mentions(line, &item)) { item.as_str() } else { "_" };
                let body = lines.join("\n").replace('\n', "\n\t");
                Some(vec![array, format!("every {item} in {list} {{\n\t{body}\n}}")])
            }
            (false, None) => None,
            (false, Some(lines)) if lines.is_empty() => Some(vec![array, format!("count({list}) > 0")]),
            (false, Some(lines)) if !lines.iter().any(|line| mentions(line, &item)) => {
                Some([array, format!("count({list}) > 0")].into_iter().chain(lines).collect())
            }
            (false, Some(lines)) => {
                // A rule of its own: two searches in one body would multiply.
                let body = std::iter::once(format!("some {item} in {list}")).chain(lines).collect();
                Some(vec![array, self.helper(&[body], element)])
            }
        }
    }

    fn operand(&mut self, operand: &Operand, element: Element<'_>) -> String {
        match operand {
            Operand::Path(of) => path(of, element),
            Operand::Literal(value) => literal::value(value),
            Operand::Count(of) => {
                self.prelude.size = true;
                format!("size({})", path(of, element))
            }
        }
    }

    fn present(&mut self, term: &str) -> String {
        self.prelude.present = true;
        format!("present({term})")
    }
}

/// Whether a line of Rego uses a variable: as a word outside strings that is no member's name.
fn mentions(line: &str, variable: Element<'_>) -> bool {
    let mut rest = line;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, c)| {
                    let closes = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    closes
                });
                end.map_or(rest.len(), |(at, _)| at + 1)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                if before != '.' && rest.get(..word) == Some(variable) {
                    return true;
                }
                word
            }
            _ => c.len_utf8(),
        };
        before = c;
        rest = rest.get(length..).unwrap_or("");
    }
    false
}

/// A condition that looks nothing up, decided.
fn constant(condition: &Condition) -> Body {
    (condition.evaluate(&Value::Null) == Truth::True).then(Vec::new)
}

/// A path as a Rego reference.
pub(super) fn path(of: &Path, element: Element<'_>) -> String {
    let mut out = match of.root {
        Root::Element => element.to_owned(),
        named => format!("input.{}", named.as_str()),
    };
    for step in &of.steps {
        let _ = match step {
            Step::Key(key) if literal::is_name(key) => write!(out, ".{key}"),
            Step::Key(key) => write!(out, "[{}]", literal::string(key)),
            Step::Index(index) => write!(out, "[{index}]"),
        };
    }
    out
}

/// What is known of a value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Unknown,
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    fn of(operand: &Operand) -> Self {
        match operand {
            Operand::Path(_) => Self::Unknown,
            Operand::Count(_) => Self::Number,
            Operand::Literal(value) => Self::of_value(value),
        }
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// The type as Rego's `type_name` gives it.
    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// The test that a term is of this type.
    fn guard(self, term: &str) -> Option<String> {
        (self != Self::Unknown).then(|| format!("is_{}({term})", self.name()))
    }
}
