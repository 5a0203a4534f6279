//! Runs one case: Rego or plan to Wasm, the Wasm in the runtime, within bounds.
//!
//! Takes a [`Case`], gives a [`Verdict`]. Does not read files and knows nothing of the list.

use std::sync::Arc;
use std::time::Duration;

use sealgate::builtins::{BuiltinError, Capability, Context, Grants, Network, Registry, Value};
use sealgate::{
    DecideError, Engine, EngineOptions, Format, Isolation, LoadError, Policy, RuntimeOptions, UnverifiedPolicy,
};
use sealgate_compiler::plan::Planner;
use sealgate_compiler::{CodegenOptions, compile_plan_with, ir};
use sealgate_diagnostics::{Diagnostics, Severity, Sources};
use sealgate_rego::ast::{ExprKind, Version};
use sealgate_rego::{
    ParseOptions, QueryContext, ResolveOptions, parse_module, parse_query, parse_term, resolve, resolve_query,
};

use serde_json::json;

use super::case::{Case, Input};
use super::compare::{Ending, Verdict, judge};

/// How long one evaluation may take. Generous: the machine may be busy with other cases.
const DEADLINE: Duration = Duration::from_secs(10);
/// Name of the plan of a case's query.
const ENTRYPOINT: &str = "query";

/// What the cases share.
pub(crate) struct Runner {
    options: RuntimeOptions,
}

impl Runner {
    /// # Errors
    /// The sandbox cannot be set up.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let engine = Engine::new(&EngineOptions { instances: 32, ..EngineOptions::default() })?;
        let network = Network::to(["localhost", "10.0.0.0"])?.allow_private_addresses();
        let options = RuntimeOptions {
            engine: Some(engine),
            isolation: Isolation::Fresh,
            deadline: DEADLINE,
            load_deadline: DEADLINE,
            pool_size: Some(1),
            builtins: sealgate::toolchain::builtins::registry(),
            // What the cases ask of the network this machine answers by itself; no other host is reached.
            grants: Grants::default().with_network(network).with(Capability::Environment),
            ..RuntimeOptions::default()
        };
        Ok(Self { options })
    }

    /// Runs a case.
    pub(crate) fn run(&self, case: &Case) -> Verdict {
        judge(case, self.ending(case).unwrap_or_else(|ending| ending))
    }

    /// The options for a case that sets environment variables: those are the case's own, not the process's.
    fn with_env(&self, case: &Case) -> RuntimeOptions {
        let mut registry = Registry::clone(&self.options.builtins);
        let env = json!({"env": case.env}).to_string();
        let runtime = move |_: &mut Context, _: &[Value]| {
            Value::parse(&env).map(Some).map_err(|error| BuiltinError::Failed(error.problem.to_string()))
        };
        registry.insert("opa.runtime", 0, Capability::Pure, runtime);
        RuntimeOptions { builtins: Arc::new(registry), ..self.options.clone() }
    }

    /// How a case ends. Every early way out is an ending too.
    fn ending(&self, case: &Case) -> Result<Ending, Ending> {
        let input = carry(case)?;
        let plan = match &case.plan {
            Some(plan) => {
                if matches!(input, Carried::InQuery(_)) {
                    return Err(Ending::InputNotJson);
                }
                ir::Policy::from_json_value(plan.clone()).map_err(|error| Ending::Broken(error.to_string()))?
            }
            None => plan(case, &input)?,
        };
        let Some(entrypoint) = plan.plans.first().map(|plan| plan.name.clone()) else {
            return Err(Ending::Broken("the plan has no entrypoint".to_owned()));
        };
        let module = compile_plan_with(
            &plan,
            CodegenOptions { strict_builtin_errors: case.strict, ..CodegenOptions::default() },
        )
        .map_err(|error| Ending::Refused { codes: Vec::new(), message: error.to_string() })?;
        let data = case.data.to_string();
        let unverified = UnverifiedPolicy { wasm: &module.wasm, data: Some(data.as_bytes()), name: &case.note };
        let own = (!case.env.is_empty()).then(|| self.with_env(case));
        let options = own.as_ref().unwrap_or(&self.options);
        let policy = Policy::dangerous_load_unverified(unverified, options).map_err(|error| match error {
            LoadError::BuiltinsNotGranted(refused) => {
                Ending::NoBuiltins(refused.into_iter().map(|builtin| builtin.name).collect())
            }
            LoadError::Start(error) => Ending::Stopped(error),
            error => Ending::Broken(error.to_string()),
        })?;
        let given = match &input {
            Carried::Json(input) => policy.evaluate(&entrypoint, input.as_bytes(), Format::Json),
            Carried::Value(input) => policy.evaluate_value(&entrypoint, input, Format::Json),
            Carried::Not | Carried::InQuery(_) => policy.evaluate(&entrypoint, b"", Format::Json),
        };
        match given {
            Ok(text) => rows(&text).map(Ending::Rows),
            Err(error) => Err(Ending::Stopped(error)),
        }
    }
}

