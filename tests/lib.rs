//! What the whole-product tests share: the example policies compiled, and real clients to run them in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests use this crate, and a test ends by panicking")]

mod examples;
mod peers;
mod rego;

pub use examples::{ENTRYPOINT, Example, document_core, examples, expected_document, policy_example};
pub use peers::{Client, ask};
pub use rego::compile_rego;
