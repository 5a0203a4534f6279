//! What all instances of a policy share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sealgate_builtins::{Grants, Host};
use wasmtime::InstancePre;

use crate::abi::Exports;
use crate::decision::PolicyIdentity;
use crate::engine::Engine;
use crate::guest::GuestPtr;
use crate::host::{BuiltinTable, HostState};
use crate::load::NO_DATA;
use crate::options::Isolation;
use crate::slots::InputSlots;

/// What every instance of one policy is made from.
pub(crate) struct Template {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) builtins: Arc<BuiltinTable>,
    /// What the module reads of its input, where it says so and can be asked by that.
    pub(crate) slots: Option<Arc<InputSlots>>,
    /// What the builtins reach outside their arguments.
    pub(crate) host: Host,
    /// What builtins may reach when they are called.
    pub(crate) grants: Grants,
    /// The data document as JSON.
    pub(crate) data: Arc<[u8]>,
    pub(crate) identity: Arc<PolicyIdentity>,
    pub(crate) isolation: Isolation,
    /// Where the heap of an instance begins that has no data: the same in all of them.
    pub(crate) empty_base: OnceLock<GuestPtr>,
    pub(crate) max_memory: usize,
    pub(crate) max_retained: usize,
    pub(crate) max_input: usize,
    pub(crate) max_result: usize,
    pub(crate) load_ticks: u64,
    pub(crate) decide_ticks: u64,
    /// What `decide_ticks` are in time, for builtins of the host.
    pub(crate) deadline: Duration,
}

impl Template {
    /// Whether data is to be loaded: not an empty document into a module that does without.
    pub(crate) fn has_data(&self) -> bool {
        !(self.data.is_empty() || self.exports.can_decide() && *self.data == *NO_DATA)
    }

    /// Whether an instance is asked again, so that it is of use to remember answers.
    pub(crate) fn asks_again(&self) -> bool {
        self.isolation == Isolation::Pooled
    }
}
