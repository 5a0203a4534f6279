//! What the tests of this crate share: finding the conformance cases, which lie outside the repository, and a host.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub, dead_code)]

pub mod host;

use std::path::{Path, PathBuf};

/// The folder `name` of the conformance cases: below `SEALGATE_CONFORMANCE`, or `../shared/conformance` beside the
/// repository. Where it is missing, says so and gives nothing: the test is skipped.
pub fn conformance(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SEALGATE_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no conformance cases at {} (set SEALGATE_CONFORMANCE)", folder.display());
    None
}

/// Every `.json` file of a folder, sorted by name.
pub fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}
