//! What came of a case, held against what the case wants.
//!
//! Takes a [`Case`] and its [`Ending`], gives a [`Verdict`]. Answers are compared as OPA's own suite does: as a set, sets in
//! them as sorted arrays, numbers by their worth. Of errors the code is compared, not the words.

use std::collections::BTreeSet;

use sealgate::DecideError;
use sealgate::builtins::Value;

use super::case::{Case, Want};

/// How a case ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// With answers.
    Rows(Vec<Value>),
    /// The compiler refused it.
    Refused {
        /// Codes of the findings.
        codes: Vec<String>,
        /// The first finding.
        message: String,
    },
    /// The module needs builtins that no host has.
    NoBuiltins(Vec<String>),
    /// Evaluation ended without answers.
    Stopped(DecideError),
    /// The module or the input could not be made or loaded.
    Broken(String),
    /// The input is no JSON, and there is no query that it could be written into.
    InputNotJson,
}

/// Whether a case passed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Failed(Failed),
}

/// A failure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failed {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

/// Kinds of failure. All but [`Kind::Wrong`] fail closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A builtin is not there.
    Builtin,
    /// The compiler refuses what it should take.
    Compile,
    /// The case wants builtin errors to end the evaluation.
    Strict,
    /// The case has an input that JSON cannot carry.
    Input,
    /// Evaluation or loading ended with another error than wanted.
    Stopped,
    /// It was compiled and evaluated, to something else than it means.
    Wrong,
}

/// The reason in the list for cases that are miscompiled.
pub(crate) const WRONG_RESULT: &str = "wrong result";

impl Verdict {
    pub(crate) const fn failed(kind: Kind, detail: String) -> Self {
        Self::Failed(Failed { kind, detail })
    }
}

impl Failed {
    /// The reason as the list of what is not supported gives it, on one line.
    pub(crate) fn reason(&self) -> String {
        let first = self.detail.lines().next().unwrap_or_default().replace('\t', " ");
        match self.kind {
            Kind::Builtin => first,
            Kind::Compile => format!("compile error: {first}"),
            Kind::Strict => "strict builtin errors".to_owned(),
            Kind::Input => "the input is not JSON".to_owned(),
            Kind::Stopped => format!("stopped: {first}"),
            Kind::Wrong => WRONG_RESULT.to_owned(),
        }
    }

    /// The reason with everything that is known about it.
    pub(crate) fn explain(&self) -> String {
        match self.kind {
            Kind::Strict | Kind::Wrong => format!("{}: {}", self.reason(), self.detail),
            Kind::Builtin | Kind::Compile | Kind::Stopped | Kind::Input => self.reason(),
        }
    }
}

/// Judges a case by how it ended.
pub(crate) fn judge(case: &Case, ending: Ending) -> Verdict {
    match (&case.want, ending) {
        (Want::Error(code), Ending::Refused { codes, .. }) if codes.contains(code) => Verdict::Passed,
        (Want::Error(code), Ending::Stopped(error)) if code_of(&error) == Some(code) => Verdict::Passed,
        (Want::Error(code), Ending::Rows(rows)) => {
            let detail = format!("wants {code}, gives {}", text(&rows));
            // Without strictness a failed builtin is undefined, and whatever follows from that.
            Verdict::failed(if case.strict { Kind::Strict } else { Kind::Wrong }, detail)
        }
        (Want::AnyError, Ending::Refused { .. } | Ending::Stopped(_)) | (Want::Nothing, Ending::Rows(_)) => {
            Verdict::Passed
        }
        (Want::AnyError, Ending::Rows(rows)) => {
            let detail = format!("wants an error, gives {}", text(&rows));
            Verdict::failed(if case.strict { Kind::Strict } else { Kind::Wrong }, detail)
        }
        (Want::Defined(wanted), Ending::Rows(rows)) => {
            if rows.is_empty() != *wanted {
                return Verdict::Passed;
            }
            let wants = if *wanted { "an answer" } else { "no answer" };
            Verdict::failed(Kind::Wrong, format!("wants {wants}, gives {}", text(&rows)))
        }
        (Want::Rows(wanted), Ending::Rows(rows)) => compare(case, wanted, rows),
        (_, Ending::Refused { message, .. }) => Verdict::failed(Kind::Compile, message),
        (_, Ending::NoBuiltins(names)) => {
            let (what, are) = if names.len() == 1 { ("builtin", "is") } else { ("builtins", "are") };
            Verdict::failed(Kind::Builtin, format!("{what} {} {are} not available", names.join(", ")))
        }
        (_, Ending::Stopped(error)) => Verdict::failed(Kind::Stopped, error.to_string()),
        (_, Ending::Broken(message)) => Verdict::failed(Kind::Stopped, message),
        (_, Ending::InputNotJson) => Verdict::failed(Kind::Input, String::new()),
    }
}

/// OPA's code for what a policy gave up with.
fn code_of(error: &DecideError) -> Option<&'static str> {
    match error {
        DecideError::Rego(error) => Some(error.code.as_str()),
        // What must not go on ends the evaluation through the same door, and OPA has no other code for it.
        DecideError::BuiltinFailed { .. } => Some("eval_builtin_error"),
        _ => None,
    }
}

fn compare(case: &Case, wanted: &[serde_json::Map<String, serde_json::Value>], rows: Vec<Value>) -> Verdict {
    let mut wants = BTreeSet::new();
    for row in wanted {
        let row = serde_json::Value::Object(row.clone()).to_string();
        match Value::parse(&row) {
            Ok(value) => wants.insert(normal(case, value)),
            Err(error) => {
                return Verdict::failed(Kind::Stopped, format!("the wanted result is unreadable: {}", error.problem));
            }
        };
    }
    let gives: BTreeSet<Value> = rows.into_iter().map(|row| normal(case, row)).collect();
    if wants == gives {
        return Verdict::Passed;
    }
    Verdict::failed(Kind::Wrong, format!("wants {}, gives {}", text(&wants), text(&gives)))
}

/// A row in the form in which equal rows are equal.
fn normal(case: &Case, row: Value) -> Value {
    let Value::Object(bindings) = row else { return row };
    let generated =
        |name: &Value| name.as_str().is_some_and(|name| name.starts_with("__local") || name.starts_with('$'));
    let kept = bindings.into_iter().filter(|(name, _)| !(case.ignore_generated_vars && generated(name)));
    Value::Object(kept.map(|(name, value)| (name, if case.sort_bindings { sorted(value) } else { value })).collect())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.sort();
            Value::Array(items)
        }
        other => other,
    }
}

/// Characters of a result that a message shows.
const SHOWN: usize = 400;

fn text<'a>(rows: impl IntoIterator<Item = &'a Value>) -> String {
    let rows: Vec<String> = rows.into_iter().map(Value::to_text).collect();
    let all = format!("[{}]", rows.join(", "));
    match all.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", all.get(..at).unwrap_or_default()),
        None => all,
    }
}

#[cfg(test)]
mod tests;
