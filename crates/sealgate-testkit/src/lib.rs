//! Real peers for tests: where they are, how to ask them, and how a test says loudly that it was skipped.
//!
//! A test never passes silently because its peer is missing: [`require`] prints `SKIPPED` with the reason, and with
//! `SEALGATE_REQUIRE_PEERS=1` (as in CI) it fails instead. Only tests depend on this crate.

mod builtins;
mod conformance;
mod http_server;
mod opa;
mod opa_server;
mod peer;

pub use builtins::{Answer, Calls, Draw, Effort, in_parallel};
pub use conformance::conformance_dir;
pub use http_server::{HttpAnswer, HttpServer};
pub use opa::{BuiltinFailure, Evaluation, Opa, OpaError};
pub use opa_server::OpaServer;
pub use peer::{Missing, find_program, require};
