//! The real `opa` as an oracle: evaluates, checks, formats and builds.
//!
//! Starting `opa` costs some 50 ms, so questions come in batches: [`Opa::eval_inputs`] decides any number of inputs in
//! one process.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::{Missing, find_program};

/// An installed `opa`.
#[derive(Clone, Debug)]
pub struct Opa {
    program: PathBuf,
}

/// What to evaluate: modules and data, then a query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evaluation<'a> {
    /// Module texts by file name (which must end in `.rego`).
    pub modules: &'a [(&'a str, &'a str)],
    /// The base document `data`.
    pub data: Option<&'a Value>,
    /// Parse modules as Rego v0.
    pub v0: bool,
    /// Errors of builtins end the evaluation.
    pub strict_builtin_errors: bool,
}

/// Why `opa` gave no value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpaError {
    /// It refused the modules or the evaluation failed; codes such as `rego_parse_error`, `eval_conflict_error`.
    #[error("{}", .0.iter().map(|(code, message)| format!("{code}: {message}")).collect::<Vec<_>>().join("; "))]
    Refused(Vec<(String, String)>),
    /// It could not be run or said something unexpected.
    #[error("opa: {0}")]
    Failed(String),
}

/// An error of a builtin that did not end the evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinFailure {
    /// The line of the call in its module.
    pub row: usize,
    /// OPA's code, `eval_type_error` or `eval_builtin_error`.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl OpaError {
    /// The error codes in the order given.
    pub fn codes(&self) -> Vec<&str> {
        match self {
            Self::Refused(errors) => errors.iter().map(|(code, _)| code.as_str()).collect(),
            Self::Failed(_) => Vec::new(),
        }
    }
}

impl Opa {
    /// The program named by `SEALGATE_OPA`, in `.tools/bin`, on `PATH` or in `~/go/bin`.
    pub fn find() -> Result<Self, Missing> {
        find_program("opa", "SEALGATE_OPA").map(|program| Self { program }).ok_or_else(|| Missing {
            what: "opa".to_owned(),
            how: "CGO_ENABLED=1 go install -tags opa_wasm github.com/open-policy-agent/opa@v1.20.2".to_owned(),
        })
    }

