//! What is measured and what measures share: refund policies of any size, their calls, and an empty call into the sandbox.
//!
//! Everything is made in this process and is the same in every run, signing keys apart. Nothing here measures.
//!
//! | what | where |
//! |---|---|
//! | criterion suites | `suites/` |
//! | Sealgate in its ways to be asked, a process each; `cargo xtask bench` runs it against `peers/` | `bin/contestant/` |
//! | one decision over and over, whose instructions `cargo xtask count` counts | `bin/decide_many.rs` |
//! | how such a process is asked | `protocol/` |
//! | what Sealgate is measured against, a workspace of its own | `peers/` |

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]

mod calls;
mod policies;
mod sandbox;
mod swaps;

pub use calls::{Args, CLOSED_TICKET, Call, Draw, INPUT, input, sample_calls};
pub use policies::{
    CUSTOMER_SUPPORT, Compiled, HUGE, LARGE, SIZES, SMALL, Size, cedar_policy, compile, key, load, refund_policy,
    signed, verified,
};
pub use sandbox::empty_function;
pub use swaps::ByTurns;
