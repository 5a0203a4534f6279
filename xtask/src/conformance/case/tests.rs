//! Reading cases: both forms, every field, and what is no case.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;

use super::{Input, Want, error_code, join, read_cases, read_dir, read_plans};

#[test]
fn reads_the_json_form() {
    let text = json!({"cases": [
        {"note": "a/b", "query": "data.p = x", "modules": ["package p"], "want_result": [{"x": 1.5}], "sort_bindings": true,
         "input_term": "{1}", "file": "a.json"},
        {"note": "a/b", "query": "q", "modules": [], "data": {"a": 1}, "input": 1, "strict_error": true,
         "want_error": "test-0.rego:4: eval_type_error: operand 1"},
    ]});
    let cases = read_cases(&text.to_string(), false, false).unwrap();
    assert_eq!(cases.len(), 2);
    assert_eq!((cases[0].index, cases[1].index), (0, 1));
    assert_eq!(cases[0].input, Input::Term("{1}".to_owned()));
    assert!(cases[0].sort_bindings && !cases[0].strict && !cases[0].v0);
    assert_eq!(cases[0].data, json!({}));
    assert!(matches!(&cases[0].want, Want::Rows(rows) if rows[0]["x"] == 1.5));
    assert_eq!(cases[1].want, Want::Error("eval_type_error".to_owned()));
    assert_eq!(cases[1].input, Input::Json(json!(1)));
}

#[test]
fn reads_the_yaml_form() {
    let text = "\
---
cases:
  - note: aggregates/count
    query: data.generated.p = x
    modules:
      - |
        package generated

        p contains x if count(data.a, x)
    data:
      a: [1, 2.5, three, true, null]
      big: 12345678901234567890123
    input_term: '{\"foo\": {1}}'
    want_result:
      - x:
          - 5
    sort_bindings: true
  - note: 'aggregates/error'
    query: data.generated.p = x
    want_error_code: rego_type_error
    want_error: anything
  - {note: empty, query: \"data.p\", want_result: []}
  - {note: undefined, query: \"data.p\", want_defined: false}
";
    let cases = read_cases(text, true, true).unwrap();
    assert_eq!(cases[0].modules, ["package generated\n\np contains x if count(data.a, x)\n"]);
    assert_eq!(cases[0].data["a"], json!([1, 2.5, "three", true, null]));
    assert!(cases[0].v0);
    assert_eq!(cases[1].want, Want::Error("rego_type_error".to_owned()));
    assert_eq!(cases[2].want, Want::Rows(Vec::new()));
    assert_eq!(cases[3].want, Want::Defined(false));
}

#[test]
fn an_error_goes_before_a_result_and_a_result_before_being_defined() {
    let want = |fields: &str| {
        let text = format!(r#"{{"cases": [{{"note": "n", "query": "q", "env": {{"A": "b"}}{fields}}}]}}"#);
        let case = read_cases(&text, false, false).unwrap().remove(0);
        assert_eq!(case.env["A"], "b");
        case.want
    };
    assert_eq!(want(""), Want::Nothing);
    assert_eq!(want(r#", "want_error": "odd""#), Want::AnyError);
    assert_eq!(want(r#", "want_error": "odd", "want_result": []"#), Want::AnyError);
    assert_eq!(want(r#", "want_error": "a: eval_type_error: b""#), Want::Error("eval_type_error".to_owned()));
    assert_eq!(want(r#", "want_result": [], "want_defined": true"#), Want::Rows(Vec::new()));
}

#[test]
fn refuses_what_is_no_case() {
    let refused = |text: &str| read_cases(text, false, false).unwrap_err().to_string();
    assert!(refused(r#"{"cases": [{"note": "n\tm", "query": "q", "want_result": []}]}"#).contains("tab"));
    assert!(refused(r#"{"cases": [{"query": "q"}]}"#).contains("note"));
    assert!(refused("[]").contains("invalid"));
}

#[test]
fn finds_the_code_of_an_error() {
    let code = |text: &str| error_code(text).unwrap_or_default();
    assert_eq!(code("test-0.rego:4: eval_type_error: strings.any_prefix_match: operand 1"), "eval_type_error");
    assert_eq!(code("1 error occurred: rego_unsafe_var_error: x"), "rego_unsafe_var_error");
    assert_eq!(code("an error"), "");
}

#[test]
fn plans_stand_where_their_cases_do() {
    let cases = r#"{"cases": [{"note": "n", "query": "q", "want_result": [{"x": 1}]}]}"#;
    let file = || super::CaseFile { name: "f".to_owned(), cases: read_cases(cases, false, false).unwrap() };
    let plans = |text: &str| serde_json::from_str(text).unwrap();
    let mut good = file();
    join(&mut good, plans(r#"{"cases": [{"note": "n", "plan": {"a": 1}, "want_plan_result": [{"x": 2}]}]}"#)).unwrap();
    assert_eq!(good.cases[0].plan, Some(json!({"a": 1})));
    assert!(matches!(&good.cases[0].want, Want::Rows(rows) if rows[0]["x"] == 2));
    assert!(join(&mut file(), plans(r#"{"cases": [{"note": "m", "plan": {}}]}"#)).is_err());
    assert!(join(&mut file(), plans(r#"{"cases": []}"#)).is_err());
}

#[test]
fn reads_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["rego/v0/b", "rego/a", "plans/a"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    std::fs::write(at("rego/v0/b/old.yaml"), "cases:\n  - {note: n, query: q, want_result: []}\n").unwrap();
    std::fs::write(at("rego/a/new.json"), r#"{"cases": [{"note": "m", "query": "q", "want_result": []}]}"#).unwrap();
    std::fs::write(at("rego/a/README.md"), "no cases").unwrap();
    std::fs::write(at("plans/a/new.json"), r#"{"cases": [{"note": "m", "plan": {}}]}"#).unwrap();
    let files = read_dir(&at("rego")).unwrap();
    let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.cases[0].v0)).collect();
    assert_eq!(names, [("a/new.json", false), ("v0/b/old.yaml", true)]);
    let plans = read_plans(&at("plans")).unwrap();
    assert_eq!((plans.len(), plans[0].name.as_str()), (1, "a/new.json"));
    assert!(plans[0].cases[0].plan.is_some());
    std::fs::write(at("rego/a/odd.json"), "{}").unwrap();
    assert!(format!("{:#}", read_dir(&at("rego")).unwrap_err()).contains("odd.json"));
}
