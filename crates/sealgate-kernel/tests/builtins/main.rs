//! Every builtin of the kernel held against real OPA: generated arguments of the right types, edges, Unicode, big numbers,
//! and now and then a value of any type in the wrong place.
//!
//! How many calls, which builtins and which seeds: `sealgate_testkit::Effort`; the default suits a quick run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod arguments;
mod term;

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sealgate_kernel::Arena;
use sealgate_kernel::builtins::{Builtin, Failure, all, find, glob, regex};
use sealgate_testkit::{Answer, Calls, Effort, Opa, in_parallel, require};

use arguments::{Arguments, arguments};
use term::Term;

#[test]
fn every_builtin_agrees_with_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let effort = Effort::from_env(150);
    let builtins: Vec<_> = all().filter(|builtin| effort.wants(builtin.name)).collect();
    let reports = in_parallel(&builtins, |builtin| differences(&opa, builtin, &effort)).concat();
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
    let mut runner = runner(9);
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
fn differences(opa: &Opa, builtin: &Builtin, effort: &Effort) -> Vec<String> {
    let Arguments { calls, call } = arguments(builtin.name, builtin.arity);
    let mut cases: Vec<Vec<Term>> = Vec::new();
    for seed in &effort.seeds {
        let mut runner = runner(*seed);
        cases.extend((0..effort.calls).map(|_| calls.new_tree(&mut runner).unwrap().current()));
    }
    let texts = cases.iter().map(|case| case.iter().map(Term::to_rego).collect()).collect();
    // Rego v0: v1 refuses the deprecated builtins.
    let expected = match opa.answers(&Calls { call, cases: texts, v0: true }) {
        Ok(answers) => answers,
        Err(error) => return vec![format!("{}: {error}", builtin.name)],
    };
    let mut reports = Vec::new();
    for (case, theirs) in cases.iter().zip(expected) {
        // OPA's globs panic now and then.
        let Some(theirs) = theirs else { continue };
        let ours = answer(builtin, case);
        if ours.clone().without_message() != theirs.clone().without_message()
            && !arguments::known_difference(builtin.name, case)
        {
            let arguments: Vec<String> = case.iter().map(Term::to_rego).collect();
            let call = format!("{}({})", builtin.name, arguments.join(", "));
            reports.push(format!("{call}\n  here {ours:?}\n  OPA  {theirs:?}"));
        }
    }
    reports
}

fn answer(builtin: &Builtin, case: &[Term]) -> Answer {
    let arena = Arena::new();
    let arguments: Vec<_> = case.iter().map(|term| term.to_value(arena.heap())).collect();
    let result = sealgate_kernel::caught(|| match builtin.invoke(arena.heap(), &arguments) {
        Ok(value) => Answer::Value(Term::of(value).to_json()),
        Err(failure) => failure.code().map_or(Answer::Undefined, |code| {
            let operand = match failure {
                Failure::Type(position, _) | Failure::Operand(position, _) => position as usize,
                _ => 0,
            };
            let value = operand.checked_sub(1).and_then(|index| arguments.get(index)).copied();
            Answer::Error { code: code.to_owned(), message: format!("{}: {}", builtin.name, failure.message(value)) }
        }),
    });
    result.unwrap_or_else(|message| Answer::Halted(message.to_string_lossy().into_owned()))
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
