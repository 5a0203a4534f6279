//! Decides one call over and over, for instruments that count: `decide-many json|denied|decision|request|native N`.
//!
//! A count for one decision is the difference of two runs, divided by the difference of their numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use sealgate::{Engine, EngineOptions, Request, RuntimeOptions};
use sealgate_benches::{CLOSED_TICKET, INPUT, SIZES, load, native, refund_policy, signed};
use serde_json::json;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().expect("what to decide");
    let count: u32 = arguments.next().expect("how often").parse().unwrap();
    let mut out = Vec::with_capacity(1024);
    if kind == "native" {
        let started = Instant::now();
        for _ in 0..count {
            native::typed(black_box(INPUT.as_bytes()), &mut out).unwrap();
        }
        return report(started, count);
    }
    // Under an instrument, and beside other work, a decision takes as long as it takes.
    let engine = Engine::new(&EngineOptions { instances: 4, ..EngineOptions::default() }).unwrap();
    let deadline = Duration::from_secs(60);
    let options = RuntimeOptions { engine: Some(engine), deadline, ..RuntimeOptions::default() };
    let policy = load(&signed(&refund_policy(SIZES[0])), &options);
    let (args, ctx, user) =
        (json!({"amount": 20, "currency": "EUR"}), json!({"ticket": {"state": "active"}}), json!({}));
    let request = Request::new("refund-001").role("tier-001").args(&args).ctx(&ctx).user(&user);
    let started = Instant::now();
    for _ in 0..count {
        match kind.as_str() {
            "json" => policy.decide_raw(black_box(INPUT.as_bytes()), &mut out).unwrap(),
            "denied" => policy.decide_raw(black_box(CLOSED_TICKET.as_bytes()), &mut out).unwrap(),
            "decision" => drop(black_box(policy.decide_json(black_box(INPUT.as_bytes())).unwrap())),
            "request" => drop(black_box(policy.decide(black_box(&request)).unwrap())),
            other => unreachable!("`{other}` is not known"),
        }
    }
    report(started, count);
}

fn report(started: Instant, count: u32) {
    eprintln!("{:?} each", started.elapsed() / count.max(1));
}
