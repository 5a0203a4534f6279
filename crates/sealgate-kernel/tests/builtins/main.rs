//! Every builtin of the kernel held against real OPA: generated arguments of the right types, edges, Unicode, big numbers,
//! and now and then a value of any type in the wrong place.
//!
//! `SEALGATE_DIFFERENTIAL` is the number of calls per builtin; its default suits a quick run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod arguments;
mod term;

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sealgate_kernel::Arena;
use sealgate_kernel::builtins::{Builtin, all, find, glob, regex};
use sealgate_testkit::{Evaluation, Opa, OpaError, require};
use serde_json::Value as Json;

use arguments::{Arguments, arguments};
use term::Term;

#[test]
fn every_builtin_agrees_with_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let only = std::env::var("SEALGATE_BUILTIN").ok();
    let mut reports = Vec::new();
    for builtin in all().filter(|builtin| only.as_deref().is_none_or(|only| builtin.name.starts_with(only))) {
        reports.extend(differences(&opa, builtin));
    }
    assert!(reports.is_empty(), "{} differences\n{}", reports.len(), reports.join("\n"));
}

#[test]
fn names_and_symbols_are_unique_and_match() {
    let mut names = BTreeSet::new();
    for builtin in all() {
        assert!(names.insert(builtin.name), "{} is listed twice", builtin.name);
        assert_eq!(builtin.symbol, format!("sg_b_{}", builtin.name.replace('.', "_")));
        assert!(std::ptr::eq(find(builtin.name).unwrap(), builtin));
        let arena = Arena::new();
        assert_eq!((builtin.call)(arena.heap(), &[]), Err(None), "{} without arguments", builtin.name);
    }
}

/// Tables of constant patterns say what the engine says.
#[test]
fn tables_agree_with_the_engine() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]));
    let mut tables = 0;
    for (name, pattern_at, text_at) in [("regex.match", 0, 1), ("glob.match", 0, 2)] {
        let builtin = find(name).unwrap();
        let Arguments { calls, .. } = arguments(name, builtin.arity);
        for _ in 0..4000 {
            let case = calls.new_tree(&mut runner).unwrap().current();
            let (Term::String(pattern), Term::String(text)) = (&case[pattern_at], &case[text_at]) else { continue };
            let table = if name == "glob.match" {
                let Some(delimiters) = delimiters(&case[1]) else { continue };
                glob::match_table(pattern, &delimiters)
            } else {
                regex::match_table(pattern)
            };
            let Some(table) = table else { continue };
            tables += 1;
            let arena = Arena::new();
            let values: Vec<_> = case.iter().map(|term| term.to_value(arena.heap())).collect();
            let engine = (builtin.call)(arena.heap(), &values).ok().and_then(|value| value.as_bool());
            assert_eq!(Some(regex::table_match(&table, text)), engine, "{name} {case:?}");
            // A table that is cut short matches nothing and does not panic.
            let _ = regex::table_match(&table[..table.len() / 2], text);
        }
    }
    assert!(tables > 4000, "only {tables} tables");
}

#[test]
fn tables_of_plain_patterns_are_small() {
    for (pattern, most) in
        [("^[a-z]+$", 400), ("prod", 400), ("^/srv/(docs|data)/.*\\.(md|txt)$", 2500), ("^.{1,20}$", 8000)]
    {
        let size = regex::match_table(pattern).unwrap().len();
        assert!(size <= most, "{pattern} takes {size} bytes");
    }
    assert_eq!(regex::match_table("("), None);
    // Too large for a table: the engine does it.
    assert_eq!(regex::match_table("(a|b)*a(a|b){20}"), None);
}

/// What would take memory or time without bound ends the evaluation with a message instead.
#[test]
fn hostile_sizes_end_the_evaluation() {
    let number = |text: &str| Term::Number(text.to_owned());
    let cases: Vec<(&str, Vec<Term>, &str)> = vec![
        ("numbers.range", vec![Term::int(1), number("1e12")], "too many numbers"),
        ("numbers.range", vec![number("1e40"), number("2e40")], "too many numbers"),
        ("plus", vec![number("1e999999999"), Term::int(1)], "too many digits"),
        ("bits.lsh", vec![Term::int(1), Term::int(i64::MAX)], "too many digits"),
        ("round", vec![number("1e99999")], "too many digits"),
        ("units.parse", vec![Term::text("1e999999")], "too many digits"),
        ("regex.match", vec![Term::String("(".repeat(5000) + &")".repeat(5000)), Term::text("")], "too large"),
        ("regex.match", vec![Term::text("((\\pL{30}){30}){1,}"), Term::text("")], "too large"),
        ("regex.is_valid", vec![Term::String("a".repeat(100_000))], "too large"),
        ("glob.match", vec![Term::String("{".repeat(5000)), Term::Null, Term::text("")], "too large"),
        ("net.cidr_expand", vec![Term::text("::/0")], "too many addresses"),
    ];
    for (name, case, message) in &cases {
        let start = std::time::Instant::now();
        let arena = Arena::new();
        let values: Vec<_> = case.iter().map(|term| term.to_value(arena.heap())).collect();
        let ended = sealgate_kernel::caught(|| (find(name).unwrap().call)(arena.heap(), &values).is_ok());
        let said = ended.expect_err(name).to_string_lossy();
        assert!(said.contains(message), "{name}: {said}");
        assert!(start.elapsed().as_secs() < 20, "{name} took {:?}", start.elapsed());
    }
}

