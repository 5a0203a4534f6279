//! `test_*` rules: found, compiled together, and run, as `opa test` does.
//!
//! | module | what it does |
//! |---|---|
//! | `discover` | which rules are tests, and what they are called |
//! | `cases` | the calls by which a test with cases says which it has begun |
//! | `record` | what a running test tells its host: its prints and its cases |
//! | `results` | what came of a test, in the shape of OPA's JSON |
//!
//! Tests are compiled many to a module. Where a module cannot be made, its tests are tried apart, so that one rule that
//! does not compile is the error of its own test only. Every test is evaluated on its own, with a deadline.

mod cases;
mod discover;
mod record;
mod results;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sealgate_diagnostics::{Color, Diagnostics, Sources};
use sealgate_rego::builtins::Builtin;
use sealgate_runtime::builtins::{BuiltinError, Capability, Context, Grants, Host, Registry, Value};
use sealgate_runtime::{Engine, EngineError, EngineOptions, Format, Policy, RuntimeOptions, UnverifiedPolicy};

pub use discover::Test;
pub use results::{SubResult, TestError, TestResult};

use super::files::RegoFiles;
use super::program::{Program, RegoOptions, parse};

/// Tests that are compiled to one module, at most.
const CHUNK: usize = 300;
/// Stack of the threads that compile and run.
const STACK: usize = 64 << 20;
/// Bytes of memory that one test may use.
const MAX_MEMORY: usize = 1 << 30;

/// How to test.
#[derive(Clone, Debug)]
pub struct TestOptions {
    /// How the modules are read.
    pub rego: RegoOptions,
    /// Only tests whose full name (`data.a.test_b`) this finds something in are run.
    pub run: Option<regex::Regex>,
    /// How long one test may take.
    pub timeout: Duration,
    /// What builtins may reach.
    pub grants: Grants,
    /// What builtins reach outside their arguments.
    pub host: Host,
}

/// Why no test was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The modules are refused.
    #[error("the modules are refused with {} errors", .0.errors())]
    Refused(Diagnostics),
    /// No sandbox.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No thread.
    #[error("no thread to run tests on: {0}")]
    Thread(#[from] std::io::Error),
}

/// What came of all tests.
#[derive(Debug)]
pub struct TestRun {
    /// One result a test, by file and line.
    pub results: Vec<TestResult>,
    /// Modules that were read as v0 although nobody said so.
    pub read_as_v0: Vec<String>,
}

/// Runs the tests in `files`.
///
/// # Errors
/// [`RunError`]; what goes wrong with a single test is its result.
pub fn run(files: &RegoFiles, sources: &mut Sources, options: &TestOptions) -> Result<TestRun, RunError> {
    let (mut modules, read_as_v0) = parse(files, sources, options.rego.dialect).map_err(RunError::Refused)?;
    let tests = discover::tests(&mut modules, sources);
    let rego = RegoOptions { print: true, ..options.rego.clone() };
    let mut program = Program::of_modules(&modules, files, &rego, read_as_v0).map_err(RunError::Refused)?;
    cases::announce(&mut program.resolved, &tests);
    let wanted: Vec<&Test> = tests
        .iter()
        .filter(|test| options.run.as_ref().is_none_or(|regex| regex.is_match(&test.full_name())))
        .collect();
    let engine = Engine::new(&EngineOptions {
        instances: 64,
        max_memory: MAX_MEMORY,
        longest_deadline: options.timeout.max(Duration::from_secs(60)),
        ..EngineOptions::default()
    })?;
    let runner = Runner {
        program: &program,
        sources,
        data: serde_json::Value::Object(files.data.clone()).to_string().into_bytes(),
        engine,
        options,
        results: Mutex::default(),
    };
    let (skipped, active): (Vec<&Test>, Vec<&Test>) = wanted.into_iter().partition(|test| test.skip);
    for test in skipped {
        runner.settle(TestResult { skip: true, ..TestResult::of(test) });
    }
    // The compiler recurses as deep as rules nest, so it gets a stack of its own.
    thread::scope(|scope| {
        let work = || active.chunks(CHUNK).for_each(|chunk| runner.run_together(chunk));
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map(|_| ())
    })?;
    let mut results = runner.results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by(|a, b| (&a.file, a.row, &a.name).cmp(&(&b.file, b.row, &b.name)));
    Ok(TestRun { results, read_as_v0: program.read_as_v0 })
}

