//! What a host waits for its first decision.

use std::path::Path;
use std::time::{Duration, Instant};

use sealgate::{CodeCache, Engine, EngineOptions, RuntimeOptions, Start};
use sealgate_bench_protocol::Failure;
use sealgate_benches::{INPUT, load};
use serde_json::json;

/// Reads an archive, verifies and compiles it, makes the sandbox, and decides one call; prints the milliseconds. A process
/// can do that once. With a folder, compiled code is kept there and taken from there. The first decision need not wait for
/// the best code; this waits for it at the end, so that it is kept.
///
/// # Errors
/// As the file system fails.
pub(crate) fn run(archive: &str, cache: Option<&Path>) -> Result<(), Failure> {
    let began = Instant::now();
    let policy = load(&std::fs::read(archive)?, &options(cache)?);
    let mut out = Vec::new();
    policy.decide_raw(INPUT.as_bytes(), &mut out)?;
    let took = began.elapsed();
    assert!(out.starts_with(br#"[{"result":{"allow":true"#));
    println!("{}", json!({"milliseconds": took.as_secs_f64() * 1e3}));
    while !policy.is_compiled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn options(cache: Option<&Path>) -> Result<RuntimeOptions, Failure> {
    let start = RuntimeOptions { start: Start::Quick, ..RuntimeOptions::default() };
    let Some(folder) = cache else { return Ok(start) };
    let engine = EngineOptions { code_cache: Some(CodeCache::open(folder)?), ..EngineOptions::default() };
    Ok(RuntimeOptions { engine: Some(Engine::new(&engine)?), ..start })
}
