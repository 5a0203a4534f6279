//! The ways to ask: JSON to JSON, a typed request, calls over all rules, a module of OPA's, nothing at all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sealgate::{Outcome, Policy, RuntimeOptions, UnverifiedPolicy};
use sealgate_bench_protocol::{Contestant, Failure};
use sealgate_benches::{Args, Call, Draw, INPUT, Size, empty_function, load};
use serde_json::Value;

/// Beside other work, a decision takes as long as it takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn open(archive: &str, options: RuntimeOptions) -> Result<Policy, Failure> {
    let bytes = std::fs::read(archive).map_err(|error| format!("{archive}: {error}"))?;
    Ok(load(&bytes, &RuntimeOptions { deadline: DEADLINE, ..options }))
}

/// OPA's modules order members as they like.
fn allowed(document: &[u8]) -> bool {
    let rows: Result<Value, _> = serde_json::from_slice(document);
    rows.is_ok_and(|rows| rows.pointer("/0/result/allow") == Some(&Value::Bool(true)))
}

/// [`Policy::decide_raw`].
pub(crate) struct Json {
    policy: Policy,
    call: Vec<u8>,
    out: Vec<u8>,
}

impl Json {
    pub(crate) fn new(archive: &str, options: RuntimeOptions) -> Result<Self, Failure> {
        Ok(Self { policy: open(archive, options)?, call: Vec::new(), out: Vec::with_capacity(1024) })
    }

    /// A module that `opa` built, on the same sandbox.
    pub(crate) fn foreign(module: &str) -> Result<Self, Failure> {
        let wasm = std::fs::read(module).map_err(|error| format!("{module}: {error}"))?;
        let options = RuntimeOptions { deadline: DEADLINE, ..RuntimeOptions::default() };
        let policy = Policy::dangerous_load_unverified(UnverifiedPolicy::new(&wasm), &options)?;
        Ok(Self { policy, call: Vec::new(), out: Vec::with_capacity(1024) })
    }
}

impl Contestant for Json {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.call = call.to_vec();
        Ok(())
    }

    fn decide(&mut self) {
        self.policy.decide_raw(black_box(&self.call), &mut self.out).unwrap();
        black_box(&self.out);
    }

    fn allows(&mut self) -> bool {
        self.policy.decide_raw(&self.call, &mut self.out).is_ok() && allowed(&self.out)
    }
}

/// [`Policy::decide_raw`] for calls that are drawn evenly over the rules, each written just before a few of them are timed.
pub(crate) struct Uniform {
    json: Json,
    draw: Draw,
    drawn: Vec<Vec<u8>>,
}

/// So few that they stay in the fastest cache.
const DRAWN: usize = 64;

impl Uniform {
    pub(crate) fn new(archive: &str, size: Size) -> Result<Self, Failure> {
        let drawn = vec![INPUT.as_bytes().to_vec(); DRAWN];
        Ok(Self { json: Json::new(archive, RuntimeOptions::default())?, draw: Draw::new(size), drawn })
    }
}

impl Contestant for Uniform {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.json.take(call)
    }

    fn decide(&mut self) {
        self.json.decide();
    }

    fn allows(&mut self) -> bool {
        self.json.allows()
    }

    fn run(&mut self, count: u64) -> Duration {
        let mut took = Duration::ZERO;
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        while left > 0 {
            let some = left.min(DRAWN);
            self.drawn.iter_mut().take(some).for_each(|call| self.draw.write(call));
            let began = Instant::now();
            for call in self.drawn.iter().take(some) {
                self.json.policy.decide_raw(black_box(call), &mut self.json.out).unwrap();
            }
            took += began.elapsed();
            assert!(allowed(&self.json.out), "every drawn call is allowed");
            left -= some;
        }
        took
    }
}

/// [`Policy::decide`]: the request is put together anew for each decision, over parts that the host has.
pub(crate) struct Typed {
    policy: Policy,
    call: Call<Args>,
    /// A call whose arguments are not of those types; it is not timed.
    odd: Option<Call<Value>>,
}

impl Typed {
    pub(crate) fn new(archive: &str) -> Result<Self, Failure> {
        let policy = open(archive, RuntimeOptions::default())?;
        Ok(Self { policy, call: serde_json::from_str(INPUT)?, odd: None })
    }
}

impl Contestant for Typed {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.odd = None;
        match serde_json::from_slice(call) {
            Ok(call) => self.call = call,
            Err(_) => self.odd = Some(serde_json::from_slice(call)?),
        }
        Ok(())
    }

    fn decide(&mut self) {
        let decision = self.policy.decide(&black_box(&self.call).request());
        black_box(decision.unwrap());
    }

    fn allows(&mut self) -> bool {
        let decision = match &self.odd {
            Some(odd) => self.policy.decide(&odd.request()),
            None => self.policy.decide(&self.call.request()),
        };
        decision.is_ok_and(|decision| decision.outcome() == Outcome::Allow)
    }
}

/// An empty call into a sandbox. It allows what it is not asked.
pub(crate) struct Empty {
    store: wasmtime::Store<()>,
    same: wasmtime::TypedFunc<i32, i32>,
}

impl Empty {
    pub(crate) fn new() -> Self {
        let (store, same) = empty_function();
        Self { store, same }
    }
}

impl Contestant for Empty {
    fn take(&mut self, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn decide(&mut self) {
        black_box(self.same.call(&mut self.store, black_box(1)).unwrap());
    }

    fn allows(&mut self) -> bool {
        true
    }
}
