//! What can be wrong with a GraphQL document, worded as OPA words it, and the bounds on the work that a document may cause.

use std::fmt::Write as _;

use super::ast::Position;
use crate::deadline::Deadline;
use crate::registry::BuiltinError;

/// Bytes of a schema or query.
pub(super) const MAX_TEXT: usize = 1 << 20;
/// Nesting of the tree as a value; what the sandbox and [`Value::parse`](crate::Value::parse) can read back.
pub(super) const MAX_NESTING: usize = 240;
/// Steps of validation. A large schema with a large query takes some 100,000.
const MAX_STEPS: usize = 3_000_000;
/// Steps between two looks at the clock.
const UNWATCHED: usize = 1000;
/// How deep validation follows selections and the fragments that they spread.
const MAX_CALLS: usize = 300;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) message: String,
    pub(super) position: Option<Position>,
}

/// Why a document is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// It breaks the syntax, or as a schema a rule.
    One(Finding),
    /// As a query, it breaks rules.
    Rules(Vec<Finding>),
    /// It came as a value that is not a syntax tree.
    Shape(String),
    /// A bound was reached.
    Bound(String),
    /// The decision's time is up.
    Timeout,
}

impl Refused {
    pub(super) fn at(position: Option<Position>, message: impl Into<String>) -> Self {
        Self::One(Finding { message: message.into(), position })
    }

    /// The error of a call that was given the document as a query, or as a schema to parse only.
    pub(super) fn into_error(self) -> BuiltinError {
        match self {
            Self::One(finding) => BuiltinError::Failed(located(&listed(&finding, Some((-1, -1))))),
            Self::Rules(findings) => {
                let lines = findings.iter().map(|finding| listed(finding, None) + "\n");
                BuiltinError::Failed(located(&lines.collect::<String>()))
            }
            Self::Shape(text) => BuiltinError::Failed(text),
            Self::Bound(text) => BuiltinError::Halt(text),
            Self::Timeout => BuiltinError::Timeout,
        }
    }

    /// The error of a call that was given the document as a schema to validate.
    pub(super) fn into_schema_error(self) -> BuiltinError {
        match self {
            Self::One(finding) => {
                let text = listed(&finding, Some((-1, -1)));
                BuiltinError::Failed(format!("Error in gqlparser SchemaDocument to Schema conversion: {text}"))
            }
            other => other.into_error(),
        }
    }
}

/// `FILE:LINE:COLUMN: MESSAGE`; without line and column if the finding has no place and there is none instead.
fn listed(finding: &Finding, instead: Option<(i64, i64)>) -> String {
    let file = if finding.position.is_some_and(|position| position.prelude) { "prelude.graphql" } else { "input" };
    match finding.position.map(|position| (position.line, position.column)).or(instead) {
        None => format!("{file}: {}", finding.message),
        Some((line, column)) => format!("{file}:{line}:{column}: {}", finding.message),
    }
}

/// The first finding's place goes behind what is found.
fn located(text: &str) -> String {
    let mut parts = text.splitn(4, ':').skip(1);
    let place = (parts.next().map(str::parse::<u64>), parts.next().map(str::parse::<u64>), parts.next());
    let (Some(Ok(row)), Some(Ok(column)), Some(rest)) = place else { return format!("GraphQL parse error: {text}") };
    let rest = rest.trim_start_matches(' ');
    format!("{} in GraphQL string at location {row}:{column}", rest.strip_suffix(".\n").unwrap_or(rest))
}

/// Text in double quotes, with the escapes that Go would write.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || (c.is_whitespace() && c != ' ') || c == '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Counts the steps of validation and the depth of its calls.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    calls: usize,
    deadline: Deadline,
    /// Steps until the clock is looked at.
    unwatched: usize,
}

impl Budget {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self { steps: 0, calls: 0, deadline, unwatched: UNWATCHED }
    }

    /// # Errors
    /// [`Refused::Bound`] if the document has taken more steps than any document may.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Refused> {
        self.steps = self.steps.saturating_add(steps).saturating_add(1);
        if self.steps > MAX_STEPS {
            return Err(Refused::Bound(format!("GraphQL validation takes more than {MAX_STEPS} steps")));
        }
        match self.unwatched.checked_sub(steps.saturating_add(1)) {
            Some(left) => self.unwatched = left,
            None => {
                self.unwatched = UNWATCHED;
                self.deadline.check().map_err(|_| Refused::Timeout)?;
            }
        }
        Ok(())
    }

    /// Goes one call deeper; [`Budget::leave`] comes back.
    ///
    /// # Errors
    /// [`Refused::Bound`] where that is too deep.
    pub(super) fn enter(&mut self) -> Result<(), Refused> {
        self.calls = self.calls.saturating_add(1);
        if self.calls > MAX_CALLS {
            let problem = format!("GraphQL selections and fragments nest more than {MAX_CALLS} deep");
            return Err(Refused::Bound(problem));
        }
        self.spend(1)
    }

    pub(super) fn leave(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }
}
