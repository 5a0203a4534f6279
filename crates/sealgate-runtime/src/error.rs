//! What can go wrong, by stage: [`LoadError`] before a policy may decide, [`DecideError`] while it does.
//!
//! Every [`DecideError`] has a [`Reason`], and [`Policy::decide_or_deny`](crate::Policy::decide_or_deny) turns it into
//! a denial with that reason: no error is ever an allow.

use std::fmt;

use sealgate_builtins::Refusal;
use thiserror::Error;

use crate::decision::Reason;
use crate::rego_error::{ErrorCode, RegoError};

/// Why an engine could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// wasmtime refused the configuration, or the address space for the pool could not be had.
    #[error("the sandbox could not be set up: {0}")]
    Sandbox(String),
    /// An option is out of its range.
    #[error("option `{option}` {problem}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The thread that drives deadlines could not be started.
    #[error("the deadline thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Why a policy could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The bundle has no policy module.
    #[error("the bundle holds no policy module")]
    NoModule,
    /// The module's bytes are not a module that this runtime accepts.
    #[error("the policy module is refused: {0}")]
    Module(#[from] ModuleError),
    /// The module could not be compiled to machine code.
    #[error("the policy module could not be compiled: {0}")]
    Compile(String),
    /// The module needs builtins that the host does not have or does not grant: all of them, sorted.
    #[error("the policy needs builtins that are not granted here: {}", list(.0))]
    BuiltinsNotGranted(Vec<RefusedBuiltin>),
    /// The signed manifest names builtins that the module does not list.
    #[error("the signed manifest names builtins that the module does not ask for: {}", .0.join(", "))]
    BuiltinsNotListed(Vec<String>),
    /// The module's own list of entrypoints or builtins cannot be read.
    #[error("the policy module's list of {what} is unreadable: {problem}")]
    Listing {
        /// `entrypoints` or `builtins`.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The entrypoint asked for is not in the module.
    #[error("the policy has no entrypoint `{wanted}`; it has {}", .known.join(", "))]
    UnknownEntrypoint {
        /// The name asked for.
        wanted: String,
        /// The names in the module.
        known: Vec<String>,
    },
    /// The data document is not JSON.
    #[error("the data document is not JSON: {0}")]
    Data(String),
    /// The first instance could not be started.
    #[error("the policy could not be started: {0}")]
    Start(#[source] DecideError),
}

/// A builtin that a module asks for and does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBuiltin {
    /// Its name.
    pub name: String,
    /// Why not.
    pub why: WhyRefused,
}

impl fmt::Display for RefusedBuiltin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.why)
    }
}

/// Why a builtin is refused.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyRefused {
    /// The host has no builtin of that name.
    #[error("this host does not have it")]
    Unknown,
    /// The signed manifest does not say that the module needs it.
    #[error("the signed manifest does not name it")]
    NotInManifest,
    /// The host does not grant it.
    #[error("{0}")]
    NotGranted(Refusal),
}

