//! What it costs a host to take a bundle into service: the bytes of a signed archive to the first decision.
//!
//! `cargo bench -p sealgate-benches --bench load`
//!
//! `verify` reads the archive and checks it, signature and digests and module; `first_decision` does that, compiles the
//! module to machine code, starts an instance and decides one call. For policies of 4, 1,000, 10,000 and 100,000 rules.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sealgate::RuntimeOptions;
use sealgate::bundle::{TrustStore, UnixSeconds, VerifyOptions, verify_bytes};
use sealgate_benches::{INPUT, SIZES, key, load, refund_policy, signed};

fn loads(criterion: &mut Criterion) {
    let expected = VerifyOptions::new(TrustStore::of(key().public_key()), UnixSeconds::system_now());
    let options = RuntimeOptions::default();
    let mut group = criterion.benchmark_group("load");
    for size in SIZES.into_iter().filter(|size| ![100, 990].contains(&size.rules())) {
        let archive = signed(&refund_policy(size));
        println!("{} rules: {} bytes", size.rules(), archive.len());
        group.bench_function(BenchmarkId::new("verify", size.rules()), |bencher| {
            bencher.iter(|| verify_bytes(black_box(&archive), &expected).unwrap());
        });
        group.bench_function(BenchmarkId::new("first_decision", size.rules()), |bencher| {
            bencher.iter(|| load(black_box(&archive), &options).decide_json(INPUT.as_bytes()).unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = suite;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = loads
}
criterion_main!(suite);
