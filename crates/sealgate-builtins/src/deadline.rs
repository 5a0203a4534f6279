//! When a decision must have ended. The sandbox is stopped there by its engine; a builtin that works outside it asks
//! [`Deadline::check`] as it goes.

use std::time::{Duration, Instant};

use crate::registry::BuiltinError;

/// The end of a decision's time; never, by default. Cheap to copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// What is left of `time`, at most what is left until the deadline.
    pub fn cap(self, time: Duration) -> Duration {
        self.0.map_or(time, |end| end.saturating_duration_since(Instant::now()).min(time))
    }

    /// # Errors
    /// [`BuiltinError::Timeout`] once it has passed.
    pub fn check(self) -> Result<(), BuiltinError> {
        match self.0 {
            Some(end) if Instant::now() >= end => Err(BuiltinError::Timeout),
            _ => Ok(()),
        }
    }

    /// [`Deadline::check`] at every 256th step, since asking the clock costs more than a step.
    ///
    /// # Errors
    /// As [`Deadline::check`].
    pub(crate) fn check_at(self, step: usize) -> Result<(), BuiltinError> {
        if step.is_multiple_of(256) { self.check() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_once() {
        assert_eq!(Deadline::default().check(), Ok(()));
        assert_eq!(Deadline::default().cap(Duration::MAX), Duration::MAX);
        let soon = Deadline::after(Duration::from_secs(60));
        assert_eq!(soon.check(), Ok(()));
        assert!(soon.cap(Duration::MAX) <= Duration::from_secs(60));
        let passed = Deadline::after(Duration::ZERO);
        assert_eq!((passed.check(), passed.check_at(1)), (Err(BuiltinError::Timeout), Ok(())));
        assert_eq!(passed.cap(Duration::MAX), Duration::ZERO);
    }
}
