//! Sealgate's parser and checks against OPA's. Parsers: both must take and refuse the same modules, and OPA must read what Sealgate prints
//! of a module as it reads the module. Golden files go to `opa parse`; for v1 one process of OPA judges a whole batch, through its builtin `rego.parse_module`.
//! Checks: modules that are drawn or changed at random must be taken by both or by neither, and what OPA reports of the first stage that
//! finds something, Sealgate must report too.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod generator;
mod mutation;
mod oracle;

use sealgate_diagnostics::{Color, Sources};
use sealgate_rego::ast_json::to_json;
use sealgate_rego::{ParseOptions, parse_module};
use sealgate_testkit::{Evaluation, Opa, conformance_dir, require};
use serde_json::json;

use generator::Generator;
use mutation::Mutator;
use oracle::{Case, Mode};

/// Modules that tell readings of the grammar apart, one between two `---` lines each.
const SNIPPETS: &str = include_str!("snippets.rego.txt");

fn snippets() -> Vec<String> {
    SNIPPETS.split("\n---\n").map(|text| format!("package t\n{text}\n")).collect()
}

fn conformance_modules() -> Vec<String> {
    let Some(folder) = require(conformance_dir()) else { return Vec::new() };
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.join("rego")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    let files = texts.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
    let cases = files.flat_map(|file| file["cases"].as_array().cloned().unwrap_or_default());
    cases
        .flat_map(|case| case["modules"].as_array().cloned().unwrap_or_default())
        .filter_map(|module| module.as_str().map(str::to_owned))
        .collect()
}

/// What Sealgate makes of a module: the text it prints, or its errors rendered.
fn ours(text: &str) -> Result<String, String> {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    match parse_module(&sources, id, ParseOptions::default()) {
        Ok(module) => Ok(module.to_string()),
        Err(errors) => Err(errors.render(&sources, Color::Never)),
    }
}

fn agree(opa: &Opa, modules: &[String]) {
    let ours: Vec<Result<String, String>> = modules.iter().map(|module| ours(module)).collect();
    let cases: Vec<_> = modules
        .iter()
        .zip(&ours)
        .map(|(module, ours)| json!({"source": module, "printed": ours.as_ref().unwrap_or(&String::new())}))
        .collect();
    // Comments are not in the tree that Sealgate prints.
    let rego = "package judge\n\
        tree(text) := object.remove(rego.parse_module(\"m.rego\", text), [\"comments\"])\n\
        taken := {i | some i, case in input; tree(case.source)}\n\
        same := {i | some i, case in input; tree(case.source) == tree(case.printed)}\n";
    let evaluation = Evaluation { modules: &[("judge.rego", rego)], ..Evaluation::default() };
    let judged = opa.eval(evaluation, "data.judge", Some(&json!(cases))).unwrap().unwrap();
    let set = |name: &str| -> std::collections::HashSet<usize> {
        judged[name].as_array().unwrap().iter().map(|index| index.as_u64().unwrap() as usize).collect()
    };
    let (taken, same) = (set("taken"), set("same"));
    let mut complaints = Vec::new();
    for (index, (module, ours)) in modules.iter().zip(&ours).enumerate() {
        match (ours, taken.contains(&index)) {
            // `.5` is a number to OPA's parser, and only `rego.parse_module` cannot print it.
            (Ok(_), false) if has_bare_fraction(module) => {}
            (Ok(_), false) => complaints.push(format!("OPA refuses, Sealgate takes:\n{module}")),
            // OPA's parser takes `f(x).y if …`, and its compiler panics on it.
            (Err(errors), true) if errors.contains("rule head ref invalid") => {}
            (Err(errors), true) => complaints.push(format!("OPA takes, Sealgate refuses:\n{module}\n{errors}")),
            // OPA's tree tells raw template strings, and braces around operands, from others; Sealgate's does not.
            (Ok(printed), true) if !same.contains(&index) && !module.contains("$`") && !module.contains("future") => {
                complaints.push(format!("OPA reads differently:\n{module}\nprinted as\n{printed}"));
            }
            _ => {}
        }
    }
    let shown: Vec<_> = complaints.iter().take(25).cloned().collect();
    assert!(complaints.is_empty(), "{} of {} modules:\n{}", complaints.len(), modules.len(), shown.join("\n=====\n"));
}

/// Whether a number without a digit before its point stands in the text.
fn has_bare_fraction(text: &str) -> bool {
    let points = text.match_indices('.');
    points.into_iter().any(|(at, _)| {
        let is_number = text[at + 1..].trim_start().starts_with(|next: char| next.is_ascii_digit());
        let before = text[..at].chars().next_back().unwrap_or(' ');
        is_number && !before.is_ascii_digit()
    })
}

#[test]
fn takes_and_reads_the_snippets_as_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    agree(&opa, &snippets());
}

#[test]
fn takes_and_reads_the_conformance_modules_as_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    agree(&opa, &conformance_modules());
}

#[test]
fn takes_the_golden_files_where_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter(|name| name.ends_with(".rego") && name != "err_depth.rego") {
        let mut args = vec!["parse", name.as_str()];
        if name.starts_with("v0_") {
            args.push("--v0-compatible");
        }
        let taken = opa.run(&folder, &args, "").unwrap().status.success();
        assert_eq!(taken, folder.join(&name).with_extension("out").is_file(), "whether OPA takes {name}");
    }
}

