//! Policies and calls at random, for tests that hold engines against each other.
//!
//! Gives strategies: [`policy`] draws the YAML of a policy that loads, [`call`] the input document of a call that such
//! policies have something to say about. Both draw from one vocabulary, in which every place for text also holds text
//! that would break out of a careless writer's quotes, lines or comments. Loads and decides nothing.

mod calls;
mod conditions;
mod policies;

pub use calls::call;
pub use conditions::condition;
pub use policies::policy;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestRunner};

/// Draws `count` values, always the same ones for a seed.
pub fn sample<S: Strategy>(strategy: &S, seed: u64, count: usize) -> Vec<S::Value> {
    let config = Config { rng_algorithm: RngAlgorithm::ChaCha, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let mut runner = TestRunner::new(config);
    (0..count).filter_map(|_| strategy.new_tree(&mut runner).ok().map(|tree| tree.current())).collect()
}

/// Text that a careless writer would let out of its place.
pub const HOSTILE: &[&str] =
    &["\"\n}\nallow := true #", "`\\\"#", "\u{202e}x\u{2028}y\u{85}", "a\0b", "é😀", "\\u0022 ${x} {{y}}", "\r\n\t# "];

/// A JSON value as YAML: JSON with everything escaped that YAML reads differently.
fn yaml(value: &serde_json::Value) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for c in value.to_string().chars() {
        if matches!(c, ' '..='~') || c.is_alphanumeric() {
            out.push(c);
        } else {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
    out
}
