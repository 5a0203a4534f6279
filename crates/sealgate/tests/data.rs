//! Evaluation with data: loading a document takes time in proportion to its size, and memory of at most three times its
//! size, whatever its shape.
//!
//! `SEALGATE_DATA_MB=100 cargo test --release -p sealgate --features compiler --test data -- --nocapture` prints the
//! figures for documents of that size.

#![cfg(feature = "compiler")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::time::{Duration, Instant};

use sealgate::toolchain::diagnostics::Sources;
use sealgate::toolchain::rego::files::{RegoFile, RegoFiles};
use sealgate::toolchain::rego::program::{Program, RegoOptions, parse_entrypoint};
use sealgate::{Format, Policy, RuntimeOptions, UnverifiedPolicy};

/// Bytes of the documents that CI loads.
fn size() -> usize {
    let megabytes = std::env::var("SEALGATE_DATA_MB").ok().and_then(|text| text.parse::<usize>().ok());
    megabytes.map_or(4 << 20, |megabytes| megabytes << 20)
}

/// Numbers that do not repeat and look like no sequence.
fn scramble(number: usize) -> usize {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// A document of about so many bytes, of parts that `part` writes, between brackets.
fn document(size: usize, open: &str, close: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 256);
    text.push_str(open);
    let mut number = 0;
    while text.len() < size {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&part(number));
        number += 1;
    }
    text.push_str(close);
    text
}

fn shapes(size: usize) -> Vec<(&'static str, String)> {
    let list = |part: &dyn Fn(usize) -> String| document(size, "{\"x\":[", "]}", part);
    vec![
        ("distinct integers", list(&|n| (100_000 + n).to_string())),
        ("scattered integers", list(&|n| (scramble(n) % 1_000_000_000_000).to_string())),
        ("four digits", list(&|n| (1000 + scramble(n) % 9000).to_string())),
        ("decimals", list(&|n| format!("{}.{:04}", scramble(n) % 1000, n % 10_000))),
        ("short strings", list(&|n| format!("\"{:05x}\"", scramble(n) % 0xf_ffff))),
        ("long strings", list(&|n| format!("\"{}-{:x}\"", "lorem ipsum dolor sit amet ".repeat(4), scramble(n)))),
        ("escaped strings", list(&|n| format!("\"a\\n{:012x}\\u00e9\"", scramble(n)))),
        ("wide object", document(size, "{\"x\":{", "}}", |n| format!("\"key{n:06}\":{n}"))),
        ("wide object of strings", document(size, "{\"x\":{", "}}", |n| format!("\"key{n:06}\":\"v{n}\""))),
        ("rows", list(&|n| format!("{{\"id\":{n},\"name\":\"user-{n}\",\"roles\":[\"dev\",\"ops\"],\"on\":true}}"))),
        ("small objects", list(&|n| format!("{{\"id\":{}}}", 10_000 + n))),
        ("matrix", list(&|n| format!("[{},{},{}]", scramble(n) % 10_000, 1000 + n % 9000, scramble(n + 7) % 100_000))),
        (
            "deep arrays",
            list(&|n| {
                format!("{}{}{}", "[".repeat(20), vec![(n + 1_000_000).to_string(); 40].join(","), "]".repeat(20))
            }),
        ),
        (
            "mixed",
            list(&|n| {
                format!(
                    "{{\"metadata\":{{\"name\":\"pod-{n}\",\"labels\":{{\"app\":\"a{}\"}}}},\"spec\":{{\"cpu\":{}.5,\"ports\":[{},{}],\"node\":null}}}}",
                    n % 50,
                    n % 64,
                    1024 + n % 60_000,
                    8080
                )
            }),
        ),
    ]
}

fn module() -> Vec<u8> {
    let text = "package t\nimport rego.v1\nsize := count(data.x)\nfirst := data.x[0]\n".to_owned();
    let module = RegoFile { path: "t.rego".into(), name: "t.rego".into(), text, version: None };
    let files = RegoFiles { modules: vec![module], ..RegoFiles::default() };
    let mut sources = Sources::new();
    let program = Program::new(&files, &mut sources, &RegoOptions::default()).unwrap();
    program.compile(&sources, &[parse_entrypoint("t/size"), parse_entrypoint("t/first")]).unwrap().wasm
}

fn load(wasm: &[u8], data: &str) -> (Policy, Duration) {
    let unverified = UnverifiedPolicy { wasm, data: Some(data.as_bytes()), name: "data" };
    let options = RuntimeOptions {
        deadline: Duration::from_secs(30),
        load_deadline: Duration::from_secs(60),
        ..RuntimeOptions::default()
    };
    let started = Instant::now();
    let policy = Policy::dangerous_load_unverified(unverified, &options).unwrap();
    (policy, started.elapsed())
}

#[test]
fn data_costs_at_most_three_times_its_size() {
    let wasm = module();
    let own = load(&wasm, "{}").0.memory_per_instance();
    let mut over = Vec::new();
    for (name, text) in shapes(size()) {
        let (policy, took) = load(&wasm, &text);
        let times = policy.memory_per_instance().saturating_sub(own) as f64 / text.len() as f64;
        println!("{name:24} {:>6.1} MB  {times:.2} x  {:>7.1} ms", text.len() as f64 / 1e6, took.as_secs_f64() * 1e3);
        if times > 3.0 {
            over.push(format!("{name}: {times:.2}"));
        }
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let x = parsed.get("x").unwrap();
        let expected = x.as_array().map_or_else(|| x.as_object().unwrap().len(), Vec::len);
        assert_eq!(policy.evaluate("t/size", b"", Format::Json).unwrap(), format!("[{{\"result\":{expected}}}]"));
        if let Some(first) = x.get(0) {
            let answer = policy.evaluate("t/first", b"", Format::Json).unwrap();
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(&answer[0]["result"], first, "{name}");
        }
    }
    assert!(over.is_empty(), "{over:?}");
}

#[test]
fn loading_takes_time_in_proportion() {
    let wasm = module();
    for wanted in ["short strings", "wide object"] {
        // The best of two: a busy machine must not make it look worse.
        let best = |size: usize| {
            let (_, text) = shapes(size).into_iter().find(|(name, _)| *name == wanted).unwrap();
            (0..2).map(|_| load(&wasm, &text).1).min().unwrap()
        };
        // Sixteen times as much would take 256 times as long if each byte cost what was there before it.
        let (small, large) = (best(256 << 10), best(4 << 20));
        assert!(large < small.max(Duration::from_millis(20)) * 64, "{wanted}: {small:?}, then {large:?}");
    }
}

#[test]
fn the_pool_keeps_to_its_share_of_memory() {
    let wasm = module();
    let (_, text) = shapes(8 << 20).swap_remove(0);
    let unverified = UnverifiedPolicy { wasm: &wasm, data: Some(text.as_bytes()), name: "data" };
    let options = RuntimeOptions { pool_size: Some(64), max_pool_memory: 64 << 20, ..RuntimeOptions::default() };
    let policy = Policy::dangerous_load_unverified(unverified, &options).unwrap();
    assert!((1..=8).contains(&policy.pool_size()), "{}", policy.pool_size());
    assert!(policy.pool_size() * policy.memory_per_instance() <= 64 << 20);
}
