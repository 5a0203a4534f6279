//! A loaded policy: asks instances, gives decisions.
//!
//! Takes a [`VerifiedBundle`] and a host's options, compiles and warms, and then answers from any number of threads at
//! once. It never sees an unverified bundle except through the one call that says `dangerous`.

mod replay;
mod tiers;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sealgate_builtins::Value;
use sealgate_bundle::VerifiedBundle;

use crate::audit::{self, AuditSink};
use crate::decision::{Decision, DecisionId, Finding, PolicyIdentity};
use crate::error::{DecideError, LoadError};
use crate::instance::{Format, Instance, Template};
use crate::load::{self, Loaded, New, Parts};
use crate::options::{Isolation, OnAuditFailure, RuntimeOptions, Start};
use crate::request::Request;
use tiers::{Source, Tier, Tiers};

/// A policy that is ready to decide. Cheap to clone; clones share instances. `Send + Sync`, without a lock on the way of a
/// decision.
///
/// A calling thread needs [`EngineOptions::max_stack`](crate::EngineOptions::max_stack) of stack to spare.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    tiers: Tiers,
    entrypoints: Vec<(String, i32)>,
    decision: Option<EntrypointId>,
    isolation: Isolation,
    measure_elapsed: bool,
    audit: Option<Arc<dyn AuditSink>>,
    on_audit_failure: OnAuditFailure,
    counters: Counters,
    options: RuntimeOptions,
    /// What it is compiled from again, if it started quickly.
    source: Option<Arc<Source>>,
}

/// An entrypoint of one policy, found by name once; see [`Policy::entrypoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntrypointId(i32);

/// What happened to a policy's instances. Only what is rare is counted, so counting costs a decision nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PolicyStats {
    /// Instances made, the first included. With [`Isolation::Fresh`] those of decisions are not counted.
    pub instances_started: u64,
    /// Instances dropped because their memory had grown beyond the bound.
    pub dropped_grown: u64,
    /// Instances dropped after a trap, a timeout, an abort or a broken result.
    pub dropped_spoiled: u64,
    /// Decisions that ended at their deadline.
    pub timeouts: u64,
    /// Audit records that were not kept.
    pub audit_failures: u64,
}

#[derive(Default)]
struct Counters {
    instances_started: AtomicU64,
    dropped_grown: AtomicU64,
    dropped_spoiled: AtomicU64,
    timeouts: AtomicU64,
    audit_failures: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A module that nobody signed, for [`Policy::dangerous_load_unverified`].
#[derive(Debug, Clone, Copy)]
pub struct UnverifiedPolicy<'a> {
    /// The module.
    pub wasm: &'a [u8],
    /// The data document as JSON.
    pub data: Option<&'a [u8]>,
    /// What decisions give as the bundle's name.
    pub name: &'a str,
}

impl<'a> UnverifiedPolicy<'a> {
    /// A module without data, called `unverified`.
    pub fn new(wasm: &'a [u8]) -> Self {
        Self { wasm, data: None, name: "unverified" }
    }
}

impl Policy {
    /// Loads a verified bundle: checks the module, compiles it, grants its builtins and starts a first instance.
    ///
    /// # Errors
    /// [`LoadError`] names the step that refused.
    pub fn load(bundle: &VerifiedBundle, options: &RuntimeOptions) -> Result<Self, LoadError> {
        let parts = Parts {
            wasm: bundle.wasm(),
            digest: bundle.wasm_digest(),
            data: bundle.data(),
            identity: PolicyIdentity {
                name: bundle.name().into(),
                revision: bundle.revision().to_string().into(),
                serial: bundle.serial(),
                verified: bundle.is_signed(),
            },
            allowed_builtins: bundle.declared_builtins(),
        };
        Self::from_parts(&parts, options)
    }

