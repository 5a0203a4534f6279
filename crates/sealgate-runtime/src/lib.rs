//! Runs verified Sealgate bundles: from a [`VerifiedBundle`](sealgate_bundle::VerifiedBundle) to [`Decision`]s.
//!
//! Takes a verified bundle and a host's [`RuntimeOptions`], gives a [`Policy`] that any number of threads may ask at once.
//! It never compiles a policy from source, never takes an unverified bundle but through calls named `dangerous_`, and has no
//! lock and no system call on the way of a decision.
//!
//! | module | what it does |
//! |---|---|
//! | `engine`, `code_cache` | the sandbox and its deadlines; compiled code on disk |
//! | `module`, `abi`, `guest` | a module's bytes before they are compiled; its exports; what it returns |
//! | `host`, `rego_error` | what a module may call; the errors that a policy ends with |
//! | `instance`, `pool` | one instance; instances that wait |
//! | `load`, `policy` | a loaded policy |
//! | `source`, `live` | where bundles come from; a policy that follows its source |
//! | `request`, `slots` | what is asked, and what of it the policy reads |
//! | `verdict`, `decision`, `audit` | what is answered, who is told |
//!
//! **Invariant:** every failure is a denial with its own [`Reason`].
//!
//! **Invariant:** nothing that the sandbox returns is used before it is checked against the sandbox's memory.

mod abi;
mod audit;
mod code_cache;
mod decision;
mod engine;
mod error;
mod guest;
mod host;
mod ids;
mod instance;
mod live;
mod load;
mod memo;
mod module;
mod options;
mod policy;
mod pool;
mod rego_error;
mod request;
mod slots;
mod source;
mod verdict;

pub use audit::{AuditRecord, AuditSink};
pub use code_cache::{CodeCache, CodeCacheError, CodeCacheStats};
pub use decision::{Decision, DecisionId, Outcome, PolicyIdentity, Reason};
pub use engine::Engine;
pub use error::{DecideError, EngineError, LoadError, ModuleError, RefusedBuiltin, WhyRefused};
pub use instance::Format;
pub use live::{LiveOptions, LivePolicy, LoadedStatus, Status, Update, UpdateError, Watcher};
pub use options::{EngineOptions, Isolation, OnAuditFailure, RuntimeOptions, Start};
pub use policy::{EntrypointId, Policy, PolicyStats, UnverifiedPolicy};
pub use rego_error::{ErrorCode, RegoError, RegoLocation};
pub use request::{RawJson, Request, WriteJson};
pub use sealgate_builtins as builtins;
pub use slots::{PartError, PartSlots};
pub use source::{FileSource, Source, Stamp};
