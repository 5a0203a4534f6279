//! The repository's own rules, checked over its files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_source_file_says_what_it_is() {
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or("");
        assert!(first.starts_with("//!"), "{} does not open with `//!`", path.display());
    }
}

#[test]
fn files_have_one_reason_to_change() {
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 1_000, "{} has {lines} lines: look for the seam", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Spelt apart, so that this file passes its own test.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX:"), concat!("unimpl", "emented!(")];
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for mark in marks {
            assert!(!text.contains(mark), "{} contains `{mark}`", path.display());
        }
    }
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let homes = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    for path in files(&root()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for home in homes {
            assert!(!text.contains(home), "{} contains `{home}`", path.display());
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for manifest in files(&root()).into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).unwrap();
        let package = text.contains("[package]");
        assert!(!package || text.contains("[lints]\nworkspace = true"), "{}", manifest.display());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources() -> Vec<PathBuf> {
    files(&root()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// Every file of the repository but what is built or installed into it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let built = ["target", "dist", ".git", ".tools", "node_modules", "__pycache__"].contains(&name.as_str());
        match path.is_dir() {
            true if !built => found.extend(files(&path)),
            false if !built => found.push(path),
            _ => {}
        }
    }
    found
}