    /// Loads a module that nobody signed: for tests, and for policies compiled in this process. Its decisions say that
    /// they are not verified.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn dangerous_load_unverified(
        policy: UnverifiedPolicy<'_>,
        options: &RuntimeOptions,
    ) -> Result<Self, LoadError> {
        let identity = PolicyIdentity { name: policy.name.into(), revision: "".into(), serial: 0, verified: false };
        let parts = Parts { wasm: policy.wasm, digest: None, data: policy.data, identity, allowed_builtins: None };
        Self::from_parts(&parts, options)
    }

    fn from_parts(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<Self, LoadError> {
        let data = Arc::from(load::document(parts.data));
        let (new, is_best) = match options.start {
            Start::Quick => Loaded::soon(parts, options)?,
            Start::Compiled => (Loaded::best(parts, options)?, true),
        };
        let source = if is_best { None } else { Some(Arc::new(Source::of(parts))) };
        Self::with_loaded(new, data, options, source)
    }

    /// A `source` is compiled again in the background.
    fn with_loaded(
        new: New,
        data: Arc<[u8]>,
        options: &RuntimeOptions,
        source: Option<Arc<Source>>,
    ) -> Result<Self, LoadError> {
        let entrypoints = new.loaded.entrypoints.clone();
        let decision = load::decision_entrypoint(&entrypoints, options.entrypoint.as_deref())?.map(EntrypointId);
        let policy = Self {
            inner: Arc::new(Inner {
                tiers: Tiers::new(Tier::start(new, data, options)?),
                entrypoints,
                decision,
                isolation: options.isolation,
                measure_elapsed: options.measure_elapsed,
                audit: options.audit.clone(),
                on_audit_failure: options.on_audit_failure,
                counters: Counters::default(),
                options: options.clone(),
                source,
            }),
        };
        count(&policy.inner.counters.instances_started);
        if let Some(source) = &policy.inner.source {
            policy.improve(Arc::clone(source));
        }
        Ok(policy)
    }

    /// The same policy over another data document. The module is not compiled again; instances are not shared.
    ///
    /// # Errors
    /// [`LoadError::Data`] if `data` is not JSON, [`LoadError::Start`] if no instance can be started with it.
    pub fn with_data(&self, data: &[u8]) -> Result<Self, LoadError> {
        load::check_json(data).map_err(LoadError::Data)?;
        let inner = &*self.inner;
        let source = inner.source.clone().filter(|_| !self.is_compiled());
        let new = New { loaded: inner.tier().load.clone(), probe: None };
        Self::with_loaded(new, Arc::from(load::document(Some(data))), &inner.options, source)
    }

    /// Starts instances until `count` are ready or the pool is full, so that the first decisions need not.
    ///
    /// # Errors
    /// [`LoadError::Start`] if one cannot be started.
    pub fn warm(&self, count: usize) -> Result<(), LoadError> {
        if self.inner.isolation == Isolation::Fresh {
            return Ok(());
        }
        let tier = self.inner.tier();
        let mut ready = Vec::new();
        while ready.len() < count.min(tier.pool.size()) {
            match tier.pool.take() {
                Some(instance) => ready.push(instance),
                None => ready.push(self.inner.start(tier).map_err(LoadError::Start)?),
            }
        }
        ready.into_iter().for_each(|instance| drop(tier.pool.put(instance)));
        Ok(())
    }

    /// Decides, or says what failed. A failure has been recorded as a denial where there is an audit sink.
    ///
    /// # Errors
    /// [`DecideError`]; each means that the call must not go ahead.
    pub fn decide(&self, request: &Request<'_>) -> Result<Decision, DecideError> {
        let inner = &*self.inner;
        if inner.audit.is_some() {
            return into_result(self.decide_recorded(request));
        }
        let started = inner.clock();
        match inner.decide_request(request) {
            Ok(given) => Ok(given.decision(started)),
            Err(error) => Err(inner.counted(*error)),
        }
    }

    /// Decides; what fails is a denial that [says so](Decision::failure).
    pub fn decide_or_deny(&self, request: &Request<'_>) -> Decision {
        let inner = &*self.inner;
        if inner.audit.is_some() {
            return self.decide_recorded(request);
        }
        let started = inner.clock();
        inner.unrecorded(inner.decide_request(request).map_err(|error| *error), started)
    }

    /// The same where there is an audit sink: the record needs the input as text anyhow.
    #[cold]
    fn decide_recorded(&self, request: &Request<'_>) -> Decision {
        match request.to_json() {
            Ok(input) => self.decide_json_or_deny(&input),
            Err(error) => self.inner.settle(Err(DecideError::InvalidInput(error.to_string())), b"", None),
        }
    }

    /// As [`Policy::decide`], for an input document that is JSON already.
    ///
    /// # Errors
    /// As [`Policy::decide`]; [`DecideError::InvalidInput`] for anything but exactly one JSON value.
    pub fn decide_json(&self, input: &[u8]) -> Result<Decision, DecideError> {
        into_result(self.decide_json_or_deny(input))
    }

    /// As [`Policy::decide_or_deny`], for an input document that is JSON already.
    pub fn decide_json_or_deny(&self, input: &[u8]) -> Decision {
        let inner = &*self.inner;
        let started = inner.clock();
        let given = inner.decision().and_then(|entrypoint| {
            inner.check_decision_input(input)?;
            inner
                .with_instance(|template, instance| {
                    let finding = instance.decide(template, entrypoint.0, input)?;
                    Ok(inner.give(instance, finding))
                })
                .map_err(|error| *error)
        });
        inner.settle(given, input, started)
    }

    /// Decides from JSON to JSON: `out` is cleared and gets the result set, `[{"result": DOCUMENT}]`, or `[]` where the
    /// decision is undefined. Nothing is allocated once `out` is large enough.
    ///
    /// The caller reads the document; [`Policy::decide_json`] reads it with every check.
    ///
    /// # Errors
    /// As [`Policy::decide_json`], except that the document is not looked at (unless there is an audit sink, which is told
    /// what it says); `out` is empty then.
    pub fn decide_raw(&self, input: &[u8], out: &mut Vec<u8>) -> Result<(), DecideError> {
        out.clear();
        let inner = &*self.inner;
        let entrypoint = inner.decision()?;
        if inner.audit.is_none() {
            inner.check_decision_input(input)?;
            let decide =
                |template: &Template, instance: &mut Instance| instance.decide_into(template, entrypoint.0, input, out);
            return inner.with_instance(decide).map_err(|error| *error);
        }
        let given = inner.check_decision_input(input).and_then(|()| {
            inner
                .with_instance(|template, instance| {
                    let at = instance.evaluate(template, entrypoint.0, input, Format::Json)?;
                    out.extend_from_slice(instance.text(template, at)?.as_bytes());
                    let finding = instance.finding(template, at)?;
                    Ok(inner.give(instance, finding))
                })
                .map_err(|error| *error)
        });
        match inner.settle(given, input, None).failure {
            None => Ok(()),
            Some(error) => {
                out.clear();
                Err(unshared(error))
            }
        }
    }

    /// The names of the policy's entrypoints, sorted.
    pub fn entrypoints(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.entrypoints.iter().map(|(name, _)| name.as_str())
    }

    /// The entrypoint of that name, such as `example/allow`.
    pub fn entrypoint(&self, name: &str) -> Option<EntrypointId> {
        let list = &self.inner.entrypoints;
        let found = list.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        list.get(found).map(|(_, id)| EntrypointId(*id))
    }

    /// The entrypoint that decides, if there is one.
    pub fn decision_entrypoint(&self) -> Option<EntrypointId> {
        self.inner.decision
    }

    /// Evaluates an entrypoint and gives its result set as text. An empty `input` is an undefined `input` document.
    /// Nothing is told to the audit sink: this is a query, not a decision.
    ///
    /// # Errors
    /// [`DecideError::UnknownEntrypoint`], and as [`Policy::decide_json`].
    pub fn evaluate(&self, entrypoint: &str, input: &[u8], format: Format) -> Result<String, DecideError> {
        let id = self.entrypoint(entrypoint).ok_or_else(|| DecideError::UnknownEntrypoint(entrypoint.to_owned()))?;
        let mut out = Vec::new();
        self.evaluate_into(id, input, format, &mut out)?;
        // The text was checked before it was copied.
        String::from_utf8(out).map_err(|_| DecideError::BrokenAbi("it returned a text that is not UTF-8"))
    }

    /// As [`Policy::evaluate`], with an input that may hold what JSON does not have: sets, and keys that are no strings.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    pub fn evaluate_value(&self, entrypoint: &str, input: &Value, format: Format) -> Result<String, DecideError> {
        let id = self.entrypoint(entrypoint).ok_or_else(|| DecideError::UnknownEntrypoint(entrypoint.to_owned()))?;
        let (inner, input) = (&*self.inner, input.to_text());
        inner
            .with_instance(|template, instance| {
                let at = instance.evaluate_value(template, id.0, &input, format)?;
                Ok(instance.text(template, at).map(str::to_owned)?)
            })
            .map_err(|error| *error)
    }

    /// As [`Policy::evaluate`], into a buffer of the caller's, which is cleared first.
    ///
    /// # Errors
    /// As [`Policy::decide_json`].
    pub fn evaluate_into(
        &self,
        entrypoint: EntrypointId,
        input: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), DecideError> {
        out.clear();
        self.inner.check_input(input, format)?;
        self.inner.evaluate(entrypoint, input, format, out)
    }

    /// The builtins that the host serves to this policy, sorted.
    pub fn host_builtins(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.inner.tier().template.builtins.values().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names
    }

    /// Bytes of memory that an instance has when it is new, its data loaded. Every instance has its own.
    pub fn memory_per_instance(&self) -> usize {
        self.inner.tier().memory_per_instance
    }

    /// How many instances are kept ready at most.
    pub fn pool_size(&self) -> usize {
        self.inner.tier().pool.size()
    }

    /// Which policy this is.
    pub fn identity(&self) -> &PolicyIdentity {
        &self.inner.tier().template.identity
    }

    /// Whether the code that decides is the best there is: not, for a while, after a [`Start::Quick`].
    pub fn is_compiled(&self) -> bool {
        self.inner.source.is_none() || self.inner.tiers.is_improved()
    }

    /// What happened to its instances so far.
    pub fn stats(&self) -> PolicyStats {
        let counters = &self.inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PolicyStats {
            instances_started: read(&counters.instances_started),
            dropped_grown: read(&counters.dropped_grown),
            dropped_spoiled: read(&counters.dropped_spoiled),
            timeouts: read(&counters.timeouts),
            audit_failures: read(&counters.audit_failures),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("identity", self.identity()).finish_non_exhaustive()
    }
}

