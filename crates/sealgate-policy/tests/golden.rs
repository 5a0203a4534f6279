//! Goldens: policies beside the Rego that they become, and broken policies beside everything that is said of them.
//! `BLESS=1` writes what the crate gives now.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_policy::{EmitOptions, PolicyFiles, PolicySet, PolicySource, emit_rego};
use sealgate_testkit::{Opa, require};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Every case of a folder: a YAML file, or a folder of role files. Names are shown relative to the folder.
fn cases(name: &str) -> Vec<(PathBuf, PolicyFiles)> {
    let root = folder(name);
    let mut entries: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let read = |path: &Path| {
        let shown = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        PolicySource::new(shown, std::fs::read_to_string(path).unwrap())
    };
    let mut cases = Vec::new();
    for path in entries {
        if path.is_dir() {
            let mut files: Vec<PathBuf> =
                std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
            cases.push((path, PolicyFiles::Folder(files.iter().map(|file| read(file)).collect())));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            cases.push((path.clone(), PolicyFiles::Single(read(&path))));
        }
    }
    assert!(!cases.is_empty(), "{} holds no cases", root.display());
    cases
}

fn check(path: &Path, extension: &str, actual: &str) {
    let golden = path.with_extension(extension);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(expected == actual, "{} differs (BLESS=1 writes it):\n{actual}", golden.display());
}

fn rendered(found: &Diagnostics, sources: &Sources) -> String {
    found.render(sources, Color::Never)
}

#[test]
fn policies_become_their_rego() {
    for (path, files) in cases("emit") {
        let mut sources = Sources::new();
        let (set, warnings) = PolicySet::load(&mut sources, files)
            .unwrap_or_else(|found| panic!("{}:\n{}", path.display(), rendered(&found, &sources)));
        check(&path, "rego", &emit_rego(&set, &EmitOptions::default()).unwrap().text);
        let warnings = rendered(&warnings, &sources);
        if !warnings.is_empty() || path.with_extension("stderr").exists() {
            check(&path, "stderr", &warnings);
        }
    }
}

#[test]
fn broken_policies_are_refused_with_everything_that_is_wrong() {
    for (path, files) in cases("refuse") {
        let mut sources = Sources::new();
        match PolicySet::load(&mut sources, files) {
            Ok(_) => panic!("{} is accepted", path.display()),
            Err(found) => check(&path, "stderr", &rendered(&found, &sources)),
        }
    }
}

#[test]
fn emitted_rego_is_formatted_and_strict() {
    let Some(opa) = require(Opa::find()) else { return };
    let root = folder("emit");
    for (path, _) in cases("emit") {
        let file = path.with_extension("rego");
        let name = file.file_name().unwrap().to_str().unwrap();
        let listed = opa.run(&root, &["fmt", "--list", name], "").unwrap();
        assert!(listed.stdout.is_empty() && listed.status.success(), "opa fmt would change {name}: {listed:?}");
        let checked = opa.run(&root, &["check", "--strict", name], "").unwrap();
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}
