//! A policy that is replaced while it decides: loaded from a source, swapped in one step, never by a worse one.
//!
//! Takes a [`Source`] and what is expected of its bundles, gives decisions. A new bundle is verified, compiled and warmed
//! beside the one that decides, then takes its place; each decision sees one policy from beginning to end. A bundle that is
//! refused leaves the old one in place and its reason in the [`Status`]. Without a lock on the way of a decision.

mod status;
mod update;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use sealgate_bundle::fs::SerialRecord;
use sealgate_bundle::opa::OpaTrust;
use sealgate_bundle::{Limits, ModuleLimits, TrustStore, UnixSeconds};

use crate::audit;
use crate::decision::{Decision, PolicyIdentity};
use crate::error::DecideError;
use crate::options::RuntimeOptions;
use crate::policy::{Policy, into_result};
use crate::request::Request;
use crate::source::Source;

pub use status::{LoadedStatus, Status};
pub use update::{Update, UpdateError};

/// What is expected of a source's bundles, and how they are run.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// The keys whose signatures count.
    pub trust: TrustStore,
    /// The bundle's name; without it any name passes.
    pub expected_name: Option<String>,
    /// The lowest serial that is accepted. It rises with every bundle that is.
    pub minimum_serial: u64,
    /// A file that keeps the highest accepted serial of each bundle name over restarts, and between processes
    /// ([`SerialRecord`]).
    pub serial_file: Option<PathBuf>,
    /// Takes bundles without looking at their signature, and every decision says that it is not verified. For development
    /// alone: who can write to the source decides what is allowed.
    pub dangerous_unsigned: bool,
    /// Keys for OPA's `.signatures.json`, which is checked where it names one of them.
    pub opa: OpaTrust,
    /// Bounds on bundles.
    pub limits: Limits,
    /// Bounds on modules.
    pub module: ModuleLimits,
    /// How policies are run.
    pub runtime: RuntimeOptions,
    /// How often a watcher looks at the source. Default 1 s.
    pub interval: Duration,
    /// How long a policy may decide after its source was last seen to hold it, or a successor. Without a bound it may for
    /// ever. With one, every decision reads the clock (some 25 ns).
    pub max_staleness: Option<Duration>,
    /// Instances that are started before a policy takes over. Default: one per thread of the machine.
    pub warm: usize,
}

