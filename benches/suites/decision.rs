//! What one decision costs: a refund policy, a call of 123 bytes, answers of some 130 bytes.
//!
//! `cargo bench -p sealgate-benches --bench decision`
//!
//! | group | what |
//! |---|---|
//! | `decision` | four rules: every way to ask, and in the same run the same rules in Rust and an empty call into the sandbox |
//! | `rules` | JSON to JSON by number of rules: one call again and again, and calls drawn evenly over all rules |
//! | `threads` | JSON to JSON on two threads at once; a time is that of one call on each |
//!
//! Ratios within one run mean something; times of different runs or machines do not compare.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a suite fails by panicking")]

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sealgate::{Isolation, Outcome, Policy, Request, RuntimeOptions};
use sealgate_benches::{CLOSED_TICKET, INPUT, SIZES, input, load, native, refund_policy, signed};
use serde::Serialize;

#[derive(Serialize)]
struct Args<'a> {
    amount: u32,
    currency: &'a str,
}

#[derive(Serialize)]
struct Ctx<'a> {
    ticket: Ticket<'a>,
}

#[derive(Serialize)]
struct Ticket<'a> {
    state: &'a str,
}

#[derive(Serialize)]
struct User {}

fn allowed(policy: &Policy, input: &[u8], out: &mut Vec<u8>) {
    policy.decide_raw(input, out).unwrap();
    assert!(out.starts_with(br#"[{"result":{"allow":true"#));
}

fn ways_to_ask(criterion: &mut Criterion) {
    let archive = signed(&refund_policy(SIZES[0]));
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
    let args = Args { amount: 20, currency: "EUR" };
    let ctx = Ctx { ticket: Ticket { state: "active" } };
    let request = Request::new("refund-001").role("tier-001").args(&args).ctx(&ctx).user(&User {});
    assert_eq!((request.to_json().unwrap().len(), policy.decide(&request).unwrap().outcome()), (123, Outcome::Allow));
    group.bench_function("request_to_decision", |bencher| {
        bencher.iter(|| policy.decide(black_box(&request)).unwrap());
    });
    allowed(&fresh, input, &mut out);
    group.bench_function("json_to_json_fresh_instance", |bencher| {
        bencher.iter(|| fresh.decide_raw(black_box(input), &mut out).unwrap());
    });

    let untyped = native::Untyped::default();
    group.bench_function("native_values", |bencher| {
        bencher.iter(|| untyped.decide(black_box(input)).unwrap());
    });
    group.bench_function("native_best", |bencher| {
        bencher.iter(|| native::typed(black_box(input), &mut out).unwrap());
    });
    let (mut store, empty) = empty_function();
    group.bench_function("empty_sandbox_call", |bencher| {
        bencher.iter(|| empty.call(&mut store, black_box(1)).unwrap());
    });
    group.finish();
}

/// A function that gives back its argument, in a sandbox with deadlines as a policy's.
fn empty_function() -> (wasmtime::Store<()>, wasmtime::TypedFunc<i32, i32>) {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let text = r#"(module (func (export "same") (param i32) (result i32) (local.get 0)))"#;
    let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    store.set_epoch_deadline(1_000_000);
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let same = instance.get_typed_func(&mut store, "same").unwrap();
    (store, same)
}

/// Calls drawn evenly over the rules, in an order without a pattern that a processor could learn.
const DRAWN: usize = 8192;

fn numbers_of_rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    for size in SIZES {
        let policy = load(&signed(&refund_policy(size)), &RuntimeOptions::default());
        let mut out = Vec::new();
        allowed(&policy, INPUT.as_bytes(), &mut out);
        group.bench_function(BenchmarkId::new("one_call", size.rules()), |bencher| {
            bencher.iter(|| policy.decide_raw(black_box(INPUT.as_bytes()), &mut out).unwrap());
        });
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        let calls: Vec<String> = (0..DRAWN).map(|_| input(draw(size.roles), draw(size.tools))).collect();
        calls.iter().for_each(|call| allowed(&policy, call.as_bytes(), &mut out));
        let mut at = 0;
        group.bench_function(BenchmarkId::new("any_call", size.rules()), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % DRAWN;
                policy.decide_raw(black_box(calls[at].as_bytes()), &mut out).unwrap();
            });
        });
    }
    group.finish();
}

fn threads(criterion: &mut Criterion) {
    let policy = load(&signed(&refund_policy(SIZES[0])), &RuntimeOptions::default());
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

criterion_group! {
    name = suite;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(400))
        .measurement_time(Duration::from_millis(1500));
    targets = ways_to_ask, numbers_of_rules, threads
}
criterion_main!(suite);
