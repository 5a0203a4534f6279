//! OPA's own plans, compiled by our back end and run: they give what OPA's compliance suite asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::host::{Host, Outcome};
use sealgate_compiler::ir::Policy;
use serde_json::Value;

/// How one case ended.
enum Verdict {
    Passed,
    /// The plan needs builtins that only a host could serve.
    NeedsHost(Vec<String>),
    Failed(String),
}

#[test]
fn opa_plans_give_what_the_suite_asks_for() {
    let Some(plans) = common::conformance("plans") else { return };
    let rego = common::conformance("rego").unwrap();
    let engine = wasmtime::Engine::new(wasmtime::Config::new().cranelift_opt_level(wasmtime::OptLevel::None)).unwrap();
    let only = std::env::var("SEALGATE_CASE").ok();
    let (mut passed, mut needs_host, mut failed) = (0, 0, Vec::new());
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for file in common::json_files(&plans) {
        let read = |path: &std::path::Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
        let (planned, cases) = (read(&file), read(&rego.join(file.file_name().unwrap())));
        let pairs = planned["cases"].as_array().unwrap().iter().zip(cases["cases"].as_array().unwrap());
        for (index, (planned, case)) in pairs.enumerate() {
            let note = format!("{}#{index} {}", file.file_stem().unwrap().display(), case["note"]);
            if only.as_ref().is_some_and(|only| !note.contains(only.as_str())) {
                continue;
            }
            match run(&engine, planned, case) {
                Verdict::Passed => passed += 1,
                Verdict::NeedsHost(names) => {
                    needs_host += 1;
                    names.into_iter().for_each(|name| *missing.entry(name).or_default() += 1);
                }
                Verdict::Failed(why) => failed.push(format!("{note}: {why}")),
            }
        }
    }
    println!("{passed} passed, {} failed, {needs_host} need builtins of a host: {missing:?}", failed.len());
    for failure in &failed {
        println!("FAILED {failure}");
    }
    let allowed = std::env::var("SEALGATE_ALLOW").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    assert!(failed.len() <= allowed, "{} cases failed", failed.len());
    assert!(passed > 0);
}

fn run(engine: &wasmtime::Engine, planned: &Value, case: &Value) -> Verdict {
    let policy = match Policy::from_json_value(planned["plan"].clone()) {
        Ok(policy) => policy,
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    let compiled = match sealgate_compiler::compile_plan(&policy) {
        Ok(compiled) => compiled,
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    if let Err(error) = wasmparser::Validator::new().validate_all(&compiled.wasm) {
        return Verdict::Failed(format!("invalid module: {error}"));
    }
    if !compiled.builtins.is_empty() {
        return Verdict::NeedsHost(compiled.builtins);
    }
    let mut host = Host::new(engine, &compiled.wasm);
    let data = case.get("data").map_or_else(|| "{}".to_owned(), Value::to_string);
    let input = match (case.get("input_term"), case.get("input")) {
        (Some(Value::String(term)), _) => Some(term.clone()),
        (_, Some(input)) => Some(input.to_string()),
        _ => None,
    };
    let outcome = host.eval(0, &data, input.as_deref());
    if let Some(code) = case.get("want_error_code").and_then(Value::as_str) {
        return match outcome {
            Outcome::Abort(_) => Verdict::Passed,
            // OPA's own Wasm gives undefined where the interpreter gives an error, unless errors are strict.
            Outcome::Results(results) if code != "eval_conflict_error" && results == serde_json::json!([]) => {
                Verdict::Passed
            }
            Outcome::Results(results) => Verdict::Failed(format!("wants {code}, gives {results}")),
        };
    }
    let want = &planned["want_plan_result"];
    match outcome {
        Outcome::Results(got) if same(&got, want, case["sort_bindings"] == true) => Verdict::Passed,
        Outcome::Results(got) => Verdict::Failed(format!("wants {want}, gives {got}")),
        Outcome::Abort(message) => Verdict::Failed(format!("wants {want}, aborts: {message}")),
    }
}

/// A result set has no order; the suite lists one.
fn same(got: &Value, want: &Value, _sorted: bool) -> bool {
    let sorted = |value: &Value| {
        let mut all: Vec<String> = value.as_array().into_iter().flatten().map(canonical).collect();
        all.sort();
        all
    };
    sorted(got) == sorted(want)
}

/// Text in which equal values are equal: numbers by worth as far as f64 tells them apart.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            match (text.parse::<i128>(), text.parse::<f64>()) {
                (Ok(integer), _) => integer.to_string(),
                (_, Ok(float)) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
                (_, Ok(float)) => format!("{float:e}"),
                _ => text,
            }
        }
        Value::Array(all) => format!("[{}]", all.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(all) => {
            let pairs: Vec<String> = all.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            format!("{{{}}}", pairs.join(","))
        }
        other => other.to_string(),
    }
}
