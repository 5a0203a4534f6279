//! What the builtins of this crate do with the host: the network, what a decision sees once, and input that is made to be
//! expensive.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod graphql;
mod hostile;
#[cfg(feature = "http")]
mod http;
mod replay;
