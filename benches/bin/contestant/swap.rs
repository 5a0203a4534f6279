//! What a decision takes while its policy is replaced over and over.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sealgate::bundle::TrustStore;
use sealgate::{LiveOptions, LivePolicy, RuntimeOptions, Update};
use sealgate_bench_protocol::Failure;
use sealgate_benches::{ByTurns, INPUT, key};
use serde_json::json;

const SLICE: Duration = Duration::from_millis(100);

/// Prints, for each round, the 99.9th percentile of decisions in nanoseconds, while another thread swaps as fast as it can
/// and while nobody does; and the number of swaps.
///
/// # Errors
/// A bundle that is refused, or as the file system fails.
pub(crate) fn run(one: &str, other: &str, rounds: usize) -> Result<(), Failure> {
    let source = ByTurns::new([std::fs::read(one)?, std::fs::read(other)?]);
    let mut options = LiveOptions::new(TrustStore::of(key().public_key()));
    options.runtime = RuntimeOptions { deadline: Duration::from_secs(30), ..RuntimeOptions::default() };
    let live = LivePolicy::open(source, options)?;
    let mut times = Vec::with_capacity(4_000_000);
    let mut swaps = 0_u64;
    let mut figures = Vec::with_capacity(rounds);
    slice(&live, &mut times);
    for _ in 0..rounds {
        let steady = percentile(slice(&live, &mut times));
        let done = AtomicBool::new(false);
        let swapping = thread::scope(|scope| -> Result<u64, Failure> {
            let swapper = scope.spawn(|| -> Result<u64, Failure> {
                let mut swapped = 0;
                while !done.load(Ordering::Relaxed) {
                    swapped += u64::from(live.check()? == Update::Swapped);
                }
                Ok(swapped)
            });
            let time = percentile(slice(&live, &mut times));
            done.store(true, Ordering::Relaxed);
            swaps += swapper.join().unwrap()?;
            Ok(time)
        })?;
        figures.push([swapping, steady]);
    }
    println!("{}", json!({"p999": figures, "swaps": swaps}));
    Ok(())
}

/// Decides for a while; what each decision took, in nanoseconds.
fn slice<'a>(live: &LivePolicy, times: &'a mut Vec<u32>) -> &'a mut [u32] {
    times.clear();
    let mut out = Vec::with_capacity(1024);
    let began = Instant::now();
    let mut last = began;
    while last.duration_since(began) < SLICE && times.len() < times.capacity() {
        live.with_policy(|policy| policy.decide_raw(black_box(INPUT.as_bytes()), &mut out)).unwrap();
        let now = Instant::now();
        times.push(u32::try_from(now.duration_since(last).as_nanos()).unwrap_or(u32::MAX));
        last = now;
    }
    times
}

fn percentile(times: &mut [u32]) -> u64 {
    let at = (times.len() * 999 / 1000).min(times.len().saturating_sub(1));
    u64::from(*times.select_nth_unstable(at).1)
}
