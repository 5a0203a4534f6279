//! Counts and lines of the report.

use std::time::Duration;

use super::super::unsupported::Key;
use super::{Counts, Line, Report};

fn report() -> Report {
    let line = Line { file: "a.json".to_owned(), index: 3, note: "a/b".to_owned(), problem: "wrong".to_owned() };
    let mut report =
        Report { total: Counts { passed: 5, failed: 1, skipped: 2 }, failures: vec![line], ..Report::default() };
    report.files.insert("a.json".to_owned(), report.total);
    report.reasons.insert("strict builtin errors".to_owned(), 2);
    report
}

#[test]
fn text_ends_with_the_line_of_counts() {
    let text = report().text(Duration::from_secs(1));
    assert_eq!(text.lines().last(), Some("5 passed, 1 failed, 2 skipped"));
    assert!(text.contains("FAILED a.json#3 a/b: wrong\n"));
    assert!(text.contains("2 skipped: strict builtin errors\n"));
}

#[test]
fn json_has_the_counts_of_every_file() {
    let json = report().json(Duration::from_secs(1));
    assert_eq!(json.pointer("/files/a.json"), Some(&serde_json::json!({"passed": 5, "failed": 1, "skipped": 2})));
    assert_eq!(json.pointer("/failures/0/index"), Some(&serde_json::json!(3)));
}

#[test]
fn only_a_run_without_failures_is_good() {
    assert!(Report::default().is_good());
    assert!(!report().is_good());
    let stale = Key { file: "rego/a.json".to_owned(), index: 0, note: "n".to_owned() };
    assert!(!Report { stale: vec![stale], ..Report::default() }.is_good());
}
