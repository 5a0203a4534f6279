//! Functions that have one caller and become part of it: what they leave behind must not be seen by the next turn of a loop,
//! by another body, or under another document.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use sealgate::toolchain::diagnostics::{Diagnostics, Sources};
use sealgate::{Format, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_compiler::{CodegenOptions, compile_plan_with, plan};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use serde_json::{Value, json};

const REGO: &str = r#"package t

doubled := [y | some x in input.numbers; y := twice(x)]

twice(x) := y if {
	x > 1
	y := x * 2
}

sizes := {x: size(x) | some x in input.numbers}

size(x) := "small" if x < 2

else := "large" if x > 10

found if {
	some x in input.numbers
	is_seven(x)
	some y in input.numbers
	x == y
}

is_seven(x) if x == 7

replaced := {"here": here, "there": there}

here := count(outer)

there := n if n := count(outer) with input.numbers as [1]

outer := [x | some x in inner]

inner := input.numbers

absent if not missing

missing if input.nothing.at.all

shaped := {"a": named("a"), "b": 1, "c": named_too("c"), "d": [1, "x"]}

named(text) := {"name": text, "rank": 1}

all := object.union_n([
	{"doubled": doubled},
	{"sizes": sizes},
	{key: true | some key in ["found"]; found},
	{"replaced": replaced},
	{key: true | some key in ["absent"]; absent},
	{"shaped": shaped},
])

named_too(text) := {"name": text, "others": {other | some other in input.numbers; other > 2}}
"#;

fn load() -> Policy {
    let mut sources = Sources::new();
    let id = sources.add("t.rego", REGO);
    let parsed = parse_module(&sources, id, ParseOptions::default()).unwrap();
    let resolved = resolve(&[parsed], ResolveOptions::default(), &mut Diagnostics::new()).unwrap();
    let path = ["t", "all"].map(std::sync::Arc::from).to_vec();
    let plan = plan::plan(&resolved, &sources, &[path]).unwrap();
    let compiled = compile_plan_with(&plan, CodegenOptions::default()).unwrap();
    Policy::dangerous_load_unverified(UnverifiedPolicy::new(&compiled.wasm), &RuntimeOptions::default()).unwrap()
}

#[test]
fn a_function_leaves_nothing_behind_in_its_caller() {
    let policy = load();
    let given = |numbers: Value| {
        let input = json!({"numbers": numbers}).to_string();
        let text = policy.evaluate("t/all", input.as_bytes(), Format::Json).unwrap();
        let rows: Value = serde_json::from_str(&text).unwrap();
        rows.pointer("/0/result").cloned().unwrap()
    };
    let all = given(json!([3, 1, 2, 0, 20, 7]));
    assert_eq!(all.get("doubled"), Some(&json!([6, 4, 40, 14])));
    assert_eq!(all.get("sizes"), Some(&json!({"0": "small", "1": "small", "20": "large"})));
    assert_eq!(all.get("found"), Some(&json!(true)));
    assert_eq!(all.get("replaced"), Some(&json!({"here": 6, "there": 1})));
    assert_eq!(all.get("absent"), Some(&json!(true)));
    let shaped = json!({
        "a": {"name": "a", "rank": 1}, "b": 1, "c": {"name": "c", "others": [3, 7, 20]}, "d": [1, "x"]
    });
    assert_eq!(all.get("shaped"), Some(&shaped));
    assert_eq!(given(json!([1])).get("found"), None);
}