/// What an instance gave, with what of the decision must not be shared between threads.
struct Given {
    finding: Arc<Finding>,
    id: DecisionId,
}

impl Given {
    #[inline]
    fn decision(self, started: Option<Instant>) -> Decision {
        let elapsed = started.map(|started| started.elapsed());
        Decision { finding: self.finding, id: self.id, elapsed, failure: None }
    }
}

impl Inner {
    fn decision(&self) -> Result<EntrypointId, DecideError> {
        match self.decision {
            Some(entrypoint) => Ok(entrypoint),
            None => Err(DecideError::NoDecisionEntrypoint),
        }
    }

    /// Whether the input is JSON or empty, where the module would take anything else for no input at all.
    #[inline]
    fn check_input(&self, input: &[u8], format: Format) -> Result<(), DecideError> {
        let template = &self.tier().template;
        if input.len() > template.max_input {
            return Err(DecideError::InputTooLarge { limit: template.max_input });
        }
        if input.is_empty() || (format == Format::Json && template.exports.checks_input()) {
            return Ok(());
        }
        load::check_json(input).map_err(DecideError::InvalidInput)
    }

    /// As [`Inner::check_input`], but a decision has an input.
    #[inline]
    fn check_decision_input(&self, input: &[u8]) -> Result<(), DecideError> {
        if input.is_empty() {
            return Err(DecideError::InvalidInput("it is empty".to_owned()));
        }
        self.check_input(input, Format::Json)
    }

