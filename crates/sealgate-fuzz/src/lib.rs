//! What each fuzz target does with its bytes: calls the code that meets them in production, and asserts what must hold of
//! every answer. A panic is a find.
//!
//! Two callers share these bodies: libFuzzer, through `fuzz/fuzz_targets`, and an ordinary test, which runs them over
//! `fuzz/seeds` (where every find ends up as a seed) and over simple mutations of it. Nothing here draws a random number.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a find shows by panicking"
)]

pub mod bundle;
pub mod decision;
pub mod guest;
pub mod kernel;
pub mod policy;
pub mod rego;

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the binary, of its folder of seeds.
    pub name: &'static str,
    /// What it does with its bytes.
    pub run: fn(&[u8]),
    /// Longest input that is worth trying, in bytes.
    pub max_len: usize,
}

/// Every target.
pub const TARGETS: [Target; 16] = [
    Target { name: "archive", run: bundle::archive, max_len: 8192 },
    Target { name: "manifest", run: bundle::manifest, max_len: 8192 },
    Target { name: "signatures", run: bundle::signatures, max_len: 4096 },
    Target { name: "opa_bundle", run: bundle::opa_bundle, max_len: 2048 },
    Target { name: "keys", run: bundle::keys, max_len: 2048 },
    Target { name: "module", run: guest::module, max_len: 2048 },
    Target { name: "abi_result", run: guest::abi_result, max_len: 2048 },
    Target { name: "abi_builtin", run: guest::abi_builtin, max_len: 2048 },
    Target { name: "policy_yaml", run: policy::policy_yaml, max_len: 4096 },
    Target { name: "constraint", run: policy::constraint, max_len: 512 },
    Target { name: "decision", run: decision::decision, max_len: 4096 },
    Target { name: "rego_parse", run: rego::rego_parse, max_len: 4096 },
    Target { name: "rego_compile", run: rego::rego_compile, max_len: 2048 },
    Target { name: "rego_decision", run: decision::rego_decision, max_len: 4096 },
    Target { name: "rego_run", run: decision::rego_run, max_len: 1024 },
    Target { name: "kernel_json", run: kernel::json, max_len: 4096 },
];
