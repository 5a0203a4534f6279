//! How long a large policy takes, and what its Rego weighs. Bounds are far above what is measured, for slow machines and
//! unoptimised builds; `cargo test --release -p sealgate-policy --test size -- --nocapture` prints the figures.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sealgate_diagnostics::Sources;
use sealgate_policy::{EmitOptions, PolicyFiles, PolicySet, PolicySource, emit_rego};
use serde_json::json;

/// 50 roles with 200 tools each and two constraints on every tool, no two alike.
fn large() -> String {
    let mut yaml = String::from("version: 1\nroles:\n");
    for role in 0..50 {
        let _ = writeln!(yaml, "  role{role}:\n    tools:");
        for tool in 0..200 {
            let limit = role * 200 + tool;
            let _ = writeln!(yaml, "      tool{tool}:\n        mode: allow\n        constraints:");
            let _ = writeln!(yaml, "          - args.amount <= {limit}");
            let _ = writeln!(yaml, "          - args.currency in [\"USD\", \"EUR\", \"C{limit}\"]");
        }
    }
    yaml
}

#[test]
fn ten_thousand_grants_are_emitted_in_time() {
    let yaml = large();
    let start = Instant::now();
    let loaded = PolicySet::load(&mut Sources::new(), PolicyFiles::Single(PolicySource::new("large.yaml", &*yaml)));
    let (set, _) = loaded.unwrap();
    let read = start.elapsed();
    let rego = emit_rego(&set, &EmitOptions::default()).unwrap().text;
    let emitted = start.elapsed() - read;
    println!("read and resolved {} bytes in {read:?}, emitted {} bytes in {emitted:?}", yaml.len(), rego.len());
    assert_eq!(set.summary().grants, 10_000);
    assert!(read + emitted < Duration::from_secs(20));
    assert!(rego.len() < 4 * yaml.len());
    let call = json!({"role": "role49", "tool": "tool199", "args": {"amount": 9_999, "currency": "C9999"}});
    assert_eq!(set.evaluate(&call).reason.as_str(), "allowed");
}