fn list(refused: &[RefusedBuiltin]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why a module is refused before it is compiled.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModuleError {
    /// Larger than the host accepts.
    #[error("{size} bytes, of which {limit} are accepted")]
    TooLarge {
        /// Bytes.
        size: usize,
        /// Bytes.
        limit: usize,
    },
    /// Not valid WebAssembly.
    #[error("not valid WebAssembly: {0}")]
    Invalid(String),
    /// An import that the ABI does not have, or has with another type.
    #[error("import `{module}.{name}` is not one of the ABI's")]
    Import {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// An export that the ABI needs is missing or has another type.
    #[error("export `{0}` is missing or has the wrong type")]
    Export(&'static str),
    /// No memory, or more than one, or a kind that the ABI does not know.
    #[error("the module must have exactly one 32-bit unshared memory")]
    Memory,
    /// The module wants more memory at its start than the host grants.
    #[error("the module starts with {pages} pages of memory, of which {limit} are granted")]
    MemoryTooLarge {
        /// Pages of 64 KiB.
        pages: u64,
        /// Pages of 64 KiB.
        limit: u64,
    },
    /// Tables that are too many or too large.
    #[error("the module's tables are larger than this runtime accepts")]
    Table,
    /// Functions made so that compiling them takes very long.
    #[error("the module would take too long to compile for its size")]
    Costly,
    /// An ABI version that this runtime does not speak.
    #[error("ABI version {0} is not supported; this runtime speaks 1.x")]
    AbiVersion(i32),
}

/// Why there is no answer from the policy.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecideError {
    /// The policy's decision is undefined.
    #[error("the policy's decision is undefined")]
    Undefined,
    /// The decision document has no `allow`, or fields of unexpected types.
    #[error("the decision document is malformed: {0}")]
    MalformedDecision(String),
    /// The policy was loaded without an entrypoint to decide with.
    #[error("the policy has several entrypoints and none was chosen for decisions")]
    NoDecisionEntrypoint,
    /// No such entrypoint.
    #[error("the policy has no entrypoint `{0}`")]
    UnknownEntrypoint(String),
    /// The input is not one JSON value.
    #[error("the input is not one JSON value: {0}")]
    InvalidInput(String),
    /// The input is larger than [`RuntimeOptions::max_input`](crate::RuntimeOptions::max_input).
    #[error("the input is larger than the {limit} bytes that are accepted")]
    InputTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The deadline passed.
    #[error("the policy did not end before its deadline")]
    Timeout,
    /// The memory cap was reached.
    #[error("the policy needs more memory than it is granted")]
    MemoryLimit,
    /// The stack cap was reached.
    #[error("the policy recursed deeper than the stack cap")]
    StackLimit,
    /// An error in Rego's sense: rules in conflict, or a builtin's error where the policy is strict about them.
    #[error("the policy ended with an error: {0}")]
    Rego(RegoError),
    /// The policy called `opa_abort` for another reason.
    #[error("the policy gave up: {0}")]
    Aborted(String),
    /// The sandbox stopped the policy.
    #[error("the sandbox stopped the policy: {0}")]
    Trapped(String),
    /// A pointer, length or text from the policy is not what the ABI says.
    #[error("the policy broke the ABI: {0}")]
    BrokenAbi(&'static str),
    /// The result is larger than [`RuntimeOptions::max_result`](crate::RuntimeOptions::max_result).
    #[error("the result is larger than the {limit} bytes that are accepted")]
    ResultTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// A host builtin failed.
    #[error("builtin `{name}` failed: {problem}")]
    BuiltinFailed {
        /// The builtin's name.
        name: String,
        /// What happened.
        problem: String,
    },
    /// No instance could be had.
    #[error("no instance is free: {0}")]
    Busy(String),
    /// There is no policy, or it is older than its staleness bound.
    #[error("no policy can decide: {0}")]
    NoPolicy(String),
    /// The audit sink refused the record.
    #[error("the audit record could not be kept: {0}")]
    AuditFailed(String),
}

impl DecideError {
    /// The reason that a denial on account of this error gives.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Undefined | Self::NoDecisionEntrypoint | Self::UnknownEntrypoint(_) => Reason::Undefined,
            Self::MalformedDecision(_) => Reason::MalformedDecision,
            Self::InvalidInput(_) => Reason::InvalidInput,
            Self::InputTooLarge { .. } => Reason::InputTooLarge,
            Self::Timeout => Reason::Timeout,
            Self::MemoryLimit => Reason::MemoryLimit,
            Self::StackLimit => Reason::StackLimit,
            Self::Rego(RegoError { code: ErrorCode::Conflict, .. }) | Self::Aborted(_) => Reason::Aborted,
            Self::Rego(_) | Self::BuiltinFailed { .. } => Reason::BuiltinFailed,
            Self::Trapped(_) => Reason::Trapped,
            Self::BrokenAbi(_) => Reason::BrokenAbi,
            Self::ResultTooLarge { .. } => Reason::ResultTooLarge,
            Self::Busy(_) => Reason::Busy,
            Self::NoPolicy(_) => Reason::NoPolicy,
            Self::AuditFailed(_) => Reason::AuditFailed,
        }
    }

    /// Whether the instance that gave this error may hold a broken state and must be replaced.
    pub(crate) const fn spoils_instance(&self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::MemoryLimit
                | Self::StackLimit
                | Self::Rego(_)
                | Self::Aborted(_)
                | Self::Trapped(_)
                | Self::BrokenAbi(_)
                | Self::ResultTooLarge { .. }
                | Self::BuiltinFailed { .. }
        )
    }
}
