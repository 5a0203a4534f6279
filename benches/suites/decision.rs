//! What one decision costs: a refund policy, a call of 123 bytes, answers of some 130 bytes.
//!
//! `cargo bench -p sealgate-benches --bench decision`
//!
//! | group | what |
//! |---|---|
//! | `decision` | four rules: every way to ask, every isolation, and an empty call into the sandbox |
//! | `rules` | by number of rules: one call again and again as JSON and typed, and calls drawn evenly over all rules |
//! | `threads` | JSON to JSON on one thread and on two at once; a time is that of one call on each |
//! | `swap` | JSON to JSON through a policy that follows its source: undisturbed, and while another thread swaps it |
//!
//! Ratios within one run mean something; times of different runs or machines do not compare. `cargo xtask bench` holds
//! decisions against those of other engines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sealgate::bundle::TrustStore;
use sealgate::{Isolation, LiveOptions, LivePolicy, Outcome, Policy, RuntimeOptions};
use sealgate_benches::{
    Args, ByTurns, CLOSED_TICKET, Call, Draw, INPUT, SIZES, SMALL, Size, empty_function, key, load, refund_policy,
    signed,
};

fn allowed(policy: &Policy, input: &[u8], out: &mut Vec<u8>) {
    policy.decide_raw(input, out).unwrap();
    assert!(out.starts_with(br#"[{"result":{"allow":true"#));
}

fn ways_to_ask(criterion: &mut Criterion) {
    let archive = signed(&refund_policy(SMALL));
    let policy = load(&archive, &RuntimeOptions::default());
    let fresh = load(&archive, &RuntimeOptions { isolation: Isolation::Fresh, ..RuntimeOptions::default() });
    let input = INPUT.as_bytes();
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("decision");

    allowed(&policy, input, &mut out);
    group.bench_function("json_to_json", |bencher| {
        bencher.iter(|| policy.decide_raw(black_box(input), &mut out).unwrap());
    });
    group.bench_function("json_to_json_denied", |bencher| {
        bencher.iter(|| policy.decide_raw(black_box(CLOSED_TICKET.as_bytes()), &mut out).unwrap());
    });
    group.bench_function("json_to_decision", |bencher| {
        bencher.iter(|| policy.decide_json(black_box(input)).unwrap());
    });
    let call: Call<Args> = serde_json::from_str(INPUT).unwrap();
    let request = call.request();
    assert_eq!((request.to_json().unwrap().len(), policy.decide(&request).unwrap().outcome()), (123, Outcome::Allow));
    group.bench_function("request_to_decision", |bencher| {
        bencher.iter(|| policy.decide(black_box(&request)).unwrap());
    });
    allowed(&fresh, input, &mut out);
    group.bench_function("json_to_json_fresh_instance", |bencher| {
        bencher.iter(|| fresh.decide_raw(black_box(input), &mut out).unwrap());
    });

    let (mut store, empty) = empty_function();
    group.bench_function("empty_sandbox_call", |bencher| {
        bencher.iter(|| empty.call(&mut store, black_box(1)).unwrap());
    });
    group.finish();
}

/// Calls drawn evenly over the rules, in an order without a pattern that a processor could learn.
const DRAWN: usize = 8192;

fn numbers_of_rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    let call: Call<Args> = serde_json::from_str(INPUT).unwrap();
    let request = call.request();
    for size in SIZES {
        let policy = load(&signed(&refund_policy(size)), &RuntimeOptions::default());
        let mut out = Vec::new();
        allowed(&policy, INPUT.as_bytes(), &mut out);
        group.bench_function(BenchmarkId::new("one_call", size.rules()), |bencher| {
            bencher.iter(|| policy.decide_raw(black_box(INPUT.as_bytes()), &mut out).unwrap());
        });
        group.bench_function(BenchmarkId::new("one_request", size.rules()), |bencher| {
            bencher.iter(|| policy.decide(black_box(&request)).unwrap());
        });
        let mut draw = Draw::new(size);
        let mut calls = vec![INPUT.as_bytes().to_vec(); DRAWN];
        calls.iter_mut().for_each(|call| draw.write(call));
        calls.iter().for_each(|call| allowed(&policy, call, &mut out));
        let mut at = 0;
        group.bench_function(BenchmarkId::new("any_call", size.rules()), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % DRAWN;
                policy.decide_raw(black_box(&calls[at]), &mut out).unwrap();
            });
        });
    }
    group.finish();
}

fn threads(criterion: &mut Criterion) {
    let policy = load(&signed(&refund_policy(SMALL)), &RuntimeOptions::default());
    let mut group = criterion.benchmark_group("threads");
    for count in [1, 2] {
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_custom(|calls| on_threads(&policy, count, calls));
        });
    }
    group.finish();
}

/// The time that the slowest of `count` threads takes for `calls` calls.
fn on_threads(policy: &Policy, count: usize, calls: u64) -> Duration {
    let start = Barrier::new(count);
    let work = || {
        let mut out = Vec::with_capacity(1024);
        policy.decide_raw(INPUT.as_bytes(), &mut out).unwrap();
        start.wait();
        let began = Instant::now();
        for _ in 0..calls {
            policy.decide_raw(black_box(INPUT.as_bytes()), &mut out).unwrap();
        }
        began.elapsed()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap_or_default()
    })
}

fn swap(criterion: &mut Criterion) {
    let archives = [SMALL, Size { roles: 10, tools: 10 }].map(|size| signed(&refund_policy(size)));
    let options = LiveOptions::new(TrustStore::of(key().public_key()));
    let live = LivePolicy::open(ByTurns::new(archives), options).unwrap();
    let mut group = criterion.benchmark_group("swap");
    let mut out = Vec::new();
    let mut measured = |name: &str| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                live.with_policy(|policy| policy.decide_raw(black_box(INPUT.as_bytes()), &mut out)).unwrap();
            });
        });
    };
    measured("steady");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                live.check().unwrap();
            }
        });
        measured("swapping");
        done.store(true, Ordering::Relaxed);
    });
    group.finish();
}

criterion_group! {
    name = suite;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(400))
        .measurement_time(Duration::from_millis(1500));
    targets = ways_to_ask, numbers_of_rules, threads, swap
}
criterion_main!(suite);
