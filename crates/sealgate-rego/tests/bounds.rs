//! Input that is deep, large or ambiguous ends with a clear error or a tree, in bounded time and on a small stack.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use sealgate_diagnostics::Sources;
use sealgate_rego::ast::Module;
use sealgate_rego::{MAX_NUMBER, MAX_OPERANDS, ParseOptions, parse_module};

fn parse(text: String) -> Result<Module, Vec<String>> {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    parse_module(&sources, id, ParseOptions::default())
        .map_err(|errors| errors.iter().map(|error| error.message.clone()).collect())
}

/// Parses, prints and drops on a thread whose stack is as small as threads usually get.
fn parse_on_small_stack(text: String) -> Result<usize, Vec<String>> {
    let work = move || parse(text).map(|module| module.clone().to_string().len());
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

const TOO_DEEP: &str = "max parsing recursion depth exceeded";

/// What nests: opened so many times, then closed as often.
const NESTS: &[(&str, &str, &str)] = &[
    ("p := ", "[", "]"),
    ("p := ", "{", "}"),
    ("p := ", "(", ")"),
    ("p := ", "f(", ")"),
    ("p := ", "x[", "]"),
    ("p := ", "{1: ", "}"),
    ("p := ", "{[", "]: 1}"),
    ("p := ", "[x | ", "]"),
    ("p := ", "{x | ", "}"),
    ("p := ", "{x: y | ", "}"),
    ("p := ", "[x | y, ", "]"),
    ("p := ", "$\"{", "}\""),
    ("p := ", "1 + (", ")"),
    ("p := ", "[1 in ", "]"),
    ("p if ", "every x in ", " { x }"),
    ("p if ", "every x in xs { ", " }"),
    ("p if { ", "some y in [z | ", "] }"),
    ("p if ", "{ ", "}"),
    ("p if { x with input as ", "[x | x with input as ", "]"),
    ("import future.keywords\np if ", "not { ", "}"),
    ("import future.keywords\np if ", "(a or ", ")"),
    ("import future.keywords\np if ", "({ ", "})"),
    ("import future.keywords\np if ", "{ a } and { ", "}"),
    ("import future.keywords\np if ", "{ x | ", "}"),
    ("import future.keywords\np if ", "(not (", "))"),
];

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    for (before, open, close) in NESTS {
        for depth in [10, 100, 250, 1000, 50_000] {
            let text = format!("package t\n{before}{}x{}", open.repeat(depth), close.repeat(depth));
            let started = Instant::now();
            let got = parse_on_small_stack(text);
            assert!(started.elapsed() < Duration::from_secs(20), "{open} x {depth}: {:?}", started.elapsed());
            if depth >= 1000 {
                let errors = got.expect_err(open);
                assert!(!errors.is_empty() && errors.len() <= 21, "{open} x {depth}: {errors:?}");
            } else if depth == 10 && close.len() == 1 && !before.contains("some") {
                // Whether it is a rule or not, it must not be for its depth.
                assert!(!got.is_err_and(|errors| errors.iter().any(|error| error == TOO_DEEP)), "{open} x {depth}");
            }
        }
    }
}

#[test]
fn long_references_are_an_error() {
    for (operand, count) in [(".a", MAX_OPERANDS), ("[0]", MAX_OPERANDS), ("[x]", MAX_OPERANDS)] {
        let text = |count| format!("package t\np := input{}", operand.repeat(count));
        assert!(parse_on_small_stack(text(count)).is_ok(), "{operand}");
        for count in [count + 1, 100_000] {
            let errors = parse_on_small_stack(text(count)).unwrap_err();
            assert_eq!(errors, [format!("a reference has at most {MAX_OPERANDS} operands")], "{operand}");
        }
    }
}

#[test]
fn unclosed_brackets_are_an_error() {
    for open in ["[", "{", "(", "f(", "x[", "$\"{", "$`{", "{x | ", "not {", "\"", "`", "#", "- ", "{,", "[,"] {
        let errors = parse_on_small_stack(format!("package t\np := {}", open.repeat(20_001))).unwrap_err();
        assert!(!errors.is_empty() && errors.len() <= 41, "{open}: {errors:?}");
    }
}

#[test]
fn long_chains_are_bounded_by_the_tree_they_make() {
    for operator in ["+", "|", "&", "*", "==", "in"] {
        let chain = |count: usize| format!("package t\np := x{}", format!(" {operator} x").repeat(count));
        assert!(parse_on_small_stack(chain(200)).is_ok(), "{operator}");
        assert_eq!(parse_on_small_stack(chain(100_000)).unwrap_err(), [TOO_DEEP], "{operator}");
    }
    assert_eq!(parse_on_small_stack(format!("package t\np := f(x){}", ".g(x)".repeat(1000))).unwrap_err(), [TOO_DEEP]);
}

#[test]
fn what_is_flat_may_be_long() {
    for (before, part, after) in [
        ("p := [", "1, ", "]"),
        ("p := {", "1: 2, ", "}"),
        ("p := f(", "x, ", ")"),
        ("p if { ", "x; ", "x }"),
        ("p if { x }", " else := 1 if { y }", ""),
        ("p if { x }", " { y }", ""),
        ("p if x", " with input as 1", ""),
        ("p if { some x", ", x", " }"),
        ("p := $\"", "a{x}", "\""),
    ] {
        let got = parse_on_small_stack(format!("package t\n{before}{}{after}", part.repeat(20_000)));
        assert!(got.is_ok(), "{before}{part}…: {got:?}");
    }
}

#[test]
fn long_numbers_are_refused() {
    assert!(parse(format!("package t\np := {}", "1".repeat(MAX_NUMBER))).is_ok());
    let errors = parse(format!("package t\np := {}", "1".repeat(MAX_NUMBER + 1))).unwrap_err();
    assert!(errors[0].starts_with("number too long"), "{errors:?}");
    for number in ["1e30104", "1e-30104", "1e99999999999999999999999"] {
        assert_eq!(parse(format!("package t\np := {number}")).unwrap_err(), ["number too big"], "{number}");
    }
}

#[test]
fn errors_are_bounded() {
    let errors = parse(format!("package t\n{}", "p := [ }\n".repeat(10_000))).unwrap_err();
    assert_eq!(errors.len(), 20);
}

/// Rules as a generator would write them.
fn rules(count: usize) -> String {
    let rule = |index| {
        format!(
            "allow if {{\n\tinput.role == \"role{index}\"\n\tinput.tool in {{\"a{index}\", \"b\"}}\n\tinput.x[_] < 5\n}}\n\n"
        )
    };
    format!("package t\n\n{}", (0..count).map(rule).collect::<String>())
}

#[test]
fn time_grows_with_the_text_and_no_faster() {
    let time = |count: usize| {
        let text = rules(count);
        // The best of three: other processes share the machine.
        let runs = (0..3).map(|_| {
            let started = Instant::now();
            assert_eq!(parse(text.clone()).unwrap().rules.len(), count);
            started.elapsed()
        });
        runs.min().unwrap()
    };
    let (small, large) = (time(2_500), time(40_000));
    assert!(large < small * 16 * 4, "16 times the rules took {large:?} instead of {small:?}");
}
