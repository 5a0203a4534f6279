//! Rego programs drawn at random, decided by our compiler and runtime and by real OPA: the same values, the same undefined,
//! the same error codes.
//!
//! `SEALGATE_SEED` and `SEALGATE_PROGRAMS` draw others, or more.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends by panicking")]

mod alike;
mod engines;
mod generator;
mod guards;
mod random;
mod shapes;

use std::time::{Duration, Instant};

use engines::{Answer, Engines, compile};
use generator::{Program, program};
use sealgate::{Format, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_testkit::{Opa, require};
use serde_json::json;

/// How many are drawn unless the environment says otherwise.
const PROGRAMS: u64 = 400;
/// How many differences are shown, each reduced to the rules that it needs.
const SHOWN: usize = 5;

/// No program is so large that compiling it and a few evaluations take longer, even where other work has the machine.
const SLOW: Duration = Duration::from_secs(90);

#[test]
fn random_programs_decide_as_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let (first, count) = (number("SEALGATE_SEED", 1), number("SEALGATE_PROGRAMS", PROGRAMS));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4) as u64;
    let results: Vec<Tally> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let opa = &opa;
                scope.spawn(move || {
                    let engines = Engines::start(opa);
                    let mut tally = Tally::default();
                    let mut seed = first.wrapping_mul(1_000_003).wrapping_add(worker);
                    for _ in (worker..count).step_by(usize::try_from(threads).unwrap()) {
                        tally.hold(&engines, seed);
                        seed = seed.wrapping_add(threads);
                    }
                    tally
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let total = |of: fn(&Tally) -> usize| results.iter().map(of).sum::<usize>();
    let (values, undefined, errors) = (total(|t| t.values), total(|t| t.undefined), total(|t| t.errors));
    let refused = total(|t| t.refused);
    println!("{count} programs: {values} values, {undefined} undefined, {errors} errors, {refused} refused");
    let complaints: Vec<&String> = results.iter().flat_map(|tally| &tally.complaints).collect();
    let shown: Vec<_> = complaints.iter().take(SHOWN).map(|text| text.as_str()).collect();
    assert!(complaints.is_empty(), "{} differences:\n{}", complaints.len(), shown.join("\n=====\n"));
    let stricter = total(|t| t.stricter);
    assert!(stricter as u64 * 100 <= count.max(200), "{stricter} programs are refused or end with an error only here");
    // A generator that draws nothing but nonsense would find nothing.
    assert!(values > errors && values > undefined / 2, "the programs say too little");
}

#[test]
fn guarded_bodies_are_found_as_opa_finds_them() {
    hold_drawn(guards::program);
}

#[test]
fn constants_that_are_alike_are_what_opa_reads() {
    hold_drawn(alike::program);
}

/// Holds that our compiler and OPA decide programs that are drawn by a seed alike, every rule for every input.
fn hold_drawn(program: fn(u64) -> Program) {
    let Some(opa) = require(Opa::find()) else { return };
    let engines = Engines::start(&opa);
    let (first, count) = (number("SEALGATE_SEED", 1), number("SEALGATE_PROGRAMS", PROGRAMS) / 4);
    let mut values = 0;
    for at in 0..count {
        let seed = first.wrapping_mul(1_000_003) + at;
        let program = program(seed);
        let (ours, theirs) = (engines.ours(&program), engines.theirs(&program));
        for (((name, input), ours), theirs) in program.asked().zip(&ours).zip(&theirs) {
            assert_eq!(ours, theirs, "seed {seed}: {name} of {input}\n{}", program.module());
        }
        assert_eq!(ours.len(), theirs.len(), "seed {seed}\n{}", program.module());
        values += ours.iter().filter(|answer| matches!(answer, Answer::Value(_))).count();
    }
    println!("{count} programs: {values} values");
    assert!(values as u64 > count * 20, "the programs say too little");
}

/// JSON nests to 1,000. What calls itself at every depth must not use up the sandbox's stacks before.
#[test]
fn deeply_nested_values_are_handled_as_by_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let engines = Engines::start(&opa);
    let helpers = [
        "times(x) := concat(\"\", [x | some _ in numbers.range(1, 990)])",
        "deep(open, leaf, close) := json.unmarshal(concat(\"\", [times(open), leaf, times(close)]))",
        "a := deep(\"[\", \"1\", \"]\")",
        "b := deep(\"[\", \"2\", \"]\")",
        "o := deep(\"{\\\"k\\\":\", \"1\", \"}\")",
        "p := deep(\"{\\\"k\\\":\", \"{}\", \"}\")",
    ];
    let asked = [
        "a == json.unmarshal(json.marshal(a))",
        "o == json.unmarshal(json.marshal(o))",
        "[a < b, o < p, sort([b, a, a])[2] == b, count({a, b, o, p} - {a})]",
        "count(sprintf(\"%v\", [[a, o]]))",
        "count([1 | walk(o, _)])",
        "count(object.union(o, p))",
        "json.is_valid(json.marshal(p))",
        "count(json.marshal([a, o]))",
    ];
    let mut rules: Vec<String> = helpers.map(|rule| format!("{rule}\n")).to_vec();
    rules.extend(asked.iter().enumerate().map(|(at, value)| format!("r{at} := {value}\n")));
    let names = (0..asked.len()).map(|at| format!("r{at}")).collect();
    let program = Program { rules, names, data: json!({}), inputs: vec![json!({})] };
    for ((asked, ours), theirs) in asked.iter().zip(engines.ours(&program)).zip(engines.theirs(&program)) {
        assert!(matches!(ours, Answer::Value(_)), "{asked}: {ours:?}");
        assert_eq!(ours, theirs, "{asked}");
    }
}

