//! What counts as the answer that a case wants.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use sealgate::builtins::Value;
use sealgate::{DecideError, ErrorCode, RegoError};
use serde_json::json;

use super::super::case::{Case, Input, Want};
use super::{Ending, Kind, Verdict, judge};

fn case(want: Want) -> Case {
    Case {
        index: 0,
        note: "note".to_owned(),
        query: "data.p = x".to_owned(),
        modules: Vec::new(),
        v0: false,
        data: json!({}),
        input: Input::None,
        want,
        strict: false,
        sort_bindings: false,
        ignore_generated_vars: false,
        env: serde_json::Map::new(),
        plan: None,
    }
}

fn wants(rows: serde_json::Value) -> Case {
    case(Want::Rows(serde_json::from_value(rows).unwrap()))
}

fn gives(text: &str) -> Ending {
    let Value::Array(rows) = Value::parse(text).unwrap() else { panic!("no rows") };
    Ending::Rows(rows)
}

fn kind(verdict: &Verdict) -> Option<Kind> {
    match verdict {
        Verdict::Passed => None,
        Verdict::Failed(failed) => Some(failed.kind),
    }
}

fn check(case: &Case, text: &str, passes: bool) {
    let verdict = judge(case, gives(text));
    assert_eq!(kind(&verdict), if passes { None } else { Some(Kind::Wrong) }, "{text}: {verdict:?}");
}

#[test]
fn rows_are_a_set() {
    let case = wants(json!([{"x": 1}, {"x": 2}]));
    check(&case, r#"[{"x": 2}, {"x": 1}]"#, true);
    check(&case, r#"[{"x": 2}, {"x": 1}, {"x": 2}]"#, true);
    check(&case, r#"[{"x": 1}]"#, false);
    check(&case, r#"[{"x": 1}, {"x": 2}, {"x": 3}]"#, false);
    check(&wants(json!([])), "[]", true);
    check(&wants(json!([])), "[{}]", false);
}

#[test]
fn numbers_are_equal_by_worth() {
    check(&wants(json!([{"x": 1}])), r#"[{"x": 1.0}]"#, true);
    check(&wants(json!([{"x": 1}])), r#"[{"x": "1"}]"#, false);
    check(&wants(json!([{"x": 0.1}])), r#"[{"x": 0.10000000000000001}]"#, false);
}

#[test]
fn order_in_arrays_counts_unless_the_case_says_not() {
    let mut case = wants(json!([{"x": [3, [2, 1]]}]));
    check(&case, r#"[{"x": [[2, 1], 3]}]"#, false);
    case.sort_bindings = true;
    check(&case, r#"[{"x": [[2, 1], 3]}]"#, true);
    check(&case, r#"[{"x": [[1, 2], 3]}]"#, false);
}

#[test]
fn generated_variables_are_left_out_on_request() {
    let mut case = wants(json!([{"x": 1}]));
    check(&case, r#"[{"x": 1, "__local0__": 2}]"#, false);
    case.ignore_generated_vars = true;
    check(&case, r#"[{"x": 1, "__local0__": 2}]"#, true);
    check(&case, r#"[{"x": 1, "y": 2}]"#, false);
}

#[test]
fn errors_are_compared_by_code() {
    let refused = |code: &str| Ending::Refused { codes: vec![code.to_owned()], message: "m".to_owned() };
    let ended = |code| Ending::Stopped(DecideError::Rego(RegoError { code, message: "m".to_owned(), location: None }));
    let type_error = case(Want::Error("rego_type_error".to_owned()));
    assert_eq!(judge(&type_error, refused("rego_type_error")), Verdict::Passed);
    assert_eq!(kind(&judge(&type_error, refused("rego_parse_error"))), Some(Kind::Compile));
    assert_eq!(kind(&judge(&type_error, gives("[]"))), Some(Kind::Wrong));
    let conflict = case(Want::Error("eval_conflict_error".to_owned()));
    assert_eq!(judge(&conflict, ended(ErrorCode::Conflict)), Verdict::Passed);
    assert_eq!(kind(&judge(&conflict, ended(ErrorCode::Type))), Some(Kind::Stopped));
    let aborted = Ending::Stopped(DecideError::Aborted("illegal value".to_owned()));
    assert_eq!(kind(&judge(&conflict, aborted)), Some(Kind::Stopped));
    assert_eq!(kind(&judge(&conflict, Ending::Stopped(DecideError::Timeout))), Some(Kind::Stopped));
    // An error where a result is wanted is no pass, whatever its code.
    assert_eq!(kind(&judge(&wants(json!([])), refused("rego_type_error"))), Some(Kind::Compile));
}

#[test]
fn strict_cases_that_give_a_result_are_told_apart() {
    let mut strict = case(Want::Error("eval_builtin_error".to_owned()));
    strict.strict = true;
    let verdict = judge(&strict, gives("[]"));
    assert_eq!(kind(&verdict), Some(Kind::Strict));
    // A strict case that wants a result is held to it.
    let mut wants = wants(json!([{"x": 1}]));
    wants.strict = true;
    assert_eq!(kind(&judge(&wants, gives("[]"))), Some(Kind::Wrong));
}

#[test]
fn definedness() {
    check(&case(Want::Defined(true)), "[{}]", true);
    check(&case(Want::Defined(true)), "[]", false);
    check(&case(Want::Defined(false)), "[]", true);
    check(&case(Want::Defined(false)), "[{}]", false);
}

#[test]
fn reasons() {
    let reason = |ending: Ending| match judge(&wants(json!([{"x": 1}])), ending) {
        Verdict::Failed(failed) => failed.reason(),
        Verdict::Passed => "passed".to_owned(),
    };
    assert_eq!(reason(Ending::NoBuiltins(vec!["time.now_ns".to_owned()])), "builtin time.now_ns is not available");
    assert_eq!(reason(Ending::NoBuiltins(vec!["a".to_owned(), "b".to_owned()])), "builtins a, b are not available");
    let refused = Ending::Refused { codes: Vec::new(), message: "one\ttwo\nthree".to_owned() };
    assert_eq!(reason(refused), "compile error: one two");
    assert_eq!(reason(gives("[]")), "wrong result");
    assert_eq!(reason(Ending::InputNotJson), "the input is not JSON");
}