    #[inline]
    fn evaluate(
        &self,
        entrypoint: EntrypointId,
        input: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), DecideError> {
        self.with_instance(|template, instance| {
            let at = instance.evaluate(template, entrypoint.0, input, format)?;
            out.extend_from_slice(instance.text(template, at)?.as_bytes());
            Ok(())
        })
        .map_err(|error| *error)
    }

    /// The time, where a decision's is measured.
    #[inline]
    fn clock(&self) -> Option<Instant> {
        self.measure_elapsed.then(Instant::now)
    }

    /// Decides on a request.
    #[inline(always)]
    fn decide_request(&self, request: &Request<'_>) -> Result<Given, Box<DecideError>> {
        let Some(entrypoint) = self.decision else { return Err(Box::new(DecideError::NoDecisionEntrypoint)) };
        if self.isolation == Isolation::Fresh {
            return self.decide_afresh(entrypoint, request);
        }
        let tier = self.tier();
        let home = tier.pool.home();
        let mut instance = self.take(tier, home)?;
        match instance.decide_request(&tier.template, entrypoint.0, request) {
            Ok(finding) => {
                let given = self.give(&mut instance, finding);
                self.give_back(tier, home, instance);
                Ok(given)
            }
            Err(error) => Err(self.after_error(tier, home, instance, error)),
        }
    }

    #[cold]
    fn decide_afresh(&self, entrypoint: EntrypointId, request: &Request<'_>) -> Result<Given, Box<DecideError>> {
        let template = &self.tier().template;
        let mut instance = Instance::start_within(template, template.decide_ticks)?;
        let finding = instance.decide_request(template, entrypoint.0, request)?;
        Ok(self.give(&mut instance, finding))
    }