#[test]
fn one_body_of_each_shape_is_as_good_as_all() {
    let (first, count) = (number("SEALGATE_SEED", 1), number("SEALGATE_PROGRAMS", PROGRAMS) / 16);
    let compiled = shapes::hold_all(first, count);
    assert!(compiled as u64 > count / 2, "{compiled} of {count} programs compile");
}

#[test]
fn guarded_bodies_cost_no_more_however_many_there_are() {
    let measure = |count: usize| {
        let wasm = engines::module(&guards::large(count), &["allow"]).unwrap();
        let sizes = wasmparser::Parser::new(0).parse_all(&wasm).filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CodeSectionStart { size, .. } => Some(size),
            _ => None,
        });
        let code = sizes.sum::<u32>();
        let unverified = UnverifiedPolicy::new(&wasm);
        let policy = Policy::dangerous_load_unverified(unverified, &RuntimeOptions::default()).unwrap();
        let input = json!({"path": "/api/7/x", "method": "head7", "kind": "k"}).to_string();
        let turn = || {
            let started = Instant::now();
            for _ in 0..200 {
                let rows = policy.evaluate("t/allow", input.as_bytes(), Format::Json).unwrap();
                assert_eq!(rows, "[{\"result\":true}]");
            }
            started.elapsed()
        };
        (code, (0..9).map(|_| turn()).min().unwrap())
    };
    let ((code, took), (more_code, took_longer)) = (measure(20), measure(2_000));
    assert!(more_code < code + 64, "20 bodies take {code} bytes of code, 2,000 {more_code}");
    // One after the other they would take a hundred times as long.
    assert!(took_longer < took * 10, "20 bodies take {took:?}, 2,000 {took_longer:?}");
}

#[test]
fn comprehensions_below_a_loop_take_linear_time() {
    let rule = "r0 := count([n | some t in input; id := t.id; n := [p | some p in input; p.id == id]])".to_owned();
    let program = Program { rules: vec![rule], names: vec!["r0".to_owned()], data: json!({}), inputs: Vec::new() };
    let options = RuntimeOptions { deadline: Duration::from_secs(60), ..RuntimeOptions::default() };
    let policy = compile(&program, &options).unwrap();
    let took = |count: usize| {
        let input: Vec<_> = (0..count).map(|id| json!({"id": id})).collect();
        let input = json!(input).to_string();
        let started = Instant::now();
        let rows = policy.evaluate("t/r0", input.as_bytes(), Format::Json).unwrap();
        assert_eq!(rows, format!("[{{\"result\":{count}}}]"));
        started.elapsed()
    };
    took(500);
    let (few, many) = (took(500), took(10_000));
    // A pass for each would be 400 times as much.
    assert!(many < few * 150, "500 take {few:?}, 10,000 take {many:?}");
}