fn rows(text: &str) -> Result<Vec<Value>, Ending> {
    match Value::parse(text) {
        Ok(Value::Array(rows)) => Ok(rows),
        _ => Err(Ending::Stopped(DecideError::BrokenAbi("its result set is not a list"))),
    }
}

/// How the input gets into the sandbox.
#[derive(Debug, PartialEq)]
enum Carried {
    /// There is none.
    Not,
    /// As JSON.
    Json(String),
    /// As a value, because it holds what JSON does not have.
    Value(Value),
    /// It is a term and no value, so the query says `with input as` this Rego.
    InQuery(String),
}

fn carry(case: &Case) -> Result<Carried, Ending> {
    let term = match &case.input {
        Input::None => return Ok(Carried::Not),
        Input::Json(input) => return Ok(Carried::Json(input.to_string())),
        Input::Term(term) => term,
    };
    if serde_json::from_str::<serde::de::IgnoredAny>(term).is_ok() {
        return Ok(Carried::Json(term.clone()));
    }
    let mut sources = Sources::new();
    let id = sources.add("input", term.as_str());
    let parsed = parse_term(&sources, id, ParseOptions::default()).map_err(|found| refused(&found))?;
    let term = parsed.to_string();
    match Value::parse(&term) {
        Ok(value) if is_json(&value) => Ok(Carried::Json(value.to_text())),
        Ok(value) => Ok(Carried::Value(value)),
        Err(_) => Ok(Carried::InQuery(term)),
    }
}

fn is_json(value: &Value) -> bool {
    match value {
        Value::Set(_) => false,
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(fields) => fields.iter().all(|(key, value)| key.as_str().is_some() && is_json(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A case's Rego as a plan.
fn plan(case: &Case, input: &Carried) -> Result<ir::Policy, Ending> {
    let version = if case.v0 { Version::V0 } else { Version::V1 };
    let options = ParseOptions { version };
    let (mut sources, mut modules) = (Sources::new(), Vec::with_capacity(case.modules.len()));
    for (index, text) in case.modules.iter().enumerate() {
        let id = sources.add(format!("test-{index}.rego"), text.as_str());
        modules.push(parse_module(&sources, id, options).map_err(|found| refused(&found))?);
    }
    let id = sources.add("query", case.query.as_str());
    let mut body = parse_query(&sources, id, options).map_err(|found| refused(&found))?;
    if let Carried::InQuery(term) = input {
        // `with` belongs to one expression, so each gets it, before the modifiers that it has.
        let id = sources.add("input", format!("true with input as {term}"));
        let carrier = parse_query(&sources, id, options).map_err(|found| refused(&found))?;
        let with: Vec<_> = carrier.into_iter().flat_map(|expr| expr.with).collect();
        for expr in body.iter_mut().filter(|expr| !matches!(expr.kind, ExprKind::Some(_))) {
            expr.with.splice(0..0, with.iter().cloned());
        }
    }
    let mut found = Diagnostics::new();
    let Some(resolved) = resolve(&modules, ResolveOptions::default(), &mut found) else {
        return Err(refused(&found));
    };
    let context = QueryContext { body: &body, package: None, version };
    let Some(query) = resolve_query(&context, &resolved, &mut found) else { return Err(refused(&found)) };
    let mut planner = Planner::new(&resolved, &sources);
    planner.query(ENTRYPOINT, &query);
    planner.finish().map_err(|found| refused(&found))
}

fn refused(found: &Diagnostics) -> Ending {
    let errors = || found.iter().filter(|finding| finding.severity == Severity::Error);
    Ending::Refused {
        codes: errors().map(|finding| finding.code.to_owned()).collect(),
        message: errors().next().map_or_else(String::new, |finding| format!("{}: {}", finding.code, finding.message)),
    }
}

#[cfg(test)]
mod tests;
