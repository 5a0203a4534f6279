//! What is discovered, run and reported.

use super::super::files::RegoFile;
use super::*;

fn results(text: &str) -> Vec<TestResult> {
    let module = RegoFile { path: "t.rego".into(), name: "t.rego".into(), text: text.to_owned(), version: None };
    let files = RegoFiles { modules: vec![module], ..RegoFiles::default() };
    let options = TestOptions {
        rego: RegoOptions::default(),
        run: None,
        timeout: Duration::from_secs(2),
        grants: Grants::default(),
        host: Host::default(),
    };
    run(&files, &mut Sources::new(), &options).unwrap().results
}

#[test]
fn tests_pass_fail_skip_and_err_each_on_its_own() {
    let found = results(
        "package a.b\n\
         test_pass if input.x == 1 with input as {\"x\": 1}\n\
         test_fail if { print(\"seen\", 7, input.none); 1 == 2 }\n\
         todo_test_later if 1 == 2\n\
         test_same if true\n\
         test_same if false\n\
         test_conflict if f(1) == 1\n\
         f(_) := 1\n\
         f(_) := 2\n\
         test_mocked if f(1) == 3 with f as 3\n\
         test_http if http.send({}).x == 1 with http.send as {\"x\": 1}\n",
    );
    let outcome = |name: &str| found.iter().find(|result| result.name == name).unwrap().outcome();
    assert_eq!(found.len(), 8);
    for (name, expected) in [
        ("test_pass", "PASS"),
        ("test_fail", "FAIL"),
        ("todo_test_later", "SKIPPED"),
        ("test_same", "PASS"),
        ("test_same#01", "FAIL"),
        ("test_conflict", "ERROR"),
        ("test_mocked", "PASS"),
        ("test_http", "PASS"),
    ] {
        assert_eq!(outcome(name), expected, "{name}");
    }
    let failed = found.iter().find(|result| result.name == "test_fail").unwrap();
    assert_eq!((failed.output.as_str(), failed.row), ("seen 7 <undefined>\n", 3));
    assert_eq!(failed.package, "data.a.b");
    let conflict = found.iter().find(|result| result.name == "test_conflict").unwrap();
    assert_eq!(conflict.error.as_ref().unwrap().code, "eval_conflict_error");
}

#[test]
fn a_case_that_begins_and_gives_nothing_has_failed() {
    let found = results(
        "package a\n\
         test_double[tc.note] if {\n  some tc in [{\"note\": \"one\", \"x\": 1, \"y\": 2}, {\"note\": \"two\", \"x\": 2, \"y\": 5}]\n  \
         tc.x * 2 == tc.y\n}\n\
         test_all[note] := true if {\n  some note in [\"a\", \"b\"]\n}\n",
    );
    let [all, double] = found.as_slice() else { panic!("{found:?}") };
    let (all, double) = if all.name == "test_all" { (all, double) } else { (double, all) };
    assert!(!all.fail && all.case_counts() == (2, 0), "{all:?}");
    assert!(double.fail && double.case_counts() == (1, 1), "{double:?}");
    assert!(double.sub_results["two"].fail && !double.sub_results["one"].fail);
}
