//! The numbered samples: `tests/samples/bundles/NNN-name.tar.gz`, one attack each, with the refusal that it must give in
//! `expected.json` beside them. `BLESS=1` writes them anew; without it the committed files must be what the generator
//! makes. A second verifier, `tests/verifiers/verify_bundle.py`, must agree on every one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod archives;
#[path = "../common/mod.rs"]
mod common;
mod containers;
mod documents;
mod forge;
mod modules;
mod random;
mod signing;
mod tricks;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{NOW, key};
use sealgate_bundle::{TrustStore, VerifyOptions, verify_bytes};
use sealgate_testkit::{Missing, require};
use serde_json::{Value, json};

/// Seeds of the keys. They sign samples and nothing else.
pub const TRUSTED: u8 = 1;
const TRUSTED_TOO: u8 = 2;
pub const UNTRUSTED: u8 = 3;
pub const REVOKED: u8 = 4;

const NAME: &str = "acme/support";
const MINIMUM_SERIAL: u64 = 5;
const BUILTINS: [&str; 1] = ["time.now_ns"];

/// One sample: what is attacked, and the refusal that must follow.
pub struct Sample {
    name: &'static str,
    attack: &'static str,
    refusal: Option<&'static str>,
    bytes: Vec<u8>,
}

pub fn refused(name: &'static str, attack: &'static str, refusal: &'static str, bytes: Vec<u8>) -> Sample {
    Sample { name, attack, refusal: Some(refusal), bytes }
}

pub fn accepted(name: &'static str, attack: &'static str, bytes: Vec<u8>) -> Sample {
    Sample { name, attack, refusal: None, bytes }
}

fn samples() -> Vec<Sample> {
    let groups = [
        trust::expectations(),
        archives::samples(),
        trust::signatures(),
        trust::manifests(),
        trust::digests(),
        modules::samples(),
        containers::samples(),
        documents::samples(),
        signing::samples(),
        modules::more(),
        tricks::samples(),
    ];
    groups.into_iter().flatten().collect()
}

fn options() -> VerifyOptions {
    let mut trust = TrustStore::of(key(TRUSTED).public_key());
    trust.add(key(TRUSTED_TOO).public_key()).unwrap();
    trust.revoke(key(REVOKED).public_key().id());
    let mut options =
        VerifyOptions::new(trust, NOW).expect_name(NAME).minimum_serial(MINIMUM_SERIAL).allow_builtins(BUILTINS);
    options.opa = signing::opa_trust();
    options
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples/bundles")
}

fn file_name(number: usize, sample: &Sample) -> String {
    format!("{number:03}-{}.tar.gz", sample.name)
}

fn table(samples: &[Sample]) -> String {
    let key_text = |seed| key(seed).public_key().to_string();
    let rows: Vec<_> = samples
        .iter()
        .enumerate()
        .map(|(number, sample)| json!({ "file": file_name(number, sample), "attack": sample.attack, "refusal": sample.refusal }))
        .collect();
    let table = json!({
        "options": {
            "trusted": [key_text(TRUSTED), key_text(TRUSTED_TOO)],
            "revoked": [key_text(REVOKED)],
            "now": NOW.0,
            "name": NAME,
            "minimum_serial": MINIMUM_SERIAL,
            "builtins": BUILTINS,
            "opa_keys": signing::opa_keys(),
            "opa_revoked": ["old"],
        },
        "samples": rows,
    });
    serde_json::to_string_pretty(&table).unwrap() + "\n"
}

#[test]
fn every_sample_gives_its_refusal() {
    let options = options();
    for sample in samples() {
        let started = Instant::now();
        let verdict =
            verify_bytes(&sample.bytes, &options).map(drop).map_err(|error| (error.code(), error.to_string()));
        assert_eq!(verdict.as_ref().err().map(|(code, _)| *code), sample.refusal, "{}: {verdict:?}", sample.name);
        assert!(started.elapsed() < Duration::from_secs(5), "{} took {:?}", sample.name, started.elapsed());
    }
}

