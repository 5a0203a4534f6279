//! Compiled code on disk: used where it is whole and nobody else can have written it, and else made anew.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::Guest;
use sealgate_runtime::{
    CodeCache, CodeCacheError, CodeCacheStats, Engine, EngineOptions, Policy, RuntimeOptions, Start, UnverifiedPolicy,
};

/// A folder that only its owner can reach.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Loads a policy with a cache there, and decides with it; what happened at the cache.
fn load(cache: &Path, guest: &Guest<'_>) -> CodeCacheStats {
    let cache = CodeCache::open(cache).unwrap();
    let engine = EngineOptions { code_cache: Some(cache.clone()), instances: 4, ..EngineOptions::default() };
    let engine = Some(Engine::new(&engine).unwrap());
    let policy = guest.load(&RuntimeOptions { engine, ..RuntimeOptions::default() }).unwrap();
    assert!(policy.decide_json(b"{}").unwrap().is_allowed());
    cache.stats()
}

fn counts(stats: CodeCacheStats) -> (u64, u64, u64) {
    (stats.hits, stats.misses, stats.failures)
}

fn only_entry(cache: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [entry] = &entries[..] else { unreachable!("{entries:?}") };
    entry.clone()
}

#[test]
fn a_module_is_compiled_once() {
    let folder = folder();
    let cache = folder.path().join("made/below");
    assert_eq!(counts(load(&cache, &Guest::default())), (0, 1, 0));
    let entry = only_entry(&cache);
    assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(counts(load(&cache, &Guest::default())), (1, 0, 0));
    let other = Guest { extra: "(func (export \"other\"))", ..Guest::default() };
    assert_eq!(counts(load(&cache, &other)), (0, 1, 0));
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
}

#[test]
fn a_quick_start_keeps_the_best_code_and_takes_it_when_it_is_there() {
    let wasm = Guest::default().wasm();
    // A document that says nothing is none: the code that is kept is that of what starts next.
    for data in [None, Some(&b"{}\n"[..])] {
        let folder = folder();
        let start = || {
            let cache = CodeCache::open(folder.path()).unwrap();
            let engine = EngineOptions { code_cache: Some(cache), instances: 4, ..EngineOptions::default() };
            let engine = Some(Engine::new(&engine).unwrap());
            let options = RuntimeOptions { engine, start: Start::Quick, ..RuntimeOptions::default() };
            let unverified = UnverifiedPolicy { data, ..UnverifiedPolicy::new(&wasm) };
            Policy::dangerous_load_unverified(unverified, &options).unwrap()
        };
        let first = start();
        let began = Instant::now();
        while !first.is_compiled() {
            assert!(began.elapsed() < Duration::from_secs(60), "it is compiled some time");
            assert!(first.decide_json(b"{}").unwrap().is_allowed());
        }
        only_entry(folder.path());
        let second = start();
        assert!(second.is_compiled());
        assert!(second.decide_json(b"{}").unwrap().is_allowed());
    }
}

#[test]
fn an_entry_that_was_changed_is_made_anew() {
    let folder = folder();
    load(folder.path(), &Guest::default());
    let entry = only_entry(folder.path());
    let good = fs::read(&entry).unwrap();
    let mut bads: Vec<Vec<u8>> = vec![vec![], good[..31].to_vec(), good[..good.len() / 2].to_vec(), good[1..].to_vec()];
    for at in [0, 100, good.len() / 2, good.len() - 33, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bads.push(bad);
    }
    for bad in bads {
        fs::write(&entry, &bad).unwrap();
        assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 1));
        assert_eq!(fs::read(&entry).unwrap().len(), good.len());
    }
    // Another module's entry under this one's name.
    let other = Guest { extra: "(func (export \"other\"))", ..Guest::default() };
    load(folder.path(), &other);
    let mut entries = fs::read_dir(folder.path()).unwrap().map(|found| found.unwrap().path());
    let others = entries.find(|found| *found != entry).unwrap();
    fs::copy(others, &entry).unwrap();
    assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 1));
}

#[test]
fn an_entry_that_others_could_have_written_is_not_run() {
    let folder = folder();
    load(folder.path(), &Guest::default());
    let entry = only_entry(folder.path());
    for mode in [0o620, 0o602] {
        fs::set_permissions(&entry, Permissions::from_mode(mode)).unwrap();
        assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 1), "{mode:o}");
    }
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 1));
    fs::remove_file(&entry).unwrap();
    fs::hard_link(&elsewhere, &entry).unwrap();
    assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 1));
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    assert_eq!(counts(load(folder.path(), &Guest::default())), (0, 1, 2));
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let folder = folder();
    let refused = |path: &Path| match CodeCache::open(path) {
        Err(CodeCacheError::NotPrivate { path, .. }) => Some(path),
        _ => None,
    };
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    for mode in [0o770, 0o707, 0o1777] {
        fs::set_permissions(&cache, Permissions::from_mode(mode)).unwrap();
        assert_eq!(refused(&cache), Some(cache.clone()), "{mode:o}");
    }
    fs::set_permissions(&cache, Permissions::from_mode(0o755)).unwrap();
    assert!(CodeCache::open(&cache).is_ok());
    let link = folder.path().join("link");
    symlink(&cache, &link).unwrap();
    assert_eq!(refused(&link), Some(link));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(CodeCache::open(&file).is_err());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(refused(&cache), Some(folder.path().canonicalize().unwrap()));
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}
