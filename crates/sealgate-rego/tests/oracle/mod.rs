//! Which error codes `opa check` and Sealgate give for a set of modules; many sets go through one process of `opa`.
//!
//! OPA's compiler stops after the first stage that found something, but in that stage it looks at every module. So the sets
//! lie side by side, each in a package of its own; those that are reported leave, and the rest is checked again until nothing
//! is reported.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::ast::Version;
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
use sealgate_testkit::Opa;

/// How modules are read and checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mode {
    pub(crate) v0: bool,
    pub(crate) strict: bool,
}

/// Modules that are checked together, each beginning with `package x` or a package below `x`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) modules: Vec<String>,
    pub(crate) mode: Mode,
}

/// Error codes; none means that the modules are taken.
pub(crate) type Codes = BTreeSet<String>;

/// Sealgate's codes for a case, with its findings as text.
pub(crate) fn ours(case: &Case) -> (Codes, String) {
    let mut sources = Sources::new();
    let mut found = Diagnostics::new();
    let version = if case.mode.v0 { Version::V0 } else { Version::V1 };
    let mut modules = Vec::new();
    for (index, text) in case.modules.iter().enumerate() {
        let id = sources.add(format!("{}_{index}.rego", case.name), text.as_str());
        match parse_module(&sources, id, ParseOptions { version }) {
            Ok(module) => modules.push(module),
            Err(errors) => found.extend(errors),
        }
    }
    if !found.has_errors() {
        resolve(&modules, ResolveOptions { strict: case.mode.strict, ..ResolveOptions::default() }, &mut found);
    }
    let errors = found.iter().filter(|found| found.severity == sealgate_diagnostics::Severity::Error);
    let codes = errors.map(|found| found.code.to_owned()).collect();
    (codes, found.render(&sources, Color::Never))
}

/// OPA's codes for each case.
pub(crate) fn opas(opa: &Opa, cases: &[Case]) -> Vec<Codes> {
    let mut codes = vec![Codes::new(); cases.len()];
    let mut modes: BTreeMap<Mode, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        modes.entry(case.mode).or_default().push(index);
    }
    let folder = tempfile();
    for (mode, indices) in modes {
        for indices in indices.chunks(1000) {
            judge(opa, cases, mode, indices.to_vec(), &folder, &mut codes);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    codes
}

fn judge(opa: &Opa, cases: &[Case], mode: Mode, mut open: Vec<usize>, folder: &Path, codes: &mut [Codes]) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    for index in &open {
        for (at, module) in cases[*index].modules.iter().enumerate() {
            std::fs::write(folder.join(format!("{index}_{at}.rego")), renamed(module, *index)).unwrap();
        }
    }
    while !open.is_empty() {
        let errors = check(opa, folder, mode);
        if errors.is_empty() {
            return;
        }
        let mut reported = BTreeSet::new();
        for (code, file) in errors {
            let Some(index) = file.and_then(|file| file.split('_').next()?.parse::<usize>().ok()) else { continue };
            codes[index].insert(code);
            reported.insert(index);
        }
        if reported.is_empty() {
            // Findings without a place: halve until the module is found.
            if let [index] = open.as_slice() {
                codes[*index].extend(check(opa, folder, mode).into_iter().map(|(code, _)| code));
                return;
            }
            let rest = open.split_off(open.len() / 2);
            judge(opa, cases, mode, open, folder, codes);
            return judge(opa, cases, mode, rest, folder, codes);
        }
        for index in &reported {
            for at in 0..cases[*index].modules.len() {
                std::fs::remove_file(folder.join(format!("{index}_{at}.rego"))).unwrap();
            }
        }
        open.retain(|index| !reported.contains(index));
    }
}

/// The codes and files that one run of `opa check` reports.
fn check(opa: &Opa, folder: &Path, mode: Mode) -> Vec<(String, Option<String>)> {
    let mut args = vec!["check", "--format", "json", "--max-errors", "1000000"];
    if mode.v0 {
        args.push("--v0-compatible");
    }
    if mode.strict {
        args.push("--strict");
    }
    args.push(".");
    let output = opa.run(folder, &args, "").unwrap();
    if output.status.success() {
        return Vec::new();
    }
    let text = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let json: serde_json::Value = serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("opa says {error}: {}", String::from_utf8_lossy(text)));
    let errors = json["errors"].as_array().cloned().unwrap_or_default();
    assert!(!errors.is_empty(), "opa fails without errors: {}", String::from_utf8_lossy(text));
    errors
        .iter()
        .map(|error| {
            let file = error["location"]["file"].as_str().and_then(|file| file.rsplit('/').next());
            (error["code"].as_str().unwrap_or("?").to_owned(), file.filter(|file| !file.is_empty()).map(str::to_owned))
        })
        .collect()
}

/// The module in a package of its own: `x` becomes `x7` in `package x` and `data.x`.
fn renamed(module: &str, index: usize) -> String {
    let mut text = String::with_capacity(module.len() + 16);
    let mut rest = module;
    while let Some(at) = [rest.find("package x"), rest.find("data.x")].into_iter().flatten().min() {
        let end = at + rest[at..].find('x').unwrap() + 1;
        text.push_str(&rest[..end]);
        rest = &rest[end..];
        if !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            text.push_str(&index.to_string());
        }
    }
    text + rest
}

fn tempfile() -> std::path::PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("sealgate-oracle-{}-{number}", std::process::id()))
}

/// Reads cases: `### name [v0] [strict]: code code` or `ok`, then modules without their `package x`, further modules after
/// `~~~` lines, each with its own `package`.
pub(crate) fn read(text: &str) -> Vec<(Case, Codes)> {
    let cases = text.split("\n### ").skip(1);
    cases
        .map(|case| {
            let (title, body) = case.split_once('\n').unwrap();
            let (title, codes) = title.split_once(": ").unwrap_or_else(|| panic!("no codes: {title}"));
            let mut words = title.split(' ');
            let name = words.next().unwrap().to_owned();
            let mut mode = Mode::default();
            for word in words {
                match word {
                    "v0" => mode.v0 = true,
                    "strict" => mode.strict = true,
                    other => panic!("{name}: what is {other}?"),
                }
            }
            let modules = body.split("\n~~~\n").enumerate();
            let modules = modules
                .map(|(at, text)| match at {
                    0 if !text.contains("package ") => format!("package x\n{text}"),
                    _ => text.to_owned(),
                })
                .collect();
            let codes = codes.split(' ').filter(|code| *code != "ok").map(code).collect();
            (Case { name, modules, mode }, codes)
        })
        .collect()
}

/// A code as OPA spells it: `type` is `rego_type_error`.
fn code(short: &str) -> String {
    match short {
        "type" | "compile" | "parse" | "recursion" => format!("rego_{short}_error"),
        "unsafe" => "rego_unsafe_var_error".to_owned(),
        whole => whole.to_owned(),
    }
}
