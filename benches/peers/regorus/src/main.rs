//! `regorus interpreter|vm REGO CALLS`: the refund policy's Rego in regorus, JSON in and JSON out, as
//! `sealgate-bench-protocol` says.
//!
//! `interpreter` is its engine, prepared; `vm` is its virtual machine, the policy compiled before anything is timed.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};
use sealgate_bench_protocol::{Contestant, Failure, serve};

const RULE: &str = "data.sealgate.policy.decision";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let served = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["interpreter", rego, calls] => {
            engine(Path::new(rego)).and_then(|engine| serve(&mut Deciding::by(Interpreter(engine)), Path::new(calls)))
        }
        ["vm", rego, calls] => {
            Machine::new(Path::new(rego)).and_then(|machine| serve(&mut Deciding::by(machine), Path::new(calls)))
        }
        _ => Err("usage: regorus interpreter|vm REGO CALLS".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("regorus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn engine(rego: &Path) -> Result<Engine, Failure> {
    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), std::fs::read_to_string(rego)?).map_err(failed)?;
    Ok(engine)
}

/// A way to evaluate the decision on an input, both as JSON.
trait Evaluate {
    fn evaluate(&mut self, call: &str) -> Result<Value, Failure>;
}

/// Decides the call that it was given last.
struct Deciding<E> {
    way: E,
    call: String,
}

impl<E: Evaluate> Deciding<E> {
    fn by(way: E) -> Self {
        Self { way, call: String::new() }
    }

    fn document(&mut self) -> Result<String, Failure> {
        Ok(serde_json::to_string(&self.way.evaluate(&self.call)?)?)
    }
}

impl<E: Evaluate> Contestant for Deciding<E> {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.call = String::from_utf8(call.to_vec())?;
        Ok(())
    }

    fn decide(&mut self) {
        let _ = black_box(self.document());
    }

    fn allows(&mut self) -> bool {
        self.document().is_ok_and(|document| allowed(&document))
    }
}

struct Interpreter(Engine);

impl Evaluate for Interpreter {
    fn evaluate(&mut self, call: &str) -> Result<Value, Failure> {
        self.0.set_input_json(call).map_err(failed)?;
        self.0.eval_rule(RULE.to_owned()).map_err(failed)
    }
}

struct Machine(RegoVM);

impl Machine {
    fn new(rego: &Path) -> Result<Self, Failure> {
        let compiled = engine(rego)?.compile_with_entrypoint(&RULE.into()).map_err(failed)?;
        let program = Compiler::compile_from_policy(&compiled, &[RULE]).map_err(failed)?;
        let mut machine = RegoVM::new_with_policy(compiled);
        machine.load_program(Arc::clone(&program));
        machine.set_data(Value::new_object()).map_err(failed)?;
        Ok(Self(machine))
    }
}

impl Evaluate for Machine {
    fn evaluate(&mut self, call: &str) -> Result<Value, Failure> {
        self.0.set_input(Value::from_json_str(call).map_err(failed)?);
        self.0.execute().map_err(failed)
    }
}

fn allowed(document: &str) -> bool {
    // Its objects are sorted.
    document.starts_with(r#"{"allow":true,"#)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    error.to_string().into()
}
