//! Many threads ask one policy at once: every answer is right, also while instances are spoiled and replaced.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Guest, on_empty_object};
use sealgate_runtime::{
    AuditRecord, AuditSink, DecideError, Engine, EngineOptions, Isolation, OnAuditFailure, Outcome, Policy, Reason,
    Request, RuntimeOptions,
};

/// Decides from `threads` threads, one in ten with an input that traps, and gives every id.
fn storm(policy: &Policy, threads: usize, rounds: usize) -> Vec<u128> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut ids = Vec::with_capacity(rounds);
                    for round in 0..rounds {
                        let decision = if round % 10 == 9 {
                            let denial = policy.decide_json_or_deny(b"{}");
                            assert_eq!((denial.outcome(), denial.reason()), (Outcome::Deny, Reason::Trapped));
                            denial
                        } else {
                            policy.decide(&Request::new("tool").role("role")).unwrap()
                        };
                        assert_eq!(decision.is_allowed(), round % 10 != 9);
                        ids.push(decision.id().0);
                    }
                    ids
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    })
}

#[test]
fn answers_stay_right_under_traps_and_ids_differ() {
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let eval = on_empty_object("(unreachable)");
        // A busy machine may keep a thread waiting for longer than the default deadline.
        let options = RuntimeOptions {
            isolation,
            pool_size: Some(3),
            deadline: Duration::from_secs(20),
            ..RuntimeOptions::default()
        };
        let policy = Guest { eval: &eval, ..Guest::default() }.load(&options).unwrap();
        let ids = storm(&policy, 8, 1_000);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 8_000);
        let spoiled = policy.stats().dropped_spoiled;
        assert_eq!(spoiled, if isolation == Isolation::Pooled { 800 } else { 0 });
    }
}

#[test]
fn too_many_at_once_are_denied_and_not_queued() {
    let engine = Engine::new(&EngineOptions { instances: 1, ..EngineOptions::default() }).unwrap();
    let eval = on_empty_object("(loop (br 0)) (unreachable)");
    let options =
        RuntimeOptions { engine: Some(engine), deadline: Duration::from_millis(300), ..RuntimeOptions::default() };
    let policy = Guest { eval: &eval, ..Guest::default() }.load(&options).unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| policy.decide_json(b"{}").unwrap_err());
        let mut busy = 0;
        while !slow.is_finished() {
            match policy.decide(&Request::new("tool")) {
                Ok(decision) => assert!(decision.is_allowed()),
                Err(DecideError::Busy(_)) => busy += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        // The slow one was busy itself if it came second.
        assert!(matches!(slow.join().unwrap(), DecideError::Timeout | DecideError::Busy(_)));
        assert!(busy > 0 || policy.stats().timeouts == 0);
    });
    assert!(policy.decide(&Request::new("tool")).unwrap().is_allowed());
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<(String, Outcome, Option<String>)>>,
    refuse: AtomicUsize,
}

impl AuditSink for Log {
    fn record(&self, record: &AuditRecord<'_>) -> Result<(), String> {
        if self.refuse.load(Ordering::SeqCst) > 0 {
            return Err("the disk is full".to_owned());
        }
        let input = String::from_utf8(record.input.to_vec()).unwrap();
        let line = (input, record.decision.outcome(), record.failure.map(str::to_owned));
        self.lines.lock().unwrap().push(line);
        Ok(())
    }
}

#[test]
fn every_decision_is_recorded_failures_included() {
    let log = Arc::new(Log::default());
    let eval = on_empty_object("(unreachable)");
    let options = RuntimeOptions { audit: Some(Arc::clone(&log) as _), ..RuntimeOptions::default() };
    let policy = Guest { eval: &eval, ..Guest::default() }.load(&options).unwrap();
    policy.decide(&Request::new("a").args(&[1, 2])).unwrap();
    policy.decide_json(b"{ }").unwrap();
    policy.decide_json(b"{}").unwrap_err();
    policy.decide_json(b"nonsense").unwrap_err();
    let mut out = Vec::new();
    policy.decide_raw(b"[1]", &mut out).unwrap();
    assert_eq!(out, br#"[{"result":{"allow":true}}]"#);
    policy.decide_raw(b"{}", &mut out).unwrap_err();
    assert!(out.is_empty());
    let lines = std::mem::take(&mut *log.lines.lock().unwrap());
    let seen: Vec<_> = lines.iter().map(|(input, outcome, failure)| (&**input, *outcome, failure.is_some())).collect();
    assert_eq!(
        seen,
        [
            (r#"{"tool":"a","args":[1,2]}"#, Outcome::Allow, false),
            ("{ }", Outcome::Allow, false),
            ("{}", Outcome::Deny, true),
            ("nonsense", Outcome::Deny, true),
            ("[1]", Outcome::Allow, false),
            ("{}", Outcome::Deny, true),
        ]
    );
}

#[test]
fn a_record_that_is_lost_denies_unless_told_otherwise() {
    for (on_audit_failure, outcome) in [(OnAuditFailure::Deny, Outcome::Deny), (OnAuditFailure::Count, Outcome::Allow)]
    {
        let log = Arc::new(Log { refuse: AtomicUsize::new(1), ..Log::default() });
        let options =
            RuntimeOptions { audit: Some(Arc::clone(&log) as _), on_audit_failure, ..RuntimeOptions::default() };
        let policy = Guest::default().load(&options).unwrap();
        assert_eq!(policy.decide_or_deny(&Request::new("tool")).outcome(), outcome);
        assert_eq!(policy.stats().audit_failures, 1);
        log.refuse.store(0, Ordering::SeqCst);
        assert_eq!(policy.decide_or_deny(&Request::new("tool")).outcome(), Outcome::Allow);
    }
}

#[test]
fn elapsed_time_is_given_where_asked_for() {
    let policy = Guest::default().load(&RuntimeOptions::default()).unwrap();
    assert_eq!(policy.decide(&Request::new("tool")).unwrap().elapsed(), None);
    let options = RuntimeOptions { measure_elapsed: true, ..RuntimeOptions::default() };
    let policy = Guest::default().load(&options).unwrap();
    assert!(policy.decide(&Request::new("tool")).unwrap().elapsed().is_some_and(|elapsed| !elapsed.is_zero()));
}

#[test]
fn a_policy_is_send_and_sync() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Policy>();
    check::<Engine>();
}
