//! The sandbox that policies share: wasmtime's configuration, and the thread that drives deadlines.
//!
//! Takes [`EngineOptions`], gives an [`Engine`]. No WASI, no threads inside the sandbox, nothing but numbers, bulk memory
//! and fixed-width vectors. It does not know what a policy is.
//!
//! Deadlines are epochs: compiled code compares a counter with the instance's deadline at every loop and call, and one
//! thread per engine moves the counter. That thread sleeps for good while nobody decides, so an idle host pays nothing.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, EngineWeak, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
};

use crate::error::EngineError;
use crate::options::EngineOptions;

/// A sandbox. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    wasmtime: wasmtime::Engine,
    options: EngineOptions,
    ticker: Arc<Ticker>,
    /// See [`Engine::quick`].
    quick: OnceLock<Engine>,
}

/// How modules are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compiler {
    /// For code that runs fast.
    Optimizing,
    /// For code that is there soon.
    Quick,
}

impl Engine {
    /// Sets up a sandbox.
    ///
    /// # Errors
    /// [`EngineError::Option`] for an option out of its range, [`EngineError::Sandbox`] if the address space for the
    /// instances cannot be reserved, [`EngineError::Thread`] if the deadline thread cannot be started.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        check(options)?;
        Self::with(options.clone(), Compiler::Optimizing)
    }

    fn with(options: EngineOptions, compiler: Compiler) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&config(&options, compiler))
            .map_err(|error| EngineError::Sandbox(format!("{error:#}")))?;
        let ticker = Ticker::start(&wasmtime, &options)?;
        Ok(Self { inner: Arc::new(Inner { wasmtime, options, ticker, quick: OnceLock::new() }) })
    }

    /// A sandbox like this one, with instances of its own, that compiles in half the time and caches nothing.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub(crate) fn quick(&self) -> Result<Self, EngineError> {
        if let Some(quick) = self.inner.quick.get() {
            return Ok(quick.clone());
        }
        let options = EngineOptions { code_cache: None, ..self.inner.options.clone() };
        let quick = Self::with(options, Compiler::Quick)?;
        Ok(self.inner.quick.get_or_init(|| quick).clone())
    }

    /// The process-wide engine with default options, made at the first call.
    ///
    /// # Errors
    /// As [`Engine::new`]; a failure is not remembered.
    pub fn shared() -> Result<Self, EngineError> {
        static SHARED: OnceLock<Engine> = OnceLock::new();
        if let Some(engine) = SHARED.get() {
            return Ok(engine.clone());
        }
        let engine = Self::new(&EngineOptions::default())?;
        Ok(SHARED.get_or_init(|| engine).clone())
    }

    /// The options that it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.inner.options
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    /// Ticks after which a deadline of `duration` has passed for sure: one more than it lasts, because the first tick
    /// may come at once.
    pub(crate) fn ticks(&self, duration: Duration) -> u64 {
        let duration = duration.min(self.inner.options.longest_deadline);
        let ticks = duration.as_nanos().div_ceil(self.inner.options.tick.as_nanos().max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX / 2).saturating_add(1)
    }

    /// Ticks of a deadline that decisions will use again and again; from here on the counter moves for at least that
    /// long after every [`Engine::touch`].
    pub(crate) fn register_deadline(&self, duration: Duration) -> u64 {
        let ticks = self.ticks(duration);
        self.inner.ticker.longest.fetch_max(ticks, Ordering::SeqCst);
        ticks
    }

    /// Says that a decision begins, so that the counter moves.
    #[inline]
    pub(crate) fn touch(&self) {
        self.inner.ticker.touch();
    }

    /// Keeps the counter moving until the guard is dropped, for the rare work whose deadline is not registered.
    pub(crate) fn hold(&self) -> Hold {
        self.inner.ticker.holds.fetch_add(1, Ordering::SeqCst);
        self.inner.ticker.touch();
        Hold(Arc::clone(&self.inner.ticker))
    }
}

/// Keeps an engine's counter moving; see [`Engine::hold`].
pub(crate) struct Hold(Arc<Ticker>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ticker.stop.store(true, Ordering::SeqCst);
        self.ticker.wake();
    }
}

