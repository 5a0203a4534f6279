//! What a build costs: the policy's YAML to the bytes of a signed bundle, in this process, every stage.
//!
//! `cargo bench -p sealgate-benches --bench build`
//!
//! `refunds` has four rules, `customer_support` is the example of that name, `50x200` has 10,000 rules of two constraints
//! each and `500x200` 100,000. The sizes of the bundles are printed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate_benches::{CUSTOMER_SUPPORT, HUGE, LARGE, SMALL, refund_policy, signed};

fn builds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    let [small, large, huge] = [SMALL, LARGE, HUGE].map(refund_policy);
    for (name, yaml) in
        [("refunds", &*small), ("customer_support", CUSTOMER_SUPPORT), ("50x200", &large), ("500x200", &huge)]
    {
        println!("{name}: {} bytes of YAML, a bundle of {} bytes", yaml.len(), signed(yaml).len());
        group.bench_function(name, |bencher| bencher.iter(|| signed(black_box(yaml))));
    }
    group.finish();
}

criterion_group! {
    name = suite;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3));
    targets = builds
}
criterion_main!(suite);
