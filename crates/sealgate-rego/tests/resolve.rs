//! The resolver: what it says of modules that it refuses (`resolve/*.stderr`, blessed by `BLESS=1`), and that its error codes are
//! OPA's (`resolve/*.txt`, checked against the real `opa` where it is found).

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod oracle;

use std::collections::BTreeSet;
use std::path::Path;

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::{ParseOptions, ResolveOptions, check_data_conflicts, parse_module, resolve};
use sealgate_testkit::{Opa, require};

#[test]
fn findings_are_as_blessed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resolve");
    let mut checked = 0;
    for file in std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "rego") {
            continue;
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        let (sources, mut found) = check(name, &std::fs::read_to_string(&file).unwrap());
        found.sort();
        let text = found.render(&sources, Color::Never);
        let golden = file.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&golden).unwrap(), text, "{name}");
        checked += 1;
    }
    assert_eq!(checked, 6);
}

/// Modules with their codes, by what they are about.
const TABLES: &[(&str, &str)] = &[
    ("codes", include_str!("resolve/codes.txt")),
    ("compile", include_str!("resolve/compile.txt")),
    ("types", include_str!("resolve/types.txt")),
    ("strict", include_str!("resolve/strict.txt")),
    ("parse", include_str!("resolve/parse.txt")),
];

#[test]
fn codes_are_opas() {
    let cases: Vec<_> = TABLES
        .iter()
        .flat_map(|(table, text)| {
            oracle::read(text).into_iter().map(move |(case, codes)| {
                let name = format!("{table}/{}", case.name);
                (oracle::Case { name, ..case }, codes)
            })
        })
        .collect();
    let names: BTreeSet<_> = cases.iter().map(|(case, _)| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "names repeat");
    let mut wrong = Vec::new();
    for (case, wanted) in &cases {
        let (ours, text) = oracle::ours(case);
        if ours != *wanted {
            wrong.push(format!("{}: wanted {wanted:?}, got {ours:?}\n{text}", case.name));
        }
    }
    if let Some(opa) = require(Opa::find()) {
        let (plain, wanted): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        for ((case, wanted), theirs) in plain.iter().zip(wanted).zip(oracle::opas(&opa, &plain)) {
            if theirs != wanted {
                wrong.push(format!("{}: OPA gives {theirs:?}, not {wanted:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn strict_mode_reports_what_is_not_used() {
    let text = "package x\nimport data.a\nf(y) := 1\np if { z := 1 }\n";
    let mut sources = Sources::new();
    let id = sources.add("x.rego", text);
    let modules = [parse_module(&sources, id, ParseOptions::default()).unwrap()];
    let mut found = Diagnostics::new();
    assert!(resolve(&modules, ResolveOptions::default(), &mut found).is_some());
    assert!(found.is_empty());
    assert!(resolve(&modules, ResolveOptions { strict: true, ..ResolveOptions::default() }, &mut found).is_none());
    let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["unused argument `y`", "assigned var `z` unused", "import `data.a` unused"]);
}

fn check(name: &str, text: &str) -> (Sources, Diagnostics) {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let mut found = Diagnostics::new();
    match parse_module(&sources, id, ParseOptions::default()) {
        Ok(module) => {
            resolve(&[module], ResolveOptions::default(), &mut found);
        }
        Err(errors) => found = errors,
    }
    (sources, found)
}

#[test]
fn rules_and_data_may_not_share_a_path() {
    let text = "package a\np := 1\nq.r[x] := 2 if x := \"s\"\nt := 3\n";
    let mut sources = Sources::new();
    let id = sources.add("a.rego", text);
    let modules = [parse_module(&sources, id, ParseOptions::default()).unwrap()];
    let mut found = Diagnostics::new();
    let resolved = resolve(&modules, ResolveOptions::default(), &mut found).unwrap();
    let data = [vec!["a", "p"], vec!["a", "q", "r"], vec!["a", "u"]];
    let exists =
        |path: &[std::sync::Arc<str>]| data.iter().any(|held| path.iter().map(|key| &**key).eq(held.iter().copied()));
    check_data_conflicts(&resolved, exists, &mut found);
    let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["conflicting rule for data path `a/p` found", "conflicting rule for data path `a/q/r` found"]
    );
}