    /// Where the program lies.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs `opa` with these arguments in `folder`, `stdin` given.
    pub fn run(&self, folder: &Path, args: &[&str], stdin: &str) -> Result<Output, OpaError> {
        let failed = |error: std::io::Error| OpaError::Failed(error.to_string());
        let mut child = Command::new(&self.program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut pipe = child.stdin.take().ok_or_else(|| OpaError::Failed("no stdin".to_owned()))?;
        let text = stdin.to_owned();
        // A thread of its own: a program that writes before it has read everything must not wait for us.
        let writer = std::thread::spawn(move || {
            // It may end without having read all: its output tells why.
            let _ = std::io::Write::write_all(&mut pipe, text.as_bytes());
        });
        let output = child.wait_with_output().map_err(failed)?;
        writer.join().map_err(|_| OpaError::Failed("the writer to stdin panicked".to_owned()))?;
        Ok(output)
    }

    /// The value of `query` (a term), or `None` where it is undefined.
    pub fn eval(
        &self,
        evaluation: Evaluation<'_>,
        query: &str,
        input: Option<&Value>,
    ) -> Result<Option<Value>, OpaError> {
        let bindings = self.eval_bindings(evaluation, &format!("sealgate_value := {query}"), input)?;
        Ok(bindings.into_iter().next().and_then(|row| row.get("sealgate_value").cloned()))
    }

    /// The value of `query` (a term over `input`) for each input, `None` where it is undefined.
    pub fn eval_inputs(
        &self,
        evaluation: Evaluation<'_>,
        query: &str,
        inputs: &[Value],
    ) -> Result<Vec<Option<Value>>, OpaError> {
        // An object by index keeps undefined results apart; a rule over `input` sees each in turn through `with`.
        let all = format!(
            "sealgate_values := {{i: v | some i, case in input.sealgate_cases; v := {query} with input as case}}"
        );
        let wrapped = json!({ "sealgate_cases": inputs });
        let bindings = self.eval_bindings(evaluation, &all, Some(&wrapped))?;
        let Some(values) = bindings.first().and_then(|row| row.get("sealgate_values")) else {
            return Err(OpaError::Failed("no result for the batch".to_owned()));
        };
        Ok((0..inputs.len()).map(|index| values.get(index.to_string()).cloned()).collect())
    }

    /// The value of `query` (a term), `None` where it is undefined, and every error of a builtin on the way, which ends
    /// nothing.
    pub fn eval_with_errors(
        &self,
        evaluation: Evaluation<'_>,
        query: &str,
    ) -> Result<(Option<Value>, Vec<BuiltinFailure>), OpaError> {
        let query = format!("sealgate_value := {query}");
        let said = self.eval_output(evaluation, &query, None, &["--show-builtin-errors"])?;
        let errors = said.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut failures = Vec::with_capacity(errors.len());
        for error in &errors {
            let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
            let row = error.pointer("/location/row").and_then(Value::as_u64).and_then(|row| usize::try_from(row).ok());
            match row {
                Some(row) if matches!(code, "eval_type_error" | "eval_builtin_error") => {
                    let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
                    failures.push(BuiltinFailure { row, code: code.to_owned(), message });
                }
                _ => return Err(refused(&errors)),
            }
        }
        Ok((said.pointer("/result/0/bindings/sealgate_value").cloned(), failures))
    }

    /// Every row of bindings of a query.
    pub fn eval_bindings(
        &self,
        evaluation: Evaluation<'_>,
        query: &str,
        input: Option<&Value>,
    ) -> Result<Vec<Value>, OpaError> {
        let said = self.eval_output(evaluation, query, input, &[])?;
        if let Some(errors) = said.get("errors").and_then(Value::as_array) {
            return Err(refused(errors));
        }
        let rows = said.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(rows.into_iter().filter_map(|row| row.get("bindings").cloned()).collect())
    }

    /// What `opa eval` prints.
    fn eval_output(
        &self,
        evaluation: Evaluation<'_>,
        query: &str,
        input: Option<&Value>,
        flags: &[&str],
    ) -> Result<Value, OpaError> {
        let failed = |error: std::io::Error| OpaError::Failed(error.to_string());
        let folder = tempfile::tempdir().map_err(failed)?;
        let mut args = vec!["eval", "--format", "json", "--stdin-input"];
        args.extend(flags);
        if evaluation.v0 {
            args.push("--v0-compatible");
        }
        if evaluation.strict_builtin_errors {
            args.push("--strict-builtin-errors");
        }
        for (name, text) in evaluation.modules {
            std::fs::write(folder.path().join(name), text).map_err(failed)?;
            args.extend(["--data", *name]);
        }
        if let Some(data) = evaluation.data {
            std::fs::write(folder.path().join("data.json"), data.to_string()).map_err(failed)?;
            args.extend(["--data", "data.json"]);
        }
        args.push(query);
        let input = input.map(Value::to_string);
        if input.is_none() {
            args.retain(|arg| *arg != "--stdin-input");
        }
        let output = self.run(folder.path(), &args, input.as_deref().unwrap_or(""))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| OpaError::Failed(format!("{error}: {}", String::from_utf8_lossy(&output.stderr))))
    }
}

fn refused(errors: &[Value]) -> OpaError {
    let text = |error: &Value, key: &str| error.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    OpaError::Refused(errors.iter().map(|error| (text(error, "code"), text(error, "message"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require;

    const MODULE: &str = "package t\n\np := input.x + 1 if input.x > 1\n";

    #[test]
    fn decides_a_batch_with_undefined_between() {
        let Some(opa) = require(Opa::find()) else { return };
        let modules = Evaluation { modules: &[("t.rego", MODULE)], ..Evaluation::default() };
        let got = opa.eval_inputs(modules, "data.t.p", &[json!({"x": 5}), json!({"x": 0}), json!({"x": 2})]).unwrap();
        assert_eq!(got, [Some(json!(6)), None, Some(json!(3))]);
    }

    #[test]
    fn gives_error_codes() {
        let Some(opa) = require(Opa::find()) else { return };
        let modules = Evaluation { modules: &[("t.rego", "package t\np := x")], ..Evaluation::default() };
        assert_eq!(opa.eval(modules, "data.t.p", None).unwrap_err().codes(), ["rego_unsafe_var_error"]);
    }
}
