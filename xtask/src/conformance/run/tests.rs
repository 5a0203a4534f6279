//! Whole cases, from Rego to the runtime.

#![allow(clippy::unwrap_used, reason = "tests")]

use sealgate::builtins::Value;
use serde_json::json;

use super::super::case::read_cases;
use super::super::compare::{Kind, Verdict};
use super::Carried;
use super::{Runner, carry};

fn run(case: serde_json::Value) -> Verdict {
    let text = json!({"cases": [case]}).to_string();
    let cases = read_cases(&text, false, false).unwrap();
    Runner::new().unwrap().run(cases.first().unwrap())
}

#[test]
fn cases_go_the_whole_way() {
    let case = json!({"note": "n", "query": "data.p.q = x", "modules": ["package p\n\nq contains input.a + data.b"],
        "input": {"a": 1}, "data": {"b": 2}, "want_result": [{"x": [3]}]});
    assert_eq!(run(case.clone()), Verdict::Passed);
    let mut other = case.clone();
    other["want_result"] = json!([{"x": [4]}]);
    assert!(matches!(run(other), Verdict::Failed(failed) if failed.kind == Kind::Wrong));
    let mut unsafe_variable = case;
    unsafe_variable["modules"] = json!(["package p\n\nq if y > 1"]);
    assert!(matches!(run(unsafe_variable.clone()), Verdict::Failed(failed) if failed.kind == Kind::Compile));
    unsafe_variable["want_error_code"] = json!("rego_unsafe_var_error");
    assert_eq!(run(unsafe_variable), Verdict::Passed);
}

#[test]
fn conflicts_end_with_their_code() {
    let case = json!({"note": "n", "query": "data.p.q = x", "modules": ["package p\n\nq := 1 if input.a\n\nq := 2 if input.b"],
        "input": {"a": 1, "b": 1}, "want_error_code": "eval_conflict_error"});
    assert_eq!(run(case), Verdict::Passed);
}

#[test]
fn inputs_that_json_does_not_have_are_carried_as_values() {
    let case = json!({"note": "n", "query": "data.p.q = x", "modules": ["package p\n\nq if 1 in input.a\n\nq if is_set(input.a)"],
        "input_term": "{\"a\": {1, 2},}", "want_result": [{"x": true}]});
    assert_eq!(run(case), Verdict::Passed);
    let carried = |term: &str| {
        let text = json!({"cases": [{"note": "n", "query": "q", "input_term": term, "want_result": []}]}).to_string();
        carry(read_cases(&text, false, false).unwrap().first().unwrap()).ok()
    };
    assert_eq!(carried("{\"a\": [1,],}"), Some(Carried::Json("{\"a\":[1]}".to_owned())));
    assert_eq!(carried("{\"a\": {1}}"), Some(Carried::Value(Value::parse("{\"a\":{1}}").unwrap())));
    assert_eq!(carried("{\"a\": 1 + 2}"), Some(Carried::InQuery("{\"a\": 1 + 2}".to_owned())));
    assert_eq!(carried("{"), None);
}

#[test]
fn builtin_errors_end_strict_cases_only() {
    let mut case = json!({"note": "n", "query": "data.p.q = x", "modules": ["package p\n\nq := 1 / input.a"],
        "input": {"a": 0}, "want_error_code": "eval_builtin_error", "strict_error": true});
    assert_eq!(run(case.clone()), Verdict::Passed);
    case["input"] = json!({"a": "x"});
    assert!(matches!(run(case.clone()), Verdict::Failed(failed) if failed.kind == Kind::Stopped));
    case["want_error_code"] = json!("eval_type_error");
    assert_eq!(run(case.clone()), Verdict::Passed);
    case["strict_error"] = json!(false);
    assert!(matches!(run(case), Verdict::Failed(failed) if failed.kind == Kind::Wrong));
}
