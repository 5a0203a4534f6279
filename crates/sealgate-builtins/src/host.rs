//! What builtins reach outside their arguments, as the host supplies it: a clock, a source of randomness, a place for
//! prints and notes, and the document of `opa.runtime`.
//!
//! [`Host::default`] is the machine's clock and its random numbers; it drops prints and knows nothing of its runtime.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::registry::BuiltinError;
use crate::value::Value;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Nanoseconds since 1970-01-01 UTC.
    fn now_ns(&self) -> i64;
}

/// Gives random bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// Why there is no randomness, as text for people.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), String>;
}

/// Takes what policies say to people.
pub trait Output: Send + Sync {
    /// One line of `print`.
    fn print(&self, line: &str);

    /// One note of `trace`.
    fn trace(&self, note: &str) {
        let _ = note;
    }
}

/// The host of a decision. Cheap to clone.
#[derive(Clone)]
#[non_exhaustive]
pub struct Host {
    /// The clock, read once per decision.
    pub clock: Arc<dyn Clock>,
    /// Where random numbers come from.
    pub random: Arc<dyn Random>,
    /// Where prints and notes go; `None` drops them.
    pub output: Option<Arc<dyn Output>>,
    /// The document of `opa.runtime`; `None` is OPA's answer without one, an empty object.
    pub runtime: Option<Arc<Value>>,
}

impl Host {
    /// Fills `bytes` from the host's randomness.
    ///
    /// # Errors
    /// [`BuiltinError::Failed`] if there is none.
    pub fn fill_random(&self, bytes: &mut [u8]) -> Result<(), BuiltinError> {
        self.random.fill(bytes).map_err(|error| BuiltinError::Failed(format!("no randomness: {error}")))
    }

    /// The same host with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The same host with another source of randomness.
    #[must_use]
    pub fn with_random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The same host with a place for prints and notes.
    #[must_use]
    pub fn with_output(mut self, output: impl Output + 'static) -> Self {
        self.output = Some(Arc::new(output));
        self
    }

    /// The same host with a document for `opa.runtime`.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Value) -> Self {
        self.runtime = Some(Arc::new(runtime));
        self
    }
}

impl Default for Host {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), output: None, runtime: None }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("output", &self.output.is_some()).finish_non_exhaustive()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> i64 {
        let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => nanos(since),
            Err(before) => nanos(before.duration()).saturating_neg(),
        }
    }
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub i64);

impl Clock for FixedClock {
    fn now_ns(&self) -> i64 {
        self.0
    }
}

/// The machine's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), String> {
        getrandom::fill(bytes).map_err(|error| error.to_string())
    }
}