#[test]
fn a_condition_is_evaluated_once_for_a_rule_and_its_negation() {
    let rules = [
        "slow if count([1 | some a in input; some b in input; (a + b) % 7 == 3]) > 2\n",
        "yes if slow\n",
        "no if not slow\n",
        "either contains \"yes\" if {\n\tslow\n\tyes\n}\n",
        "either contains \"no\" if not slow\n",
        "either contains \"neither\" if {\n\tnot yes\n\tnot no\n}\n",
    ];
    let names = ["yes", "either"].map(str::to_owned).to_vec();
    let program = Program { rules: rules.map(str::to_owned).to_vec(), names, data: json!({}), inputs: Vec::new() };
    let policy = compile(&program, &RuntimeOptions::default()).unwrap();
    let input = json!((0..200).collect::<Vec<_>>()).to_string();
    let took = |name: &str, expected: &str| {
        let started = Instant::now();
        let rows = policy.evaluate(name, input.as_bytes(), Format::Json).unwrap();
        assert_eq!(rows, format!("[{{\"result\":{expected}}}]"));
        started.elapsed()
    };
    // By turns, and the quickest of each, so that other work on the machine does not count.
    let turn = |_| (took("t/yes", "true"), took("t/either", "[\"yes\"]"));
    let (ones, alls): (Vec<_>, Vec<_>) = (0..100).map(turn).unzip();
    let (one, all) = (ones.iter().min().unwrap(), alls.iter().min().unwrap());
    // Evaluated once more it would take twice as long.
    assert!(*all < *one * 3 / 2, "one rule takes {one:?}, all {all:?}");
}

#[derive(Default)]
struct Tally {
    values: usize,
    undefined: usize,
    errors: usize,
    refused: usize,
    /// Programs where ours refuses what OPA does not look at.
    stricter: usize,
    complaints: Vec<String>,
}

impl Tally {
    fn hold(&mut self, engines: &Engines<'_>, seed: u64) {
        let drawn = program(seed);
        let started = Instant::now();
        let ours = engines.ours(&drawn);
        let took = started.elapsed();
        if took > SLOW {
            self.complaints.push(format!("seed {seed}: takes {took:?}\n{}", drawn.module()));
        }
        let theirs = engines.theirs(&drawn);
        for answer in theirs.iter() {
            match answer {
                Answer::Value(_) => self.values += 1,
                Answer::Undefined => self.undefined += 1,
                Answer::Error(_) => self.errors += 1,
                Answer::Refused(_) => self.refused += 1,
            }
        }
        if engines.agree(&drawn, &ours, &theirs) {
            return;
        }
        if Engines::is_stricter(&ours, &theirs) {
            self.stricter += 1;
            return;
        }
        if self.complaints.len() < SHOWN {
            let small = reduce(engines, drawn);
            let (ours, theirs) = (engines.ours(&small), engines.theirs(&small));
            let at = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at));
            let at = at.unwrap_or_default();
            let (name, input) =
                small.asked().nth(at).map_or(("", String::new()), |(name, input)| (name, input.to_string()));
            self.complaints.push(format!(
                "seed {seed}: {name}\ninput {input}\nours   {:?}\ntheirs {:?}\n{}",
                ours.get(at),
                theirs.get(at),
                small.module()
            ));
        } else {
            self.complaints.push(format!("seed {seed}"));
        }
    }
}

/// The program with as few rules and statements as the difference needs.
fn reduce(engines: &Engines<'_>, mut program: Program) -> Program {
    let kind = kinds(engines, &program);
    let differs = |program: &Program| kinds(engines, program) == kind;
    loop {
        let mut smaller = None;
        for rule in 0..program.rules.len() {
            let mut without = program.clone();
            without.rules.remove(rule);
            if differs(&without) {
                smaller = Some(without);
                break;
            }
            let lines: Vec<&str> = program.rules[rule].lines().collect();
            for line in (0..lines.len()).filter(|line| lines[*line].starts_with('\t')) {
                let kept: Vec<&str> =
                    lines.iter().enumerate().filter(|(at, _)| *at != line).map(|(_, text)| *text).collect();
                let mut without = program.clone();
                without.rules[rule] = kept.join("\n");
                if differs(&without) {
                    smaller = Some(without);
                    break;
                }
            }
        }
        match smaller {
            Some(without) => program = without,
            None => return program,
        }
    }
}

/// What kinds of answers stand against each other where the engines first differ; `None` where they do not.
fn kinds(engines: &Engines<'_>, program: &Program) -> Option<(Option<String>, Option<String>)> {
    let (ours, theirs) = (engines.ours(program), engines.theirs(program));
    let at = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at))?;
    Some((ours.get(at).map(Answer::kind), theirs.get(at).map(Answer::kind)))
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
