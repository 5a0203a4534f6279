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
    /// The case wants an error that a module gives as undefined, as OPA's own modules do.
    Strict,
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
    let (mut passed, mut needs_host, mut strict, mut failed) = (0, 0, 0, Vec::new());
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
            let verdict = run(&engine, planned, case);
            match verdict {
                Verdict::Passed => passed += 1,
                Verdict::Strict => strict += 1,
                Verdict::NeedsHost(names) => {
                    needs_host += 1;
                    names.into_iter().for_each(|name| *missing.entry(name).or_default() += 1);
                }
                Verdict::Failed(why) => failed.push(format!("{note}: {why}")),
            }
        }
    }
    println!(
        "{passed} passed, {} failed, {strict} want strict errors, {needs_host} need builtins of a host: {missing:?}",
        failed.len()
    );
    for failure in &failed {
        println!("FAILED {failure}");
    }
    assert!(failed.is_empty(), "{} cases failed", failed.len());
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
        // The module reads values as they are dumped, without the commas that Rego allows at the end of a collection.
        (Some(Value::String(term)), _) => Some(term.replace(", }", " }")),
        (_, Some(input)) => Some(input.to_string()),
        _ => None,
    };
    let outcome = host.eval(0, &data, input.as_deref());
    if let Some(code) = case.get("want_error_code").and_then(Value::as_str) {
        return match outcome {
            Outcome::Abort(_) => Verdict::Passed,
            Outcome::Results(_) if code != "eval_conflict_error" => Verdict::Strict,
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

/// A result set has no order; with `sorted`, neither has any array: the suite writes sets as arrays.
fn same(got: &Value, want: &Value, sorted: bool) -> bool {
    let all = |value: &Value| {
        let mut all: Vec<String> = value.as_array().into_iter().flatten().map(|each| canonical(each, sorted)).collect();
        all.sort();
        all
    };
    all(got) == all(want)
}

/// Text in which equal values are equal: numbers by worth as far as f64 tells them apart.
fn canonical(value: &Value, sorted: bool) -> String {
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
        Value::Array(all) => {
            let mut all: Vec<String> = all.iter().map(|each| canonical(each, sorted)).collect();
            if sorted {
                all.sort();
            }
            format!("[{}]", all.join(","))
        }
        Value::Object(all) => {
            let pairs = all.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value, sorted)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}
