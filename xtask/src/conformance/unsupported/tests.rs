//! The rules of the list: it only shrinks.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::super::compare::{Kind, Verdict};
use super::{Key, List, Settled};

fn key(index: usize) -> Key {
    Key { file: "rego/a.json".to_owned(), index, note: "a/b c".to_owned() }
}

fn list() -> List {
    List::parse("# said\n\nrego/a.json\t1\ta/b c\tbuiltin x is not available\nrego/a.json\t2\ta/b c\twrong result\n")
        .unwrap()
}

fn failed(kind: Kind) -> Verdict {
    Verdict::failed(kind, "detail".to_owned())
}

#[test]
fn a_listed_case_that_passes_fails_the_run() {
    assert!(
        matches!(list().settle(&key(1), &Verdict::Passed), Settled::Failed(why) if why.contains("take its line out"))
    );
    assert_eq!(list().settle(&key(0), &Verdict::Passed), Settled::Passed);
}

#[test]
fn a_case_that_fails_without_being_listed_fails_the_run() {
    assert!(matches!(list().settle(&key(0), &failed(Kind::Builtin)), Settled::Failed(_)));
    let other_note = Key { note: "a/b".to_owned(), ..key(1) };
    assert!(matches!(list().settle(&other_note, &failed(Kind::Builtin)), Settled::Failed(_)));
    let other_form = Key { file: "plans/a.json".to_owned(), ..key(1) };
    assert!(matches!(list().settle(&other_form, &failed(Kind::Builtin)), Settled::Failed(_)));
}

#[test]
fn listed_failures_are_skipped_but_wrong_results_do_not_hide() {
    let skipped = |reason: &str| Settled::Skipped(reason.to_owned());
    assert_eq!(list().settle(&key(1), &failed(Kind::Compile)), skipped("builtin x is not available"));
    assert!(
        matches!(list().settle(&key(1), &failed(Kind::Wrong)), Settled::Failed(why) if why.contains("wrong result"))
    );
    assert_eq!(list().settle(&key(2), &failed(Kind::Wrong)), skipped("wrong result"));
}

#[test]
fn the_text_is_read_as_it_was_written() {
    let list = list();
    assert_eq!(List::parse(&list.to_text()).unwrap(), list);
    assert_eq!(List::parse(&List::default().to_text()).unwrap().len(), 0);
}

#[test]
fn refuses_lines_that_are_none() {
    for text in [
        "rego/a.json\t1\ta/b",
        "rego/a.json\tone\ta/b\treason",
        "rego/a.json\t1\ta/b\t ",
        "rego/a.json\t1\ta/b\treason\nrego/a.json\t1\ta/b\tother",
    ] {
        assert!(List::parse(text).is_err(), "{text}");
    }
}

#[test]
fn lines_without_a_case_are_found_per_form() {
    let known = [key(1)].into_iter().collect();
    assert_eq!(list().without_case("rego", &known), [key(2)]);
    assert_eq!(list().without_case("plans", &known), []);
}

#[test]
fn forgets_files_that_ran() {
    let mut list = list();
    list.forget_files(&["plans/a.json".to_owned()]);
    assert_eq!(list.len(), 2);
    list.forget_files(&["rego/a.json".to_owned()]);
    assert_eq!(list.len(), 0);
}
