//! Pure builtins called through a compiled module and by real OPA, with arguments drawn from their declared types: the same
//! values, and the same codes of errors.
//!
//! With arguments that suit each builtin they are held to OPA in `crates/sealgate-kernel/tests/builtins` and in
//! `crates/sealgate-builtins/tests/opa`; here those of the host, or whatever `SEALGATE_BUILTIN` asks for. How many calls, and
//! which seeds: `sealgate_testkit::Effort`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sealgate::builtins::Value;
use sealgate::toolchain::diagnostics::{Diagnostics, Sources};
use sealgate::{DecideError, Format, LoadError, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_compiler::{CodegenOptions, compile_plan_with};
use sealgate_rego::builtins::{Builtin, Type};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use sealgate_testkit::{Answer, Calls, Effort, Opa, in_parallel, require};
use serde_json::Value as Json;

/// Builtins whose answers are known to differ, and why.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    ("glob.match", "OPA's library strays from its documentation; the kernel's tests say where"),
    ("rand.intn", "draws"),
    ("regex.template_match", "OPA caches a template without its delimiters"),
];

#[test]
fn every_builtin_agrees_with_opa_through_a_module() {
    let Some(opa) = require(Opa::find()) else { return };
    let effort = Effort::from_env(60);
    let by_name = std::env::var_os("SEALGATE_BUILTIN").is_some();
    let wanted = |builtin: &&Builtin| {
        let asked =
            if by_name { effort.wants(builtin.name) } else { sealgate_kernel::builtins::find(builtin.name).is_none() };
        is_callable(builtin) && asked
    };
    let builtins: Vec<&Builtin> = Builtin::all().iter().filter(wanted).collect();
    let results = in_parallel(&builtins, |builtin| {
        module(builtin).map(|policy| differences(&opa, builtin, &policy, &effort)).ok_or(builtin.name)
    });
    let missing: Vec<&str> = results.iter().filter_map(|result| result.as_ref().err().copied()).collect();
    println!("{} builtins; not available: {}", results.len(), missing.join(", "));
    let reports = results.into_iter().flatten().collect::<Vec<_>>().concat();
    assert!(reports.is_empty(), "{} differences\n{}", reports.len(), reports.join("\n"));
}

/// Whether it is a pure function that Rego calls by name.
fn is_callable(builtin: &Builtin) -> bool {
    let known = KNOWN_DIFFERENCES.iter().any(|(name, _)| *name == builtin.name);
    let odd =
        builtin.is_nondeterministic() || builtin.is_relation() || builtin.is_variadic() || builtin.is_deprecated();
    let reflects = builtin.name.starts_with("rego.metadata") || builtin.name == "opa.runtime";
    !known && !odd && !reflects && builtin.infix.is_none() && builtin.result.is_some() && builtin.name != "assign"
}

/// A strict module that calls the builtin with the elements of its input; `None` where nobody supplies the builtin.
fn module(builtin: &Builtin) -> Option<Policy> {
    let places: Vec<String> = (0..builtin.arity()).map(|index| format!("input[{index}]")).collect();
    let text = format!("package t\n\nr := {}({})\n", builtin.name, places.join(", "));
    let mut sources = Sources::new();
    let id = sources.add("t.rego", text);
    let parsed = parse_module(&sources, id, ParseOptions::default()).unwrap();
    let mut found = Diagnostics::new();
    let resolved = resolve(&[parsed], ResolveOptions::default(), &mut found)?;
    let path = ["t", "r"].map(std::sync::Arc::from).to_vec();
    let plan = sealgate_compiler::plan::plan(&resolved, &sources, &[path]).ok()?;
    let compiled =
        compile_plan_with(&plan, CodegenOptions { strict_builtin_errors: true, ..CodegenOptions::default() }).unwrap();
    let unverified = UnverifiedPolicy::new(&compiled.wasm);
    // A busy machine is no difference.
    let options = RuntimeOptions {
        deadline: Duration::from_secs(20),
        builtins: sealgate::toolchain::builtins::registry(),
        ..RuntimeOptions::default()
    };
    match Policy::dangerous_load_unverified(unverified, &options) {
        Ok(policy) => Some(policy),
        Err(LoadError::BuiltinsNotGranted(_)) => None,
        Err(error) => unreachable!("{}: {error}", builtin.name),
    }
}

