//! What of a policy depends on how it was compiled: the code and the instances that run it.
//!
//! A policy that starts quickly decides with code that was compiled in half the time, until a thread has compiled it as it
//! should be. Then decisions take the better code, and the instances of the other are dropped.

use std::sync::{Arc, OnceLock};
use std::thread;

use sealgate_bundle::Sha256Digest;

use super::{Inner, Policy, count};
use crate::decision::PolicyIdentity;
use crate::engine::threads;
use crate::error::{DecideError, LoadError};
use crate::instance::{Instance, Template};
use crate::load::{Loaded, New, Parts};
use crate::options::RuntimeOptions;
use crate::pool::Pool;

/// Code and its instances.
pub(super) struct Tier {
    pub(super) template: Template,
    pub(super) pool: Pool<Instance>,
    pub(super) memory_per_instance: usize,
    pub(super) load: Loaded,
}

impl Tier {
    /// Starts a first instance over `data`, unless the one that was asked for the lists will do.
    ///
    /// # Errors
    /// [`LoadError::Data`] if the module cannot read the data, [`LoadError::Start`] if no instance can be started.
    pub(super) fn start(new: New, data: Arc<[u8]>, options: &RuntimeOptions) -> Result<Self, LoadError> {
        let New { loaded: load, probe } = new;
        let template = load.template(data, options)?;
        let size = options.pool_size.unwrap_or_else(|| threads().saturating_mul(2));
        let first = match probe.filter(|_| !template.has_data()) {
            Some(probe) => probe.of(&template),
            None => Instance::start(&template).map(Box::new).map_err(|error| match error {
                DecideError::InvalidInput(problem) => LoadError::Data(problem),
                error => LoadError::Start(error),
            })?,
        };
        let memory_per_instance = first.memory();
        let fit = options.max_pool_memory / memory_per_instance.max(1);
        let pool = Pool::new(size.min(fit));
        drop(pool.put(first));
        Ok(Self { template, pool, memory_per_instance, load })
    }
}

/// The code that decides now.
pub(super) struct Tiers {
    first: Tier,
    better: OnceLock<Tier>,
}

impl Tiers {
    pub(super) fn new(first: Tier) -> Self {
        Self { first, better: OnceLock::new() }
    }

    #[inline]
    pub(super) fn current(&self) -> &Tier {
        self.better.get().unwrap_or(&self.first)
    }

    pub(super) fn is_improved(&self) -> bool {
        self.better.get().is_some()
    }

    fn improve(&self, better: Tier) {
        if self.better.set(better).is_ok() {
            while let Some(instance) = self.first.pool.take() {
                drop(instance);
            }
        }
    }
}

/// What a policy is compiled from again.
pub(super) struct Source {
    wasm: Vec<u8>,
    digest: Option<Sha256Digest>,
    has_data: bool,
    identity: PolicyIdentity,
    allowed_builtins: Option<Vec<String>>,
}

impl Source {
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        Self {
            wasm: parts.wasm.to_vec(),
            digest: parts.digest,
            has_data: parts.data.is_some(),
            identity: parts.identity.clone(),
            allowed_builtins: parts.allowed_builtins.map(<[String]>::to_vec),
        }
    }

    fn start(&self, data: Arc<[u8]>, options: &RuntimeOptions) -> Result<Tier, LoadError> {
        let parts = Parts {
            wasm: &self.wasm,
            digest: self.digest,
            data: self.has_data.then_some(&*data),
            identity: self.identity.clone(),
            allowed_builtins: self.allowed_builtins.as_deref(),
        };
        Tier::start(Loaded::best(&parts, options)?, data, options)
    }
}

impl Policy {
    /// Compiles what was compiled quickly again. Where that fails, which it does not after it has worked once, or there is no
    /// thread for it, the quick code goes on deciding: it decides the same.
    pub(super) fn improve(&self, source: Arc<Source>) {
        let inner = Arc::downgrade(&self.inner);
        let work = move || {
            let Some((data, options)) = inner.upgrade().map(|inner| inner.for_a_new_tier()) else { return };
            let better = source.start(data, &options);
            if let (Ok(better), Some(inner)) = (better, inner.upgrade()) {
                count(&inner.counters.instances_started);
                inner.tiers.improve(better);
            }
        };
        drop(thread::Builder::new().name("sealgate-compile".to_owned()).spawn(work));
    }
}

impl Inner {
    fn for_a_new_tier(&self) -> (Arc<[u8]>, RuntimeOptions) {
        (Arc::clone(&self.tiers.first.template.data), self.options.clone())
    }
}
