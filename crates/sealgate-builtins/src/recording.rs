//! What the non-deterministic builtins of one decision gave, as a document, so that the decision can be made again.
//!
//! The document is `{"version": 1, "builtins": {NAME: {ARGUMENTS: OUTCOME}}}`, where ARGUMENTS is the Rego text of the list
//! of arguments and OUTCOME is `{"value": TEXT}` (the result as Rego text), `{"undefined": true}`, `{"failed": MESSAGE}` or
//! `{"halted": MESSAGE}`. Results are text because sets are no JSON and because many readers of JSON round a time in
//! nanoseconds. [`Recording::nd_builtin_cache`] is the shape of OPA's decision logs.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::registry::BuiltinError;
use crate::value::Value;

/// Calls that one decision may record, and bytes of their arguments and results.
const MAX_CALLS: usize = 1 << 16;
const MAX_BYTES: usize = 64 << 20;

const TIME: &str = "time.now_ns";
const NO_ARGUMENTS: &str = "[]";

/// The calls of one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// By builtin and by the text of the arguments.
    calls: BTreeMap<String, BTreeMap<String, Outcome>>,
    count: usize,
    bytes: usize,
}

/// Why a text is not a recording.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("not a recording: {0}")]
pub struct RecordingError(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(Value),
    Undefined,
    Failed(String),
    Halted(String),
}

impl Outcome {
    pub(crate) fn of(result: &Result<Option<Value>, BuiltinError>) -> Self {
        match result {
            Ok(Some(value)) => Self::Value(value.clone()),
            Ok(None) => Self::Undefined,
            Err(error @ (BuiltinError::Halt(_) | BuiltinError::Timeout)) => Self::Halted(error.to_string()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }

    pub(crate) fn into_result(self) -> Result<Option<Value>, BuiltinError> {
        match self {
            Self::Value(value) => Ok(Some(value)),
            Self::Undefined => Ok(None),
            Self::Failed(text) => Err(BuiltinError::Failed(text)),
            Self::Halted(text) => Err(BuiltinError::Halt(text)),
        }
    }

    fn to_document(&self) -> Value {
        let (key, value) = match self {
            Self::Value(value) => ("value", value.to_text().into()),
            Self::Undefined => ("undefined", Value::Bool(true)),
            Self::Failed(text) => ("failed", text.as_str().into()),
            Self::Halted(text) => ("halted", text.as_str().into()),
        };
        Value::Object(BTreeMap::from([(key.into(), value)]))
    }

    fn from_document(document: &Value) -> Option<Self> {
        let Value::Object(entries) = document else { return None };
        let (key, value) = entries.first_key_value().filter(|_| entries.len() == 1)?;
        match (key.as_str()?, value) {
            ("value", Value::String(text)) => Value::parse(text).ok().map(Self::Value),
            ("undefined", Value::Bool(true)) => Some(Self::Undefined),
            ("failed", Value::String(text)) => Some(Self::Failed(text.clone())),
            ("halted", Value::String(text)) => Some(Self::Halted(text.clone())),
            _ => None,
        }
    }
}

impl Recording {
    /// Reads the document.
    ///
    /// # Errors
    /// [`RecordingError`] if it is anything else, or of another version.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let wrong = |problem: &str| RecordingError(problem.to_owned());
        let document = Value::parse(text).map_err(|error| RecordingError(error.to_string()))?;
        let Value::Object(document) = document else { return Err(wrong("it is no object")) };
        if document.get(&"version".into()) != Some(&1.into()) {
            return Err(wrong("its version is not 1"));
        }
        let Some(Value::Object(builtins)) = document.get(&"builtins".into()) else {
            return Err(wrong("it has no `builtins`"));
        };
        let mut recording = Self::default();
        for (name, calls) in builtins {
            let (Value::String(name), Value::Object(calls)) = (name, calls) else {
                return Err(wrong("a builtin has no calls"));
            };
            for (args, outcome) in calls {
                let Some(args) = args.as_str() else { return Err(wrong("arguments are no text")) };
                let args = Value::parse(args).map_err(|_| wrong("arguments are no value"))?.to_text();
                let outcome = Outcome::from_document(outcome).ok_or_else(|| wrong("an outcome is unreadable"))?;
                recording.put(name, args, outcome).map_err(|_| wrong("it is too large"))?;
            }
        }
        Ok(recording)
    }

    /// The document, as JSON.
    pub fn to_json(&self) -> String {
        let calls = |calls: &BTreeMap<String, Outcome>| {
            Value::Object(calls.iter().map(|(args, outcome)| (args.as_str().into(), outcome.to_document())).collect())
        };
        let builtins = self.calls.iter().map(|(name, made)| (name.as_str().into(), calls(made))).collect();
        let document = [("builtins", Value::Object(builtins)), ("version", 1.into())];
        Value::Object(document.map(|(key, value)| (key.into(), value)).into()).to_text()
    }

    /// The defined results in the shape of the field `nd_builtin_cache` of OPA's decision logs:
    /// `{NAME: {ARGUMENTS: RESULT}}`.
    pub fn nd_builtin_cache(&self) -> Value {
        let calls = |calls: &BTreeMap<String, Outcome>| {
            let defined = calls.iter().filter_map(|(args, outcome)| match outcome {
                Outcome::Value(value) => Some((args.as_str().into(), value.clone())),
                _ => None,
            });
            Value::Object(defined.collect())
        };
        Value::Object(self.calls.iter().map(|(name, made)| (name.as_str().into(), calls(made))).collect())
    }

    /// Whether no call was recorded: the decision depends on nothing but its input.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn get(&self, name: &str, args: &[Value]) -> Option<Outcome> {
        self.calls.get(name)?.get(&arguments(args)).cloned()
    }

    /// Keeps the first outcome of each call.
    pub(crate) fn insert(&mut self, name: &str, args: &[Value], outcome: Outcome) -> Result<(), BuiltinError> {
        self.put(name, arguments(args), outcome)
    }

    pub(crate) fn time(&self) -> Option<i64> {
        match self.calls.get(TIME)?.get(NO_ARGUMENTS)? {
            Outcome::Value(value) => value.as_number()?.as_i64(),
            _ => None,
        }
    }

    pub(crate) fn set_time(&mut self, now: i64) {
        // One small entry more than the bound does no harm.
        let _ = self.put(TIME, NO_ARGUMENTS.to_owned(), Outcome::Value(now.into()));
    }

    fn put(&mut self, name: &str, args: String, outcome: Outcome) -> Result<(), BuiltinError> {
        let size = args.len().saturating_add(match &outcome {
            Outcome::Value(value) => value.to_text().len(),
            Outcome::Undefined => 0,
            Outcome::Failed(text) | Outcome::Halted(text) => text.len(),
        });
        let (count, bytes) = (self.count.saturating_add(1), self.bytes.saturating_add(size));
        if count > MAX_CALLS || bytes > MAX_BYTES {
            return Err(BuiltinError::Halt("too many calls to record".to_owned()));
        }
        let calls = self.calls.entry(name.to_owned()).or_default();
        if let std::collections::btree_map::Entry::Vacant(place) = calls.entry(args) {
            place.insert(outcome);
            (self.count, self.bytes) = (count, bytes);
        }
        Ok(())
    }
}

fn arguments(args: &[Value]) -> String {
    Value::Array(args.to_vec()).to_text()
}
