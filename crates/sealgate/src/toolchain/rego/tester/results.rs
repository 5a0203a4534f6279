//! What came of a test, in the shape in which `opa test --format=json` gives it.

use std::collections::BTreeMap;
use std::time::Duration;

use sealgate_runtime::DecideError;
use serde_json::{Map, Value, json};

use super::discover::Test;

/// What came of one test.
#[derive(Clone, Debug, Default)]
pub struct TestResult {
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub row: u32,
    /// Its column, from 1.
    pub column: u32,
    /// Its package as a reference.
    pub package: String,
    /// Its name below the package.
    pub name: String,
    /// Whether it did not hold.
    pub fail: bool,
    /// Whether it was not run because it is called `todo_test_…`.
    pub skip: bool,
    /// What kept it from being decided.
    pub error: Option<TestError>,
    /// How long it took.
    pub duration: Duration,
    /// What it printed.
    pub output: String,
    /// What came of its cases.
    pub sub_results: BTreeMap<String, SubResult>,
}

/// What came of a case, or of the cases below a key.
#[derive(Clone, Debug, Default)]
pub struct SubResult {
    /// Whether it, or any below it, did not hold.
    pub fail: bool,
    /// The cases below it.
    pub sub_results: BTreeMap<String, SubResult>,
}

/// What kept a test from being decided.
#[derive(Clone, Debug)]
pub struct TestError {
    /// OPA's code where it has one for it.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl TestError {
    pub(super) fn of(error: &DecideError) -> Self {
        let (code, message) = match error {
            DecideError::Rego(error) => (error.code.as_str(), error.to_string()),
            DecideError::Timeout => ("eval_cancel_error", error.to_string()),
            DecideError::BuiltinFailed { .. } => ("eval_builtin_error", error.to_string()),
            other => ("eval_internal_error", other.to_string()),
        };
        Self { code: code.to_owned(), message }
    }
}

impl TestResult {
    pub(super) fn of(test: &Test) -> Self {
        Self {
            file: test.file.clone(),
            row: test.row,
            column: test.column,
            package: test.package.clone(),
            name: test.name.clone(),
            ..Self::default()
        }
    }

    /// Whether it holds.
    pub fn passed(&self) -> bool {
        !self.fail && !self.skip && self.error.is_none()
    }

    /// `PASS`, `FAIL`, `SKIPPED` or `ERROR`.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self { skip: true, .. } => "SKIPPED",
            Self { error: Some(_), .. } => "ERROR",
            Self { fail: true, .. } => "FAIL",
            _ => "PASS",
        }
    }

    /// The result with the result set that the test's document gave, and the cases that it announced.
    pub(super) fn with_answer(mut self, test: &Test, answer: &str, cases: &[Vec<String>]) -> Self {
        let value = match serde_json::from_str::<Vec<Map<String, Value>>>(answer) {
            Ok(rows) => rows.into_iter().next().and_then(|mut row| row.remove("result")),
            Err(error) => {
                let message = format!("the result cannot be read: {error}");
                self.error = Some(TestError { code: "eval_internal_error".to_owned(), message });
                return self;
            }
        };
        match value {
            Some(Value::Object(document)) if test.has_cases => {
                (self.fail, self.sub_results) = of_cases(document);
                for keys in cases {
                    self.fail |= began(&mut self.sub_results, keys);
                }
            }
            value => self.fail = value != Some(Value::Bool(true)),
        }
        self
    }

    /// The leaves of its cases: how many hold, and how many do not.
    pub fn case_counts(&self) -> (usize, usize) {
        let mut open: Vec<&SubResult> = self.sub_results.values().collect();
        let (mut passed, mut failed) = (0, 0);
        while let Some(result) = open.pop() {
            open.extend(result.sub_results.values());
            if result.sub_results.is_empty() {
                *(if result.fail { &mut failed } else { &mut passed }) += 1;
            }
        }
        (passed, failed)
    }

    /// As JSON, in OPA's shape: what is false or empty is left out, durations are nanoseconds.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("location".into(), json!({"file": self.file, "row": self.row, "col": self.column}));
        object.insert("package".into(), self.package.as_str().into());
        object.insert("name".into(), self.name.as_str().into());
        if self.fail {
            object.insert("fail".into(), true.into());
        }
        if let Some(error) = &self.error {
            object.insert("error".into(), json!({"code": error.code, "message": error.message}));
        }
        if self.skip {
            object.insert("skip".into(), true.into());
        }
        object.insert("duration".into(), u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX).into());
        if !self.output.is_empty() {
            object.insert("output".into(), self.output.as_str().into());
        }
        if !self.sub_results.is_empty() {
            object.insert("sub_results".into(), sub_results_json(&self.sub_results));
        }
        Value::Object(object)
    }
}

fn sub_results_json(results: &BTreeMap<String, SubResult>) -> Value {
    let one = |(name, result): (&String, &SubResult)| {
        let mut object = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
        if result.fail {
            object.insert("fail".into(), true.into());
        }
        if !result.sub_results.is_empty() {
            object.insert("sub_results".into(), sub_results_json(&result.sub_results));
        }
        (name.clone(), Value::Object(object))
    };
    Value::Object(results.iter().map(one).collect())
}

/// The members of a test's document as cases.
fn of_cases(document: Map<String, Value>) -> (bool, BTreeMap<String, SubResult>) {
    let results: BTreeMap<String, SubResult> = document
        .into_iter()
        .map(|(name, value)| {
            let result = match value {
                Value::Object(members) => {
                    let (fail, sub_results) = of_cases(members);
                    SubResult { fail, sub_results }
                }
                value => SubResult { fail: value != Value::Bool(true), sub_results: BTreeMap::new() },
            };
            (name, result)
        })
        .collect();
    (results.values().any(|result| result.fail), results)
}

/// Notes that a case began: one that has no result failed. Gives whether it did.
fn began(results: &mut BTreeMap<String, SubResult>, keys: &[String]) -> bool {
    let Some((key, rest)) = keys.split_first() else { return true };
    let result = results.entry(key.clone()).or_insert_with(|| SubResult { fail: true, sub_results: BTreeMap::new() });
    if rest.is_empty() {
        return result.fail;
    }
    let failed = began(&mut result.sub_results, rest);
    result.fail |= failed;
    failed
}
