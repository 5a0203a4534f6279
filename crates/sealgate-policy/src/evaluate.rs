//! The reference: what a policy decides about a call, computed straight from the typed policy.
//!
//! Written to be plainly right rather than fast. The Rego that is emitted, and the Wasm that is compiled from it, must
//! decide the same on every input.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::constraint::{CompareOp, Condition, List, Operand, Path, Quantifier, Root, Step, TextTest};
use crate::document::Mode;
use crate::number;
use crate::policy_set::{Check, PolicySet};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may run.
    Allow,
    /// It may not.
    Deny,
    /// It may run once somebody approves.
    NeedsApproval,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The mode is `allow` and every check holds.
    Allowed,
    /// The mode is `approval_required` and every check holds.
    ApprovalRequired,
    /// A check does not hold.
    ConstraintFailed,
    /// The tool's mode is `deny`.
    DeniedByMode,
    /// The tool is not listed, and the mode for such is `deny`.
    DeniedByDefault,
    /// The policy knows neither the caller's role nor a role `default`.
    UnknownRole,
    /// The input names no tool.
    InvalidRequest,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Allowed,
        Self::ApprovalRequired,
        Self::ConstraintFailed,
        Self::DeniedByMode,
        Self::DeniedByDefault,
        Self::UnknownRole,
        Self::InvalidRequest,
    ];

    /// The reason as the decision document has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ApprovalRequired => "approval_required",
            Self::ConstraintFailed => "constraint_failed",
            Self::DeniedByMode => "denied_by_mode",
            Self::DeniedByDefault => "denied_by_default",
            Self::UnknownRole => "unknown_role",
            Self::InvalidRequest => "invalid_request",
        }
    }
}

/// What a policy decides about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What becomes of the call.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The entry of the policy that decided, as [`Grant::rule`](crate::Grant::rule) has it.
    pub rule: Option<String>,
    /// The text of each check that does not hold, in policy order.
    pub violations: Vec<String>,
}

impl Evaluation {
    /// The decision document that the emitted Rego gives: `violations` sorted and unique as Rego orders a set,
    /// `failures` in policy order.
    pub fn document(&self) -> Value {
        let unique: std::collections::BTreeSet<&String> = self.violations.iter().collect();
        json!({
            "allow": self.outcome == Outcome::Allow,
            "failures": self.violations,
            "reason": self.reason.as_str(),
            "requires_approval": self.outcome == Outcome::NeedsApproval,
            "rule": self.rule,
            "violations": unique,
        })
    }
}

impl PolicySet {
    /// Decides about a call, given as the input document `{role, tool, args, ctx, user, run}`; only `tool` is required.
    pub fn evaluate(&self, input: &Value) -> Evaluation {
        let deny = |reason| Evaluation { outcome: Outcome::Deny, reason, rule: None, violations: Vec::new() };
        let Some(tool) = input.get("tool").and_then(Value::as_str) else { return deny(Reason::InvalidRequest) };
        let asked = input.get("role").and_then(Value::as_str);
        let Some(role) = self.effective_role(asked) else { return deny(Reason::UnknownRole) };
        let grant = role.grant(tool);
        let failed = grant.checks.iter().filter_map(|id| self.check(*id)).filter(|check| !check.holds(input));
        let violations: Vec<String> = failed.map(|check| check.text().to_owned()).collect();
        let listed = role.lists(tool);
        let (outcome, reason) = match grant.mode {
            _ if !violations.is_empty() => (Outcome::Deny, Reason::ConstraintFailed),
            Mode::Allow => (Outcome::Allow, Reason::Allowed),
            Mode::ApprovalRequired => (Outcome::NeedsApproval, Reason::ApprovalRequired),
            Mode::Deny if listed => (Outcome::Deny, Reason::DeniedByMode),
            Mode::Deny => (Outcome::Deny, Reason::DeniedByDefault),
        };
        Evaluation { outcome, reason, rule: Some(grant.rule.clone()), violations }
    }
}

impl Check {
    /// Whether the check holds of a call: an undefined constraint does not.
    pub fn holds(&self, input: &Value) -> bool {
        match self {
            Self::Constraint { condition, .. } => condition.truth(Scope { input, element: None }) == Truth::True,
            Self::FileScope(scope) => {
                let scope_of = Scope { input, element: None };
                scope.arguments.iter().all(|path| scope_of.look_up(path).is_some_and(|value| scope.permits(value)))
            }
        }
    }
}

impl Condition {
    /// What the condition is of a call, outside every list.
    pub fn evaluate(&self, input: &Value) -> Truth {
        self.truth(Scope { input, element: None })
    }