    #[inline]
    fn give(&self, instance: &mut Instance, finding: Arc<Finding>) -> Given {
        Given { finding, id: instance.ids.draw() }
    }

    /// The code that decides now, and its instances.
    #[inline]
    fn tier(&self) -> &Tier {
        self.tiers.current()
    }

    /// Lends an instance to `ask` and sees to what becomes of it.
    #[inline]
    fn with_instance<R>(
        &self,
        ask: impl FnOnce(&Template, &mut Instance) -> Result<R, Box<DecideError>>,
    ) -> Result<R, Box<DecideError>> {
        let tier = self.tier();
        let template = &tier.template;
        if self.isolation == Isolation::Fresh {
            return ask(template, &mut Instance::start_within(template, template.decide_ticks)?);
        }
        let home = tier.pool.home();
        let mut instance = self.take(tier, home)?;
        match ask(template, &mut instance) {
            Ok(result) => {
                self.give_back(tier, home, instance);
                Ok(result)
            }
            Err(error) => Err(self.after_error(tier, home, instance, error)),
        }
    }

    #[inline]
    fn take(&self, tier: &Tier, home: usize) -> Result<Box<Instance>, DecideError> {
        match tier.pool.take_near(home) {
            Some(instance) => Ok(instance),
            None => self.start(tier),
        }
    }

    #[inline(always)]
    fn give_back(&self, tier: &Tier, home: usize, mut instance: Box<Instance>) {
        if instance.fit_for_reuse(&tier.template) {
            // One that finds no place was made for a burst that is over.
            drop(tier.pool.put_near(home, instance));
        } else {
            self.replace(tier, instance, &self.counters.dropped_grown);
        }
    }

    #[cold]
    fn after_error(
        &self,
        tier: &Tier,
        home: usize,
        instance: Box<Instance>,
        error: Box<DecideError>,
    ) -> Box<DecideError> {
        if error.spoils_instance() {
            self.replace(tier, instance, &self.counters.dropped_spoiled);
        } else {
            self.give_back(tier, home, instance);
        }
        error
    }

    fn start(&self, tier: &Tier) -> Result<Box<Instance>, DecideError> {
        count(&self.counters.instances_started);
        Instance::start(&tier.template).map(Box::new)
    }

    /// Drops an instance and puts a new one in its place. If that fails, the next decision tries again and says why.
    #[cold]
    fn replace(&self, tier: &Tier, instance: Box<Instance>, reason: &AtomicU64) {
        drop(instance);
        count(reason);
        if let Ok(instance) = self.start(tier) {
            drop(tier.pool.put(instance));
        }
    }

    /// Makes the decision of what was given, and records it.
    #[inline]
    fn settle(&self, given: Result<Given, DecideError>, input: &[u8], started: Option<Instant>) -> Decision {
        let decision = self.unrecorded(given, started);
        match &self.audit {
            None => decision,
            Some(sink) => self.record(&**sink, decision, input),
        }
    }

    /// Makes the decision of what was given.
    #[inline]
    fn unrecorded(&self, given: Result<Given, DecideError>, started: Option<Instant>) -> Decision {
        match given {
            Ok(given) => given.decision(started),
            Err(error) => {
                let failed = self.failed(error);
                Decision { elapsed: started.map(|started| started.elapsed()), ..failed }
            }
        }
    }

    #[cold]
    fn failed(&self, error: DecideError) -> Decision {
        Decision::failed(self.counted(error), Arc::clone(&self.tier().template.identity))
    }

    #[cold]
    fn counted(&self, error: DecideError) -> DecideError {
        if error == DecideError::Timeout {
            count(&self.counters.timeouts);
        }
        error
    }

    fn record(&self, sink: &dyn AuditSink, decision: Decision, input: &[u8]) -> Decision {
        match audit::tell(sink, &decision, input) {
            Ok(()) => decision,
            Err(problem) => {
                count(&self.counters.audit_failures);
                match self.on_audit_failure {
                    OnAuditFailure::Count => decision,
                    OnAuditFailure::Deny => self.failed(DecideError::AuditFailed(problem)),
                }
            }
        }
    }
}

pub(crate) fn into_result(decision: Decision) -> Result<Decision, DecideError> {
    match decision.failure {
        None => Ok(decision),
        Some(error) => Err(unshared(error)),
    }
}

fn unshared(error: Arc<DecideError>) -> DecideError {
    Arc::try_unwrap(error).unwrap_or_else(|shared| (*shared).clone())
}