#[test]
fn takes_mutated_modules_where_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    let seed = std::env::var("SEALGATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = std::env::var("SEALGATE_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(3000);
    let corpus: Vec<String> =
        snippets().into_iter().chain(conformance_modules()).filter(|text| text.len() < 600).collect();
    let mut mutator = Mutator::new(seed);
    let mut draw =
        |index: usize| if index.is_multiple_of(10) { mutator.soup(index % 40) } else { mutator.mutate(&corpus) };
    let modules: Vec<String> = (0..count).map(&mut draw).collect();
    agree(&opa, &modules);
}

/// Numbers by value: OPA writes some of them shorter.
fn same_json(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn the_tree_as_json_is_opas() {
    let Some(opa) = require(Opa::find()) else { return };
    let modules: Vec<String> = snippets().into_iter().chain(conformance_modules()).collect();
    let trees: Vec<Option<serde_json::Value>> = modules
        .iter()
        .map(|text| {
            let mut sources = Sources::new();
            let id = sources.add("m.rego", text.as_str());
            let module = parse_module(&sources, id, ParseOptions::default()).ok()?;
            Some(to_json(&module, sources.get(id).unwrap()))
        })
        .collect();
    let inputs: Vec<_> = modules.iter().map(|module| json!(module)).collect();
    let theirs = opa.eval_inputs(Evaluation::default(), "rego.parse_module(\"m.rego\", input)", &inputs).unwrap();
    let (mut compared, mut complaints) = (0, Vec::new());
    for ((module, ours), theirs) in modules.iter().zip(&trees).zip(&theirs) {
        let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
        compared += 1;
        if !same_json(ours, theirs) {
            complaints.push(format!("{module}\nours\n{ours}\ntheirs\n{theirs}"));
        }
    }
    let shown: Vec<_> = complaints.iter().take(6).cloned().collect();
    assert!(complaints.is_empty(), "{} of {compared}:\n{}", complaints.len(), shown.join("\n=====\n"));
    assert!(compared > 100, "{compared} of {} modules", modules.len());
}

/// Modules with known codes; changed at random they come close to every check.
const TABLES: [&str; 5] = [
    include_str!("resolve/codes.txt"),
    include_str!("resolve/compile.txt"),
    include_str!("resolve/types.txt"),
    include_str!("resolve/strict.txt"),
    include_str!("resolve/parse.txt"),
];

fn seed() -> u64 {
    std::env::var("SEALGATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// How many cases are drawn: `SEALGATE_CHECKS`, or a number that takes some seconds.
fn checks() -> usize {
    std::env::var("SEALGATE_CHECKS").ok().and_then(|count| count.parse().ok()).unwrap_or(400)
}

fn checks_agree(opa: &Opa, cases: &[Case]) {
    let mut complaints = Vec::new();
    let mut taken = 0;
    for (case, theirs) in cases.iter().zip(oracle::opas(opa, cases)) {
        let (ours, text) = oracle::ours(case);
        taken += usize::from(ours.is_empty());
        // Beside a closure, OPA's safety check loses sight of other variables, and goes on to types.
        let lost = ours.contains("rego_unsafe_var_error") && theirs.contains("rego_type_error");
        if ours.is_empty() != theirs.is_empty() || !(lost || theirs.is_subset(&ours)) {
            complaints.push(format!("{}\nOPA gives {theirs:?}, Sealgate {ours:?}\n{text}", case.modules.join("~~~\n")));
        }
    }
    let shown: Vec<_> = complaints.iter().take(25).cloned().collect();
    assert!(complaints.is_empty(), "{} of {} modules:\n{}", complaints.len(), cases.len(), shown.join("\n=====\n"));
    println!("{taken} of {} modules are taken", cases.len());
    assert!(cases.len() < 100 || (cases.len() / 20..cases.len() * 19 / 20).contains(&taken), "the draw is one-sided");
}

#[test]
fn checks_modules_drawn_at_random_as_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    let mut generator = Generator::new(seed());
    let cases: Vec<Case> = (0..checks())
        .map(|index| {
            let modules = vec![format!("package x\n{}", generator.module())];
            Case { name: format!("drawn{index}"), modules, mode: Mode { v0: false, strict: index % 4 == 3 } }
        })
        .collect();
    checks_agree(&opa, &cases);
}

#[test]
fn checks_modules_changed_at_random_as_opa_does() {
    let Some(opa) = require(Opa::find()) else { return };
    let corpus: Vec<Case> = TABLES.iter().flat_map(|table| oracle::read(table)).map(|(case, _)| case).collect();
    let corpus: Vec<Case> = corpus.into_iter().filter(|case| case.modules.len() == 1).collect();
    let texts: Vec<String> = corpus.iter().map(|case| case.modules[0].clone()).collect();
    let mut mutator = Mutator::new(seed());
    let cases: Vec<Case> = (0..checks())
        .map(|index| {
            let at = mutator.below(corpus.len());
            let text = mutator.change(&texts[at], 1, &texts);
            Case { name: format!("changed{index}"), modules: vec![text], mode: corpus[at].mode }
        })
        // The package must stay what it is, as the modules are checked side by side.
        .filter(|case| {
            case.modules[0].matches("package x\n").count() == 1 && case.modules[0].matches("package").count() == 1
        })
        .collect();
    checks_agree(&opa, &cases);
}
