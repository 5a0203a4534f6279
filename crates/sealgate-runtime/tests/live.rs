//! A live policy follows its source: good bundles take over in one step, bad ones never do, and no decision is lost.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::Guest;
use sealgate_bundle::fs::LoadError as ReadError;
use sealgate_bundle::{
    BundleContents, BundleFile, Limits, SigningKey, TrustStore, UnixSeconds, UnverifiedBundle, VerifyError,
    archive as container, fs::write_file,
};
use sealgate_runtime::{
    AuditRecord, AuditSink, DecideError, Engine, EngineOptions, FileSource, LiveOptions, LivePolicy, Outcome, Reason,
    Request, RuntimeOptions, Source, Stamp, Update, UpdateError,
};

/// A source in memory; nothing tells its contents apart.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Shelf {
    fn put(&self, bytes: Vec<u8>) {
        *self.0.lock().unwrap() = bytes;
    }
}

impl Source for Shelf {
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        Ok(None)
    }

    fn read(&self, limits: &Limits) -> Result<UnverifiedBundle, ReadError> {
        let bytes = self.0.lock().unwrap().clone();
        UnverifiedBundle::read_with(&bytes, limits)
            .map_err(|error| ReadError::Io { path: "shelf".to_owned(), source: io::Error::other(error.to_string()) })
    }

    fn describe(&self) -> String {
        "a shelf".to_owned()
    }
}

/// A bundle whose decisions name its serial as their rule.
fn contents(serial: u64) -> BundleContents {
    let data =
        format!(r#"(data (i32.const 2048) "[{{\22result\22:{{\22allow\22:true,\22rule\22:\22{serial}\22}}}}]\00")"#);
    let wasm = Guest { eval: "(i32.const 2048)", extra: &data, ..Guest::default() }.wasm();
    BundleContents::new("test", wasm).unwrap().with_entrypoints(["test/decision"]).with_serial(serial)
}

fn archive(key: &SigningKey, serial: u64) -> Vec<u8> {
    contents(serial).sign(key).unwrap().tar_gz().unwrap()
}

fn options(key: &SigningKey) -> LiveOptions {
    LiveOptions {
        expected_name: Some("test".to_owned()),
        interval: Duration::from_millis(5),
        warm: 1,
        runtime: RuntimeOptions { deadline: Duration::from_secs(20), ..RuntimeOptions::default() },
        ..LiveOptions::new(TrustStore::of(key.public_key()))
    }
}

/// Bytes of memory that this process holds, where the system says so.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn ask(live: &LivePolicy) -> u64 {
    let decision = live.decide(&Request::new("tool")).unwrap();
    let rule: u64 = decision.rule().unwrap().parse().unwrap();
    assert_eq!(rule, decision.policy().serial, "a decision saw two policies");
    rule
}

/// A bundle that may not take over from `serial`, and what the refusal says.
fn attack(kind: u64, key: &SigningKey, stranger: &SigningKey, serial: u64) -> (Vec<u8>, &'static str) {
    let next = || archive(key, serial + 1);
    let files = |change: fn(&mut Vec<BundleFile>)| {
        let mut files = container::read_tar_gz(&next(), &Limits::default()).unwrap();
        change(&mut files);
        container::write_tar_gz(&files).unwrap()
    };
    let signed = |name: &str, wasm: Vec<u8>| {
        BundleContents::new(name, wasm).unwrap().with_serial(serial + 1).sign(key).unwrap().tar_gz().unwrap()
    };
    const CHANGE: fn(&mut BundleFile) = |file| *file.bytes.last_mut().unwrap() ^= 1;
    match kind % 8 {
        0 => (archive(stranger, serial + 1), "not trusted"),
        1 => (archive(key, serial - 1), "lower than"),
        2 => (next()[..next().len() / 3].to_vec(), "gzip"),
        3 => (files(|files| files.retain(|file| !file.name.ends_with(".sig"))), "not signed"),
        4 => (
            files(|files| files.iter_mut().filter(|file| file.name.ends_with(".sig")).for_each(CHANGE)),
            "does not verify",
        ),
        5 => (
            files(|files| files.iter_mut().filter(|file| file.name == "policy.wasm").for_each(CHANGE)),
            "not what was signed",
        ),
        6 => (signed("test", wat::parse_str("(module (memory (export \"memory\") 1))").unwrap()), "has the wrong type"),
        _ => (signed("other", Guest::default().wasm()), "`test` is expected"),
    }
}