fn check(options: &EngineOptions) -> Result<(), EngineError> {
    let refuse = |option, problem| Err(EngineError::Option { option, problem });
    if options.tick < Duration::from_micros(100) {
        return refuse("tick", "must be at least 100 µs");
    }
    if options.longest_deadline < options.tick {
        return refuse("longest_deadline", "must not be shorter than `tick`");
    }
    if options.max_memory < 64 << 10 {
        return refuse("max_memory", "must be at least 64 KiB");
    }
    if options.max_memory > 4 << 30 {
        return refuse("max_memory", "must be at most 4 GiB");
    }
    if options.max_stack < 64 << 10 {
        return refuse("max_stack", "must be at least 64 KiB");
    }
    if options.instances == 0 {
        return refuse("instances", "must be at least 1");
    }
    Ok(())
}

/// Largest table that a module may have, in elements. The Rego builtins of one module number a few hundred.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 20_000;

fn config(options: &EngineOptions, compiler: Compiler) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(options.instances)
        .total_memories(options.instances)
        .total_tables(options.instances)
        .max_memory_size(options.max_memory)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_core_instance_size(1 << 20)
        .linear_memory_keep_resident(options.keep_resident)
        .table_keep_resident(MAX_TABLE_ELEMENTS * 8)
        .max_unused_warm_slots(options.instances)
        // Clearing what little memory a policy has costs less than asking the system which pages were written.
        .pagemap_scan(Enabled::No);
    let (level, registers) = match compiler {
        Compiler::Optimizing => (OptLevel::Speed, RegallocAlgorithm::Backtracking),
        Compiler::Quick => (OptLevel::None, RegallocAlgorithm::SinglePass),
    };
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(options.max_stack)
        .cranelift_opt_level(level)
        .cranelift_regalloc_algorithm(registers)
        // Nobody is told where in a module a trap was: a cache has less to keep, and a load less to read.
        .generate_address_map(false)
        .native_unwind_info(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(None)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false);
    config
}

/// How many threads the machine runs at once, as far as this process may; 2 where nobody knows.
///
/// Asking takes longer than starting an instance, so the first engine's deadline thread asks while others work.
pub(crate) fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(2, std::num::NonZero::get))
}

/// Ticks on top of the longest deadline before the deadline thread goes to sleep.
const IDLE_MARGIN: u64 = 20;

/// The thread that moves the epoch, and what wakes it.
///
/// INVARIANT: the thread sleeps for good only when nobody holds it and after more ticks without a new decision than any
/// registered deadline has. So whatever still runs when it goes to sleep has been stopped by its deadline.
struct Ticker {
    /// A decision began since the last tick.
    active: AtomicBool,
    /// The thread sleeps until it is woken.
    parked: AtomicBool,
    stop: AtomicBool,
    /// The longest registered deadline, in ticks.
    longest: AtomicU64,
    /// Guards that keep it awake.
    holds: AtomicU32,
    thread: OnceLock<Thread>,
}

impl Ticker {
    fn start(engine: &wasmtime::Engine, options: &EngineOptions) -> Result<Arc<Self>, EngineError> {
        let ticker = Arc::new(Self {
            active: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            longest: AtomicU64::new(0),
            holds: AtomicU32::new(0),
            thread: OnceLock::new(),
        });
        let (weak, shared, tick) = (engine.weak(), Arc::clone(&ticker), options.tick);
        let handle = thread::Builder::new()
            .name("sealgate-deadline".to_owned())
            .stack_size(64 << 10)
            .spawn(move || shared.run(&weak, tick))?;
        // Set before anybody else can have the ticker, so no wake is lost.
        let _ = ticker.thread.set(handle.thread().clone());
        Ok(ticker)
    }

    #[inline]
    fn touch(&self) {
        // One load on the hot path; the store and what follows happen once per tick at most.
        if !self.active.load(Ordering::Relaxed) {
            self.active.store(true, Ordering::SeqCst);
            if self.parked.load(Ordering::SeqCst) {
                self.wake();
            }
        }
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(&self, engine: &EngineWeak, tick: Duration) {
        threads();
        let mut idle = 0_u64;
        while !self.stop.load(Ordering::SeqCst) {
            thread::sleep(tick);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
            drop(engine);
            idle = if self.active.swap(false, Ordering::SeqCst) { 0 } else { idle.saturating_add(1) };
            let idle_after = self.longest.load(Ordering::SeqCst).saturating_add(IDLE_MARGIN);
            if idle >= idle_after && self.holds.load(Ordering::SeqCst) == 0 {
                self.sleep_until_touched();
                idle = 0;
            }
        }
    }

    fn sleep_until_touched(&self) {
        self.parked.store(true, Ordering::SeqCst);
        while !self.active.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            thread::park();
        }
        self.parked.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
