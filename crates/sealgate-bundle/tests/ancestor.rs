//! The Python ancestor's own classes accept the folder, and refuse it once it is changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{contents, key};
use sealgate_bundle::fs::write_folder;
use sealgate_bundle::keys::file::write_pair;
use sealgate_testkit::{Missing, find_program, require};

#[test]
fn hexgate_accepts_the_folder_and_refuses_a_changed_one() {
    let folder = tempfile::tempdir().unwrap();
    let (bundle, keys) = (folder.path().join("bundle"), folder.path().join("k"));
    let (_, public) = write_pair(&keys, &key(1), false).unwrap();
    let (_, stranger) = write_pair(&folder.path().join("other"), &key(2), false).unwrap();
    let Some(python) = require(hexgate(&folder.path().join("none"), &public)) else { return };
    // Several sources: the ancestor checks the list of them in place of its one source.
    for contents in [contents(), contents().with_source("data.yaml", "version: 1\n")] {
        write_folder(&bundle, &contents.sign(&key(1)).unwrap().folder("support").unwrap()).unwrap();
        let accepted = load(&python, &bundle, &public);
        assert!(accepted.status.success(), "{accepted:?}");
        assert!(String::from_utf8_lossy(&accepted.stdout).starts_with("support.yaml "), "{accepted:?}");
        assert!(String::from_utf8_lossy(&load(&python, &bundle, &stranger).stderr).contains("BundleSignatureError"));
        std::fs::write(bundle.join("support.yaml"), "version: 1\n").unwrap();
        assert!(String::from_utf8_lossy(&load(&python, &bundle, &public).stderr).contains("BundleIntegrityError"));
    }
}

fn load(python: &Path, bundle: &Path, key: &Path) -> Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifiers/hexgate_accepts.py");
    Command::new(python).arg("-B").arg(script).arg(bundle).arg(key).output().unwrap()
}

/// A Python that has hexgate.
fn hexgate(nothing: &Path, key: &Path) -> Result<PathBuf, Missing> {
    let how = "python3.13 -m pip install hexgate==0.2.6, and name that python in SEALGATE_HEXGATE_PYTHON";
    let missing = || Missing { what: "python3 with hexgate".to_owned(), how: how.to_owned() };
    let python = find_program("python3", "SEALGATE_HEXGATE_PYTHON").ok_or_else(missing)?;
    if load(&python, nothing, key).status.code() == Some(4) { Err(missing()) } else { Ok(python) }
}
