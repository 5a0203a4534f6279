//! One truth, three engines: policies and calls drawn at random, decided by the native evaluator, by our Wasm in the
//! runtime, and by real OPA on the Rego that the policy becomes.
//!
//! `SEALGATE_SEED` and `SEALGATE_POLICIES` draw others, or more.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use sealgate::toolchain::compile::{CompileOptions, Compiled, DEFAULT_PACKAGE, compile};
use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::sources::PolicyFiles;
use sealgate::{Format, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_policy::testing::{call, policy, sample};
use sealgate_testkit::{Evaluation, Opa, require};
use sealgate_tests::{ENTRYPOINT, examples};
use serde_json::Value;

const POLICIES: usize = 40;
const CALLS: usize = 60;

#[test]
fn random_policies_decide_alike_in_every_engine() {
    let opa = require(Opa::find());
    let seed = number("SEALGATE_SEED", 1);
    let calls = sample(&call(), seed, CALLS);
    let count = usize::try_from(number("SEALGATE_POLICIES", POLICIES as u64)).unwrap();
    for (index, yaml) in sample(&policy(), seed, count).iter().enumerate() {
        let compiled = compiled(yaml);
        hold(&format!("policy {index} of seed {seed}:\n{yaml}"), &compiled, &calls, opa.as_ref());
    }
}

#[test]
fn the_examples_decide_random_calls_alike_in_every_engine() {
    let opa = require(Opa::find());
    let calls = sample(&call(), 7, CALLS);
    for example in examples() {
        let calls: Vec<Value> = example.inputs().into_iter().chain(calls.iter().cloned()).collect();
        hold(&example.name, &example.compiled, &calls, opa.as_ref());
    }
}

/// Every engine gives the same whole document for every call.
fn hold(what: &str, compiled: &Compiled, calls: &[Value], opa: Option<&Opa>) {
    let native: Vec<Value> = calls.iter().map(|input| compiled.policy.evaluate(input).document()).collect();
    let sandboxed = sandboxed(compiled, calls);
    let by_opa = opa.map(|opa| {
        let modules = [("policy.rego", compiled.rego.as_str())];
        let evaluation = Evaluation { modules: &modules, ..Evaluation::default() };
        opa.eval_inputs(evaluation, "data.sealgate.policy.decision", calls).unwrap()
    });
    for (index, input) in calls.iter().enumerate() {
        let say = |engine: &str| format!("{engine} decides otherwise\ninput {input}\n{what}\n{}", compiled.rego);
        assert_eq!(canonical(&sandboxed[index]), canonical(&native[index]), "{}", say("our Wasm"));
        if let Some(by_opa) = &by_opa {
            assert_eq!(by_opa[index].as_ref().map(canonical), Some(canonical(&native[index])), "{}", say("OPA"));
        }
    }
}

fn sandboxed(compiled: &Compiled, calls: &[Value]) -> Vec<Value> {
    let policy =
        Policy::dangerous_load_unverified(UnverifiedPolicy::new(&compiled.wasm), &RuntimeOptions::default()).unwrap();
    calls
        .iter()
        .map(|input| {
            let rows = policy.evaluate(ENTRYPOINT, input.to_string().as_bytes(), Format::Json).unwrap();
            let rows: Value = serde_json::from_str(&rows).unwrap();
            rows[0]["result"].clone()
        })
        .collect()
}

/// The document as text with its keys sorted.
fn canonical(document: &Value) -> String {
    let mut sorted = document.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

fn compiled(yaml: &str) -> Compiled {
    let files = PolicyFiles::single("policy.yaml", yaml);
    compile(&files, &mut Sources::new(), &CompileOptions::new(DEFAULT_PACKAGE)).unwrap()
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
