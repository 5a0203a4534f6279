//! Rego through resolver and planner, run by the interpreter, against real OPA on the same modules and inputs; and the plan of each
//! module as text (`plan/*.plan`, blessed by `BLESS=1`).
//!
//! A case is `plan/NAME.rego` with `plan/NAME.inputs.json`, a list of inputs; all of `data.example` is compared.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::mutable_key_type,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test, and helpers of tests, end with a panic"
)]

mod interpreter;

use std::collections::BTreeMap;
use std::path::Path;

use interpreter::Value;
use sealgate_compiler::ir::Policy;
use sealgate_compiler::plan::plan;
use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use sealgate_testkit::{Evaluation, Opa, require};

#[test]
fn plans_decide_as_opa() {
    let opa = require(Opa::find());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let mut cases = 0;
    for file in std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "rego") {
            continue;
        }
        cases += 1;
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let policy = compile(name, &text, &["example"]).unwrap_or_else(|found| panic!("{found}"));
        policy.validate().unwrap();
        let golden = file.with_extension("plan");
        let listing = policy.to_string();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &listing).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&golden).unwrap(), listing, "{name}");
        let inputs: Vec<serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(file.with_extension("inputs.json")).unwrap()).unwrap();
        let ours: Vec<String> = inputs.iter().map(|input| evaluate(&policy, input)).collect();
        let Some(opa) = &opa else { continue };
        let evaluation = Evaluation { modules: &[(name, &text)], ..Evaluation::default() };
        let theirs = opa.eval_inputs(evaluation, "data.example", &inputs).unwrap();
        for ((input, ours), theirs) in inputs.iter().zip(&ours).zip(theirs) {
            let theirs = theirs
                .map_or("undefined".to_owned(), |value| Value::parse(&value.to_string()).unwrap().as_json().text());
            assert_eq!(*ours, theirs, "{name} with {input}");
        }
    }
    assert!(cases >= 3);
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let refused = |text: &str, entrypoint: &str| compile("x.rego", text, &[entrypoint]).unwrap_err();
    assert!(refused("package x\np := 1", "x/q").contains("entrypoint `x/q` names nothing"));
    let scans: String = (0..200).map(|n| format!("\tinput[a{n}]\n")).collect();
    assert!(refused(&format!("package x\np if {{\n{scans}}}"), "x/p").contains("nest more than"));
}

#[test]
fn deep_terms_end_with_a_plan_or_an_error() {
    for (open, close) in [("[", "]"), ("{\"a\": ", "}"), ("[x | x := ", "]"), ("abs(", ")"), ("{", "}")] {
        for depth in [20, 120, 250, 5000] {
            let text = format!("package x\np := {}1{}", open.repeat(depth), close.repeat(depth));
            if let Ok(policy) = compile("x.rego", &text, &["x/p"]) {
                policy.validate().unwrap();
            }
        }
    }
}

#[test]
fn many_rules_of_one_function_take_linear_time() {
    let rules = |count: usize| {
        let rule = |n| format!("f(\"role{}\", \"tool{n}\") if {{ input.args.amount <= {n} }}\n", n % 7);
        let text = format!("package x\np if f(input.role, input.tool)\n{}", (0..count).map(rule).collect::<String>());
        let start = std::time::Instant::now();
        let policy = compile("x.rego", &text, &["x/p"]).unwrap();
        assert_eq!(policy.funcs.len(), 2);
        start.elapsed()
    };
    rules(100);
    let (few, many) = (rules(1000), rules(10_000));
    assert!(many < few * 60, "1,000 rules take {few:?}, 10,000 take {many:?}");
}

fn compile(name: &str, text: &str, entrypoints: &[&str]) -> Result<Policy, String> {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let render = |found: &Diagnostics, sources: &Sources| found.render(sources, Color::Never);
    let module = parse_module(&sources, id, ParseOptions::default()).map_err(|found| render(&found, &sources))?;
    let mut found = Diagnostics::new();
    let resolved = resolve(&[module], ResolveOptions::default(), &mut found).ok_or_else(|| render(&found, &sources))?;
    let entrypoints: Vec<Vec<_>> = entrypoints.iter().map(|path| path.split('/').map(Into::into).collect()).collect();
    plan(&resolved, &sources, &entrypoints).map_err(|found| render(&found, &sources))
}

fn evaluate(policy: &Policy, input: &serde_json::Value) -> String {
    let input = Value::parse(&input.to_string());
    let rows = interpreter::run(policy, "example", input, Value::object(BTreeMap::new())).unwrap();
    match rows.first() {
        Some(row) => row.get(&Value::String("result".into())).unwrap().as_json().text(),
        None => "undefined".to_owned(),
    }
}