struct Runner<'a> {
    program: &'a Program,
    sources: &'a Sources,
    data: Vec<u8>,
    engine: Engine,
    options: &'a TestOptions,
    results: Mutex<Vec<TestResult>>,
}

impl Runner<'_> {
    fn settle(&self, result: TestResult) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
    }

    /// Compiles tests to one module and runs them; where that fails, each half on its own.
    fn run_together(&self, tests: &[&Test]) {
        match self.load(tests) {
            Ok(policy) => self.run_loaded(&policy, tests),
            Err(error) => match tests {
                [] => {}
                [test] => self.settle(TestResult { error: Some(error), ..TestResult::of(test) }),
                several => {
                    let (left, right) = several.split_at(several.len() / 2);
                    self.run_together(left);
                    self.run_together(right);
                }
            },
        }
    }

    fn load(&self, tests: &[&Test]) -> Result<Policy, TestError> {
        let refused = |message: String| TestError { code: "sealgate_compile_error".to_owned(), message };
        let paths: Vec<_> = tests.iter().map(|test| test.path.clone()).collect();
        let compiled = self.program.compile(self.sources, &paths).map_err(|error| match error {
            super::super::compile::CompileError::Refused(found) => refused(found.render(self.sources, Color::Never)),
            other => refused(other.to_string()),
        })?;
        let options = RuntimeOptions {
            engine: Some(self.engine.clone()),
            deadline: self.options.timeout,
            max_module: 1 << 30,
            load_deadline: Duration::from_secs(60),
            builtins: Arc::new(registry(&compiled.builtins, &self.options.grants)),
            grants: self.options.grants.clone(),
            host: self.options.host.clone(),
            ..RuntimeOptions::default()
        };
        let policy = UnverifiedPolicy { wasm: &compiled.wasm, data: Some(&self.data), name: "tests" };
        Policy::dangerous_load_unverified(policy, &options).map_err(|error| refused(error.to_string()))
    }

    fn run_loaded(&self, policy: &Policy, tests: &[&Test]) {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.settle(run_one(policy, test));
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(tests.len());
        thread::scope(|scope| {
            for _ in 1..threads {
                // Without a further thread this one does all the work.
                let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            }
            work();
        });
    }
}

fn run_one(policy: &Policy, test: &Test) -> TestResult {
    record::begin();
    let started = Instant::now();
    let evaluated = policy.evaluate(&test.entrypoint(), b"", Format::Json);
    let duration = started.elapsed();
    let record::Recorded { output, cases } = record::end();
    let result = TestResult { duration, output, ..TestResult::of(test) };
    match evaluated {
        Ok(text) => result.with_answer(test, &text, &cases),
        Err(error) => TestResult { error: Some(TestError::of(&error)), ..result },
    }
}

/// The builtins that tests are run with: the host's, those that record, and, in place of what the host does not have or
/// does not grant, ones that say so when they are called.
fn registry(needed: &[String], grants: &Grants) -> Registry {
    let mut registry = Registry::clone(&super::super::builtins::registry());
    for name in needed {
        if registry.get(name).is_some_and(|entry| grants.check(name, entry.capability).is_ok()) {
            continue;
        }
        let arity = Builtin::find(name).map_or(0, Builtin::arity);
        let missing = format!("`{name}` is not granted to tests; replace it by `with`");
        let call = move |_: &mut Context, _: &[Value]| Err(BuiltinError::Halt(missing.clone()));
        registry.insert(name, arity, Capability::Pure, call);
    }
    registry.insert("internal.print", 1, Capability::Pure, record::print);
    registry.insert("internal.test_case", 1, Capability::Pure, record::case);
    registry
}

#[cfg(test)]
mod tests;
