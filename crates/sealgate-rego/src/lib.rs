//! The Rego front end: takes module texts, gives resolved, checked modules or diagnostics.
//!
//! Pure: no IO. Knows nothing of plans or Wasm; `sealgate-compiler` goes on from here.

pub mod ast;
pub mod builtins;
pub mod resolved;
