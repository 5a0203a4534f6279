//! Decides one call over and over, for instruments that count: `decide-many json|denied|decision|request|fresh RULES ARCHIVE N`;
//! `uniform` and `uniform-decision` take calls over all rules. `decide-many write RULES ARCHIVE` writes the archive, which an
//! instrument would make slow.
//!
//! `counted_decisions` is the function to look at: below it is nothing but decisions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use sealgate::{Engine, EngineOptions, Isolation, Policy, RuntimeOptions};
use sealgate_benches::{Args, CLOSED_TICKET, Call, Draw, INPUT, Size, load, refund_policy, signed};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", rules, archive] => std::fs::write(archive, signed(&refund_policy(size(rules)))).unwrap(),
        [kind, rules, archive, count] => decide(kind, size(rules), archive, count.parse().unwrap()),
        _ => panic!("the arguments are told at the top of this program's source"),
    }
}

fn size(rules: &str) -> Size {
    Size::of(rules.parse().unwrap()).expect("a size that is measured")
}

fn decide(kind: &str, size: Size, archive: &str, count: u32) {
    // Under an instrument, and beside other work, a decision takes as long as it takes.
    let engine = Engine::new(&EngineOptions { instances: 4, ..EngineOptions::default() }).unwrap();
    let deadline = Duration::from_secs(60);
    let isolation = if kind == "fresh" { Isolation::Fresh } else { Isolation::Pooled };
    let options = RuntimeOptions { engine: Some(engine), deadline, isolation, ..RuntimeOptions::default() };
    let policy = load(&std::fs::read(archive).unwrap(), &options);
    let uniform = kind.starts_with("uniform");
    let mut calls = vec![INPUT.as_bytes().to_vec(); if uniform { 4096 } else { 1 }];
    if uniform {
        let mut draw = Draw::new(size);
        calls.iter_mut().for_each(|call| draw.write(call));
    }
    let started = Instant::now();
    // The first decisions make what the others find.
    counted(kind, &policy, &calls, 10);
    counted_decisions(kind, &policy, &calls, count);
    eprintln!("{:?} each", started.elapsed() / count.max(1));
}

#[inline(never)]
fn counted_decisions(kind: &str, policy: &Policy, calls: &[Vec<u8>], count: u32) {
    counted(kind, policy, calls, count);
}

#[inline(always)]
fn counted(kind: &str, policy: &Policy, calls: &[Vec<u8>], count: u32) {
    let mut out = Vec::with_capacity(1024);
    let call: Call<Args> = serde_json::from_str(INPUT).unwrap();
    let request = call.request();
    for (_, call) in (0..count).zip(calls.iter().cycle()) {
        match kind {
            "json" | "uniform" | "fresh" => policy.decide_raw(black_box(call), &mut out).unwrap(),
            "denied" => policy.decide_raw(black_box(CLOSED_TICKET.as_bytes()), &mut out).unwrap(),
            "decision" | "uniform-decision" => drop(black_box(policy.decide_json(black_box(call)).unwrap())),
            "request" => drop(black_box(policy.decide(black_box(&request)).unwrap())),
            other => unreachable!("`{other}` is not known"),
        }
    }
}
