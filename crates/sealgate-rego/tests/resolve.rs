//! The resolver: what it says of modules that it refuses (`resolve/*.stderr`, blessed by `BLESS=1`), and that its error codes are
//! OPA's (`resolve/codes.txt`, checked against the real `opa` where it is found).

use std::collections::BTreeSet;
use std::path::Path;

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};
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
    assert_eq!(checked, 3);
}

#[test]
fn codes_are_opas() {
    let opa = require(Opa::find());
    let folder = std::env::temp_dir().join(format!("sealgate-resolve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let cases = include_str!("resolve/codes.txt");
    let mut wrong = Vec::new();
    for case in cases.split("\n### ").skip(1) {
        let (title, module) = case.split_once('\n').unwrap();
        let (name, codes) = title.split_once(": ").unwrap();
        let wanted: BTreeSet<String> = codes.split(' ').filter(|code| *code != "ok").map(str::to_owned).collect();
        let text = format!("package x\n{module}");
        let (_, found) = check(name, &text);
        let ours: BTreeSet<String> = found.iter().map(|finding| finding.code.to_owned()).collect();
        if ours != wanted {
            wrong.push(format!("{name}: wanted {wanted:?}, got {ours:?}"));
        }
        if let Some(opa) = &opa {
            std::fs::write(folder.join("m.rego"), &text).unwrap();
            let output = opa.run(&folder, &["check", "--format", "json", "m.rego"], "").unwrap();
            let text = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
            let json: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
            let errors = json["errors"].as_array().cloned().unwrap_or_default();
            let theirs: BTreeSet<String> =
                errors.iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect();
            if theirs != wanted {
                wrong.push(format!("{name}: OPA gives {theirs:?}, not {wanted:?}"));
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    assert!(resolve(&modules, ResolveOptions { strict: true }, &mut found).is_none());
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