#[test]
fn a_thousand_swaps_under_load_leave_no_gap_and_no_wrong_decision() {
    const UPDATES: u64 = 2_000;
    let (key, stranger) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let shelf = Shelf::default();
    shelf.put(archive(&key, 1));
    // So few instances that a policy which is not let go of would soon leave none for its successors.
    let engine = Engine::new(&EngineOptions { instances: 32, ..EngineOptions::default() }).unwrap();
    let mut options = options(&key);
    options.runtime.engine = Some(engine);
    let live = LivePolicy::open(shelf.clone(), options).unwrap();
    let (done, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut swaps = 1;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let serial = ask(&live);
                    assert!(serial >= last, "an older policy came back");
                    last = serial;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut serial = 1;
        let mut settled = 0;
        for update in 0..UPDATES {
            if update == UPDATES / 4 {
                settled = resident();
            }
            if update % 2 == 0 {
                serial += 1;
                shelf.put(archive(&key, serial));
                swaps += 1;
                assert_eq!(live.check().unwrap(), Update::Swapped);
                continue;
            }
            let (bytes, reason) = attack(update / 2, &key, &stranger, serial);
            shelf.put(bytes);
            let error = live.check().unwrap_err().to_string();
            assert!(error.contains(reason), "{update}: {error}");
            assert_eq!(live.status().last_error, Some(error));
            assert_eq!(ask(&live), serial);
        }
        done.store(true, Ordering::Relaxed);
        let grown = resident().saturating_sub(settled);
        assert!(grown < 64 << 20, "{grown} bytes more after 750 swaps");
    });
    let status = live.status();
    assert!(swaps > 1_000);
    assert_eq!((status.swaps, status.checks, status.failures), (swaps, UPDATES + 1, UPDATES / 2));
    assert!(asked.load(Ordering::Relaxed) > UPDATES);
}

#[test]
fn a_watcher_follows_a_file_and_survives_its_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    let key = SigningKey::generate().unwrap();
    let live = LivePolicy::start(FileSource::new(&path), options(&key)).unwrap();
    assert!(matches!(live.decide(&Request::new("tool")), Err(DecideError::NoPolicy(_))));
    assert_eq!(live.decide_or_deny(&Request::new("tool")).reason(), Reason::NoPolicy);
    let watcher = live.watch().unwrap();
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !done() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}: {:?}", live.status());
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    write_file(&path, &archive(&key, 1)).unwrap();
    wait("the first", &|| live.policy().is_some());
    assert_eq!(ask(&live), 1);
    write_file(&path, &archive(&key, 2)).unwrap();
    wait("the second", &|| ask(&live) == 2);
    std::fs::remove_file(&path).unwrap();
    wait("the loss", &|| live.status().failures_in_a_row > 2);
    assert_eq!(ask(&live), 2);
    write_file(&path, b"rubbish").unwrap();
    wait("the refusal", &|| live.status().last_error.is_some_and(|error| !error.contains("cannot be read")));
    assert_eq!(ask(&live), 2);
    write_file(&path, &archive(&key, 3)).unwrap();
    wait("the third", &|| ask(&live) == 3);
    wait("good status", &|| live.status().last_error.is_none());
    drop(watcher);
    write_file(&path, &archive(&key, 4)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(ask(&live), 3, "nobody watches any more");
}

#[test]
fn a_folder_is_a_source_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    let key = SigningKey::generate().unwrap();
    let files = contents(7).with_source("test.yaml", "version: 1\n").sign(&key).unwrap().folder("test").unwrap();
    sealgate_bundle::fs::write_folder(&path, &files).unwrap();
    let live = LivePolicy::open(FileSource::new(&path), options(&key)).unwrap();
    assert_eq!(ask(&live), 7);
    assert_eq!(live.check().unwrap(), Update::Unchanged);
    let wasm = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let wasm = wasm.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "wasm")).unwrap();
    let mut bytes = std::fs::read(&wasm).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&wasm, bytes).unwrap();
    assert!(matches!(live.check(), Err(UpdateError::Verify(VerifyError::DigestMismatch { .. }))));
    assert_eq!(ask(&live), 7);
}

#[test]
fn the_serial_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (key, shelf) = (SigningKey::generate().unwrap(), Shelf::default());
    let file = folder.path().join("state/serial");
    let options = LiveOptions { serial_file: Some(file.clone()), ..options(&key) };
    shelf.put(archive(&key, 9));
    let live = LivePolicy::open(shelf.clone(), options.clone()).unwrap();
    assert_eq!(live.status().minimum_serial, 9);
    drop(live);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\n  \"test\": 9\n}\n");
    shelf.put(archive(&key, 8));
    match LivePolicy::open(shelf.clone(), options.clone()) {
        Err(UpdateError::Verify(VerifyError::Rollback { serial: 8, minimum: 9 })) => {}
        other => panic!("{other:?}"),
    }
    shelf.put(archive(&key, 9));
    assert!(LivePolicy::open(shelf.clone(), options.clone()).is_ok());
    for torn in ["", "nine", "{", r#"{"test": "9"}"#, r#"{"test": 9, "test": 1}"#, "9", r#"{"../x": 9}"#] {
        std::fs::write(&file, torn).unwrap();
        let opened = LivePolicy::open(shelf.clone(), options.clone());
        assert!(matches!(opened, Err(UpdateError::SerialFile(_))), "{torn}: {opened:?}");
    }
}

