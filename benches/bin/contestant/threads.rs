//! What two threads decide in the time in which one decides.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use sealgate::{Policy, RuntimeOptions};
use sealgate_bench_protocol::Failure;
use sealgate_benches::{INPUT, load};
use serde_json::json;

const CALLS: u64 = 8_000;

/// Prints, for each round, the nanoseconds of so many calls on one thread, and of as many on each of two; and the same for
/// work that shares nothing, which is what the machine can give.
///
/// # Errors
/// As the file system fails.
pub(crate) fn run(archive: &str, rounds: usize) -> Result<(), Failure> {
    let policy = load(&std::fs::read(archive)?, &RuntimeOptions::default());
    let decide = |policy: &Policy, out: &mut Vec<u8>| policy.decide_raw(black_box(INPUT.as_bytes()), out).unwrap();
    let decisions = || {
        let mut out = Vec::with_capacity(1024);
        decide(&policy, &mut out);
        move |policy: &Policy| decide(policy, &mut out)
    };
    let (mut decided, mut shared_nothing) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let times = [1, 2].map(|count| {
            on_threads(count, || {
                let mut decide = decisions();
                let policy = &policy;
                move || decide(policy)
            })
        });
        decided.push(times.map(|time| time.as_nanos()));
        let times = [1, 2].map(|count| on_threads(count, || || spin()));
        shared_nothing.push(times.map(|time| time.as_nanos()));
    }
    println!("{}", json!({"decisions": decided, "shared_nothing": shared_nothing}));
    Ok(())
}

/// About as long as a decision.
fn spin() {
    let mut value = black_box(1_u64);
    for _ in 0..64 {
        value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(value);
}

/// The time that the slowest of `count` threads takes for its calls.
fn on_threads<W: FnMut()>(count: usize, work: impl Fn() -> W + Sync) -> Duration {
    let start = Barrier::new(count);
    let timed = || {
        let mut work = work();
        start.wait();
        for _ in 0..CALLS / 8 {
            work();
        }
        let began = Instant::now();
        for _ in 0..CALLS {
            work();
        }
        began.elapsed()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(timed)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap_or_default()
    })
}
