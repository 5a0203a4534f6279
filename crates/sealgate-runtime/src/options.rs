//! The host's choices: [`EngineOptions`] for the sandbox that many policies share, [`RuntimeOptions`] for one policy.
//!
//! Plain data with defaults that fit a decision service; nothing here touches the sandbox.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sealgate_builtins::{Grants, Host, Registry};

use crate::audit::AuditSink;
use crate::code_cache::CodeCache;
use crate::engine::Engine;

/// How a sandbox is set up. The caps hold for every policy that uses the engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes of memory that one instance may have at most. It is address space, not memory, that is set aside. Default
    /// 4 GiB, the most that there is; what one policy may have is for [`RuntimeOptions::max_memory`] to say.
    pub max_memory: usize,
    /// Bytes of native stack that a policy may use. A calling thread needs that much to spare. Default 512 KiB.
    pub max_stack: usize,
    /// How often deadlines are looked at; a deadline is kept to within two of these. Default 1 ms.
    pub tick: Duration,
    /// The longest deadline that any policy on this engine may ask for. Default 60 s.
    pub longest_deadline: Duration,
    /// Instances that may exist at the same time, of all policies together. Default 512.
    pub instances: u32,
    /// Bytes of an instance's memory that stay resident when it is dropped, ready for the next. Default 256 KiB.
    pub keep_resident: usize,
    /// Where compiled code is kept for the next process. Default nowhere.
    pub code_cache: Option<CodeCache>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_memory: 4 << 30,
            max_stack: 512 << 10,
            tick: Duration::from_millis(1),
            longest_deadline: Duration::from_secs(60),
            instances: 512,
            keep_resident: 256 << 10,
            code_cache: None,
        }
    }
}

/// How far decisions are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Instances are reused; the heap is reset between decisions. A module that keeps state in its globals or static
    /// data could see it again, which signed modules are trusted not to do.
    #[default]
    Pooled,
    /// Every decision gets a new instance and so a new memory.
    Fresh,
}

/// What a policy's first decision waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The code that all decisions will run.
    #[default]
    Compiled,
    /// Code that is compiled in half the time and takes longer to decide. A thread compiles the policy as it should be
    /// meanwhile, and decisions change over when it is ready ([`Policy::is_compiled`](crate::Policy::is_compiled)). Both run
    /// in the same sandbox, but from pools of their own. Where the code cache has the code, that is taken at once.
    Quick,
}

/// What becomes of a decision whose audit record could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAuditFailure {
    /// It is denied with [`Reason::AuditFailed`](crate::Reason::AuditFailed).
    #[default]
    Deny,
    /// It stands; the loss is counted in [`PolicyStats`](crate::PolicyStats).
    Count,
}

/// How one policy is run.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// The engine to use; the process-wide one ([`Engine::shared`]) if `None`.
    pub engine: Option<Engine>,
    /// What the first decision waits for.
    pub start: Start,
    /// How far decisions are kept apart.
    pub isolation: Isolation,
    /// How long one decision may take. Default 50 ms.
    pub deadline: Duration,
    /// How long starting an instance may take, data included. Default 10 s.
    pub load_deadline: Duration,
    /// Bytes of memory that one instance may have, never more than the engine's cap. If `None`: 256 MiB, and four times
    /// the size of the data document.
    pub max_memory: Option<usize>,
    /// Bytes of memory above which a pooled instance is replaced after its decision. Default 64 MiB, and never less
    /// than what an instance has when it is new.
    pub max_retained: usize,
    /// Bytes of input that are accepted. Default 1 MiB.
    pub max_input: usize,
    /// Bytes of result that are accepted. Default 16 MiB.
    pub max_result: usize,
    /// Bytes of module that are accepted. Default 64 MiB.
    pub max_module: usize,
    /// Instances kept ready; twice the machine's threads if `None`.
    pub pool_size: Option<usize>,
    /// Bytes of memory that the instances kept ready may have together: each has the data document for itself. One is
    /// kept in any case. Default 1 GiB.
    pub max_pool_memory: usize,
    /// The entrypoint that decides, such as `sealgate/policy/decision`. If `None`: the only one there is, or the only
    /// one named `decision`.
    pub entrypoint: Option<String>,
    /// Whether decisions say how long they took (two clock reads each).
    pub measure_elapsed: bool,
    /// The builtins that the host has.
    pub builtins: Arc<Registry>,
    /// Which capabilities the policy's builtins may use. Pure ones, clock and randomness by default.
    pub grants: Grants,
    /// What builtins reach outside their arguments: the clock, randomness, where prints go, the document of
    /// `opa.runtime`.
    pub host: Host,
    /// Who is told of every decision.
    pub audit: Option<Arc<dyn AuditSink>>,
    /// What becomes of a decision that could not be recorded.
    pub on_audit_failure: OnAuditFailure,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            engine: None,
            isolation: Isolation::default(),
            start: Start::default(),
            deadline: Duration::from_millis(50),
            load_deadline: Duration::from_secs(10),
            max_memory: None,
            max_retained: 64 << 20,
            max_input: 1 << 20,
            max_result: 16 << 20,
            max_module: 64 << 20,
            pool_size: None,
            max_pool_memory: 1 << 30,
            entrypoint: None,
            measure_elapsed: false,
            builtins: Registry::standard(),
            grants: Grants::default(),
            host: Host::default(),
            audit: None,
            on_audit_failure: OnAuditFailure::default(),
        }
    }
}

impl fmt::Debug for RuntimeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeOptions")
            .field("isolation", &self.isolation)
            .field("deadline", &self.deadline)
            .field("entrypoint", &self.entrypoint)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}