fn differences(opa: &Opa, builtin: &Builtin, policy: &Policy, effort: &Effort) -> Vec<String> {
    let arguments: Vec<_> = builtin.args.iter().map(|ty| argument(*ty)).collect();
    let mut cases = Vec::new();
    for seed in &effort.seeds {
        let mut bytes = [3; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        cases.extend((0..effort.calls).map(|_| arguments.new_tree(&mut runner).unwrap().current()));
    }
    let calls = Calls::of(builtin.name, cases);
    let expected = match opa.answers(&calls) {
        Ok(answers) => answers,
        Err(error) => return vec![format!("{}: {error}", builtin.name)],
    };
    let mut reports = Vec::new();
    for (case, theirs) in calls.cases.iter().zip(expected) {
        let call = format!("[{}]", case.join(", "));
        let ours = answer(policy, &Value::parse(&call).unwrap());
        // Tabs in YAML: a known difference.
        let known = builtin.name.starts_with("yaml.") && call.contains("\\t");
        let differs = |theirs: &Answer| theirs.clone().without_message() != ours.clone().without_message();
        if !known && theirs.as_ref().is_some_and(differs) {
            reports.push(format!("{}{call}\n  here {ours:?}\n  OPA  {theirs:?}", builtin.name));
        }
    }
    reports
}

fn answer(policy: &Policy, input: &Value) -> Answer {
    match policy.evaluate_value("t/r", input, Format::Json) {
        Ok(text) => match serde_json::from_str::<Json>(&text).unwrap().pointer("/0/result") {
            Some(value) => Answer::Value(value.clone()),
            None => Answer::Undefined,
        },
        Err(DecideError::Rego(error)) => {
            Answer::Error { code: error.code.as_str().to_owned(), message: error.message.clone() }
        }
        Err(error) => Answer::Halted(error.to_string()),
    }
}

/// Literals for an argument of a type, now and then of another.
fn argument(ty: Type) -> BoxedStrategy<String> {
    prop_oneof![12 => literal(ty), 1 => literal(Type::Any)].boxed()
}

fn literal(ty: Type) -> BoxedStrategy<String> {
    match ty {
        Type::Any => any_literal(),
        Type::Null => Just("null".to_owned()).boxed(),
        Type::Boolean => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Type::Number => number(),
        Type::String => text(),
        Type::Array { fixed, rest } => {
            let first: Vec<_> = fixed.iter().map(|ty| literal(*ty)).collect();
            let others = literals(rest.copied());
            (first, others).prop_map(|(first, others)| format!("[{}]", [first, others].concat().join(", "))).boxed()
        }
        Type::Set(of) => literals(Some(*of)).prop_map(set).boxed(),
        Type::Object { fixed, rest } => {
            let first: Vec<_> =
                fixed.iter().map(|(key, ty)| literal(*ty).prop_map(move |value| format!("{key:?}: {value}"))).collect();
            let others = match rest {
                Some((key, value)) => {
                    prop::collection::vec((literal(*key), literal(*value)), 0..3).prop_map(distinct).boxed()
                }
                None => Just(Vec::new()).boxed(),
            };
            (first, others).prop_map(|(first, others)| format!("{{{}}}", [first, others].concat().join(", "))).boxed()
        }
        Type::Union(types) => prop::strategy::Union::new(types.iter().map(|ty| literal(*ty))).boxed(),
    }
}

fn literals(of: Option<Type>) -> BoxedStrategy<Vec<String>> {
    match of {
        Some(ty) => prop::collection::vec(literal(ty), 0..4).boxed(),
        None => Just(Vec::new()).boxed(),
    }
}

fn set(mut elements: Vec<String>) -> String {
    elements.sort();
    elements.dedup();
    if elements.is_empty() { "set()".to_owned() } else { format!("{{{}}}", elements.join(", ")) }
}

fn distinct(mut pairs: Vec<(String, String)>) -> Vec<String> {
    pairs.sort();
    pairs.dedup_by(|a, b| a.0 == b.0);
    pairs.into_iter().map(|(key, value)| format!("{key}: {value}")).collect()
}

fn any_literal() -> BoxedStrategy<String> {
    let scalar = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), number(), text()];
    scalar
        .prop_recursive(2, 8, 3, |inner| {
            let pairs = prop::collection::vec((text(), inner.clone()), 0..3).prop_map(distinct);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(", "))),
                prop::collection::vec(inner, 0..3).prop_map(set),
                pairs.prop_map(|pairs| format!("{{{}}}", pairs.join(", "))),
            ]
        })
        .boxed()
}

fn number() -> BoxedStrategy<String> {
    let edges = select(vec!["0", "1", "-1", "2", "1.5", "-0.5", "9007199254740993", "18446744073709551616"]);
    prop_oneof![2 => (-20i64..100).prop_map(|value| value.to_string()), 1 => edges.prop_map(str::to_owned)].boxed()
}

/// Texts that some builtin or other reads, and any others.
fn text() -> BoxedStrategy<String> {
    let read = select(vec![
        "",
        "a",
        "b",
        "abc",
        "a.b",
        "a/b",
        "/",
        "日本語",
        "1",
        "1.5",
        "10Ki",
        "5MB",
        "1.2.3",
        "1.2.3-rc.1",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "192.168.0.1",
        "::1/128",
        "aGVsbG8=",
        "aGk",
        "68656c6c6f",
        "a=b&c=d",
        "%41+b",
        "{\"a\": [1]}",
        "[1, 2]",
        "a: 1",
        "- x",
        "[a-c]+",
        "(a)(b)",
        "a*",
        "%s: %d",
        "2006-01-02",
        "2024-02-29T12:00:00Z",
        "UTC",
        "America/New_York",
        "1h30m",
        "https://example.com:8080/p/a?q=1#f",
        "query { a }",
        "type Query { a: String }",
        "00000000-0000-1000-8000-000000000000",
        "package p",
        "hello {{.a}}",
    ]);
    let odd = prop_oneof!["[a-c]{0,5}", "[A-Za-z0-9+/=._-]{0,12}", "[aàß😀 \t]{0,6}"];
    prop_oneof![3 => read.prop_map(str::to_owned), 2 => odd].prop_map(|text| Json::from(text).to_string()).boxed()
}
