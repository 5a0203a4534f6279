//! The builtins of this crate against real `opa`: the same calls must give the same results.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

#[cfg(feature = "http")]
mod http;
mod jwt;
mod opa;
mod x509;
