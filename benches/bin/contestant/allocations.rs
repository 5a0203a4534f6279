//! The bytes that a decision allocates on the host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use sealgate::{Outcome, RuntimeOptions};
use sealgate_bench_protocol::Failure;
use sealgate_benches::{Args, Call, INPUT, load};
use serde_json::json;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator. It counts what each thread asks for, frees or not.
struct Counting;

fn count(bytes: usize) {
    // A thread that is ending has nothing left to count in.
    let _ = BYTES.try_with(|counted| counted.set(counted.get().wrapping_add(bytes as u64)));
}

#[expect(unsafe_code, reason = "an allocator is one; each call goes on to the system's as it came")]
// SAFETY: every method hands its arguments to `System`, whose contract is the same, and gives back what that gave.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.dealloc(at, layout) }
    }
}

const DECISIONS: u32 = 10_000;

/// Prints the bytes per decision once a thousand have been made: typed and allowed, and JSON to JSON.
///
/// # Errors
/// As the file system fails.
pub(crate) fn run(archive: &str) -> Result<(), Failure> {
    let policy = load(&std::fs::read(archive)?, &RuntimeOptions::default());
    assert!(per_decision(|| drop(black_box(vec![0_u8; 64]))) >= 64.0, "allocations are counted");
    let call: Call<Args> = serde_json::from_str(INPUT)?;
    let typed = per_decision(|| {
        let decision = policy.decide(&black_box(&call).request()).unwrap();
        assert_eq!(black_box(decision).outcome(), Outcome::Allow);
    });
    let mut out = Vec::with_capacity(1024);
    let json = per_decision(|| policy.decide_raw(black_box(INPUT.as_bytes()), &mut out).unwrap());
    println!("{}", json!({"typed_allow": typed, "json": json}));
    Ok(())
}

fn per_decision(mut decide: impl FnMut()) -> f64 {
    (0..1_000).for_each(|_| decide());
    let before = BYTES.get();
    (0..DECISIONS).for_each(|_| decide());
    (BYTES.get() - before) as f64 / f64::from(DECISIONS)
}
