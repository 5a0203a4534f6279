//! The native builtins held against real OPA over generated arguments: what suits, edges, and what is broken on purpose.
//!
//! `SEALGATE_DIFFERENTIAL` is the number of calls per builtin; its default suits a quick run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod documents;
mod draw;
mod replay;
mod schemas;
mod templates;
mod times;

use std::fmt::Write as _;

use sealgate_builtins::{BuiltinError, Context, Registry, Value};
use sealgate_testkit::{Evaluation, Opa, require};
use serde_json::Value as Json;

use draw::Draw;

/// Draws the arguments of one call, each as Rego text.
type Arguments = fn(&mut Draw) -> Vec<String>;

fn calls_per_builtin() -> usize {
    std::env::var("SEALGATE_DIFFERENTIAL").map_or(200, |count| count.parse().unwrap())
}

/// Calls builtins and OPA's with the same arguments, and fails with what differs.
fn agree(builtins: &[(&str, Arguments)]) {
    let Some(opa) = require(Opa::find()) else { return };
    let mut reports = Vec::new();
    for (name, arguments) in builtins {
        let mut draw = Draw::new(name);
        let cases: Vec<Vec<String>> = (0..calls_per_builtin()).map(|_| arguments(&mut draw)).collect();
        for (case, theirs) in cases.iter().zip(ask(&opa, name, &cases)) {
            let ours = call(name, case);
            if ours.as_ref().ok() != Some(&theirs) {
                let show = |json: &Option<Json>| json.as_ref().map_or("undefined".to_owned(), Json::to_string);
                let ours = ours.map_or_else(|halt| format!("halt: {halt}"), |json| show(&json));
                reports.push(format!("{name}({})\n  here {ours}\n  OPA  {}", case.join(", "), show(&theirs)));
            }
        }
    }
    assert!(reports.is_empty(), "{} differences\n{}", reports.len(), reports.join("\n"));
}

/// A builtin's result here, `None` if it is undefined or an error.
fn call(name: &str, arguments: &[String]) -> Result<Option<Json>, String> {
    let values: Vec<Value> = arguments.iter().map(|text| Value::parse(text).unwrap()).collect();
    let registry = Registry::standard();
    match registry.get(name).unwrap().call(&mut Context::new(), &values) {
        Ok(Some(value)) => Ok(Some(normal(serde_json::from_str(&value.to_text()).unwrap()))),
        Err(BuiltinError::Halt(problem)) => Err(problem),
        Ok(None) | Err(_) => Ok(None),
    }
}

/// The results of all calls in OPA.
fn ask(opa: &Opa, name: &str, cases: &[Vec<String>]) -> Vec<Option<Json>> {
    let mut module = String::from("package t\n\ncases := [\n");
    for case in cases {
        writeln!(module, "\t[{}],", case.join(", ").replace('\u{feff}', "\\ufeff")).unwrap();
    }
    let arguments: Vec<String> = (0..cases[0].len()).map(|index| format!("c[{index}]")).collect();
    let call = format!("{name}({})", arguments.join(", "));
    writeln!(module, "]\n\nresults[i] := v if {{ some i, c in cases; v := {call} }}").unwrap();
    let evaluation = Evaluation { modules: &[("t.rego", &module)], ..Evaluation::default() };
    let results = opa.eval(evaluation, "data.t.results", None).unwrap().unwrap_or(Json::Null);
    (0..cases.len()).map(|index| results.get(index.to_string()).cloned().map(normal)).collect()
}

/// Errors of schemas come in the order of Go's maps, which is none; of several errors in a schema, OPA tells any.
fn normal(mut value: Json) -> Json {
    match value.as_array_mut().map(Vec::as_mut_slice) {
        Some([Json::Bool(_), Json::Array(errors)]) if errors.iter().all(|error| error.get("desc").is_some()) => {
            errors.sort_by_key(ToString::to_string);
        }
        Some([Json::Bool(false), Json::String(problem)]) if problem.starts_with("jsonschema: ") => {
            "jsonschema: …".clone_into(problem);
        }
        _ => {}
    }
    value
}