    fn truth(&self, scope: Scope<'_>) -> Truth {
        match self {
            Self::Compare { left, op, right } => compare(left, *op, right, scope),
            Self::Member { value, list } => member(value, list, scope),
            Self::Text { subject, test } => text(subject, test, scope),
            Self::Not(inner) => inner.truth(scope).not(),
            Self::And(all) => all.iter().map(|each| each.truth(scope)).fold(Truth::True, Truth::and),
            Self::Or(all) => all.iter().map(|each| each.truth(scope)).fold(Truth::False, Truth::or),
            Self::Elements { list, quantifier, condition } => {
                let Some(Value::Array(items)) = scope.look_up(list) else { return Truth::Undefined };
                let truths = items.iter().map(|item| condition.truth(Scope { element: Some(item), ..scope }));
                match quantifier {
                    Quantifier::Every => truths.fold(Truth::True, Truth::and),
                    Quantifier::Any => truths.fold(Truth::False, Truth::or),
                }
            }
        }
    }
}

/// Kleene's three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// There is nothing to say.
    Undefined,
}

impl Truth {
    /// False if either is false, else undefined if either is undefined.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Undefined,
        }
    }

    /// True if either is true, else undefined if either is undefined.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// The opposite; undefined stays undefined.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "Kleene's `not` stands with `and` and `or`, which have no operator"
    )]
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Undefined => Self::Undefined,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// What paths look into.
#[derive(Clone, Copy)]
struct Scope<'a> {
    input: &'a Value,
    element: Option<&'a Value>,
}

impl<'a> Scope<'a> {
    fn look_up(self, path: &Path) -> Option<&'a Value> {
        let root = match path.root {
            Root::Element => self.element?,
            named => self.input.get(named.as_str())?,
        };
        path.steps.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index as usize),
        })
    }

    /// The value of an operand, and whether it is a literal.
    fn value(self, operand: &Operand) -> Option<(Value, bool)> {
        match operand {
            Operand::Literal(value) => Some((value.clone(), true)),
            Operand::Path(path) => Some((self.look_up(path)?.clone(), false)),
            Operand::Count(path) => {
                let count = match self.look_up(path)? {
                    Value::Array(items) => items.len(),
                    Value::Object(members) => members.len(),
                    Value::String(text) => text.chars().count(),
                    _ => return None,
                };
                Some((Value::from(count), false))
            }
        }
    }
}

fn compare(left: &Operand, op: CompareOp, right: &Operand, scope: Scope<'_>) -> Truth {
    let (Some((left, left_literal)), Some((right, right_literal))) = (scope.value(left), scope.value(right)) else {
        return Truth::Undefined;
    };
    if op.is_equality() {
        let literal_null = (left_literal && left.is_null()) || (right_literal && right.is_null());
        if !literal_null && !same_type(&left, &right) {
            return Truth::Undefined;
        }
        return Truth::from(equal(&left, &right) == (op == CompareOp::Equal));
    }
    let order = match (&left, &right) {
        (Value::Number(left), Value::Number(right)) => number::compare(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ => return Truth::Undefined,
    };
    Truth::from(match op {
        CompareOp::Less => order == Ordering::Less,
        CompareOp::LessEqual => order != Ordering::Greater,
        CompareOp::Greater => order == Ordering::Greater,
        CompareOp::GreaterEqual => order != Ordering::Less,
        CompareOp::Equal | CompareOp::NotEqual => return Truth::Undefined,
    })
}

fn member(value: &Operand, list: &List, scope: Scope<'_>) -> Truth {
    let Some((value, _)) = scope.value(value) else { return Truth::Undefined };
    let (items, literal) = match list {
        List::Literal(items) => (items, true),
        List::Path(path) => match scope.look_up(path) {
            Some(Value::Array(items)) => (items, false),
            _ => return Truth::Undefined,
        },
    };
    let comparable = |item: &&Value| same_type(item, &value) || (literal && item.is_null());
    if !items.is_empty() && !items.iter().any(|item| comparable(&item)) {
        return Truth::Undefined;
    }
    Truth::from(items.iter().any(|item| equal(item, &value)))
}

fn text(subject: &Operand, test: &TextTest, scope: Scope<'_>) -> Truth {
    let string = |operand: &Operand| match scope.value(operand) {
        Some((Value::String(text), _)) => Some(text),
        _ => None,
    };
    let Some(subject) = string(subject) else { return Truth::Undefined };
    let with = |operand: &Operand, test: fn(&str, &str) -> bool| match string(operand) {
        Some(argument) => Truth::from(test(&subject, &argument)),
        None => Truth::Undefined,
    };
    match test {
        TextTest::StartsWith(operand) => with(operand, |subject, argument| subject.starts_with(argument)),
        TextTest::EndsWith(operand) => with(operand, |subject, argument| subject.ends_with(argument)),
        TextTest::Contains(operand) => with(operand, |subject, argument| subject.contains(argument)),
        TextTest::Matches(pattern) | TextTest::Glob(pattern) => Truth::from(pattern.is_match(&subject)),
    }
}

fn same_type(left: &Value, right: &Value) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// Equality of JSON values, numbers by value.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => number::compare(left, right) == Ordering::Equal,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests;
