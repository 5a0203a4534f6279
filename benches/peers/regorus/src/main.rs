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
            Interpreter::new(Path::new(rego)).and_then(|mut side| serve(&mut side, Path::new(calls)))
        }
        ["vm", rego, calls] => Machine::new(Path::new(rego)).and_then(|mut side| serve(&mut side, Path::new(calls))),
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

struct Interpreter {
    engine: Engine,
    call: String,
}

impl Interpreter {
    fn new(rego: &Path) -> Result<Self, Failure> {
        Ok(Self { engine: engine(rego)?, call: String::new() })
    }

    fn document(&mut self) -> Result<String, Failure> {
        self.engine.set_input_json(&self.call).map_err(failed)?;
        let value = self.engine.eval_rule(RULE.to_owned()).map_err(failed)?;
        Ok(serde_json::to_string(&value)?)
    }
}

impl Contestant for Interpreter {
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

struct Machine {
    machine: RegoVM,
    call: String,
}

impl Machine {
    fn new(rego: &Path) -> Result<Self, Failure> {
        let compiled = engine(rego)?.compile_with_entrypoint(&RULE.into()).map_err(failed)?;
        let program = Compiler::compile_from_policy(&compiled, &[RULE]).map_err(failed)?;
        let mut machine = RegoVM::new_with_policy(compiled);
        machine.load_program(Arc::clone(&program));
        machine.set_data(Value::new_object()).map_err(failed)?;
        Ok(Self { machine, call: String::new() })
    }

    fn document(&mut self) -> Result<String, Failure> {
        self.machine.set_input(Value::from_json_str(&self.call).map_err(failed)?);
        Ok(serde_json::to_string(&self.machine.execute().map_err(failed)?)?)
    }
}

impl Contestant for Machine {
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

fn allowed(document: &str) -> bool {
    // Its objects are sorted.
    document.starts_with(r#"{"allow":true,"#)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    error.to_string().into()
}