impl LiveOptions {
    /// Default bounds, any name, serials from 0.
    pub fn new(trust: TrustStore) -> Self {
        Self {
            trust,
            expected_name: None,
            minimum_serial: 0,
            serial_file: None,
            dangerous_unsigned: false,
            opa: OpaTrust::new(),
            limits: Limits::default(),
            module: ModuleLimits::default(),
            runtime: RuntimeOptions::default(),
            interval: Duration::from_secs(1),
            max_staleness: None,
            warm: thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// A policy that follows its source. Cheap to clone; clones are the same policy.
#[derive(Clone)]
pub struct LivePolicy {
    inner: Arc<Inner>,
}

struct Inner {
    current: ArcSwapOption<Current>,
    source: Box<dyn Source>,
    options: LiveOptions,
    /// One update at a time; decisions never take it.
    updating: Mutex<update::State>,
    /// What the status tells; decisions never take it.
    status: Mutex<Status>,
    /// When the clock of staleness starts.
    epoch: Instant,
    /// Milliseconds after `epoch` at which the source was last seen to be as it should.
    confirmed: AtomicU64,
}

/// A policy that decides, with what of its bundle matters while it does.
struct Current {
    policy: Policy,
    expires: Option<UnixSeconds>,
}

impl LivePolicy {
    /// Loads the source's bundle.
    ///
    /// # Errors
    /// [`UpdateError`] if there is none that may decide.
    pub fn open(source: impl Source + 'static, options: LiveOptions) -> Result<Self, UpdateError> {
        let live = Self::start(source, options)?;
        live.check()?;
        Ok(live)
    }

    /// Starts without a policy: every decision is denied until [`LivePolicy::check`] or a watcher has found a bundle.
    ///
    /// # Errors
    /// [`UpdateError::SerialFile`] if the file that keeps the serials is there and cannot be read.
    pub fn start(source: impl Source + 'static, options: LiveOptions) -> Result<Self, UpdateError> {
        let record = options.serial_file.as_deref().map(SerialRecord::open).transpose()?;
        // Without a name the record's serial is looked up once a bundle is verified.
        let kept = record.zip(options.expected_name.as_deref()).map_or(0, |(record, name)| record.minimum(name));
        let minimum_serial = options.minimum_serial.max(kept);
        let status = Status { source: source.describe(), minimum_serial, ..Status::default() };
        Ok(Self {
            inner: Arc::new(Inner {
                current: ArcSwapOption::empty(),
                source: Box::new(source),
                options,
                updating: Mutex::new(update::State::new(minimum_serial)),
                status: Mutex::new(status),
                epoch: Instant::now(),
                confirmed: AtomicU64::new(0),
            }),
        })
    }

    /// Looks at the source now and swaps if it holds a new bundle.
    ///
    /// # Errors
    /// [`UpdateError`]; the policy that decided goes on deciding.
    pub fn check(&self) -> Result<Update, UpdateError> {
        self.inner.check()
    }

    /// Looks at the source at every [`LiveOptions::interval`], on a thread of its own, until the watcher is dropped.
    ///
    /// # Errors
    /// As the system, if the thread cannot be started.
    pub fn watch(&self) -> io::Result<Watcher> {
        Watcher::start(Arc::clone(&self.inner))
    }

    /// The policy that decides now, if one does. It stays as it is; ask again for its successor.
    pub fn policy(&self) -> Option<Policy> {
        self.inner.current.load().as_ref().map(|current| current.policy.clone())
    }

    /// Asks the policy that decides now with `ask`, as [`LivePolicy::decide`] does.
    ///
    /// # Errors
    /// [`DecideError::NoPolicy`] if there is none or it is expired or stale, and as `ask`.
    #[inline]
    pub fn with_policy<R>(&self, ask: impl FnOnce(&Policy) -> Result<R, DecideError>) -> Result<R, DecideError> {
        let current = self.inner.current.load();
        let Some(current) = current.as_ref() else {
            return Err(DecideError::NoPolicy("no bundle has been accepted yet".to_owned()));
        };
        self.inner.check_validity(current)?;
        ask(&current.policy)
    }

    /// Decides with the policy of this moment.
    ///
    /// # Errors
    /// As [`Policy::decide`]; [`DecideError::NoPolicy`] if there is none or it is expired or stale.
    pub fn decide(&self, request: &Request<'_>) -> Result<Decision, DecideError> {
        into_result(self.decide_or_deny(request))
    }

    /// As [`LivePolicy::decide`], for an input document that is JSON already.
    ///
    /// # Errors
    /// As [`LivePolicy::decide`].
    pub fn decide_json(&self, input: &[u8]) -> Result<Decision, DecideError> {
        into_result(self.decide_json_or_deny(input))
    }

    /// Decides with the policy of this moment; what fails is a denial that [says so](Decision::failure).
    pub fn decide_or_deny(&self, request: &Request<'_>) -> Decision {
        self.with_policy(|policy| Ok(policy.decide_or_deny(request)))
            .unwrap_or_else(|error| self.inner.refuse(error, &request.to_json().unwrap_or_default()))
    }

    /// As [`LivePolicy::decide_or_deny`], for an input document that is JSON already.
    pub fn decide_json_or_deny(&self, input: &[u8]) -> Decision {
        self.with_policy(|policy| Ok(policy.decide_json_or_deny(input)))
            .unwrap_or_else(|error| self.inner.refuse(error, input))
    }

    /// How it stands: what decides, since when, and what was refused and why.
    pub fn status(&self) -> Status {
        self.inner.status_now()
    }
}

impl std::fmt::Debug for LivePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LivePolicy").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Inner {
    #[inline]
    fn check_validity(&self, current: &Current) -> Result<(), DecideError> {
        if let Some(expires) = current.expires
            && UnixSeconds::system_now() >= expires
        {
            return Err(DecideError::NoPolicy("the bundle has expired".to_owned()));
        }
        if self.is_stale() {
            return Err(DecideError::NoPolicy("the bundle's source has not been confirmed for too long".to_owned()));
        }
        Ok(())
    }

    /// The denial of a request that no policy was asked, recorded like any other.
    #[cold]
    fn refuse(&self, error: DecideError, input: &[u8]) -> Decision {
        let identity = match &*self.current.load() {
            Some(current) => current.policy.identity().clone(),
            None => PolicyIdentity { name: "".into(), revision: "".into(), serial: 0, verified: false },
        };
        let decision = Decision::failed(error, Arc::new(identity));
        if let Some(sink) = &self.options.runtime.audit
            && let Err(problem) = audit::tell(&**sink, &decision, input)
        {
            let mut status = lock(&self.status);
            status.audit_failures = status.audit_failures.saturating_add(1);
            status.last_audit_error = Some(problem);
        }
        decision
    }

    fn is_stale(&self) -> bool {
        let Some(bound) = self.options.max_staleness else { return false };
        let confirmed = Duration::from_millis(self.confirmed.load(Ordering::Relaxed));
        self.epoch.elapsed().saturating_sub(confirmed) > bound
    }

    fn confirm(&self) {
        let millis = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.confirmed.store(millis, Ordering::Relaxed);
    }
}

/// Looks at a source until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start(inner: Arc<Inner>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("sealgate-watch".to_owned()).spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                thread::park_timeout(inner.options.interval);
                if !stopped.load(Ordering::SeqCst) {
                    // What is refused is in the status.
                    let _ = inner.check();
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// What a panic left behind is still whole: each change of these is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
