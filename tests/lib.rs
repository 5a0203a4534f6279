//! What the whole-product tests share: the example policies compiled, and real clients to run them in.

mod examples;
mod peers;

pub use examples::{ENTRYPOINT, Example, document_core, examples, expected_document, policy_example};
pub use peers::{Client, ask};