#[test]
fn every_refusal_has_a_sample() {
    let seen: BTreeSet<_> = samples().iter().filter_map(|sample| sample.refusal).collect();
    let all = [
        "archive_too_large",
        "archive_too_many_files",
        "archive_ratio",
        "archive_gzip",
        "archive_gzip_checksum",
        "archive_after_gzip",
        "archive_tar",
        "archive_padding",
        "archive_not_regular",
        "archive_path",
        "archive_duplicate",
        "several_manifests",
        "signature_length",
        "unsigned",
        "missing_manifest",
        "manifest",
        "unknown_key",
        "revoked_key",
        "bad_signature",
        "missing_file",
        "size_mismatch",
        "digest_mismatch",
        "unlisted_file",
        "opa_signatures",
        "wrong_name",
        "not_yet_valid",
        "expired",
        "rollback",
        "module",
    ];
    assert_eq!(seen, BTreeSet::from(all));
}

#[test]
fn the_committed_samples_are_these() {
    let samples = samples();
    let mut expected: BTreeMap<_, _> =
        samples.iter().enumerate().map(|(number, sample)| (file_name(number, sample), sample.bytes.clone())).collect();
    assert_eq!(
        expected.len(),
        samples.iter().map(|sample| sample.name).collect::<BTreeSet<_>>().len(),
        "a name is used twice"
    );
    expected.insert("expected.json".to_owned(), table(&samples).into_bytes());
    let folder = folder();
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        expected.iter().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).unwrap());
    }
    let found: BTreeMap<_, _> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    assert!(
        found.keys().eq(expected.keys()),
        "run with BLESS=1: {:?}",
        found.keys().filter(|name| !expected.contains_key(*name)).collect::<Vec<_>>()
    );
    for (name, bytes) in expected {
        assert!(found[&name] == bytes, "{name} is not what the generator makes (BLESS=1 writes it anew)");
    }
}

#[test]
fn the_second_verifier_agrees_on_every_sample() {
    let Some(python) = require(python()) else { return };
    let theirs = second_verdicts(&python, &folder());
    let samples = samples();
    assert_eq!(theirs.len(), samples.len());
    for (number, sample) in samples.iter().enumerate() {
        assert_eq!(theirs[&file_name(number, sample)].as_deref(), sample.refusal, "{}", sample.name);
    }
}

#[test]
fn the_second_verifier_agrees_on_forgeries_at_random() {
    let Some(python) = require(python()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = options();
    let mut ours = BTreeMap::new();
    let mut rows = Vec::new();
    for (number, bytes) in random::forgeries(1500).into_iter().enumerate() {
        let file = format!("{number:04}.tar.gz");
        std::fs::write(folder.path().join(&file), &bytes).unwrap();
        rows.push(json!({ "file": file }));
        ours.insert(
            file,
            verify_bytes(&bytes, &options).map(drop).map_err(|error| (error.code().to_owned(), error.to_string())),
        );
    }
    let mut table: Value = serde_json::from_str(&table(&[])).unwrap();
    table["samples"] = json!(rows);
    std::fs::write(folder.path().join("expected.json"), table.to_string()).unwrap();
    let theirs = second_verdicts(&python, folder.path());
    // Where an archive is wrong in several ways either may be named.
    let word = |code: &str| if code.starts_with("archive_") { "archive".to_owned() } else { code.to_owned() };
    let mut accepted = 0;
    for (file, verdict) in &ours {
        let (our, their) = (verdict.as_ref().err().map(|(code, _)| word(code)), theirs[file].as_deref().map(word));
        accepted += usize::from(our.is_none());
        assert_eq!(our, their, "{file}: {verdict:?}");
    }
    assert!((10..750).contains(&accepted), "{accepted} of the forgeries are no forgeries");
}

fn second_verdicts(python: &Path, folder: &Path) -> BTreeMap<String, Option<String>> {
    let verifier = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifiers/verify_bundle.py");
    let output = Command::new(python).arg("-B").arg(&verifier).arg("--samples").arg(folder).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report.as_array().unwrap().iter();
    rows.map(|row| (row["file"].as_str().unwrap().to_owned(), row["refusal"].as_str().map(str::to_owned))).collect()
}

/// A Python that has `cryptography`.
fn python() -> Result<PathBuf, Missing> {
    let missing =
        || Missing { what: "python3 with `cryptography`".to_owned(), how: "pip install cryptography".to_owned() };
    let python = sealgate_testkit::find_program("python3", "SEALGATE_PYTHON").ok_or_else(missing)?;
    let works =
        Command::new(&python).args(["-c", "import cryptography"]).output().is_ok_and(|output| output.status.success());
    if works { Ok(python) } else { Err(missing()) }
}
