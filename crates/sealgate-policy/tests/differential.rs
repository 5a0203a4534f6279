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

/// Constraints that are accepted out of these, each on a tool of its own, decided for every value of `args.x`.
fn check_each(opa: &Opa, constraints: &[String], values: &[Value]) -> usize {
    let tool =
        |constraint: &String| json!({"version": 1, "tools": {"t": {"mode": "allow", "constraints": [constraint]}}});
    let accepted = |yaml: &String| {
        PolicySet::load(&mut Sources::new(), PolicyFiles::Single(PolicySource::new("p.yaml", yaml.as_str()))).is_ok()
    };
    let calls: Vec<Value> = values.iter().map(|value| json!({"tool": "t", "args": {"x": value}})).collect();
    let policies = constraints.iter().map(|constraint| tool(constraint).to_string()).filter(accepted);
    let cases: Vec<(String, Vec<Value>)> = policies.map(|yaml| (yaml, calls.clone())).collect();
    check(opa, &cases);
    cases.len()
}

#[test]
fn patterns_match_alike_natively_and_in_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let pieces = [
        "a",
        "b",
        "é",
        "K",
        "s",
        "1",
        "_",
        " ",
        "\n",
        ".",
        "^",
        "$",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "[",
        "]",
        "[^",
        "-",
        "{2}",
        "{1,}",
        "\\d",
        "\\D",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\b",
        "\\B",
        "\\pL",
        "\\p{Greek}",
        "\\A",
        "\\z",
        "(?i)",
        "(?s)",
        "(?m)",
        "(?U)",
        "(?:",
        "(?P<n>",
        "(?<n>",
        "[[:alpha:]]",
        "[a-c]",
        "\\x41",
        "\\x{e9}",
        "\\.",
        "&&",
        "--",
        "~~",
        "{",
        "}",
        "\\/",
        "\\-",
        "\\\"",
        "\\a",
        "\\v",
        "\\0",
        "/",
        "**",
        "!",
        ",",
        "\\_",
        "\\%",
        "\\ ",
        "\\<",
        "#",
        "[\\d-z]",
        "\\Q",
    ];
    let texts = [
        "", "a", "ab", "aab", "é", "É", "K", "\u{212a}", "s", "ſ", "1", "١", "a_1", "a b", "a\nb", "/", "a/b", "-",
        "]", "A", ".",
    ];
    let patterns = sample(&proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..6), 11, 1_000);
    let constraint = |call: &str, pattern: Vec<&str>| format!("{call}(args.x, {})", json!(pattern.concat()));
    let regexes: Vec<String> = patterns.iter().map(|pattern| constraint("matches", pattern.clone())).collect();
    let globs: Vec<String> = patterns.into_iter().take(200).map(|pattern| constraint("glob", pattern)).collect();
    let texts = texts.map(Value::from);
    let mut accepted = 0;
    for chunk in regexes.chunks(500).chain([globs.as_slice()]) {
        accepted += check_each(&opa, chunk, &texts);
    }
    assert!(accepted > 300, "only {accepted} patterns are accepted");
}

#[test]
fn paths_are_normalised_alike_natively_and_in_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let pieces = ["/", "/", "/", "..", "..", ".", "a", "b", "docs", ".env", "\\", "\0", " ", "é", "\n"];
    let paths = sample(&proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12), 13, 1_500);
    let mut paths: Vec<String> = paths.into_iter().map(|pieces| pieces.concat()).collect();
    paths.extend(["a/".repeat(256), "a/".repeat(257), "a/../".repeat(128), "é".repeat(4_096), "é".repeat(4_097)]);
    let policy =
        |scope: Value| json!({"version": 1, "tools": {"t": {"mode": "allow", "file_scope": scope}}}).to_string();
    let calls: Vec<Value> = paths.into_iter().map(|path| json!({"tool": "t", "args": {"p": path}})).collect();
    let cases = [
        json!({"argument": "p", "allowed_paths": ["a/**", "**/b", "/docs/*", "*"]}),
        json!({"argument": "p", "denied_paths": ["**/.env", "a/**"]}),
        json!({"argument": "p", "allowed_paths": ["**"], "denied_paths": ["docs"]}),
        json!({"argument": "p", "denied_paths": ["/**"]}),
    ]
    .map(|scope| (policy(scope), calls.clone()));
    check(&opa, &cases);
}