fn delimiters(term: &Term) -> Option<Vec<char>> {
    match term {
        Term::Null => Some(Vec::new()),
        Term::Array(elements) if elements.is_empty() => Some(vec!['.']),
        Term::Array(elements) => elements
            .iter()
            .map(|element| match element {
                Term::String(text) if text.chars().count() == 1 => text.chars().next(),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Calls the builtin and OPA's with the same arguments; gives what differs: values, or the codes of errors.
fn differences(opa: &Opa, builtin: &Builtin) -> Vec<String> {
    let Arguments { calls, call } = arguments(builtin.name, builtin.arity);
    let count = std::env::var("SEALGATE_DIFFERENTIAL").map_or(150, |count| count.parse().unwrap());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let cases: Vec<Vec<Term>> = (0..count).map(|_| calls.new_tree(&mut runner).unwrap().current()).collect();

    let mut expected = Vec::new();
    if let Err(error) = ask(opa, &call, &cases, &mut expected) {
        return vec![format!("{}: {error}", builtin.name)];
    }

    // A limit of the kernel aborts: say where.
    println!("{}", builtin.name);
    let mut reports = Vec::new();
    for (case, theirs) in cases.iter().zip(expected) {
        // OPA's globs panic now and then.
        let Some(theirs) = theirs else { continue };
        let arena = Arena::new();
        let arguments: Vec<_> = case.iter().map(|term| term.to_value(arena.heap())).collect();
        let ours = match builtin.invoke(arena.heap(), &arguments) {
            Ok(value) => Answer::Value(Term::of(value).to_json()),
            Err(failure) => failure.code().map_or(Answer::Undefined, |code| Answer::Error(code.to_owned())),
        };
        if ours != theirs && !arguments::known_difference(builtin.name, case) {
            let arguments: Vec<String> = case.iter().map(Term::to_rego).collect();
            let call = format!("{}({})", builtin.name, arguments.join(", "));
            reports.push(format!("{call}\n  here {ours:?}\n  OPA  {theirs:?}"));
        }
    }
    reports
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Value(Json),
    Undefined,
    /// An error with this code.
    Error(String),
}

/// Asks OPA for the results of all calls; `None` is a call that crashes it, which is found by halving.
fn ask(opa: &Opa, call: &str, cases: &[Vec<Term>], answers: &mut Vec<Option<Answer>>) -> Result<(), OpaError> {
    // Literals and not input: only a module can hold sets. A line for each call, by which errors name it. The elements of
    // what `array.concat` gives are of any type to the checker. Rego v0: v1 refuses the deprecated builtins.
    let mut module = String::from("package t\n\nimport future.keywords\n\ncases := array.concat([\n");
    for case in cases {
        writeln!(module, "\t{},", Term::Array(case.clone()).to_rego()).unwrap();
    }
    writeln!(module, "], [])\n").unwrap();
    let first = module.lines().count() + 1;
    for index in 0..cases.len() {
        writeln!(module, "results[{index}] = v {{ c := cases[{index}]; v := {call} }}").unwrap();
    }
    let evaluation = Evaluation { modules: &[("t.rego", &module)], v0: true, ..Evaluation::default() };
    match opa.eval_with_errors(evaluation, "data.t.results") {
        Ok((results, errors)) => {
            let results = results.unwrap_or(Json::Null);
            answers.extend((0..cases.len()).map(|index| {
                let error = errors.iter().find(|error| error.row == first + index);
                Some(match (results.get(index.to_string()), error) {
                    (Some(value), _) => Answer::Value(value.clone()),
                    (None, Some(error)) => Answer::Error(error.code.clone()),
                    (None, None) => Answer::Undefined,
                })
            }));
            Ok(())
        }
        Err(OpaError::Failed(reason)) if reason.contains("panic") && cases.len() > 1 => {
            let (first, second) = cases.split_at(cases.len() / 2);
            ask(opa, call, first, answers)?;
            ask(opa, call, second, answers)
        }
        Err(OpaError::Failed(reason)) if reason.contains("panic") => {
            answers.push(None);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
