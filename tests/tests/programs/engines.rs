//! The two engines that a program is given to, and what comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sealgate::builtins::Value;
use sealgate::toolchain::diagnostics::{Diagnostics, Severity, Sources};
use sealgate::{DecideError, Engine, EngineOptions, Format, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_compiler::ir;
use sealgate_compiler::plan::plan;
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use sealgate_testkit::{Opa, OpaError, OpaServer};

use super::generator::{PACKAGE, Program};

/// What a rule gives for an input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Value(Value),
    Undefined,
    /// The evaluation ended with this code.
    Error(String),
    /// The program does not compile; codes of the errors.
    Refused(BTreeSet<String>),
}

impl Answer {
    /// What kind of answer it is; values are one kind.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Value(_) => "value".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// Our compiler and runtime, and a server of OPA.
pub(crate) struct Engines<'a> {
    opa: &'a Opa,
    server: OpaServer,
    /// Where the server keeps its log.
    _folder: tempfile::TempDir,
    options: RuntimeOptions,
}

impl<'a> Engines<'a> {
    pub(crate) fn start(opa: &'a Opa) -> Self {
        let engine = Engine::new(&EngineOptions::default()).unwrap();
        let options = RuntimeOptions {
            engine: Some(engine),
            pool_size: Some(1),
            deadline: Duration::from_secs(10),
            ..RuntimeOptions::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let flags = ["--log-level", "error", "--disable-telemetry"];
        let server = opa.serve(folder.path(), &flags).unwrap();
        Self { opa, server, _folder: folder, options }
    }

    /// The answers of our engine: every name for the first input, then for the next.
    pub(crate) fn ours(&self, program: &Program) -> Vec<Answer> {
        let policy = match compile(program, &self.options) {
            Ok(policy) => policy,
            Err(codes) => return vec![Answer::Refused(codes)],
        };
        program.asked().map(|(name, input)| answer(&policy, name, &input.to_string())).collect()
    }

    /// The answers of OPA, in the same order.
    pub(crate) fn theirs(&self, program: &Program) -> Vec<Answer> {
        // The package of the program before may stand where this one's base document does.
        let _ = self.server.delete_module("t");
        self.server.put_data(&program.data).unwrap();
        match self.server.put_module("t", &program.module()) {
            Ok(()) => {}
            Err(OpaError::Refused(errors)) => {
                // OPA gives up after ten errors, and says that as an error of its own.
                let errors = errors.into_iter().filter(|(_, message)| message != "error limit reached");
                return vec![Answer::Refused(errors.map(|(code, _)| code).collect())];
            }
            Err(error) => panic!("{error}\n{}", program.module()),
        }
        program
            .asked()
            .map(|(name, input)| match self.server.document(&path(name), input, false) {
                Ok(Some(value)) => Answer::Value(Value::parse(&value.to_string()).unwrap()),
                Ok(None) => Answer::Undefined,
                Err(OpaError::Refused(errors)) => Answer::Error(errors[0].0.clone()),
                Err(error) => panic!("{error}\n{}", program.module()),
            })
            .collect()
    }

    /// Whether both engines answer alike. Where OPA's index passes over a rule it does not meet the errors of the rule's body,
    /// so that OPA's answer without its index counts too.
    pub(crate) fn agree(&self, program: &Program, ours: &[Answer], theirs: &[Answer]) -> bool {
        if ours.len() != theirs.len() {
            return false;
        }
        let asked = program.asked().map(Some).chain(std::iter::repeat(None));
        ours.iter().zip(theirs).zip(asked).all(|((ours, theirs), asked)| {
            ours == theirs
                || matches!((ours, theirs), (Answer::Error(_), Answer::Undefined | Answer::Value(_)))
                    && asked.is_some_and(|(name, input)| *ours == self.without_index(program, name, input))
        })
    }

    /// Whether ours refuses more than OPA does, and nothing else: a variable that OPA's safety check loses sight of beside a
    /// closure (`docs/rego-checks.md`), or an error that OPA does not meet because it asks for the parts of an expression in
    /// another order.
    pub(crate) fn is_stricter(ours: &[Answer], theirs: &[Answer]) -> bool {
        match ours {
            [Answer::Refused(codes)] => codes.len() == 1 && codes.contains("rego_unsafe_var_error"),
            _ if ours.len() != theirs.len() => false,
            _ => ours.iter().zip(theirs).all(|(ours, theirs)| ours == theirs || matches!(ours, Answer::Error(_))),
        }
    }

    /// OPA's answer when it evaluates every rule to its end; a body that it mostly leaves early may go on for ever then.
    fn without_index(&self, program: &Program, name: &str, input: &serde_json::Value) -> Answer {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.rego"), program.module()).unwrap();
        std::fs::write(folder.path().join("data.json"), program.data.to_string()).unwrap();
        let query = format!("data.{PACKAGE}.{name}");
        let whole = ["eval", "--timeout", "10s", "--disable-indexing", "--disable-early-exit"];
        let args = [&whole[..], &["-d", "t.rego", "-d", "data.json", "-I", &query]].concat();
        let said = self.opa.run(folder.path(), &args, &input.to_string()).unwrap();
        let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        match said["errors"][0]["code"].as_str() {
            Some(code) => Answer::Error(code.to_owned()),
            None => match said["result"][0]["expressions"][0].get("value") {
                Some(value) => Answer::Value(Value::parse(&value.to_string()).unwrap()),
                None => Answer::Undefined,
            },
        }
    }
}

/// The program in our runtime, or the codes of what is wrong with it.
pub(crate) fn compile(program: &Program, options: &RuntimeOptions) -> Result<Policy, BTreeSet<String>> {
    let names: Vec<&str> = program.names.iter().map(String::as_str).filter(|name| program.defines(name)).collect();
    let wasm = module(&program.module(), &names)?;
    let data = program.data.to_string();
    let unverified = UnverifiedPolicy { wasm: &wasm, data: Some(data.as_bytes()), name: "t" };
    Ok(Policy::dangerous_load_unverified(unverified, options).unwrap())
}

/// The Wasm of a module's text, with rules of the package as entrypoints.
pub(crate) fn module(text: &str, names: &[&str]) -> Result<Vec<u8>, BTreeSet<String>> {
    Ok(sealgate_compiler::compile_plan(&plan_of(text, names)?).unwrap().wasm)
}

/// The plan of a module's text, with rules of the package as entrypoints.
pub(crate) fn plan_of(text: &str, names: &[&str]) -> Result<ir::Policy, BTreeSet<String>> {
    let codes = |found: &Diagnostics| -> BTreeSet<String> {
        found.iter().filter(|found| found.severity == Severity::Error).map(|found| found.code.to_owned()).collect()
    };
    let mut sources = Sources::new();
    let id = sources.add("t", text);
    let module = parse_module(&sources, id, ParseOptions::default()).map_err(|found| codes(&found))?;
    let mut found = Diagnostics::new();
    let resolved = resolve(&[module], ResolveOptions::default(), &mut found).ok_or_else(|| codes(&found))?;
    let entrypoints: Vec<Vec<Arc<str>>> = names.iter().map(|name| vec![Arc::from(PACKAGE), Arc::from(*name)]).collect();
    plan(&resolved, &sources, &entrypoints).map_err(|found| codes(&found))
}

impl Program {
    /// What a program is asked: every name for the first input, then for the next.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        let names = || self.names.iter().map(String::as_str).filter(|name| self.defines(name));
        self.inputs.iter().flat_map(move |input| names().map(move |name| (name, input)))
    }

    /// Whether a rule of this name is left; a program that is being reduced loses rules.
    fn defines(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| {
            let rule = rule.strip_prefix("default ").unwrap_or(rule);
            rule.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        })
    }
}

fn path(name: &str) -> String {
    format!("{PACKAGE}/{name}")
}

fn answer(policy: &Policy, name: &str, input: &str) -> Answer {
    match policy.evaluate(&path(name), input.as_bytes(), Format::Json) {
        Ok(rows) => match Value::parse(&rows).unwrap() {
            Value::Array(rows) => match rows.into_iter().next() {
                Some(Value::Object(row)) => row
                    .into_iter()
                    .find(|(key, _)| key.as_str() == Some("result"))
                    .map_or(Answer::Undefined, |(_, value)| Answer::Value(value)),
                _ => Answer::Undefined,
            },
            other => panic!("{other:?} is no result set"),
        },
        Err(error) => Answer::Error(code(&error)),
    }
}

fn code(error: &DecideError) -> String {
    let text = error.to_string();
    let conflict = ["conflict", "must not produce multiple outputs"].iter().any(|part| text.contains(part));
    if conflict { "eval_conflict_error".to_owned() } else { text }
}