#[test]
fn an_expired_or_stale_policy_denies() {
    let (key, shelf) = (SigningKey::generate().unwrap(), Shelf::default());
    let soon = UnixSeconds(UnixSeconds::system_now().0 + 2);
    shelf.put(contents(1).with_validity(None, Some(soon)).sign(&key).unwrap().tar_gz().unwrap());
    let live = LivePolicy::open(shelf.clone(), options(&key)).unwrap();
    assert_eq!(ask(&live), 1);
    while UnixSeconds::system_now() < soon {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(matches!(live.decide(&Request::new("tool")), Err(DecideError::NoPolicy(_))));
    assert!(live.status().stale);
    assert!(matches!(live.check(), Err(UpdateError::Verify(VerifyError::Expired { .. }))));
    shelf.put(archive(&key, 2));
    assert_eq!(live.check().unwrap(), Update::Swapped);
    assert_eq!(ask(&live), 2);

    let options = LiveOptions { max_staleness: Some(Duration::from_millis(300)), ..options(&key) };
    let live = LivePolicy::open(shelf.clone(), options).unwrap();
    shelf.put(b"rubbish".to_vec());
    assert!(live.check().is_err());
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(live.decide_or_deny(&Request::new("tool")).reason(), Reason::NoPolicy);
    shelf.put(archive(&key, 2));
    assert_eq!(live.check().unwrap(), Update::Unchanged);
    assert!(live.decide_or_deny(&Request::new("tool")).is_allowed());
}

#[test]
fn a_bundle_with_more_builtins_than_its_manifest_is_refused() {
    let (key, shelf) = (SigningKey::generate().unwrap(), Shelf::default());
    let wasm = Guest { builtins: r#"{"sprintf":1}"#, ..Guest::default() }.wasm();
    let contents = || BundleContents::new("test", wasm.clone()).unwrap().with_entrypoints(["test/decision"]);
    shelf.put(contents().sign(&key).unwrap().tar_gz().unwrap());
    match LivePolicy::open(shelf.clone(), options(&key)) {
        Err(UpdateError::Load(error)) => assert!(error.to_string().contains("sprintf"), "{error}"),
        other => panic!("{other:?}"),
    }
    shelf.put(contents().with_builtins(["sprintf"]).sign(&key).unwrap().tar_gz().unwrap());
    assert!(LivePolicy::open(shelf, options(&key)).is_ok());
}

#[derive(Default)]
struct Count(AtomicU64);

impl AuditSink for Count {
    fn record(&self, record: &AuditRecord<'_>) -> Result<(), String> {
        assert_eq!((record.decision.outcome(), record.input), (Outcome::Deny, &br#"{"tool":"tool"}"#[..]));
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn denials_for_want_of_a_policy_are_recorded() {
    let (key, count) = (SigningKey::generate().unwrap(), Arc::new(Count::default()));
    let mut options = options(&key);
    options.runtime.audit = Some(Arc::clone(&count) as _);
    let live = LivePolicy::start(Shelf::default(), options).unwrap();
    assert!(live.decide(&Request::new("tool")).is_err());
    assert!(live.decide_json(br#"{"tool":"tool"}"#).is_err());
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
}

#[test]
fn an_unsigned_bundle_decides_only_where_the_host_dangerously_says_so() {
    let (key, shelf) = (SigningKey::generate().unwrap(), Shelf::default());
    shelf.put(contents(1).dangerous_unsigned().unwrap().tar_gz().unwrap());
    assert!(matches!(LivePolicy::open(shelf.clone(), options(&key)), Err(UpdateError::Verify(VerifyError::Unsigned))));
    let live = LivePolicy::open(shelf.clone(), LiveOptions { dangerous_unsigned: true, ..options(&key) }).unwrap();
    assert!(live.status().loaded.is_some_and(|loaded| !loaded.signed));
    let decision = live.decide(&Request::new("tool")).unwrap();
    assert!(decision.is_allowed() && !decision.policy().verified);
    shelf.put(archive(&key, 1));
    let live = LivePolicy::open(shelf, options(&key)).unwrap();
    assert!(live.decide(&Request::new("tool")).unwrap().policy().verified && live.status().loaded.unwrap().signed);
}

/// Two hosts with one record: what one has accepted, the other does not roll back.
#[test]
fn the_record_of_serials_is_shared_between_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate().unwrap();
    let options =
        LiveOptions { serial_file: Some(folder.path().join("serials.json")), expected_name: None, ..options(&key) };
    let shelves = [Shelf::default(), Shelf::default()];
    shelves.iter().for_each(|shelf| shelf.put(archive(&key, 1)));
    let hosts = shelves.clone().map(|shelf| LivePolicy::open(shelf, options.clone()).unwrap());
    shelves[0].put(archive(&key, 9));
    assert_eq!(hosts[0].check().unwrap(), Update::Swapped);
    shelves[1].put(archive(&key, 8));
    match hosts[1].check() {
        Err(UpdateError::Verify(VerifyError::Rollback { serial: 8, minimum: 9 })) => assert_eq!(ask(&hosts[1]), 1),
        other => panic!("{other:?}"),
    }
    shelves[1].put(archive(&key, 10));
    assert_eq!(hosts[1].check().unwrap(), Update::Swapped);
}
