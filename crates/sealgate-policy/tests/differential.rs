//! One truth: the native evaluator and real OPA, on the Rego that is emitted, decide alike.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use sealgate_diagnostics::{Color, Sources};
use sealgate_policy::testing::{call, policy, sample};
use sealgate_policy::{EmitOptions, PolicyFiles, PolicySet, PolicySource, emit_rego};
use sealgate_testkit::{Evaluation, Opa, require};
use serde_json::{Value, json};

fn load(yaml: &str) -> PolicySet {
    let mut sources = Sources::new();
    let loaded = PolicySet::load(&mut sources, PolicyFiles::Single(PolicySource::new("policy.yaml", yaml)));
    loaded.unwrap_or_else(|found| panic!("{yaml}\n{}", found.render(&sources, Color::Never))).0
}

/// Decides every call of every policy in one run of OPA and compares.
fn check(opa: &Opa, cases: &[(String, Vec<Value>)]) {
    let mut modules = Vec::new();
    let mut inputs = Vec::new();
    let mut expected = Vec::new();
    for (index, (yaml, calls)) in cases.iter().enumerate() {
        let set = load(yaml);
        let options = EmitOptions { package: format!("sealgate.cases.p{index}") };
        modules.push((format!("p{index}.rego"), emit_rego(&set, &options).unwrap().text));
        for call in calls {
            let mut input = call.clone();
            input["policy"] = json!(format!("p{index}"));
            expected.push((index, call, set.evaluate(&input).document()));
            inputs.push(input);
        }
    }
    check_form(opa, &modules);
    let modules: Vec<(&str, &str)> = modules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let evaluation = Evaluation { modules: &modules, strict_builtin_errors: true, ..Evaluation::default() };
    let decided = opa.eval_inputs(evaluation, "data.sealgate.cases[input.policy].decision", &inputs).unwrap();
    for ((index, call, native), rego) in expected.into_iter().zip(decided) {
        let rego = rego.unwrap_or(Value::Null);
        assert!(
            native == rego,
            "policy:\n{}\nrego:\n{}\ncall: {call}\nnative: {native:#}\nOPA: {rego:#}",
            cases[index].0,
            modules[index].1
        );
    }
}

/// The modules are as `opa fmt` would leave them and pass OPA's strict checks.
fn check_form(opa: &Opa, modules: &[(String, String)]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in modules {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let listed = opa.run(folder.path(), &["fmt", "--list", "."], "").unwrap();
    assert!(listed.status.success() && listed.stdout.is_empty(), "{}", String::from_utf8_lossy(&listed.stdout));
    let checked = opa.run(folder.path(), &["check", "--strict", "."], "").unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

fn figure(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_policies_decide_alike_natively_and_in_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let (policies, calls) = (figure("SEALGATE_POLICIES", 60), 40);
    let seed = u64::try_from(figure("SEALGATE_SEED", 1)).unwrap();
    let policies = sample(&policy(), seed, policies);
    let mut calls = sample(&call(), seed, policies.len() * calls);
    let per_policy = calls.len() / policies.len();
    let cases: Vec<(String, Vec<Value>)> =
        policies.into_iter().map(|yaml| (yaml, calls.split_off(calls.len() - per_policy))).collect();
    // The drawing is worth something only if it meets every kind of decision.
    let mut reasons: Vec<String> = Vec::new();
    for (yaml, calls) in &cases {
        let set = load(yaml);
        reasons.extend(calls.iter().map(|call| set.evaluate(call).reason.as_str().to_owned()));
    }
    for reason in sealgate_policy::Reason::ALL {
        let count = reasons.iter().filter(|found| *found == reason.as_str()).count();
        assert!(count * 200 >= reasons.len(), "{} is met only {count} times of {}", reason.as_str(), reasons.len());
    }
    for chunk in cases.chunks(100) {
        check(&opa, chunk);
    }
}
