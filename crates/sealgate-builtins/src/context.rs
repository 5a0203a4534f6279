//! What lives as long as one decision: its time, values that it must see only one of, and the record of what its
//! non-deterministic builtins gave.
//!
//! A context decides live, records, or replays. [`Entry::call`](crate::Entry::call) sends every call of a builtin that is
//! not [`Capability::Pure`](crate::Capability::Pure) through [`Context::witnessed`], so a builtin need not know which.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::grants::Grants;
use crate::graphql::KnownSchemas;
use crate::host::Host;
use crate::network::{Network, SharedNetwork};
use crate::recording::{Outcome, Recording};
use crate::registry::BuiltinError;
use crate::value::Value;

/// Values that one decision may remember.
const MAX_REMEMBERED: usize = 1 << 16;

/// One decision's surroundings.
#[derive(Debug, Default)]
pub struct Context {
    host: Host,
    network: Option<SharedNetwork>,
    once: BTreeMap<String, Value>,
    now: Option<i64>,
    deadline: Deadline,
    /// What `graphql.*` has read. It is kept from decision to decision.
    pub(crate) schemas: KnownSchemas,
    mode: Mode,
    /// What the decision before the last [`Context::clear`] recorded.
    finished: Option<Recording>,
}

#[derive(Debug, Default)]
enum Mode {
    #[default]
    Live,
    Record(Recording),
    Replay(Arc<Recording>),
}

impl Context {
    /// A context for a new decision, on the machine's clock and randomness.
    pub fn new() -> Self {
        Self::default()
    }

    /// A context for a new decision on this host.
    pub fn with_host(host: Host) -> Self {
        Self { host, ..Self::default() }
    }

    /// The same context on the network that is granted. Without one no host is reached.
    #[must_use]
    pub fn granting(mut self, grants: &Grants) -> Self {
        self.network = grants.network().cloned();
        self
    }

    /// The hosts that may be reached, if there are any.
    pub(crate) fn network(&self) -> Option<&Arc<Network>> {
        self.network.as_ref().map(SharedNetwork::get)
    }

    /// Says that a decision begins that must end at `deadline`.
    pub fn start(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// When this decision must end; never, unless [`Context::start`] said so.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The decision's time in nanoseconds since 1970-01-01 UTC: the same at every call until [`Context::clear`]. It is part
    /// of what is recorded, as the result of `time.now_ns`.
    ///
    /// # Errors
    /// [`BuiltinError::Halt`] if a replayed recording has no time.
    pub fn now(&mut self) -> Result<i64, BuiltinError> {
        if let Some(now) = self.now {
            return Ok(now);
        }
        let now = match &self.mode {
            Mode::Replay(recording) => recording.time().ok_or_else(|| missing("time.now_ns"))?,
            _ => self.host.clock.now_ns(),
        };
        if let Mode::Record(recording) = &mut self.mode {
            recording.set_time(now);
        }
        self.now = Some(now);
        Ok(now)
    }

    /// The value that this decision has already seen under `key`, or the one that `make` gives now.
    ///
    /// # Errors
    /// As `make`, nothing is remembered then; [`BuiltinError::Halt`] if too much is remembered already.
    pub fn once(
        &mut self,
        key: &str,
        make: impl FnOnce() -> Result<Value, BuiltinError>,
    ) -> Result<Value, BuiltinError> {
        if let Some(value) = self.once.get(key) {
            return Ok(value.clone());
        }
        if self.once.len() >= MAX_REMEMBERED {
            return Err(BuiltinError::Halt(format!("one decision remembers at most {MAX_REMEMBERED} values")));
        }
        let value = make()?;
        self.once.insert(key.to_owned(), value.clone());
        Ok(value)
    }

    /// What this decision has seen under `key`.
    #[cfg(feature = "http")]
    pub(crate) fn recall(&self, key: &str) -> Option<Value> {
        self.once.get(key).cloned()
    }

    /// The outcome of a call of a builtin that is not pure: made by `call`, and recorded if this context records; taken
    /// from the recording without a call if it replays.
    ///
    /// # Errors
    /// As `call`; [`BuiltinError::Halt`] if a replayed recording lacks the call, or if there is too much to record.
    pub(crate) fn witnessed(
        &mut self,
        name: &str,
        args: &[Value],
        call: impl FnOnce(&mut Self) -> Result<Option<Value>, BuiltinError>,
    ) -> Result<Option<Value>, BuiltinError> {
        if let Mode::Replay(recording) = &self.mode {
            return recording.get(name, args).ok_or_else(|| missing(name)).and_then(Outcome::into_result);
        }
        let result = call(self);
        if let Mode::Record(recording) = &mut self.mode {
            recording.insert(name, args, Outcome::of(&result))?;
        }
        result
    }

    /// Records from now on, until [`Context::clear`].
    pub fn record(&mut self) {
        self.mode = Mode::Record(Recording::default());
    }

    /// What the decision recorded that has just ended with [`Context::clear`].
    pub fn take_recording(&mut self) -> Option<Recording> {
        self.finished.take()
    }

    /// Replays `recording` from now on, until [`Context::clear`].
    pub fn replay(&mut self, recording: Arc<Recording>) {
        self.mode = Mode::Replay(recording);
    }

    /// Forgets everything but the host, its network and what depends on arguments alone, for the next decision.
    pub fn clear(&mut self) {
        self.once.clear();
        self.now = None;
        self.deadline = Deadline::default();
        self.finished = match std::mem::take(&mut self.mode) {
            Mode::Record(recording) => Some(recording),
            _ => None,
        };
    }
}

fn missing(name: &str) -> BuiltinError {
    BuiltinError::Halt(format!("the recording has no such call of `{name}`"))
}
