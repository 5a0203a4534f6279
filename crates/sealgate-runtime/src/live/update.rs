//! One look at a source: unchanged, a successor, or a reason to refuse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sealgate_bundle::fs::{LoadError as ReadError, SerialRecord, SerialRecordError};
use sealgate_bundle::{UnixSeconds, VerifiedBundle, VerifyError, VerifyOptions};
use thiserror::Error;

use super::{Current, Inner, LoadedStatus, Status, lock};
use crate::error::LoadError;
use crate::policy::Policy;
use crate::source::Stamp;

/// What a look at the source found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The bundle that decides already.
    Unchanged,
    /// A new one, which decides from now on.
    Swapped,
}

/// Why a source's bundle does not decide.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The source cannot be read.
    #[error("the source cannot be read: {0}")]
    Source(#[from] std::io::Error),
    /// The source cannot be read, or what it holds breaks a bound.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The bundle is refused.
    #[error("the bundle is refused: {0}")]
    Verify(#[from] VerifyError),
    /// The bundle's policy cannot be loaded.
    #[error("the bundle cannot be loaded: {0}")]
    Load(#[from] LoadError),
    /// The file that keeps the serial cannot be read or written. Nothing is accepted then: nobody knows what was before.
    #[error("the record of serials fails: {0}")]
    SerialFile(#[source] SerialRecordError),
    /// The same content was refused before, and it is not yet time to look at it again.
    #[error("{0}")]
    RefusedBefore(String),
}

impl From<SerialRecordError> for UpdateError {
    fn from(error: SerialRecordError) -> Self {
        match error {
            SerialRecordError::Rollback(refusal) => Self::Verify(refusal),
            other => Self::SerialFile(other),
        }
    }
}

/// What the last look left behind.
pub(super) struct State {
    minimum_serial: u64,
    /// The stamp of the content that was looked at last.
    stamp: Option<Stamp>,
    /// Why that content was refused, and when to look at it again.
    refused: Option<(String, Instant)>,
    /// How long to wait before the same content is looked at again after a refusal.
    patience: Duration,
    /// Policies that were replaced while decisions still used them.
    retired: Vec<Arc<Current>>,
}

const FIRST_PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn new(minimum_serial: u64) -> Self {
        Self { minimum_serial, stamp: None, refused: None, patience: FIRST_PATIENCE, retired: Vec::new() }
    }
}

impl Inner {
    /// Looks at the source, with the outcome in the status.
    pub(super) fn check(&self) -> Result<Update, UpdateError> {
        let mut state = lock(&self.updating);
        // Instances are taken apart here and not on a thread that decides.
        state.retired.retain(|policy| Arc::strong_count(policy) > 1);
        let result = self.look(&mut state);
        let now = UnixSeconds::system_now().0;
        let mut status = lock(&self.status);
        status.checks = status.checks.saturating_add(1);
        status.last_check = Some(now);
        match &result {
            Ok(update) => {
                self.confirm();
                status.failures_in_a_row = 0;
                status.last_error = None;
                status.last_success = Some(now);
                if *update == Update::Swapped {
                    status.swaps = status.swaps.saturating_add(1);
                    status.minimum_serial = state.minimum_serial;
                }
            }
            Err(error) => {
                status.failures = status.failures.saturating_add(1);
                status.failures_in_a_row = status.failures_in_a_row.saturating_add(1);
                status.last_error = Some(error.to_string());
            }
        }
        result
    }

    /// The status, with what depends on the moment.
    pub(super) fn status_now(&self) -> Status {
        let mut status = lock(&self.status).clone();
        status.stale = match &*self.current.load() {
            Some(current) => self.check_validity(current).is_err(),
            None => false,
        };
        status
    }

    fn look(&self, state: &mut State) -> Result<Update, UpdateError> {
        let stamp = self.source.stamp()?;
        let unchanged = matches!((&state.stamp, &stamp), (Some(before), Some(now)) if before.rules_out_change(now));
        if unchanged {
            match &state.refused {
                None if self.current.load().is_some() => return Ok(Update::Unchanged),
                Some((reason, again)) if Instant::now() < *again => {
                    return Err(UpdateError::RefusedBefore(reason.clone()));
                }
                _ => {}
            }
        } else {
            state.patience = FIRST_PATIENCE;
        }
        let result = self.replace(state);
        state.stamp = stamp;
        state.refused = match &result {
            Ok(_) => None,
            Err(error) => {
                let again = Instant::now() + state.patience;
                state.patience = state.patience.saturating_mul(2).min(LONGEST_PATIENCE);
                Some((error.to_string(), again))
            }
        };
        result
    }

    /// Reads, verifies, compiles and warms beside the policy that decides, then swaps.
    fn replace(&self, state: &mut State) -> Result<Update, UpdateError> {
        let unverified = self.source.read(&self.options.limits)?;
        let expected = self.expectations(state.minimum_serial);
        let bundle = if self.options.dangerous_unsigned {
            unverified.dangerous_without_signature(&expected)?
        } else {
            unverified.verify(&expected)?
        };
        if self.decides_already(&bundle) {
            return Ok(Update::Unchanged);
        }
        let mut record = self.options.serial_file.as_deref().map(SerialRecord::open).transpose()?;
        if let Some(record) = &record {
            record.check(&bundle)?;
        }
        let policy = Policy::load(&bundle, &self.options.runtime)?;
        policy.warm(self.options.warm)?;
        // Before the swap: a serial that is not kept could be rolled back to its predecessor.
        if let Some(record) = &mut record {
            record.accept(&bundle)?;
        }
        state.minimum_serial = state.minimum_serial.max(bundle.serial());
        lock(&self.status).loaded = Some(loaded(&bundle));
        self.confirm();
        let next = Arc::new(Current { policy, expires: bundle.expires() });
        state.retired.extend(self.current.swap(Some(next)));
        Ok(Update::Swapped)
    }

    fn expectations(&self, minimum_serial: u64) -> VerifyOptions {
        let mut options = VerifyOptions::new(self.options.trust.clone(), UnixSeconds::system_now());
        options.expected_name.clone_from(&self.options.expected_name);
        options.minimum_serial = Some(minimum_serial);
        options.opa = self.options.opa.clone();
        options.limits = self.options.limits.clone();
        options.module = self.options.module.clone();
        options
    }

    /// Whether the same content, said by the same manifest, decides now.
    fn decides_already(&self, bundle: &VerifiedBundle) -> bool {
        let current = self.current.load();
        let Some(current) = current.as_ref() else { return false };
        let identity = current.policy.identity();
        *identity.name == *bundle.name()
            && *identity.revision == *bundle.revision().to_string()
            && identity.serial == bundle.serial()
            && current.expires == bundle.expires()
    }
}

fn loaded(bundle: &VerifiedBundle) -> LoadedStatus {
    LoadedStatus {
        name: bundle.name().to_owned(),
        revision: bundle.revision().to_string(),
        serial: bundle.serial(),
        key_id: bundle.key_id().map(|id| id.to_string()),
        signed: bundle.is_signed(),
        since: UnixSeconds::system_now().0,
        expires: bundle.expires().map(|expires| expires.0),
    }
}
