//! What the suites share: refund policies of any size, their calls, and the same rules written natively.
//!
//! Everything is made in this process and is the same in every run, signing keys apart. Nothing here measures.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

pub mod native;
mod policies;

pub use policies::{
    CLOSED_TICKET, CUSTOMER_SUPPORT, INPUT, LARGE, SIZES, Size, input, key, load, refund_policy, signed,
};
